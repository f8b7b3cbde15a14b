"""Exhaustion: the flow that made a bar's extreme dies into it."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

import numpy as np

from orderflow_bt.detectors.base import Detector
from orderflow_bt.detectors.traded import KernelRows, nested, to_events
from orderflow_bt.kernels import emit as e
from orderflow_bt.kernels import exhaustion as k
from orderflow_bt.parameters import param
from orderflow_bt.types import BarSpec, time_bars

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from orderflow_bt.flow import BarBatch
    from orderflow_bt.types import Trades


class Exhaustion(Detector):
    """Aggressive volume that dries up towards a bar's high or low.

    ``fading``: from the extreme inward, ``rows`` rows with strictly growing volume of the side that
    made it. ``thin``: the extreme row's volume of that side is at most ``share`` percent of the
    largest in the bar.

    Event details: ``extreme_volume``, ``largest_volume`` (lots of that side), ``rows`` of the bar.
    """

    name: ClassVar[str] = "exhaustion"
    kinds: ClassVar[tuple[str, ...]] = ("fading", "thin")
    states: ClassVar[tuple[str, ...]] = ("confirmed",)
    detail_names: ClassVar[tuple[str, ...]] = ("extreme_volume", "largest_volume", "rows")

    bars: BarSpec = param(time_bars("5m"), help="bars to read")
    kind: str = param("fading", choices=("fading", "thin"), help="which of the two")
    rows: int = param(5, ge=2, le=100, help="rows that must grow; least rows of a thin one's bar")
    share: int = param(10, ge=0, le=100, help="percent of the largest row, for thin ones")
    ticks_per_row: int = param(1, ge=1, help="height of a row, in ticks")

    def __init__(self, *args: object, **kwargs: object) -> None:
        super().__init__(*args, **kwargs)
        self._rows = KernelRows()
        self._grouped: NDArray[np.int64] = np.zeros((64, 5), np.int64)

    @property
    def lookback(self) -> int:
        """A bar."""
        return self.bars.lookback(1)

    def read(self, trades: Trades, bars: BarBatch, _gaps: NDArray[np.int64]) -> NDArray[np.int64]:
        """Read both ends of the bars that closed."""
        most = int(np.diff(bars.cell_start).max(initial=0))
        if most > len(self._grouped):
            self._grouped = np.zeros((most, 5), np.int64)
        row_size = nested(self.ticks_per_row * self.tick, bars)
        rows = self._rows
        out = rows.read(
            lambda: k.find_exhausted(
                bars.bars, bars.cells, bars.cell_start, row_size, self.rows, self.kind == "thin",
                self.share, self._grouped, rows.state, rows.out,
            )
        )  # fmt: skip
        number = self.kinds.index(self.kind)
        return to_events(out, trades, (e.A, e.B, e.C), kind=number, bars=bars, spec=self.bars)
