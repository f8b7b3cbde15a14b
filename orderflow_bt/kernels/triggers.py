"""Prices that orders wait for: stops, trailing stops, if-touched orders, watched cancels."""

from __future__ import annotations

from typing import TYPE_CHECKING

from orderflow_bt.kernels._jit import kernel, part
from orderflow_bt.kernels.orders import (
    AHEAD_TIME,
    ARMED,
    ARRIVAL,
    FROM,
    LEFT,
    LIMIT,
    LIMIT_PRICE,
    MARK_UP,
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


@part
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
        if status != ARMED or state[MARK_UP] > 0 or index < orders[k, FROM]:
            continue
        if waits_above(orders, k):
            reached = traded >= orders[k, PRICE]
        else:
            reached = traded <= orders[k, PRICE]
        if orders[k, PRICE] == 0 and orders[k, TRAIL] > 0:  # nothing had traded when it arrived
            trail_behind(orders, k, traded)
        elif reached:
            trigger(now, index, traded, orders, k, state, reports)
        else:
            trail_behind(orders, k, traded)


@kernel
def waits_above(orders: NDArray[np.int64], k: int) -> bool:
    """Whether stop ``k`` triggers at its price and above it, not below."""
    return (orders[k, SIDE] > 0) == (orders[k, TYPE] == STOP)


@kernel
def trail_behind(orders: NDArray[np.int64], k: int, price: int) -> None:
    """Move stop ``k``, if it trails, behind a price that is better than those before."""
    trail = orders[k, TRAIL]
    if trail == 0:
        return
    level = orders[k, PRICE]
    behind = price + orders[k, SIDE] * trail
    if level == 0:
        orders[k, PRICE] = behind
    else:
        orders[k, PRICE] = min(level, behind) if waits_above(orders, k) else max(level, behind)


@kernel
def trigger(
    now: int,
    index: int,
    price: int,
    orders: NDArray[np.int64],
    k: int,
    state: NDArray[np.int64],
    reports: NDArray[np.int64],
) -> None:
    """Stop ``k`` has its price, at trade ``index``: it becomes a market or limit order."""
    level = orders[k, PRICE]
    report(reports, state, TRIGGERED, k, now, index, price, orders[k, LEFT], 0, 0, 0)
    reports[state[N_REPORTS] - 1, R_REFERENCE] = level
    orders[k, STATE] = TAKING
    orders[k, ARRIVAL] = NEVER  # until it is told how long the trigger takes
    orders[k, FROM] = index + 1
    if orders[k, LIMIT_PRICE] > 0:
        orders[k, STATE] = PENDING
        orders[k, TYPE] = LIMIT
        orders[k, PRICE] = orders[k, LIMIT_PRICE]


@kernel
def test_mark(
    now: int,
    since: int,
    index: int,
    down: int,
    up: int,
    orders: NDArray[np.int64],
    n_orders: int,
    state: NDArray[np.int64],
    reports: NDArray[np.int64],
) -> None:
    """Orders that a mark price triggers, among those that wait as they do since ``since``.

    Args:
        now: When the price is known, microseconds.
        since: Orders that began to wait later, or for another price, are left alone.
        index: Of the last trade.
        down: The mark price, rounded down to whole price units.
        up: And rounded up.
        orders: As everywhere; ``n_orders`` rows.
        n_orders: See there.
        state: Of the kernel.
        reports: What is triggered is added to them.
    """
    for k in range(n_orders):
        level = orders[k, PRICE]
        if orders[k, STATE] != ARMED or orders[k, AHEAD_TIME] > since or level == 0:
            continue
        if (down >= level) if waits_above(orders, k) else (up <= level):
            trigger(now, index, down, orders, k, state, reports)


@kernel
def trail_mark(since: int, down: int, up: int, orders: NDArray[np.int64], n_orders: int) -> None:
    """Let stops trail a mark price; arguments as of `test_mark`."""
    for k in range(n_orders):
        if orders[k, STATE] == ARMED and orders[k, AHEAD_TIME] <= since:
            trail_behind(orders, k, up if orders[k, SIDE] > 0 else down)
