"""Does what a page asks for: moves, what is on screen, orders, questions, notes."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from orderflow_bt.errors import UsageError
from orderflow_bt.replay.desk import state
from orderflow_bt.replay.desk.commands import action_of
from orderflow_bt.replay.engine import transport
from orderflow_bt.replay.practice.blind import reveal
from orderflow_bt.replay.screen.lens import OpenLens
from orderflow_bt.types import MINUTE_US, BarSpec

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from orderflow_bt.replay.desk.mover import Mover
    from orderflow_bt.replay.desk.notebook import Notebook
    from orderflow_bt.replay.desk.shelf import Shelf
    from orderflow_bt.replay.practice.blind import Start
    from orderflow_bt.replay.screen.lens import Lens
    from orderflow_bt.replay.screen.picture import Picture

_LISTENED = {  # detector that a pause needs on screen
    "touch": "imbalance_zones", "big_trade": "big_trades", "volume_spike": "volume_spike",
    "absorption": "absorption",
}  # fmt: skip

_NUMBER = re.compile(r"\d[\d.,:T-]*")

Facts = dict[str, Any]


class Conductor:
    """Obeys commands whose fields were checked.

    Args:
        mover: What moves the player's cursor.
        picture: What is on screen.
        notebook: Journal and questions.
        shelf: What can be switched on.
        shown: Names of the detectors that are on.
        start: The blind start, where it is one.

    Attributes:
        shown: Names of the detectors that are on.
        every: Minutes between two questions that come by themselves, 0 for none.
        greeting: Another number whenever what pages are greeted with has changed.
    """

    def __init__(
        self,
        mover: Mover,
        picture: Picture,
        notebook: Notebook,
        shelf: Shelf,
        *,
        shown: Sequence[str],
        start: Start | None,
    ) -> None:
        self.player = mover.player
        self.mover, self.picture, self.notebook, self.shelf = mover, picture, notebook, shelf
        self.shown = list(shown)
        self.every = self.greeting = 0
        self._start = start
        self._commands: dict[str, Callable[..., Facts | None]] = {
            "play": self._play, "pause": self._pause, "speed": self._speed, "step": self._step,
            "back": self._back, "seek": self._seek, "jump": self._jump, "pauses": self._set_pauses,
            "detectors": self._detectors, "strategies": self._strategies, "bars": self._bars,
            "order": self._order, "drill": self._drill, "drills": self._drills,
            "answer": self._answer, "note": self._note, "ladder": self._ladder,
            "reveal": self._reveal, "scores": self._scores, "journal": self._journal,
        }  # fmt: skip

    def obey(self, name: str, fields: Mapping[str, Any]) -> Facts:
        """Do it; what to add to the reply.

        Raises:
            OrderflowError: It cannot be done.
        """
        return self._commands[name](**fields) or {}

    @property
    def lens(self) -> Lens:
        """What the pages may see of prices, times and volumes."""
        return self.picture.lens

    @property
    def is_held(self) -> bool:
        """Whether the person holds a position or has orders that can still fill."""
        session = self.player.session
        return bool(session.account.position or session.broker.working)

    @property
    def hidden_rows(self) -> int:
        """Rows that pages do not count: how many there are since midnight would tell the time."""
        return self.player.window.first if self.lens.blind else 0

    # -- moving --------------------------------------------------------------------------------

    def _check_asked(self) -> None:
        """Whoever moves on with a question open has seen what it asks about."""
        if self.notebook.drills.open is not None:
            raise UsageError("a question waits for its answer", fix="Answer it, or leave it")

    def _play(self) -> None:
        self._check_asked()
        self.mover.play()

    def _pause(self) -> None:
        self.mover.halt()

    def _speed(self, value: float) -> None:
        self.mover.set_speed(value)

    def _step(self, by: str, count: int) -> None:
        self._check_asked()
        self.mover.halt()
        self.mover.go(transport.target(self.player, by, count, self.mover.scout))

    def _back(self, by: str, count: int) -> None:
        self._check_asked()
        self.mover.halt()
        self._go(transport.back(self.player, by, count))

    def _seek(self, time: float | None, row: int | None) -> None:
        if (time is None) == (row is None):
            raise UsageError("a place is a time or a row", where="seek", fix="Give one of them")
        self._check_asked()
        self.mover.halt()
        if row is None:
            assert time is not None
            window = self.player.window
            moment = min(max(self.lens.moment_of(time), window.start), window.end)
            row = window.row_at(moment)
        else:
            row += self.hidden_rows
        self._go(row)

    def _jump(self, to: str, kinds: list[str] | None) -> None:
        self._check_asked()
        player, scout = self.player, self.mover.scout
        if to in ("next_event", "next_order_event"):
            wanted, end = frozenset(kinds or ()), player.window.rows
            if to == "next_order_event" and not scout.may_hear():
                raise UsageError("there is no order or position that anything could happen to")
            # Where nothing comes it is the end: to be told so and stay would be to know the future.
            self.mover.search(lambda: transport.jump(player, to, wanted, scout) or end, "")
            return
        if self.lens.blind and to in ("next_session", "previous_session"):
            raise UsageError("trading sessions would tell the time of day", fix="Seek a time")
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
        for name, detector in _LISTENED.items():
            if wanted.get(name) is True and detector not in self.shown:
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
        if (name in self.shown) == on:
            return
        self.show([n for n in self.shown if n != name] + [name] * on)
        self.notebook.keep("detectors", on=self.shown)

    def show(self, names: Sequence[str]) -> None:
        """Show these detectors, on the bars that are shown; they get their past."""
        made = [self.shelf.detector(name, self.picture.view) for name in names]
        self.mover.halt()
        self.player.show(bars=self.picture.view.spec, detectors=made)
        self.shown = list(names)

    def _strategies(self, name: str, on: bool) -> None:  # noqa: FBT001 - a field of the command
        if (name in self.player.watched) == on:
            return
        if on:
            self.player.watch(name, self.shelf.strategy(name))
        else:
            self.player.unwatch(name)
        self.notebook.keep("strategies", on=list(self.player.watched))

    def _bars(self, spec: str, ticks_per_row: int | None) -> None:
        bars = BarSpec.parse(spec)
        self.mover.halt()
        self.picture.show(bars, ticks_per_row)
        self.show(self.shown)
        self.notebook.drills.show(self.picture.view.spec)
        if self.every and self.notebook.drills.planned is None:
            self.plan()
        self.greeting += 1

    def _ladder(self, seconds: int) -> None:
        self.picture.ladder.look_back(seconds)

    # -- the practice --------------------------------------------------------------------------

    def _order(self, action: Mapping[str, Any]) -> Facts:
        asked, risk = action_of(action, self.lens)
        session = self.player.session
        self._check_open()
        self.mover.stay()  # it is meant for the moment that is seen
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
        order = self._act(asked)
        self.notebook.keep("action", action=asked, order=order)
        return {"order": order}

    def _act(self, asked: Mapping[str, Any]) -> int | None:
        try:
            return self.player.act(asked)
        except UsageError as error:
            if not self.lens.blind:
                raise
            # it names prices and times as the tape has them
            raise UsageError(
                _NUMBER.sub("…", error.what), fix=_NUMBER.sub("…", error.fix)
            ) from None

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
        if self.is_held:
            raise UsageError(
                "a question takes the tape on, past what you hold or have working",
                fix="Close the position and cancel the orders first",
            )
        self.notebook.leave()
        self.mover.search(lambda: drills.next(kind), "no question here: go on, and ask again later")

    def _drills(self, every: int) -> None:
        self._check_open()
        self.every = every
        if every and self.notebook.drills.open is None:
            self.plan()

    def plan(self) -> None:
        """Plan the next question by itself: the tape will stop there."""
        drills, after = self.notebook.drills, self.every * MINUTE_US
        self.mover.search(lambda: drills.next(after=after), "", go=False)

    def plan_on(self) -> None:
        """As `plan`, and a tape that plays goes on."""
        playing, paused_by = self.mover.playing, self.mover.paused_by
        self.plan()
        self.mover.playing, self.mover.paused_by = playing, paused_by

    def _answer(self, choice: str | None, confidence: int, seconds: float) -> Facts:
        if choice is None:
            self.notebook.leave()
            shown: Facts = {}
        else:
            shown = {"answer": self.notebook.answer(choice, confidence, seconds)}
        if self.every:
            self.plan()
        return shown

    def _note(self, text: str, tags: list[str]) -> None:
        self.notebook.write("note", text=text, tags=list(tags))

    def _reveal(self) -> Facts:
        if self._start is None:
            raise UsageError("nothing is hidden here")
        player = self.player
        self.notebook.settle()
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
