"""The session: one resumable loop that feeds a strategy, its broker and its account.

A backtest feeds it days, a replay single trades; what comes out is the same. Rooms: the way from
one hook to the next is the `stepper`'s, the exchange's side the broker's (`order_table`), money is
in the `books`, whom to call and how in `hooks`.
"""

from __future__ import annotations

from _thread import get_ident
from typing import TYPE_CHECKING

import numpy as np

from orderflow_bt.flow.events import NO_EVENTS, EventColumns
from orderflow_bt.kernels.orders import NEVER
from orderflow_bt.sim.assumptions import End, GapPolicy
from orderflow_bt.sim.forced import close_out, enter_gap, flatten
from orderflow_bt.sim.guard import Watchman
from orderflow_bt.sim.moments import Moments
from orderflow_bt.sim.stepper import Stepper
from orderflow_bt.strategy.base import Strategy

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from numpy.typing import NDArray

    from orderflow_bt.instruments import Instrument
    from orderflow_bt.sim.buffer import Stretch
    from orderflow_bt.sim.config import SimConfig
    from orderflow_bt.sim.context import Source
    from orderflow_bt.sim.funding import Funding
    from orderflow_bt.sim.mark_prices import MarkPrices
    from orderflow_bt.sim.marks import EquityBlock, EquityRow
    from orderflow_bt.sim.readings import Gap, Slice
    from orderflow_bt.sim.shelf import Shelf
    from orderflow_bt.sim.trips import RoundTrip
    from orderflow_bt.types import BarSpec


class Session(Stepper):
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
        super().__init__(
            strategy, instrument, config, specs, start=start, funding=funding, context=context,
            marks=marks,
        )  # fmt: skip
        self.trades_read = 0
        self._watchman = Watchman(strategy, self)
        self._seen: list[EventColumns] = []
        self._keeps_events = True
        self._moments = Moments({}, NO_EVENTS)  # of the piece in hand
        self._marked = np.zeros(0, np.int64)  # those with closes at which equity is marked
        self._marking: NDArray[np.int64] | None = None  # the last prices then, if bars tell them
        self._has_started = type(strategy).on_start is Strategy.on_start  # or nobody hears of it
        self._has_begun = False

    # -- what came of it -------------------------------------------------------------------------

    @property
    def equity(self) -> list[EquityRow]:
        """The account at every bar close since ``start``."""
        self.books.catch_up()
        return self.books.marks.rows

    def equity_blocks(self) -> Iterator[EquityBlock]:
        """As `equity`, some at a time, by column and not kept."""
        self.books.catch_up()
        return self.books.marks.blocks()

    @property
    def max_drawdown(self) -> float:
        """Worst equity / peak - 1, marked at every trade."""
        self.books.catch_up()
        return self.books.marks.max_drawdown

    @property
    def events(self) -> EventColumns:
        """Events known since ``start``, made into objects when they are looked at."""
        return EventColumns.concat(self._seen)

    def shelve(self, shelf: Shelf) -> None:
        """Before the first trade: put there what is rarely looked at again, and keep no events."""
        self.broker.orders.shelve(shelf)
        self.books.fills.shelve(shelf)
        self.trips.shelve(shelf)
        self._keeps_events = False

    # -- feeding -------------------------------------------------------------------------------

    def feed(self, piece: Slice) -> None:
        """Live through the next trades and everything that becomes known among them.

        Raises:
            PluginError: A hook raised, or a thread of the plugin's own asked the broker.
        """
        self.thread = get_ident()
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
                    last = tape.time_of(tape.end - 1)
                    self._settle(last)
                    self._run_to(tape.end, last)
                self.books.catch_up()
                offset = tape.end - offset  # rows of the piece so far
        if self.intruded is not None:
            raise self.intruded
        self.market.end()
        self.books.marks.begin_piece(self._marked[:0])
        self.broker.pack()
        self.trips.pack()
        rows, time = piece.trades.rows, piece.trades.time
        if rows:
            warmup = int(np.searchsorted(time, self.start)) if time[0] < self.start else 0
            self.trades_read += rows - warmup

    def _begin(self, piece: Slice) -> None:
        """Make ready for a piece of tape."""
        if not self._has_begun:
            self._has_begun = True
            self.broker.choose_clerk()
        for gap in piece.gaps:
            self.trips.note_gap((gap.start, gap.end))
        if len(piece.events) and self._keeps_events:
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
        spec = self.specs[0] if self.specs else None
        marked, prices = moments.closes_of(spec), moments.last_prices_of(spec)
        counts = moments.known_at[marked] >= self.start
        self._marked = marked[counts]
        self._marking = None if prices is None else prices[counts]
        self.books.marks.begin_piece(self._marked)

    def _prepare(self, until: int) -> None:
        """Load what will be needed by then, so that no hook waits for a file."""
        self.context.prepare(until)
        if self.marks is not None:
            self.marks.prepare(until)

    def _take_up(self, tape: Stretch) -> None:
        """Begin another stretch; the one before is over, or nothing new is in this one."""
        self._last_price, self._unpriced = self.last_price, 0  # while its row is in hand
        self.tape, self.cursor = tape, tape.first
        if self.doom is not None and self.doom_time == NEVER:
            self._doom_row = self.doom.at - tape.base
        if self.broker.rows or self.account.position:
            self.broker.begin(tape)
        else:
            self.broker.tape = None  # it is told when it has something to do
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
        moments = self._moments
        strategy, market, broker, seat = self.strategy, self.market, self.broker, self.seat
        bars_from, specs, bars, events_from, events = self.hooks.of(moments)
        bar, event, after = bars_from[first], events_from[first], slice(first + 1, stop + 1)
        rows = moments.rows[first:stop] + offset
        try:
            for reached, time, row, bars_to, events_to in zip(
                range(first + 1, stop + 1), moments.time[first:stop], rows.tolist(),
                bars_from[after], events_from[after], strict=True,
            ):  # fmt: skip
                if row > self._quiet_row or time >= self._quiet_time:
                    self._settle(time)
                    self._run_to(row, time, at_moment=True)
                elif row > self.cursor:
                    self.cursor = self._unpriced = row
                if time > self.now:  # noqa: PLR1730 - a call more at each of very many moments
                    self.now = time
                if seat is not None:
                    seat.take(self.now)
                    if self.now >= self.start:
                        seat.mark_bars(moments, reached - 1)
                market.reached = reached
                while bar < bars_to:
                    self.hook = "on_bar"
                    strategy.on_bar(specs[bar], bars[bar], market, broker)
                    bar += 1
                while event < events_to:
                    self.hook = "on_event"
                    strategy.on_event(events[event], market, broker)
                    event += 1
                self.hook = ""
                if seat is not None:
                    seat.give()
        finally:  # what a hook that raises had seen is kept
            self._close_bars(first, offset)
        return stop

    def _close_bars(self, first: int, offset: int) -> None:
        """Have equity marked at the closes among the moments from ``first`` to the one reached."""
        moments = self._moments
        over = slice(*np.searchsorted(self._marked, (first, self.market.reached)).tolist())
        closes = self._marked[over]
        if self._marking is not None:
            prices = self._marking[over]
        else:
            rows = moments.rows[closes] + offset
            prices = np.where(rows > 0, self.tape.price[rows - 1], 0)
        self.books.marks.close_bars(moments.known_at[closes], prices)

    def still_open(self) -> RoundTrip | None:
        """The position held now as a round trip valued at the last price, None when flat."""
        self.books.catch_up()
        return self.trips.still_open(self.now, self.last_price, self.books.marks.excursion)

    def finish(self, end: int) -> RoundTrip | None:
        """Let the clock reach ``end`` without another trade; the position still open, if any."""
        self.thread = get_ident()
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
        self.orders_from = NEVER
        with self._watchman:
            self.hooks.end()
        if self.intruded is not None:
            raise self.intruded
        return self.still_open()
