"""Bars that stand out by how much, or how fast, was traded in them."""

from __future__ import annotations

from math import log1p
from statistics import fmean, median, pstdev
from typing import TYPE_CHECKING, ClassVar

from orderflow_bt.detectors.base import Detector
from orderflow_bt.detectors.moments import Trailing
from orderflow_bt.flow.events import Event
from orderflow_bt.parameters import param
from orderflow_bt.types import BarSpec, time_bars

if TYPE_CHECKING:
    from collections.abc import Iterator

    from orderflow_bt.types import Bar


class VolumeSpike(Detector):
    """A bar whose volume stands out from the bars before it.

    ``z = (V - mean) / standard deviation`` over the ``window`` closed bars *before* it, with the
    population's deviation; 0 where they do not vary. The direction is the sign of the bar's delta
    (of its body where that is 0, up where both are).

    Event details: ``volume``, ``delta``, ``count``.
    """

    name: ClassVar[str] = "volume_spike"

    bars: BarSpec = param(time_bars("1m"), help="bars to read")
    least: float = param(3.0, gt=0, help="least z-score")
    window: int = param(100, ge=2, le=10_000, help="closed bars before it")
    scale: str = param(
        "plain", choices=("plain", "log", "mad"), help="volume, its logarithm, or median and MAD"
    )

    def __init__(self, *args: object, **kwargs: object) -> None:
        super().__init__(*args, **kwargs)
        self._before = Trailing(self.window)

    @property
    def lookback(self) -> int:
        """The bars before it, and one."""
        return self.bars.lookback(self.window + 1)

    def measure(self, bar: Bar) -> int:
        """What is compared."""
        return bar.volume

    def on_bar(self, bar: Bar) -> Iterator[Event]:
        """Judge a bar by those before it."""
        value = self.measure(bar)
        if self._before.is_full:
            z = self._score(value)
            if z >= self.least:
                yield Event(
                    known_at=bar.close_time,
                    detector=self.name,
                    kind="spike",
                    direction=1 if (bar.delta or bar.close - bar.open) >= 0 else -1,
                    state="confirmed",
                    price=bar.close,
                    price_low=bar.low,
                    price_high=bar.high,
                    strength=z / self.least,
                    spans_gap=bar.is_gap,
                    details={"volume": bar.volume, "delta": bar.delta, "count": bar.count},
                )
        self._before.push(value)

    def _score(self, value: int) -> float:
        if self.scale == "plain":
            return self._before.score(value)
        values = self._before.values
        if self.scale == "log":
            logs = [log1p(before) for before in values]
            spread = pstdev(logs)
            return (log1p(value) - fmean(logs)) / spread if spread else 0.0
        middle = median(values)
        spread = 1.4826 * median(abs(before - middle) for before in values)
        return (value - middle) / spread if spread else 0.0


class TapeSpeed(VolumeSpike):
    """Trading that runs faster than in the intervals before: fills a bar, judged as volume is.

    Event details: ``volume``, ``delta``, ``count`` (fills).
    """

    name: ClassVar[str] = "tape_speed"

    bars: BarSpec = param(time_bars("10s"), help="intervals over which fills are counted")
    window: int = param(360, ge=2, le=10_000, help="closed intervals before it")

    def measure(self, bar: Bar) -> int:
        """Fills in the interval."""
        return bar.count
