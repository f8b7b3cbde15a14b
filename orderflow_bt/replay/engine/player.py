"""The player: one engine, moved over a stored tape by a person.

It feeds the readings and the session of a backtest, a stretch at a time. Where the stretches are
cut, how fast they come and how often the cursor went back changes nothing of what comes out. It
reads no trade beyond the row that it is asked to go to.
"""

from __future__ import annotations

import time
from bisect import bisect_left
from typing import TYPE_CHECKING, Any

from orderflow_bt.errors import OrderflowError, UsageError
from orderflow_bt.replay.engine.actions import Recorded, checked, perform
from orderflow_bt.replay.engine.attempts import Attempt, attempt_of, taken_by
from orderflow_bt.replay.engine.checkpoints import Checkpoint, Checkpoints
from orderflow_bt.replay.engine.hand import Hand, Heard
from orderflow_bt.replay.engine.lanes import PERSON, Lanes
from orderflow_bt.replay.engine.listener import Listener, Passed

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from numpy.typing import NDArray

    from orderflow_bt.detectors import Detector
    from orderflow_bt.errors import PluginError
    from orderflow_bt.replay.engine.lane import Lane
    from orderflow_bt.replay.engine.window import Cut, ReplayWindow
    from orderflow_bt.sim import Session, SimConfig
    from orderflow_bt.sim.readings import Slice
    from orderflow_bt.strategy import Strategy
    from orderflow_bt.types import BarSpec

EVERY_ROWS = 1 << 16  # trades between two checkpoints at most
EVERY_SECONDS = 0.15  # of work


class Player:
    """A cursor over a window, with the person's session and the strategies that run beside it.

    Going back puts other `session` and `watched` objects in place of those that were there: ask for
    them each time.

    Args:
        window: What is replayed.
        bars: The bars on screen; the person's equity is marked at them.
        detectors: What marks them, each new.
        config: Assumptions of the simulation, for the person and for the strategies.
        strategies: By name, each new.
        listeners: Who follows, from the warm-up's first trade on.

    Attributes:
        furthest: The highest row reached so far.
        attempt: Number of the present attempt.
        attempts: Those that were left.
        begun_at: Row at which the present one began; 0 for the first.
        actions: All that was ever done, over all attempts.
        heard: What the person heard in this attempt.
        listeners: Who is told of what passes; see `follow`.

    Raises:
        PluginError: A strategy or detector declared nonsense.
    """

    def __init__(
        self,
        window: ReplayWindow,
        *,
        bars: BarSpec,
        detectors: Sequence[Detector] = (),
        config: SimConfig,
        strategies: Mapping[str, Strategy] | None = None,
        listeners: Sequence[Listener] = (),
    ) -> None:
        self.window, self.config = window, config
        self.bars, self.detectors = bars, list(detectors)
        self.furthest = self.attempt = self.begun_at = 0
        self.attempts: list[Attempt] = []
        self.actions: list[Recorded] = []
        self.heard: list[Heard] = []
        self.listeners: list[Listener] = list(listeners)
        self._lanes = Lanes(window, config)
        self._line: list[Recorded] = []  # of this attempt, what it inherited included
        self._acted = 0  # of the line, how much the session has lived through
        self._checkpoints = Checkpoints()
        self._saved_row, self._worked = 0, 0.0  # since the last checkpoint
        self._stops: list[int] = []  # rows at which a bar on screen had closed
        self._ended = False
        self._build(window.first, again=False)
        for name, strategy in (strategies or {}).items():
            self.watch(name, strategy)

    # -- what there is to see ------------------------------------------------------------------

    @property
    def row(self) -> int:
        """Row of the next trade that nobody has seen."""
        return self._lanes.person.row

    @property
    def now(self) -> int:
        """The clock: time of the last trade passed, at the very beginning the window's start."""
        return self.session.now

    @property
    def at_end(self) -> bool:
        """Whether every trade has passed."""
        return self.row >= self.window.rows

    @property
    def session(self) -> Session:
        """The person's: broker, account, round trips, market."""
        return self._lanes.person.session

    @property
    def watched(self) -> dict[str, Session]:
        """Sessions of the strategies that are switched on."""
        return self._lanes.sessions

    @property
    def failed(self) -> Mapping[str, PluginError]:
        """Strategies that raised, and were switched off where they did."""
        return self._lanes.failed

    @property
    def line(self) -> tuple[Recorded, ...]:
        """Actions of this attempt up to the cursor, what it inherited included."""
        return tuple(self._line)

    def stop_before(self, row: int, count: int = 1) -> int | None:
        """The row at which the ``count``-th last bar before a row had closed, None if too early."""
        at = bisect_left(self._stops, row) - count
        return self._stops[at] if at >= 0 else None

    def lane_ahead(self) -> Lane:
        """A copy of the person's readings and session, for who looks ahead on the server's side."""
        return self._lanes.person.ahead()

    # -- moving --------------------------------------------------------------------------------

    def advance(self, stop: int) -> Passed:
        """Pass the trades up to row ``stop``, or the window's last.

        What is returned holds all of them: go far with `seek`.
        """
        first = self.row
        parts = list(self._passing(stop))
        slices = [piece for part in parts for piece in part.slices]
        happenings = [heard for part in parts for heard in part.happenings]
        return Passed(first, self.row, slices, happenings)

    def seek(self, row: int) -> None:
        """Go to a row, on or back; never before the part to practise on.

        Going back over something that the person did or heard of, or while they hold a position or
        orders of theirs work, begins a new attempt: what this one did is kept, and never changes.
        """
        row = max(self.window.first, min(row, self.window.rows))
        if row < self.row:
            self._go_back(row)
        for _ in self._passing(row):
            pass

    def finish(self) -> Passed:
        """Behind the last trade, let the clock reach the end of the window: the last bars close.

        Raises:
            UsageError: There are trades left.
        """
        if not self.at_end:
            raise UsageError("the replay is not at its end", fix="Go to the last trade first")
        if self._ended:
            return Passed(self.row, self.row, [], [])
        self._ended = True
        return self._tell(self.row, self._lanes.finish())

    def act(self, action: Mapping[str, Any]) -> int | None:
        """Ask the exchange for something, now; the id of the order that came of it.

        Raises:
            UsageError: It is no action, cannot be meant, or no orders are taken now.
        """
        asked, session = checked(action), self.session
        order = perform(asked, session)
        hindsight = self.row < self.furthest
        made = Recorded(self.row, session.now, self.attempt, hindsight, asked, order)
        self._checkpoints.drop_after(self.row)
        self.actions.append(made)
        self._line.append(made)
        self._acted += 1
        for listener in self.listeners:
            listener.acted(made)
        return order

    # -- what is switched on -------------------------------------------------------------------

    def follow(self, listener: Listener) -> None:
        """Let somebody follow from the first row on: the tape is passed again for all of them."""
        self.listeners.append(listener)
        self._rebuild()

    def show(
        self, *, bars: BarSpec | None = None, detectors: Sequence[Detector] | None = None
    ) -> None:
        """Change the bars or the detectors on screen; they get their past."""
        self.bars = bars or self.bars
        self.detectors = list(self.detectors if detectors is None else detectors)
        self._rebuild()

    def watch(self, name: str, strategy: Strategy) -> None:
        """Switch a strategy on; it gets its past, and is where it would be had it run all along.

        Raises:
            PluginError: It declared nonsense, or raised on its way here.
            CoverageError: A series that it reads is not stored.
        """
        self._lanes.add(name, strategy, self._checkpoints, ended=self._ended)

    def unwatch(self, name: str) -> None:
        """Switch a strategy off."""
        self._lanes.remove(name)
        for found in self._checkpoints:
            found.lanes.pop(name, None)

    # -- inside --------------------------------------------------------------------------------

    def _build(self, row: int, *, again: bool = True) -> None:
        """Begin at the first row and come to another one, as the attempt did."""
        self._checkpoints.clear()
        self._stops.clear()
        self._lanes.begin(self.bars, self.detectors)
        self._acted, self._ended = 0, False
        self._saved_row, self._worked = 0, 0.0
        self.heard.clear()
        if again:
            for listener in self.listeners:
                listener.rewound(self.row)
        if self.window.first == 0:
            self._enter()
        for _ in self._passing(row):
            pass

    def _enter(self) -> None:
        """The warm-up is over: orders are taken from here on."""
        begins = max(self.window.start, self.window.time_of(0))
        self.session.now = max(self.session.now, begins)
        self._save()

    def _rebuild(self) -> None:
        """Pass all again up to the cursor, for what was switched on."""
        row, ended = self.row, self._ended
        self._build(row)
        if ended:
            self.finish()

    def _passing(self, stop: int) -> Iterator[Passed]:
        """Pass trades up to a row, and take the actions of the line on the way."""
        stop = min(stop, self.window.rows)
        self._take_again()
        while self.row < stop:
            until = stop
            if self._acted < len(self._line):
                until = min(until, self._line[self._acted].row)
            if self.row < self.window.first:
                until = min(until, self.window.first)
            for cut in self.window.pieces(self.row, until):
                yield self._pass(cut)
            self._take_again()

    def _take_again(self) -> None:
        """Take the actions of the line that stand at the cursor."""
        while self._acted < len(self._line) and self._line[self._acted].row == self.row:
            made = self._line[self._acted]
            if perform(made.action, self.session) != made.order:
                raise OrderflowError(
                    f"the action at row {made.row} gave another order than before",
                    fix="Report it: a replay must not depend on how it was reached",
                )
            self._acted += 1
            for listener in self.listeners:
                listener.acted(made)

    def _pass(self, cut: Cut) -> Passed:
        begun, first = time.perf_counter(), self.row
        told = self._tell(first, self._lanes.feed(cut))
        self._worked += time.perf_counter() - begun
        if self.row == self.window.first:
            self._enter()
        elif self.row > self.window.first and (
            self.row - self._saved_row >= EVERY_ROWS or self._worked >= EVERY_SECONDS
        ):
            self._save()
        return told

    def _tell(self, first: int, known: Slice) -> Passed:
        hand = self.session.strategy
        assert isinstance(hand, Hand)
        happenings, hand.heard = hand.heard, []
        self.heard += happenings
        self.furthest = max(self.furthest, self.row)
        self._note_stops(first, known)
        passed = Passed(first, self.row, [known], happenings)
        for listener in self.listeners:
            listener.passed(passed)
        return passed

    def _note_stops(self, first: int, known: Slice) -> None:
        """Remember where bars on screen had closed: facts of the tape, wherever the cursor goes."""
        for moment in known.moments:
            if any(closed.spec == self.bars for closed in moment.bars):
                stop = first + stop_of(moment.at, moment.time, known.trades.time)
                if not self._stops or stop > self._stops[-1]:
                    self._stops.append(stop)

    def _save(self) -> None:
        """Make a checkpoint of the cursor."""
        lanes = self._lanes.save()
        if PERSON in lanes:  # else all is passed again on going back
            saved = [(listener, raw) for listener in self.listeners if (raw := listener.snapshot())]
            clock, heard = self._lanes.person.clock, len(self.heard)
            self._checkpoints.add(Checkpoint(self.row, clock, self._acted, heard, lanes, saved))
        self._saved_row, self._worked = self.row, 0.0

    def _go_back(self, row: int) -> None:
        if self._undoes(row):
            self._leave(row)
        del self._line[taken_by(self._line, row) :]
        found = self._checkpoints.nearest(row)
        if found is None:
            self._build(row)
            return
        self._lanes.load(found)
        self._acted, self._ended = found.acted, False
        self._saved_row, self._worked = found.row, 0.0
        del self.heard[found.heard :]
        saved = {id(listener): raw for listener, raw in found.listeners}
        for listener in self.listeners:
            listener.rewound(self.row)
            if id(listener) in saved:
                listener.restore(saved[id(listener)])

    def _undoes(self, row: int) -> bool:
        """Whether going back to a row would change what the person did or what came of it."""
        broker = self.session.broker
        return bool(
            self.session.account.position
            or broker.rows
            or self.session.next_notice is not None
            or (self._line and self._line[-1].row > row)
            or (self.heard and self.heard[-1].row >= row)
            or (broker.fills and broker.fills[-1].time >= self.window.time_of(row))
        )

    def _leave(self, row: int) -> None:
        """Put this attempt among those that were left, and begin the next."""
        self.attempts.append(
            attempt_of(self.session, self.attempt, self.begun_at, self.row, self._line)
        )
        self.attempt += 1
        self.begun_at = row
        self._checkpoints.drop_after(row)


def stop_of(at: int, known_at: int, times: NDArray[Any]) -> int:
    """How many trades of a slice let something be known: to stop right behind the last of them.

    Args:
        at: It is known before this trade of the slice is processed.
        known_at: When it is known.
        times: Of the slice's trades.
    """
    if at >= len(times) or (at and times[at - 1] >= known_at):
        return at
    return at + 1
