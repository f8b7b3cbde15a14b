"""What the exchange does when an account can no longer carry its position."""

from __future__ import annotations

from typing import TYPE_CHECKING

from orderflow_bt.kernels._jit import kernel, part
from orderflow_bt.kernels.orders import (
    BAND,
    CANCELLED,
    DONE,
    EXACT,
    LIQUIDATE_HIGH,
    LIQUIDATE_LOW,
    LIQUIDATED,
    LIQUIDATION,
    POSITION,
    STATE,
    UNKNOWN,
    end,
)

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


@part
def liquidates(
    now: int,
    traded: int,
    orders: NDArray[np.int64],
    n_orders: int,
    state: NDArray[np.int64],
    reports: NDArray[np.int64],
) -> bool:
    """Whether a trade at ``traded`` liquidates the position; then every order ends.

    It does at or below ``state[LIQUIDATE_LOW]``, and at or above ``state[LIQUIDATE_HIGH]``. Where
    these are not exact, whoever knows better is to be asked: True, but ``state[LIQUIDATED]`` is 0.
    """
    if state[POSITION] == 0 or state[LIQUIDATE_LOW] < traded < state[LIQUIDATE_HIGH]:
        return False
    if state[BAND] != EXACT:
        state[BAND] = UNKNOWN
        return True
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
