"""The matching kernel: own orders against the tape, exact to the trade.

``advance`` runs own orders from one moment of the session to the next. Trades that no order can
notice are passed over, a block of them by comparing two integers (`blocks`). Rules:
``docs/fills.md``; an order's and a report's columns: `orders`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from orderflow_bt.kernels._jit import kernel
from orderflow_bt.kernels.agenda import quiet_interval, run_agenda
from orderflow_bt.kernels.bars import first_at_or_after
from orderflow_bt.kernels.blocks import first_outside
from orderflow_bt.kernels.liquidation import liquidates
from orderflow_bt.kernels.matching import grow_legs, match_makers
from orderflow_bt.kernels.memory import int8s, int64s
from orderflow_bt.kernels.orders import (
    AT_HIGHS,
    AT_LOWS,
    AT_ORDERS,
    AT_PRICE,
    AT_QTY,
    AT_REPORTS,
    AT_SETTINGS,
    AT_SIDE,
    AT_TIME,
    BASE,
    DONE,
    END,
    FINISHED,
    FIRST_ASK,
    FIRST_BID,
    LIQUIDATE_HIGH,
    LIQUIDATE_LOW,
    LIQUIDATED,
    LIVE,
    N_BLOCKS,
    N_ORDER_ROWS,
    N_REPORT_ROWS,
    N_REPORTS,
    ORDER_FIELDS,
    QUIET_ROW,
    QUIET_TIME,
    REPORT_FIELDS,
    REPORTS_PER_ORDER,
    S_TICK,
    SETTINGS,
    STATE,
    must_tell,
)
from orderflow_bt.kernels.quotes import quotes_before
from orderflow_bt.kernels.taking import close_taking_windows, hold_rest, match_takers
from orderflow_bt.kernels.triggers import test_triggers

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

LOOK_AHEAD = 1 << 14  # trades


@kernel
def advance(
    state: NDArray[np.int64], n_orders: int, start: int, stop: int, before: int, until: int
) -> int:
    """Run own orders over trades ``[start, stop)`` and then the agenda earlier than ``until``.

    Of the trades, only those earlier than ``before``. Columns, orders and settings lie where
    ``state`` says: `orderflow_bt.kernels.orders`.

    Stops early, with ``state[N_REPORTS] > 0`` or ``state[LIQUIDATED]`` set, as soon as something
    happened, so that whoever is told of it can act before anything later happens; but not for
    reports that ``state[PATIENCE]`` says can wait, while there is room for more. Returns the index
    of the first trade that is not yet processed: the trade at which an agenda item was due is still
    to come.

    Else ``state[FINISHED]`` is set, and ``state[QUIET_ROW]`` and ``state[QUIET_TIME]`` say how far
    the next calls can do nothing, unless somebody changes something: no trade before that row, no
    agenda earlier than that time. ``state[LIVE]`` says whether any order has not ended.
    """
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
    state[LIQUIDATED] = 0
    state[FINISHED] = 0
    if start < stop and before <= time[stop - 1]:
        stop = first_at_or_after(time, start, stop, before)
    i = match(
        time, price, qty, side, lows, highs, start, stop, state[BASE], until, orders, n_orders,
        state, settings, reports,
    )  # fmt: skip
    note_live(orders, n_orders, state)
    if state[FINISHED] == 1:
        look_ahead(price, lows, highs, i, orders, n_orders, state)
    return i


@kernel
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
    most = reports.shape[0] - REPORTS_PER_ORDER * (n_orders + 1)
    i = start
    while i < stop:
        told = state[N_REPORTS]
        if told > most:
            return i
        wake_time, low, high = quiet_interval(orders, n_orders)
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
            if must_tell(reports, state, told):
                return i
            continue
        index = base + i
        traded = price[i]
        if liquidates(now, traded, orders, n_orders, state, reports):
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
        if state[N_REPORTS] > told:
            grow_legs(now, index, orders, n_orders, state, reports)
            if must_tell(reports, state, told):
                return i
    told = state[N_REPORTS]
    while told <= most and not must_tell(reports, state, told):
        told = state[N_REPORTS]
        if not run_agenda(
            until - 1, price, qty, side, i, orders, n_orders, state, settings, reports
        ):
            state[FINISHED] = 1
            break
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
    wake_time, low, high = quiet_interval(orders, n_orders)
    low = max(low, state[LIQUIDATE_LOW])
    high = min(high, state[LIQUIDATE_HIGH])
    stop = min(i + LOOK_AHEAD, state[END])
    state[QUIET_TIME] = wake_time
    state[QUIET_ROW] = first_outside(price, i, stop, low, high, lows, highs)


@kernel
def note_live(orders: NDArray[np.int64], n_orders: int, state: NDArray[np.int64]) -> None:
    """Note whether any order has not ended."""
    state[LIVE] = 0
    for k in range(n_orders):
        if orders[k, STATE] != DONE:
            state[LIVE] = 1
            return
