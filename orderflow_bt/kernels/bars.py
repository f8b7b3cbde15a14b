"""Time bars and their footprints, from trades, in one resumable pass.

Units: prices in price units, quantities in lots, times in microseconds. All state lives in one
flat int64 array (`new_state`) and one scratch array of cells, so that a tape may be cut anywhere:
any cutting gives the same bars, to the bit.

Output buffers are given by the caller. When one is too small the kernel returns a code, having
changed nothing for the piece of work it could not do; the caller makes room and calls again.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from orderflow_bt.kernels._jit import kernel
from orderflow_bt.kernels.accumulate import add_trades
from orderflow_bt.kernels.bar_state import (
    BARS,
    BARS_FULL,
    CELLS,
    CELLS_FULL,
    CLOSE,
    COUNT,
    DELTA,
    DELTA_AT_HIGH,
    DELTA_AT_LOW,
    DONE,
    EMPTY,
    GAP,
    HIGH,
    HOLE,
    LAST_ID,
    LOW,
    MAX_DELTA,
    MIN_DELTA,
    NEXT,
    OK,
    OPEN,
    OPEN_TIME,
    ORIGIN,
    QUOTE_LOWER,
    QUOTE_UPPER,
    REFUSED,
    STARTED,
    TIME_BACKWARDS,
    TOUCHED,
    TRADES,
    VOLUME,
)
from orderflow_bt.kernels.cells import emit_cells, point_of_control
from orderflow_bt.kernels.inspection import inspect_block

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


@kernel
def first_at_or_after(times: NDArray[np.int64], start: int, stop: int, moment: int) -> int:
    """First position in ``[start, stop)`` whose time is not before ``moment``, else ``stop``.

    Gallops, then bisects: cheap for the short steps from one bar to the next.
    """
    step = 4
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
def close_bar(
    close_time: int,
    known_before: int,
    row_size: int,
    keep_cells: int,
    state: NDArray[np.int64],
    scratch: NDArray[np.int64],
    bars: NDArray[np.int64],
    at: NDArray[np.int64],
    cell_start: NDArray[np.int64],
    cells: NDArray[np.int64],
) -> int:
    """Write the open bar out and open the next one at its close; returns DONE or a code.

    ``known_before`` is the position of the first trade that is looked at after the bar is known.
    """
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
    bar[1] = close_time
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
    at[n] = known_before
    cell_start[n + 1] = state[CELLS]
    state[BARS] = n + 1
    state[OPEN_TIME] = close_time
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
        ids: Int64 [n]; and the other columns, equally long.
        times: Int64 [n].
        prices: Int64 [n].
        qtys: Int64 [n], not negative.
        sides: Int8 [n], +1 or -1.
        fills: Int32 [n].
        state: Int64 [STATE_FIELDS].
        scratch: Int64 [4 x rows], zero outside the open bar's rows.
        bars: Int64 [capacity, BAR_FIELDS], written from ``state[BARS]`` on.
        at: Int64 [capacity]: position of the first trade after the bar.
        cell_start: Int64 [capacity + 1]: where each bar's cells begin; the first is 0.
        cells: Int64 [capacity, CELL_FIELDS].

    Trades that `inspect_block` refuses are not counted, nor any after them.
    """
    n = times.shape[0]
    inspected = 0
    largest_qty = 0
    largest_quote = 0
    while True:
        i = state[NEXT]
        if i < n:
            if i >= inspected:
                inspected, largest_qty, largest_quote = inspect_block(i, times, prices, qtys, sides)
                if inspected < 0:
                    return REFUSED
            if not state[STARTED]:
                state[OPEN_TIME] = times[i] // size * size
            if times[i] < state[OPEN_TIME]:
                return TIME_BACKWARDS
            close_time = state[OPEN_TIME] + size
            if times[i] < close_time:
                stop = first_at_or_after(times, i, inspected, close_time)
                code = add_trades(
                    row_size,
                    continuous,
                    largest_qty,
                    largest_quote,
                    ids[i:stop],
                    prices[i:stop],
                    qtys[i:stop],
                    sides[i:stop],
                    fills[i:stop],
                    state,
                    scratch,
                )
                if code != DONE:
                    return code
                state[NEXT] = stop
                continue
            if continuous and ids[i] != state[LAST_ID] + 1:
                state[HOLE] = 1
        elif not state[STARTED] or state[OPEN_TIME] + size > clock:
            return DONE
        code = close_bar(
            state[OPEN_TIME] + size, i, row_size, keep_cells,
            state, scratch, bars, at, cell_start, cells,
        )  # fmt: skip
        if code != DONE:
            return code
