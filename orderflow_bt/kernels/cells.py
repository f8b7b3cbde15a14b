"""The cells of one bar's footprint: from the dense scratch to rows, and the point of control.

A scratch row holds four int64: bid volume, ask volume, bid count, ask count.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from orderflow_bt.kernels._jit import kernel

if TYPE_CHECKING:
    from numpy.typing import NDArray

CELL_FIELDS = 5
PRICE_LOW, BID, ASK, BID_COUNT, ASK_COUNT = 0, 1, 2, 3, 4


@kernel
def row_volume(scratch: NDArray[np.int64], begin: int, row: int) -> int:
    """Bid and ask volume of a row; its position is not negative, and is looked up as such."""
    at = np.uint64(begin + 4 * row)
    return scratch[at] + scratch[at + np.uint64(1)]


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
    best = 0
    for r in range(rows):
        best = max(best, row_volume(scratch, begin, r))
    lower = (rows - 1) // 2
    upper = rows // 2
    while row_volume(scratch, begin, lower) != best and row_volume(scratch, begin, upper) != best:
        lower -= 1
        upper += 1
    if row_volume(scratch, begin, lower) != best:
        return upper
    if lower == upper or row_volume(scratch, begin, upper) != best:
        return lower
    balance = 0  # above the middle minus below it
    for r in range(rows):
        if 2 * r > rows - 1:
            balance += row_volume(scratch, begin, r)
        elif 2 * r < rows - 1:
            balance -= row_volume(scratch, begin, r)
    return upper if balance > 0 else lower


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
    flat = cells.reshape(-1)
    at = np.uint64(begin)
    to = np.uint64(CELL_FIELDS * used)
    price = first * row_size
    for _ in range(rows):
        flat[to] = price
        flat[to + np.uint64(BID)] = scratch[at]
        flat[to + np.uint64(ASK)] = scratch[at + np.uint64(1)]
        flat[to + np.uint64(BID_COUNT)] = scratch[at + np.uint64(2)]
        flat[to + np.uint64(ASK_COUNT)] = scratch[at + np.uint64(3)]
        price += row_size
        at += np.uint64(4)
        to += np.uint64(CELL_FIELDS)
