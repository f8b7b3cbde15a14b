"""The session: one resumable loop that feeds a strategy, its broker and its account.

A backtest feeds it days, a replay single trades; what comes out is the same. Between two moments
at which a hook may run, the matching kernel advances over the trades; whenever something happens
that somebody is told of it stops there, so that they can act before anything later happens. It also
says how far nothing can happen unless somebody acts: until there a bar's close costs two
comparisons. Rooms: the exchange's side is the broker's (`order_table`), money is in the `books`,
whom to call and how in `hooks`.
"""

from __future__ import annotations

from bisect import bisect_left
from typing import TYPE_CHECKING

import numpy as np

from orderflow_bt.flow.events import NO_EVENTS, EventColumns
from orderflow_bt.kernels import orders as k
from orderflow_bt.kernels.bars import first_at_or_after
from orderflow_bt.sim.assumptions import End, GapPolicy
from orderflow_bt.sim.books import Books
from orderflow_bt.sim.broker import SimBroker
from orderflow_bt.sim.buffer import empty_stretch
from orderflow_bt.sim.context import Context
from orderflow_bt.sim.forced import close_out, enter_gap, flatten
from orderflow_bt.sim.funding import FundingClock
from orderflow_bt.sim.guard import Watchman
from orderflow_bt.sim.hooks import Hooks
from orderflow_bt.sim.liquidation import end_jointly, liquidate, look_at_mark, skip_marks
from orderflow_bt.sim.mark_prices import MarkClock
from orderflow_bt.sim.market import MarketView
from orderflow_bt.sim.moments import Moments
from orderflow_bt.sim.notices import Due, Notices
from orderflow_bt.sim.pace import Pace
from orderflow_bt.strategy.base import Strategy

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from orderflow_bt.instruments import Instrument
    from orderflow_bt.sim.buffer import Stretch
    from orderflow_bt.sim.config import SimConfig
    from orderflow_bt.sim.context import Source
    from orderflow_bt.sim.funding import Funding
    from orderflow_bt.sim.joint import Doom
    from orderflow_bt.sim.mark_prices import MarkPrices
    from orderflow_bt.sim.marks import EquityRow
    from orderflow_bt.sim.portfolio import Seat
    from orderflow_bt.sim.readings import Gap, Slice
    from orderflow_bt.sim.trips import RoundTrip
    from orderflow_bt.types import BarSpec


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
        marks: The exchange's mark price, which liquidates where it is known; None: the last price.

    Attributes:
        now: The session's clock.
        last_price: Of the last trade.
        tape: The stretch in hand.
        cursor: Its next row to process.
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
        marks: MarkPrices | None = None,
    ) -> None:
        self.strategy = strategy
        self.instrument = instrument
        self.config = config
        self.specs = specs
        self.start = start
        self.now = 0
        self.last_price = 0
        self.tape = empty_stretch()
        self.cursor = 0
        self.trades_read = 0
        self.hook = ""
        self.seat: Seat | None = None  # in a portfolio,
        self.doom: Doom | None = None  # whose account ends here, if that is known
        self.doom_time, self._doom_row = k.NEVER, -1  # of another symbol's trade, or our own
        self.pace = Pace(type(strategy).__name__)
        self.context = Context(context or {})
        self.market = MarketView(self, instrument, specs)
        self.funding = FundingClock(funding, config.funding_shift)
        self.marks = None if marks is None else MarkClock(marks)
        self.books = Books(self)
        self.account, self.margin = self.books.account, self.books.margin
        self.trips = self.books.trips
        self.hooks = Hooks(self)
        self._notices = Notices(config)
        self.tell = self._notices.tell
        self.broker = SimBroker(self, 0 if self.hooks.hears_orders else _CAN_WAIT)
        self._watchman = Watchman(strategy, self)
        self._seen: list[EventColumns] = []
        self._moments = Moments({}, NO_EVENTS)  # of the piece in hand
        self._marked = np.zeros(0, np.int64)  # those with closes at which equity is marked,
        self._closes: list[int] = []  # and of these the ones that are being lived through
        self._quiet_row = -1  # nothing happens before this row of the stretch in hand
        self._quiet_time = 0  # and this time
        self._shown = -1  # the account's revision that the matching kernel knows
        self._unseen: int | None = None  # a processed trade that on_trade has not seen yet
        self._has_started = type(strategy).on_start is Strategy.on_start  # or nobody hears of it
        self._has_ended = False

    # -- what broker, books and market ask -----------------------------------------------------

    @property
    def trading(self) -> bool:
        """Whether orders are enabled: the warm-up is over, and the run is not."""
        return self.now >= self.start and not self._has_ended

    @property
    def equity(self) -> list[EquityRow]:
        """The account at every bar close since ``start``."""
        return self.books.marks.rows

    @property
    def max_drawdown(self) -> float:
        """Worst equity / peak - 1, marked at every trade."""
        self.books.marks.catch_up(self.tape, self.cursor)
        return self.books.marks.max_drawdown

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
        return self.tape.base + self.cursor

    @property
    def closes(self) -> int:
        """Bars behind those that are in the marks already, at which equity is marked."""
        return bisect_left(self._closes, self.market.reached) if self._closes else 0

    def quotes(self) -> tuple[int, int]:
        """Inferred best (bid, ask) now."""
        return self.tape.quotes(self.cursor)

    def set_timer(self, time: int) -> None:
        """Have ``on_timer`` called at ``time``, or now if that is past."""
        self._notices.set_timer(max(time, self.now))
        self.stir()

    def stir(self) -> None:
        """Somebody acted: anything may happen again."""
        self._quiet_row = -1
        if self.marks is not None:
            self.marks.act(self.now)

    # -- feeding -------------------------------------------------------------------------------

    def feed(self, piece: Slice) -> None:
        """Live through the next trades and everything that becomes known among them."""
        self._begin(piece)
        known = 0  # moments of the piece so far
        offset = 0  # of the piece's rows in the stretch
        with self._watchman:
            for tape in piece.tape:
                self._take_up(tape)
                offset = tape.first - offset
                for gap in piece.gaps:
                    if tape.first <= offset + gap.at < tape.end:
                        known = self._live_over(gap, known, offset)
                known = self._live(known, piece.moments.count_until(tape.end - offset), offset)
                if tape.end > tape.first:
                    last = tape.time.item(tape.end - 1)
                    self._settle(last)
                    self._run_to(tape.end, last)
                self.books.marks.catch_up(tape, tape.end)
                offset = tape.end - offset  # rows of the piece so far
        self.market.end()
        self.broker.pack()
        self.trips.pack()
        rows, time = piece.trades.rows, piece.trades.time
        if rows:
            warmup = int(np.searchsorted(time, self.start)) if time[0] < self.start else 0
            self.trades_read += rows - warmup

    def _begin(self, piece: Slice) -> None:
        """Make ready for a piece of tape."""
        for gap in piece.gaps:
            self.trips.note_gap((gap.start, gap.end))
        if len(piece.events):
            self._seen.append(piece.events.since(self.start))
        moments, rows = piece.moments, piece.trades.rows
        if rows and not self._has_started:
            self._has_started = True
            self._notices.start(max(self.start, int(piece.trades.time[0])))
        if moments or rows:
            last = int(piece.trades.time[-1]) if rows else 0
            if self.marks is not None and rows:
                self.marks.begin(int(piece.trades.time[0]))
            self._prepare(max(moments.time[-1] if moments else 0, last))
        self._moments = moments
        self.market.begin(moments)
        marked = moments.closes_of(self.specs[0] if self.specs else None)
        self._marked = marked[moments.known_at[marked] >= self.start]

    def _prepare(self, until: int) -> None:
        """Load what will be needed by then, so that no hook waits for a file."""
        self.context.prepare(until)
        if self.marks is not None:
            self.marks.prepare(until)

    def _take_up(self, tape: Stretch) -> None:
        """Begin another stretch; the one before is over, or nothing new is in this one."""
        self.tape, self.cursor = tape, tape.first
        if self.doom is not None and self.doom_time == k.NEVER:
            self._doom_row = self.doom.at - tape.base
        self.broker.begin(tape)
        self.books.marks.begin(tape)
        self.stir()

    def _live_over(self, gap: Gap, known: int, offset: int) -> int:
        """Live up to a gap, and over it where the position is closed behind it.

        Returns how many of the piece's moments are over.
        """
        known = self._live(known, self._moments.count_until(gap.at, gap.start), offset)
        self._settle(gap.start)
        self._run_to(offset + gap.at, gap.start)
        policy = self.config.gap_policy
        enter_gap(self.broker, gap, cancel=policy is not GapPolicy.KEEP)
        self.stir()
        if policy is GapPolicy.FLATTEN_AFTER and self.account.position:
            known = self._live(known, self._moments.count_until(gap.at), offset)
            self._settle(gap.end)
            self._run_to(offset + gap.at + 1, gap.end, at_moment=True)
            flatten(self, "gap")
        return known

    def _live(self, first: int, stop: int, offset: int) -> int:
        """Live through the stretch in hand up to the last of the moments ``[first, stop)``."""
        if stop <= first:
            return first
        moments, tell = self._moments, self.hooks.teller(self._moments)
        rows = moments.rows[first:stop] + offset
        prices = moments.prices(first, stop)
        if prices is None:
            prices = np.where(rows > 0, self.tape.price[rows - 1], 0)
        marked = self._marked[slice(*np.searchsorted(self._marked, (first, stop)))]
        self._closes = marked.tolist()
        try:
            for m, time, row, price in zip(
                range(first, stop), moments.time[first:stop], rows.tolist(), prices.tolist(),
                strict=True,
            ):  # fmt: skip
                if row > self._quiet_row or time >= self._quiet_time:
                    self._settle(time)
                    self._run_to(row, time, at_moment=True)
                elif row > self.cursor:
                    self.cursor, self.last_price = row, price
                if time > self.now:  # noqa: PLR1730 - a call more at each of very many moments
                    self.now = time
                tell(m)
        finally:  # what a hook that raises had seen is kept
            over = marked[: self.closes]
            self._closes = []
            self.books.marks.close_bars(moments.known_at[over], prices[over - first])
        return stop

    def still_open(self) -> RoundTrip | None:
        """The position held now as a round trip valued at the last price, None when flat."""
        self.books.marks.catch_up(self.tape, self.cursor)
        return self.trips.still_open(self.now, self.last_price)

    def finish(self, end: int) -> RoundTrip | None:
        """Let the clock reach ``end`` without another trade; the position still open, if any."""
        self._prepare(end)
        with self._watchman:
            self._settle(end)
            self._run_to(self.tape.end, end)
        self._clock(end)
        if self.seat:
            self.seat.take(self.now)
        if self.config.end is End.CLOSE and self.account.position:
            close_out(self, "end")
            self.books.marks.close_bars(np.array([self.now]), np.array([self.last_price]))
            if self.seat:
                self.seat.mark(self.now)
        self._has_ended = True
        with self._watchman:
            self.hooks.end()
        return self.still_open()

    def _settle(self, until: int) -> None:
        """Apply fundings, and changes of margin tiers, that fall due by ``until``.

        A funding counts for the position after all earlier trades, and comes before anything else
        of its time.
        """
        while (due := self.next_due) <= until:
            row = first_at_or_after(self.tape.time, self.cursor, self.tape.end, due)
            self._run_to(row, due - 1)
            self._clock(due)
            if self.doom_time == due:
                end_jointly(self, self.cursor - 1)
            elif self.margin.next_change == due:
                self.margin.change_tiers()
                self._shown = -1
            elif self.marks is not None and self.marks.next_time == due:
                look_at_mark(self, self.marks)
                self._shown = -1
                self.stir()
            elif self.funding.next_time == due:  # else a look that was passed over meanwhile
                self.books.pay(self.funding)

    @property
    def next_due(self) -> int:
        """When the next funding, change of tiers or look at the mark price is due."""
        due = min(self.funding.next_time, self.margin.next_change, self.doom_time)
        return due if self.marks is None else min(due, self.marks.next_time)

    def _run_to(self, stop: int, until: int, *, at_moment: bool = False) -> None:
        """Process trades up to row ``stop`` and notices due by ``until``.

        Before the bars of a moment, what waits for them to be delivered is left: timers set for
        that very time, and `on_trade` of a trade that completed one of them.
        """
        if self.cursor <= self._doom_row < stop:
            self._end_at(self._doom_row)
        notices = self._notices
        while True:
            due = notices.due[0] if notices.due else None
            if self._unseen is not None and self._is_to_be_seen(due, stop, until, at_moment):
                row, self._unseen = self._unseen, None
                self.hooks.show_trade(row)
            elif due and (
                due[0] < until or (due[0] == until and self._is_due(due, stop, at_moment=at_moment))
            ):
                if not self._advance(stop, due[0], due[0]):
                    notices.pop()
                    self._clock(due[0])
                    self.hooks.notify(due[2])
            elif not self._advance(stop, until, k.NEVER):
                break
        self._clock(until)
        if self.hooks.hears_trades or self.cursor <= self._doom_row:
            self._quiet_row = -1
        self._quiet_time = min(self.broker.slots[k.QUIET_TIME], due[0] if due else k.NEVER)
        if self.marks is not None and self._quiet_row > self.cursor < self.tape.end:
            skip_marks(self, self.marks, self._quiet_row, self._quiet_time)
        self._quiet_time = min(self._quiet_time, self.next_due)

    def _end_at(self, row: int) -> None:
        """Live up to the trade that ends the account, and end it with that."""
        self._doom_row = -1
        self._run_to(row, self.tape.time.item(row))
        end_jointly(self, row)
        self.cursor, self.last_price = row + 1, self.tape.price.item(row)
        self._unseen = row if self.hooks.hears_trades else None

    def _is_to_be_seen(
        self,
        due: Due | None,
        stop: int,
        until: int,
        at_moment: bool,  # noqa: FBT001 - as it is passed on
    ) -> bool:
        """Whether `on_trade` comes next, not a notice due or a bar that the trade completed."""
        if due and due[2] is not None and due[0] <= self.now:
            return False
        at_end = at_moment and self.cursor == stop and stop > 0
        return not (at_end and self.tape.time.item(stop - 1) >= until)

    def _is_due(self, due: Due, stop: int, *, at_moment: bool) -> bool:
        """Whether what is set for the very time a run ends at comes before what the run is for.

        A timer does if a trade of that time is still to be processed, which it must precede.
        """
        if due[2] is not None or not at_moment:
            return True
        return self.cursor < stop and self.tape.time.item(stop - 1) >= due[0]

    def _clock(self, time: int) -> None:
        self.now = max(self.now, time)

    def _advance(self, stop: int, until: int, before: int) -> bool:
        """Process trades to row ``stop`` earlier than ``before``, and what is due by ``until``.

        Returns whether something happened that may need attention.
        """
        row, tape = self.cursor, self.tape
        if self.hooks.hears_trades and row < stop and tape.time.item(row) < before:
            self._match(row + 1, tape.time.item(row), k.NEVER)
            if self.cursor > row:
                self._unseen = row  # shown to the strategy once earlier notices are delivered
            return True
        return self._match(stop, until, before)

    def run_agenda(self, until: int) -> None:
        """Let what orders do by themselves earlier than ``until`` happen, and no trade."""
        while self._match(self.cursor, until, k.NEVER):
            pass

    def _match(self, stop: int, until: int, before: int) -> bool:
        start, broker, tape = self.cursor, self.broker, self.tape
        slots = broker.slots
        if self._shown != self.account.revision:
            self._shown = self.account.revision
            self.books.show(slots)
        if broker.rows or self.books.can_be_liquidated:
            self.cursor = broker.advance(start, stop, before, until)
        else:
            if before < k.NEVER:
                stop = first_at_or_after(tape.time, start, stop, before)
            self.cursor = stop
            broker.rest()
        if self.cursor > start:
            self.last_price = tape.price.item(self.cursor - 1)
            self.now = max(self.now, tape.time.item(self.cursor - 1))
        if slots[k.N_REPORTS]:
            broker.read_reports()
        if slots[k.LIQUIDATED]:
            liquidate(self, self.cursor - 1)
        self._quiet_row = slots[k.QUIET_ROW]
        return not slots[k.FINISHED]
