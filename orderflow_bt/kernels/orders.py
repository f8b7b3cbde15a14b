"""Own orders as rows of an int64 matrix: columns, states, and what is reported of them.

Times are microseconds, prices price units, quantities lots; indices count trades from the start of
the tape.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from orderflow_bt.kernels._jit import kernel

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
TOO_SLOW = 6

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
S_MAX_WAIT = 9  # how long an entry may take once it starts, 0: for ever
SETTINGS = 10
MILLION = 1_000_000


@kernel
def report(
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
    """Append one report to ``reports``."""
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
def is_live(orders: NDArray[np.int64], k: int) -> bool:
    """Whether order ``k`` is on its way to the exchange or there."""
    return orders[k, STATE] != DONE and orders[k, STATE] < WAITING


@kernel
def leave(orders: NDArray[np.int64], k: int) -> None:
    """Take order ``k`` out; a bracket's leg may live again while its entry can still fill."""
    parent = orders[k, PARENT]
    if orders[k, GROWTH] > 0 or (parent >= 0 and orders[parent, STATE] != DONE):
        orders[k, STATE] = SPENT
        orders[k, LEFT] = 0
    else:
        orders[k, STATE] = DONE


@kernel
def end(
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
    report(reports, state, kind, k, time, -1, 0, orders[k, LEFT], reason, 0, 0)
    if reason in (OCO_FILLED, NOTHING_TO_REDUCE):
        leave(orders, k)
        return
    orders[k, STATE] = DONE
    for leg in range(n_orders):
        if orders[leg, PARENT] == k and orders[leg, STATE] >= WAITING:
            if orders[leg, STATE] == WAITING:
                report(reports, state, CANCELLED, leg, time, -1, 0, 0, ENTRY_NEVER_FILLED, 0, 0)
            orders[leg, STATE] = DONE
