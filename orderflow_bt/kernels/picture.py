"""Closed bars as a page shows them: grouped rows, imbalances, value area, sums over a session."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from orderflow_bt.kernels._jit import kernel
from orderflow_bt.kernels.cells import ASK, BID, point_of_control
from orderflow_bt.kernels.imbalance import (
    COUNT,
    F_ASK,
    F_BID,
    F_BUY,
    F_LOW,
    F_SELL,
    dominates,
    group_rows,
)
from orderflow_bt.kernels.median import pool_median, push_run
from orderflow_bt.kernels.profile import value_area

if TYPE_CHECKING:
    from numpy.typing import NDArray

# A bar as shown. Prices in price units, volumes in lots, rows by their low edge.
(
    NUMBER, OPEN_TIME, CLOSE_TIME, OPEN, HIGH, LOW, CLOSE, VOLUME, DELTA, MIN_DELTA, MAX_DELTA,
    CVD, POC, VALUE_LOW, VALUE_HIGH, STATUS, FIRST_ROW, ROWS, FLAGS, SESSION,
) = range(20)  # fmt: skip
SHOWN = 20
ROW_BID, ROW_ASK, ROW_LIT = range(3)  # a row as shown
ROW_FIELDS = 3

UNFINISHED_HIGH, UNFINISHED_LOW = 1, 2
BUY, SELL, STACKED_BUY, STACKED_SELL = 1, 2, 4, 8

# What is carried from bar to bar.
NEXT_NUMBER, SUM, DAY, FIRST_DAY, STARTED = range(5)
CARRIED = 5
NO_DAYS = 0  # as length of a session: there is one session

SHARE, WHOLE, STEP = 70, 100, 2  # of the value area
LARGEST = 2**62 // WHOLE


@kernel
def mark_stacks(rows: NDArray[np.int64], column: int, least: int, bit: int) -> None:
    """Set ``bit`` of rows in runs of ``least`` or more that are marked in ``column``."""
    run = 0
    for r in range(rows.shape[0] + 1):
        if r < rows.shape[0] and rows[r, column] > 0:
            run += 1
            continue
        if run >= least:
            for back in range(r - run, r):
                rows[back, column] |= bit
        run = 0


@kernel
def flag_rows(
    rows: NDArray[np.int64], numerator: int, denominator: int, floor: int, stack: int
) -> None:
    """Mark diagonal imbalances and stacks of grouped rows (see `kernels.imbalance`)."""
    n = rows.shape[0]
    for r in range(n):
        rows[r, F_BUY] = r > 0 and dominates(
            rows[r, F_ASK], rows[r - 1, F_BID], numerator, denominator, floor, COUNT
        )
        rows[r, F_SELL] = r + 1 < n and dominates(
            rows[r, F_BID], rows[r + 1, F_ASK], numerator, denominator, floor, COUNT
        )
    mark_stacks(rows, F_BUY, stack, 2)
    mark_stacks(rows, F_SELL, stack, 2)


@kernel
def key_rows(rows: NDArray[np.int64]) -> tuple[int, int, int]:
    """Places of the point of control, and of the first and last row of the value area."""
    n = rows.shape[0]
    scratch = np.zeros(4 * n, np.int64)
    volumes = np.empty(n, np.int64)
    total = 0
    for r in range(n):
        scratch[4 * r], scratch[4 * r + 1] = rows[r, F_BID], rows[r, F_ASK]
        volumes[r] = rows[r, F_BID] + rows[r, F_ASK]
        total += volumes[r]
    poc = point_of_control(scratch, 0, n)
    if total > LARGEST:
        return poc, poc, poc
    low, high = value_area(volumes, poc, SHARE, WHOLE, STEP, 1, 1)
    return poc, low, high


@kernel
def show_bars(
    row_size: int,
    session: int,
    numerator: int,
    denominator: int,
    stack: int,
    is_open: int,
    bars: NDArray[np.int64],
    cells: NDArray[np.int64],
    cell_start: NDArray[np.int64],
    grouped: NDArray[np.int64],
    pool: NDArray[np.int64],
    edges: NDArray[np.int64],
    counts: NDArray[np.int64],
    marks: NDArray[np.int64],
    carried: NDArray[np.int64],
    shown: NDArray[np.int64],
    rows: NDArray[np.int64],
) -> int:
    """Write bars and their rows as they are shown; returns how many rows were written.

    Args:
        row_size: Height of a shown row, in price units; a multiple of the cells'.
        session: Length of the sessions that sums begin with, in microseconds; NO_DAYS for one.
        numerator: Of the imbalance ratio.
        denominator: Of the imbalance ratio.
        stack: Least rows of a stack.
        is_open: 1 for a bar that has not closed: nothing is carried on.
        bars: Int64 [n, BAR_FIELDS].
        cells: Int64 [m, CELL_FIELDS], rows one tick high.
        cell_start: Int64 [n + 1].
        grouped: Int64 [>= most rows of a bar, 5], written.
        pool: Int64: volumes of the bars before; it has room for all rows of these.
        edges: See `kernels.median`; and the next two.
        counts: See ``edges``.
        marks: See ``edges``.
        carried: Int64 [CARRIED].
        shown: Int64 [n, SHOWN], written.
        rows: Int64 [>= m, ROW_FIELDS], written.
    """
    used = 0
    for b in range(bars.shape[0]):
        bar, out = bars[b], shown[b]
        own = cells[cell_start[b] : cell_start[b + 1]]
        n = group_rows(own, row_size, grouped)
        flag_rows(grouped[:n], numerator, denominator, pool_median(pool, counts, marks), stack)
        day = bar[0] // session if session != NO_DAYS else 0
        if not carried[STARTED]:
            carried[STARTED], carried[DAY], carried[FIRST_DAY] = 1, day, day
        before = carried[SUM] if day == carried[DAY] else 0
        delta = 2 * bar[7] - bar[6]
        out[NUMBER] = carried[NEXT_NUMBER]
        out[OPEN_TIME], out[CLOSE_TIME] = bar[0], bar[1]
        out[OPEN], out[HIGH], out[LOW], out[CLOSE] = bar[2], bar[3], bar[4], bar[5]
        out[VOLUME], out[DELTA] = bar[6], delta
        out[MIN_DELTA], out[MAX_DELTA] = bar[12], bar[13]
        out[CVD] = before + delta
        out[STATUS] = bar[17]
        out[ROWS] = n
        out[FLAGS] = 0
        out[SESSION] = day - carried[FIRST_DAY]
        if n == 0:
            low = bar[5] // row_size * row_size
            out[POC] = out[VALUE_LOW] = out[VALUE_HIGH] = out[FIRST_ROW] = low
        else:
            poc, low, high = key_rows(grouped[:n])
            out[POC], out[FIRST_ROW] = grouped[poc, F_LOW], grouped[0, F_LOW]
            out[VALUE_LOW], out[VALUE_HIGH] = grouped[low, F_LOW], grouped[high, F_LOW]
            last = own.shape[0] - 1
            if own[last, BID] > 0 and own[last, ASK] > 0:
                out[FLAGS] |= UNFINISHED_HIGH
            if own[0, BID] > 0 and own[0, ASK] > 0:
                out[FLAGS] |= UNFINISHED_LOW
        for r in range(n):
            buy, sell = grouped[r, F_BUY], grouped[r, F_SELL]
            rows[used, ROW_BID], rows[used, ROW_ASK] = grouped[r, F_BID], grouped[r, F_ASK]
            lit = (buy > 0) * BUY + (sell > 0) * SELL
            rows[used, ROW_LIT] = lit + (buy > 1) * STACKED_BUY + (sell > 1) * STACKED_SELL
            used += 1
        if not is_open:
            push_run(grouped[:n], pool, edges, counts, marks)
            carried[SUM], carried[DAY] = before + delta, day
            carried[NEXT_NUMBER] += 1
    return used


@kernel
def sum_recent(
    since: int,
    row_size: int,
    first_row: int,
    time: NDArray[np.int64],
    price: NDArray[np.int64],
    qty: NDArray[np.int64],
    side: NDArray[np.int8],
    out: NDArray[np.int64],
) -> None:
    """Add the volumes of trades later than ``since`` to the rows they fall in.

    Args:
        since: Microseconds UTC.
        row_size: Price units a row.
        first_row: Number of the first row of ``out``.
        time: Int64 [n], never decreasing.
        price: Int64 [n].
        qty: Int64 [n].
        side: Int8 [n].
        out: Int64 [rows, 2], bid and ask volume.
    """
    i = time.shape[0] - 1
    while i >= 0 and time[i] > since:
        row = price[i] // row_size - first_row
        if 0 <= row < out.shape[0]:
            out[row, 1 if side[i] > 0 else 0] += qty[i]
        i -= 1
