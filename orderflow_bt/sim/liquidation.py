"""Where margin meets a session: orders that cannot be carried, positions that are closed."""

from __future__ import annotations

from typing import TYPE_CHECKING

from orderflow_bt.kernels import orders as k
from orderflow_bt.kernels.agenda import waiting_interval
from orderflow_bt.kernels.solvency import find_openers
from orderflow_bt.kernels.triggers import test_mark, trail_mark
from orderflow_bt.sim.forced import write_closing
from orderflow_bt.types import MINUTE_US

if TYPE_CHECKING:
    from orderflow_bt.sim.mark_prices import MarkClock
    from orderflow_bt.sim.stepper import Stepper
    from orderflow_bt.sim.tickets import Ticket


def check_margin(session: Stepper, ticket: Ticket, order_id: int) -> str:
    """Why an account cannot carry an order beside what is held and working; else empty.

    The order itself, where it is at the exchange already, is not counted beside it.
    """
    if ticket.role != "entry":
        return ""  # it only reduces
    last = session.last_price
    arrival = session.now + session.config.entry_latency
    beside = openers(session, arrival, order_id) if session.broker.rows else ()
    price = last if ticket.price is None else ticket.price
    return session.margin.refusal(ticket.side, ticket.qty, price, last, beside)


def openers(session: Stepper, arrival: int, but: int = -1) -> list[tuple[int, int, int]]:
    """(side, lots, price) of orders that can still open a position at ``arrival``."""
    broker, last = session.broker, session.last_price
    own = broker.row_of(but)
    found = broker.beside
    count = find_openers(broker.matrix, broker.rows, arrival, -1 if own is None else own, found)
    return [(side, lots, price or last) for side, lots, price in found[:count].tolist()]


def look_at_mark(session: Stepper, marks: MarkClock) -> None:
    """Test the position, then orders that wait for a price, against the mark at a minute's edge."""
    margin, edge = session.margin, marks.next_time
    if marks.look(margin, session.account):
        _liquidate_by_mark(session)
    margin.by_mark = marks.liquidates and not marks.by_last
    if marks.triggers:
        _trigger_by_mark(session, marks, edge)


def _trigger_by_mark(session: Stepper, marks: MarkClock, edge: int) -> None:
    """Let what is known of the mark price at an edge trigger orders, and trailing ones follow it.

    Inside the minute that ended nobody knows what came first: a trailing stop is tested at the
    extremes as it stood before, and at the close as the extremes moved it.
    """
    broker, slots, known = session.broker, session.state.slots, marks.known_at(edge)
    if broker.rows:
        session.run_agenda(edge)  # those that arrived in that minute meet its close
        slots[k.N_REPORTS] = slots[k.NOTED] = 0
        steps = [(edge - MINUTE_US, known.extremes), (edge, known.close)]
        if known.open is not None:
            steps.append((edge, (known.open,)))
        for since, prices in steps:
            for mark in prices:
                test_mark(
                    edge, since, session.next_index - 1, *mark, broker.matrix, broker.rows,
                    broker.state.vector, broker.reports,
                )  # fmt: skip
            for mark in prices:
                trail_mark(since, *mark, broker.matrix, broker.rows)
        broker.reader.read()
    marks.tell(edge)


def skip_marks(session: Stepper, marks: MarkClock, row: int, time: int) -> None:
    """Pass over looks at the mark price that change nothing before trade ``row`` and ``time``."""
    tape = session.tape
    horizon = min(time, tape.time.item(min(row, tape.end - 1)))
    waiting = None
    if marks.triggers and session.broker.rows:
        low, high = waiting_interval(session.broker.matrix, session.broker.rows)
        waiting = (low, high) if (low, high) != (-k.NEVER, k.NEVER) else None
    marks.skip(horizon, session.margin, session.account, waiting)


def _liquidate_by_mark(session: Stepper) -> None:
    """End every order now, and the position with them: the mark price left it no margin."""
    broker = session.broker
    broker.end_all(session.now)
    broker.reader.read()
    price, fee = session.margin.close_out()
    write_closing(
        session, "liquidation", rule="liquidated", row=session.cursor - 1, time=session.now,
        price=price, fee=fee, why="what backed the position was used up at the mark price",
    )  # fmt: skip


def end_jointly(session: Stepper, row: int) -> None:
    """End a portfolio's orders and its position in one symbol, where the account ends.

    Trade ``row`` is the symbol's latest.
    """
    doom, broker = session.doom, session.broker
    assert doom is not None
    session.doom, session.doom_time = None, k.NEVER
    session.margin.is_over = True
    session.now = max(session.now, doom.time)
    session.stir()
    assert session.seat is not None
    number = session.seat.number
    session.run_agenda(doom.time + (number <= doom.number))
    broker.end_all(doom.time)
    broker.reader.read()
    session.cursor = row + 1  # the position lived through that trade
    if session.account.position:
        price, fee = doom.ends[number]
        write_closing(
            session, "liquidation", rule="liquidated", row=row, time=doom.time, price=price,
            fee=fee, why="what backed all positions of the account was used up",
        )  # fmt: skip


def liquidate(session: Stepper, row: int) -> None:
    """Write down the exchange's order that closes the position at trade ``row``, and its fill."""
    price, fee = session.margin.close_out()
    write_closing(
        session, "liquidation", rule="liquidated", row=row, time=session.tape.time.item(row),
        price=price, fee=fee, why="what backed the position was used up",
    )  # fmt: skip
