"""Where a drill is asked: points drawn so that no answer is more frequent than another.

What is drawn at a point depends on the draws and on the tape up to that point, never on what
follows it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from orderflow_bt.replay import truths
from orderflow_bt.replay.truths import Stretch, Tape, Truth
from orderflow_bt.replay.witness import SIGNAL_US, Witness, is_signal
from orderflow_bt.types import MINUTE_US, SECOND_US

if TYPE_CHECKING:
    from collections.abc import Iterator

    import numpy as np

    from orderflow_bt.replay.witness import ClosedEnds
    from orderflow_bt.types import BarSpec

CHOICES: dict[str, tuple[str, ...]] = {
    "aggression": ("buyers", "sellers", "neither"),
    "absorption": ("absorbed", "moving"),
    "auction": ("finished", "unfinished"),
    "outcome": ("up", "down", "neither"),
}
MINUTES = 5  # of an outcome
_EVERY_US = 5 * SECOND_US  # between two points that are looked at
_SOONEST_US, _SPREAD_US = 15 * SECOND_US, 90 * SECOND_US
_PATIENCE_US = 20 * MINUTE_US  # for a signal; then an outcome is asked without one
_TAKEN = 0.3  # chance that a fitting point is taken: else each would lie at the edge of its kind
_AHEAD_US = 10 * MINUTE_US  # tape looked at together


class Point(NamedTuple):
    """A place for a question.

    Attributes:
        row: Trades that have been seen there.
        kind: Of the question.
        side: Of an auction, +1 its high, -1 its low.
        bar: Of an auction.
        signal: Whether there is something to see; of an outcome, whether a detector signals.
    """

    row: int
    kind: str
    side: int
    bar: ClosedEnds | None
    signal: bool


class Planner:
    """Looks for places.

    Args:
        window: The tape.
        bars: Of whose extremes it asks.
    """

    def __init__(self, window: Tape, bars: BarSpec) -> None:
        self._window, self._bars = window, bars
        self._witness: Witness | None = None

    @property
    def witness(self) -> Witness:
        """What the detectors say, read as far as it was asked."""
        if self._witness is None:
            self._witness = Witness(self._window, self._bars)
        return self._witness

    def find(self, kind: str, row: int, after: int, draw: np.random.Generator) -> Point | None:
        """A place behind a row.

        Args:
            kind: Of the question.
            row: Where the person stands.
            after: Least market time until then, in microseconds.
            draw: Draws of this question alone.
        """
        row = max(row, self._window.first, 1)
        wait = max(after, _SOONEST_US) + int(draw.integers(_SPREAD_US))
        begin = self._window.time_of(row - 1) + wait
        search = {"auction": self._auction, "outcome": self._outcome}.get(kind, self._reading)
        return search(kind, row, begin, draw)

    def _reading(self, kind: str, row: int, begin: int, draw: np.random.Generator) -> Point | None:
        """The first point taken whose answer is the one that was drawn."""
        wanted = CHOICES[kind][int(draw.integers(len(CHOICES[kind])))]
        judge = truths.aggression if kind == "aggression" else truths.absorption
        for stretch, place in self._places(row, begin):
            truth = judge(stretch.effort(place), place)
            if truth is not None and truth.choice == wanted and draw.random() < _TAKEN:
                return Point(place, kind, 0, None, wanted != CHOICES[kind][-1])
        return None

    def _auction(self, kind: str, row: int, begin: int, draw: np.random.Generator) -> Point | None:
        wanted = CHOICES[kind][int(draw.integers(2))]
        for bar in self.witness.closed_bars(max(self._window.row_at(begin), row + 1)):
            if bar.close_time < begin:
                continue
            side = 1 if draw.random() < 0.5 else -1
            if auction_of(bar, side).choice == wanted and draw.random() < 2 * _TAKEN:
                return Point(bar.row, kind, side, bar, wanted == "unfinished")
        return None

    def _outcome(self, kind: str, row: int, begin: int, draw: np.random.Generator) -> Point | None:
        """After a signal or without one, by a coin; what follows is not looked at."""
        if draw.random() < 0.5:
            first = max(self._window.row_at(begin), row + 1)
            for event in self.witness.events(first, begin + _PATIENCE_US):
                if is_signal(event) and self._can_ask(event.row) and draw.random() < 2 * _TAKEN:
                    return Point(event.row, kind, 0, None, True)
            begin += _PATIENCE_US
        for stretch, place in self._places(row, begin):
            effort = stretch.effort(place)
            now = stretch.now(place)
            if now + MINUTES * MINUTE_US >= self._window.end:
                return None
            if effort is None or effort.range14 <= 0 or draw.random() >= _TAKEN:
                continue
            if any(map(is_signal, self.witness.before(place, now - SIGNAL_US))):
                continue
            return Point(place, kind, 0, None, False)
        return None

    def _can_ask(self, row: int) -> bool:
        stretch = Stretch.around(self._window, row)
        effort = stretch.effort(row)
        fits = stretch.now(row) + MINUTES * MINUTE_US < self._window.end
        return fits and effort is not None and effort.range14 > 0

    def _places(self, row: int, begin: int) -> Iterator[tuple[Stretch, int]]:
        """Rows behind a row and a time, some seconds apart, with the tape before them at hand."""
        window, last = self._window, row
        while begin < window.end and last < window.rows:
            end = min(begin + _AHEAD_US, window.end)
            stop = min(window.row_at(end) + 1, window.rows)
            stretch = Stretch(window, window.row_at(begin - truths.BEFORE_US), stop)
            for time in range(begin, end, _EVERY_US):
                place = stretch.row_at(time) + 1  # behind the trade that lets the clock reach it
                if last < place <= stop:
                    last = place
                    yield stretch, place
            begin = end


def auction_of(bar: ClosedEnds, side: int) -> Truth:
    """Whether an extreme of a closed bar is finished."""
    _, bid, ask = bar.high if side > 0 else bar.low
    return truths.auction(bid, ask, side, bar.row)
