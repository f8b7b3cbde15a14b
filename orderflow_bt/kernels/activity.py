"""Bars that close by what is traded, not by the clock, in one resumable pass.

Whole trades only: the trade that completes a bar belongs to it, and the next bar begins with
nothing carried over. A range bar is complete when the next trade would stretch it, and that trade
opens the next bar. An edge (the start of a UTC day, or of a trading session) closes what is open.

Units, state and buffers are those of `kernels.bars`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from orderflow_bt.kernels._jit import kernel
from orderflow_bt.kernels.accumulate import add_trades
from orderflow_bt.kernels.bar_state import (
    BARS,
    BARS_FULL,
    BASE,
    CELLS,
    CLOSE,
    DIRECTION,
    DONE,
    DUE,
    DUE_AT,
    DUE_EDGE,
    DUE_TIME,
    EDGE,
    HOLE,
    LAST_ID,
    MAX_INT64,
    NEXT,
    OK,
    OPEN_TIME,
    REFUSED,
    STARTED,
    TIME_BACKWARDS,
    TRADES,
)
from orderflow_bt.kernels.bars import close_bar, first_at_or_after
from orderflow_bt.kernels.cutting import (
    brick_borders,
    cut_by_brick,
    cut_by_delta,
    cut_by_fills,
    cut_by_quote,
    cut_by_range,
    cut_by_reversal,
    cut_by_trades,
    cut_by_volume,
)
from orderflow_bt.kernels.inspection import inspect_block

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

TICK, FILLS, VOLUME, DOLLAR, DELTA, RANGE, REVERSAL, RENKO = 0, 1, 2, 3, 4, 5, 6, 7


@kernel
def edge_after(edges: NDArray[np.int64], moment: int) -> int:
    """The first edge after ``moment``; MAX_INT64 where there is none."""
    low = 0
    high = edges.shape[0]
    while low < high:
        middle = (low + high) // 2
        if edges[middle] <= moment:
            low = middle + 1
        else:
            high = middle
    return edges[low] if low < edges.shape[0] else MAX_INT64


@kernel
def find_cut(
    kind: int,
    size: int,
    second: int,
    prices: NDArray[np.int64],
    qtys: NDArray[np.int64],
    sides: NDArray[np.int8],
    fills: NDArray[np.int32],
    state: NDArray[np.int64],
) -> tuple[int, int]:
    """Trades up to the one that completes the open bar, -1 if none does; and its direction."""
    side = state[DIRECTION]
    count = -1
    if kind == TICK:
        count = cut_by_trades(size, prices.shape[0], state)
    elif kind == FILLS:
        count = cut_by_fills(size, fills, state)
    elif kind == VOLUME:
        count = cut_by_volume(size, qtys, state)
    elif kind == DOLLAR:
        count = cut_by_quote(size, second, prices, qtys, state)
    elif kind == DELTA:
        count = cut_by_delta(size, qtys, sides, state)
    elif kind == RANGE:
        count = cut_by_range(size, prices, state)
    elif kind == REVERSAL:
        count, side = cut_by_reversal(size, second, prices, state)
    else:
        count = cut_by_brick(size, prices, state)
    return count, side


@kernel
def write_brick(
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
    """Write the next complete renko brick: the first holds the trades, the others nothing."""
    n = state[BARS]
    if n >= bars.shape[0]:
        return BARS_FULL
    price = state[CLOSE]
    down, up = brick_borders(size, state)
    if state[DUE_EDGE]:
        opened, closed, direction = state[BASE], price, state[DIRECTION]
    elif price >= up:
        opened, closed, direction = up - size, up, 1
    else:
        opened, closed, direction = down + size, down, -1
    if state[TRADES] > 0:
        code = close_bar(
            state[DUE_TIME], state[DUE_AT], row_size, keep_cells,
            state, scratch, bars, at, cell_start, cells,
        )  # fmt: skip
        if code != DONE:
            return code
        bar = bars[n]
    else:
        bar = bars[n]
        bar[:] = 0
        bar[0] = bar[1] = state[DUE_TIME]
        bar[16] = closed // row_size * row_size
        bar[17] = OK
        at[n] = state[DUE_AT]
        cell_start[n + 1] = state[CELLS]
        state[BARS] = n + 1
    bar[2], bar[3], bar[4], bar[5] = opened, max(opened, closed), min(opened, closed), closed
    state[BASE] = closed
    state[DIRECTION] = direction
    return DONE


@kernel
def activity_bars(
    kind: int,
    size: int,
    second: int,
    row_size: int,
    keep_cells: int,
    continuous: int,
    clock: int,
    edges: NDArray[np.int64],
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
    """Cut trades, from ``state[NEXT]`` on, into bars of one kind of activity.

    Args:
        kind: TICK to RENKO.
        size: What completes a bar, in rows, fills, lots or price units; its upper limb for DOLLAR.
        second: The lower limb for DOLLAR, the pull-back for REVERSAL.
        row_size: Height of a footprint row, in price units.
        keep_cells: 0 leaves the cells out of the output.
        continuous: 1 where a hole in the ids means lost trades.
        clock: After the trades, an open bar closes if its edge is at or before this time.
        edges: Int64, ascending: every edge after the first trade, up to one after the last.
        ids: Int64 [n]; this and all below as in `kernels.bars.time_bars`.
        times: Int64 [n].
        prices: Int64 [n].
        qtys: Int64 [n].
        sides: Int8 [n].
        fills: Int32 [n].
        state: Int64 [STATE_FIELDS].
        scratch: Int64 [4 x rows].
        bars: Int64 [capacity, BAR_FIELDS].
        at: Int64 [capacity]: position of the first trade after the bar was known; behind the trade
            that completed it, and for range bars behind the one that would have stretched it.
        cell_start: Int64 [capacity + 1].
        cells: Int64 [capacity, CELL_FIELDS].
    """
    n = times.shape[0]
    inspected = 0
    largest_qty = 0
    largest_quote = 0
    while True:
        while state[DUE] > 0:
            if kind == RENKO:
                code = write_brick(
                    size, row_size, keep_cells, state, scratch, bars, at, cell_start, cells
                )
            else:
                code = close_bar(
                    state[DUE_TIME], state[DUE_AT], row_size, keep_cells,
                    state, scratch, bars, at, cell_start, cells,
                )  # fmt: skip
            if code != DONE:
                return code
            state[DUE] -= 1
        i = state[NEXT]
        if i >= n:
            if state[TRADES] == 0 or state[EDGE] > clock:
                return DONE
            state[DUE] = state[DUE_EDGE] = 1
            state[DUE_TIME] = state[EDGE]
            state[DUE_AT] = i
            continue
        if i >= inspected:
            inspected, largest_qty, largest_quote = inspect_block(i, times, prices, qtys, sides)
            if inspected < 0:
                return REFUSED
        if state[STARTED] and times[i] < state[DUE_TIME]:
            return TIME_BACKWARDS
        if state[TRADES] == 0:
            edge = edge_after(edges, times[i])
            if kind == RENKO and (edge != state[EDGE] or not state[STARTED]):
                state[BASE] = prices[i]
                state[DIRECTION] = 0
            state[EDGE] = edge
            state[OPEN_TIME] = times[i]
        elif times[i] >= state[EDGE]:
            if continuous and ids[i] != state[LAST_ID] + 1:
                state[HOLE] = 1
            state[DUE] = state[DUE_EDGE] = 1
            state[DUE_TIME] = state[EDGE]
            state[DUE_AT] = i
            continue
        limit = first_at_or_after(times, i, inspected, state[EDGE])
        count, side = find_cut(
            kind, size, second,
            prices[i:limit], qtys[i:limit], sides[i:limit], fills[i:limit], state,
        )  # fmt: skip
        stop = limit if count < 0 else i + count
        if stop > i:
            code = add_trades(
                row_size, continuous, largest_qty, largest_quote,
                ids[i:stop], prices[i:stop], qtys[i:stop], sides[i:stop], fills[i:stop],
                state, scratch,
            )  # fmt: skip
            if code != DONE:
                return code
            state[NEXT] = stop
            if kind == REVERSAL:
                state[DIRECTION] = side
        if count < 0:
            continue
        state[DUE] = 1
        state[DUE_EDGE] = 0
        if kind == RANGE:
            if continuous and ids[stop] != state[LAST_ID] + 1:
                state[HOLE] = 1
            state[DUE_TIME] = times[stop]
            state[DUE_AT] = stop + 1
        else:
            state[DUE_TIME] = times[stop - 1]
            state[DUE_AT] = stop
        if kind == RENKO:
            down, up = brick_borders(size, state)
            price = prices[stop - 1]
            state[DUE] += (price - up) // size if price >= up else (down - price) // size
