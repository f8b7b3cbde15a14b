"""The session: one resumable loop that feeds a strategy, its broker and its account.

A backtest feeds it days, a replay single trades; what comes out is the same. Between two moments
at which a hook may run, the matching kernel advances over the trades; whenever something happens
that somebody is told of it stops there, so that they can act before anything later happens. Where
no order works a bar's close costs a comparison or two, and a position is marked when it changes.
"""

from __future__ import annotations

from bisect import bisect_right
from functools import partial
from operator import attrgetter
from typing import TYPE_CHECKING

import numpy as np

from orderflow_bt.flow.events import EventColumns
from orderflow_bt.kernels import orders as k
from orderflow_bt.kernels.bars import first_at_or_after
from orderflow_bt.kernels.blocks import first_outside
from orderflow_bt.kernels.broker import advance
from orderflow_bt.sim.account import Account
from orderflow_bt.sim.assumptions import End, GapPolicy
from orderflow_bt.sim.broker import SimBroker
from orderflow_bt.sim.buffer import empty_stretch
from orderflow_bt.sim.context import Context
from orderflow_bt.sim.forced import close_out, enter_gap, flatten
from orderflow_bt.sim.funding import FundingClock
from orderflow_bt.sim.guard import Watchman
from orderflow_bt.sim.hooks import notify, show_trade
from orderflow_bt.sim.liquidation import check_margin, liquidate
from orderflow_bt.sim.margin import NO_BAND, Margin
from orderflow_bt.sim.market import MarketView
from orderflow_bt.sim.marks import EquityRow, Marks
from orderflow_bt.sim.notices import Due, Notices
from orderflow_bt.sim.pace import Pace
from orderflow_bt.sim.trips import RoundTrip, Trips
from orderflow_bt.strategy.base import Strategy

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from orderflow_bt.instruments import Instrument
    from orderflow_bt.sim.config import SimConfig
    from orderflow_bt.sim.context import Source
    from orderflow_bt.sim.funding import Funding
    from orderflow_bt.sim.portfolio import Seat
    from orderflow_bt.sim.readings import Gap, Moment, Slice
    from orderflow_bt.sim.reports import Happening
    from orderflow_bt.strategy.api import Fill
    from orderflow_bt.types import BarSpec


_AT = attrgetter("at")
_AT_TIME = attrgetter("at", "time")
# What happens to an order without the account's position or another message coming of it.
_CAN_WAIT = sum(
    1 << kind for kind in (k.ACCEPTED, k.REJECTED, k.CANCELLED, k.EXPIRED, k.RESTED, k.GREW)
)


class Session:
    """One strategy on one tape under one set of assumptions.

    Args:
        strategy: Its hooks are called as the tape passes.
        instrument: Units of the tape.
        config: Assumptions of the simulation.
        specs: The bars its readings carry, short before long; equity is marked at the first.
        start: Orders are disabled before this time, microseconds UTC: the warm-up.
        funding: What the contract paid, by time; none where it is not simulated.
        context: Series beside the tape that the strategy may read, by name.

    Attributes:
        now: The session's clock.
        hook: Which of the strategy's hooks runs; empty where none does.
        trips: Round trips so far.
        trades_read: Trades of the window, without the warm-up's.
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
        context: Mapping[str, Source] | None = None,
    ) -> None:
        self.strategy = strategy
        self.instrument = instrument
        self.config = config
        self.specs = specs
        self.start = start
        self.now = 0
        self.last_price = 0
        self.account = Account(instrument, config.cash, config.fees, config.fee_changes)
        self.margin = Margin(self.account, config)
        self.trips = Trips(self.account)
        self.funding = FundingClock(funding, config.funding_shift)
        self.broker = SimBroker(self)
        self.broker.checks.append(partial(check_margin, self))
        self.tape = empty_stretch()
        self.context = Context(context or {})
        self.market = MarketView(self, instrument, specs)
        self._seen: list[EventColumns] = []
        self.trades_read = 0
        self.hook = ""
        self.seat: Seat | None = None  # in a portfolio
        self._marks = Marks(self.account, self.trips, config.cash)
        self._watchman = Watchman(strategy, self)
        self._marking = specs[0] if specs else None
        self._cursor = 0  # next row of the stretch in hand to process
        self._marked = 0  # the first row at which the position is not marked yet
        self._unseen: int | None = None  # a processed trade that on_trade has not seen yet
        self._state = np.zeros(k.STATE_SLOTS, np.int64)
        if type(strategy).on_order is Strategy.on_order:
            self._state[k.PATIENCE] = _CAN_WAIT
        self._settings = config.kernel_settings(instrument)
        self._notices = Notices(strategy, config)
        self.pace = Pace(type(strategy).__name__)
        kind = type(strategy)
        self._has_started = kind.on_start is Strategy.on_start  # or nobody hears of it
        self._has_ended = False
        self._hears_bars = kind.on_bar is not Strategy.on_bar
        self._hears_events = kind.on_event is not Strategy.on_event
        self._hears_trades = kind.on_trade is not Strategy.on_trade

    # -- what broker and market ask ------------------------------------------------------------

    @property
    def trading(self) -> bool:
        """Whether orders are enabled: the warm-up is over, and the run is not."""
        return self.now >= self.start and not self._has_ended

    @property
    def equity(self) -> list[EquityRow]:
        """The account at every bar close since ``start``."""
        return self._marks.rows

    @property
    def max_drawdown(self) -> float:
        """Worst equity / peak - 1, marked at every trade."""
        self._catch_up()
        return self._marks.max_drawdown

    @property
    def events(self) -> EventColumns:
        """Events known since ``start``, made into objects when they are looked at."""
        return EventColumns.concat(self._seen)

    @property
    def next_notice(self) -> int | None:
        """When the next hook is due that something other than the tape causes."""
        return self._notices.due[0][0] if self._notices.due else None

    @property
    def next_index(self) -> int:
        """Tape index of the next trade: the first that an order decided now may touch."""
        return self.tape.base + self._cursor

    def quotes(self) -> tuple[int, int]:
        """Inferred best (bid, ask) now."""
        return self.tape.quotes(self._cursor)

    def tell(self, happening: Happening) -> None:
        """Have the strategy hear of something one response latency after it happened."""
        self._notices.tell(happening)

    def set_timer(self, time: int) -> None:
        """Have ``on_timer`` called at ``time``, or now if that is past."""
        self._notices.set_timer(max(time, self.now))

    # -- feeding ------------------------------------------------------------------------------

    def feed(self, piece: Slice) -> None:
        """Live through the next trades and everything that becomes known among them."""
        for gap in piece.gaps:
            self.trips.note_gap((gap.start, gap.end))
        events = piece.events.since(self.start)
        if len(events):
            self._seen.append(events)
        rows = piece.trades.rows
        if rows and not self._has_started:
            self._has_started = True
            self._notices.start(max(self.start, int(piece.trades.time[0])))
        if piece.moments or rows:
            self.context.prepare(
                max(
                    piece.moments[-1].time if piece.moments else 0,
                    int(piece.trades.time[-1]) if rows else 0,
                )
            )
        known = 0  # moments of the piece so far
        offset = 0  # of the piece's rows in the stretch
        with self._watchman:
            for tape in piece.tape:
                self.tape, self._cursor, self._marked = tape, tape.first, tape.first
                offset = tape.first - offset
                for gap in piece.gaps:
                    if tape.first <= offset + gap.at < tape.end:
                        known = self._live_over(gap, piece.moments, known, offset)
                until = bisect_right(piece.moments, tape.end - offset, lo=known, key=_AT)
                self._live(piece.moments[known:until], offset)
                known = until
                if tape.end > tape.first:
                    last = tape.time.item(tape.end - 1)
                    self._settle(last)
                    self._run_to(tape.end, last)
                self._catch_up()
                offset = tape.end - offset  # rows of the piece so far
        self.market.take_in()
        if rows:
            self.trades_read += rows - int(np.searchsorted(piece.trades.time, self.start))

    def _live_over(self, gap: Gap, moments: list[Moment], known: int, offset: int) -> int:
        """Live up to a gap, and over it where the position is closed behind it.

        Returns how many of the piece's moments are over.
        """
        until = bisect_right(moments, (gap.at, gap.start), lo=known, key=_AT_TIME)
        self._live(moments[known:until], offset)
        self._settle(gap.start)
        self._run_to(offset + gap.at, gap.start)
        policy = self.config.gap_policy
        enter_gap(self.broker, gap, cancel=policy is not GapPolicy.KEEP)
        if policy is GapPolicy.FLATTEN_AFTER and self.account.position:
            known, until = until, bisect_right(moments, gap.at, lo=until, key=_AT)
            self._live(moments[known:until], offset)
            self._settle(gap.end)
            self._run_to(offset + gap.at + 1, gap.end, at_moment=True)
            flatten(self, "gap")
        return until

    def _live(self, moments: list[Moment], offset: int) -> None:
        """Live through the stretch in hand up to the last of its moments."""
        if not moments:
            return
        rows = np.array([moment.at for moment in moments]) + offset
        prices = self.tape.price[rows - 1].tolist()
        for moment, row, price in zip(moments, rows.tolist(), prices, strict=True):
            time = moment.time
            if (
                self._notices.due
                or self._hears_trades
                or self.broker.rows
                or self.funding.next_time <= time
                or self.margin.next_change <= time
                or (self.account.position and self._may_liquidate(row))
            ):
                self._settle(time)
                self._run_to(row, time, at_moment=True)
            elif row > self._cursor:
                self._cursor, self.last_price = row, price
            self.now = max(self.now, time)
            self._deliver(moment)

    def _may_liquidate(self, row: int) -> bool:
        """Whether a trade before ``row`` reaches a price at which the position is liquidated."""
        band, tape = self.margin.band(), self.tape
        if band is NO_BAND:
            return False
        return first_outside(tape.price, self._cursor, row, *band, *tape.blocks) < row

    def still_open(self) -> RoundTrip | None:
        """The position held now as a round trip valued at the last price, None when flat."""
        self._catch_up()
        return self.trips.still_open(self.now, self.last_price)

    def finish(self, end: int) -> RoundTrip | None:
        """Let the clock reach ``end`` without another trade; the position still open, if any."""
        self.context.prepare(end)
        with self._watchman:
            self._settle(end)
            self._run_to(self.tape.end, end)
        self.now = max(self.now, end)
        if self.seat:
            self.seat.take(self.now)
        if self.config.end is End.CLOSE and self.account.position:
            fill = close_out(self, "end")
            self.trips.apply(fill, self.broker.plan_of(fill))
            self._marks.at_close(self.now, self.last_price)
            self._marks.at(self.last_price)
            if self.seat:
                self.seat.mark(self.now)
        self._has_ended = True
        with self._watchman:
            self.hook = "on_end"
            self.strategy.on_end(self.market, self.broker)
            self.hook = ""
        return self.still_open()

    def _settle(self, until: int) -> None:
        """Apply fundings, and changes of margin tiers, that fall due by ``until``.

        A funding counts for the position after all earlier trades, and comes before anything else
        of its time.
        """
        while (due := min(self.funding.next_time, self.margin.next_change)) <= until:
            row = first_at_or_after(self.tape.time, self._cursor, self.tape.end, due)
            self._run_to(row, due - 1)
            self._clock(due)
            if self.margin.next_change == due:
                self.margin.change_tiers()
                continue
            self._catch_up()
            amount = self.funding.pay(self.account, self.last_price, self.trips.open_id)
            if amount is not None:
                self.trips.fund(amount)
                self._marks.at(self.last_price)

    def _run_to(self, stop: int, until: int, *, at_moment: bool = False) -> None:
        """Process trades up to row ``stop`` and notices due by ``until``.

        Before the bars of a moment, what waits for them to be delivered is left: timers set for
        that very time, and `on_trade` of a trade that completed one of them.
        """
        notices = self._notices
        while True:
            due = notices.due[0] if notices.due else None
            heard = due is not None and due[2] is not None
            at_end = at_moment and self._cursor == stop
            completed = at_end and stop > 0 and self.tape.time.item(stop - 1) >= until
            if (
                self._unseen is not None
                and not completed
                and not (due and heard and due[0] <= self.now)
            ):
                row, self._unseen = self._unseen, None
                show_trade(self, row)
            elif due and (
                due[0] < until or (due[0] == until and self._is_due(due, stop, at_moment=at_moment))
            ):
                time, _, happening = due
                row = first_at_or_after(self.tape.time, self._cursor, stop, time)
                if not self._advance(row, time):
                    notices.pop()
                    self._clock(time)
                    notify(self, happening)
            elif not self._advance(stop, until):
                break
        self._clock(until)

    def _is_due(self, due: Due, stop: int, *, at_moment: bool) -> bool:
        """Whether what is set for the very time a run ends at comes before what the run is for.

        A timer does if a trade of that time is still to be processed, which it must precede.
        """
        if due[2] is not None or not at_moment:
            return True
        return self._cursor < stop and self.tape.time.item(stop - 1) >= due[0]

    def _clock(self, time: int) -> None:
        self.now = max(self.now, time)

    def _advance(self, stop: int, until: int) -> bool:
        """Process trades to row ``stop``; True if something happened that may need attention."""
        if self._hears_trades and self._cursor < stop:
            row = self._cursor
            self._match(row + 1, self.tape.time.item(row))
            if self._cursor > row:
                self._unseen = row  # shown to the strategy once earlier notices are delivered
            return True
        return self._match(stop, until)

    def _match(self, stop: int, until: int) -> bool:
        before, broker, tape = self._cursor, self.broker, self.tape
        low, high = band = self.margin.band() if self.account.position else NO_BAND
        if not broker.rows and band is NO_BAND:
            self._cursor = stop
            if stop > before:
                self._pass_to(stop)
            return False
        state = self._state
        state[k.POSITION] = self.account.position
        state[k.LIQUIDATE_LOW], state[k.LIQUIDATE_HIGH] = low, high
        state[k.FIRST_BID] = tape.first_bid
        state[k.FIRST_ASK] = tape.first_ask
        self._cursor = advance(
            tape.time, tape.price, tape.qty, tape.side, *tape.blocks, before, stop, tape.base,
            until, broker.matrix, broker.rows, state, self._settings, broker.reports,
        )  # fmt: skip
        if self._cursor > before:
            self._pass_to(self._cursor)
        count, is_over = state.item(k.N_REPORTS), state.item(k.LIQUIDATED)
        if not count and not is_over:
            return False
        for happening in broker.read_reports(count):
            self.now = max(self.now, happening.time)
            if happening.fill:
                self._book(happening.fill)
            self.tell(happening)
        broker.drop_ended()
        if is_over:
            happening = liquidate(self, self._cursor - 1)
            assert happening.fill is not None
            self._book(happening.fill)
            self.tell(happening)
        return True

    def _pass_to(self, row: int) -> None:
        """Take the price and the time of the trade before ``row`` for the latest."""
        self.last_price = self.tape.price.item(row - 1)
        self.now = max(self.now, self.tape.time.item(row - 1))

    def _book(self, fill: Fill) -> None:
        """Let a fill change the account and its round trips, marked as they were until then."""
        self._catch_up()
        self.trips.apply(fill, self.broker.plan_of(fill))
        self._marks.at(self.last_price)

    def _catch_up(self) -> None:
        """Mark the open position at every trade since it was last marked."""
        if self._marked < self._cursor:
            if self.account.position:
                self._marks.through(self.tape, self._marked, self._cursor)
            self._marked = self._cursor

    # -- hooks --------------------------------------------------------------------------------

    def _deliver(self, moment: Moment) -> None:
        """Run the hooks of a moment: bars short before long, then events."""
        seat = self.seat
        if seat:
            seat.take(self.now)
        self.market.pending.append(moment)
        trading = moment.time >= self.start
        for closed in moment.bars:
            spec = closed.spec
            if trading and (spec is self._marking or spec == self._marking):
                self._marks.at_close(moment.time, self.last_price)
                if seat:
                    seat.mark(moment.time)
            if self._hears_bars:
                self.hook = "on_bar"
                self.strategy.on_bar(spec, closed.bar, self.market, self.broker)
        if self._hears_events:
            self.hook = "on_event"
            for event in moment.events:
                self.strategy.on_event(event, self.market, self.broker)
        self.hook = ""
        if seat:
            seat.give()
