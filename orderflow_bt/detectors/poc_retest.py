"""Retests of a past day's point of control."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, ClassVar

import numpy as np

from orderflow_bt.detectors.base import Detector
from orderflow_bt.detectors.traded import KernelRows, to_event
from orderflow_bt.flow.events import Event
from orderflow_bt.flow.profile import ProfileBuilder
from orderflow_bt.kernels import zones as k
from orderflow_bt.kernels.emit import STATE, A, B, C, D
from orderflow_bt.parameters import param
from orderflow_bt.types import DAY_US, BarSpec, time_bars

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from orderflow_bt.types import Bar, Trades

_STATES = ("armed", "touch", "rejected")


class PocRetest(Detector):
    """The price returns to the final point of control of one of the last UTC days.

    ``armed`` when the price has moved away by half the day's value area or ``away`` rows, on a
    side; ``touch`` by the first trade within ``touch`` rows of it; then ``rejected`` when the price
    is back out of that band by ``back`` rows on the side it came from (it may be armed again),
    ``accepted`` after ``closes`` closes in a row beyond the band's far side, or ``expired``
    after ``days`` days or ``touches`` touches that were turned away. The direction is the side it
    was armed on: down from below; for ``accepted`` the other. See ``docs/detectors.md``.

    Event details: ``poc``, ``day`` (its start, microseconds), ``touches``, ``furthest`` (extreme
    of the leg that left it), and ``trade_id`` where a trade made it known.
    """

    name: ClassVar[str] = "poc_retest"

    bars: BarSpec = param(time_bars("1m"), help="bars whose closes accept a level")
    away: int = param(8, ge=1, help="least rows away that arm it")
    touch: int = param(2, ge=0, help="rows around the point of control that touch it")
    back: int = param(4, ge=1, help="rows back out that reject it")
    closes: int = param(2, ge=1, help="closes beyond it that accept it")
    touches: int = param(3, ge=1, help="touches after which it expires")
    days: int = param(5, ge=1, le=365, help="days it lives")
    ticks_per_row: int = param(1, ge=1, help="height of a row, in ticks")

    def __init__(self, *args: object, **kwargs: object) -> None:
        super().__init__(*args, **kwargs)
        self._rows = KernelRows()
        self._levels: NDArray[np.int64] = np.zeros((self.days + 1, k.LEVEL_FIELDS), np.int64)
        self._live = 0
        self._profile: ProfileBuilder | None = None
        self._day: int | None = None

    @property
    def lookback(self) -> int:
        """The days a level lives, and the one that made it."""
        return (self.days + 1) * DAY_US

    @property
    def _row(self) -> int:
        return self.ticks_per_row * self.tick

    def on_trades(self, trades: Trades) -> Iterator[tuple[int, Event]]:
        """Follow the levels there are; at a day's first trade, add the day before."""
        start = 0
        while start < trades.rows:
            day = int(trades.time[start]) // DAY_US
            stop = int(np.searchsorted(trades.time, (day + 1) * DAY_US))
            if day != self._day:
                yield from ((start, event) for event in self._turn(day, trades, start))
            piece = trades if stop - start == trades.rows else trades.slice(start, stop)
            for row, event in self._follow(piece):
                yield start + row, event
            assert self._profile is not None
            self._profile.add(piece)
            start = stop

    def _follow(self, trades: Trades) -> Iterator[tuple[int, Event]]:
        if not self._live:
            return
        for record in self._rows.read(lambda: self._call(trades), None):
            level = self._levels[record[A]]
            details = self._details(level) | {
                "poc": record[D], "touches": record[B], "furthest": record[C],
            }  # fmt: skip
            yield to_event(
                trades, record, detector=self.name, kind="day", state=_STATES[record[STATE]],
                details=details,
            )  # fmt: skip
            if record[STATE] == k.SAID_REJECTED and record[B] >= self.touches:
                yield to_event(
                    trades, record, detector=self.name, kind="day", state="expired",
                    details=details,
                )  # fmt: skip

    def _call(self, trades: Trades) -> int:
        return k.follow_levels(
            trades.price, self._row, self.touch, self.back, self.touches, self._live, self._levels,
            self._rows.state, self._rows.out,
        )  # fmt: skip

    def on_bar(self, bar: Bar) -> Iterator[Event]:
        """Count closes beyond the levels that have been touched."""
        row = bar.close // self._row
        for level in self._levels[: self._live]:
            if level[k.L_STAGE] != k.TOUCHED:
                continue
            beyond = int(level[k.L_WAY]) * (row - int(level[k.L_ROW])) < -self.touch
            level[k.L_CLOSES] = level[k.L_CLOSES] + 1 if beyond else 0
            if level[k.L_CLOSES] >= self.closes:
                level[k.L_STAGE] = k.DONE_WITH
                yield self._event(
                    level, bar.close_time, bar.close, "accepted", -int(level[k.L_WAY]),
                    spans_gap=bar.is_gap,
                )  # fmt: skip

    def _turn(self, day: int, trades: Trades, start: int) -> Iterator[Event]:
        """A new day has its first trade: levels expire, and the day before becomes one."""
        time, price = int(trades.time[start]), int(trades.price[start])
        levels = self._levels[: self._live]
        for level in levels:
            if level[k.L_STAGE] != k.DONE_WITH and day - level[k.L_DAY] > self.days:
                level[k.L_STAGE] = k.DONE_WITH
                event = self._event(level, time, price, "expired", int(level[k.L_WAY]) or 1)
                yield replace(event, details={**event.details, "trade_id": int(trades.id[start])})
        kept = levels[levels[:, k.L_STAGE] != k.DONE_WITH]
        self._live = len(kept)
        self._levels[: self._live] = kept
        if self._profile is not None and self._day is not None and day - self._day <= self.days:
            area = self._profile.profile().value_area()
            low, high = area.val // self._row, area.vah // self._row
            level = self._levels[self._live]
            level[:] = 0
            level[k.L_ROW] = area.poc // self._row
            level[k.L_AWAY] = max(-((low - high) // 2), self.away)
            level[k.L_DAY] = self._day
            level[k.L_LOW], level[k.L_HIGH] = low, high
            self._live += 1
        self._profile = ProfileBuilder(self._row)
        self._day = day

    def _details(self, level: NDArray[np.int64]) -> dict[str, int]:
        return {
            "poc": int(level[k.L_ROW]) * self._row,
            "day": int(level[k.L_DAY]) * DAY_US,
            "touches": int(level[k.L_TOUCHES]),
            "furthest": int(level[k.L_EXTREME]),
        }

    def _event(
        self,
        level: NDArray[np.int64],
        time: int,
        price: int,
        state: str,
        direction: int,
        *,
        spans_gap: bool = False,
    ) -> Event:
        low = (int(level[k.L_ROW]) - self.touch) * self._row
        return Event(
            known_at=time,
            detector=self.name,
            kind="day",
            direction=direction,
            state=state,
            price=price,
            price_low=low,
            price_high=low + (2 * self.touch + 1) * self._row,
            strength=1.0,
            spans_gap=spans_gap,
            details=self._details(level),
        )
