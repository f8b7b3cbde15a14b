"""The matching kernel: own orders against the tape, exact to the trade.

``advance`` runs own orders from one moment of the session to the next. Trades that no order can
notice are passed over by comparing two integers each. Rules: ``docs/fills.md``.

Orders are rows of an int64 matrix with the columns below; what happens to them is appended to
``reports``. Times are microseconds, prices price units, quantities lots; indices count trades
from the start of the tape.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from orderflow_bt.kernels._jit import kernel
from orderflow_bt.kernels.quotes import NO_PRICE, queue_ahead, quotes_before

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

NEVER = 2**62

# Columns of an order.
STATE = 0
TYPE = 1
SIDE = 2
PRICE = 3
QTY = 4
LEFT = 5
ARRIVAL = 6  # when the exchange has it; for a triggered stop, when its market order starts
FROM = 7  # first trade index it may touch
EXPIRES = 8
CANCEL_AT = 9  # when a cancel request reaches the exchange
WATCH_PRICE = 10  # the client cancels when this price trades ...
WATCH_SIDE = 11  # ... or beyond it: +1 at or above, -1 at or below, 0 not watched
AHEAD = 12  # other people's volume in front of it
PARENT = 13  # row of the entry order it protects, -1 for none
OCO = 14  # one-cancels-other group, 0 for none
REDUCE_ONLY = 15
POST_ONLY = 16
IMMEDIATE = 17  # immediate-or-cancel
TAKE_TIME = 18  # time of the first trade a taking limit order met
GROWTH = 19  # what its entry got from the trade under way; the leg grows by it afterwards
ORDER_FIELDS = 20

# States.
DONE = 0
PENDING = 1  # on its way to the exchange
RESTING = 2  # a limit order in the book
ARMED = 3  # a stop waiting for its price
TAKING = 4  # takes what trades offer
WAITING = 5  # a bracket's leg whose entry has not filled
SPENT = 6  # a bracket's leg with nothing left, while its entry can still fill

# Types.
MARKET = 0
LIMIT = 1
STOP = 2

# Columns of a report.
R_KIND = 0
R_ORDER = 1
R_TIME = 2
R_INDEX = 3  # of the trade, -1 where none was involved
R_PRICE = 4
R_QTY = 5
R_RULE = 6
R_AHEAD = 7  # volume ahead before the trade; at acceptance, the estimate
R_SLIPPAGE = 8  # price units paid beyond the reference
R_LEFT = 9  # of a fill: what the order still wants
REPORT_FIELDS = 10

# Report kinds.
ACCEPTED = 0
REJECTED = 1
TRIGGERED = 2
FILLED = 3
CANCELLED = 4
EXPIRED = 5
RESTED = 6  # what a taking order left over came to rest
GREW = 7

# Rules of a fill (R_RULE of FILLED) and reasons of an end (R_RULE of the others).
TOOK = 0
AT_PRICE = 1
THROUGH_PRICE = 2
ON_REQUEST = 0
POST_ONLY_WOULD_TAKE = 1
OCO_FILLED = 2
NOTHING_TO_REDUCE = 3
ENTRY_NEVER_FILLED = 4
IMMEDIATE_REST = 5

# Slots of the state vector.
POSITION = 0
FIRST_BID = 1  # quote proxies before trade 0 of the columns
FIRST_ASK = 2
N_REPORTS = 3
STATE_SLOTS = 4

# Fill policies and slots of the settings vector.
TOUCH = 0
QUEUE = 1
THROUGH = 2
S_POLICY = 0
S_THROUGH_TICKS = 1
S_TICK = 2
S_SLIPPAGE = 3  # price units
S_CANCEL_LATENCY = 4
S_TRIGGER_LATENCY = 5
S_PARTICIPATION = 6  # share of a trade that takers may use, in millionths
S_QUEUE_VISITS = 7  # 0: nothing ahead; < 0: the constant -value
S_QUEUE_WINDOW = 8
SETTINGS = 9
MILLION = 1_000_000


@kernel
def _report(
    reports: NDArray[np.int64],
    state: NDArray[np.int64],
    kind: int,
    order: int,
    time: int,
    index: int,
    price: int,
    qty: int,
    rule: int,
    ahead: int,
    slippage: int,
) -> None:
    row = reports[state[N_REPORTS]]
    row[R_KIND] = kind
    row[R_ORDER] = order
    row[R_TIME] = time
    row[R_INDEX] = index
    row[R_PRICE] = price
    row[R_QTY] = qty
    row[R_RULE] = rule
    row[R_AHEAD] = ahead
    row[R_SLIPPAGE] = slippage
    row[R_LEFT] = 0
    state[N_REPORTS] += 1


@kernel
def _is_live(orders: NDArray[np.int64], k: int) -> bool:
    """Whether order ``k`` is on its way to the exchange or there."""
    return orders[k, STATE] != DONE and orders[k, STATE] < WAITING


@kernel
def _leave(orders: NDArray[np.int64], k: int) -> None:
    """Take order ``k`` out; a bracket's leg may live again while its entry can still fill."""
    parent = orders[k, PARENT]
    if orders[k, GROWTH] > 0 or (parent >= 0 and orders[parent, STATE] != DONE):
        orders[k, STATE] = SPENT
        orders[k, LEFT] = 0
    else:
        orders[k, STATE] = DONE


@kernel
def _end(
    orders: NDArray[np.int64],
    n_orders: int,
    k: int,
    reports: NDArray[np.int64],
    state: NDArray[np.int64],
    kind: int,
    time: int,
    reason: int,
) -> None:
    """End order ``k`` unfilled in part or whole, and legs whose entry can no longer fill."""
    _report(reports, state, kind, k, time, -1, 0, orders[k, LEFT], reason, 0, 0)
    if reason in (OCO_FILLED, NOTHING_TO_REDUCE):
        _leave(orders, k)
        return
    orders[k, STATE] = DONE
    for leg in range(n_orders):
        if orders[leg, PARENT] == k and orders[leg, STATE] >= WAITING:
            if orders[leg, STATE] == WAITING:
                _report(reports, state, CANCELLED, leg, time, -1, 0, 0, ENTRY_NEVER_FILLED, 0, 0)
            orders[leg, STATE] = DONE


@kernel
def _next_scheduled(orders: NDArray[np.int64], n_orders: int) -> tuple[int, int, int]:
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
def _rest(
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
def _run_agenda(
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
    due, what, k = _next_scheduled(orders, n_orders)
    if k < 0 or due > limit_time:
        return False
    if what == 1:
        if orders[k, IMMEDIATE] == 1 and orders[k, TAKE_TIME] < due:
            _end(orders, n_orders, k, reports, state, CANCELLED, due, IMMEDIATE_REST)
        else:
            _end(orders, n_orders, k, reports, state, EXPIRED, due, ON_REQUEST)
        return True
    if orders[k, CANCEL_AT] == due and not (
        orders[k, STATE] == PENDING and orders[k, ARRIVAL] == due
    ):
        _end(orders, n_orders, k, reports, state, CANCELLED, due, ON_REQUEST)
        return True
    bid, ask = quotes_before(price, side, i, settings[S_TICK], state[FIRST_BID], state[FIRST_ASK])
    kind = orders[k, TYPE]
    if kind == MARKET:
        orders[k, STATE] = TAKING
    elif kind == STOP:
        orders[k, STATE] = ARMED
    else:
        level = orders[k, PRICE]
        if orders[k, SIDE] > 0:
            crosses = ask != NO_PRICE and level >= ask
        else:
            crosses = bid != NO_PRICE and level <= bid
        if crosses and orders[k, POST_ONLY] == 1:
            _end(orders, n_orders, k, reports, state, REJECTED, due, POST_ONLY_WOULD_TAKE)
            return True
        if crosses or orders[k, IMMEDIATE] == 1:
            orders[k, STATE] = TAKING
        else:
            _rest(orders, k, price, qty, side, i, bid, ask, settings)
    _report(
        reports, state, ACCEPTED, k, due, -1, orders[k, PRICE], orders[k, LEFT], 0,
        orders[k, AHEAD], 0,
    )  # fmt: skip
    return True


@kernel
def _quiet_interval(orders: NDArray[np.int64], n_orders: int) -> tuple[int, int, int]:
    """Where nothing happens: (next time, low, high).

    A trade earlier than the time whose price lies strictly between low and high cannot
    change any order.
    """
    wake_time, _, _ = _next_scheduled(orders, n_orders)
    low = -NEVER
    high = NEVER
    for k in range(n_orders):
        state = orders[k, STATE]
        if not _is_live(orders, k):
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


@kernel
def _test_triggers(
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
        if not _is_live(orders, k):
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
            orders[k, FROM] = index + 1
            _report(reports, state, TRIGGERED, k, now, index, traded, orders[k, LEFT], 0, 0, 0)


@kernel
def _close_taking_windows(
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
            _rest(orders, k, price, qty, side, i, bid, ask, settings)
            ahead = orders[k, AHEAD]
            _report(reports, state, RESTED, k, now, -1, 0, orders[k, LEFT], 0, ahead, 0)


@kernel
def _fill(
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
    _report(reports, state, FILLED, k, now, index, at_price, amount, rule, ahead, slippage)
    orders[k, LEFT] -= amount
    reports[state[N_REPORTS] - 1, R_LEFT] = orders[k, LEFT]
    if orders[k, LEFT] == 0:
        _leave(orders, k)
    state[POSITION] += orders[k, SIDE] * amount
    for other in range(n_orders):
        if other == k:
            continue
        if orders[other, PARENT] == k and orders[other, STATE] != DONE:
            orders[other, GROWTH] += amount
        elif (
            orders[k, OCO] != 0 and orders[other, OCO] == orders[k, OCO] and _is_live(orders, other)
        ):
            orders[other, LEFT] = max(0, orders[other, LEFT] - amount)
            if orders[other, LEFT] == 0:
                _end(orders, n_orders, other, reports, state, CANCELLED, now, OCO_FILLED)
    if state[POSITION] == 0:
        for other in range(n_orders):
            if orders[other, REDUCE_ONLY] == 1 and _is_live(orders, other):
                _end(orders, n_orders, other, reports, state, CANCELLED, now, NOTHING_TO_REDUCE)


@kernel
def _grow_legs(
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
        if not _is_live(orders, k):
            orders[k, STATE] = PENDING
            orders[k, ARRIVAL] = now
            orders[k, FROM] = index + 1
            orders[k, TAKE_TIME] = NEVER
            orders[k, AHEAD] = 0
        _report(reports, state, GREW, k, now, index, 0, growth, 0, 0, 0)
        if state[POSITION] == 0:
            _end(orders, n_orders, k, reports, state, CANCELLED, now, NOTHING_TO_REDUCE)


@kernel
def _clip(
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
        _end(orders, n_orders, k, reports, state, CANCELLED, now, NOTHING_TO_REDUCE)
        return 0
    return min(orders[k, LEFT], reducible)


@kernel
def _match_takers(
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
            paid = reference - settings[S_SLIPPAGE]
        if orders[k, TYPE] == LIMIT:
            if orders[k, TAKE_TIME] == NEVER:
                orders[k, TAKE_TIME] = now
                if orders[k, IMMEDIATE] == 1:
                    orders[k, EXPIRES] = now + 1  # after every trade of this time
            level = orders[k, PRICE]
            if (buying and reference > level) or (not buying and reference < level):
                continue
            paid = min(paid, level) if buying else max(paid, level)
        amount = min(_clip(orders, n_orders, k, now, state, reports), room - used)
        if amount > 0:
            used += amount
            _fill(
                orders, n_orders, k, amount, paid, TOOK, 0, abs(paid - reference), now, index,
                state, reports,
            )  # fmt: skip
    return used


@kernel
def _match_makers(
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
        amount = min(_clip(orders, n_orders, k, now, state, reports), available)
        if amount > 0:
            used += amount
            _fill(orders, n_orders, k, amount, level, rule, ahead, 0, now, index, state, reports)


@kernel
def advance(
    time: NDArray[np.int64],
    price: NDArray[np.int64],
    qty: NDArray[np.int64],
    side: NDArray[np.int8],
    start: int,
    stop: int,
    base: int,
    until: int,
    orders: NDArray[np.int64],
    n_orders: int,
    state: NDArray[np.int64],
    settings: NDArray[np.int64],
    reports: NDArray[np.int64],
) -> int:
    """Run own orders over trades ``[start, stop)`` and then the agenda earlier than ``until``.

    Stops early, with ``state[N_REPORTS] > 0``, as soon as something happened, so that whoever is
    told of it can act before anything later happens. Returns the index of the first trade that is
    not yet processed: the trade at which an agenda item was due is still to come.

    ``base`` is the tape index of trade 0 of the columns. ``reports`` needs 4 * n_orders + 4 rows.
    """
    state[N_REPORTS] = 0
    i = start
    while i < stop:
        wake_time, low, high = _quiet_interval(orders, n_orders)
        while i < stop and time[i] < wake_time and low < price[i] < high:
            i += 1
        if i == stop:
            break
        now = time[i]
        if _run_agenda(now, price, qty, side, i, orders, n_orders, state, settings, reports):
            return i
        index = base + i
        traded = price[i]
        bid, ask = quotes_before(
            price, side, i, settings[S_TICK], state[FIRST_BID], state[FIRST_ASK]
        )
        _close_taking_windows(
            now, price, qty, side, i, bid, ask, orders, n_orders, state, settings, reports
        )
        _test_triggers(now, index, traded, orders, n_orders, state, settings, reports)
        used = _match_takers(
            now, index, traded, qty[i], bid, ask, orders, n_orders, state, settings, reports
        )
        _match_makers(
            now, index, traded, side[i], qty[i], used, orders, n_orders, state, settings, reports
        )
        i += 1
        if state[N_REPORTS] > 0:
            _grow_legs(now, index, orders, n_orders, state, reports)
            return i
    _run_agenda(until - 1, price, qty, side, i, orders, n_orders, state, settings, reports)
    return i
