"""Read drills: questions at points of the tape, asked of a person and scored.

Where a question is asked is drawn so that each right answer is about as frequent as the others:
who always says the same is right no more often than chance. The draw at a point looks at the tape
up to that point only.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

import numpy as np

from orderflow_bt.errors import UsageError
from orderflow_bt.replay import truths
from orderflow_bt.replay.truths import Effort, Stretch, Tape, Truth
from orderflow_bt.replay.witness import (
    RECENT_US,
    SIGNAL_US,
    Witness,
    detector_says,
    is_signal,
    trend_says,
)
from orderflow_bt.types import MINUTE_US, SECOND_US, time_bars

if TYPE_CHECKING:
    from collections.abc import Iterator

    from orderflow_bt.replay.witness import ClosedEnds
    from orderflow_bt.types import BarSpec

CHOICES: dict[str, tuple[str, ...]] = {
    "aggression": ("buyers", "sellers", "neither"),
    "absorption": ("absorbed", "moving"),
    "auction": ("finished", "unfinished"),
    "outcome": ("up", "down", "neither"),
}
CONCEPTS = {
    "aggression": "who is aggressing",
    "absorption": "absorbed or moving",
    "auction": "finished or unfinished auction",
    "outcome": "what comes next",
}
LEAST_CONFIDENCE, MOST_CONFIDENCE = 50, 100
MINUTES = 5  # of an outcome
_EVERY_US = 5 * SECOND_US  # between two points that are looked at
_SOONEST_US, _SPREAD_US = 15 * SECOND_US, 90 * SECOND_US
_PATIENCE_US = 20 * MINUTE_US  # for a signal; then an outcome is asked without one
_TAKEN = 0.3  # chance that a fitting point is taken: else each would lie at the edge of its kind
_AHEAD_US = 10 * MINUTE_US  # tape looked at together


class Cursor(Protocol):
    """What of a player the drills use."""

    @property
    def row(self) -> int:
        """The next trade that nobody has seen."""
        ...

    furthest: int


class _Point(NamedTuple):
    """A planned question."""

    row: int
    kind: str
    side: int  # of an auction
    bar: ClosedEnds | None
    signal: bool


@dataclass(slots=True)
class _Asked:
    """A question that was asked, and what became of it."""

    number: int
    point: _Point
    now: int
    truth: Truth
    ticks: int
    trend: str
    detector: str
    hindsight: bool
    area: dict[str, int]
    question: dict[str, Any]
    said: dict[str, Any] | None = None
    is_told: bool = False


class Drills:
    """Plans, asks and judges questions along a window.

    Args:
        player: Where the person is.
        window: The tape.
        seed: Of the draws: the same seed asks the same questions of one who moves alike.
        bars: The bars on screen, of whose extremes it asks.
        number: Of the first question: those asked before, where a practice goes on.

    Attributes:
        kinds: The kinds of questions.
    """

    kinds = tuple(CHOICES)

    def __init__(
        self,
        player: Cursor,
        window: Tape,
        seed: int,
        *,
        bars: BarSpec | None = None,
        number: int = 0,
    ) -> None:
        self._player, self._window, self._seed = player, window, seed
        self._bars = bars or time_bars("1m")
        self._witness: Witness | None = None
        self._number = number
        self._plan: _Point | None = None
        self._asked: dict[int, _Asked] = {}
        self._current: _Asked | None = None

    @property
    def open(self) -> dict[str, Any] | None:
        """The question that waits for an answer."""
        return None if self._current is None else dict(self._current.question)

    @property
    def planned(self) -> int | None:
        """Row of the question that was planned and not asked yet."""
        return None if self._plan is None else self._plan.row

    # -- planning -----------------------------------------------------------------------------

    def next(self, kind: str | None = None, after: int = 0) -> int | None:
        """Plan the next question.

        Args:
            kind: Which; any where None.
            after: Least market time until then, in microseconds.

        Returns:
            The row at which `ask` will ask it; None where the window has no place left for it.

        Raises:
            UsageError: There is no such kind.
        """
        if kind is not None and kind not in CHOICES:
            raise UsageError(f"{kind!r} is no kind of drill", fix=f"Known: {', '.join(CHOICES)}")
        self._current = None
        self._number += 1
        draw = np.random.default_rng([self._seed, self._number])
        kind = kind or self.kinds[int(draw.integers(len(self.kinds)))]
        row = max(self._player.row, self._window.first, 1)
        wait = max(after, _SOONEST_US) + int(draw.integers(_SPREAD_US))
        begin = self._window.time_of(row - 1) + wait
        search = {"auction": self._auctions, "outcome": self._outcomes}.get(kind, self._readings)
        self._plan = search(kind, begin, draw)
        return self.planned

    def _readings(self, kind: str, begin: int, draw: np.random.Generator) -> _Point | None:
        """The first point taken whose answer is the one that was drawn."""
        wanted = CHOICES[kind][int(draw.integers(len(CHOICES[kind])))]
        judge = truths.aggression if kind == "aggression" else truths.absorption
        for stretch, row in self._points(begin):
            truth = judge(stretch.effort(row), row)
            if truth is not None and truth.choice == wanted and draw.random() < _TAKEN:
                return _Point(row, kind, 0, None, wanted != CHOICES[kind][-1])
        return None

    def _auctions(self, kind: str, begin: int, draw: np.random.Generator) -> _Point | None:
        wanted = CHOICES[kind][int(draw.integers(2))]
        first = max(self._window.row_at(begin), self._player.row + 1)
        for bar in self._witnessed().closed_bars(first):
            if bar.close_time < begin:
                continue
            side = 1 if draw.random() < 0.5 else -1
            if _auction(bar, side).choice == wanted and draw.random() < 2 * _TAKEN:
                return _Point(bar.row, kind, side, bar, wanted == "unfinished")
        return None

    def _outcomes(self, kind: str, begin: int, draw: np.random.Generator) -> _Point | None:
        """After a signal or without one, by a coin; the future is not looked at."""
        signal = bool(draw.random() < 0.5)
        if signal:
            first = max(self._window.row_at(begin), self._player.row + 1)
            for event in self._witnessed().events(first, begin + _PATIENCE_US):
                if is_signal(event) and self._can_ask(event.row) and draw.random() < 2 * _TAKEN:
                    return _Point(event.row, kind, 0, None, True)
            begin += _PATIENCE_US
        for stretch, row in self._points(begin):
            effort = stretch.effort(row)
            now = stretch.now(row)
            if now + MINUTES * MINUTE_US >= self._window.end:
                return None
            if effort is None or effort.range14 <= 0 or draw.random() >= _TAKEN:
                continue
            if any(map(is_signal, self._witnessed().before(row, now - SIGNAL_US))):
                continue
            return _Point(row, kind, 0, None, False)
        return None

    def _can_ask(self, row: int) -> bool:
        stretch = Stretch.around(self._window, row)
        effort = stretch.effort(row)
        fits = stretch.now(row) + MINUTES * MINUTE_US < self._window.end
        return fits and effort is not None and effort.range14 > 0

    def _points(self, begin: int) -> Iterator[tuple[Stretch, int]]:
        """Points from a time on, some seconds apart, each with the tape before it in memory."""
        window, last = self._window, max(self._player.row, 1)
        while begin < window.end and last < window.rows:
            end = min(begin + _AHEAD_US, window.end)
            stop = min(window.row_at(end) + 1, window.rows)
            stretch = Stretch(window, window.row_at(begin - truths.BEFORE_US), stop)
            for time in range(begin, end, _EVERY_US):
                row = stretch.row_at(time) + 1  # behind the trade that lets the clock reach it
                if last < row <= stop:
                    last = row
                    yield stretch, row
            begin = end

    def _witnessed(self) -> Witness:
        if self._witness is None:
            self._witness = Witness(self._window, self._bars)
        return self._witness

    # -- asking -------------------------------------------------------------------------------

    def ask(self) -> dict[str, Any]:
        """Ask the planned question; the cursor stands at its row.

        Returns:
            What may be shown: nothing in it tells the answer.

        Raises:
            UsageError: None is planned here, or one waits for its answer.
        """
        point, row = self._plan, self._player.row
        if self._current is not None:
            raise UsageError("a question waits for its answer")
        if point is None or point.row != row:
            raise UsageError(
                "no question is planned here", fix="Plan one, and go to its row before you ask"
            )
        self._plan = None
        stretch = Stretch.around(self._window, row)
        effort, now = stretch.effort(row), stretch.now(row)
        ticks = 0
        if point.kind == "outcome" and effort is not None:
            tick = self._window.instrument.tick_size
            ticks = truths.reach_in_ticks(effort, MINUTES, tick)
        recent = self._witnessed().before(
            row, now - (SIGNAL_US if point.kind == "outcome" else RECENT_US)
        )
        trend = effort.trend if effort is not None else 0
        asked = _Asked(
            self._number,
            point,
            now,
            self._truth(point, effort, ticks),
            ticks,
            trend_says(point.kind, trend, point.side),
            detector_says(point.kind, recent, point.side),
            row < self._player.furthest,
            self._area(point, effort, stretch.price(row), now, ticks),
            self._question(point, now, ticks),
        )
        self._asked[asked.number] = self._current = asked
        return dict(asked.question)

    def _question(self, point: _Point, now: int, ticks: int) -> dict[str, Any]:
        texts = {
            "aggression": "Who has been aggressing in the last minute?",
            "absorption": "The last minute was one-sided. Absorbed, or moving?",
            "auction": f"The {'high' if point.side > 0 else 'low'} of the bar that just closed:"
            " finished or unfinished auction?",
            "outcome": f"What comes first: {ticks} ticks up, {ticks} ticks down, or neither within"
            f" {MINUTES} minutes?",
        }
        hides = {"absorption": ["marks"], "auction": ["auction", "marks"]}
        return {
            "id": self._number,
            "kind": point.kind,
            "concept": CONCEPTS[point.kind],
            "question": texts[point.kind],
            "choices": list(CHOICES[point.kind]),
            "hides": hides.get(point.kind, []),
            "asked_at": now,
            "row": point.row,
        }

    def _area(
        self, point: _Point, effort: Effort | None, price: int, now: int, ticks: int
    ) -> dict[str, int]:
        """Times and prices that the question is about, for the journal."""
        if point.bar is not None:
            extreme = (point.bar.high if point.side > 0 else point.bar.low)[0]
            times = {"since": point.bar.open_time, "until": point.bar.close_time}
            return times | {"low": extreme, "high": extreme}
        if point.kind == "outcome":
            reach = ticks * self._window.instrument.tick_size
            times = {"since": now, "until": now + MINUTES * MINUTE_US}
            return times | {"low": price - reach, "high": price + reach}
        assert effort is not None  # it was planned because there is something to read
        times = {"since": now - truths.EFFORT_US, "until": now}
        return times | {"low": effort.low, "high": effort.high}

    def _truth(self, point: _Point, effort: Effort | None, ticks: int) -> Truth:
        if point.kind == "outcome":
            return truths.outcome(self._window, point.row, ticks, MINUTES)
        if point.bar is not None:
            return _auction(point.bar, point.side)
        judge = truths.aggression if point.kind == "aggression" else truths.absorption
        truth = judge(effort, point.row)
        assert truth is not None  # it was planned because it has one
        return truth

    # -- judging ------------------------------------------------------------------------------

    def answer(self, choice: str, confidence: int, seconds: float) -> dict[str, Any]:
        """Take the person's answer.

        Args:
            choice: One of the choices.
            confidence: Percent, 50 to 100, that it is right.
            seconds: How long it took.

        Returns:
            What may be shown: ``truth``, ``because``, ``hit``, ``brier``, each None while the
            truth is in the future.

        Raises:
            UsageError: No question waits, or the answer is not one.
        """
        asked = self._current
        if asked is None:
            raise UsageError("no question waits for an answer")
        choices = CHOICES[asked.point.kind]
        if choice not in choices:
            raise UsageError(f"{choice!r} is no answer", fix=f"Choose {', '.join(choices)}")
        if not LEAST_CONFIDENCE <= confidence <= MOST_CONFIDENCE:
            raise UsageError(f"a confidence of {confidence} %", fix="Give 50 to 100")
        if not 0 <= seconds < float("inf"):
            raise UsageError(f"an answer after {seconds} seconds")
        asked.said = {
            "choice": choice,
            "confidence": int(confidence),
            "seconds": round(float(seconds), 2),
        }
        self._current = None
        asked.is_told = self._is_known(asked)
        return self._shown(asked)

    def leave(self) -> None:
        """Leave the question that waits unanswered."""
        self._current = None

    def told(self) -> list[dict[str, Any]]:
        """Answered questions whose truth the cursor has passed since it was asked for last."""
        found = []
        for asked in self._asked.values():
            if asked.said is not None and not asked.is_told and self._is_known(asked):
                asked.is_told = True
                found.append(self._shown(asked))
        return found

    def record(self, number: int) -> dict[str, Any]:
        """All of an answered question, for the journal; the truth only where it was told.

        Raises:
            UsageError: There is no such question, or it was not answered.
        """
        asked = self._asked.get(number)
        if asked is None or asked.said is None:
            raise UsageError(f"question {number} was not answered")
        point = asked.point
        return {
            **self._shown(asked),
            "drill": point.kind,
            "question": asked.question["question"],
            "choices": asked.question["choices"],
            "at_row": point.row,
            "asked_at": asked.now,
            "trend": asked.trend,
            "detector": asked.detector,
            "signal": point.signal,
            "hindsight": asked.hindsight,
            "area": asked.area,
            **({"ticks": asked.ticks, "minutes": MINUTES} if asked.ticks else {}),
            **({"side": point.side} if point.side else {}),
        }

    def _is_known(self, asked: _Asked) -> bool:
        return self._player.row >= asked.truth.known_from

    def _shown(self, asked: _Asked) -> dict[str, Any]:
        assert asked.said is not None
        shown = {"id": asked.number, **asked.said}
        if not asked.is_told:
            return shown | {"truth": None, "because": None, "hit": None, "brier": None}
        if not asked.truth.choice:
            return shown | {
                "truth": "unknown", "because": asked.truth.because, "hit": None, "brier": None
            }  # fmt: skip
        hit = asked.truth.choice == asked.said["choice"]
        return shown | {
            "truth": asked.truth.choice,
            "because": asked.truth.because,
            "hit": hit,
            "brier": brier(hit, asked.said["confidence"]),
        }


def brier(hit: bool, confidence: int) -> float:  # noqa: FBT001 - what came of it
    """``(confidence - hit)²``: 0 for a sure hit, 1 for a sure miss, 0.25 for 50 % either way."""
    return round(((confidence / 100) - hit) ** 2, 6)


def _auction(bar: ClosedEnds, side: int) -> Truth:
    _, bid, ask = bar.high if side > 0 else bar.low
    return truths.auction(bid, ask, side, bar.row)
