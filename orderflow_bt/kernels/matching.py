"""What one trade does to own orders: triggers, then takers, then makers, from one budget."""

from __future__ import annotations

from typing import TYPE_CHECKING

from orderflow_bt.kernels._jit import kernel
from orderflow_bt.kernels.agenda import limit_wait, rest
from orderflow_bt.kernels.orders import (
    AHEAD,
    ARMED,
    ARRIVAL,
    AT_PRICE,
    CANCEL_AT,
    CANCELLED,
    DONE,
    EXPIRES,
    FILLED,
    FROM,
    GREW,
    GROWTH,
    IMMEDIATE,
    LEFT,
    LIMIT,
    MILLION,
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
    RESTED,
    RESTING,
    S_CANCEL_LATENCY,
    S_PARTICIPATION,
    S_POLICY,
    S_SLIPPAGE,
    S_THROUGH_TICKS,
    S_TICK,
    S_TRIGGER_LATENCY,
    SIDE,
    STATE,
    TAKE_TIME,
    TAKING,
    THROUGH,
    THROUGH_PRICE,
    TOOK,
    TRIGGERED,
    TYPE,
    WATCH_PRICE,
    WATCH_SIDE,
    end,
    is_live,
    leave,
    report,
)
from orderflow_bt.kernels.quotes import NO_PRICE

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
    settings: NDArray[np.int64],
    reports: NDArray[np.int64],
) -> None:
    """Stops that this trade triggers, and watched prices at which the client sends a cancel."""
    for k in range(n_orders):
        status = orders[k, STATE]
        if not is_live(orders, k):
            continue
        watched = orders[k, WATCH_PRICE]
        watch = orders[k, WATCH_SIDE]
        if (watch > 0 and traded >= watched) or (watch < 0 and traded <= watched):
            orders[k, CANCEL_AT] = min(orders[k, CANCEL_AT], now + settings[S_CANCEL_LATENCY])
            orders[k, WATCH_SIDE] = 0
        if status != ARMED or index < orders[k, FROM]:
            continue
        level = orders[k, PRICE]
        if (orders[k, SIDE] > 0 and traded >= level) or (orders[k, SIDE] < 0 and traded <= level):
            orders[k, STATE] = TAKING
            orders[k, ARRIVAL] = now + settings[S_TRIGGER_LATENCY]
            limit_wait(orders, k, now + settings[S_TRIGGER_LATENCY], settings)
            orders[k, FROM] = index + 1
            report(reports, state, TRIGGERED, k, now, index, traded, orders[k, LEFT], 0, 0, 0)


@kernel
def close_taking_windows(
    now: int,
    price: NDArray[np.int64],
    qty: NDArray[np.int64],
    side: NDArray[np.int8],
    i: int,
    bid: int,
    ask: int,
    orders: NDArray[np.int64],
    n_orders: int,
    state: NDArray[np.int64],
    settings: NDArray[np.int64],
    reports: NDArray[np.int64],
) -> None:
    """A limit order takes only from its first trade and those of the same time; then it rests."""
    for k in range(n_orders):
        if orders[k, STATE] == TAKING and orders[k, TYPE] == LIMIT and orders[k, TAKE_TIME] < now:
            rest(orders, k, price, qty, side, i, bid, ask, settings)
            ahead = orders[k, AHEAD]
            report(reports, state, RESTED, k, now, -1, 0, orders[k, LEFT], 0, ahead, 0)


@kernel
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


@kernel
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
        report(reports, state, GREW, k, now, index, 0, growth, 0, 0, 0)
        if state[POSITION] == 0:
            end(orders, n_orders, k, reports, state, CANCELLED, now, NOTHING_TO_REDUCE)


@kernel
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
def match_takers(
    now: int,
    index: int,
    traded: int,
    volume: int,
    bid: int,
    ask: int,
    orders: NDArray[np.int64],
    n_orders: int,
    state: NDArray[np.int64],
    settings: NDArray[np.int64],
    reports: NDArray[np.int64],
) -> int:
    """Fill taking orders from one trade in order of arrival; returns the volume they used."""
    share = settings[S_PARTICIPATION]  # the product in two parts: a whole one could overflow
    room = volume // MILLION * share + volume % MILLION * share // MILLION
    used = 0
    after_arrival = -NEVER
    after_row = -1
    while True:
        k = -1
        for row in range(n_orders):  # the next in (arrival, row) order
            if orders[row, STATE] != TAKING or index < orders[row, FROM]:
                continue
            arrival = orders[row, ARRIVAL]
            if arrival > now or arrival < after_arrival:
                continue
            if arrival == after_arrival and row <= after_row:
                continue
            if k < 0 or arrival < orders[k, ARRIVAL]:
                k = row
        if k < 0:
            break
        after_arrival = orders[k, ARRIVAL]
        after_row = k
        buying = orders[k, SIDE] > 0
        if buying:
            reference = max(traded, ask) if ask != NO_PRICE else traded
            paid = reference + settings[S_SLIPPAGE]
        else:
            reference = min(traded, bid) if bid != NO_PRICE else traded
            paid = max(reference - settings[S_SLIPPAGE], 1)  # a price is never zero or less
        if orders[k, TYPE] == LIMIT:
            if orders[k, TAKE_TIME] == NEVER:
                orders[k, TAKE_TIME] = now
                if orders[k, IMMEDIATE] == 1:
                    orders[k, EXPIRES] = now + 1  # after every trade of this time
            level = orders[k, PRICE]
            if (buying and reference > level) or (not buying and reference < level):
                continue
            paid = min(paid, level) if buying else max(paid, level)
        amount = min(clip(orders, n_orders, k, now, state, reports), room - used)
        if amount > 0:
            used += amount
            fill(
                orders, n_orders, k, amount, paid, TOOK, 0, abs(paid - reference), now, index,
                state, reports,
            )  # fmt: skip
    return used


@kernel
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
) -> None:
    """Fill resting orders from one trade: best price first, then arrival, one budget for all."""
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
        ahead = orders[k, AHEAD]
        level = orders[k, PRICE]
        reached = volume - used  # what other own orders left of this trade
        if traded == level:
            orders[k, AHEAD] = max(0, ahead - reached)
            available = max(0, reached - ahead)
            rule = AT_PRICE
        else:
            orders[k, AHEAD] = 0
            available = reached
            rule = THROUGH_PRICE
        if available == 0:
            continue
        amount = min(clip(orders, n_orders, k, now, state, reports), available)
        if amount > 0:
            used += amount
            fill(orders, n_orders, k, amount, level, rule, ahead, 0, now, index, state, reports)
