"""What takers pay: the reference price of a trade, and the slippage beyond it.

Slippage adds up from four models and is counted in millionths of a price unit; only the sum is
rounded, against the order, to a whole tick. Rules: ``docs/fills.md``, *Market orders*.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from orderflow_bt.kernels._jit import kernel
from orderflow_bt.kernels.orders import (
    CROSS,
    MILLION,
    NEXT_PRINT,
    S_BPS,
    S_HALF_SPREAD,
    S_IMPACT,
    S_IMPACT_WINDOW,
    S_REFERENCE,
    S_SLIPPAGE,
    S_TICK,
)
from orderflow_bt.kernels.quotes import NO_PRICE

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

RANGE_TO_SIGMA = 1 / math.sqrt(4 * math.log(2))  # Parkinson 1980: sigma from high - low
PER_BPS_UNIT = 100_000_000


@kernel
def cross_price(order_side: int, traded: int, bid: int, ask: int) -> int:
    """The worse of a trade's price and the inferred quote a taking order would meet."""
    if order_side > 0:
        return max(traded, ask) if ask != NO_PRICE else traded
    return min(traded, bid) if bid != NO_PRICE else traded


@kernel
def reference_price(
    order_side: int,
    traded: int,
    trade_side: int,
    bid: int,
    ask: int,
    settings: NDArray[np.int64],
) -> int:
    """What a taking order pays at a trade before slippage, in price units.

    ``CROSS`` takes the worse of the trade and the inferred quote on the other side; where a market
    order waits for a trade of its own side, that trade's price is what such an order paid.
    """
    kind = settings[S_REFERENCE]
    if kind == NEXT_PRINT or (kind != CROSS and trade_side == order_side):
        return traded
    return cross_price(order_side, traded, bid, ask)


@kernel
def square_root_impact(kappa: float, sigma: float, qty: float, volume: float) -> float:
    """The square-root law: kappa * sigma * sqrt(qty / volume), in the unit of ``sigma``."""
    return kappa * sigma * math.sqrt(qty / volume) if volume > 0 else 0.0


@kernel
def impact_millionths(
    price: NDArray[np.int64],
    qty: NDArray[np.int64],
    i: int,
    order_qty: int,
    settings: NDArray[np.int64],
) -> int:
    """Impact of a whole order by the trades before ``i``, in millionths of a price unit.

    Volatility (from high - low) and volume are those of the last ``S_IMPACT_WINDOW`` trades.
    """
    first = max(0, i - settings[S_IMPACT_WINDOW])
    if first == i:
        return 0
    low = high = price[first]
    volume = 0
    for j in range(first, i):
        low = min(low, price[j])
        high = max(high, price[j])
        volume += qty[j]
    kappa = settings[S_IMPACT] / MILLION
    sigma = (high - low) * RANGE_TO_SIGMA
    return int(square_root_impact(kappa, sigma, order_qty, volume) * MILLION)


@kernel
def up_to_tick(millionths: int, tick: int) -> int:
    """Millionths of a price unit as price units, rounded up to a whole tick."""
    return -(-millionths // (MILLION * tick)) * tick


@kernel
def slippage(
    reference: int,
    bid: int,
    ask: int,
    price: NDArray[np.int64],
    qty: NDArray[np.int64],
    i: int,
    order_qty: int,
    settings: NDArray[np.int64],
) -> tuple[int, int, int, int]:
    """(fixed ticks, half spread, basis points, impact) in price units, each a multiple of the tick.

    Their sum is the exact sum rounded up once; each part is what its model added to it.
    """
    fixed = settings[S_SLIPPAGE]
    if settings[S_HALF_SPREAD] == 0 and settings[S_BPS] == 0 and settings[S_IMPACT] == 0:
        return fixed, 0, 0, 0
    tick = settings[S_TICK]
    exact = fixed * MILLION
    if settings[S_HALF_SPREAD] == 1 and min(bid, ask) != NO_PRICE:  # the least there is
        exact += (ask - bid) * (MILLION // 2)
    with_spread = up_to_tick(exact, tick)
    per_million = PER_BPS_UNIT // MILLION
    exact += reference // per_million * settings[S_BPS]
    exact += reference % per_million * settings[S_BPS] // per_million
    with_bps = up_to_tick(exact, tick)
    if settings[S_IMPACT] > 0:
        exact += impact_millionths(price, qty, i, order_qty, settings)
    total = up_to_tick(exact, tick)
    return fixed, with_spread - fixed, with_bps - with_spread, total - with_bps
