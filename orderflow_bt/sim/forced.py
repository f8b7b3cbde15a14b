"""What befalls orders and position without the strategy: where trades are missing, at the end."""

from __future__ import annotations

from typing import TYPE_CHECKING

from orderflow_bt.kernels import orders as k
from orderflow_bt.sim import logs
from orderflow_bt.sim.logs import ABSENT
from orderflow_bt.sim.tickets import Ticket

if TYPE_CHECKING:
    from orderflow_bt.sim.broker import SimBroker
    from orderflow_bt.sim.readings import Gap
    from orderflow_bt.sim.stepper import Stepper


def enter_gap(broker: SimBroker, gap: Gap, *, cancel: bool) -> None:
    """Let what would arrive inside a gap arrive behind it; with ``cancel`` end what there is.

    The trades before the gap are over. Whatever is cancelled ends before the first trade behind it.
    An order that was decided inside the gap (in a replay, at the very start of its window) lives.
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
            if row is None or broker.orders.row(order_id)[logs.DECISION] > gap.start:
                continue
            if rows[row, k.CANCEL_AT] > gap.end:
                rows[row, k.CANCEL_AT] = gap.end
                rows[row, k.CANCEL_WHY] = k.TRADES_MISSING


def flatten(session: Stepper, role: str) -> None:
    """Cancel every order and send a market order for the whole position, as a strategy would."""
    broker, held = session.broker, session.account.position
    broker.cancel_all()
    if held:
        side = -1 if held > 0 else 1
        broker.send(Ticket("market", role, side, abs(held), reduce_only=True))


def close_out(session: Stepper, role: str) -> None:
    """Close the position at the last price, at once and as a taker."""
    row = session.cursor - 1
    write_closing(session, role, rule=role, row=row, time=session.now, price=session.last_price)


def write_closing(
    session: Stepper,
    role: str,
    *,
    rule: str,
    row: int,
    time: int,
    price: int,
    fee: int | None = None,
    why: str = "",
) -> None:
    """Write down an order, and its fill by trade ``row``, that ends the whole position at once."""
    broker, held = session.broker, session.account.position
    order_id, side, qty = len(broker.orders), -1 if held > 0 else 1, abs(held)
    broker.orders.add(
        order_id, ABSENT, logs.KIND_CODE["market"], logs.ROLE_CODE[role], side, qty, ABSENT, time,
        time, time, logs.STATUS_CODE["filled"], qty, ABSENT, broker.orders.why(why), ABSENT, ABSENT,
        ABSENT, ABSENT, ABSENT,
    )  # fmt: skip
    report = [0] * k.REPORT_FIELDS
    report[k.R_TIME], report[k.R_INDEX] = time, session.tape.id.item(row)
    report[k.R_PRICE] = report[k.R_REFERENCE] = price
    report[k.R_QTY], report[k.R_RULE] = qty, k.TOOK
    session.books.fill(order_id, report, logs.RULE_CODE[rule], session.cursor, fee)
    broker.slots[k.POSITION] = 0
