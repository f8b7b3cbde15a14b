"""What must hold of trades before they are counted: looked at block by block, just before."""

from __future__ import annotations

from typing import TYPE_CHECKING

from orderflow_bt.kernels._jit import kernel
from orderflow_bt.kernels.accumulate import extremes
from orderflow_bt.kernels.bar_state import MAX_INT64

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

BLOCK = 1 << 14  # so many trades stay in the cache until they are counted


@kernel
def inspect_trades(
    times: NDArray[np.int64],
    prices: NDArray[np.int64],
    qtys: NDArray[np.int64],
    sides: NDArray[np.int8],
) -> tuple[int, int, int, int, int]:
    """What the edge must know of at least one trade.

    Returns:
        Trades earlier than the one before, sides that are neither +1 nor -1, least and greatest
        price, and the greatest quantity (-1 where one is negative).
    """
    least, most = extremes(prices)
    smallest, largest = extremes(qtys)
    unsided = 0
    for i in range(sides.shape[0]):
        unsided += (sides[i] != 1) & (sides[i] != -1)
    backwards = 0
    for i in range(1, times.shape[0]):
        backwards += times[i] < times[i - 1]
    return backwards, unsided, least, most, largest if smallest >= 0 else -1


@kernel
def inspect_block(
    start: int,
    times: NDArray[np.int64],
    prices: NDArray[np.int64],
    qtys: NDArray[np.int64],
    sides: NDArray[np.int8],
) -> tuple[int, int, int]:
    """Inspect the next trades, from ``start`` on and at least one.

    Returns:
        Where they end, or -1 where one of them cannot be counted; their largest quantity, and what
        no price times quantity of theirs is farther from 0 than, less than 2**63.
    """
    stop = min(start + BLOCK, times.shape[0])
    backwards, unsided, least, most, largest = inspect_trades(
        times[max(start - 1, 0) : stop], prices[start:stop], qtys[start:stop], sides[start:stop]
    )
    if backwards > 0 or unsided > 0 or largest < 0:
        return -1, 0, 0
    if largest > 0 and (least < -MAX_INT64 or max(-least, most) > MAX_INT64 // largest):
        return -1, 0, 0
    return stop, largest, max(-least, most) * largest
