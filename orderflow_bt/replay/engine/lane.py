"""A session and the readings that feed it, side by side with others at the same place of the tape.

The person has one, and so has every strategy that is switched on: the numbers of its events count
only what its own detectors saw, as in a backtest.
"""

from __future__ import annotations

import pickle
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from orderflow_bt.flow.events import NO_EVENTS
from orderflow_bt.replay.engine.hand import Hand
from orderflow_bt.replay.engine.window import Cut
from orderflow_bt.run.clock import clocked_pieces
from orderflow_bt.run.context import find_context
from orderflow_bt.run.funding import find_funding
from orderflow_bt.run.marks import find_marks
from orderflow_bt.run.recorder import MARKING_BARS
from orderflow_bt.run.window import find_window
from orderflow_bt.sim import Readings, Session, restore, snapshot
from orderflow_bt.sim.declared import lookback_of, readings_of, series_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from orderflow_bt.detectors import Detector
    from orderflow_bt.replay.engine.window import ReplayWindow
    from orderflow_bt.sim import SimConfig
    from orderflow_bt.sim.funding import Funding
    from orderflow_bt.sim.mark_prices import MarkPrices
    from orderflow_bt.sim.readings import Slice
    from orderflow_bt.strategy import Strategy
    from orderflow_bt.types import BarSpec, Trades


class Terms(NamedTuple):
    """What every session of a replay is simulated by.

    Attributes:
        config: Assumptions.
        funding: What the contract paid in the window, by time.
        marks: The mark price, where it liquidates or triggers.
    """

    config: SimConfig
    funding: Sequence[Funding]
    marks: MarkPrices | None


def terms_of(window: ReplayWindow, config: SimConfig) -> Terms:
    """As a run of the window has them.

    Raises:
        CoverageError: The configuration insists on mark prices that are not stored.
    """
    stretch = (window.lake, window.tape, window.start, window.end)
    marks = find_marks(*stretch, config, accept_gaps=window.accept_gaps)
    return Terms(config, find_funding(*stretch).rows, marks.prices)


class Lane:
    """Readings and the session they feed.

    Attributes:
        readings: What makes slices of the tape.
        session: What lives through them. Going back puts others in place of both.
        row: Row of the window that comes next.
    """

    def __init__(self, readings: Readings, session: Session, row: int) -> None:
        self.readings, self.session, self.row = readings, session, row
        self._nothing: Trades | None = None
        self._clock = 0

    def feed(self, cut: Cut) -> Slice:
        """Read and live through the next trades."""
        trades = cut.trades
        if trades.time[0] < self._clock:
            trades = trades._replace(time=np.maximum(trades.time, self._clock))
        self._clock = int(trades.time[-1])
        self._nothing = trades.slice(0, 0)
        if cut.first == 0:
            self.readings.begin_day(cut.day)
        known = self.readings.feed(trades)
        self.session.feed(known._replace(events=NO_EVENTS))  # its moments carry them
        self.row = cut.row + trades.rows
        return known

    def finish(self, end: int) -> Slice | None:
        """Let the clock reach the end of the window behind its last trade."""
        known = None
        if self._nothing is not None:
            known = self.readings.close_until(end, self._nothing)
            self.session.feed(known._replace(events=NO_EVENTS))
        self.session.finish(end)
        return known

    def save(self) -> bytes:
        """All of it, to be put back by `load`.

        Raises:
            PluginError: A strategy or detector keeps something that cannot be saved.
        """
        return snapshot(self.readings, self.session)

    def load(self, raw: bytes, cut: tuple[int, int]) -> None:
        """Put back what `save` gave at ``(row, time of the trade before it)``."""
        self.readings, (self.session,) = restore(raw)
        self.row, self._clock = cut

    @property
    def clock(self) -> int:
        """Time of the last trade read."""
        return self._clock

    def ahead(self) -> Lane:
        """A copy as it is now, to look ahead with."""
        copied: Lane = pickle.loads(pickle.dumps(self, protocol=5))  # noqa: S301 - our own bytes
        return copied


def lane_of_person(
    window: ReplayWindow,
    bars: BarSpec,
    detectors: Sequence[Detector],
    terms: Terms,
) -> Lane:
    """What a person sees and trades, from the first row of the window on."""
    readings = Readings(
        [bars],
        list(detectors),
        ids_are_continuous=window.tape.ids_are_continuous,
        row_size=window.instrument.tick_size,
        number_from=window.start,
        instrument=window.instrument,
    )
    hand = Hand()
    session = Session(
        hand, window.instrument, terms.config, [bars], start=window.start,
        funding=terms.funding, marks=terms.marks,
    )  # fmt: skip
    hand.session = session
    return Lane(readings, session, 0)


def lane_of_strategy(window: ReplayWindow, strategy: Strategy, terms: Terms) -> Lane:
    """A strategy as a backtest of the window would run it, up to the first row that is ours.

    Where it looks further back than the window's warm-up, the days before that are read here.

    Raises:
        CoverageError: A series that it reads is not stored.
        PluginError: It declared something else than bars, detectors and series, or raised.
    """
    lake, tape = window.lake, window.tape
    found = find_window(
        lake, tape, window.start, window.end,
        lookback=lookback_of(strategy), accept_gaps=window.accept_gaps,
    )  # fmt: skip
    context = find_context(lake, tape, series_of(strategy), found.dates, accept=window.accept_gaps)
    readings = readings_of(
        strategy,
        window.instrument,
        ids_are_continuous=tape.ids_are_continuous,
        number_from=window.start,
        fallback=MARKING_BARS,
    )
    session = Session(
        strategy, window.instrument, terms.config, readings.specs, start=window.start,
        funding=terms.funding, context=context.sources(), marks=terms.marks,
    )  # fmt: skip
    lane = Lane(readings, session, 0)
    ours = window.days[0].date
    earlier = [day.date for day in found.warmup if day.date < ours]
    units = (window.instrument.price_decimals, window.instrument.qty_decimals)
    for piece in clocked_pieces(lake.read_pieces(tape, earlier, *units, keep=True), window.start):
        lane.feed(Cut(-1, piece.trades, piece.day, piece.first))
    lane.row = 0 if earlier else window.row_of_day(found.dates[0])
    return lane


def chase(lane: Lane, window: ReplayWindow, row: int) -> Iterator[int]:
    """Feed a lane up to a row; gives each row it comes to."""
    for cut in window.pieces(lane.row, row):
        lane.feed(cut)
        yield lane.row
