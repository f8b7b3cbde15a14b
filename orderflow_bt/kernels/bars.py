"""Time bars and their footprints, from trades, in one resumable pass.

Units: prices in price units, quantities in lots, times in microseconds. All state lives in one
flat int64 array (`new_state`) and one scratch array of cells, so that a tape may be cut anywhere:
any cutting gives the same bars, to the bit.

Output buffers are given by the caller. When one is too small the kernel returns a code, having
changed nothing for the piece of work it could not do; the caller makes room and calls again.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from orderflow_bt.kernels._jit import kernel
from orderflow_bt.kernels.cells import CELL_FIELDS, emit_cells, point_of_control

if TYPE_CHECKING:
    from numpy.typing import NDArray

BAR_FIELDS = 18

OK, EMPTY, GAP = 0, 1, 2

# What the kernel returns.
DONE = 0
BARS_FULL = 1  # no room for another bar
CELLS_FULL = 2  # no room for the closing bar's cells
SCRATCH_SMALL = 3  # rows NEED_LOW..NEED_HIGH do not fit the scratch that begins at ORIGIN
VOLUME_OVERFLOW = 4  # the open bar's volume would pass 2**63 lots
TIME_BACKWARDS = 5  # a trade is earlier than the open interval

# State fields.
NEXT = 0  # position in the chunk
BARS = 1  # bars written to the output
CELLS = 2  # cells written to the output
STARTED = 3  # a trade has been seen
OPEN_TIME = 4  # of the open interval
LAST_ID = 5
CLOSE = 6  # last price seen
HOLE = 7  # trades are missing since the last one seen
TOUCHED = 8  # a hole touches the open interval
OPEN = 9
HIGH = 10
LOW = 11
VOLUME = 12
QUOTE_UPPER = 13
QUOTE_LOWER = 14
COUNT = 15
TRADES = 16
DELTA = 17
MIN_DELTA = 18
MAX_DELTA = 19
DELTA_AT_HIGH = 20
DELTA_AT_LOW = 21
ORIGIN = 22  # row of the scratch's first cell
NEED_LOW = 23
NEED_HIGH = 24
STATE_FIELDS = 25

MAX_INT64 = 2**63 - 1


def new_state() -> NDArray[np.int64]:
    """State before the first trade."""
    return np.zeros(STATE_FIELDS, dtype=np.int64)


@kernel
def first_at_or_after(times: NDArray[np.int64], start: int, stop: int, moment: int) -> int:
    """First position in ``[start, stop)`` whose time is not before ``moment``, else ``stop``.

    Gallops, then bisects: cheap for the short steps from one bar to the next.
    """
    step = 64
    low = start
    while low + step < stop and times[low + step] < moment:
        low += step
        step *= 2
    high = min(low + step, stop)
    while low < high:
        middle = (low + high) // 2
        if times[middle] < moment:
            low = middle + 1
        else:
            high = middle
    return low


@kernel
def add_trades(
    start: int,
    stop: int,
    row_size: int,
    continuous: int,
    ids: NDArray[np.int64],
    prices: NDArray[np.int64],
    qtys: NDArray[np.int64],
    sides: NDArray[np.int8],
    fills: NDArray[np.int32],
    state: NDArray[np.int64],
    scratch: NDArray[np.int64],
) -> int:
    """Add trades ``[start, stop)``, at least one, to the open bar; returns DONE or a code.

    ``scratch`` is flat: four int64 a row (bid, ask, bid count, ask count), row ``ORIGIN`` first.
    """
    least = prices[start]
    most = prices[start]
    for i in range(start + 1, stop):
        least = min(least, prices[i])
        most = max(most, prices[i])
    is_new = state[TRADES] == 0
    low = least if is_new else min(state[LOW], least)
    high = most if is_new else max(state[HIGH], most)
    low_row = low // row_size
    high_row = high // row_size
    origin = state[ORIGIN]
    if low_row < origin or high_row >= origin + scratch.shape[0] // 4:
        state[NEED_LOW] = low_row
        state[NEED_HIGH] = high_row
        return SCRATCH_SMALL

    hole = state[HOLE] != 0
    if continuous:
        if state[STARTED] and ids[start] != state[LAST_ID] + 1:
            hole = True
        for i in range(start + 1, stop):
            hole |= ids[i] - ids[i - 1] != 1

    volume = state[VOLUME]
    upper = state[QUOTE_UPPER]
    lower = state[QUOTE_LOWER]
    count = state[COUNT]
    delta = state[DELTA]
    min_delta = state[MIN_DELTA]
    max_delta = state[MAX_DELTA]
    at_high = state[DELTA_AT_HIGH]
    at_low = state[DELTA_AT_LOW]
    high = state[HIGH]
    low = state[LOW]
    if is_new:
        state[OPEN] = prices[start]
        high = prices[start] - 1  # so that the first trade prints both
        low = prices[start] + 1
    row = prices[start] // row_size
    edge = row * row_size
    for i in range(start, stop):
        price = prices[i]
        qty = qtys[i]
        if volume > MAX_INT64 - qty:
            return VOLUME_OVERFLOW
        volume += qty
        quote = price * qty
        upper += quote >> 32
        lower += quote & 0xFFFFFFFF
        count += fills[i]
        delta += qty * sides[i]
        min_delta = min(min_delta, delta)
        max_delta = max(max_delta, delta)
        if price > high:
            high = price
            at_high = delta
        if price < low:
            low = price
            at_low = delta
        if row_size == 1:
            row = price
        elif price < edge or price >= edge + row_size:
            row = price // row_size
            edge = row * row_size
        cell = (row - origin) * 4 + (1 if sides[i] > 0 else 0)
        scratch[cell] += qty
        scratch[cell + 2] += fills[i]

    state[STARTED] = 1
    state[LAST_ID] = ids[stop - 1]
    state[CLOSE] = prices[stop - 1]
    state[HOLE] = 0
    if hole:
        state[TOUCHED] = 1
    state[HIGH] = high
    state[LOW] = low
    state[VOLUME] = volume
    state[QUOTE_UPPER] = upper + (lower >> 32)
    state[QUOTE_LOWER] = lower & 0xFFFFFFFF
    state[COUNT] = count
    state[TRADES] += stop - start
    state[DELTA] = delta
    state[MIN_DELTA] = min_delta
    state[MAX_DELTA] = max_delta
    state[DELTA_AT_HIGH] = at_high
    state[DELTA_AT_LOW] = at_low
    return DONE


@kernel
def close_bar(
    size: int,
    row_size: int,
    keep_cells: int,
    state: NDArray[np.int64],
    scratch: NDArray[np.int64],
    bars: NDArray[np.int64],
    at: NDArray[np.int64],
    cell_start: NDArray[np.int64],
    cells: NDArray[np.int64],
) -> int:
    """Write the open bar out and open the next interval; returns DONE or a code."""
    n = state[BARS]
    if n >= bars.shape[0]:
        return BARS_FULL
    close = state[CLOSE]
    first = state[LOW] // row_size
    rows = state[HIGH] // row_size - first + 1
    begin = (first - state[ORIGIN]) * 4
    bar = bars[n]
    if state[TRADES] == 0:
        bar[2] = bar[3] = bar[4] = close
        bar[16] = close // row_size * row_size
        status = EMPTY
    else:
        used = state[CELLS]
        if keep_cells and used + rows > cells.shape[0]:
            return CELLS_FULL
        bar[2], bar[3], bar[4] = state[OPEN], state[HIGH], state[LOW]
        bar[16] = (first + point_of_control(scratch, begin, rows)) * row_size
        if keep_cells:
            emit_cells(scratch, begin, rows, first, row_size, cells, used)
            state[CELLS] = used + rows
        scratch[begin : begin + 4 * rows] = 0
        status = OK
    if state[TOUCHED] or state[HOLE]:
        status = GAP
    bar[0] = state[OPEN_TIME]
    bar[1] = state[OPEN_TIME] + size
    bar[5] = close
    bar[6] = state[VOLUME]
    # half of volume + delta, which are both odd or both even, without their sum's overflow
    bar[7] = (state[VOLUME] >> 1) + (state[DELTA] >> 1) + (state[VOLUME] & 1)
    bar[8] = state[QUOTE_UPPER]
    bar[9] = state[QUOTE_LOWER]
    bar[10] = state[COUNT]
    bar[11] = state[TRADES]
    bar[12] = state[MIN_DELTA]
    bar[13] = state[MAX_DELTA]
    bar[14] = state[DELTA_AT_HIGH]
    bar[15] = state[DELTA_AT_LOW]
    bar[17] = status
    at[n] = state[NEXT]
    cell_start[n + 1] = state[CELLS]
    state[BARS] = n + 1
    state[OPEN_TIME] += size
    state[TOUCHED] = 0
    state[VOLUME : DELTA_AT_LOW + 1] = 0
    return DONE


@kernel
def time_bars(
    size: int,
    row_size: int,
    keep_cells: int,
    continuous: int,
    clock: int,
    ids: NDArray[np.int64],
    times: NDArray[np.int64],
    prices: NDArray[np.int64],
    qtys: NDArray[np.int64],
    sides: NDArray[np.int8],
    fills: NDArray[np.int32],
    state: NDArray[np.int64],
    scratch: NDArray[np.int64],
    bars: NDArray[np.int64],
    at: NDArray[np.int64],
    cell_start: NDArray[np.int64],
    cells: NDArray[np.int64],
) -> int:
    """Cut trades, from ``state[NEXT]`` on, into bars of ``size`` microseconds.

    Args:
        size: Length of an interval; intervals begin at multiples of it.
        row_size: Height of a footprint row, in price units.
        keep_cells: 0 leaves the cells out of the output.
        continuous: 1 where a hole in the ids means lost trades.
        clock: After the trades, intervals that end at or before this time close too.
        ids: Int64 [n]; and the other columns, equally long, times never decreasing.
        times: Int64 [n].
        prices: Int64 [n].
        qtys: Int64 [n], not negative; the caller has checked price x quantity against 2**63.
        sides: Int8 [n], +1 or -1.
        fills: Int32 [n].
        state: Int64 [STATE_FIELDS].
        scratch: Int64 [4 x rows], zero outside the open bar's rows.
        bars: Int64 [capacity, BAR_FIELDS], written from ``state[BARS]`` on.
        at: Int64 [capacity]: position of the first trade after the bar.
        cell_start: Int64 [capacity + 1]: where each bar's cells begin; the first is 0.
        cells: Int64 [capacity, CELL_FIELDS].
    """
    n = times.shape[0]
    while True:
        i = state[NEXT]
        if i < n:
            if not state[STARTED]:
                state[OPEN_TIME] = times[i] // size * size
            if times[i] < state[OPEN_TIME]:
                return TIME_BACKWARDS
            close_time = state[OPEN_TIME] + size
            if times[i] < close_time:
                stop = first_at_or_after(times, i, n, close_time)
                code = add_trades(
                    i, stop, row_size, continuous, ids, prices, qtys, sides, fills, state, scratch
                )
                if code != DONE:
                    return code
                state[NEXT] = stop
                continue
            if continuous and ids[i] != state[LAST_ID] + 1:
                state[HOLE] = 1
        elif not state[STARTED] or state[OPEN_TIME] + size > clock:
            return DONE
        code = close_bar(size, row_size, keep_cells, state, scratch, bars, at, cell_start, cells)
        if code != DONE:
            return code


@kernel
def inspect_trades(
    times: NDArray[np.int64],
    prices: NDArray[np.int64],
    qtys: NDArray[np.int64],
    sides: NDArray[np.int8],
) -> tuple[int, int, int, int, int]:
    """What the edge must know of a chunk of at least one trade.

    Returns:
        Trades earlier than the one before, sides that are neither +1 nor -1, least and greatest
        price, and the greatest quantity (-1 where one is negative).
    """
    backwards = 0
    unsided = 0
    least = prices[0]
    most = prices[0]
    largest = qtys[0]
    smallest = qtys[0]
    for i in range(times.shape[0]):
        least = min(least, prices[i])
        most = max(most, prices[i])
        largest = max(largest, qtys[i])
        smallest = min(smallest, qtys[i])
        unsided += sides[i] * sides[i] != 1
    for i in range(1, times.shape[0]):
        backwards += times[i] < times[i - 1]
    return backwards, unsided, least, most, largest if smallest >= 0 else -1


__all__ = ["BAR_FIELDS", "CELL_FIELDS", "inspect_trades", "new_state", "time_bars"]
