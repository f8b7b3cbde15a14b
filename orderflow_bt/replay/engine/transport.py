"""Where a step, a jump or the clock leads: rows, found without showing what lies between."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from orderflow_bt.errors import UsageError
from orderflow_bt.flow.takers import TakerFeed
from orderflow_bt.replay.engine.scout import Scout, Wanted
from orderflow_bt.replay.engine.window import CHUNK
from orderflow_bt.types import HOUR_US, MINUTE_US, SECOND_US

if TYPE_CHECKING:
    from orderflow_bt.replay.engine.player import Player
    from orderflow_bt.replay.engine.window import ReplayWindow

STEPS = ("trade", "cluster", "price", "bar", "minute")
JUMPS = (
    "next_event", "previous_session", "next_session", "next_order_event", "furthest",
)  # fmt: skip
SPEEDS = (0.25, 0.5, 1.0, 2.0, 5.0, 10.0, 25.0, 50.0, 100.0, 250.0, 500.0, 1000.0, math.inf)
SILENCE_US = 2 * SECOND_US  # longer ones are skipped, at higher speeds as much longer ones
SESSION_US = 8 * HOUR_US  # trading sessions open at 00:00, 08:00 and 16:00 UTC
_NEAR = 1 << 9


def target(player: Player, by: str, count: int = 1, scout: Scout | None = None) -> int:
    """The row that some steps forward lead to, the window's last at most.

    Args:
        player: Where the cursor stands.
        by: ``trade``; ``cluster``, trades that look like one aggressive order; ``price``, to the
            trade that changes it; ``bar``, to the trade that lets the bar on screen be known as
            closed; ``minute``, behind the last trade of the minute of the next trade.
        count: How many steps.
        scout: Who looks ahead for bars; a new one where it is left out.

    Raises:
        UsageError: An unknown step, or a count below 1.
    """
    if by not in STEPS or count < 1:
        raise UsageError(f"{count} steps by {by!r}", fix=f"Steps: {', '.join(STEPS)}, 1 or more")
    window, row = player.window, player.row
    if row >= window.rows:
        return window.rows
    if by == "trade":
        return min(row + count, window.rows)
    if by == "bar":
        return _bars_on(player, count, scout or Scout(player))
    if by == "minute":
        minute = window.time_of(row) // MINUTE_US + count
        return max(row + 1, window.row_at(minute * MINUTE_US))
    for _ in range(count):
        row = _cluster_end(window, row) if by == "cluster" else _next_price(window, row)
    return row


def _bars_on(player: Player, count: int, scout: Scout) -> int:
    found = scout.stops(Wanted(bars=True), count)
    return found if found is not None else player.window.rows


def _cluster_end(window: ReplayWindow, row: int) -> int:
    size = _NEAR
    while row < window.rows:
        stop = min(row + size, window.rows)
        ends = TakerFeed().of(window.trades(row, stop), np.zeros(0, np.int64)).ends
        if len(ends):
            return row + int(ends[0])
        if stop == window.rows:
            break
        size *= 4
    return window.rows


def _next_price(window: ReplayWindow, row: int) -> int:
    """Behind the first trade at another price than the trade before the cursor."""
    if row >= window.rows:
        return window.rows
    last = int(window.trades(max(0, row - 1), max(1, row)).price[0])
    size = _NEAR
    while row < window.rows:
        stop = min(row + size, window.rows)
        others = np.flatnonzero(window.trades(row, stop).price != last)
        if others.size:
            return row + int(others[0]) + 1
        row, size = stop, min(2 * size, CHUNK)
    return window.rows


def back(player: Player, by: str = "bar", count: int = 1) -> int:
    """The row that some steps back lead to: where a bar on screen had just closed.

    Raises:
        UsageError: Steps back go by bar.
    """
    if by != "bar" or count < 1:
        raise UsageError(f"{count} steps back by {by!r}", fix="Steps back go by bar, 1 or more")
    row = player.stop_before(player.row, count)
    return max(player.window.first, row or 0)


def jump(
    player: Player, to: str, kinds: frozenset[str] = frozenset(), scout: Scout | None = None
) -> int | None:
    """The row that a jump leads to; None where there is no such thing ahead.

    Args:
        player: Where the cursor stands.
        to: ``next_event`` of a detector on screen; ``next_session``, the next opening at 00:00,
            08:00 or 16:00 UTC; ``previous_session``, the latest opening, or the one before where
            the cursor stands at it; ``next_order_event``, the next thing that the person hears of
            their orders; ``furthest``, back to the furthest row seen.
        kinds: Which events, as in `Wanted.events`; none: any.
        scout: Who looks ahead; a new one where it is left out.

    Raises:
        UsageError: An unknown jump.
    """
    if to not in JUMPS:
        raise UsageError(f"no jump leads to {to!r}", fix=f"Known: {', '.join(JUMPS)}")
    window = player.window
    if to == "furthest":
        return player.furthest
    if to == "next_session":
        if player.at_end:
            return None
        opening = (window.time_of(player.row) // SESSION_US + 1) * SESSION_US
        row = window.row_at(opening)
        return row if row < window.rows else None
    if to == "previous_session":
        last = window.time_of(max(0, player.row - 1))
        row = window.row_at(last // SESSION_US * SESSION_US)
        if row >= player.row:
            row = window.row_at((last // SESSION_US - 1) * SESSION_US)
        return max(window.first, row)
    wanted = Wanted(orders=True) if to == "next_order_event" else Wanted(events=kinds or _ANY)
    return (scout or Scout(player)).next(wanted)


_ANY = frozenset("*")


class Pacer:
    """Turns wall seconds into rows. It decides when trades come, never which.

    Silences are skipped: where the tape has no trade for more than 2 s (at a speed above 1, as many
    times 2 s), the next trade is due at once. What was skipped so is counted.

    Args:
        window: Whose trades.
        speed: Tape seconds a wall second; `math.inf` is as fast as can be.

    Attributes:
        skipped: Microseconds of silence that were skipped since `begin`.
        last_skip: The latest silence that was skipped, (from, to) in microseconds UTC.
    """

    def __init__(self, window: ReplayWindow, speed: float = 1.0) -> None:
        self._window = window
        self._speed = _checked(speed)
        self._row = 0
        self._clock = 0.0  # the tape's, microseconds, when the wall showed ...
        self._seconds = 0.0  # ... this
        self.skipped = 0
        self.last_skip: tuple[int, int] | None = None

    @property
    def speed(self) -> float:
        """Tape seconds a wall second."""
        return self._speed

    @speed.setter
    def speed(self, speed: float) -> None:
        self._speed = _checked(speed)

    def begin(self, row: int, seconds: float) -> None:
        """Play from a row on, at a moment of the wall's clock."""
        last = self._window.time_of(max(0, min(row, self._window.rows) - 1))
        self._row, self._clock, self._seconds = row, float(last), seconds
        self.skipped, self.last_skip = 0, None

    def clock(self) -> int:
        """The tape's clock when it was last asked, microseconds UTC."""
        return int(self._clock)

    def due(self, seconds: float) -> int:
        """The row up to which trades are due."""
        window = self._window
        if math.isinf(self._speed):
            self._row = min(self._row + CHUNK, window.rows)
            self._clock = float(window.time_of(max(0, self._row - 1)))
            self._seconds = seconds
            return self._row
        elapsed, self._seconds = max(0.0, seconds - self._seconds), seconds
        self._clock += elapsed * SECOND_US * self._speed
        if self._row < window.rows:
            coming = window.time_of(self._row)
            if coming > self._clock and self._is_dead(coming):
                self.skipped += int(coming - self._clock)
                self.last_skip = (int(self._clock), coming)
                self._clock = float(coming)
            self._row = max(self._row, window.row_at(int(self._clock) + 1))
        return self._row

    def wait(self, seconds: float) -> float:
        """Wall seconds until the next trade is due; 0 where one is, infinite behind the last."""
        if self._row >= self._window.rows:
            return math.inf
        if math.isinf(self._speed):
            return 0.0
        coming = self._window.time_of(self._row)
        clock = self._clock + max(0.0, seconds - self._seconds) * SECOND_US * self._speed
        if coming <= clock or self._is_dead(coming):
            return 0.0
        return (coming - clock) / (SECOND_US * self._speed)

    def _is_dead(self, coming: int) -> bool:
        """Whether the silence before the next trade is long enough to be skipped."""
        if self._row == 0:
            return True
        since = self._window.time_of(self._row - 1)
        return coming - since > SILENCE_US * max(1.0, self._speed)


def _checked(speed: float) -> float:
    if math.isinf(speed) and speed > 0:
        return speed
    if not SPEEDS[0] <= speed <= SPEEDS[-2]:
        raise UsageError(
            f"a speed of {speed:g}", fix=f"Speeds are {SPEEDS[0]:g} to {SPEEDS[-2]:g}, and max"
        )
    return float(speed)
