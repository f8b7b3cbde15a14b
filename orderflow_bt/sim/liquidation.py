"""Where margin meets a session: orders that cannot be carried, positions that are closed."""

from __future__ import annotations

from typing import TYPE_CHECKING

from orderflow_bt.kernels import orders as k
from orderflow_bt.sim.reports import Happening
from orderflow_bt.strategy.api import Fill, Order

if TYPE_CHECKING:
    from orderflow_bt.sim.session import Session


_ENDED = (k.DONE, k.WAITING, k.SPENT)


def check_margin(session: Session, order: Order) -> str:
    """Why an account cannot carry an order beside what is held and working; else empty."""
    if order.role != "entry":
        return ""  # it only reduces
    last = session.last_price
    price = order.price if order.price is not None else last
    arrival = session.now + session.config.entry_latency
    return session.margin.refusal(
        order.side, order.qty - order.filled_qty, price, last, openers(session, arrival, order.id)
    )


def openers(session: Session, arrival: int, but: int = -1) -> list[tuple[int, int, int]]:
    """(side, lots, price) of orders that can still open a position at ``arrival``."""
    broker, last = session.broker, session.last_price
    found = []
    for number, state in enumerate(broker.matrix[: broker.rows, k.STATE].tolist()):
        if state in _ENDED or broker.order_of(number) == but:
            continue
        row = broker.matrix[number].tolist()
        if not row[k.REDUCE_ONLY] and row[k.CANCEL_AT] > arrival:
            found.append((row[k.SIDE], row[k.LEFT], row[k.PRICE] or last))
    return found


def liquidate(session: Session, row: int) -> Happening:
    """Write down the exchange's order that closes the position at trade ``row``, and its fill."""
    price, fee = session.margin.close_out()
    broker, held = session.broker, session.account.position
    time = session.tape.time.item(row)
    session.account.clock(time)
    order = Order(
        id=len(broker.orders),
        parent_id=None,
        kind="market",
        role="liquidation",
        side=-1 if held > 0 else 1,
        qty=abs(held),
        price=None,
        decision_time=time,
        arrival_time=time,
        done_time=time,
        status="filled",
        filled_qty=abs(held),
        ahead=None,
        why="what backed the position was used up",
        event_id=None,
    )
    fill = Fill(
        id=len(broker.fills),
        order_id=order.id,
        time=time,
        trade_id=session.tape.id.item(row),
        side=order.side,
        qty=order.qty,
        price=price,
        role=order.role,
        liquidity="taker",
        rule="liquidated",
        ahead=0,
        slippage_ticks=0,
        fee=fee,
        event_id=None,
        reference=price,
    )
    broker.orders.append(order)
    broker.fills.append(fill)
    return Happening(time, fill, order)
