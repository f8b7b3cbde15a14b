"""The session: one resumable loop that feeds a strategy, its broker and its account.

A backtest feeds it days, a replay single trades; what comes out is the same. Between two moments
at which a hook may run, the matching kernel advances over the trades; whenever something happens
to an order it stops there, so that whoever is told of it acts before anything later happens.
"""

from __future__ import annotations

import heapq
from typing import TYPE_CHECKING, Literal, NamedTuple

import numpy as np

from orderflow_bt.errors import PluginError
from orderflow_bt.flow.events import EventColumns
from orderflow_bt.kernels import orders as k
from orderflow_bt.kernels.broker import advance
from orderflow_bt.kernels.marking import drawdown
from orderflow_bt.sim.account import Account
from orderflow_bt.sim.broker import Happening, SimBroker
from orderflow_bt.sim.buffer import empty_stretch
from orderflow_bt.sim.funding import FundingClock
from orderflow_bt.sim.guard import guard
from orderflow_bt.sim.market import MarketView
from orderflow_bt.sim.trips import RoundTrip, Trips
from orderflow_bt.strategy.api import TradeView
from orderflow_bt.strategy.base import Strategy

if TYPE_CHECKING:
    from collections.abc import Sequence
    from contextlib import AbstractContextManager
    from decimal import Decimal

    from orderflow_bt.instruments import Instrument
    from orderflow_bt.sim.config import SimConfig
    from orderflow_bt.sim.funding import Funding
    from orderflow_bt.sim.readings import Moment, Slice
    from orderflow_bt.types import BarSpec


Notice = Happening | Literal["start"] | None  # what a hook is told of; None for a timer
MAX_ANSWERS = 10_000  # notices and timers at one instant; more can only be a plugin's endless loop


class EquityRow(NamedTuple):
    """The account at a bar's close."""

    time: int
    equity: Decimal
    position: int
    price: int


class Session:
    """One strategy on one tape under one set of assumptions.

    Args:
        strategy: Its hooks are called as the tape passes.
        instrument: Units of the tape.
        config: Assumptions of the simulation.
        specs: The bars its readings carry, short before long; equity is marked at the first.
        start: Orders are disabled before this time, microseconds UTC: the warm-up.
        funding: What the contract paid, by time; none where it is not simulated.

    Attributes:
        now: The session's clock.
        trips: Round trips so far.
        equity: The account at every bar close since ``start``.
        trades_read: Trades of the window, without the warm-up's.
        max_drawdown: Worst equity / peak - 1, marked at every trade.
    """

    def __init__(
        self,
        strategy: Strategy,
        instrument: Instrument,
        config: SimConfig,
        specs: list[BarSpec],
        *,
        start: int,
        funding: Sequence[Funding] = (),
    ) -> None:
        self.strategy = strategy
        self.instrument = instrument
        self.config = config
        self.specs = specs
        self.start = start
        self.now = 0
        self.last_price = 0
        self.account = Account(instrument, config.cash, config.fees, config.fee_changes)
        self.trips = Trips(self.account)
        self.funding = FundingClock(funding, config.funding_shift)
        self.broker = SimBroker(self)
        self.tape = empty_stretch()
        self.market = MarketView(self, instrument, specs)
        self._seen: list[EventColumns] = []
        self.equity: list[EquityRow] = []
        self.max_drawdown = 0.0
        self.trades_read = 0
        self._peak = float(config.cash)
        self._marking = specs[0] if specs else None
        self._cursor = 0  # next row of the stretch in hand to process
        self._unseen: int | None = None  # a processed trade that on_trade has not seen yet
        self._state = np.zeros(k.STATE_SLOTS, np.int64)
        self._settings = config.kernel_settings(instrument)
        self._notices: list[tuple[int, int, Notice]] = []
        self._notice_count = 0
        self._answers = (0, 0)  # the latest instant with a notice, and how many it had
        kind = type(strategy)
        self._has_started = kind.on_start is Strategy.on_start  # or nobody hears of it
        self._has_ended = False
        self._hears_fills = kind.on_fill is not Strategy.on_fill
        self._hears_orders = kind.on_order is not Strategy.on_order
        self._hears_events = kind.on_event is not Strategy.on_event
        self._hears_trades = kind.on_trade is not Strategy.on_trade

    # -- what broker and market ask ------------------------------------------------------------

    @property
    def trading(self) -> bool:
        """Whether orders are enabled: the warm-up is over, and the run is not."""
        return self.now >= self.start and not self._has_ended

    @property
    def events(self) -> EventColumns:
        """Events known since ``start``, made into objects when they are looked at."""
        return EventColumns.concat(self._seen)

    @property
    def next_index(self) -> int:
        """Tape index of the next trade: the first that an order decided now may touch."""
        return self.tape.base + self._cursor

    def quotes(self) -> tuple[int, int]:
        """Inferred best (bid, ask) now."""
        return self.tape.quotes(self._cursor)

    def tell(self, happening: Happening) -> None:
        """Have the strategy hear of something one response latency after it happened."""
        heard = self._hears_fills if happening.fill else self._hears_orders
        if heard:
            self._push(happening.time + self.config.response_latency, happening)

    def set_timer(self, time: int) -> None:
        """Have ``on_timer`` called at ``time``, or now if that is past."""
        self._push(max(time, self.now), None)

    def _push(self, time: int, happening: Happening | None) -> None:
        # Timers come after every other hook of their instant.
        order = self._notice_count if happening else self._notice_count + k.NEVER
        heapq.heappush(self._notices, (time, order, happening))
        self._notice_count += 1

    # -- feeding ------------------------------------------------------------------------------

    def feed(self, piece: Slice) -> None:
        """Live through the next trades and everything that becomes known among them."""
        for gap in piece.gaps:
            self.trips.note_gap(gap)
        events = piece.events.since(self.start)
        if len(events):
            self._seen.append(events)
        rows = piece.trades.rows
        if rows and not self._has_started:
            self._has_started = True
            begins = max(self.start, int(piece.trades.time[0]))
            heapq.heappush(self._notices, (begins, -1, "start"))  # before all else of its time
        moments = iter(piece.moments)
        moment = next(moments, None)
        offset = 0  # of the piece's rows in the stretch
        for tape in piece.tape:
            self.tape, self._cursor = tape, tape.first
            offset = tape.first - offset
            while moment and offset + moment.at <= tape.end:
                self._settle_funding(moment.time)
                self._run_to(offset + moment.at, moment.time, at_moment=True)
                self._deliver(moment)
                moment = next(moments, None)
            if tape.end > tape.first:
                last = int(tape.time[tape.end - 1])
                self._settle_funding(last)
                self._run_to(tape.end, last)
            offset = tape.end - offset  # rows of the piece so far
        if rows:
            self.trades_read += rows - int(np.searchsorted(piece.trades.time, self.start))

    def still_open(self) -> RoundTrip | None:
        """The position held now as a round trip valued at the last price, None when flat."""
        return self.trips.still_open(self.now, self.last_price)

    def finish(self, end: int) -> RoundTrip | None:
        """Let the clock reach ``end`` without another trade; the position still open, if any."""
        self._settle_funding(end)
        self._run_to(self.tape.end, end)
        self.now = max(self.now, end)
        self._has_ended = True
        with self._guard("on_end"):
            self.strategy.on_end(self.market, self.broker)
        return self.still_open()

    def _settle_funding(self, until: int) -> None:
        """Apply what falls due by ``until`` to the position after all earlier trades.

        At its time, funding comes before anything else that happens then.
        """
        while (due := self.funding.due(until)) is not None:
            row = self._cursor + int(
                np.searchsorted(self.tape.time[self._cursor : self.tape.end], due, side="left")
            )
            self._run_to(row, due - 1)
            self._clock(due)
            amount = self.funding.pay(self.account, self.last_price, self.trips.open_id)
            if amount is not None:
                self.trips.fund(amount)
                self._mark_equity()

    def _run_to(self, stop: int, until: int, *, at_moment: bool = False) -> None:
        """Process trades up to row ``stop`` and notices due by ``until``.

        Before the bars of a moment, what waits for them to be delivered is left: timers set for
        that very time, and `on_trade` of a trade that completed one of them.
        """
        while True:
            due = self._notices[0] if self._notices else None
            heard = due is not None and due[2] is not None
            at_end = at_moment and self._cursor == stop
            completed = at_end and stop > 0 and int(self.tape.time[stop - 1]) >= until
            if (
                self._unseen is not None
                and not completed
                and not (due and heard and due[0] <= self.now)
            ):
                self._on_trade(self._unseen)
            elif due and (
                due[0] < until or (due[0] == until and self._is_due(due, stop, at_moment=at_moment))
            ):
                time, _, happening = due
                row = self._cursor + int(
                    np.searchsorted(self.tape.time[self._cursor : stop], time, side="left")
                )
                if not self._advance(row, time):
                    heapq.heappop(self._notices)
                    self._clock(time)
                    self._notify(happening)
            elif not self._advance(stop, until):
                break
        self._clock(until)

    def _is_due(self, due: tuple[int, int, Notice], stop: int, *, at_moment: bool) -> bool:
        """Whether what is set for the very time a run ends at comes before what the run is for.

        A timer does if a trade of that time is still to be processed, which it must precede.
        """
        if due[2] is not None or not at_moment:
            return True
        return self._cursor < stop and int(self.tape.time[stop - 1]) >= due[0]

    def _clock(self, time: int) -> None:
        self.now = max(self.now, time)

    def _advance(self, stop: int, until: int) -> bool:
        """Process trades to row ``stop``; True if something happened that may need attention."""
        if self._hears_trades and self._cursor < stop:
            row = self._cursor
            self._match(row + 1, int(self.tape.time[row]))
            if self._cursor > row:
                self._unseen = row  # shown to the strategy once earlier notices are delivered
            return True
        return self._match(stop, until)

    def _match(self, stop: int, until: int) -> bool:
        before = self._cursor
        if self.broker.is_idle:
            self._cursor = stop
            count = 0
        else:
            broker, tape = self.broker, self.tape
            self._state[k.POSITION] = self.account.position
            self._state[k.FIRST_BID] = self.tape.first_bid
            self._state[k.FIRST_ASK] = self.tape.first_ask
            self._cursor = int(
                advance(
                    tape.time, tape.price, tape.qty, tape.side, *tape.blocks,
                    before, stop, tape.base, until, broker.matrix, broker.rows,
                    self._state, self._settings, broker.reports,
                )
            )  # fmt: skip
            count = int(self._state[k.N_REPORTS])
        if self._cursor > before:
            self._live_through(before, self._cursor)
        for happening in self.broker.read_reports(count):
            self._clock(happening.time)
            if happening.fill:
                self.trips.apply(happening.fill, self.broker.plan_of(happening.fill))
                self._mark_equity()
            self.tell(happening)
        return count > 0

    def _live_through(self, start: int, stop: int) -> None:
        """Mark the open position at every trade of rows ``[start, stop)``."""
        self.last_price = int(self.tape.price[stop - 1])
        self._clock(int(self.tape.time[stop - 1]))
        if self.account.position:
            self.trips.observe(self.tape, start, stop)
            constant, slope = self.account.equity_line()
            peak, worst = drawdown(
                self.tape.price, start, stop, constant, slope,
                self.instrument.is_inverse, self._peak, self.max_drawdown, *self.tape.blocks,
            )  # fmt: skip
            self._peak, self.max_drawdown = float(peak), float(worst)

    def _mark_equity(self) -> None:
        constant, slope = self.account.equity_line()
        price = self.last_price
        equity = constant + (slope / price if self.instrument.is_inverse else slope * price)
        self._peak = max(self._peak, equity)
        self.max_drawdown = min(self.max_drawdown, equity / self._peak - 1.0)

    # -- hooks --------------------------------------------------------------------------------

    def _deliver(self, moment: Moment) -> None:
        """Run the hooks of a moment: bars short before long, then events."""
        self._clock(moment.time)
        self.market.take_in(moment)
        for closed in moment.bars:
            if closed.spec == self._marking and self.trading:
                equity = self.account.printed(self.account.equity_units(self.last_price))
                row = EquityRow(moment.time, equity, self.account.position, self.last_price)
                self.equity.append(row)
            with self._guard("on_bar"):
                self.strategy.on_bar(closed.spec, closed.bar, self.market, self.broker)
        if self._hears_events:
            for event in moment.events:
                with self._guard("on_event"):
                    self.strategy.on_event(event, self.market, self.broker)

    def _notify(self, happening: Notice) -> None:
        instant, count = self._answers
        self._answers = (self.now, count + 1 if instant == self.now else 1)
        if self._answers[1] > MAX_ANSWERS:
            raise PluginError(
                f"{type(self.strategy).__name__} keeps answering itself while time stands still",
                where=f"{np.datetime64(self.now, 'us')}Z",
                fix="Set timers later than now; do not send an order for every order's change",
            )
        if happening is None:
            with self._guard("on_timer"):
                self.strategy.on_timer(self.market, self.broker)
        elif happening == "start":
            with self._guard("on_start"):
                self.strategy.on_start(self.market, self.broker)
        elif happening.fill:
            with self._guard("on_fill"):
                self.strategy.on_fill(happening.fill, self.market, self.broker)
        else:
            with self._guard("on_order"):
                self.strategy.on_order(happening.order, self.market, self.broker)

    def _on_trade(self, row: int) -> None:
        self._unseen = None
        tape = self.tape
        trade = TradeView(
            int(tape.id[row]), int(tape.time[row]), int(tape.price[row]),
            int(tape.qty[row]), int(tape.side[row]),
        )  # fmt: skip
        with self._guard("on_trade"):
            self.strategy.on_trade(trade, self.market, self.broker)

    def _guard(self, hook: str) -> AbstractContextManager[None]:
        return guard(self.strategy, hook, self.now)
