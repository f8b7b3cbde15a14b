"""Prices between which an account can surely carry what it holds, and what may open more.

The prices are cheap, and never too wide. The exact band needs tiers and exact fractions; only who
keeps the books can tell it. It is asked for when a trade leaves the prices given here.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from orderflow_bt.kernels import orders as k
from orderflow_bt.kernels._jit import kernel

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

CAREFUL = 1e-9  # a wire's distance from where it would stand, as a share: floats err by far less


@kernel
def set_wire(state: NDArray[np.int64]) -> None:
    """Set the band behind a fill: `EXACT` when flat, else `WIRE` or `UNKNOWN`.

    A position worth ``v``, at most ``state[SAFE_WORTH]``, needs no more than ``rate * v`` with the
    rate ``state[SAFE_RATE]``. So it is carried where ledger + side v > rate v: for a long one
    above ``-ledger / (1 - rate)``, for a short one below ``ledger / (1 + rate)``.
    """
    if state[k.BAND_RULE] == k.NO_BAND:
        return
    held = state[k.POSITION]
    state[k.LIQUIDATE_LOW] = -k.NEVER
    state[k.LIQUIDATE_HIGH] = k.NEVER
    state[k.BAND] = k.EXACT
    if held == 0:
        return
    if state[k.BAND_RULE] == k.ASKED:
        state[k.BAND] = k.UNKNOWN
        return
    state[k.BAND] = k.WIRE
    size = float(abs(held)) * float(state[k.UNIT])  # worth at a price of one
    ledger = float(state[k.LEDGER])
    rate = state[k.SAFE_RATE] / k.MILLION
    high = float(state[k.SAFE_WORTH]) / size
    if held < 0:
        high = min(high, ledger / (1.0 + rate) / size)
    elif ledger < 0.0:
        low = -ledger / (1.0 - rate) / size
        state[k.LIQUIDATE_LOW] = math.ceil(min(low * (1.0 + CAREFUL), float(k.NEVER)))
    if high < k.NEVER:
        state[k.LIQUIDATE_HIGH] = math.floor(high * (1.0 - CAREFUL))


@kernel
def find_openers(
    orders: NDArray[np.int64], n_orders: int, arrival: int, but: int, found: NDArray[np.int64]
) -> int:
    """Orders that can still open a position at ``arrival``; returns how many.

    Args:
        orders: As of the matching kernel.
        n_orders: Rows of it in use.
        arrival: Whose cancel comes no later counts no more.
        but: A row that does not count, -1 for none.
        found: Int64 [n_orders or more, 3], written: side, lots that are left, price or 0.
    """
    count = 0
    for row in range(n_orders):
        if (
            row != but
            and k.is_live(orders, row)
            and orders[row, k.REDUCE_ONLY] == 0
            and orders[row, k.CANCEL_AT] > arrival
        ):
            found[count, 0] = orders[row, k.SIDE]
            found[count, 1] = orders[row, k.LEFT]
            found[count, 2] = orders[row, k.PRICE]
            count += 1
    return count
