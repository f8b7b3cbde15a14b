"""What is due at the exchange: arrivals, cancels, expiries; and where nothing can happen at all."""

from __future__ import annotations

from typing import TYPE_CHECKING

from orderflow_bt.kernels._jit import kernel
from orderflow_bt.kernels.orders import (
    ACCEPTED,
    AHEAD,
    ARMED,
    ARRIVAL,
    CANCEL_AT,
    CANCELLED,
    DONE,
    EXPIRED,
    EXPIRES,
    FIRST_ASK,
    FIRST_BID,
    IMMEDIATE,
    IMMEDIATE_REST,
    LEFT,
    LIMIT,
    MARKET,
    NEVER,
    ON_REQUEST,
    PENDING,
    POST_ONLY,
    POST_ONLY_WOULD_TAKE,
    PRICE,
    QUEUE,
    REDUCE_ONLY,
    REJECTED,
    RESTING,
    S_MAX_WAIT,
    S_POLICY,
    S_QUEUE_VISITS,
    S_QUEUE_WINDOW,
    S_TICK,
    SIDE,
    STATE,
    STOP,
    TAKE_TIME,
    TAKING,
    TOO_SLOW,
    TYPE,
    WATCH_PRICE,
    WATCH_SIDE,
    end,
    is_live,
    report,
)
from orderflow_bt.kernels.quotes import NO_PRICE, queue_ahead, quotes_before

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


@kernel
def next_scheduled(orders: NDArray[np.int64], n_orders: int) -> tuple[int, int, int]:
    """The earliest (time, what, row) on the exchange's agenda; what: 0 arrival or cancel, 1 expiry.

    At one time arrivals and cancels come first, then expiries, each in row order.
    """
    best_time = NEVER
    best_what = 0
    best_row = -1
    for k in range(n_orders):
        state = orders[k, STATE]
        if state == DONE:
            continue
        due = orders[k, CANCEL_AT]
        if state == PENDING:
            due = min(due, orders[k, ARRIVAL])
        if due < best_time or (due == best_time and best_what == 1):
            best_time, best_what, best_row = due, 0, k
        if orders[k, EXPIRES] < best_time:
            best_time, best_what, best_row = orders[k, EXPIRES], 1, k
    return best_time, best_what, best_row


@kernel
def rest(
    orders: NDArray[np.int64],
    k: int,
    price: NDArray[np.int64],
    qty: NDArray[np.int64],
    side: NDArray[np.int8],
    i: int,
    bid: int,
    ask: int,
    settings: NDArray[np.int64],
) -> None:
    """Put limit order ``k`` into the book before trade ``i``, behind what is inferred there."""
    order_side = orders[k, SIDE]
    level = orders[k, PRICE]
    improves = (order_side > 0 and bid != NO_PRICE and level > bid) or (
        order_side < 0 and ask != NO_PRICE and level < ask
    )
    ahead = 0
    visits = settings[S_QUEUE_VISITS]
    if settings[S_POLICY] == QUEUE and not improves:
        if visits < 0:
            ahead = -visits
        elif visits > 0:
            ahead = queue_ahead(
                price, qty, side, i, level, order_side, visits, settings[S_QUEUE_WINDOW]
            )
    orders[k, AHEAD] = ahead
    orders[k, STATE] = RESTING


@kernel
def limit_wait(orders: NDArray[np.int64], k: int, start: int, settings: NDArray[np.int64]) -> None:
    """Let an entry that takes from ``start`` on expire; what reduces a position never gives up."""
    if settings[S_MAX_WAIT] > 0 and orders[k, REDUCE_ONLY] == 0:
        orders[k, EXPIRES] = min(orders[k, EXPIRES], start + settings[S_MAX_WAIT])


@kernel
def run_agenda(
    limit_time: int,
    price: NDArray[np.int64],
    qty: NDArray[np.int64],
    side: NDArray[np.int8],
    i: int,
    orders: NDArray[np.int64],
    n_orders: int,
    state: NDArray[np.int64],
    settings: NDArray[np.int64],
    reports: NDArray[np.int64],
) -> bool:
    """Do the first thing on the agenda that is due by ``limit_time``; False when there is none."""
    due, what, k = next_scheduled(orders, n_orders)
    if k < 0 or due > limit_time:
        return False
    if what == 1:
        if orders[k, IMMEDIATE] == 1 and orders[k, TAKE_TIME] < due:
            end(orders, n_orders, k, reports, state, CANCELLED, due, IMMEDIATE_REST)
        else:
            slow = orders[k, STATE] == TAKING and orders[k, TYPE] != LIMIT
            reason = TOO_SLOW if slow else ON_REQUEST
            end(orders, n_orders, k, reports, state, EXPIRED, due, reason)
        return True
    if orders[k, CANCEL_AT] == due and not (
        orders[k, STATE] == PENDING and orders[k, ARRIVAL] == due
    ):
        end(orders, n_orders, k, reports, state, CANCELLED, due, ON_REQUEST)
        return True
    bid, ask = quotes_before(price, side, i, settings[S_TICK], state[FIRST_BID], state[FIRST_ASK])
    kind = orders[k, TYPE]
    if kind == MARKET:
        orders[k, STATE] = TAKING
        limit_wait(orders, k, due, settings)
    elif kind == STOP:
        orders[k, STATE] = ARMED
    else:
        level = orders[k, PRICE]
        if orders[k, SIDE] > 0:
            crosses = ask != NO_PRICE and level >= ask
        else:
            crosses = bid != NO_PRICE and level <= bid
        if crosses and orders[k, POST_ONLY] == 1:
            end(orders, n_orders, k, reports, state, REJECTED, due, POST_ONLY_WOULD_TAKE)
            return True
        if crosses or orders[k, IMMEDIATE] == 1:
            orders[k, STATE] = TAKING
        else:
            rest(orders, k, price, qty, side, i, bid, ask, settings)
    report(
        reports, state, ACCEPTED, k, due, -1, orders[k, PRICE], orders[k, LEFT], 0,
        orders[k, AHEAD], 0,
    )  # fmt: skip
    return True


@kernel
def quiet_interval(orders: NDArray[np.int64], n_orders: int) -> tuple[int, int, int]:
    """Where nothing happens: (next time, low, high).

    A trade earlier than the time whose price lies strictly between low and high cannot
    change any order.
    """
    wake_time, _, _ = next_scheduled(orders, n_orders)
    low = -NEVER
    high = NEVER
    for k in range(n_orders):
        state = orders[k, STATE]
        if not is_live(orders, k):
            continue
        if orders[k, WATCH_SIDE] > 0:
            high = min(high, orders[k, WATCH_PRICE])
        elif orders[k, WATCH_SIDE] < 0:
            low = max(low, orders[k, WATCH_PRICE])
        if state == PENDING:
            continue
        if state == TAKING:
            wake_time = min(wake_time, orders[k, ARRIVAL])
        elif (orders[k, SIDE] > 0) == (state == RESTING):
            low = max(low, orders[k, PRICE])  # a resting buy, or an armed sell stop
        else:
            high = min(high, orders[k, PRICE])
    return wake_time, low, high
