"""Bars whose aggressive volume dries up towards their high or low."""

from __future__ import annotations

from typing import TYPE_CHECKING

from orderflow_bt.kernels._jit import kernel
from orderflow_bt.kernels.emit import DONE, EMITTED, NEXT_BAR, OUT_FULL, emit
from orderflow_bt.kernels.imbalance import F_ASK, F_BID, group_rows

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


@kernel
def find_exhausted(
    bars: NDArray[np.int64],
    cells: NDArray[np.int64],
    cell_start: NDArray[np.int64],
    row_size: int,
    least: int,
    thin: int,
    share: int,
    rows: NDArray[np.int64],
    state: NDArray[np.int64],
    out: NDArray[np.int64],
) -> int:
    """Write the bars whose flow died into an extreme.

    Args:
        bars: Int64 [m, fields of a bar].
        cells: Int64 [n, 5], rows of all bars, as ``cell_start`` says.
        cell_start: Int64 [m + 1]: bar k owns ``cells[cell_start[k]:cell_start[k + 1]]``.
        row_size: Height of a row, a multiple of the cells'.
        least: Rows that must grow from the extreme inward; a bar of fewer is not judged.
        thin: 1 asks for a thin extreme row in place of that.
        share: Its percent of the largest row, at most.
        rows: Int64 [>= rows of any bar, 5], scratch.
        state: Int64, `NEXT_BAR` and `EMITTED`.
        out: Int64 [events, OUT_FIELDS]; A is the extreme row's volume of the side that made it, B
            that side's largest, C the bar's rows.

    Returns:
        DONE or OUT_FULL.
    """
    for k in range(state[NEXT_BAR], bars.shape[0]):
        state[NEXT_BAR] = k
        if state[EMITTED] + 2 > out.shape[0]:
            return OUT_FULL
        n = group_rows(cells[cell_start[k] : cell_start[k + 1]], row_size, rows)
        if n < least:
            continue
        for side in (1, -1):
            column = F_ASK if side > 0 else F_BID
            edge = n - 1 if side > 0 else 0
            first, near = rows[edge, column], rows[edge - side * (least - 1), column]
            largest = 0
            for r in range(n):
                largest = max(largest, rows[r, column])
            if thin:
                found = largest > 0 and 100 * first <= share * largest
                above, under = share * largest if first else largest, 100 * first
            else:
                found = True
                for r in range(least - 1):
                    if rows[edge - side * (r + 1), column] <= rows[edge - side * r, column]:
                        found = False
                above, under = near, first
            if found:
                extreme = bars[k, 3] if side > 0 else bars[k, 4]
                emit(
                    out, state, 0, k, 0, -side, extreme, bars[k, 4], bars[k, 3], above, under,
                    bars[k, 0], first, largest, n, 0, 0,
                )  # fmt: skip
    state[NEXT_BAR] = bars.shape[0]
    return DONE
