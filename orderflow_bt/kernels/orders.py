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
TRAIL = 20  # of a trailing stop: how far its price stays behind the best price, 0 for none
START_PRICE = 21  # of a trailing leg: where its price starts each time it goes live
LIMIT_PRICE = 22  # of a stop-limit: the price of the limit order it becomes, 0 for none
WORST = 23  # beyond this price a market order takes nothing, 0 for no such bound
ALL_OR_NONE = 24  # fill-or-kill
HELD = 25  # what a fill-or-kill order holds of earlier trades of the time it takes at
AHEAD_TIME = 26  # when the volume ahead was last looked at
NEW_AT = 27  # when a change reaches the exchange
NEW_QTY = 28  # its whole quantity, 0 where it stays, -1 for none
NEW_PRICE = 29  # limit or trigger price, 0 where it stays
NEW_LIMIT = 30  # limit price of a stop-limit, 0 where it stays
ORDER_FIELDS = 31

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
TOUCHED = 3  # market-if-touched

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
R_REFERENCE = 10  # of a taking fill: the price before slippage
R_SPREAD = 11  # parts of R_SLIPPAGE: half the spread,
R_BPS = 12  # basis points of the price,
R_IMPACT = 13  # the square-root law; the rest of it are fixed ticks
REPORT_FIELDS = 14

# Report kinds.
ACCEPTED = 0
REJECTED = 1
TRIGGERED = 2
FILLED = 3
CANCELLED = 4
EXPIRED = 5
RESTED = 6  # what a taking order left over came to rest
GREW = 7
WATCHED = 8  # the price the client watches traded: it sends a cancel
HELD_PART = 9  # a fill-or-kill order holds this much of a trade until it is whole
REPLACED = 10
REPORTS_PER_ORDER = 8  # more than one trade or one item of the agenda can cause

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
NOT_WHOLE = 7
PRICE_BOUND = 8
NOTHING_LEFT = 9
LIQUIDATION = 10
# Whether a changed order kept its place in the queue (R_RULE of REPLACED).
KEPT_PLACE = 0
NEW_PLACE = 1

# Slots of the state vector.
POSITION = 0
FIRST_BID = 1  # quote proxies before trade 0 of the columns
FIRST_ASK = 2
N_REPORTS = 3
LIQUIDATE_LOW = 4  # a trade at or below this price liquidates the position
LIQUIDATE_HIGH = 5  # and so does one at or above this one
LIQUIDATED = 6  # 1 where the latest trade did
PATIENCE = 7  # bit r: after a report of kind r the kernel may go on before it is read
END = 8  # where the valid rows of the columns end
LIVE = 9  # 1 where an order has not ended
QUIET_ROW = 10  # before this row of the columns no trade can be noticed,
QUIET_TIME = 11  # and before this time nothing is due
FINISHED = 12  # 1 where nothing was left to do, or to tell before anything else happens
BASE = 13  # tape index of trade 0 of the columns
N_BLOCKS = 14  # whole or last ones that are known of the columns (`blocks`)
N_REPORT_ROWS = 15  # that there is room for
N_ORDER_ROWS = 16
# Addresses (`memory`) of the columns, of their blocks, and of the matrices.
AT_TIME = 17
AT_PRICE = 18
AT_QTY = 19
AT_SIDE = 20
AT_LOWS = 21
AT_HIGHS = 22
AT_ORDERS = 23
AT_REPORTS = 24
AT_SETTINGS = 25
STATE_SLOTS = 26

# Fill policies, reference prices of takers, and slots of the settings vector.
TOUCH = 0
QUEUE = 1
THROUGH = 2
CROSS = 0
NEXT_PRINT = 1
NEXT_SAME_SIDE = 2
S_POLICY = 0
S_THROUGH_TICKS = 1
S_TICK = 2
S_SLIPPAGE = 3  # price units
S_HALF_SPREAD = 4  # 1: takers pay half the inferred spread beyond the reference
S_BPS = 5  # slippage in parts of the price, in hundred-millionths
S_IMPACT = 6  # the square-root law's factor, in millionths
S_REFERENCE = 7
S_SAME_SIDE_WAIT = 8  # how long a market order waits for a trade of its own side
S_STOP_AT_TRIGGER = 9  # 1: a stop fills at its trigger price, as bar-based tools do
S_PARTICIPATION = 10  # share of a trade that takers may use, in millionths
S_QUEUE_VISITS = 11  # 0: nothing ahead; < 0: the constant -value
S_QUEUE_WINDOW = 12
S_IMPACT_WINDOW = 13
S_MAX_WAIT = 14  # how long an entry may take once it starts, 0: for ever
S_DECAYS = 15  # 1: the volume ahead shrinks by itself
S_DECAY = 16  # what is left of it after 1, 2, 4, 8 ... microseconds, in 2**-30
DECAY_BITS = 50
SETTINGS = S_DECAY + DECAY_BITS
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
    row[R_LEFT:] = 0
    state[N_REPORTS] += 1


@kernel
def must_tell(reports: NDArray[np.int64], state: NDArray[np.int64], first: int) -> bool:
    """Whether a report from row ``first`` on is to be told before anything later happens."""
    for r in range(first, state[N_REPORTS]):
        if state[PATIENCE] >> reports[r, R_KIND] & 1 == 0:
            return True
    return False


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
