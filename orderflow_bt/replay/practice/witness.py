"""What the detectors had said at a point, and which bars had closed: for drills, on this side only.

It reads ahead of the person where a question is planned; nothing of it is ever sent.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from operator import attrgetter
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from orderflow_bt.detectors import (
    Absorption,
    AbsorptionBar,
    BigTrades,
    DeltaDivergence,
    Exhaustion,
)
from orderflow_bt.sim import Readings
from orderflow_bt.types import DAY_US, HOUR_US, MINUTE_US, time_bars

if TYPE_CHECKING:
    from collections.abc import Iterator

    from orderflow_bt.detectors import Detector
    from orderflow_bt.replay.practice.truths import Tape
    from orderflow_bt.sim.readings import ClosedBar, Slice
    from orderflow_bt.types import BarSpec

BACK_US = 4 * HOUR_US  # of tape read before the practice, where so much is stored
RECENT_US = MINUTE_US
SIGNAL_US = 5 * MINUTE_US
_MINUTES = 235  # that absorption at a level looks back on: what BACK_US holds
_SIGNALS = ("absorption", "absorption_bar", "delta_divergence", "exhaustion")
_ROW = attrgetter("row")


class Seen(NamedTuple):
    """An event, and the first row from which on it is known."""

    row: int
    time: int
    detector: str
    kind: str
    state: str
    direction: int
    price: int


class ClosedEnds(NamedTuple):
    """A closed bar's two extremes, on rows one tick high; ``row`` is where it is known."""

    row: int
    open_time: int
    close_time: int
    low: tuple[int, int, int]  # price, lots sold, lots bought
    high: tuple[int, int, int]


class Witness:
    """Detectors and bars over a window, read as far as somebody asks.

    Args:
        window: The tape.
        bars: The bars on screen.
    """

    def __init__(self, window: Tape, bars: BarSpec) -> None:
        self._window, self._spec = window, bars
        minute = time_bars("1m")
        detectors: list[Detector] = [
            Absorption(minutes=_MINUTES),
            AbsorptionBar(bars=minute),
            DeltaDivergence(bars=minute),
            Exhaustion(bars=bars),
            BigTrades(),
        ]
        self._readings = Readings(
            [bars],
            detectors,
            ids_are_continuous=window.tape.ids_are_continuous,
            row_size=window.instrument.tick_size,
            instrument=window.instrument,
        )
        begin = window.start - BACK_US
        if not bars.is_time:  # they depend on where reading begins, as the person's do
            begin = 0 if bars.anchor == "start" else begin // DAY_US * DAY_US
        self._read = window.row_at(begin)
        self._clock = 0
        self._events: list[Seen] = []
        self._bars: list[ClosedEnds] = []

    def closed_bars(self, row: int) -> Iterator[ClosedEnds]:
        """Bars known from ``row`` on, in order, read as they are asked for."""
        at = bisect_left(self._bars, row, key=_ROW)
        while True:
            while at < len(self._bars):
                if self._bars[at].row >= row:  # not read yet when it was looked for
                    yield self._bars[at]
                at += 1
            if not self._read_on():
                return

    def events(self, row: int, until: int) -> Iterator[Seen]:
        """Events known from ``row`` on and until a time, in order, read as they are asked for."""
        at = bisect_left(self._events, row, key=_ROW)
        while True:
            while at < len(self._events):
                if self._events[at].time > until:
                    return
                if self._events[at].row >= row:  # not read yet when it was looked for
                    yield self._events[at]
                at += 1
            if self._clock > until or not self._read_on():
                return

    def before(self, row: int, since: int) -> list[Seen]:
        """Events known at ``row`` and not before the time ``since``, oldest first."""
        while self._read < row and self._read_on():
            pass
        known = self._events[: bisect_right(self._events, row, key=_ROW)]
        found = []
        for event in reversed(known):
            if event.time < since:
                break
            found.append(event)
        return found[::-1]

    def _read_on(self) -> bool:
        if self._read >= self._window.rows:
            return False
        cut = next(iter(self._window.pieces(self._read, self._window.rows)))
        trades = cut.trades
        if trades.time[0] < self._clock:
            trades = trades._replace(time=np.maximum(trades.time, self._clock))
        self._clock = int(trades.time[-1])
        if cut.first == 0 and cut.day is not None:
            self._readings.begin_day(cut.day)
        self._take(self._readings.feed(trades), self._read)
        self._read += trades.rows
        return True

    def _take(self, known: Slice, first: int) -> None:
        times = known.trades.time
        for moment in known.moments:
            row = moment.at
            if row < len(times) and not (row and times[row - 1] >= moment.time):
                row += 1  # the trade that let the clock reach it
            for closed in moment.bars:
                if closed.spec == self._spec and closed.bar.trades:
                    self._bars.append(_ends(closed, first + row))
            self._events += [
                Seen(
                    first + row,
                    event.known_at,
                    event.detector,
                    event.kind,
                    event.state,
                    event.direction,
                    event.price,
                )
                for event in moment.events
            ]


def _ends(closed: ClosedBar, row: int) -> ClosedEnds:
    low, high = (closed.footprint.cells[end].tolist()[:3] for end in (0, -1))
    bar = closed.bar
    return ClosedEnds(row, bar.open_time, bar.close_time, tuple(low), tuple(high))


# What one who follows the detectors answers ---------------------------------------------------


def is_signal(event: Seen) -> bool:
    """Whether an event says where the price should go next."""
    spoken = event.state in ("candidate", "confirmed")
    return bool(event.direction) and spoken and event.detector in _SIGNALS


def detector_says(kind: str, recent: list[Seen], side: int) -> str:
    """The answer of one who only follows the detectors.

    Args:
        kind: Of the question.
        recent: Events of the stretch that counts for it, oldest first.
        side: Which extreme an auction question is of.
    """
    if kind == "aggression":
        big = [event.direction for event in recent if event.detector == "big_trades"]
        return {1: "buyers", -1: "sellers"}.get(big[-1] if big else 0, "neither")
    if kind == "absorption":
        seen = any(
            event.detector.startswith("absorption") and event.state in ("candidate", "confirmed")
            for event in recent
        )
        return "absorbed" if seen else "moving"
    if kind == "auction":
        died = any(event.detector == "exhaustion" and event.direction == -side for event in recent)
        return "finished" if died else "unfinished"
    signals = [event.direction for event in recent if is_signal(event)]
    return {1: "up", -1: "down"}.get(signals[-1] if signals else 0, "neither")


def trend_says(kind: str, trend: int, side: int) -> str:
    """The answer of one who always says that the last quarter of an hour goes on."""
    if kind == "aggression":
        return {1: "buyers", -1: "sellers"}.get(trend, "neither")
    if kind == "absorption":
        return "moving"
    if kind == "auction":
        return "unfinished" if trend == side else "finished"
    return {1: "up", -1: "down"}.get(trend, "neither")
