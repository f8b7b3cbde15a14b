"""What a trade gives to orders that take: in order of arrival, each at what it would have paid."""

from __future__ import annotations

from typing import TYPE_CHECKING

from orderflow_bt.kernels._jit import kernel, part
from orderflow_bt.kernels.agenda import rest
from orderflow_bt.kernels.matching import clip, fill
from orderflow_bt.kernels.orders import (
    AHEAD,
    ALL_OR_NONE,
    ARRIVAL,
    CANCELLED,
    EXPIRES,
    FROM,
    HELD,
    HELD_PART,
    IMMEDIATE,
    LEFT,
    LIMIT,
    MILLION,
    N_REPORTS,
    NEVER,
    NEXT_SAME_SIDE,
    NOT_WHOLE,
    PRICE,
    PRICE_BOUND,
    QTY,
    R_BPS,
    R_IMPACT,
    R_REFERENCE,
    R_SPREAD,
    RESTED,
    S_PARTICIPATION,
    S_REFERENCE,
    S_SAME_SIDE_WAIT,
    S_STOP_AT_TRIGGER,
    SIDE,
    STATE,
    STOP,
    TAKE_TIME,
    TAKING,
    TOOK,
    TYPE,
    WORST,
    end,
    report,
)
from orderflow_bt.kernels.slippage import cross_price, reference_price, slippage

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


@part
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
            rest(now, orders, k, price, qty, side, i, bid, ask, settings)
            ahead = orders[k, AHEAD]
            report(reports, state, RESTED, k, now, -1, 0, orders[k, LEFT], 0, ahead, 0)


@part
def next_taker(
    now: int,
    index: int,
    after_arrival: int,
    after_row: int,
    orders: NDArray[np.int64],
    n_orders: int,
) -> int:
    """The next taking order in (arrival, row) order behind the given one; -1 for none."""
    k = -1
    for row in range(n_orders):
        if orders[row, STATE] != TAKING or index < orders[row, FROM]:
            continue
        arrival = orders[row, ARRIVAL]
        if arrival > now or arrival < after_arrival:
            continue
        if arrival == after_arrival and row <= after_row:
            continue
        if k < 0 or arrival < orders[k, ARRIVAL]:
            k = row
    return k


@kernel
def offer(
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
) -> tuple[int, int, int, int, int, int]:
    """What taking order ``k`` pays at trade ``i``: (price, reference, spread, bps, impact, bound).

    The three parts of the slippage are as far as they were paid: price = reference + fixed ticks +
    parts. A price of 0 means that the order takes nothing from this trade; bound tells whether its
    worst price is the reason.
    """
    order_side = orders[k, SIDE]
    kind = orders[k, TYPE]
    waits = settings[S_REFERENCE] == NEXT_SAME_SIDE and kind != LIMIT and side[i] != order_side
    if waits and now < orders[k, ARRIVAL] + settings[S_SAME_SIDE_WAIT]:
        return 0, 0, 0, 0, 0, 0
    if kind == STOP and settings[S_STOP_AT_TRIGGER] == 1:
        reference = orders[k, PRICE]
    elif kind == LIMIT and settings[S_REFERENCE] == NEXT_SAME_SIDE:
        reference = cross_price(order_side, price[i], bid, ask)
    else:
        reference = reference_price(order_side, price[i], side[i], bid, ask, settings)
    bound = orders[k, PRICE] if kind == LIMIT else orders[k, WORST]
    if bound > 0 and order_side * (reference - bound) > 0:
        return 0, reference, 0, 0, 0, 1
    fixed, spread, bps, impact = slippage(
        reference, bid, ask, price, qty, i, orders[k, QTY], settings
    )
    most = NEVER if order_side > 0 else reference - 1  # a price is never zero or less
    if bound > 0:
        most = min(most, abs(bound - reference))
    total = min(fixed + spread + bps + impact, most)
    impact = max(0, min(impact, total - fixed - spread - bps))
    bps = max(0, min(bps, total - fixed - spread))
    spread = max(0, min(spread, total - fixed))
    return reference + order_side * total, reference, spread, bps, impact, 0


@part
def takers_room(volume: int, settings: NDArray[np.int64]) -> int:
    """What taking orders may use of a trade."""
    share = settings[S_PARTICIPATION]  # the product in two parts: a whole one could overflow
    return volume // MILLION * share + volume % MILLION * share // MILLION


@part
def note_costs(
    reports: NDArray[np.int64], row: int, reference: int, spread: int, bps: int, impact: int
) -> None:
    """Add to a report what its price is made of."""
    reports[row, R_REFERENCE] = reference
    reports[row, R_SPREAD] = spread
    reports[row, R_BPS] = bps
    reports[row, R_IMPACT] = impact


@part
def match_takers(
    now: int,
    index: int,
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
) -> int:
    """Fill taking orders from one trade in order of arrival; returns the volume they used.

    A fill-or-kill order takes its turn only where this trade makes it whole.
    """
    room = takers_room(qty[i], settings)
    used = 0
    k = next_taker(now, index, -NEVER, -1, orders, n_orders)
    while k >= 0:
        arrival = orders[k, ARRIVAL]
        if orders[k, TYPE] == LIMIT and orders[k, TAKE_TIME] == NEVER:
            orders[k, TAKE_TIME] = now
            if orders[k, IMMEDIATE] == 1:
                orders[k, EXPIRES] = min(orders[k, EXPIRES], now + 1)  # after this time's trades
        paid, reference, spread, bps, impact, bound = offer(
            now, orders, k, price, qty, side, i, bid, ask, settings
        )
        if paid > 0:
            wanted = clip(orders, n_orders, k, now, state, reports)
            amount = min(wanted, room - used)
            if orders[k, ALL_OR_NONE] == 1 and wanted > 0:
                amount = wanted
                if wanted < orders[k, LEFT]:
                    end(orders, n_orders, k, reports, state, CANCELLED, now, NOT_WHOLE)
                    amount = 0
                elif room - used < wanted - orders[k, HELD]:
                    amount = 0
            if amount > 0:
                used += amount - orders[k, HELD]
                row = state[N_REPORTS]
                slipped = abs(paid - reference)
                fill(
                    orders, n_orders, k, amount, paid, TOOK, 0, slipped, now, index, state, reports
                )  # fmt: skip
                note_costs(reports, row, reference, spread, bps, impact)
        elif bound == 1 and orders[k, TYPE] != LIMIT:
            end(orders, n_orders, k, reports, state, CANCELLED, now, PRICE_BOUND)
        k = next_taker(now, index, arrival, k, orders, n_orders)
    return used


@part
def hold_rest(
    now: int,
    index: int,
    price: NDArray[np.int64],
    qty: NDArray[np.int64],
    side: NDArray[np.int8],
    i: int,
    bid: int,
    ask: int,
    used_by_takers: int,
    used: int,
    orders: NDArray[np.int64],
    n_orders: int,
    state: NDArray[np.int64],
    settings: NDArray[np.int64],
    reports: NDArray[np.int64],
) -> None:
    """Let fill-or-kill orders hold what all others left of a trade, in order of arrival."""
    left = min(takers_room(qty[i], settings) - used_by_takers, qty[i] - used)
    k = next_taker(now, index, -NEVER, -1, orders, n_orders)
    while k >= 0 and left > 0:
        if orders[k, ALL_OR_NONE] == 1:
            paid, reference, spread, bps, impact, _ = offer(
                now, orders, k, price, qty, side, i, bid, ask, settings
            )
            amount = min(left, orders[k, LEFT] - orders[k, HELD])
            if paid > 0 and amount > 0:
                left -= amount
                orders[k, HELD] += amount
                row = state[N_REPORTS]
                slipped = abs(paid - reference)
                report(
                    reports, state, HELD_PART, k, now, index, paid, amount, TOOK, 0, slipped
                )  # fmt: skip
                note_costs(reports, row, reference, spread, bps, impact)
        k = next_taker(now, index, orders[k, ARRIVAL], k, orders, n_orders)
