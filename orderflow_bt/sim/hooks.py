"""Calls a strategy's hooks: for bars and events, and for notices, timers and trades."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from orderflow_bt.kernels import orders as k
from orderflow_bt.strategy.api import TradeView
from orderflow_bt.strategy.base import Strategy

if TYPE_CHECKING:
    from collections.abc import Sequence

    from orderflow_bt.flow.events import Event
    from orderflow_bt.sim.moments import Moments
    from orderflow_bt.sim.notices import Notice
    from orderflow_bt.sim.stepper import Stepper
    from orderflow_bt.types import Bar, BarSpec


class Heard(NamedTuple):
    """Bars and events of a piece, as a strategy hears them.

    Moment ``m`` tells of ``bars[bars_from[m]:bars_from[m + 1]]``, then of
    ``events[events_from[m]:events_from[m + 1]]``; ``specs[k]`` says how bar ``k`` was cut.
    """

    bars_from: Sequence[int]
    specs: list[BarSpec]
    bars: list[Bar]
    events_from: Sequence[int]
    events: list[Event]


class Hooks:
    """What one strategy hears, and how it is told.

    In a portfolio each hook waits for its turn, and leaves behind what the account is open to.

    Attributes:
        hears_fills: Whether it has `on_fill`; and so for the others.
        hears_only_fills: Whether it hears of nothing that trades cause but of those.
    """

    def __init__(self, session: Stepper) -> None:
        self._session = session
        kind = type(session.strategy)
        self.hears_fills = kind.on_fill is not Strategy.on_fill
        self.hears_orders = kind.on_order is not Strategy.on_order
        self.hears_bars = kind.on_bar is not Strategy.on_bar
        self.hears_events = kind.on_event is not Strategy.on_event
        self.hears_trades = kind.on_trade is not Strategy.on_trade
        self.hears_only_fills = self.hears_fills and not self.hears_orders and not self.hears_trades

    def of(self, moments: Moments) -> Heard:
        """What of a piece's moments it hears."""
        nothing = [0] * (len(moments) + 1)
        bars, events = self.hears_bars, self.hears_events
        return Heard(
            moments.bars_from if bars else nothing,
            moments.specs if bars else [],
            moments.bars if bars else [],
            moments.events_from if events else nothing,
            moments.heard if events else [],
        )

    def hear(self) -> None:
        """Tell the strategy of the next fills, all that it hears of at the time the kernel keeps.

        Between two of them nothing can happen: what it sends then is for later.
        """
        session = self._session
        strategy, market, broker = session.strategy, session.market, session.broker
        slots, fills, pace = session.state.slots, session.books.fills, session.pace
        time = slots[k.HEARD_AT]
        while slots[k.HEARD_AT] == time:
            number = slots[k.HEARD]
            slots[k.HEARD] = following = number + 1
            slots[k.HEARD_AT] = (
                fills.time_of(following) + slots[k.RESPONSE]
                if following < fills.written
                else k.NEVER
            )
            pace.left -= 1
            if pace.left == 0:
                pace.look(session.now)
            session.hook = "on_fill"
            strategy.on_fill(fills.record(number), market, broker)
            session.hook = ""

    def notify(self, notice: Notice) -> None:
        """Tell the strategy what it is time to hear of."""
        session = self._session
        strategy, market, broker, seat = (
            session.strategy, session.market, session.broker, session.seat,
        )  # fmt: skip
        if seat:
            seat.take(session.now)
        session.pace.left -= 1
        if session.pace.left == 0:
            session.pace.look(session.now)
        if isinstance(notice, int):
            session.hook = "on_fill"
            strategy.on_fill(session.books.fills.record(notice), market, broker)
        elif notice is None:
            session.hook = "on_timer"
            strategy.on_timer(market, broker)
        elif isinstance(notice, str):
            session.hook = "on_start"
            strategy.on_start(market, broker)
        else:
            session.hook = "on_order"
            strategy.on_order(notice, market, broker)
        session.hook = ""
        if seat:
            seat.give()

    def show_trade(self, row: int) -> None:
        """Show the strategy the trade of a row of the stretch in hand."""
        session, tape = self._session, self._session.tape
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

    def end(self) -> None:
        """Let the strategy see the end."""
        session = self._session
        session.hook = "on_end"
        session.strategy.on_end(session.market, session.broker)
        session.hook = ""
