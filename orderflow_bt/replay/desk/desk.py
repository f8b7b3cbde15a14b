"""The desk: a player, its picture and the practice around it, as one thing that pages show.

Commands come in checked, replies go out in words, and what is new is a number (`version`) that the
server watches. Nothing that looks ahead leaves this side.
"""

from __future__ import annotations

import contextlib
import hashlib
import math
from collections import deque
from typing import TYPE_CHECKING, Any

from orderflow_bt.errors import OrderflowError, UsageError
from orderflow_bt.replay.desk import state
from orderflow_bt.replay.desk.commands import command_of
from orderflow_bt.replay.desk.conductor import Conductor
from orderflow_bt.replay.desk.memory import FIX, Memory
from orderflow_bt.replay.desk.mover import Mover
from orderflow_bt.replay.engine import transport
from orderflow_bt.replay.engine.pauses import PAUSES
from orderflow_bt.replay.screen.picture import ClientView
from orderflow_bt.types import BarSpec

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from orderflow_bt.replay.desk.messages import Message
    from orderflow_bt.replay.desk.notebook import Notebook
    from orderflow_bt.replay.desk.shelf import Shelf
    from orderflow_bt.replay.engine.player import Player
    from orderflow_bt.replay.practice.blind import Start
    from orderflow_bt.replay.screen.lens import Lens
    from orderflow_bt.replay.screen.picture import Picture
    from orderflow_bt.strategy import Order

REASONS = (
    "absorption", "imbalance", "divergence", "unfinished auction", "point of control",
    "value area", "breakout", "pullback", "big trade", "other",
)  # fmt: skip
BARS = ("15s", "30s", "1m", "5m", "15m", "tick:500", "tick:2000")
_NOTICES = 50  # that a page which was away is told of
_REMEMBER_EVERY = 1.0  # seconds of a playing tape that a killed server forgets at most
_WAITS = frozenset({"note", "scores", "journal", "ladder"})  # commands that disturb no search

Facts = dict[str, Any]


class Desk:
    """What the server serves.

    Args:
        player: The cursor and the sessions.
        picture: What is on screen; it follows the player already.
        notebook: Journal and questions.
        shelf: What can be switched on.
        honesty: What the strip at the page's edge says once nothing is sealed.
        title: Of the page, once nothing is sealed.
        detectors: Names of those that the player was given.
        start: The blind start, where it is one.
        challenge: Its code.

    Attributes:
        version: Another number whenever there is something new to show.
        notices: What pages are told once, as it happens: how many there were, and the latest.
    """

    def __init__(
        self,
        player: Player,
        picture: Picture,
        notebook: Notebook,
        shelf: Shelf,
        *,
        honesty: Mapping[str, Any],
        detectors: Sequence[str] = (),
        start: Start | None = None,
        challenge: str | None = None,
    ) -> None:
        self.player, self.picture, self.notebook, self.shelf = player, picture, notebook, shelf
        self.mover = Mover(player)
        self.version = 0
        self.notices: tuple[int, deque[Facts]] = (0, deque(maxlen=_NOTICES))
        self._conductor = Conductor(
            self.mover, picture, notebook, shelf, shown=detectors, start=start
        )
        self._honesty, self._challenge = dict(honesty), challenge
        self._is_blind = start is not None
        self._furthest_time = self._time_before(player.furthest)
        self._moves = 0
        self._attempt = player.attempt
        self._remembered = 0.0
        self._stopped_by = ""
        self._state: tuple[int, Facts] | None = None

    @property
    def greeting(self) -> int:
        """Another number whenever what `hello` says has changed."""
        return self._conductor.greeting

    @property
    def lens(self) -> Lens:
        """What the pages may see of prices, times and volumes."""
        return self.picture.lens

    # -- what the server asks ------------------------------------------------------------------

    def hello(self) -> Facts:
        """What a page needs to know before its first frame."""
        window, lens, sealed = self.player.window, self.lens, self.notebook.is_sealed
        honesty = self._honesty | {"sealed": sealed}
        if sealed:  # the data's own hash stands in the exchange's lists
            seal = hashlib.sha256(f"{self._challenge} {honesty['hash']}".encode()).hexdigest()
            honesty |= {"source": None, "hash": seal}
        return self.picture.hello() | {
            "bar_specs": list(dict.fromkeys([str(self.picture.view.spec), *BARS])),
            "honesty": honesty | {"book": "no resting book in this replay"},
            "span": {"start": lens.time(window.start), "end": lens.time(window.end)},
            "detectors": self.shelf.detectors,
            "strategies": self.shelf.strategies,
            "speeds": ["max" if math.isinf(speed) else speed for speed in transport.SPEEDS],
            "pauses": list(PAUSES),
            "drills": list(self.notebook.drills.kinds),
            "reasons": list(REASONS),
            "account": state.account_facts(window.instrument, lens),
            "challenge": self._challenge,
            "revealed": self._is_blind and not sealed,
            "palette": "teal-red",
        }

    def view(self) -> ClientView:
        """The view of a page that has nothing yet."""
        return ClientView()

    def frame(self, view: ClientView) -> bytes:
        """What a page lacks."""
        return self.picture.frame(view, self.state())

    def handle(self, message: Message) -> Facts:
        """Obey a command; what to add to the reply.

        Raises:
            OrderflowError: It cannot be obeyed.
        """
        name, fields = command_of(message)
        if name not in _WAITS:
            self.mover.call_off()
        try:
            try:
                return self._conductor.obey(name, fields)
            finally:
                self.version += 1
                self._follow_up()
        except OrderflowError as error:
            raise self._told(error) from error

    def work(self, now: float) -> float | None:
        """Go on for some milliseconds; seconds until there is more to do, None: nothing."""
        try:
            wait = self.mover.work(now)
            if self.mover.moves != self._moves or wait is None:
                self._follow_up()
            if wait is None or now - self._remembered > _REMEMBER_EVERY:
                self.notebook.memory.keep(self._memory())
                self._remembered = now
        except OrderflowError as error:
            self.mover.halt()
            why, wait = str(self._told(error)), None
            self.version += why != self._stopped_by  # told once
            self.mover.paused_by = self._stopped_by = why
        return wait

    def _told(self, error: OrderflowError) -> OrderflowError:
        """An error as pages may read it: what went wrong may name the market and its time."""
        if isinstance(error, UsageError) or not self.notebook.is_sealed:
            return error
        return OrderflowError("it failed", fix="Why, would tell what is hidden: reveal first")

    def watch(self, names: Sequence[str]) -> None:
        """Let strategies of the shelf run beside from now on.

        Raises:
            UsageError: There is none of such a name.
            PluginError: Its code failed.
        """
        for name in names:
            if name not in self.player.watched:
                self.player.watch(name, self.shelf.strategy(name))

    def recall(self) -> None:
        """Put back what was on screen, and asked, when an earlier server of this practice ended.

        Raises:
            UsageError: What was noted of it cannot be: a plugin that was on is not there any more.
        """
        memory = self.notebook.memory.recall()
        if memory is not None:
            try:
                self._put_back(memory)
            except UsageError as error:
                fix = f"{error.fix}. {FIX}" if error.fix else FIX
                where = str(self.notebook.memory.path)
                raise UsageError(error.what, where=where, fix=fix) from None
        if self.notebook.ask_again(self.lens):
            self.mover.paused_by = "a question"
            self.notify("the question that was open waits again; its time begins anew")

    def _put_back(self, memory: Memory) -> None:
        view = self.picture.view
        bars = view.spec if memory.bars is None else BarSpec.parse(memory.bars)
        detectors = self._conductor.shown if memory.detectors is None else memory.detectors
        if (bars, memory.ticks_per_row) != (view.spec, view.ticks_per_row):
            self.picture.show(bars, memory.ticks_per_row)
        if view != self.picture.view or detectors != self._conductor.shown:
            self._conductor.show(detectors)
            self.notebook.drills.show(self.picture.view.spec)
        self.watch(memory.strategies)
        self._conductor.every = memory.every
        self.mover.pauses.set(memory.pauses)
        self._furthest_time = max(self._furthest_time, memory.furthest_time)
        self.mover.set_speed(math.inf if memory.speed == "max" else memory.speed)

    def _memory(self) -> Memory:
        view, speed = self.picture.view, self.mover.speed
        return Memory(
            row=self.player.row,
            furthest=self.player.furthest,
            bars=str(view.spec),
            ticks_per_row=view.ticks_per_row,
            detectors=self._conductor.shown,
            strategies=list(self.player.watched),
            every=self._conductor.every,
            pauses=self.mover.pauses.facts(),
            furthest_time=self._furthest_time,
            speed="max" if math.isinf(speed) else speed,
        )

    def close(self) -> None:
        """Let go of the journal and of what looks ahead."""
        self.mover.halt()
        self.mover.close()
        with contextlib.suppress(OrderflowError):  # it is a convenience
            self.notebook.memory.keep(self._memory())
        self.notebook.journal.close()
        self.player.window.close()

    def _time_before(self, row: int) -> int:
        """Time of the last trade before a row that was reached."""
        window = self.player.window
        return max(window.start, window.time_of(row - 1)) if row else window.start

    def _follow_up(self) -> None:
        """After a move: what came of it, and whether a question is due; it waits until flat."""
        self._furthest_time = max(self._furthest_time, self.player.now)
        for order in self.notebook.catch_up():
            self._tell(order)
        if self._attempt != self.player.attempt:
            left, self._attempt = self._attempt, self.player.attempt
            begins, left = self._attempt + 1, left + 1  # people count from one
            self.notify(f"attempt {begins} begins: what attempt {left} did is kept in the journal")
        planned, every = self.notebook.drills.planned, self._conductor.every
        self.mover.stop_at = planned if every or self.mover.seeking else None
        if self.mover.seeking or planned is None:
            pass
        elif every and (
            planned < self.player.row or (planned == self.player.row and self._conductor.is_held)
        ):
            self._conductor.plan_on()
        elif planned == self.player.row:
            self.mover.halt()
            self.notebook.ask(self.lens)
            self.mover.paused_by = "a question"
        if self.mover.moves != self._moves:
            self._moves = self.mover.moves
            self.version += 1

    def _tell(self, order: Order) -> None:
        """Tell pages of an order that ended without being filled whole."""
        why = order.why.partition(" of ")[0] if self.notebook.is_sealed else order.why
        what = f"order {order.id} was {order.status}" + (f": {why}" if why else "")
        self.notify(what, f"order {order.id}")

    def notify(self, what: str, where: str = "") -> None:
        """Tell every page, also those that open later."""
        count, latest = self.notices
        latest.append({"what": what, "where": where, "fix": ""})
        self.notices = count + 1, latest

    # -- the state -----------------------------------------------------------------------------

    def state(self) -> Facts:
        """All the small facts of the moment, ready for JSON."""
        if self._state is None or self._state[0] != self.version:
            self._state = self.version, self._facts()
        return self._state[1]

    def _facts(self) -> Facts:
        player, mover, lens, session = self.player, self.mover, self.lens, self.player.session
        return {
            "clock": {
                "time": lens.time(player.now),
                "row": player.row - self._conductor.hidden_rows,
                "playing": mover.playing,
                "seeking": mover.seeking,
                "speed": "max" if math.isinf(mover.speed) else mover.speed,
                "at_end": player.at_end,
                "paused_by": mover.paused_by,
                "skipped": [lens.time(t) for t in mover.skipped] if mover.skipped else None,
                "furthest": player.row >= player.furthest,
                "furthest_time": lens.time(self._furthest_time),
                "attempt": player.attempt,
            },
            "orders": state.working(session, lens),
            "fills": state.filled(session.broker.fills, lens),
            "trips": state.trips_of(session, player.line, lens),
            "account": state.account_of(session, lens),
            "pauses": self._pause_facts(),
            "detectors": [
                {"name": name, "on": name in self._conductor.shown} for name in self.shelf.detectors
            ],
            "strategies": state.strategies_of(
                self.shelf.strategies, player.watched, player.failed, lens
            ),
            "drill": self.notebook.drill,
            "drills": {"every": self._conductor.every},
            "score": self.notebook.score(),
            "journal": list(self.notebook.entries()),
        }

    def _pause_facts(self) -> Facts:
        found = self.mover.pauses.facts()
        big = found.get("big_trade")
        if big is not None and not isinstance(big, bool):
            found["big_trade"] = self.lens.qty(big)
        if "levels" in found:
            found["levels"] = [[self.lens.price(p) for p in pair] for pair in found["levels"]]
        return found
