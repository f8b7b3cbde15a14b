"""Where margin meets a session: orders that cannot be carried, positions that are closed."""

from __future__ import annotations

from typing import TYPE_CHECKING

from orderflow_bt.kernels import orders as k
from orderflow_bt.sim.forced import write_closing
from orderflow_bt.sim.reports import Happening

if TYPE_CHECKING:
    from orderflow_bt.sim.session import Session
    from orderflow_bt.strategy.api import Order


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
    rows = broker.matrix[: broker.rows]
    opens = (
        (rows[:, k.STATE] != k.DONE)
        & (rows[:, k.STATE] < k.WAITING)
        & (rows[:, k.REDUCE_ONLY] == 0)
        & (rows[:, k.CANCEL_AT] > arrival)
    )
    own = broker.row_of(but)
    if own is not None:
        opens[own] = False
    return [
        (side, lots, price or last)
        for side, lots, price in rows[opens][:, [k.SIDE, k.LEFT, k.PRICE]].tolist()
    ]


def liquidate(session: Session, row: int) -> Happening:
    """Write down the exchange's order that closes the position at trade ``row``, and its fill."""
    price, fee = session.margin.close_out()
    time = session.tape.time.item(row)
    session.account.clock(time)
    closing = write_closing(
        session, "liquidation", rule="liquidated", row=row, time=time, price=price, fee=fee,
        why="what backed the position was used up",
    )  # fmt: skip
    return Happening(time, closing.fill, closing.order)
