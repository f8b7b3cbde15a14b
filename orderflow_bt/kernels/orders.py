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
ID = 8  # its place in the log of orders
START_PRICE = 9  # of a trailing leg: where its price starts each time it goes live
EXPIRES = 10
CANCEL_AT = 11  # when a cancel request reaches the exchange
WATCH_PRICE = 12  # the client cancels when this price trades ...
WATCH_SIDE = 13  # ... or beyond it: +1 at or above, -1 at or below, 0 not watched
AHEAD = 14  # other people's volume in front of it
PARENT = 15  # row of the entry order it protects, -1 for none
OCO = 16  # one-cancels-other group, 0 for none
REDUCE_ONLY = 17
POST_ONLY = 18
IMMEDIATE = 19  # immediate-or-cancel
TAKE_TIME = 20  # time of the first trade a taking limit order met
GROWTH = 21  # what its entry got from the trade under way; the leg grows by it afterwards
TRAIL = 22  # of a trailing stop: how far its price stays behind the best price, 0 for none
LIMIT_PRICE = 23  # of a stop-limit: the price of the limit order it becomes, 0 for none
WORST = 24  # beyond this price a market order takes nothing, 0 for no such bound
ALL_OR_NONE = 25  # fill-or-kill
HELD = 26  # what a fill-or-kill order holds of earlier trades of the time it takes at
AHEAD_LESS = 26  # of an order at rest: parts of a lot, 2**-LOT_BITS, that are not ahead of AHEAD
AHEAD_TIME = 27  # when the volume ahead was last looked at; of a stop: since when it waits so
NEW_AT = 28  # when a change reaches the exchange
NEW_QTY = 29  # its whole quantity, 0 where it stays, -1 for none
NEW_PRICE = 30  # limit or trigger price, 0 where it stays
NEW_LIMIT = 31  # limit price of a stop-limit, 0 where it stays
CANCEL_WHY = 32  # what a cancel request is told to be the reason
ORDER_FIELDS = 33

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
AT_LIMIT = 1
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
TRADES_MISSING = 11
REASONS = 12
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
BY_HAND = 7  # bit r: a report of kind r is not for the kernel to write down
END = 8  # where the valid rows of the columns end
QUIET_ROW = 9  # before this row of the columns no trade can be noticed,
QUIET_TIME = 10  # and before this time nothing is due
FINISHED = 11  # 1 where nothing was left to do, or to tell before anything else happens
BASE = 12  # tape index of trade 0 of the columns
N_BLOCKS = 13  # whole or last ones that are known of the columns (`blocks`)
NOTED = 14  # reports that are written down
N_ORDER_ROWS = 15
# Addresses (`memory`) of the columns, of their blocks, and of the matrices.
AT_TIME = 16
AT_PRICE = 17
AT_QTY = 18
AT_SIDE = 19
AT_LOWS = 20
AT_HIGHS = 21
AT_ORDERS = 22
AT_REPORTS = 23
AT_SETTINGS = 24
AT_ID = 25
AT_ORDER_LOG = 26  # of the chunks' addresses (`records`)
AT_FILL_LOG = 27
AT_CHANGES = 28
N_REPORT_ROWS = 29  # that there is room for
N_FILLS = 30
FILL_ROOM = 31
N_CHANGES = 32
CHANGE_ROOM = 33
FULL = 34  # 1 where there was no room for another trade's fills
# The account (`clerk`).
BOOKED = 35  # position with all fills that are written down
LEDGER = 36
FEES_PAID = 37
UNIT = 38  # a lot is worth at a price of one
CENT = 39  # units in a hundred-millionth
MAKER_PART = 40  # hundred-millionths of commission a lot and price unit, part / whole
MAKER_WHOLE = 41
TAKER_PART = 42
TAKER_WHOLE = 43
N_TRIPS = 44  # round trips that have begun
OPENED_AT = 45  # time at which the one under way did
REACHED = 46  # moments of the piece that are known
# Whom to tell of fills, and when.
RESPONSE = 47  # how long the strategy's hook takes to hear of a fill; NEVER: it is not told
HEARD = 48  # fills it has heard of
HEARD_AT = 49  # when it hears of the next one
# Liquidation: how the band of prices is to be taken (`solvency`).
BAND = 50
BAND_RULE = 51
SAFE_RATE = 52  # maintenance in millionths of a position's worth, of positions ...
SAFE_WORTH = 53  # ... up to this, in units
# Of the latest call: the last trade processed, and what is left for others to do (bits).
LAST_PRICE = 54
LAST_TIME = 55
TO_DO = 56
# The mark price, where triggers wait for it: the latest known one, rounded down and up to whole
# price units; 0 where they wait for the last price.
MARK_DOWN = 57
MARK_UP = 58
STATE_SLOTS = 59

# Bits of TO_DO.
FILLS_CAME = 1  # the account has changed
REPORTS_WAIT = 2
WAS_LIQUIDATED = 4
NEEDS_ROOM = 8
ALL_ENDED = 16  # no order of the table is left

# Bands (BAND): what LIQUIDATE_LOW and LIQUIDATE_HIGH are.
EXACT = 0
WIRE = 1  # no trade between them liquidates; what one beyond them does is not known
UNKNOWN = 2  # nothing
# How a band follows from a fill (BAND_RULE).
NO_BAND = 0  # there is none
WIRED = 1  # as `solvency`
ASKED = 2  # only the books can tell

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
LOT_BITS = 20  # the volume ahead that decays is counted in parts of a lot
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
