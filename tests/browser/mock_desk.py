"""A desk without an engine behind the real server: real frames of a tape, commands kept to look at.

What the page does with what it is sent, and what it sends, can be tested without session and fills.
"""

from __future__ import annotations

import functools
import threading
from collections import deque
from typing import TYPE_CHECKING, Any, Self

import numpy as np
from replay_frames import TapePlayer, detectors, market, picture_of

from orderflow_bt.replay.desk.server import PracticeServer
from orderflow_bt.replay.screen.lens import BlindLens, OpenLens
from orderflow_bt.replay.screen.picture import ClientView
from orderflow_bt.types import BarSpec

if TYPE_CHECKING:
    from orderflow_bt.errors import UsageError
    from orderflow_bt.replay.desk.messages import Message

FIRST = 12_000  # trades before the first moment
STEPS = {"trade": 1, "cluster": 2, "price": 4, "bar": 60, "minute": 60}
FACTS: dict[str, Any] = {
    "bar_specs": ["1m", "5m", "tick:500"], "palette": "teal-red", "challenge": None,
    "honesty": {
        "source": "simulated market, seed 7", "hash": "9f3a1c77e02b5d41", "sealed": False,
        "book": "no resting book in this replay", "market": "USD-margined futures",
    },
    "detectors": [{"name": "absorption", "on": True}, {"name": "big_trades", "on": False}],
    "strategies": [{"name": "delta_divergence", "on": False, "r": None}],
    "speeds": [0.25, 0.5, 1, 2, 5, 10, 25, 50, 100, 250, 500, 1000, "max"],
    "pauses": ["touch", "levels", "big_trade", "volume_spike", "absorption", "orders", "bar"],
    "drills": ["aggression", "absorption", "auction", "outcome"],
    "reasons": ["absorption at a level", "stacked imbalance", "failed auction", "trend"],
}  # fmt: skip
FLAT: dict[str, Any] = {
    "equity": 10_000.0, "cash": 10_000.0, "position": 0, "average": None, "open_r": None,
    "realized_r": 0.0, "unit": "USDT",
}  # fmt: skip


@functools.cache
def _tape() -> tuple[Any, Any]:
    return market(60_000)


class MockDesk:
    """`with MockDesk() as desk: page.goto(desk.url)`.

    Attributes:
        commands: What pages asked, in order.
        refuse: Commands that are answered with an error, by name.
        speed: Trades a tenth of a second while it plays, 0: it stands still.
    """

    def __init__(self, *, blind: bool = False, row: int = FIRST, **facts: Any) -> None:
        self.trades, self.instrument = _tape()
        self.lens = OpenLens(self.instrument)
        if blind:
            self.lens = BlindLens(
                self.instrument, price=int(self.trades.price[row - 1]),
                time=int(self.trades.time[row]), volume=20_000,
            )  # fmt: skip
        self.facts = FACTS | facts
        self.commands: list[dict[str, Any]] = []
        self.refuse: dict[str, UsageError] = {}
        self.version, self.furthest, self.playing, self.speed = 1, row, False, 1.0
        self.greeting = 0
        self.notices: tuple[int, deque[dict[str, Any]]] = (0, deque())
        self.pace, self.due = 0, 0.0
        self.state: dict[str, Any] = {
            "orders": [], "trips": [], "fills": [], "account": FLAT, "drill": None, "score": None,
            "pauses": {}, "journal": [], "detectors": self.facts["detectors"],
            "strategies": self.facts["strategies"],
        }  # fmt: skip
        self.bars = "1m"
        self._go_to(row)

    def _go_to(self, row: int) -> None:
        """Stand before this trade."""
        player = getattr(self, "player", None)
        if player is None or row < player.row:
            self.player = TapePlayer(self.trades, self.instrument, detectors())
            epoch = getattr(self, "picture", None)
            self.picture = picture_of(self.player, self.instrument, self.lens)
            self.player.advance(row)
            self.picture.show(BarSpec.parse(self.bars))
            if epoch is not None:  # pages begin anew
                self.picture._epoch = epoch._epoch + 1
        else:
            self.player.advance(row)
        self.furthest = max(self.furthest, row)
        self.version += 1

    # ------------------------------------------------------------- what the server asks

    def hello(self) -> dict[str, Any]:
        """The picture's greeting and the rest."""
        times = self.trades.time
        span = {"start": self.lens.time(times[FIRST]), "end": self.lens.time(times[-1])}
        point = 10.0**-self.instrument.price_decimals
        return (
            self.picture.hello() | self.facts
            | {"span": span, "account": {"unit": "USDT", "point": point}}
        )  # fmt: skip

    def view(self) -> ClientView:
        """A page that has nothing."""
        return ClientView()

    def frame(self, view: ClientView) -> bytes:
        """What a page lacks."""
        time = self.trades.time
        clock = {
            "time": self.lens.time(time[self.player.row - 1]), "row": self.player.row,
            "version": self.version, "playing": self.playing, "speed": self.speed,
            "at_end": False, "paused_by": None,
            "attempt": 0, "furthest": self.player.row >= self.furthest,
            "furthest_time": self.lens.time(time[self.furthest - 1]),
        }  # fmt: skip
        return self.picture.frame(view, {"clock": clock, **self.state})

    def handle(self, message: Message) -> dict[str, Any]:
        """Keep the command; move where it says so."""
        asked = {"do": message.do, **message.fields}
        self.commands.append(asked)
        if message.do in self.refuse:
            raise self.refuse[message.do]
        row = self.player.row
        match asked:
            case {"do": "play" | "pause" as way}:
                self.playing = way == "play"
            case {"do": "speed", "value": value}:
                self.speed = value
            case {"do": "step", "by": by}:
                self._go_to(row + STEPS[by])
            case {"do": "back"}:
                self._go_to(row - STEPS["bar"])
            case {"do": "seek", "time": time}:
                moment = self.lens.moment_of(time)
                self._go_to(int(np.searchsorted(self.trades.time, moment, side="right")))
            case {"do": "jump", "to": "furthest"}:
                self._go_to(self.furthest)
            case {"do": "bars", "spec": spec}:
                self.bars = spec
                self.greeting += 1
                self.picture.show(BarSpec.parse(spec))
        self.version += 1
        return {}

    def work(self, now: float) -> float | None:
        """Pass some trades while it plays."""
        if not (self.playing and self.pace):
            return 0.05  # a test may have changed the state
        if now >= self.due:
            self.due = now + 0.1
            self._go_to(self.player.row + self.pace)
        return max(0.0, self.due - now)

    # ------------------------------------------------------------- what a test does

    def push(self, **state: Any) -> None:
        """Show every page this state."""
        self.state = self.state | state
        self.version += 1

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def start(self, port: int = 0, token: str | None = None) -> None:
        """Serve."""
        self.server = PracticeServer(self, port=port, token=token)
        ready = threading.Event()
        self._thread = threading.Thread(target=self.server.run, args=(ready.set,), daemon=True)
        self._thread.start()
        assert ready.wait(10)
        self.url = self.server.address

    def stop(self) -> None:
        """Serve no more."""
        self.server.stop()
        self._thread.join(10)
