"""What an open position went through, trade by trade."""

from __future__ import annotations

from typing import TYPE_CHECKING

from orderflow_bt.kernels._jit import kernel

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


@kernel
def price_range(
    price: NDArray[np.int64], start: int, stop: int, low: int, high: int
) -> tuple[int, int]:
    """Lowest and highest price of trades ``[start, stop)``, ``low`` and ``high`` included."""
    for i in range(start, stop):
        low = min(low, price[i])
        high = max(high, price[i])
    return low, high


@kernel
def drawdown(
    price: NDArray[np.int64],
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
    contracts.
    """
    for i in range(start, stop):
        equity = cash + (per_unit / price[i] if inverse else per_unit * price[i])
        if equity > peak:
            peak = equity
        elif equity / peak - 1.0 < worst:
            worst = equity / peak - 1.0
    return peak, worst
