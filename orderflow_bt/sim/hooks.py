"""Calls a strategy's hooks that follow single happenings: notices, timers, trades."""

from __future__ import annotations

from typing import TYPE_CHECKING

from orderflow_bt.strategy.api import TradeView

if TYPE_CHECKING:
    from orderflow_bt.sim.notices import Notice
    from orderflow_bt.sim.session import Session


def notify(session: Session, notice: Notice) -> None:
    """Tell the strategy what it is time to hear of."""
    strategy, market, broker = session.strategy, session.market, session.broker
    if session.seat:
        session.seat.take(session.now)
    session.pace.count(session.now)
    if notice is None:
        session.hook = "on_timer"
        strategy.on_timer(market, broker)
    elif notice == "start":
        session.hook = "on_start"
        strategy.on_start(market, broker)
    elif notice.fill:
        session.hook = "on_fill"
        strategy.on_fill(notice.fill, market, broker)
    else:
        session.hook = "on_order"
        strategy.on_order(notice.order, market, broker)
    session.hook = ""
    if session.seat:
        session.seat.give()


def show_trade(session: Session, row: int) -> None:
    """Show the strategy the trade of a row of the stretch in hand."""
    tape = session.tape
    trade = TradeView(
        int(tape.id[row]), int(tape.time[row]), int(tape.price[row]),
        int(tape.qty[row]), int(tape.side[row]),
    )  # fmt: skip
    if session.seat:
        session.seat.take(session.now)
    session.hook = "on_trade"
    session.strategy.on_trade(trade, session.market, session.broker)
    session.hook = ""
    if session.seat:
        session.seat.give()
