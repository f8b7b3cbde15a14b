"""Imbalance zones, from the bar that makes one until the price has gone through it.

A piece of tape is passed over quickly: between two changes, no price inside an interval can change
any zone, and only trades that leave it are looked at.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from orderflow_bt.kernels._jit import kernel
from orderflow_bt.kernels.emit import (
    DONE,
    EMITTED,
    FIRST_FREE,
    NEXT,
    NEXT_BAR,
    OUT_FULL,
    SMALL,
    emit,
)
from orderflow_bt.kernels.imbalance import (
    F_ASK,
    F_BID,
    F_BUY,
    F_LOW,
    F_SELL,
    dominates,
    group_rows,
)
from orderflow_bt.kernels.median import has_room, pool_median, push_run

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

CREATED, ARMED, RETESTED, HELD, INVALIDATED, EXPIRED = range(6)
(
    STAGE, SIDE, LOW, HIGH, LEAVE, REACT, ROOM, RETESTS, MADE_AT, BARS, ROWS, DELTA, EXTREME,
    STRONG, WEAK,
) = range(15)  # fmt: skip
ZONE_FIELDS = 15
FAR = 2**62

LIVE, AGED = FIRST_FREE, FIRST_FREE + 1  # zones there are; whether the next bar has aged them
STATE_SLOTS = FIRST_FREE + 2
(
    ROW_SIZE, TICK, STEP, NUMERATOR, DENOMINATOR, FLOOR, SHARE, LEAST_ROWS, APART, LEAVE_ROWS,
    MOST, AGE,
) = range(12)  # fmt: skip
SETTING_SLOTS = 12


@kernel
def quiet_interval(zones: NDArray[np.int64], live: int, most: int) -> tuple[int, int]:
    """Lowest and highest price at which no zone changes."""
    low, high = -FAR, FAR
    for k in range(live):
        stage, side = zones[k, STAGE], zones[k, SIDE]
        if stage >= INVALIDATED:
            continue
        near = zones[k, HIGH] if side > 0 else zones[k, LOW]
        far = zones[k, LOW] if side > 0 else zones[k, HIGH]
        inner = far - side * zones[k, ROOM] + side  # one unit short of invalidation
        outer = side * FAR
        if stage == CREATED or (stage == HELD and zones[k, RETESTS] < most):
            outer = near + side * (zones[k, LEAVE] - 1)
        elif stage == RETESTED:
            outer = near + side * (zones[k, REACT] - 1)
        elif stage == ARMED:
            inner = near if side > 0 else near - 1
            outer = zones[k, EXTREME]
        if side > 0:
            low, high = max(low, inner), min(high, outer)
        else:
            low, high = max(low, outer), min(high, inner)
    return low, high


@kernel
def tell(
    out: NDArray[np.int64],
    state: NDArray[np.int64],
    zone: NDArray[np.int64],
    row: int,
    bar: int,
    price: int,
) -> None:
    """Write what has become of a zone."""
    emit(
        out, state, row, bar, zone[STAGE], zone[SIDE], price, zone[LOW], zone[HIGH], zone[STRONG],
        zone[WEAK], zone[MADE_AT], zone[MADE_AT], zone[ROWS], zone[RETESTS], zone[DELTA],
        zone[EXTREME],
    )  # fmt: skip


@kernel
def move(zone: NDArray[np.int64], p: int, most: int) -> bool:
    """Let a trade at ``p`` change one zone; whether its stage did."""
    stage, side = zone[STAGE], zone[SIDE]
    if stage >= INVALIDATED:
        return False
    near = zone[HIGH] if side > 0 else zone[LOW]
    far = zone[LOW] if side > 0 else zone[HIGH]
    away = side * (p - near)
    entered = p < near if side > 0 else p >= near
    became = stage
    if side * (far - p) >= zone[ROOM]:
        became = INVALIDATED
    elif stage == RETESTED and away >= zone[REACT]:
        became = HELD
    elif away >= zone[LEAVE] and (stage == CREATED or (stage == HELD and zone[RETESTS] < most)):
        became = ARMED
        zone[EXTREME] = p
    elif stage == ARMED and entered:
        became = RETESTED
        zone[RETESTS] += 1
    if stage == ARMED and side * (p - zone[EXTREME]) > 0:
        zone[EXTREME] = p
    zone[STAGE] = became
    return became != stage


@kernel
def follow_zones(
    price: NDArray[np.int64],
    stop: int,
    most: int,
    zones: NDArray[np.int64],
    state: NDArray[np.int64],
    out: NDArray[np.int64],
) -> int:
    """Let trades up to row ``stop`` arm, retest, hold and invalidate zones; DONE or OUT_FULL."""
    live = state[LIVE]
    low, high = quiet_interval(zones, live, most)
    for i in range(state[NEXT], stop):
        p = price[i]
        if low <= p <= high:
            continue
        if state[EMITTED] + live > out.shape[0]:
            state[NEXT] = i
            return OUT_FULL
        for k in range(live):
            if move(zones[k], p, most):
                tell(out, state, zones[k], i, -1, p)
        low, high = quiet_interval(zones, live, most)
    state[NEXT] = stop
    return DONE


@kernel
def flag_rows(
    cells: NDArray[np.int64],
    settings: NDArray[np.int64],
    least: int,
    rows: NDArray[np.int64],
) -> int:
    """A bar's cells as rows of the detector's height, each with its imbalances; how many."""
    row_size, step = settings[ROW_SIZE], settings[STEP]
    numerator, denominator = settings[NUMERATOR], settings[DENOMINATOR]
    n = group_rows(cells, row_size, rows)
    for r in range(n):
        rows[r, F_BUY] = r >= step and dominates(
            rows[r, F_ASK], rows[r - step, F_BID], numerator, denominator, least, 0
        )
        rows[r, F_SELL] = r + step < n and dominates(
            rows[r, F_BID], rows[r + step, F_ASK], numerator, denominator, least, 0
        )
    return n


@kernel
def next_run(rows: NDArray[np.int64], n: int, flag: int, start: int, apart: int) -> tuple[int, int]:
    """First and last of the next flagged rows that are at most ``apart`` rows from each other."""
    first = start
    while first < n and not rows[first, flag]:
        first += 1
    last, r = first, first + 1
    while r < n and r - last <= apart:
        if rows[r, flag]:
            last = r
        r += 1
    return first, last


@kernel
def make_zone(
    rows: NDArray[np.int64],
    n: int,
    first: int,
    last: int,
    side: int,
    bar: NDArray[np.int64],
    settings: NDArray[np.int64],
    zone: NDArray[np.int64],
) -> bool:
    """A zone of rows ``first`` to ``last``; whether they hold enough of the bar's volume."""
    step = side * settings[STEP]
    strong, weak, volume = 0, 0, 0
    own, other = (F_ASK, F_BID) if side > 0 else (F_BID, F_ASK)
    for r in range(first, last + 1):
        strong += rows[r, own]
        volume += rows[r, F_BID] + rows[r, F_ASK]
        if 0 <= r - step < n:
            weak += rows[r - step, other]
    whole = bar[6]
    needed = whole // 100 * settings[SHARE] - (-(whole % 100 * settings[SHARE]) // 100)
    if volume < needed:
        return False
    low, high = rows[first, F_LOW], rows[last, F_LOW] + settings[ROW_SIZE]
    zone[:] = 0
    zone[STAGE], zone[SIDE], zone[LOW], zone[HIGH] = CREATED, side, low, high
    zone[LEAVE] = max(high - low, settings[LEAVE_ROWS] * settings[ROW_SIZE])
    zone[REACT] = high - low
    zone[ROOM] = max(2 * settings[TICK], -((low - high) // 4))
    zone[MADE_AT], zone[DELTA] = bar[0], 2 * bar[7] - bar[6]
    zone[ROWS], zone[EXTREME] = last - first + 1, bar[5]
    zone[STRONG], zone[WEAK] = strong, max(1, weak)
    return True


@kernel
def age_zones(
    k: int,
    close: int,
    age: int,
    zones: NDArray[np.int64],
    state: NDArray[np.int64],
    out: NDArray[np.int64],
) -> None:
    """A bar has closed: the oldest zones expire, and those that are over are forgotten."""
    kept = 0
    for z in range(state[LIVE]):
        zone = zones[z]
        zone[BARS] += 1
        if zone[STAGE] >= INVALIDATED:
            continue
        if zone[BARS] > age:
            zone[STAGE] = EXPIRED
            tell(out, state, zone, 0, k, close)
            continue
        if kept != z:
            zones[kept] = zone
        kept += 1
    state[LIVE] = kept


@kernel
def read_zones(
    price: NDArray[np.int64],
    bars: NDArray[np.int64],
    at: NDArray[np.int64],
    cells: NDArray[np.int64],
    cell_start: NDArray[np.int64],
    settings: NDArray[np.int64],
    zones: NDArray[np.int64],
    rows: NDArray[np.int64],
    pool: NDArray[np.int64],
    edges: NDArray[np.int64],
    counts: NDArray[np.int64],
    marks: NDArray[np.int64],
    state: NDArray[np.int64],
    out: NDArray[np.int64],
) -> int:
    """Follow zones over a piece of tape, and make those of the bars that close in it.

    Args:
        price: Int64 [n], price units.
        bars: Int64 [m, fields of a bar].
        at: Int64 [m]: bar k is known before trade ``at[k]``.
        cells: Int64 [rows, 5], and ``cell_start`` int64 [m + 1]: rows of each bar.
        cell_start: See ``cells``.
        settings: Int64 [SETTING_SLOTS].
        zones: Int64 [capacity, ZONE_FIELDS], of which ``state[LIVE]`` are used.
        rows: Int64 [>= rows of any bar, 5], scratch.
        pool: The volumes that the least volume is the median of; it, ``edges``, ``counts`` and
            ``marks`` as for `push_run`.
        edges: See ``pool``.
        counts: See ``pool``.
        marks: See ``pool``.
        state: Int64 [STATE_SLOTS], carried.
        out: Int64 [events, OUT_FIELDS]; A is when its bar opened, B its rows, C its retests, D the
            bar's delta, E the extreme since it was armed.

    Returns:
        DONE; OUT_FULL; or SMALL: ``zones`` or ``pool`` must be doubled.
    """
    while True:
        k = state[NEXT_BAR]
        stop = at[k] if k < bars.shape[0] else price.shape[0]
        if state[NEXT] < stop:
            code = follow_zones(price, stop, settings[MOST], zones, state, out)
            if code != DONE:
                return code
        if k == bars.shape[0]:
            return DONE
        if state[AGED] == 0:
            if state[EMITTED] + state[LIVE] > out.shape[0]:
                return OUT_FULL
            age_zones(k, bars[k, 5], settings[AGE], zones, state, out)
            state[AGED] = 1
        mine = cells[cell_start[k] : cell_start[k + 1]]
        least = max(settings[FLOOR], pool_median(pool, counts, marks))
        n = flag_rows(mine, settings, least, rows)
        if state[EMITTED] + n > out.shape[0]:
            return OUT_FULL
        if state[LIVE] + n > zones.shape[0] or not has_room(pool, marks, mine):
            return SMALL
        for side in (1, -1):
            flag = F_BUY if side > 0 else F_SELL
            first, last = next_run(rows, n, flag, 0, settings[APART])
            while first < n:
                if last - first + 1 >= settings[LEAST_ROWS]:
                    zone = zones[state[LIVE]]
                    if make_zone(rows, n, first, last, side, bars[k], settings, zone):
                        state[LIVE] += 1
                        tell(out, state, zone, 0, k, bars[k, 5])
                first, last = next_run(rows, n, flag, last + 1, settings[APART])
        push_run(mine, pool, edges, counts, marks)
        state[AGED] = 0
        state[NEXT_BAR] = k + 1
