"""Exhaustion: the flow that made a bar's extreme dies into it."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING, ClassVar

from orderflow_bt.detectors.base import Detector
from orderflow_bt.flow.events import Event
from orderflow_bt.flow.rows import regroup
from orderflow_bt.parameters import param
from orderflow_bt.types import BarSpec, time_bars

if TYPE_CHECKING:
    from collections.abc import Iterator

    from orderflow_bt.flow.views import Footprint


class Exhaustion(Detector):
    """Aggressive volume that dries up towards a bar's high or low.

    ``fading``: from the extreme inward, ``rows`` rows with strictly growing volume of the side that
    made it. ``thin``: the extreme row's volume of that side is at most ``share`` percent of the
    largest in the bar.

    Event details: ``extreme_volume``, ``largest_volume`` (lots of that side), ``rows`` of the bar.
    """

    name: ClassVar[str] = "exhaustion"

    bars: BarSpec = param(time_bars("5m"), help="bars to read")
    kind: str = param("fading", choices=("fading", "thin"), help="which of the two")
    rows: int = param(5, ge=2, le=100, help="rows that must grow; least rows of a thin one's bar")
    share: int = param(10, ge=0, le=100, help="percent of the largest row, for thin ones")
    ticks_per_row: int = param(1, ge=1, help="height of a row, in ticks")

    @property
    def lookback(self) -> int:
        """A bar."""
        return self.bars.lookback(1)

    def on_footprint(self, footprint: Footprint) -> Iterator[Event]:
        """Read both ends of a bar."""
        cells = regroup(footprint.cells, self.ticks_per_row * self.tick)
        if len(cells) < self.rows:
            return
        bar = footprint.bar
        for column, outward, extreme in ((2, 1, bar.high), (1, -1, bar.low)):
            inward = cells[::-outward, column].tolist()
            first, largest = inward[0], max(inward)
            if self.kind == "fading":
                near = inward[: self.rows]
                found = all(a < b for a, b in pairwise(near))
                strength = near[-1] / first if first else float(near[-1])
            else:
                found = largest > 0 and 100 * first <= self.share * largest
                strength = self.share * largest / (100 * first) if first else float(largest)
            if found:
                yield Event(
                    known_at=bar.close_time,
                    detector=self.name,
                    kind=self.kind,
                    direction=-outward,
                    state="confirmed",
                    price=extreme,
                    price_low=bar.low,
                    price_high=bar.high,
                    strength=strength,
                    spans_gap=bar.is_gap,
                    details={
                        "extreme_volume": first, "largest_volume": largest, "rows": len(cells),
                    },
                )  # fmt: skip
