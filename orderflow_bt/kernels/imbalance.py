"""Imbalances between the bid and ask volumes of one bar's dense rows."""

from __future__ import annotations

from typing import TYPE_CHECKING

from orderflow_bt.kernels._jit import kernel

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

COUNT, SKIP, AS_ONE = 0, 1, 2  # what a zero on the weaker side means
F_LOW, F_BID, F_ASK, F_BUY, F_SELL = range(5)  # of a bar's rows, grouped and flagged


@kernel
def group_rows(cells: NDArray[np.int64], row_size: int, rows: NDArray[np.int64]) -> int:
    """Cells added up to rows of ``row_size``, a multiple of their height; how many rows.

    Args:
        cells: Int64 [n, 5], dense, lowest price first.
        row_size: Height of the new rows; their edges are multiples of it.
        rows: Int64 [>= n, 5], written: low price, bid, ask.
    """
    n = 0
    above = 0  # first price above the row
    for c in range(cells.shape[0]):
        if n == 0 or cells[c, 0] >= above:
            low = cells[c, 0] // row_size * row_size
            above = low + row_size
            rows[n, F_LOW] = low
            rows[n, F_BID], rows[n, F_ASK] = cells[c, 1], cells[c, 2]
            n += 1
        else:
            rows[n - 1, F_BID] += cells[c, 1]
            rows[n - 1, F_ASK] += cells[c, 2]
    return n


@kernel
def dominates(
    strong: int, weak: int, numerator: int, denominator: int, min_volume: int, zero: int
) -> bool:
    """Whether ``strong >= weak * numerator / denominator``, and is large enough.

    Compared without division or overflow: volumes up to 2**62 against ratio terms up to 2**31.
    """
    if strong <= 0 or strong < min_volume:
        return False
    if weak == 0:
        if zero == COUNT:
            return True
        if zero == SKIP:
            return False
        weak = 1
    # strong * denominator >= weak * numerator, each product as quotient and rest of 2**31
    left = (strong & 0x7FFFFFFF) * denominator
    right = (weak & 0x7FFFFFFF) * numerator
    left_upper = (strong >> 31) * denominator + (left >> 31)
    right_upper = (weak >> 31) * numerator + (right >> 31)
    if left_upper != right_upper:
        return left_upper > right_upper
    return (left & 0x7FFFFFFF) >= (right & 0x7FFFFFFF)


@kernel
def flag_imbalances(
    cells: NDArray[np.int64],
    numerator: int,
    denominator: int,
    min_volume: int,
    zero: int,
    step: int,
    buy: NDArray[np.bool_],
    sell: NDArray[np.bool_],
) -> None:
    """Mark the rows that are buy or sell imbalances.

    Args:
        cells: Int64 [rows, 5], dense, lowest price first; columns 1 and 2 are bid and ask volume.
        numerator: Of the ratio, at most 2**31.
        denominator: Of the ratio, at most 2**31.
        min_volume: The dominant side's least volume, in lots.
        zero: COUNT, SKIP or AS_ONE.
        step: 1 compares with the neighbouring row (diagonal), 0 inside the row (horizontal).
        buy: Bool [rows], written.
        sell: Bool [rows], written.
    """
    rows = cells.shape[0]
    for r in range(rows):
        buy[r] = r >= step and dominates(
            cells[r, 2], cells[r - step, 1], numerator, denominator, min_volume, zero
        )
        sell[r] = r + step < rows and dominates(
            cells[r, 1], cells[r + step, 2], numerator, denominator, min_volume, zero
        )
