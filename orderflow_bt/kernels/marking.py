"""What an open position went through, trade by trade, or block by block where that is the same."""

from __future__ import annotations

from typing import TYPE_CHECKING

from orderflow_bt.kernels._jit import kernel
from orderflow_bt.kernels.blocks import BLOCK, BLOCK_BITS, price_range

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


@kernel
def drawdown(
    price: NDArray[np.int64],
    lows: NDArray[np.int64],
    highs: NDArray[np.int64],
    start: int,
    stop: int,
    cash: float,
    per_unit: float,
    inverse: bool,  # noqa: FBT001 - a scalar like the others
    peak: float,
    worst: float,
) -> tuple[float, float]:
    """Carry (equity peak, worst equity / peak - 1) over trades at which the position is constant.

    Equity at a price is ``cash + per_unit * price``, or ``cash + per_unit / price`` for inverse
    contracts: monotone in price, also as it is rounded. So a block (`blocks`) whose best equity
    makes no new peak has its worst at its low or its high; and one that does make a peak cannot
    set a new worst if its own worst under its own best would not. Only what is left is looked at
    trade by trade, so that the answer is that of a full scan, to the bit.
    """
    i = start
    whole = min(stop >> BLOCK_BITS, lows.shape[0])
    while i < stop:
        block = i >> BLOCK_BITS
        edge = stop
        if block < whole and i == block << BLOCK_BITS:
            edge = i + BLOCK
            at_low = cash + (per_unit / lows[block] if inverse else per_unit * lows[block])
            at_high = cash + (per_unit / highs[block] if inverse else per_unit * highs[block])
            best = max(at_low, at_high)
            least = min(at_low, at_high)
            if best <= peak:
                worst = min(worst, least / peak - 1.0)
                i = edge
            elif least > 0.0 and least / best - 1.0 >= worst:
                peak = best
                i = edge
        elif block < whole:
            edge = min(stop, (block + 1) << BLOCK_BITS)
        while i < edge:
            equity = cash + (per_unit / price[i] if inverse else per_unit * price[i])
            if equity > peak:
                peak = equity
            elif equity / peak - 1.0 < worst:
                worst = equity / peak - 1.0
            i += 1
    return peak, worst


@kernel
def live_through(
    price: NDArray[np.int64],
    lows: NDArray[np.int64],
    highs: NDArray[np.int64],
    start: int,
    stop: int,
    cash: float,
    per_unit: float,
    inverse: bool,  # noqa: FBT001 - a scalar like the others
    peak: float,
    worst: float,
    low: int,
    high: int,
) -> tuple[float, float, int, int]:
    """`drawdown` and the extremes of price (low, high), which are carried along, in one call."""
    low, high = price_range(price, start, stop, low, high, lows, highs)
    peak, worst = drawdown(
        price, lows, highs, start, stop, cash, per_unit, inverse, peak, worst
    )  # fmt: skip
    return peak, worst, low, high
