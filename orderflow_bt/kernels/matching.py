"""What a trade gives to resting orders, and what any fill does to the orders around it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from orderflow_bt.kernels._jit import kernel, part
from orderflow_bt.kernels.orders import (
    AHEAD,
    AHEAD_LESS,
    AHEAD_TIME,
    ARRIVAL,
    AT_LIMIT,
    CANCELLED,
    DONE,
    FILLED,
    FROM,
    GREW,
    GROWTH,
    LEFT,
    LOT_BITS,
    N_REPORTS,
    NEVER,
    NOTHING_TO_REDUCE,
    OCO,
    OCO_FILLED,
    PARENT,
    PENDING,
    POSITION,
    PRICE,
    QTY,
    R_LEFT,
    REDUCE_ONLY,
    RESTING,
    S_DECAY,
    S_DECAYS,
    S_POLICY,
    S_THROUGH_TICKS,
    S_TICK,
    SIDE,
    START_PRICE,
    STATE,
    TAKE_TIME,
    THROUGH,
    THROUGH_PRICE,
    TRAIL,
    end,
    is_live,
    leave,
    report,
)
from orderflow_bt.kernels.quotes import decayed

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


MANY_BITS = 40  # of a volume ahead that is counted in whole lots


@part
def fill(
    orders: NDArray[np.int64],
    n_orders: int,
    k: int,
    amount: int,
    at_price: int,
    rule: int,
    ahead: int,
    slippage: int,
    now: int,
    index: int,
    state: NDArray[np.int64],
    reports: NDArray[np.int64],
) -> None:
    """Give ``amount`` to order ``k``: shrink its sibling, note what its legs grow by.

    A fill that closes the position ends every live reduce-only order.
    """
    report(reports, state, FILLED, k, now, index, at_price, amount, rule, ahead, slippage)
    orders[k, LEFT] -= amount
    reports[state[N_REPORTS] - 1, R_LEFT] = orders[k, LEFT]
    if orders[k, LEFT] == 0:
        leave(orders, k)
    state[POSITION] += orders[k, SIDE] * amount
    for other in range(n_orders):
        if other == k:
            continue
        if orders[other, PARENT] == k and orders[other, STATE] != DONE:
            orders[other, GROWTH] += amount
        elif (
            orders[k, OCO] != 0 and orders[other, OCO] == orders[k, OCO] and is_live(orders, other)
        ):
            orders[other, LEFT] = max(0, orders[other, LEFT] - amount)
            if orders[other, LEFT] == 0:
                end(orders, n_orders, other, reports, state, CANCELLED, now, OCO_FILLED)
    if state[POSITION] == 0:
        for other in range(n_orders):
            if orders[other, REDUCE_ONLY] == 1 and is_live(orders, other):
                end(orders, n_orders, other, reports, state, CANCELLED, now, NOTHING_TO_REDUCE)


@part
def grow_legs(
    now: int,
    index: int,
    orders: NDArray[np.int64],
    n_orders: int,
    state: NDArray[np.int64],
    reports: NDArray[np.int64],
) -> None:
    """Add to a bracket's legs what its entry got from this trade: the next one can fill it."""
    for k in range(n_orders):
        growth = orders[k, GROWTH]
        if growth == 0:
            continue
        orders[k, GROWTH] = 0
        if orders[k, STATE] == DONE:
            continue
        orders[k, QTY] += growth
        orders[k, LEFT] += growth
        if not is_live(orders, k):
            orders[k, STATE] = PENDING
            orders[k, ARRIVAL] = now
            orders[k, FROM] = index + 1
            orders[k, TAKE_TIME] = NEVER
            orders[k, AHEAD] = 0
            if orders[k, TRAIL] > 0:
                orders[k, PRICE] = orders[k, START_PRICE]
        report(reports, state, GREW, k, now, index, 0, growth, 0, 0, 0)
        if state[POSITION] == 0:
            end(orders, n_orders, k, reports, state, CANCELLED, now, NOTHING_TO_REDUCE)


@part
def clip(
    orders: NDArray[np.int64],
    n_orders: int,
    k: int,
    now: int,
    state: NDArray[np.int64],
    reports: NDArray[np.int64],
) -> int:
    """What order ``k`` may still trade: a reduce-only order never more than the position."""
    if orders[k, REDUCE_ONLY] == 0:
        return orders[k, LEFT]
    reducible = -state[POSITION] * orders[k, SIDE]
    if reducible <= 0:
        end(orders, n_orders, k, reports, state, CANCELLED, now, NOTHING_TO_REDUCE)
        return 0
    return min(orders[k, LEFT], reducible)


@kernel
def shrink_ahead(orders: NDArray[np.int64], k: int, now: int, settings: NDArray[np.int64]) -> None:
    """Let the volume ahead of order ``k`` shrink by itself until ``now``.

    It is counted in parts of a lot, so that what is lost in many short stretches adds up; where it
    is so many lots that parts do not matter, in lots.
    """
    bits = LOT_BITS if orders[k, AHEAD] >> MANY_BITS == 0 else 0
    parts = (orders[k, AHEAD] << bits) - orders[k, AHEAD_LESS]
    parts = decayed(parts, now - orders[k, AHEAD_TIME], settings[S_DECAY:])
    orders[k, AHEAD] = -(-parts >> bits)
    orders[k, AHEAD_LESS] = (orders[k, AHEAD] << bits) - parts
    orders[k, AHEAD_TIME] = now


@part
def match_makers(
    now: int,
    index: int,
    traded: int,
    trade_side: int,
    volume: int,
    used: int,
    orders: NDArray[np.int64],
    n_orders: int,
    state: NDArray[np.int64],
    settings: NDArray[np.int64],
    reports: NDArray[np.int64],
) -> int:
    """Fill resting orders from one trade: best price first, then arrival, one budget for all.

    Returns the volume that all own orders have used of the trade.
    """
    policy = settings[S_POLICY]
    margin = settings[S_THROUGH_TICKS] * settings[S_TICK] if policy == THROUGH else 0
    after_rank = -NEVER
    after_arrival = -NEVER
    after_row = -1
    while True:  # also when nothing is left: a price traded through has nobody ahead
        k = -1
        k_rank = 0
        for row in range(n_orders):  # the next in (price priority, arrival, row) order
            if (
                orders[row, STATE] != RESTING
                or orders[row, SIDE] == trade_side
                or index < orders[row, FROM]
            ):
                continue
            rank = -orders[row, SIDE] * orders[row, PRICE]  # smaller is better priced
            beyond = orders[row, SIDE] * (orders[row, PRICE] - traded)
            if beyond < margin:
                continue
            arrival = orders[row, ARRIVAL]
            key_before = rank < after_rank or (
                rank == after_rank
                and (arrival < after_arrival or (arrival == after_arrival and row <= after_row))
            )
            if key_before:
                continue
            if k < 0 or rank < k_rank or (rank == k_rank and arrival < orders[k, ARRIVAL]):
                k = row
                k_rank = rank
        if k < 0:
            break
        after_rank = k_rank
        after_arrival = orders[k, ARRIVAL]
        after_row = k
        if settings[S_DECAYS] == 1:
            shrink_ahead(orders, k, now, settings)
        ahead = orders[k, AHEAD]
        level = orders[k, PRICE]
        reached = volume - used  # what other own orders left of this trade
        if reached >= ahead:
            orders[k, AHEAD_LESS] = 0
        if traded == level:
            orders[k, AHEAD] = max(0, ahead - reached)
            available = max(0, reached - ahead)
            rule = AT_LIMIT
        else:
            orders[k, AHEAD] = orders[k, AHEAD_LESS] = 0
            available = reached
            rule = THROUGH_PRICE
        if available == 0:
            continue
        amount = min(clip(orders, n_orders, k, now, state, reports), available)
        if amount > 0:
            used += amount
            fill(orders, n_orders, k, amount, level, rule, ahead, 0, now, index, state, reports)
    return used
