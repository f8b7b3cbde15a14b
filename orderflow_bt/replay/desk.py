"""The desk: a player, its picture and the practice around it, as one thing that pages show.

Commands come in checked, replies go out in words, and what is new is a number (`version`) that the
server watches. Nothing that looks ahead leaves this side.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from orderflow_bt.errors import OrderflowError, UsageError
from orderflow_bt.replay import state, transport
from orderflow_bt.replay.blind import reveal
from orderflow_bt.replay.commands import action_of, command_of
from orderflow_bt.replay.lens import OpenLens
from orderflow_bt.replay.mover import Mover
from orderflow_bt.replay.pauses import PAUSES
from orderflow_bt.replay.picture import ClientView
from orderflow_bt.types import MINUTE_US, BarSpec

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from orderflow_bt.replay.blind import Start
    from orderflow_bt.replay.lens import Lens
    from orderflow_bt.replay.messages import Message
    from orderflow_bt.replay.notebook import Notebook
    from orderflow_bt.replay.picture import Picture
    from orderflow_bt.replay.player import Player
    from orderflow_bt.replay.shelf import Shelf

REASONS = (
    "absorption", "imbalance", "divergence", "unfinished auction", "point of control",
    "value area", "breakout", "pullback", "big trade", "other",
)  # fmt: skip
BARS = ("15s", "30s", "1m", "5m", "15m", "tick:500", "tick:2000")
_REMEMBER_EVERY = 1.0  # seconds of a playing tape that a killed server forgets at most
_LISTENED = {  # detector that a pause needs on screen
    "touch": "imbalance_zones", "big_trade": "big_trades", "volume_spike": "volume_spike",
    "absorption": "absorption",
}  # fmt: skip
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
        start: The blind start, where it is one.
        challenge: Its code.

    Attributes:
        version: Another number whenever there is something new to show.
        greeting: Another number whenever what `hello` says has changed.
    """

    def __init__(
        self,
        player: Player,
        picture: Picture,
        notebook: Notebook,
        shelf: Shelf,
        *,
        honesty: Mapping[str, Any],
        start: Start | None = None,
        challenge: str | None = None,
    ) -> None:
        self.player, self.picture, self.notebook, self.shelf = player, picture, notebook, shelf
        self.mover = Mover(player)
        self.version = self.greeting = 0
        self._honesty, self._start, self._challenge = dict(honesty), start, challenge
        self._furthest_time = player.now
        self._every = 0  # minutes between two questions that come by themselves
        self._moves = 0
        self._remembered = 0.0
        self._state: tuple[int, Facts] | None = None
        self._commands: dict[str, Callable[..., Facts | None]] = {
            "play": self._play, "pause": self._pause, "speed": self._speed, "step": self._step,
            "back": self._back, "seek": self._seek, "jump": self._jump, "pauses": self._set_pauses,
            "detectors": self._detectors, "strategies": self._strategies, "bars": self._bars,
            "order": self._order, "drill": self._drill, "drills": self._drills,
            "answer": self._answer, "note": self._note, "ladder": self._ladder,
            "reveal": self._reveal, "scores": self._scores, "journal": self._journal,
        }  # fmt: skip

    @property
    def lens(self) -> Lens:
        """What the pages may see of prices, times and volumes."""
        return self.picture.lens

    # -- what the server asks ------------------------------------------------------------------

    def hello(self) -> Facts:
        """What a page needs to know before its first frame."""
        window, lens, sealed = self.player.window, self.lens, self.notebook.is_sealed
        hidden = {"source": None, "hash": self._honesty.get("hash"), "market": None}
        honesty = {**self._honesty, **(hidden if sealed else {}), "sealed": sealed}
        return self.picture.hello() | {
            "bar_specs": list(dict.fromkeys([str(self.picture.view.spec), *BARS])),
            "honesty": honesty | {"book": "no resting book in this replay"},
            "span": {"start": lens.time(window.start), "end": lens.time(window.end)},
            "detectors": self.shelf.detectors,
            "strategies": self.shelf.strategies,
            "speeds": ["max" if math.isinf(speed) else speed for speed in transport.SPEEDS],
            "pauses": [name for name in PAUSES if name != "levels"],
            "drills": list(self.notebook.drills.kinds),
            "reasons": list(REASONS),
            "account": state.account_facts(window.instrument, lens),
            "challenge": self._challenge,
            "revealed": self._start is not None and not sealed,
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
            return self._commands[name](**fields) or {}
        finally:
            self._follow_up()
            self.version += 1

    def work(self, now: float) -> float | None:
        """Go on for some milliseconds; seconds until there is more to do, None: nothing."""
        try:
            wait = self.mover.work(now)
        except OrderflowError as error:
            self.mover.halt()
            self.mover.paused_by, wait = str(error), None
            self.version += 1
        if self.mover.moves != self._moves or wait is None:
            self._follow_up()
        if wait is None or now - self._remembered > _REMEMBER_EVERY:
            self.notebook.remember()
            self._remembered = now
        return wait

    def close(self) -> None:
        """Let go of the journal and of what looks ahead."""
        self.mover.halt()
        self.mover.close()
        self.notebook.remember()
        self.notebook.journal.close()
        self.player.window.close()

    def _follow_up(self) -> None:
        """After a move: what came of it, and whether a question is due."""
        self._furthest_time = max(self._furthest_time, self.player.now)
        self.notebook.catch_up()
        planned = self.notebook.drills.planned
        self.mover.stop_at = planned if self._every or self.mover.seeking else None
        if self.mover.seeking or planned is None:
            pass
        elif planned < self.player.row and self._every:
            self._plan()
        elif planned == self.player.row:
            self.mover.halt()
            self.notebook.ask(self.lens)
            self.mover.paused_by = "a question"
        if self.mover.moves != self._moves:
            self._moves = self.mover.moves
            self.version += 1

    # -- the state -----------------------------------------------------------------------------

    def state(self) -> Facts:
        """All the small facts of the moment, ready for JSON."""
        if self._state is None or self._state[0] != self.version:
            self._state = self.version, self._facts()
        return self._state[1]

    def _facts(self) -> Facts:
        player, mover, lens, session = self.player, self.mover, self.lens, self.player.session
        shown = {detector.name for detector in player.detectors}
        return {
            "clock": {
                "time": lens.time(player.now),
                "row": player.row,
                "playing": mover.playing,
                "seeking": mover.seeking,
                "speed": "max" if math.isinf(mover.speed) else mover.speed,
                "at_end": player.at_end,
                "paused_by": mover.paused_by,
                "furthest": player.row >= player.furthest,
                "furthest_time": lens.time(self._furthest_time),
                "attempt": player.attempt,
            },
            "orders": state.working(session.broker.working, lens),
            "fills": state.filled(session.broker.fills, lens),
            "trips": state.trips_of(session, player.line, lens),
            "account": state.account_of(session, lens),
            "pauses": self._pause_facts(),
            "detectors": [{"name": name, "on": name in shown} for name in self.shelf.detectors],
            "strategies": state.strategies_of(
                self.shelf.strategies, player.watched, player.failed, lens
            ),
            "drill": self.notebook.drill,
            "drills": {"every": self._every},
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

    # -- moving --------------------------------------------------------------------------------

    def _play(self) -> None:
        if self.notebook.drills.open is not None:
            raise UsageError("a question waits for its answer", fix="Answer it, or leave it")
        self.mover.play()

    def _pause(self) -> None:
        self.mover.halt()

    def _speed(self, value: float) -> None:
        self.mover.set_speed(value)

    def _step(self, by: str, count: int) -> None:
        self.mover.halt()
        self.mover.go(transport.target(self.player, by, count, self.mover.scout))

    def _back(self, by: str, count: int) -> None:
        self.mover.halt()
        self._go(transport.back(self.player, by, count))

    def _seek(self, time: float | None, row: int | None) -> None:
        if (time is None) == (row is None):
            raise UsageError("a place is a time or a row", where="seek", fix="Give one of them")
        self.mover.halt()
        if row is None:
            assert time is not None
            window = self.player.window
            moment = min(max(self.lens.moment_of(time), window.start), window.end)
            row = window.row_at(moment)
        self._go(row)

    def _jump(self, to: str, kinds: list[str] | None) -> None:
        player, scout = self.player, self.mover.scout
        if to in ("next_event", "next_order_event"):
            wanted = frozenset(kinds or ())
            what = "event" if to == "next_event" else "event of your orders"
            self.mover.search(
                lambda: transport.jump(player, to, wanted, scout), f"there is no {what} ahead"
            )
            return
        self.mover.halt()
        row = transport.jump(player, to)
        if row is None:
            raise UsageError("no trading session opens ahead", fix="Seek a time")
        self._go(row)

    def _go(self, row: int) -> None:
        """Go to a row; going back is written down first."""
        row = max(self.player.window.first, row)
        if row < self.player.row:
            self.notebook.write("seek", to=row)
        self.mover.go(row)

    def _set_pauses(self, **asked: Any) -> None:
        wanted = {name: value for name, value in asked.items() if value is not None}
        if "levels" in wanted:
            wanted["levels"] = self._levels(wanted["levels"])
        big = wanted.get("big_trade")
        if big is not None and not isinstance(big, bool):
            wanted["big_trade"] = max(1, self.lens.lots_of(big))
        trades = wanted.get("trades")
        if isinstance(trades, float) and trades.is_integer():
            wanted["trades"] = int(trades)
        wanted = {n: 0 if n == "trades" and v is False else v for n, v in wanted.items()}
        shown = {detector.name for detector in self.player.detectors}
        for name, detector in _LISTENED.items():
            if wanted.get(name) is True and detector not in shown:
                self._detectors(detector, on=True)
        self.mover.pauses.set(wanted)

    def _levels(self, levels: object) -> object:
        if not isinstance(levels, list):
            return [] if levels is False else levels
        units = self.lens.units_of
        return [
            [units(edge) for edge in level] if isinstance(level, list) else units(level)
            for level in levels
        ]

    # -- what is on screen ---------------------------------------------------------------------

    def _detectors(self, name: str, on: bool) -> None:  # noqa: FBT001 - a field of the command
        shown = [detector.name for detector in self.player.detectors]
        if (name in shown) == on:
            return
        fresh = self.shelf.detector(name, self.picture.view)
        self._show([n for n in shown if n != name] + ([fresh.name] if on else []))

    def _show(self, names: list[str]) -> None:
        made = [self.shelf.detector(name, self.picture.view) for name in names]
        self.mover.halt()
        self.player.show(bars=self.picture.view.spec, detectors=made)
        self.notebook.write("detectors", on=names)

    def _strategies(self, name: str, on: bool) -> None:  # noqa: FBT001 - a field of the command
        if (name in self.player.watched) == on:
            return
        if on:
            self.player.watch(name, self.shelf.strategy(name))
        else:
            self.player.unwatch(name)
        self.notebook.write("strategies", on=list(self.player.watched))

    def _bars(self, spec: str, ticks_per_row: int | None) -> None:
        try:
            bars = BarSpec.parse(spec)
        except ValueError as error:
            raise UsageError(str(error), where="bars") from None
        self.mover.halt()
        self.picture.show(bars, ticks_per_row)
        self._show([detector.name for detector in self.player.detectors])
        self.greeting += 1

    def _ladder(self, seconds: int) -> None:
        self.picture.ladder.look_back(seconds)

    # -- the practice --------------------------------------------------------------------------

    def _order(self, action: Mapping[str, Any]) -> Facts:
        asked, risk = action_of(action, self.lens)
        session = self.player.session
        self._check_open()
        if asked.get("do") == "replace":
            self._replace_leg(asked)
        if risk is not None:
            stop, entry = asked.get("stop"), asked.get("price", session.last_price)
            if stop is None:
                raise UsageError("an amount by risk needs a stop", where="risk")
            asked["qty"] = session.broker.size(risk / 100, entry, stop)
            if asked["qty"] < 1:
                raise UsageError(
                    "that risk buys less than the smallest amount",
                    fix="Take a nearer stop, or risk more",
                )
        order = self.player.act(asked)
        self.notebook.write("action", action=asked, order=order)
        return {"order": order}

    def _check_open(self) -> None:
        if self.notebook.journal.is_revealed:
            raise UsageError("the practice of this start ended with the reveal")

    def _replace_leg(self, asked: Facts) -> None:
        """A bracket's stop or target is an order of its own: change that one."""
        for role in ("stop", "target"):
            if role in asked:
                orders = self.player.session.broker.working
                child = state.child_of(orders, asked.get("order", -1), role)
                if child is None:
                    raise UsageError(f"order {asked.get('order')} has no {role} that works")
                asked["order"], asked["price"] = child, asked.pop(role)
                return

    def _drill(self, kind: str | None) -> None:
        drills = self.notebook.drills
        if kind is not None and kind not in drills.kinds:
            raise UsageError(
                f"{kind!r} is no kind of drill", fix=f"Known: {', '.join(drills.kinds)}"
            )
        self._check_open()
        self.notebook.leave()
        self.mover.search(lambda: drills.next(kind), "there is no place left for a question")

    def _drills(self, every: int) -> None:
        self._check_open()
        self._every = every
        if every and self.notebook.drills.open is None:
            self._plan()

    def _plan(self) -> None:
        """Plan the next question by itself: the tape will stop there."""
        drills, after = self.notebook.drills, self._every * MINUTE_US
        self.mover.search(lambda: drills.next(after=after), "", go=False)

    def _answer(self, choice: str | None, confidence: int, seconds: float) -> Facts:
        if choice is None:
            self.notebook.leave()
            shown: Facts = {}
        else:
            shown = {"answer": self.notebook.answer(choice, confidence, seconds)}
        if self._every:
            self._plan()
        return shown

    def _note(self, text: str, tags: list[str]) -> None:
        self.notebook.write("note", text=text, tags=list(tags))

    def _reveal(self) -> Facts:
        if self._start is None:
            raise UsageError("nothing is hidden here")
        player = self.player
        facts = reveal(
            self.notebook.journal, self._start,
            row=player.row, time=player.now, attempt=player.attempt,
        )  # fmt: skip
        self.mover.halt()
        self.picture.look_through(OpenLens(player.window.instrument))
        self.greeting += 1
        return {"reveal": facts}

    def _scores(self) -> Facts:
        return {"scores": self.notebook.score()}

    def _journal(self) -> Facts:
        return {"journal": list(self.notebook.entries())}
