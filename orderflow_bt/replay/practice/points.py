"""Where a drill is asked: points drawn so that no answer is more frequent than another.

What is drawn at a point depends on the draws and on the tape up to that point, never on what
follows it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from orderflow_bt.replay.practice import truths
from orderflow_bt.replay.practice.truths import Stretch, Tape, Truth
from orderflow_bt.replay.practice.witness import SIGNAL_US, Witness, is_signal
from orderflow_bt.types import MINUTE_US, SECOND_US

if TYPE_CHECKING:
    from collections.abc import Iterator

    import numpy as np

    from orderflow_bt.replay.practice.witness import ClosedEnds
    from orderflow_bt.types import BarSpec

CHOICES: dict[str, tuple[str, ...]] = {
    "aggression": ("buyers", "sellers", "neither"),
    "absorption": ("absorbed", "moving"),
    "auction": ("finished", "unfinished"),
    "outcome": ("up", "down", "neither"),
}
MINUTES = 5  # of an outcome
SIGNAL = "signal"
_EVERY_US = 5 * SECOND_US  # between two points that are looked at
_SOONEST_US, _SPREAD_US = 15 * SECOND_US, 90 * SECOND_US
_PATIENCE_US = 20 * MINUTE_US  # for a signal; then an outcome is asked without one
_TAKEN = 0.3  # chance that a fitting point is taken: else each would lie at the edge of its kind
_HORIZON_US = 30 * MINUTE_US  # looked through for what was drawn, before another is drawn
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


class Search(NamedTuple):
    """What is looked for.

    Attributes:
        kind: Of the question.
        wanted: Its answer; of an outcome whether it stands behind a signal.
        row: Where the person stands.
        begin: Time from which on a place will do, microseconds UTC.
        until: Time from which on none will.
    """

    kind: str
    wanted: str
    row: int
    begin: int
    until: int


class Plan(NamedTuple):
    """A planned question.

    Attributes:
        point: Its place.
        owed: By kind, answers that were drawn before and found no place yet.
    """

    point: Point
    owed: dict[str, str]


class Planner:
    """Looks for places.

    Args:
        window: The tape.
        bars: Of whose extremes it asks.
    """

    def __init__(self, window: Tape, bars: BarSpec) -> None:
        self._window, self.bars = window, bars
        self._witness: Witness | None = None

    def plan(
        self,
        kind: str | None,
        row: int,
        after: int,
        owed: dict[str, str],
        draw: np.random.Generator,
    ) -> Plan | None:
        """The next question behind a row, None where the window ends before there is one.

        Half an hour is looked through for what was drawn; then it is owed, and another is drawn.

        Args:
            kind: Of the question; any where None.
            row: Where the person stands.
            after: Least market time until then, in microseconds.
            owed: By kind, an answer to look for in place of one that is drawn.
            draw: Draws of this question alone.
        """
        row, owed = max(row, self._window.first, 1), dict(owed)
        begin = self._window.time_of(row - 1) + max(after, _SOONEST_US)
        begin += int(draw.integers(_SPREAD_US))
        kinds = tuple(CHOICES)
        while begin < self._window.end:
            chosen = kind or kinds[int(draw.integers(len(kinds)))]
            among = (SIGNAL, "") if chosen == "outcome" else CHOICES[chosen]
            wanted = owed.pop(chosen, None)
            if wanted is None:
                wanted = among[int(draw.integers(len(among)))]
            point = self.find(Search(chosen, wanted, row, begin, begin + _HORIZON_US), draw)
            if point is not None:
                return Plan(point, owed)
            owed[chosen] = wanted
            begin += _HORIZON_US
        return None

    @property
    def witness(self) -> Witness:
        """What the detectors say, read as far as it was asked."""
        if self._witness is None:
            self._witness = Witness(self._window, self.bars)
        return self._witness

    def bar_known_at(self, row: int) -> ClosedEnds | None:
        """The bar whose close was known behind exactly so many trades, None where none was."""
        bar = next(self.witness.closed_bars(row), None)
        return bar if bar is not None and bar.row == row else None

    def find(self, plan: Search, draw: np.random.Generator) -> Point | None:
        """A place in a stretch of time, None where there is none.

        Args:
            plan: What is looked for, and where.
            draw: Draws of this question alone.
        """
        search = {"auction": self._auction, "outcome": self._outcome}.get(plan.kind, self._reading)
        return search(plan, draw)

    def _reading(self, plan: Search, draw: np.random.Generator) -> Point | None:
        judge = truths.aggression if plan.kind == "aggression" else truths.absorption
        for stretch, place in self._places(plan.row, plan.begin, plan.until):
            truth = judge(stretch.effort(place), place)
            if truth is not None and truth.choice == plan.wanted and draw.random() < _TAKEN:
                return Point(place, plan.kind, 0, None, plan.wanted != CHOICES[plan.kind][-1])
        return None

    def _auction(self, plan: Search, draw: np.random.Generator) -> Point | None:
        for bar in self.witness.closed_bars(max(self._window.row_at(plan.begin), plan.row + 1)):
            if bar.close_time < plan.begin:
                continue
            if bar.close_time >= plan.until:
                break
            side = 1 if draw.random() < 0.5 else -1
            if auction_of(bar, side).choice == plan.wanted and draw.random() < 2 * _TAKEN:
                return Point(bar.row, plan.kind, side, bar, plan.wanted == "unfinished")
        return None

    def _outcome(self, plan: Search, draw: np.random.Generator) -> Point | None:
        """After a signal or without one; what follows is not looked at."""
        begin = plan.begin
        if plan.wanted == SIGNAL:
            first = max(self._window.row_at(begin), plan.row + 1)
            for event in self.witness.events(first, begin + _PATIENCE_US):
                if is_signal(event) and self._can_ask(event.row) and draw.random() < 2 * _TAKEN:
                    return Point(event.row, plan.kind, 0, None, True)
            begin += _PATIENCE_US
        for stretch, place in self._places(plan.row, begin, plan.until):
            effort = stretch.effort(place)
            now = stretch.now(place)
            if now + MINUTES * MINUTE_US >= self._window.end:
                return None
            if effort is None or effort.range14 <= 0 or draw.random() >= _TAKEN:
                continue
            if any(map(is_signal, self.witness.before(place, now - SIGNAL_US))):
                continue
            return Point(place, plan.kind, 0, None, False)
        return None

    def _can_ask(self, row: int) -> bool:
        stretch = Stretch.around(self._window, row)
        effort = stretch.effort(row)
        fits = stretch.now(row) + MINUTES * MINUTE_US < self._window.end
        return fits and effort is not None and effort.range14 > 0

    def _places(self, row: int, begin: int, until: int) -> Iterator[tuple[Stretch, int]]:
        """Rows behind a row, some seconds apart, with the tape before them at hand."""
        window, last = self._window, row
        until = min(until, window.end)
        while begin < until and last < window.rows:
            end = min(begin + _AHEAD_US, until)
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
