"""Imbalance zones: where one side overwhelmed the other, and what the price does on its return."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

import numpy as np

from orderflow_bt.detectors.base import Detector
from orderflow_bt.detectors.traded import KernelRows, to_event
from orderflow_bt.flow.events import Event
from orderflow_bt.flow.imbalance import CausalMinimum, diagonal, horizontal
from orderflow_bt.flow.rows import regroup
from orderflow_bt.kernels import zones as k
from orderflow_bt.kernels.emit import STATE, A, B, C
from orderflow_bt.parameters import exact, param
from orderflow_bt.types import BarSpec, time_bars

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from orderflow_bt.flow.views import Footprint
    from orderflow_bt.types import Bar, Trades

_STATES = ("created", "armed", "retested", "held", "invalidated", "expired")
_MEDIAN_BARS = 50


class ImbalanceZones(Detector):
    """Rows in which one side overwhelmed the other, watched until the price comes back to them.

    ``stack``: at least ``least`` neighbouring rows with an imbalance of one side, at ``ratio``.
    ``cells``: any such rows, those at most ``gap`` rows apart merged; meant for a ratio of 10. The
    zone reaches from the low edge of its lowest row to the high edge of its highest.

    ``created`` at the bar's close; ``armed`` when the price has left it by its height or ``leave``
    rows; ``retested`` by the first trade back in it; ``held`` when the price then leaves it by its
    height; ``invalidated`` by a trade beyond its far edge by a quarter of its height or 2 ticks, at
    any time; ``expired`` ``age`` bars after its own. See ``docs/detectors.md``.

    Event details: ``made_at`` (open time of its bar), ``rows``, ``retests``, ``bar_delta``,
    ``furthest`` (furthest price since it was armed), and ``trade_id`` where a trade made it known.
    """

    name: ClassVar[str] = "imbalance_zones"

    bars: BarSpec = param(time_bars("5m"), help="bars whose footprints make zones")
    source: str = param("stack", choices=("stack", "cells"), help="what makes a zone")
    ratio: float = param(3.0, ge=1, le=1000, help="least multiple: 3 is three to one")
    compare: str = param("diagonal", choices=("diagonal", "horizontal"), help="which rows meet")
    least: int = param(3, ge=1, help="rows of a stack")
    gap: int = param(1, ge=0, help="rows apart that are still merged, for cells")
    floor: int = param(0, ge=0, help="least volume of an imbalance in lots, beside the median")
    leave: int = param(4, ge=1, help="least rows to leave by before a return counts")
    retests: int = param(1, ge=1, le=1000, help="returns that are reported")
    age: int = param(96, ge=1, le=100_000, help="bars until it expires")
    ticks_per_row: int = param(1, ge=1, help="height of a row, in ticks")

    def __init__(self, *args: object, **kwargs: object) -> None:
        super().__init__(*args, **kwargs)
        self._rows = KernelRows()
        self._zones: NDArray[np.int64] = np.zeros((64, k.ZONE_FIELDS), np.int64)
        self._live = 0
        self._minimum = CausalMinimum(_MEDIAN_BARS, self.floor)
        ratio = exact(self.ratio).limit_denominator(10**6)
        self._ratio = (ratio.numerator, ratio.denominator)

    @property
    def lookback(self) -> int:
        """The life of a zone, and the bars that its least volume comes from."""
        return self.bars.lookback(self.age + _MEDIAN_BARS + 1)

    def on_trades(self, trades: Trades) -> Iterator[tuple[int, Event]]:
        """Follow the zones there are."""
        if not self._live:
            return
        if self._live * 4 > len(self._rows.out):
            self._rows.out = np.resize(self._rows.out, (8 * self._live, self._rows.out.shape[1]))
        for record in self._rows.read(lambda: self._call(trades), None):
            zone = self._zones[record[A]]
            details = self._details(zone) | {"retests": record[B], "furthest": record[C]}
            yield to_event(
                trades,
                record,
                detector=self.name,
                kind=self.source,
                state=_STATES[record[STATE]],
                details=details,
                scale=self.ratio,
            )

    def _call(self, trades: Trades) -> int:
        return k.follow_zones(
            trades.price, self.retests, self._live, self._zones, self._rows.state, self._rows.out
        )

    def on_footprint(self, footprint: Footprint) -> Iterator[Event]:
        """Age the zones, then make those of the closed bar."""
        bar = footprint.bar
        zones = self._zones[: self._live]
        zones[:, k.BARS] += 1
        for zone in zones[(zones[:, k.STAGE] < k.INVALIDATED) & (zones[:, k.BARS] > self.age)]:
            yield self._of_bar(zone, bar, "expired")
        keep = (zones[:, k.STAGE] < k.INVALIDATED) & (zones[:, k.BARS] <= self.age)
        kept = zones[keep]
        self._live = len(kept)
        self._zones[: self._live] = kept
        cells = regroup(footprint.cells, self.ticks_per_row * self.tick)
        minimum = self._minimum.value
        compare = diagonal if self.compare == "diagonal" else horizontal
        if len(cells):
            for side, flags in zip((1, -1), compare(cells, self._ratio, minimum), strict=True):
                if flags.any():
                    for first, last in self._runs(flags):
                        yield self._of_bar(self._add(cells, first, last, side, bar), bar, "created")
        self._minimum.push(cells)

    def _runs(self, flags: NDArray[np.bool_]) -> list[tuple[int, int]]:
        """First and last row of each zone that marked rows make."""
        marked = np.flatnonzero(flags)
        apart = 1 if self.source == "stack" else self.gap + 1
        edges = np.flatnonzero(np.diff(marked) > apart)
        firsts = [marked[0], *marked[edges + 1]]
        lasts = [*marked[edges], marked[-1]]
        least = self.least if self.source == "stack" else 1
        return [(int(a), int(b)) for a, b in zip(firsts, lasts, strict=True) if b - a + 1 >= least]

    def _add(
        self, cells: NDArray[np.int64], first: int, last: int, side: int, bar: Bar
    ) -> NDArray[np.int64]:
        if self._live == len(self._zones):
            self._zones = np.resize(self._zones, (2 * self._live, k.ZONE_FIELDS))
        row = self.ticks_per_row * self.tick
        low, high = int(cells[first, 0]), int(cells[last, 0]) + row
        step = side if self.compare == "diagonal" else 0
        strong = [int(v) for v in cells[first : last + 1, 2 if side > 0 else 1]]
        weak = [
            int(cells[r - step, 1 if side > 0 else 2])
            for r in range(first, last + 1)
            if 0 <= r - step < len(cells)
        ]
        zone: NDArray[np.int64] = self._zones[self._live]
        zone[:] = 0
        zone[k.STAGE], zone[k.SIDE], zone[k.LOW], zone[k.HIGH] = k.CREATED, side, low, high
        zone[k.LEAVE] = max(high - low, self.leave * row)
        zone[k.REACT] = high - low
        zone[k.ROOM] = max(2 * self.tick, -((low - high) // 4))
        zone[k.MADE_AT], zone[k.DELTA] = bar.open_time, bar.delta
        zone[k.ROWS] = last - first + 1
        zone[k.EXTREME] = bar.close
        zone[k.STRONG] = sum(strong)
        zone[k.WEAK] = max(1, sum(weak))
        self._live += 1
        return zone

    def _details(self, zone: NDArray[np.int64]) -> dict[str, int]:
        return {
            "made_at": int(zone[k.MADE_AT]),
            "rows": int(zone[k.ROWS]),
            "retests": int(zone[k.RETESTS]),
            "bar_delta": int(zone[k.DELTA]),
            "furthest": int(zone[k.EXTREME]),
        }

    def _of_bar(self, zone: NDArray[np.int64], bar: Bar, state: str) -> Event:
        return Event(
            known_at=bar.close_time,
            detector=self.name,
            kind=self.source,
            direction=int(zone[k.SIDE]),
            state=state,
            price=bar.close,
            price_low=int(zone[k.LOW]),
            price_high=int(zone[k.HIGH]),
            strength=int(zone[k.STRONG]) / int(zone[k.WEAK]) / self.ratio,
            spans_gap=bar.is_gap,
            details=self._details(zone),
        )
