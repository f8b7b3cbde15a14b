"""Blocks of 64 trades: what their lowest and highest price let a scan pass over.

Columns: ``price`` int64 [n]; ``lows`` and ``highs`` int64 [blocks], block ``b`` being rows
``[64 b, 64 b + 64)``. Rows behind the last block, or all where there is none, are looked at
one by one: the answers are those of a full scan.
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
    price: NDArray[np.int64], lows: NDArray[np.int64], highs: NDArray[np.int64]
) -> None:
    """Fill in the lowest and highest price of every block."""
    for b in range(lows.shape[0]):
        low = high = price[b << BLOCK_BITS]
        for i in range(b << BLOCK_BITS, (b + 1) << BLOCK_BITS):
            low = min(low, price[i])
            high = max(high, price[i])
        lows[b] = low
        highs[b] = high


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
