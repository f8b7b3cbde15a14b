"""Read drills: questions at points of the tape, asked of a person and judged."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from orderflow_bt.errors import UsageError
from orderflow_bt.replay.practice import truths
from orderflow_bt.replay.practice.points import CHOICES, MINUTES, Plan, Planner, Point, auction_of
from orderflow_bt.replay.practice.truths import Effort, Stretch, Tape, Truth
from orderflow_bt.replay.practice.witness import RECENT_US, SIGNAL_US, detector_says, trend_says
from orderflow_bt.types import MINUTE_US, BarSpec, time_bars

if TYPE_CHECKING:
    from collections.abc import Iterable

    from orderflow_bt.replay.practice.chain import Entry

CONCEPTS = {
    "aggression": "who is aggressing",
    "absorption": "absorbed or moving",
    "auction": "finished or unfinished auction",
    "outcome": "what comes next",
}
LEAST_CONFIDENCE, MOST_CONFIDENCE = 50, 100


class Cursor(Protocol):
    """What of a player the drills use."""

    @property
    def row(self) -> int:
        """The next trade that nobody has seen."""
        ...

    furthest: int


@dataclass(slots=True)
class _Asked:
    """A question that was asked, and what became of it."""

    number: int
    point: Point
    bars: str
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
        before: The journal of a practice that goes on: it asks on from there, and outcomes that
            were answered are told when their time comes.

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
        before: Iterable[Entry] = (),
    ) -> None:
        self._player, self._window, self._seed = player, window, seed
        self._planner = Planner(window, bars or time_bars("1m"))
        self._number = 0
        self._plan: Plan | None = None
        self._owed: dict[str, str] = {}  # answers drawn before that found no place yet
        self._asked: dict[int, _Asked] = {}
        self._current: _Asked | None = None
        self._waiting: Entry | None = None  # of the journal that goes on: asked, and not answered
        self._take_up(before)

    @property
    def open(self) -> dict[str, Any] | None:
        """The question that waits for an answer."""
        return None if self._current is None else dict(self._current.question)

    @property
    def planned(self) -> int | None:
        """Row of the question that was planned and not asked yet."""
        return None if self._plan is None else self._plan.point.row

    def show(self, bars: BarSpec) -> None:
        """Other bars are on screen: auctions are of theirs from now on."""
        self._planner = Planner(self._window, bars)
        if self._plan is not None and self._plan.point.bar is not None:
            self._plan = None

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
        self._plan = self._planner.plan(kind, self._player.row, after, self._owed, draw)
        return self.planned

    # -- asking -------------------------------------------------------------------------------

    def ask(self) -> dict[str, Any]:
        """Ask the planned question; the cursor stands at its row.

        Returns:
            What may be shown: nothing in it tells the answer.

        Raises:
            UsageError: None is planned here, or one waits for its answer.
        """
        row = self._player.row
        if self._current is not None:
            raise UsageError("a question waits for its answer")
        if self._plan is None or self._plan.point.row != row:
            raise UsageError(
                "no question is planned here", fix="Plan one, and go to its row before you ask"
            )
        point, self._owed = self._plan
        self._plan = None
        return self._pose(self._number, point, self._planner, hindsight=row < self._player.furthest)

    def asking(self) -> dict[str, Any]:
        """The open question for the journal: what is shown, and what it takes to ask it again.

        Raises:
            UsageError: None is open.
        """
        asked = self._current
        if asked is None:
            raise UsageError("no question waits for an answer")
        shown = {n: v for n, v in asked.question.items() if n not in ("kind", "row")}
        return shown | {
            "drill": asked.point.kind,
            "at_row": asked.point.row,
            "side": asked.point.side,
            "signal": asked.point.signal,
            "hindsight": asked.hindsight,
            "bars": asked.bars,
        }

    def ask_again(self) -> dict[str, Any] | None:
        """Ask what waited for an answer when the journal that goes on ended, if something did.

        Returns:
            As `ask`; None where nothing waits, or the cursor stands elsewhere.
        """
        entry, self._waiting = self._waiting, None
        if entry is None or entry.get("at_row") != self._player.row or self._current is not None:
            return None
        planner, bars = self._planner, BarSpec.parse(entry["bars"])
        if bars != planner.bars:
            planner = Planner(self._window, bars)
        row, kind, side, bar = entry["at_row"], entry["drill"], entry["side"], None
        if kind == "auction":
            bar = planner.bar_known_at(row)
            if bar is None:
                return None
        point = Point(row, kind, side, bar, entry["signal"])
        return self._pose(entry["id"], point, planner, hindsight=entry["hindsight"])

    def _pose(
        self, number: int, point: Point, planner: Planner, *, hindsight: bool
    ) -> dict[str, Any]:
        """Open the question of a point; its answers follow from the tape alone."""
        row = point.row
        stretch = Stretch.around(self._window, row)
        effort, now = stretch.effort(row), stretch.now(row)
        ticks = 0
        if point.kind == "outcome" and effort is not None:
            tick = self._window.instrument.tick_size
            ticks = truths.reach_in_ticks(effort, MINUTES, tick)
        recent = planner.witness.before(
            row, now - (SIGNAL_US if point.kind == "outcome" else RECENT_US)
        )
        trend = effort.trend if effort is not None else 0
        asked = _Asked(
            number,
            point,
            str(planner.bars),
            now,
            self._truth(point, effort, ticks),
            ticks,
            trend_says(point.kind, trend, point.side),
            detector_says(point.kind, recent, point.side),
            hindsight,
            self._area(point, effort, stretch.price(row), now, ticks),
            self._question(number, point, now, ticks),
        )
        self._asked[asked.number] = self._current = asked
        return dict(asked.question)

    def _question(self, number: int, point: Point, now: int, ticks: int) -> dict[str, Any]:
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
            "id": number,
            "kind": point.kind,
            "concept": CONCEPTS[point.kind],
            "question": texts[point.kind],
            "choices": list(CHOICES[point.kind]),
            "hides": hides.get(point.kind, []),
            "asked_at": now,
            "row": point.row,
        }

    def _area(
        self, point: Point, effort: Effort | None, price: int, now: int, ticks: int
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

    def _truth(self, point: Point, effort: Effort | None, ticks: int) -> Truth:
        if point.kind == "outcome":
            return truths.outcome(self._window, point.row, ticks, MINUTES)
        if point.bar is not None:
            return auction_of(point.bar, point.side)
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

    def _take_up(self, before: Iterable[Entry]) -> None:
        """Number on from a journal, and remember what waits in it: for its answer, or its truth."""
        untold: dict[int, Entry] = {}
        for entry in before:
            if entry["kind"] in ("ask", "answer", "leave", "reveal"):
                self._waiting = entry if entry["kind"] == "ask" else None
            if entry["kind"] == "ask":
                self._number = max(self._number, entry["id"])
            elif entry["kind"] == "answer" and entry["truth"] is None and "ticks" in entry:
                untold[entry["id"]] = entry
            elif entry["kind"] == "truth":
                untold.pop(entry["id"], None)
        for number, entry in untold.items():
            row, ticks = entry["at_row"], entry["ticks"]
            self._asked[number] = _Asked(
                number,
                Point(row, entry["drill"], 0, None, entry["signal"]),
                "",  # of an outcome they do not matter
                entry["asked_at"],
                truths.outcome(self._window, row, ticks, entry["minutes"]),
                ticks,
                entry["trend"],
                entry["detector"],
                entry["hindsight"],
                entry["area"],
                {"question": entry["question"], "choices": entry["choices"]},
                {name: entry[name] for name in ("choice", "confidence", "seconds")},
            )

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
