"""The exchange's mark price, minute by minute, and a session's way through it.

An exchange liquidates by its mark price, and lets it trigger stops where one asks for that; its
archive has candles of a minute. What a candle says is used when it is known: its open where it
begins, its close and its extremes where it ends. The extremes count for a position, and for an
order, that was the same all through the minute; one that changed in it is tested against the close.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from orderflow_bt.kernels.orders import MARK_DOWN, MARK_UP, NEVER
from orderflow_bt.sim.assumptions import LiquidateOn, TriggerOn
from orderflow_bt.types import DAY_US, MINUTE_US

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from orderflow_bt.sim.account import Account
    from orderflow_bt.sim.config import SimConfig
    from orderflow_bt.sim.margin import Margin
    from orderflow_bt.sim.state import KernelState

MINUTES = DAY_US // MINUTE_US
DAYS_KEPT = 3  # sessions that share prices are less than a day apart


class Minutes(NamedTuple):
    """A UTC day of the mark price: int64 [1440], in ``10**-decimals`` of the quote currency.

    Attributes:
        known: bool [1440]: which minutes there are.
    """

    known: NDArray[np.bool_]
    open: NDArray[np.int64]
    high: NDArray[np.int64]
    low: NDArray[np.int64]
    close: NDArray[np.int64]
    decimals: int

    @classmethod
    def of(
        cls, minute: NDArray[np.int64], candles: Sequence[NDArray[np.int64]], decimals: int
    ) -> Minutes:
        """A day of those minutes (0 to 1439) that there are; ``candles``: open, high, low, close.

        One without a price is not there.
        """
        priced = (candles[0] > 0) & (candles[2] > 0)
        known = np.zeros(MINUTES, np.bool_)
        known[minute[priced]] = True
        wide = np.zeros((4, MINUTES), np.int64)
        for column, candle in zip(wide, candles, strict=True):
            column[minute[priced]] = candle[priced]
        return cls(known, wide[0], wide[1], wide[2], wide[3], decimals)


NO_MINUTES = Minutes.of(np.zeros(0, np.int64), [np.zeros(0, np.int64)] * 4, 0)


class MarkPrices(ABC):
    """Mark prices by UTC day, shared by every session of a run."""

    def __init__(self) -> None:
        self._days: dict[int, Minutes] = {}

    def __getstate__(self) -> dict[str, Any]:
        return self.__dict__ | {"_days": {}}  # they are read again

    @abstractmethod
    def load(self, day: int) -> Minutes | None:
        """A day, by its number since 1970; None where nothing of it is stored."""

    def day(self, day: int) -> Minutes:
        """As `load`, from memory where it is there."""
        found = self._days.get(day)
        if found is None:
            found = self._days[day] = self.load(day) or NO_MINUTES
            while len(self._days) > DAYS_KEPT:
                del self._days[min(self._days)]
        return found


class Mark(NamedTuple):
    """A mark price, rounded down and up to whole price units of the tape."""

    down: int
    up: int


class Known(NamedTuple):
    """What an edge between two minutes lets be known.

    Attributes:
        extremes: Low and high of the minute that ended there; empty where it is not stored.
        close: Its close; as these.
        open: Open of the minute that begins there; None where that is not stored.
    """

    extremes: tuple[Mark, ...]
    close: tuple[Mark, ...]
    open: Mark | None


class MarkClock:
    """One session's way through the mark prices, from the edge of one minute to the next.

    Args:
        prices: What there is.
        config: Whether they liquidate, and whether they trigger.
        decimals: Of the tape's price units.
        state: Of the kernel, which is told the latest mark price known, where it triggers.

    Attributes:
        liquidates: Whether they do.
        triggers: Whether they do.
        next_time: The next edge that is to be looked at.
        by_last: Whether nothing is known of the minute under way: the last price is tested.
    """

    def __init__(
        self, prices: MarkPrices, config: SimConfig, decimals: int, state: KernelState
    ) -> None:
        self._state = state
        self.liquidates = config.liquidate_on is not LiquidateOn.LAST
        self.triggers = config.trigger_on is TriggerOn.MARK
        self._prices = prices
        self._decimals = decimals
        self._revision = -1  # of the account, when it was last looked at
        self.next_time = self._earliest = NEVER
        self.by_last = True

    def begin(self, time: int) -> None:
        """The next trades begin at ``time``; the first of all begin the walk."""
        if self.next_time == NEVER:
            self.next_time = self._earliest = time // MINUTE_US * MINUTE_US

    def prepare(self, until: int) -> None:
        """Load what will be needed by then, so that no hook waits for a file."""
        if self.next_time != NEVER:
            for day in range((self.next_time - MINUTE_US) // DAY_US, until // DAY_US + 1)[:2]:
                self._prices.day(day)

    def _minute(self, time: int) -> tuple[Minutes, int]:
        """The day of a time, and its minute in it."""
        return self._prices.day(time // DAY_US), time % DAY_US // MINUTE_US

    def look(self, margin: Margin, account: Account) -> bool:
        """Look at the prices around the next edge; whether they liquidate what is held."""
        edge = self.next_time
        was_held = self._revision == account.revision
        self._revision = account.revision
        self.next_time = self._earliest = edge + MINUTE_US
        day, minute = self._minute(edge - MINUTE_US)
        reached = False
        held = account.position if self.liquidates else 0
        if held and day.known[minute]:
            low, high = margin.mark_band(day.decimals)
            lowest, highest = (day.low, day.high) if was_held else (day.close, day.close)
            reached = bool(lowest[minute] <= low or highest[minute] >= high)
        day, minute = self._minute(edge)
        self.by_last = not day.known[minute]
        if held and not self.by_last:
            low, high = margin.mark_band(day.decimals)
            reached = reached or not low < day.open[minute] < high
        return reached

    def known_at(self, edge: int) -> Known:
        """What can be known at an edge, of the minute before it and of the one behind it."""
        before, ended = self._minute(edge - MINUTE_US)
        after, begun = self._minute(edge)
        extremes: tuple[Mark, ...] = ()
        close: tuple[Mark, ...] = ()
        if before.known[ended]:
            extremes = tuple(
                self._in_units(one.item(ended), before.decimals) for one in before[2:4]
            )
            close = (self._in_units(before.close.item(ended), before.decimals),)
        is_open = after.known[begun]
        opened = self._in_units(after.open.item(begun), after.decimals) if is_open else None
        return Known(extremes, close, opened)

    def tell(self, time: int) -> None:
        """Let the kernel know the latest mark price known at ``time``: a trailing stop's start."""
        day, minute = self._minute(time)
        mark = Mark(0, 0)
        if day.known[minute]:
            mark = self._in_units(day.open.item(minute), day.decimals)
        self._state.slots[MARK_DOWN], self._state.slots[MARK_UP] = mark

    def _in_units(self, price: int, decimals: int) -> Mark:
        up, down = 10 ** max(0, self._decimals - decimals), 10 ** max(0, decimals - self._decimals)
        return Mark(price * up // down, -(-price * up // down))

    def skip(
        self, horizon: int, margin: Margin, account: Account, waiting: tuple[int, int] | None
    ) -> None:
        """Pass over edges at which nothing happens, up to the last one by ``horizon``.

        Unless somebody acts (`act`), account and orders stay as they are until then. At most to the
        end of the day. What changed since the last look waits for the next one.

        Args:
            horizon: Microseconds.
            margin: Of what is held.
            account: Which holds it.
            waiting: Prices between which no order is triggered or moved; None where none waits.
        """
        held = self.liquidates and account.position != 0
        day, minute = self._minute(self.next_time)
        steps = min((horizon - self.next_time) // MINUTE_US, MINUTES - 1 - minute)
        if steps <= 0 or (held and self._revision != account.revision):
            return
        if minute == 0 and (held or waiting):
            return
        here, before = slice(minute, minute + steps), slice(minute - 1, minute + steps - 1)
        matters = day.known[here] == self.by_last
        bands = [margin.mark_band(day.decimals)] if held else []
        bands += [self._scaled(waiting, day.decimals)] if waiting else []
        for low, high in bands:
            matters |= day.known[before] & ((day.low[before] <= low) | (day.high[before] >= high))
            matters |= day.known[here] & ((day.open[here] <= low) | (day.open[here] >= high))
        found = np.flatnonzero(matters)
        passed = int(found[0]) if found.size else int(steps)
        self.next_time += passed * MINUTE_US
        if self.triggers and passed:
            self.tell(self.next_time - MINUTE_US)

    def _scaled(self, waiting: tuple[int, int], decimals: int) -> tuple[int, int]:
        """Prices of the tape as marks of so many decimals, none of them further apart."""
        up, down = 10 ** max(0, decimals - self._decimals), 10 ** max(0, self._decimals - decimals)
        low, high = waiting
        low, high = -(-low * up // down), high * up // down
        return max(-NEVER, min(NEVER, low)), max(-NEVER, min(NEVER, high))

    def act(self, now: int) -> None:
        """Somebody acts: edges behind ``now`` that were passed over matter again."""
        soon = max(self._earliest, (now // MINUTE_US + 1) * MINUTE_US)
        if self.triggers and soon < self.next_time:
            self.tell(now)
        self.next_time = min(self.next_time, soon)
