"""Footprint rows of one height from finer ones."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from orderflow_bt.errors import UsageError

if TYPE_CHECKING:
    from numpy.typing import NDArray


def regroup(cells: NDArray[np.int64], row_size: int) -> NDArray[np.int64]:
    """The same bar in rows of ``row_size`` price units: exact sums, dense, lowest first.

    Args:
        cells: int64 [rows, 5], dense, of a height that divides ``row_size``.
        row_size: Height of the new rows; their edges are multiples of it.

    Returns:
        int64 [rows, 5], a view of ``cells`` where the height is the same.

    Raises:
        UsageError: The height of the given rows does not divide ``row_size``.
    """
    if len(cells) < 2 or int(cells[1, 0] - cells[0, 0]) == row_size:
        if len(cells) == 1 and cells[0, 0] % row_size:
            cells = cells.copy()
            cells[0, 0] -= cells[0, 0] % row_size
        return cells
    if row_size % int(cells[1, 0] - cells[0, 0]):
        raise UsageError(
            f"rows of {cells[1, 0] - cells[0, 0]} do not nest in rows of {row_size}",
            fix="Take a multiple of their height",
        )
    rows = cells[:, 0] // row_size
    first = np.flatnonzero(np.diff(rows, prepend=rows[0] - 1))
    coarse = np.add.reduceat(cells, first, axis=0)
    coarse[:, 0] = rows[first] * row_size
    return coarse
