"""Bars that stand out by how much, or how fast, was traded in them."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

import numpy as np

from orderflow_bt.detectors import scored as bar
from orderflow_bt.detectors.base import Detector
from orderflow_bt.detectors.scored import Scores, bar_events, delta_of
from orderflow_bt.errors import UsageError
from orderflow_bt.parameters import param
from orderflow_bt.types import DAY_US, BarSpec, time_bars

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from orderflow_bt.flow import BarBatch
    from orderflow_bt.types import Trades


class VolumeSpike(Detector):
    """A bar whose volume stands out from the bars before it.

    ``z = (V - mean) / standard deviation`` over the ``window`` closed bars *before* it, with the
    population's deviation; 0 where they do not vary. ``against=minute_of_day`` compares it with the
    bars of the same time of day of the ``days`` days before instead, so that a market's daily
    rhythm is no spike. The direction is the sign of the bar's delta (of its body where that is 0,
    up where both are).

    Event details: ``volume``, ``delta``, ``count``.
    """

    name: ClassVar[str] = "volume_spike"
    reads_rows: ClassVar[bool] = False
    kinds: ClassVar[tuple[str, ...]] = ("spike",)
    states: ClassVar[tuple[str, ...]] = ("confirmed",)
    detail_names: ClassVar[tuple[str, ...]] = ("volume", "delta", "count")

    bars: BarSpec = param(time_bars("1m"), help="bars to read")
    least: float = param(3.0, gt=0, help="least z-score")
    window: int = param(100, ge=2, le=10_000, help="closed bars before it")
    scale: str = param(
        "plain", choices=("plain", "log", "mad"), help="volume, its logarithm, or median and MAD"
    )
    against: str = param(
        "bars", choices=("bars", "minute_of_day"), help="the bars before, or of that time of day"
    )
    days: int = param(20, ge=2, le=365, help="days before it, against the minute of day")
    floor: int = param(0, ge=0, help="least volume of an event (fills, of tape_speed)")

    def __init__(self, *args: object, **kwargs: object) -> None:
        super().__init__(*args, **kwargs)
        if self.against == "bars":
            self._scores = Scores(self.window, self.scale)
            return
        if not self.bars.is_time or DAY_US % self.bars.size:
            raise UsageError(
                f"bars of {self.bars} have no time of day",
                fix="Take time bars that divide a day, or against=bars",
            )
        self._scores = Scores(self.days, self.scale, DAY_US // self.bars.size)

    @property
    def lookback(self) -> int:
        """The bars before it, and one."""
        if self.against == "bars":
            return self.bars.lookback(self.window + 1)
        return (self.days + 1) * DAY_US

    def measure(self, bars: NDArray[np.int64]) -> NDArray[np.int64]:
        """What is compared, of bars as columns."""
        return bars[:, bar.VOLUME]

    def read(self, _trades: Trades, bars: BarBatch, _gaps: NDArray[np.int64]) -> NDArray[np.int64]:
        """Judge the bars that closed by those before each."""
        slots = None
        if self.against != "bars":
            slots = bars.bars[:, bar.OPEN_TIME] % DAY_US // self.bars.size
        values = np.ascontiguousarray(self.measure(bars.bars))
        z = self._scores.push(values, slots)
        chosen = np.flatnonzero((z >= self.least) & (values >= self.floor))
        theirs = bars.bars[chosen]
        delta = delta_of(theirs)
        lean = np.where(delta != 0, delta, theirs[:, bar.CLOSE] - theirs[:, bar.OPEN])
        return bar_events(
            bars, self.bars, chosen,
            direction=np.where(lean >= 0, 1, -1),
            strength=z[chosen] / self.least,
            details=(theirs[:, bar.VOLUME], delta, theirs[:, bar.COUNT]),
        )  # fmt: skip


class TapeSpeed(VolumeSpike):
    """Trading that runs faster than in the intervals before: fills a bar, judged as volume is.

    Event details: ``volume``, ``delta``, ``count`` (fills).
    """

    name: ClassVar[str] = "tape_speed"

    bars: BarSpec = param(time_bars("10s"), help="intervals over which fills are counted")
    least: float = param(5.0, gt=0, help="least z-score")
    window: int = param(360, ge=2, le=10_000, help="closed intervals before it")
    floor: int = param(20, ge=0, help="least fills of an event")

    def measure(self, bars: NDArray[np.int64]) -> NDArray[np.int64]:
        """Fills in the interval."""
        return bars[:, bar.COUNT]
