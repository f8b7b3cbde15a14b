"""Low and high of every 64 trades, by which whole blocks of tape can be passed over."""

from __future__ import annotations

from typing import TYPE_CHECKING

from orderflow_bt.kernels._jit import kernel

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

BLOCK = 64


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
