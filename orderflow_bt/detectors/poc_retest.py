"""Retests of a past trading session's point of control."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

import numpy as np

from orderflow_bt.detectors.base import Detector
from orderflow_bt.detectors.traded import TRADE_ID, KernelRows, to_events
from orderflow_bt.flow.events import stack
from orderflow_bt.flow.profile import ProfileBuilder
from orderflow_bt.flow.sessions import UTC_DAY, TradingSession
from orderflow_bt.kernels import emit as e
from orderflow_bt.kernels import levels as k
from orderflow_bt.parameters import param
from orderflow_bt.types import DAY_US, BarSpec, time_bars

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from orderflow_bt.flow import BarBatch
    from orderflow_bt.types import Trades


class PocRetest(Detector):
    """The price returns to the final point of control of one of the last sessions.

    A session is a UTC day, or the trading session that ``session`` names; its point of control is
    known at the first trade after its end. ``armed`` when the price has moved away by half the
    session's value area or ``away`` rows, on a side; ``touch`` by the first trade within ``touch``
    rows of it; then ``rejected`` when the price is back out of that band by ``back`` rows on the
    side it came from (it may be armed again), ``accepted`` after ``closes`` closes in a row beyond
    the band's far side, or ``expired`` after ``days`` days or ``touches`` touches that were turned
    away. The direction is the side it was armed on: down from below; for ``accepted`` the other.
    See ``docs/readings/poc-retest.md``.

    Event details: ``poc``, ``day`` (start of its session, microseconds), ``touches``, ``furthest``
    (extreme of the leg that left it), and ``trade_id`` where a trade made it known.
    """

    name: ClassVar[str] = "poc_retest"
    reads_rows: ClassVar[bool] = False
    kinds: ClassVar[tuple[str, ...]] = ("day",)
    states: ClassVar[tuple[str, ...]] = ("armed", "touch", "rejected", "accepted", "expired")
    detail_names: ClassVar[tuple[str, ...]] = ("poc", "day", "touches", "furthest", "trade_id")

    bars: BarSpec = param(time_bars("1m"), help="bars whose closes accept a level")
    session: str = param("", help="as 09:30-16:00/America/New_York; empty is the UTC day")
    away: int = param(8, ge=1, help="least rows away that arm it")
    touch: int = param(2, ge=0, help="rows around the point of control that touch it")
    back: int = param(4, ge=1, help="rows back out that reject it")
    closes: int = param(2, ge=1, help="closes beyond it that accept it")
    touches: int = param(3, ge=1, help="touches after which it expires")
    days: int = param(5, ge=1, le=365, help="days it lives")
    ticks_per_row: int = param(1, ge=1, help="height of a row, in ticks")

    def __init__(self, *args: object, **kwargs: object) -> None:
        super().__init__(*args, **kwargs)
        self._rows = KernelRows(k.STATE_SLOTS)
        self._levels: NDArray[np.int64] = np.zeros((self.days + 2, k.LEVEL_FIELDS), np.int64)
        self._hours = TradingSession.parse(self.session) if self.session else UTC_DAY
        self._profile: ProfileBuilder | None = None
        self._began = 0  # of the session that the profile is of
        self._until = -(2**63)  # the next time at which a session begins or ends
        self._settings: NDArray[np.int64] = np.zeros(k.SETTING_SLOTS, np.int64)

    @property
    def lookback(self) -> int:
        """The days a level lives, and the one that made it."""
        return (self.days + 1 + bool(self.session)) * DAY_US

    @property
    def follows_from_tape(self) -> bool:
        """Not with a trading session: its time zone's rules are the system's."""
        return not self.session

    @property
    def _row(self) -> int:
        return self.ticks_per_row * self.tick

    def read(self, trades: Trades, bars: BarBatch, _gaps: NDArray[np.int64]) -> NDArray[np.int64]:
        """Follow the levels there are; where a session has ended, add its own."""
        self._settings[:] = self._row, self.touch, self.back, self.closes, self.touches
        parts, start = [], 0
        closes = np.ascontiguousarray(bars.bars[:, 5])
        rows = self._rows
        rows.state[e.NEXT] = rows.state[e.NEXT_BAR] = 0
        while start < trades.rows:
            time = int(trades.time[start])
            if time >= self._until:
                parts.append(self._follow(trades, start, closes, bars.at))
                parts.append(self._turn(time, trades, start))
            stop = int(np.searchsorted(trades.time, self._until))
            parts.append(self._follow(trades, stop, closes, bars.at))
            if self._profile is not None:
                self._profile.add(trades.slice(start, stop))
            start = stop
        parts.append(self._follow(trades, trades.rows, closes, bars.at))
        details = (e.A, e.B, e.C, e.D, TRADE_ID)
        return to_events(stack(parts, e.OUT_FIELDS), trades, details, bars=bars, spec=self.bars)

    def _follow(
        self, trades: Trades, stop: int, closes: NDArray[np.int64], at: NDArray[np.int64]
    ) -> NDArray[np.int64]:
        rows = self._rows
        return rows.run(
            lambda: k.read_levels(
                trades.price, stop, closes, at, self._settings, self._levels, rows.state, rows.out
            )
        )

    def _turn(self, time: int, trades: Trades, start: int) -> NDArray[np.int64]:
        """A session has begun or ended before a trade: levels expire, and its own is added."""
        state, said = self._rows.state, []
        price = int(trades.price[start])
        levels = self._levels[: state[k.LIVE]]
        bounds = self._hours.at(time)
        began = bounds[0] if bounds else time
        for level in levels:
            if level[k.STAGE] != k.DONE_WITH and self._age(level[k.BEGAN], began) > self.days:
                level[k.STAGE] = k.DONE_WITH
                said.append(self._expired(level, start, price))
        kept = levels[levels[:, k.STAGE] != k.DONE_WITH]
        live = len(kept)
        self._levels[:live] = kept
        if self._profile is not None and self._age(self._began, began) <= self.days:
            area = self._profile.profile().value_area()
            low, high = area.val // self._row, area.vah // self._row
            level = self._levels[live]
            level[:] = 0
            level[k.ROW] = area.poc // self._row
            level[k.AWAY] = max(-((low - high) // 2), self.away)
            level[k.BEGAN] = self._began
            live += 1
        state[k.LIVE] = live
        self._profile = ProfileBuilder(self._row) if bounds else None
        self._began = began
        self._until = min(edge for edge in self._hours.edges(time, time) if edge > time)
        return np.array(said, np.int64).reshape(-1, e.OUT_FIELDS)

    @staticmethod
    def _age(began: int, now: int) -> int:
        """Days from one session's start to another's, whatever clocks have changed between."""
        return (now - int(began) + DAY_US // 2) // DAY_US

    def _expired(self, level: NDArray[np.int64], row: int, price: int) -> list[int]:
        low = (int(level[k.ROW]) - self.touch) * self._row
        record = [0] * e.OUT_FIELDS
        record[e.ROW], record[e.BAR], record[e.STATE] = row, -1, k.EXPIRED
        record[e.DIRECTION], record[e.PRICE] = int(level[k.WAY]) or 1, price
        record[e.LOW], record[e.HIGH] = low, low + (2 * self.touch + 1) * self._row
        record[e.ABOVE] = record[e.LEAST] = 1
        record[e.SINCE] = record[e.B] = int(level[k.BEGAN])
        record[e.A], record[e.C] = int(level[k.ROW]) * self._row, int(level[k.TOUCHES])
        record[e.D] = int(level[k.EXTREME])
        return record
