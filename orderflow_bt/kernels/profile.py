"""A volume profile: trades into dense rows, its value area, and when a price comes back.

Rows are flat int64, four a row: bid volume, ask volume, bid count, ask count.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from orderflow_bt.kernels._jit import kernel

if TYPE_CHECKING:
    from numpy.typing import NDArray


@kernel
def add_to_rows(
    row_size: int,
    origin: int,
    prices: NDArray[np.int64],
    qtys: NDArray[np.int64],
    sides: NDArray[np.int8],
    fills: NDArray[np.int32],
    rows: NDArray[np.int64],
) -> None:
    """Add trades to ``rows``, the first of which is row number ``origin``; all must be inside."""
    for i in range(prices.shape[0]):
        # unsigned: the row is known to be inside, and needs no look for negative positions
        cell = np.uint64((prices[i] // row_size - origin) * 4 + ((np.int64(sides[i]) + 1) >> 1))
        rows[cell] += qtys[i]
        rows[cell + np.uint64(2)] += fills[i]


@kernel
def add_cells_to_rows(
    row_size: int, origin: int, cells: NDArray[np.int64], rows: NDArray[np.int64]
) -> None:
    """As `add_to_rows`, of cells of any bars: int64 [n, 5], a price and four sums each."""
    for i in range(cells.shape[0]):
        first = (cells[i, 0] // row_size - origin) * 4
        for k in range(4):
            rows[first + k] += cells[i, k + 1]


@kernel
def value_area(
    volumes: NDArray[np.int64],
    poc: int,
    numerator: int,
    denominator: int,
    step: int,
    tie_up: int,
    whole_steps: int,
) -> tuple[int, int]:
    """First and last row of the value area: rows around the point of control.

    Args:
        volumes: Int64 [n] volume of each row, lowest first; their sum x denominator fits.
        poc: Row to begin with.
        numerator: The area holds at least ``numerator / denominator`` of the volume.
        denominator: See above.
        step: Rows that are compared and added together.
        tie_up: 1 takes the rows above where both sides weigh the same, 0 those below.
        whole_steps: 0 stops within a step, at the row that makes it enough.
    """
    n = volumes.shape[0]
    total = 0
    for r in range(n):
        total += volumes[r]
    low = poc
    high = poc
    inside = volumes[poc]
    while inside * denominator < total * numerator:
        above = 0
        for r in range(high + 1, min(high + step, n - 1) + 1):
            above += volumes[r]
        below = 0
        for r in range(max(low - step, 0), low):
            below += volumes[r]
        can_rise = high < n - 1
        goes_up = can_rise and (low == 0 or above > below or (above == below and tie_up))
        for _ in range(step):
            if goes_up and high < n - 1:
                high += 1
                inside += volumes[high]
            elif not goes_up and low > 0:
                low -= 1
                inside += volumes[low]
            if not whole_steps and inside * denominator >= total * numerator:
                break
    return low, high


@kernel
def first_return(prices: NDArray[np.int64], before: int, low: int, high: int, cross: int) -> int:
    """Position of the first trade in ``[low, high)``, or that jumps across it; -1 if none does.

    Args:
        prices: Int64 [n].
        before: Price of the trade before the first.
        low: Lowest price of the band.
        high: First price above it.
        cross: 1 where two consecutive trades on either side of the band count.
    """
    for i in range(prices.shape[0]):
        price = prices[i]
        if low <= price < high:
            return i
        if cross and (before < low) != (price < low):
            return i
        before = price
    return -1
