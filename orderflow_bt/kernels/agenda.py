"""What is due at the exchange: arrivals, changes, cancels, expiries; and where all is quiet."""

from __future__ import annotations

from typing import TYPE_CHECKING

from orderflow_bt.kernels._jit import kernel, part
from orderflow_bt.kernels.orders import (
    ACCEPTED,
    AHEAD,
    AHEAD_LESS,
    AHEAD_TIME,
    ALL_OR_NONE,
    ARMED,
    ARRIVAL,
    CANCEL_AT,
    CANCEL_WHY,
    CANCELLED,
    DONE,
    EXPIRED,
    EXPIRES,
    FIRST_ASK,
    FIRST_BID,
    IMMEDIATE,
    IMMEDIATE_REST,
    KEPT_PLACE,
    LEFT,
    LIMIT,
    LIMIT_PRICE,
    MARK_DOWN,
    MARK_UP,
    MARKET,
    NEVER,
    NEW_AT,
    NEW_LIMIT,
    NEW_PLACE,
    NEW_PRICE,
    NEW_QTY,
    NOT_WHOLE,
    NOTHING_LEFT,
    ON_REQUEST,
    PENDING,
    POST_ONLY,
    POST_ONLY_WOULD_TAKE,
    PRICE,
    QTY,
    QUEUE,
    REDUCE_ONLY,
    REJECTED,
    REPLACED,
    RESTING,
    S_MAX_WAIT,
    S_POLICY,
    S_QUEUE_VISITS,
    S_QUEUE_WINDOW,
    S_TICK,
    SIDE,
    START_PRICE,
    STATE,
    STOP,
    TAKE_TIME,
    TAKING,
    TOO_SLOW,
    TRAIL,
    TYPE,
    WAITING,
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


@part
def next_scheduled(orders: NDArray[np.int64], n_orders: int) -> tuple[int, int, int]:
    """The earliest (time, what, row) on the exchange's agenda; what: 1 for an expiry.

    At one time arrivals, changes and cancels come first, then expiries, each in row order.
    """
    best_time = NEVER
    best_what = 0
    best_row = -1
    for k in range(n_orders):
        state = orders[k, STATE]
        if state == DONE:
            continue
        due = min(orders[k, CANCEL_AT], orders[k, NEW_AT])
        if state == PENDING:
            due = min(due, orders[k, ARRIVAL])
        if due < best_time or (due == best_time and best_what == 1):
            best_time, best_what, best_row = due, 0, k
        if orders[k, EXPIRES] < best_time:
            best_time, best_what, best_row = orders[k, EXPIRES], 1, k
    return best_time, best_what, best_row


@kernel
def rest(
    now: int,
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
    orders[k, AHEAD_LESS] = 0
    orders[k, AHEAD_TIME] = now
    orders[k, STATE] = RESTING


@kernel
def limit_wait(orders: NDArray[np.int64], k: int, start: int, settings: NDArray[np.int64]) -> None:
    """Let an entry that takes from ``start`` on expire; what reduces a position never gives up."""
    if settings[S_MAX_WAIT] > 0 and orders[k, REDUCE_ONLY] == 0:
        orders[k, EXPIRES] = min(orders[k, EXPIRES], start + settings[S_MAX_WAIT])


@kernel
def place_limit(
    now: int,
    price: NDArray[np.int64],
    qty: NDArray[np.int64],
    side: NDArray[np.int8],
    i: int,
    orders: NDArray[np.int64],
    k: int,
    state: NDArray[np.int64],
    settings: NDArray[np.int64],
) -> bool:
    """Let limit order ``k`` take or rest; False where it may not take and would."""
    bid, ask = quotes_before(price, side, i, settings[S_TICK], state[FIRST_BID], state[FIRST_ASK])
    level = orders[k, PRICE]
    if orders[k, SIDE] > 0:
        crosses = ask != NO_PRICE and level >= ask
    else:
        crosses = bid != NO_PRICE and level <= bid
    if crosses and orders[k, POST_ONLY] == 1:
        return False
    if crosses or orders[k, IMMEDIATE] == 1:
        orders[k, STATE] = TAKING
        orders[k, TAKE_TIME] = NEVER
        orders[k, AHEAD] = 0
    else:
        rest(now, orders, k, price, qty, side, i, bid, ask, settings)
    return True


@kernel
def arm(
    due: int,
    orders: NDArray[np.int64],
    k: int,
    price: NDArray[np.int64],
    i: int,
    state: NDArray[np.int64],
) -> None:
    """Let stop ``k`` wait for its price; a trailing one starts behind the latest price known."""
    orders[k, STATE] = ARMED
    orders[k, AHEAD_TIME] = due
    latest = price[i - 1] if i > 0 else 0
    if state[MARK_UP] > 0:
        latest = state[MARK_UP] if orders[k, SIDE] > 0 else state[MARK_DOWN]
    if orders[k, TRAIL] > 0 and latest > 0:
        level = latest + orders[k, SIDE] * orders[k, TRAIL]
        if orders[k, PRICE] == 0 or orders[k, SIDE] * (orders[k, PRICE] - level) > 0:
            orders[k, PRICE] = level


@kernel
def replace(
    due: int,
    price: NDArray[np.int64],
    qty: NDArray[np.int64],
    side: NDArray[np.int8],
    i: int,
    orders: NDArray[np.int64],
    n_orders: int,
    k: int,
    state: NDArray[np.int64],
    settings: NDArray[np.int64],
    reports: NDArray[np.int64],
) -> None:
    """Change order ``k``: a resting order that asks for more or for another price queues anew."""
    place = KEPT_PLACE
    old_price = orders[k, PRICE]
    more = 0
    if orders[k, NEW_QTY] != 0:
        more = orders[k, NEW_QTY] - orders[k, QTY]
        orders[k, QTY] += more
        orders[k, LEFT] += more
    new_price = orders[k, NEW_PRICE]
    if orders[k, LIMIT_PRICE] > 0 and orders[k, TYPE] == LIMIT:  # a stop-limit after its trigger
        new_price = orders[k, NEW_LIMIT]
    elif orders[k, NEW_LIMIT] > 0:
        orders[k, LIMIT_PRICE] = orders[k, NEW_LIMIT]
    taking_limit = orders[k, STATE] == TAKING and orders[k, TYPE] == LIMIT
    if new_price > 0 and (orders[k, STATE] != TAKING or taking_limit):
        orders[k, PRICE] = new_price
        orders[k, START_PRICE] = new_price
    orders[k, NEW_AT] = NEVER
    if orders[k, STATE] < WAITING and orders[k, LEFT] <= 0:
        orders[k, LEFT] = 0
        end(orders, n_orders, k, reports, state, CANCELLED, due, NOTHING_LEFT)
        return
    moved = more > 0 or orders[k, PRICE] != old_price
    if orders[k, STATE] == ARMED and orders[k, PRICE] != old_price:
        orders[k, AHEAD_TIME] = due
    if moved and (orders[k, STATE] == RESTING or taking_limit):
        orders[k, ARRIVAL] = due
        if not place_limit(due, price, qty, side, i, orders, k, state, settings):
            end(orders, n_orders, k, reports, state, CANCELLED, due, POST_ONLY_WOULD_TAKE)
            return
        place = NEW_PLACE
    report(
        reports, state, REPLACED, k, due, -1, orders[k, PRICE], orders[k, QTY], place,
        orders[k, AHEAD], 0,
    )  # fmt: skip


@kernel
def expire(
    due: int,
    orders: NDArray[np.int64],
    n_orders: int,
    k: int,
    state: NDArray[np.int64],
    reports: NDArray[np.int64],
) -> None:
    """End order ``k``, whose time is over, for the reason it had a time."""
    if orders[k, IMMEDIATE] == 1 and orders[k, TAKE_TIME] < due:
        reason = NOT_WHOLE if orders[k, ALL_OR_NONE] == 1 else IMMEDIATE_REST
        end(orders, n_orders, k, reports, state, CANCELLED, due, reason)
        return
    slow = orders[k, STATE] == TAKING and orders[k, TYPE] != LIMIT
    end(orders, n_orders, k, reports, state, EXPIRED, due, TOO_SLOW if slow else ON_REQUEST)


@part
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
        expire(due, orders, n_orders, k, state, reports)
        return True
    if orders[k, STATE] != PENDING or orders[k, ARRIVAL] != due:
        if orders[k, NEW_AT] == due:
            replace(
                due, price, qty, side, i, orders, n_orders, k, state, settings, reports
            )  # fmt: skip
        else:
            end(orders, n_orders, k, reports, state, CANCELLED, due, orders[k, CANCEL_WHY])
        return True
    kind = orders[k, TYPE]
    if kind == MARKET:
        orders[k, STATE] = TAKING
        limit_wait(orders, k, due, settings)
    elif kind != LIMIT:
        arm(due, orders, k, price, i, state)
    elif not place_limit(due, price, qty, side, i, orders, k, state, settings):
        end(orders, n_orders, k, reports, state, REJECTED, due, POST_ONLY_WOULD_TAKE)
        return True
    report(
        reports, state, ACCEPTED, k, due, -1, orders[k, PRICE], orders[k, LEFT], orders[k, STATE],
        orders[k, AHEAD], 0,
    )  # fmt: skip
    return True


@kernel
def trail_bound(orders: NDArray[np.int64], k: int) -> int:
    """Where price moves trailing stop ``k``: at or below, for a buy; minus it for a sell.

    ``-NEVER`` where it does not trail, ``NEVER`` where any trade moves it.
    """
    if orders[k, TRAIL] == 0:
        return -NEVER
    if orders[k, PRICE] == 0:
        return NEVER
    return orders[k, SIDE] * orders[k, PRICE] - orders[k, TRAIL] - 1


@kernel
def armed_interval(orders: NDArray[np.int64], k: int) -> tuple[int, int]:
    """Prices strictly between which stop ``k`` neither triggers nor moves: (low, high)."""
    if (orders[k, SIDE] > 0) == (orders[k, TYPE] == STOP):
        return trail_bound(orders, k), orders[k, PRICE]
    return orders[k, PRICE], -trail_bound(orders, k)


@kernel
def waiting_interval(orders: NDArray[np.int64], n_orders: int) -> tuple[int, int]:
    """As `armed_interval`, of every order that waits for its price."""
    low = -NEVER
    high = NEVER
    for k in range(n_orders):
        if orders[k, STATE] == ARMED:
            below, above = armed_interval(orders, k)
            low = max(low, below)
            high = min(high, above)
    return low, high


@part
def quiet_interval(
    orders: NDArray[np.int64], n_orders: int, state: NDArray[np.int64]
) -> tuple[int, int, int]:
    """Where nothing happens: (next time, low, high).

    A trade earlier than the time whose price lies strictly between low and high cannot
    change any order.
    """
    wake_time, _, _ = next_scheduled(orders, n_orders)
    low = -NEVER
    high = NEVER
    for k in range(n_orders):
        status = orders[k, STATE]
        if not is_live(orders, k):
            continue
        if orders[k, WATCH_SIDE] > 0:
            high = min(high, orders[k, WATCH_PRICE])
        elif orders[k, WATCH_SIDE] < 0:
            low = max(low, orders[k, WATCH_PRICE])
        if status == PENDING:
            continue
        if status == TAKING:
            wake_time = min(wake_time, orders[k, ARRIVAL])
        elif status == ARMED:
            if state[MARK_UP] == 0:
                below, above = armed_interval(orders, k)
                low = max(low, below)
                high = min(high, above)
        elif orders[k, SIDE] > 0:
            low = max(low, orders[k, PRICE])
        else:
            high = min(high, orders[k, PRICE])
    return wake_time, low, high
