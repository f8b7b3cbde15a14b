"""Low and high of every 64 trades, by which whole blocks of tape can be passed over.

``lows`` and ``highs`` are int64, block ``b`` being rows ``[64 b, 64 b + 64)`` of the columns. Where
there are none for the last rows, or for any, trades are looked at one by one: what passes over
blocks answers as a full scan does.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from orderflow_bt.kernels._jit import kernel

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

BLOCK_BITS = 6
BLOCK = 1 << BLOCK_BITS


@kernel
def block_extremes(
    prices: NDArray[np.int64], lows: NDArray[np.int64], highs: NDArray[np.int64]
) -> None:
    """Write the least and the greatest price of each block of trades.

    Args:
        prices: Int64 [n], price units.
        lows: Int64 [ceil(n / 64)], written; block k is trades [64 k, 64 k + 64).
        highs: Int64 [ceil(n / 64)], written.
    """
    n = prices.shape[0]
    for block in range(lows.shape[0]):
        begin = block * BLOCK
        low = prices[begin]
        high = low
        if begin + BLOCK <= n:
            # a loop of fixed length becomes vector instructions
            for i in range(BLOCK):
                price = prices[begin + i]
                low = min(low, price)
                high = max(high, price)
        else:
            for i in range(begin, n):
                price = prices[i]
                low = min(low, price)
                high = max(high, price)
        lows[block] = low
        highs[block] = high


@kernel
def first_outside(
    price: NDArray[np.int64],
    start: int,
    stop: int,
    low: int,
    high: int,
    lows: NDArray[np.int64],
    highs: NDArray[np.int64],
) -> int:
    """First row of ``[start, stop)`` whose price is not between ``low`` and ``high``, else stop."""
    i = start
    whole = min(stop >> BLOCK_BITS, lows.shape[0])
    while i < stop:
        block = i >> BLOCK_BITS
        edge = stop
        if block < whole:
            if i == block << BLOCK_BITS:
                while block < whole and low < lows[block] and highs[block] < high:
                    block += 1
                i = block << BLOCK_BITS
            if block < whole:
                edge = (block + 1) << BLOCK_BITS
        while i < edge and low < price[i] < high:
            i += 1
        if i < edge:
            return i
    return stop


@kernel
def price_range(
    price: NDArray[np.int64],
    start: int,
    stop: int,
    low: int,
    high: int,
    lows: NDArray[np.int64],
    highs: NDArray[np.int64],
) -> tuple[int, int]:
    """Lowest and highest price of trades ``[start, stop)``, ``low`` and ``high`` included."""
    i = start
    whole = min(stop >> BLOCK_BITS, lows.shape[0])
    while i < stop:
        block = i >> BLOCK_BITS
        if block < whole and i == block << BLOCK_BITS:
            low = min(low, lows[block])
            high = max(high, highs[block])
            i += BLOCK
        else:
            low = min(low, price[i])
            high = max(high, price[i])
            i += 1
    return low, high
