"""The matching kernel: own orders against the tape, exact to the trade.

``advance`` runs own orders from one moment of the session to the next. Trades that no order can
notice are passed over, a block of them by comparing two integers (`blocks`). Rules:
``docs/fills.md``; an order's and a report's columns: `orders`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from orderflow_bt.kernels._jit import kernel, part
from orderflow_bt.kernels.agenda import quiet_interval, run_agenda
from orderflow_bt.kernels.bars import first_at_or_after
from orderflow_bt.kernels.blocks import first_outside
from orderflow_bt.kernels.clerk import note_all
from orderflow_bt.kernels.liquidation import liquidates
from orderflow_bt.kernels.matching import grow_legs, match_makers
from orderflow_bt.kernels.memory import int8s, int64s
from orderflow_bt.kernels.orders import (
    ALL_ENDED,
    AT_HIGHS,
    AT_LOWS,
    AT_ORDERS,
    AT_PRICE,
    AT_QTY,
    AT_REPORTS,
    AT_SETTINGS,
    AT_SIDE,
    AT_TIME,
    BAND,
    BASE,
    CHANGE_ROOM,
    DONE,
    END,
    FILL_ROOM,
    FILLS_CAME,
    FINISHED,
    FIRST_ASK,
    FIRST_BID,
    FULL,
    HEARD_AT,
    LAST_PRICE,
    LAST_TIME,
    LIQUIDATE_HIGH,
    LIQUIDATE_LOW,
    LIQUIDATED,
    N_BLOCKS,
    N_CHANGES,
    N_FILLS,
    N_ORDER_ROWS,
    N_REPORT_ROWS,
    N_REPORTS,
    NEEDS_ROOM,
    NEVER,
    NOTED,
    ORDER_FIELDS,
    QUIET_ROW,
    QUIET_TIME,
    REPORT_FIELDS,
    REPORTS_WAIT,
    S_TICK,
    SETTINGS,
    STATE,
    STATE_SLOTS,
    TO_DO,
    UNKNOWN,
    WAS_LIQUIDATED,
)
from orderflow_bt.kernels.quotes import quotes_before
from orderflow_bt.kernels.taking import close_taking_windows, hold_rest, match_takers
from orderflow_bt.kernels.triggers import test_triggers

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

LOOK_AHEAD = 1 << 14  # trades


@kernel
def advance(address: int, n_orders: int, start: int, stop: int, before: int, until: int) -> int:
    """Run own orders over trades ``[start, stop)`` and then the agenda earlier than ``until``.

    Of the trades, only those earlier than ``before``. Columns, orders and settings lie where
    ``state``, the vector at ``address``, says: `orderflow_bt.kernels.orders`.

    What happens is written down (`clerk`), and it goes on; but it stops as soon as

    * there is a report that the clerk leaves to others (``state[NOTED] < state[N_REPORTS]``),
    * a position was liquidated (``state[LIQUIDATED]``),
    * only the books can tell what a trade does to a position (``state[BAND] != EXACT``),
    * there is no room for what might be written down (``state[FULL]``),
    * the strategy hears of a fill: nothing of ``state[HEARD_AT]`` or later is processed.

    Returns the index of the first trade that is not yet processed: the trade at which an agenda
    item was due is still to come.

    Unless it stopped for one of the first four, ``state[FINISHED]`` is set, and
    ``state[QUIET_ROW]`` and ``state[QUIET_TIME]`` say how far the next calls can do nothing, unless
    somebody changes something: no trade before that row, no agenda earlier than that time.
    ``state[TO_DO]`` says what else there is for others to do.
    """
    state = int64s(address, STATE_SLOTS)
    end = state[END]
    time = int64s(state[AT_TIME], end)
    price = int64s(state[AT_PRICE], end)
    qty = int64s(state[AT_QTY], end)
    side = int8s(state[AT_SIDE], end)
    lows = int64s(state[AT_LOWS], state[N_BLOCKS])
    highs = int64s(state[AT_HIGHS], state[N_BLOCKS])
    settings = int64s(state[AT_SETTINGS], SETTINGS)
    rows = state[N_ORDER_ROWS]
    orders = int64s(state[AT_ORDERS], rows * ORDER_FIELDS).reshape((rows, ORDER_FIELDS))
    rows = state[N_REPORT_ROWS]
    reports = int64s(state[AT_REPORTS], rows * REPORT_FIELDS).reshape((rows, REPORT_FIELDS))
    state[N_REPORTS] = 0
    state[NOTED] = 0
    state[LIQUIDATED] = 0
    state[FINISHED] = 0
    state[FULL] = 0
    fills = state[N_FILLS]
    before = min(before, state[HEARD_AT])
    if start < stop and before <= time[stop - 1]:
        stop = first_at_or_after(time, start, stop, before)
    i = match(
        time, price, qty, side, lows, highs, start, stop, state[BASE], until, orders, n_orders,
        state, settings, reports,
    )  # fmt: skip
    if i > start:
        state[LAST_PRICE] = price[i - 1]
        state[LAST_TIME] = time[i - 1]
    to_do = FILLS_CAME if state[N_FILLS] > fills else 0
    to_do |= REPORTS_WAIT if state[N_REPORTS] > 0 else 0
    to_do |= WAS_LIQUIDATED if state[LIQUIDATED] == 1 else 0
    to_do |= NEEDS_ROOM if state[FULL] == 1 else 0
    live = 0
    for k in range(n_orders):
        live += orders[k, STATE] != DONE
    state[TO_DO] = to_do | ALL_ENDED if n_orders > 0 and live == 0 else to_do
    if state[HEARD_AT] < NEVER:
        state[QUIET_ROW] = i
    elif state[FINISHED] == 1:
        look_ahead(price, lows, highs, i, orders, n_orders, state)
    return i


@part
def match(
    time: NDArray[np.int64],
    price: NDArray[np.int64],
    qty: NDArray[np.int64],
    side: NDArray[np.int8],
    lows: NDArray[np.int64],
    highs: NDArray[np.int64],
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
    """As `advance`, without looking at what is left.

    ``lows`` and ``highs`` are those of the columns' blocks (`blocks`), or empty.
    ``base`` is the tape index of trade 0 of the columns. ``reports`` needs ``REPORTS_PER_ORDER``
    rows for each order and as many more.
    """
    i = start
    while i < stop:
        fills = state[N_FILLS]
        most = n_orders + 1  # fills that one trade can cause
        if fills + most > state[FILL_ROOM] or state[N_CHANGES] + most > state[CHANGE_ROOM]:
            state[FULL] = 1
            return i
        wake_time, low, high = quiet_interval(orders, n_orders, state)
        low = max(low, state[LIQUIDATE_LOW])
        high = min(high, state[LIQUIDATE_HIGH])
        quiet_until = stop
        if wake_time <= time[stop - 1]:
            quiet_until = first_at_or_after(time, i, stop, wake_time)
        i = first_outside(price, i, quiet_until, low, high, lows, highs)
        if i == stop:
            break
        now = time[i]
        if run_agenda(now, price, qty, side, i, orders, n_orders, state, settings, reports):
            if not note_all(reports, orders, state, settings):
                return i
            continue
        index = base + i
        traded = price[i]
        if liquidates(now, traded, orders, n_orders, state, reports):
            if state[LIQUIDATED] == 0:
                return i
            note_all(reports, orders, state, settings)
            return i + 1
        bid, ask = quotes_before(
            price, side, i, settings[S_TICK], state[FIRST_BID], state[FIRST_ASK]
        )
        close_taking_windows(
            now, price, qty, side, i, bid, ask, orders, n_orders, state, settings, reports
        )
        test_triggers(now, index, traded, orders, n_orders, state, reports)
        taken = match_takers(
            now, index, price, qty, side, i, bid, ask, orders, n_orders, state, settings, reports
        )
        used = match_makers(
            now, index, traded, side[i], qty[i], taken, orders, n_orders, state, settings, reports
        )
        hold_rest(
            now, index, price, qty, side, i, bid, ask, taken, used, orders, n_orders, state,
            settings, reports,
        )  # fmt: skip
        i += 1
        if state[N_REPORTS] > 0:
            grow_legs(now, index, orders, n_orders, state, reports)
            if not note_all(reports, orders, state, settings) or state[BAND] == UNKNOWN:
                return i
            if i < stop and state[HEARD_AT] <= time[stop - 1]:
                stop = first_at_or_after(time, i, stop, state[HEARD_AT])
    until = min(until, state[HEARD_AT])
    while run_agenda(until - 1, price, qty, side, i, orders, n_orders, state, settings, reports):
        if not note_all(reports, orders, state, settings):
            return i
    state[FINISHED] = 1
    return i


@kernel
def look_ahead(
    price: NDArray[np.int64],
    lows: NDArray[np.int64],
    highs: NDArray[np.int64],
    i: int,
    orders: NDArray[np.int64],
    n_orders: int,
    state: NDArray[np.int64],
) -> None:
    """Note how far from trade ``i`` on nothing can happen, as far as it is looked."""
    wake_time, low, high = quiet_interval(orders, n_orders, state)
    low = max(low, state[LIQUIDATE_LOW])
    high = min(high, state[LIQUIDATE_HIGH])
    stop = min(i + LOOK_AHEAD, state[END])
    state[QUIET_TIME] = wake_time
    state[QUIET_ROW] = first_outside(price, i, stop, low, high, lows, highs)
