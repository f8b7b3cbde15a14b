"""The cells of one bar's footprint: from the dense scratch to rows, and the point of control.

A scratch row holds four int64: bid volume, ask volume, bid count, ask count.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from orderflow_bt.kernels._jit import kernel

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

CELL_FIELDS = 5
PRICE_LOW, BID, ASK, BID_COUNT, ASK_COUNT = 0, 1, 2, 3, 4


@kernel
def point_of_control(scratch: NDArray[np.int64], begin: int, rows: int) -> int:
    """Row, counted from the bar's low row, with the most volume.

    Ties: nearest the middle of the rows; then on the side of the middle with more volume; then
    the lower row.

    Args:
        scratch: Flat int64, four a row.
        begin: Position of the bar's low row in it.
        rows: Rows from the bar's low to its high, at least one.
    """
    best = scratch[begin] + scratch[begin + 1]
    row = 0
    rival = -1  # the row above the middle that is as large and as near
    for r in range(1, rows):
        total = scratch[begin + 4 * r] + scratch[begin + 4 * r + 1]
        if total > best:
            best = total
            row = r
            rival = -1
        elif total == best:
            near = abs(2 * r - (rows - 1))
            nearest = abs(2 * row - (rows - 1))
            if near < nearest:
                row = r
                rival = -1
            elif near == nearest:
                rival = r
    if rival >= 0:
        balance = 0  # above the middle minus below it
        for r in range(rows):
            total = scratch[begin + 4 * r] + scratch[begin + 4 * r + 1]
            if 2 * r > rows - 1:
                balance += total
            elif 2 * r < rows - 1:
                balance -= total
        if balance > 0:
            row = rival
    return row


@kernel
def emit_cells(
    scratch: NDArray[np.int64],
    begin: int,
    rows: int,
    first: int,
    row_size: int,
    cells: NDArray[np.int64],
    used: int,
) -> None:
    """Copy ``rows`` scratch rows to ``cells[used:]``, lowest price first.

    Args:
        scratch: Flat int64, four a row.
        begin: Position of the bar's low row in it.
        rows: How many.
        first: Row number of the bar's low row.
        row_size: Price units a row.
        cells: Int64 [capacity, CELL_FIELDS].
        used: Where to write.
    """
    for r in range(rows):
        cells[used + r, PRICE_LOW] = (first + r) * row_size
        cells[used + r, BID] = scratch[begin + 4 * r]
        cells[used + r, ASK] = scratch[begin + 4 * r + 1]
        cells[used + r, BID_COUNT] = scratch[begin + 4 * r + 2]
        cells[used + r, ASK_COUNT] = scratch[begin + 4 * r + 3]
