"""Absorption at a level: much one-sided volume into a few rows that do not give way."""

from __future__ import annotations

from typing import TYPE_CHECKING

from orderflow_bt.kernels._jit import kernel
from orderflow_bt.kernels.emit import DONE, EMITTED, FIRST_FREE, NEXT, OUT_FULL, SMALL, emit
from orderflow_bt.kernels.rolling import QUANTILE, push

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

CANDIDATE, CONFIRMED, BROKEN, EXPIRED = range(4)

# State
(
    HEAD, TAIL, TOP, BOTTOM, MINUTE, BEST, MINUTE_HIGH, MINUTE_LOW, CLOSE_BEFORE, LAST, RANGES,
    RANGE_SUM,
) = range(FIRST_FREE, FIRST_FREE + 12)  # fmt: skip
LIVE = FIRST_FREE + 12  # of the buyers' candidate; the sellers' follows
WAITING, AT_ROW, SINCE, BACK, BAND, NEEDED, FURTHEST = range(7)
LIVE_FIELDS = 7
STATE_SLOTS = LIVE + 2 * LIVE_FIELDS

# Settings
(
    ROW_SIZE, WINDOW_US, BAND_ROWS, BEYOND, PATIENCE_US, FIXED_MINIMUM, SHARE, BACK_ROWS,
    RANGE_ABOVE, RANGE_LEAST, SKIP, TICK,
) = range(12)  # fmt: skip
SETTING_SLOTS = 12
MINUTE_US = 60_000_000
LAZY = 256  # trades after which the window is tidied up at the latest


@kernel
def close_minutes(
    now: int,
    state: NDArray[np.int64],
    settings: NDArray[np.int64],
    ranges: NDArray[np.int64],
    ring: NDArray[np.int64],
    kept: NDArray[np.int64],
    marks: NDArray[np.int64],
) -> None:
    """Take in the minute that ended and those that passed without a trade."""
    length = ranges.shape[0]
    before = state[CLOSE_BEFORE]
    true_range = max(state[MINUTE_HIGH], before) - min(state[MINUTE_LOW], before)
    state[CLOSE_BEFORE] = state[LAST]
    best = state[BEST]
    for _ in range(min(now - state[MINUTE], ring.shape[0] + length)):
        slot = state[RANGES] % length
        state[RANGE_SUM] += true_range - ranges[slot]
        ranges[slot] = true_range
        state[RANGES] += 1
        push(ring, kept, marks, settings[SKIP], best)
        true_range, best = 0, 0  # of a minute without trades


@kernel
def settle(
    i: int,
    now: int,
    p: int,
    r: int,
    way: int,
    live: int,
    settings: NDArray[np.int64],
    state: NDArray[np.int64],
    out: NDArray[np.int64],
) -> None:
    """Say what a trade in row ``r`` makes of the candidate at ``state[live]``, if anything."""
    row_size, band_rows = settings[ROW_SIZE], settings[BAND_ROWS]
    moved = way * (r - state[live + AT_ROW])
    stage = CANDIDATE
    if now - state[live + SINCE] > settings[PATIENCE_US]:
        stage = EXPIRED
    elif moved > settings[BEYOND]:
        stage = BROKEN
    elif -moved >= state[live + BACK]:
        stage = CONFIRMED
    if way * (p - state[live + FURTHEST]) > 0:
        state[live + FURTHEST] = p
    if stage != CANDIDATE:
        state[live + WAITING] = 0
        low = state[live + AT_ROW] - (band_rows - 1 if way > 0 else 0)
        emit(
            out, state, i, -1, stage, -way, p, low * row_size, (low + band_rows) * row_size,
            state[live + BAND], state[live + NEEDED], state[live + SINCE] - settings[WINDOW_US],
            state[live + SINCE], state[live + AT_ROW] * row_size, state[live + FURTHEST],
            state[live + BACK], 0,
        )  # fmt: skip


@kernel
def propose(
    i: int,
    now: int,
    p: int,
    r: int,
    s: int,
    live: int,
    band: int,
    least: int,
    furthest: int,
    length: int,
    settings: NDArray[np.int64],
    state: NDArray[np.int64],
    out: NDArray[np.int64],
) -> None:
    """Make a candidate of the band that ends at row ``r``."""
    row_size, band_rows = settings[ROW_SIZE], settings[BAND_ROWS]
    back = settings[BACK_ROWS]
    if state[RANGES] >= length:
        whole = length * settings[RANGE_LEAST] * row_size
        back = max(back, -((-state[RANGE_SUM] * settings[RANGE_ABOVE]) // whole))
    state[live + WAITING] = 1
    state[live + AT_ROW] = r
    state[live + SINCE] = now
    state[live + BACK] = back
    state[live + BAND] = band
    state[live + NEEDED] = least
    edge = (furthest + 1) * row_size - settings[TICK] if s > 0 else furthest * row_size
    state[live + FURTHEST] = edge
    low = r - (band_rows - 1 if s > 0 else 0)
    emit(
        out, state, i, -1, CANDIDATE, -s, p, low * row_size, (low + band_rows) * row_size, band,
        least, now - settings[WINDOW_US], now, r * row_size, edge, back, 0,
    )  # fmt: skip


@kernel
def expire(
    limit: int, tail: int, head: int, trades: NDArray[np.int64], rows: NDArray[np.int64]
) -> int:
    """Take trades up to time ``limit`` out of the window; the first that stays."""
    trade_mask, row_mask = trades.shape[0] - 1, rows.shape[0] - 1
    while tail < head and trades[tail & trade_mask, 0] <= limit:
        signed = trades[tail & trade_mask, 2]
        old = trades[tail & trade_mask, 1] & row_mask
        if signed > 0:
            rows[old, 1] -= signed
        else:
            rows[old, 0] += signed
        tail += 1
    return tail


@kernel
def trim(edge: int, other: int, step: int, rows: NDArray[np.int64]) -> int:
    """The first row from ``edge`` towards ``other`` that holds volume, or ``other``."""
    mask = rows.shape[0] - 1
    while edge != other and rows[edge & mask, 0] + rows[edge & mask, 1] == 0:
        edge += step
    return edge


@kernel
def band_volume(row: int, side: int, column: int, band_rows: int, rows: NDArray[np.int64]) -> int:
    """Volume of a column in the rows that end at ``row``, from where ``side`` came."""
    mask = rows.shape[0] - 1
    volume = 0
    for k in range(band_rows):
        volume += rows[(row - side * k) & mask, column]
    return volume


@kernel
def absorb(
    time: NDArray[np.int64],
    price: NDArray[np.int64],
    qty: NDArray[np.int64],
    side: NDArray[np.int8],
    settings: NDArray[np.int64],
    state: NDArray[np.int64],
    trades: NDArray[np.int64],
    rows: NDArray[np.int64],
    ranges: NDArray[np.int64],
    ring: NDArray[np.int64],
    kept: NDArray[np.int64],
    marks: NDArray[np.int64],
    out: NDArray[np.int64],
) -> int:
    """Read trades; write candidates and what becomes of them.

    Args:
        time: Int64 [n], microseconds, never decreasing.
        price: Int64 [n], price units.
        qty: Int64 [n], lots.
        side: Int8 [n], +1 or -1.
        settings: Int64 [SETTING_SLOTS].
        state: Int64 [STATE_SLOTS], carried.
        trades: Int64 [capacity, 3], a ring of the window's trades (time, row, signed quantity); the
            capacity is a power of two.
        rows: Int64 [span, 2], a ring of the window's rows: volume of sells, of buys; the span is a
            power of two. Rows outside ``[state[BOTTOM], state[TOP]]`` hold zeros.
        ranges: Int64 [14], a ring of true ranges of closed minutes.
        ring: Int64 [minutes], the maxima of closed minutes; ``kept`` and ``marks`` as for `push`.
        kept: See ``ring``.
        marks: See ``ring``.
        out: Int64 [events, OUT_FIELDS].

    Returns:
        DONE; OUT_FULL; or SMALL: ``trades`` or ``rows`` must be doubled.
    """
    row_size, band_rows = settings[ROW_SIZE], settings[BAND_ROWS]
    beyond, window_us = settings[BEYOND], settings[WINDOW_US]
    trade_mask, row_mask = trades.shape[0] - 1, rows.shape[0] - 1
    room = rows.shape[0] - 2 * band_rows - 2
    head, tail, top, bottom = state[HEAD], state[TAIL], state[TOP], state[BOTTOM]
    high, low, best = state[MINUTE_HIGH], state[MINUTE_LOW], state[BEST]
    fixed = settings[FIXED_MINIMUM]
    least = fixed if fixed > 0 else marks[QUANTILE]
    before = state[LAST]
    minute_end = (state[MINUTE] + 1) * MINUTE_US if head else time[0] if time.shape[0] else 0
    code = DONE
    i = state[NEXT]
    while i < time.shape[0]:
        if state[EMITTED] + 4 > out.shape[0]:
            code = OUT_FULL
            break
        now, p, q, s = time[i], price[i], qty[i], side[i]
        r = p if row_size == 1 else p // row_size
        if head - tail > trade_mask or max(top, r) - min(bottom, r) >= room:  # no room
            tail = expire(now - window_us, tail, head, trades, rows)
            top = trim(top, bottom, -1, rows) if tail < head else r
            bottom = trim(bottom, top, 1, rows) if tail < head else r
            if head - tail > trade_mask or max(top, r) - min(bottom, r) >= room:
                code = SMALL
                break
        if now >= minute_end:
            minute = now // MINUTE_US
            if head:
                state[MINUTE_HIGH], state[MINUTE_LOW], state[BEST] = high, low, best
                state[LAST] = before
                close_minutes(minute, state, settings, ranges, ring, kept, marks)
                least = fixed if fixed > 0 else marks[QUANTILE]
            else:
                state[CLOSE_BEFORE] = p
            state[MINUTE] = minute
            best, high, low = 0, p, p
            minute_end = (minute + 1) * MINUTE_US
        else:
            high, low = max(high, p), min(low, p)
        trades[head & trade_mask, 0] = now
        trades[head & trade_mask, 1] = r
        trades[head & trade_mask, 2] = s * q
        before = p
        head += 1
        mine = 1 if s > 0 else 0
        rows[r & row_mask, mine] += q
        if r > top:
            top = r
        elif r < bottom:
            bottom = r
        if state[LIVE + WAITING] or state[LIVE + LIVE_FIELDS + WAITING]:
            for way in (1, -1):
                live = LIVE if way > 0 else LIVE + LIVE_FIELDS
                if state[live + WAITING]:
                    settle(i, now, p, r, way, live, settings, state, out)
        # The statistic of this trade: with what should have left the window it is too large at
        # most, and is made exact only where that matters.
        band = band_volume(r, s, mine, band_rows, rows)
        if band > best or band >= least > 0:
            tail = expire(now - window_us, tail, head, trades, rows)
            band = band_volume(r, s, mine, band_rows, rows)
            best = max(best, band)
            live = LIVE if s > 0 else LIVE + LIVE_FIELDS
            if band >= least > 0 and state[live + WAITING] == 0:
                against = band_volume(r, s, 1 - mine, band_rows, rows)
                if s > 0:
                    top = trim(top, bottom, -1, rows)
                else:
                    bottom = trim(bottom, top, 1, rows)
                furthest = top if s > 0 else bottom
                lies_near = s * (furthest - r) <= beyond
                if lies_near and 100 * band >= settings[SHARE] * (band + against):
                    propose(
                        i, now, p, r, s, live, band, least, furthest, ranges.shape[0], settings,
                        state, out,
                    )  # fmt: skip
        elif i % LAZY == 0:
            tail = expire(now - window_us, tail, head, trades, rows)
        i += 1
    state[MINUTE_HIGH], state[MINUTE_LOW], state[BEST], state[LAST] = high, low, best, before
    state[HEAD], state[TAIL], state[TOP], state[BOTTOM] = head, tail, top, bottom
    state[NEXT] = i
    return code
