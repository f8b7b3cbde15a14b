"""Moves the cursor, a slice at a time: playing at a speed, or on its way to a row.

Between two slices the server reads and writes, so that a day at the highest speed leaves room for a
pause. Which trades a slice ends at changes nothing of what comes out.
"""

from __future__ import annotations

import math
import time
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

from orderflow_bt.replay.engine.pauses import Pauses
from orderflow_bt.replay.engine.scout import Scout
from orderflow_bt.replay.engine.transport import Pacer

if TYPE_CHECKING:
    from collections.abc import Callable
    from concurrent.futures import Future

    from orderflow_bt.replay.engine.player import Player

SLICE_ROWS = 4096
SLICE_SECONDS = 0.012
_POLL = 0.02


class Mover:
    """What the cursor is doing.

    Args:
        player: Whose cursor.

    Attributes:
        pauses: What stops it by itself while it plays.
        scout: Who looks ahead; not in use while `seeking`.
        playing: Whether trades pass by themselves.
        goal: The row it is on its way to, if it is.
        paused_by: Why it stopped, until it moves again.
        stop_at: A row at which playing stops, besides.
        moves: How often it moved.
        clock: Tells the seconds of the wall.
    """

    def __init__(self, player: Player) -> None:
        self.player = player
        self.clock: Callable[[], float] = time.monotonic
        self.scout = Scout(player)
        self.pauses = Pauses(player, self.scout)
        self._pacer = Pacer(player.window)
        self.playing = False
        self.goal: int | None = None
        self.paused_by: str | None = None
        self.stop_at: int | None = None
        self.moves = 0
        self._goes = True  # to what a search finds
        self._is_behind = False  # of what is due, since a slice was over before
        self._search: Future[int | None] | None = None
        self._missed = ""  # what to say where a search finds nothing
        self._threads = ThreadPoolExecutor(1, thread_name_prefix="ahead")

    @property
    def seeking(self) -> bool:
        """Whether it is on its way to somewhere."""
        return self.goal is not None or self._search is not None

    def play(self) -> None:
        """Let trades pass."""
        self.halt()
        if not self.player.at_end:
            self.playing = True
            self.pauses.begin(self.player.row)
            self._pacer.begin(self.player.row, self.clock())

    def halt(self) -> None:
        """Stop whatever it does."""
        self.playing, self.goal, self.paused_by = False, None, None
        self.call_off()

    def stay(self) -> None:
        """End the way to somewhere, if it is on one; playing goes on."""
        self.call_off()
        if self.goal is not None:
            self.goal, self.paused_by = None, "your order"

    def call_off(self) -> None:
        """End a search, if there is one: from here on the player may be touched."""
        if self._search is not None:
            self.scout.stop = True
            while not self._search.done() and not self._search.cancel():
                self.scout.stop = True  # it may just have begun, and begins with no stop
                time.sleep(0.001)
            self._search = None

    @property
    def skipped(self) -> tuple[int, int] | None:
        """The latest silence that playing skipped, (from, to) in microseconds UTC."""
        return self._pacer.last_skip if self.playing else None

    @property
    def speed(self) -> float:
        """Tape seconds a wall second; infinite is as fast as can be."""
        return self._pacer.speed

    def set_speed(self, speed: float) -> None:
        """Go on at another speed from here."""
        now, was = self.clock(), self._pacer.speed
        if self.playing and not math.isinf(was):
            self._pacer.due(now)  # what is due at the old speed
        self._pacer.speed = speed
        if self.playing and math.isinf(was):
            self._pacer.begin(self.player.row, now)

    def go(self, row: int) -> None:
        """Go to a row: back at once, on in slices."""
        self.halt()
        if row < self.player.row:
            self.player.seek(row)
            self.moves += 1
        elif row > self.player.row or (self.player.at_end and row >= self.player.window.rows):
            self.goal = row
            self._toward(self.clock())

    def search(self, look: Callable[[], int | None], missed: str, *, go: bool = True) -> None:
        """Go where something finds that one should; it looks ahead beside the loop.

        Args:
            look: Gives a row, or None where there is none. Until it does, nothing may touch the
                player: every command halts first.
            missed: What to say in that case.
            go: Whether to go there at once.
        """
        self.halt()
        self._search, self._missed, self._goes = self._threads.submit(look), missed, go

    def work(self, now: float) -> float | None:
        """Go on for some milliseconds; seconds until there is more to do, None: nothing."""
        if self._search is not None:
            return self._found()
        if self.goal is not None:
            self._toward(now)
            return 0.0 if self.seeking or self.playing else None
        if not self.playing:
            return None
        if self._play(now):
            if self._is_behind:
                return 0.0
            return max(0.0, self._pacer.wait(self.clock()))
        return None

    def close(self) -> None:
        """Let go of the thread that looks ahead."""
        self._threads.shutdown(wait=False, cancel_futures=True)

    def _found(self) -> float | None:
        assert self._search is not None
        if not self._search.done():
            return _POLL
        search, self._search = self._search, None
        row = search.result()
        self.moves += 1  # it is not on its way any more, or to somewhere
        if row is None:
            self.paused_by = self._missed or None
        elif self._goes:
            self.go(row)
        return 0.0

    def _toward(self, now: float) -> None:
        """A slice of the way to the goal."""
        assert self.goal is not None
        until = min(self.goal, self.player.window.rows)
        self._pass(until, now)
        if self.player.row >= until:
            self.goal = None
            self._finish()

    def _play(self, now: float) -> bool:
        """A slice of what is due, or up to a pause; whether it goes on."""
        player = self.player
        due = player.window.rows if math.isinf(self._pacer.speed) else self._pacer.due(now)
        if self.stop_at is not None and player.row < self.stop_at < due:
            due = self.stop_at
        while player.row < due:
            until = min(due, player.row + SLICE_ROWS)
            stop = self.pauses.within(player.row, until)
            player.advance(until if stop is None else stop)
            self.moves += 1
            if stop is not None:
                self.playing, self.paused_by = False, self.pauses.reason
                return False
            if self.clock() - now > SLICE_SECONDS:
                break
        self._is_behind = player.row < due
        self._finish()
        return self.playing

    def _pass(self, until: int, now: float) -> None:
        """Pass trades up to a row, or as many as a slice takes."""
        while self.player.row < until:
            self.player.advance(min(until, self.player.row + SLICE_ROWS))
            self.moves += 1
            if self.clock() - now > SLICE_SECONDS:
                return

    def _finish(self) -> None:
        """Behind the last trade the clock reaches the end of the window."""
        if self.player.at_end:
            self.player.finish()
            self.playing = False
            self.moves += 1
