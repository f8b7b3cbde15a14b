"""Imbalance zones: where one side overwhelmed the other, and what the price does on its return."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

import numpy as np

from orderflow_bt.detectors.base import Detector
from orderflow_bt.detectors.traded import TRADE_ID, KernelRows, nested, to_events
from orderflow_bt.flow.minimum import MEDIAN_BARS, VolumePool
from orderflow_bt.kernels import emit as e
from orderflow_bt.kernels import zones as k
from orderflow_bt.parameters import exact, param
from orderflow_bt.types import BarSpec, time_bars

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from orderflow_bt.flow import BarBatch
    from orderflow_bt.types import Trades


class ImbalanceZones(Detector):
    """Rows in which one side overwhelmed the other, watched until the price comes back to them.

    ``stack``: at least ``least`` neighbouring rows with an imbalance of one side, at ``ratio``.
    ``cells``: any such rows, those at most ``gap`` rows apart merged; meant for a ratio of 10. The
    zone reaches from the low edge of its lowest row to the high edge of its highest.

    ``created`` at the bar's close; ``armed`` when the price has left it by its height or ``leave``
    rows; ``retested`` by the first trade back in it; ``held`` when the price then leaves it by its
    height; ``invalidated`` by a trade beyond its far edge by a quarter of its height or 2 ticks, at
    any time; ``expired`` ``age`` bars after its own. See ``docs/readings/imbalance-zones.md``.

    Event details: ``made_at`` (open time of its bar), ``rows``, ``retests``, ``bar_delta``,
    ``furthest`` (furthest price since it was armed), and ``trade_id`` where a trade made it known.
    """

    name: ClassVar[str] = "imbalance_zones"
    kinds: ClassVar[tuple[str, ...]] = ("stack", "cells")
    states: ClassVar[tuple[str, ...]] = (
        "created", "armed", "retested", "held", "invalidated", "expired",
    )  # fmt: skip
    detail_names: ClassVar[tuple[str, ...]] = (
        "made_at", "rows", "retests", "bar_delta", "furthest", "trade_id",
    )  # fmt: skip

    bars: BarSpec = param(time_bars("5m"), help="bars whose footprints make zones")
    source: str = param("stack", choices=("stack", "cells"), help="what makes a zone")
    ratio: float = param(3.0, ge=1, le=1000, help="least multiple: 3 is three to one")
    compare: str = param("diagonal", choices=("diagonal", "horizontal"), help="which rows meet")
    least: int = param(3, ge=1, help="rows of a stack")
    gap: int = param(1, ge=0, help="rows apart that are still merged, for cells")
    floor: int = param(0, ge=0, help="least volume of an imbalance in lots, beside the median")
    share: int = param(15, ge=0, le=100, help="least percent of its bar's volume in a zone's rows")
    leave: int = param(4, ge=1, help="least rows to leave by before a return counts")
    retests: int = param(1, ge=1, le=1000, help="returns that are reported")
    age: int = param(96, ge=1, le=100_000, help="bars until it expires")
    ticks_per_row: int = param(1, ge=1, help="height of a row, in ticks")

    def __init__(self, *args: object, **kwargs: object) -> None:
        super().__init__(*args, **kwargs)
        self._rows = KernelRows(k.STATE_SLOTS)
        self._zones: NDArray[np.int64] = np.zeros((64, k.ZONE_FIELDS), np.int64)
        self._flagged: NDArray[np.int64] = np.zeros((64, 5), np.int64)
        self._pool = VolumePool(MEDIAN_BARS)
        self._settings: NDArray[np.int64] = np.zeros(k.SETTING_SLOTS, np.int64)
        self._kind = self.kinds.index(self.source)

    @property
    def lookback(self) -> int:
        """The life of a zone, and the bars that its least volume comes from."""
        return self.bars.lookback(self.age + MEDIAN_BARS + 1)

    def begin(self, tick: int) -> None:
        """Take the tape's tick."""
        super().begin(tick)
        ratio = exact(self.ratio).limit_denominator(10**6)
        least, apart = (self.least, 1) if self.source == "stack" else (1, self.gap + 1)
        self._settings[:] = (
            self.ticks_per_row * tick, tick, self.compare == "diagonal", ratio.numerator,
            ratio.denominator, self.floor, self.share, least, apart, self.leave, self.retests,
            self.age,
        )  # fmt: skip

    def read(self, trades: Trades, bars: BarBatch, _gaps: NDArray[np.int64]) -> NDArray[np.int64]:
        """What becomes of zones in the piece, and the zones of the bars that close in it."""
        if not self._settings[k.ROW_SIZE]:
            self.begin(self.tick)
        nested(int(self._settings[k.ROW_SIZE]), bars)
        most = int(np.diff(bars.cell_start).max(initial=0))
        if most > len(self._flagged):
            self._flagged = np.zeros((most, 5), np.int64)
        out = self._rows.read(lambda: self._call(trades, bars), lambda: self._grow(bars))
        details = (e.A, e.B, e.C, e.D, e.E, TRADE_ID)
        return to_events(
            out, trades, details, kind=self._kind, scale=self.ratio, bars=bars, spec=self.bars
        )

    def _call(self, trades: Trades, bars: BarBatch) -> int:
        return k.read_zones(
            trades.price, bars.bars, bars.at, bars.cells, bars.cell_start, self._settings,
            self._zones, self._flagged, *self._pool.arrays, self._rows.state, self._rows.out,
        )  # fmt: skip

    def _grow(self, bars: BarBatch) -> None:
        """Room for the zones and the volumes of the next bar."""
        at, live = int(self._rows.state[e.NEXT_BAR]), int(self._rows.state[k.LIVE])
        rows = int(bars.cell_start[at + 1] - bars.cell_start[at])
        if live + rows > len(self._zones):
            zones = np.zeros((2 * (live + rows), k.ZONE_FIELDS), np.int64)
            zones[:live] = self._zones[:live]
            self._zones = zones
        self._pool.make_room(rows)
