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
from orderflow_bt.kernels.orders import (
    FIRST_ASK,
    FIRST_BID,
    LIQUIDATE_HIGH,
    LIQUIDATE_LOW,
    LIQUIDATED,
    N_REPORTS,
    REPORTS_PER_ORDER,
    S_TICK,
    must_tell,
)
from orderflow_bt.kernels.quotes import quotes_before
from orderflow_bt.kernels.taking import close_taking_windows, hold_rest, match_takers
from orderflow_bt.kernels.triggers import test_triggers

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


@kernel
def advance(
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
    """Run own orders over trades ``[start, stop)`` and then the agenda earlier than ``until``.

    Stops early, with ``state[N_REPORTS] > 0`` or ``state[LIQUIDATED]`` set, as soon as something
    happened, so that whoever is told of it can act before anything later happens; but not for
    reports that ``state[PATIENCE]`` says can wait, while there is room for more. Returns the index
    of the first trade that is not yet processed: the trade at which an agenda item was due is still
    to come.

    ``lows`` and ``highs`` are those of the columns' blocks (`blocks`), or empty.
    ``base`` is the tape index of trade 0 of the columns. ``reports`` needs ``REPORTS_PER_ORDER``
    rows for each order and as many more.
    """
    state[N_REPORTS] = 0
    state[LIQUIDATED] = 0
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
            break
    return i
