"""What befalls orders and position without the strategy: where trades are missing, at the end."""

from __future__ import annotations

from typing import TYPE_CHECKING

from orderflow_bt.kernels import orders as k
from orderflow_bt.sim.tickets import Ticket
from orderflow_bt.strategy.api import Fill, Order

if TYPE_CHECKING:
    from orderflow_bt.sim.broker import SimBroker
    from orderflow_bt.sim.readings import Gap
    from orderflow_bt.sim.session import Session


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
    broker, account, now = session.broker, session.account, session.now
    side, qty = (-1 if account.position > 0 else 1), abs(account.position)
    account.clock(now)
    order = Order(
        id=len(broker.orders),
        parent_id=None,
        kind="market",
        role=role,
        side=side,
        qty=qty,
        price=None,
        decision_time=now,
        arrival_time=now,
        done_time=now,
        status="filled",
        filled_qty=qty,
        ahead=None,
        why="",
        event_id=None,
    )
    fill = Fill(
        id=len(broker.fills),
        order_id=order.id,
        time=now,
        trade_id=session.last_trade_id,
        side=side,
        qty=qty,
        price=session.last_price,
        role=role,
        liquidity="taker",
        rule=role,
        ahead=0,
        slippage_ticks=0,
        fee=account.fee(session.last_price, qty, maker=False),
        event_id=None,
        reference=session.last_price,
    )
    broker.orders.append(order)
    broker.fills.append(fill)
    return fill
