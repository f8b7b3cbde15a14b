"""What befalls orders and position without the strategy: where trades are missing, at the end."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from orderflow_bt.kernels import orders as k
from orderflow_bt.sim.tickets import Ticket
from orderflow_bt.strategy.api import Fill, Order

if TYPE_CHECKING:
    from decimal import Decimal

    from orderflow_bt.sim.broker import SimBroker
    from orderflow_bt.sim.readings import Gap
    from orderflow_bt.sim.session import Session


class Closing(NamedTuple):
    """An order that ended a position, and its fill."""

    order: Order
    fill: Fill


def enter_gap(broker: SimBroker, gap: Gap, *, cancel: bool) -> None:
    """Let what would arrive inside a gap arrive behind it; with ``cancel`` end what there is.

    The trades before the gap are over. Whatever is cancelled ends before the first trade behind it.
    """
    broker.gap_end = gap.end
    rows = broker.matrix[: broker.rows]
    late = (
        (rows[:, k.STATE] == k.PENDING)
        & (rows[:, k.ARRIVAL] > gap.start)
        & (rows[:, k.ARRIVAL] < gap.end)
    )
    rows[late, k.ARRIVAL] = gap.end
    if cancel:
        for order_id in broker.live_ids():
            row = broker.row_of(order_id)
            if row is not None and rows[row, k.CANCEL_AT] > gap.end:
                rows[row, k.CANCEL_AT] = gap.end
                broker.cut_short.add(order_id)


def flatten(session: Session, role: str) -> None:
    """Cancel every order and send a market order for the whole position, as a strategy would."""
    broker, held = session.broker, session.account.position
    broker.cancel_all()
    if held:
        side = -1 if held > 0 else 1
        broker.send(Ticket("market", role, side, abs(held), reduce_only=True))


def close_out(session: Session, role: str) -> Fill:
    """Close the position at the last price, at once and as a taker; who calls books the fill."""
    account, price = session.account, session.last_price
    account.clock(session.now)
    row = session.next_index - session.tape.base - 1
    fee = account.fee(price, abs(account.position), maker=False)
    return write_closing(
        session, role, rule=role, row=row, time=session.now, price=price, fee=fee, why=""
    ).fill


def write_closing(
    session: Session,
    role: str,
    *,
    rule: str,
    row: int,
    time: int,
    price: int,
    fee: Decimal,
    why: str,
) -> Closing:
    """Write down an order, and its fill by trade ``row``, that ends the whole position at once."""
    broker, held = session.broker, session.account.position
    order = Order(
        id=len(broker.orders),
        parent_id=None,
        kind="market",
        role=role,
        side=-1 if held > 0 else 1,
        qty=abs(held),
        price=None,
        decision_time=time,
        arrival_time=time,
        done_time=time,
        status="filled",
        filled_qty=abs(held),
        ahead=None,
        why=why,
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
        role=role,
        liquidity="taker",
        rule=rule,
        ahead=0,
        slippage_ticks=0,
        fee=fee,
        event_id=None,
        reference=price,
    )
    broker.orders.append(order)
    broker.fills.append(fill)
    return Closing(order, fill)
