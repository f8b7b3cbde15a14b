"""What an open position went through, trade by trade, or block by block where that is the same."""

from __future__ import annotations

from typing import TYPE_CHECKING

from orderflow_bt.kernels._jit import kernel
from orderflow_bt.kernels.blocks import BLOCK, BLOCK_BITS, price_range
from orderflow_bt.kernels.orders import NEVER

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

# What a change of the account does to a round trip.
SHRINKS = 1
ENDS = 2
OPENS = 4


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
    steps: NDArray[np.int64],
    lines: NDArray[np.float64],
    inverse: bool,  # noqa: FBT001 - a scalar like the others
    peak: float,
    worst: float,
    low: int,
    high: int,
    lived: NDArray[np.int64],
) -> tuple[float, float, int, int]:
    """Carry `drawdown` over trades and changes, and find the extremes between changes.

    A trade counts for what was held before it, and so does the price of a fill that reduces it.

    Args:
        price: Of the stretch in hand.
        lows: Of its blocks (`blocks`), as ``highs``.
        highs: See there.
        start: First row that is not marked yet.
        stop: Where marking ends.
        steps: Int64 [n, 4], changes of the account in order: the row before which it changed, what
            it did to a round trip (`SHRINKS`, `ENDS`, `OPENS`), the fill's price, the last price.
        lines: Float64 [n + 1, 2]: constant and slope of equity, before the first change and behind
            each; slope 0 where nothing is held.
        inverse: Whether equity is constant + slope / price.
        peak: With ``worst`` what `drawdown` carries.
        worst: See there.
        low: With ``high`` the extremes since the last change, ``NEVER`` and ``-NEVER`` for none.
        high: See there.
        lived: Int64 [n, 2], written: the extremes before each change and since the one before.
    """
    for k in range(steps.shape[0] + 1):
        row = stop if k == steps.shape[0] else steps[k, 0]
        if lines[k, 1] != 0.0 and start < row:
            low, high = price_range(price, start, row, low, high, lows, highs)
            peak, worst = drawdown(
                price, lows, highs, start, row, lines[k, 0], lines[k, 1], inverse, peak, worst
            )
        start = max(start, row)
        if k == steps.shape[0]:
            break
        trip = steps[k, 1]
        paid = steps[k, 2]
        if trip & SHRINKS:
            low = min(low, paid)
            high = max(high, paid)
        lived[k, 0] = low
        lived[k, 1] = high
        low = NEVER
        high = -NEVER
        last = steps[k, 3]
        slope = lines[k + 1, 1]
        equity = lines[k + 1, 0] + (slope / last if inverse else slope * last)
        peak = max(peak, equity)
        worst = min(worst, equity / peak - 1.0)
    return peak, worst, low, high
