"""Prices that orders wait for: stops, trailing stops, if-touched orders, watched cancels."""

from __future__ import annotations

from typing import TYPE_CHECKING

from orderflow_bt.kernels._jit import kernel
from orderflow_bt.kernels.orders import (
    ARMED,
    ARRIVAL,
    FROM,
    LEFT,
    LIMIT,
    LIMIT_PRICE,
    N_REPORTS,
    NEVER,
    PENDING,
    PRICE,
    R_REFERENCE,
    SIDE,
    STATE,
    STOP,
    TAKING,
    TRAIL,
    TRIGGERED,
    TYPE,
    WATCH_PRICE,
    WATCH_SIDE,
    WATCHED,
    is_live,
    report,
)

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


@kernel
def test_triggers(
    now: int,
    index: int,
    traded: int,
    orders: NDArray[np.int64],
    n_orders: int,
    state: NDArray[np.int64],
    reports: NDArray[np.int64],
) -> None:
    """Stops that this trade triggers, and watched prices at which the client sends a cancel.

    A trailing stop is tested first and moves then. When the market order of a stop starts, and
    when a cancel arrives, is for whoever reads the report to set.
    """
    for k in range(n_orders):
        status = orders[k, STATE]
        if not is_live(orders, k):
            continue
        watched = orders[k, WATCH_PRICE]
        watch = orders[k, WATCH_SIDE]
        if (watch > 0 and traded >= watched) or (watch < 0 and traded <= watched):
            orders[k, WATCH_SIDE] = 0
            report(reports, state, WATCHED, k, now, index, traded, 0, 0, 0, 0)
        if status != ARMED or index < orders[k, FROM]:
            continue
        level = orders[k, PRICE]
        trail = orders[k, TRAIL]
        up = (orders[k, SIDE] > 0) == (orders[k, TYPE] == STOP)
        if level == 0 and trail > 0:  # nothing had traded when it arrived
            orders[k, PRICE] = traded + orders[k, SIDE] * trail
        elif (up and traded >= level) or (not up and traded <= level):
            report(
                reports, state, TRIGGERED, k, now, index, traded, orders[k, LEFT], 0, 0, 0
            )  # fmt: skip
            reports[state[N_REPORTS] - 1, R_REFERENCE] = level
            orders[k, STATE] = TAKING
            orders[k, ARRIVAL] = NEVER  # until it is told how long the trigger takes
            orders[k, FROM] = index + 1
            if orders[k, LIMIT_PRICE] > 0:
                orders[k, STATE] = PENDING
                orders[k, TYPE] = LIMIT
                orders[k, PRICE] = orders[k, LIMIT_PRICE]
        elif trail > 0:
            behind = traded + orders[k, SIDE] * trail
            orders[k, PRICE] = min(level, behind) if up else max(level, behind)
