"""What the exchange does when an account can no longer carry its position."""

from __future__ import annotations

from typing import TYPE_CHECKING

from orderflow_bt.kernels._jit import kernel
from orderflow_bt.kernels.orders import (
    CANCELLED,
    DONE,
    LIQUIDATE_HIGH,
    LIQUIDATE_LOW,
    LIQUIDATED,
    LIQUIDATION,
    POSITION,
    STATE,
    end,
)

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


@kernel
def liquidates(
    now: int,
    traded: int,
    orders: NDArray[np.int64],
    n_orders: int,
    state: NDArray[np.int64],
    reports: NDArray[np.int64],
) -> bool:
    """Whether a trade at ``traded`` liquidates the position; then every order ends.

    It does at or below ``state[LIQUIDATE_LOW]``, and at or above ``state[LIQUIDATE_HIGH]``.
    """
    if state[POSITION] == 0 or state[LIQUIDATE_LOW] < traded < state[LIQUIDATE_HIGH]:
        return False
    end_all(now, orders, n_orders, state, reports)
    state[LIQUIDATED] = 1
    return True


@kernel
def end_all(
    now: int,
    orders: NDArray[np.int64],
    n_orders: int,
    state: NDArray[np.int64],
    reports: NDArray[np.int64],
) -> None:
    """Every order ends at ``now``, because the account cannot carry its position."""
    for k in range(n_orders):
        if orders[k, STATE] != DONE:
            end(orders, n_orders, k, reports, state, CANCELLED, now, LIQUIDATION)
