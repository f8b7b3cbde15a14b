"""Volume clusters: windows of rows and bars that hold more than such windows held before."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from orderflow_bt.errors import UsageError
from orderflow_bt.flow.minimum import VolumePool

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from orderflow_bt.flow.views import Footprint


class Cluster(NamedTuple):
    """A window of rows over the latest bars, known at the close of the last of them."""

    known_at: int
    price_low: int
    price_high: int  # the first price above it
    bid: int
    ask: int
    fills: int
    threshold: int  # the volume it had to reach


@dataclass(frozen=True, slots=True)
class ClusterFilter:
    """What else a cluster must be; the defaults let every one pass.

    Attributes:
        least_delta: Least absolute delta in hundredths of its volume.
        least_average: Least lots a fill.
        from_extreme: Most rows between it and the nearer of the bars' high and low; None is any.
    """

    least_delta: int = 0
    least_average: int = 0
    from_extreme: int | None = None


ANY = ClusterFilter()


class ClusterSearch:
    """Finds windows whose volume reaches a quantile of earlier ones, or a fixed amount.

    The quantile is the smallest volume that at least that share of the windows of the same shape
    in the previous ``history`` closed bars did not exceed; until there are so many bars, nothing
    is found.

    Args:
        rows: Height of the window, in rows.
        bars: Its width, in bars.
        quantile: As (numerator, denominator).
        history: How many closed bars it is taken over.
        least: A fixed volume in lots, in place of the quantile.
        only: What else is asked of a cluster.

    Raises:
        UsageError: A size is not positive, or the quantile does not lie between 0 and 1.
    """

    def __init__(
        self,
        rows: int = 1,
        bars: int = 1,
        *,
        quantile: tuple[int, int] = (99, 100),
        history: int = 500,
        least: int | None = None,
        only: ClusterFilter = ANY,
    ) -> None:
        if min(rows, bars, history) < 1 or not 0 < quantile[0] <= quantile[1]:
            raise UsageError(
                f"clusters of {rows} rows x {bars} bars over {history} bars, quantile {quantile}",
                fix="Take positive sizes and a quantile such as (99, 100)",
            )
        self._rows = rows
        self._quantile = quantile
        self._least = least
        self._only = only
        self._latest: deque[Footprint] = deque(maxlen=bars)
        self._history = history
        self._past = VolumePool(history)

    @property
    def threshold(self) -> int | None:
        """The volume that a window of the next bar must reach; None while warming up."""
        if self._least is not None:
            return self._least
        if self._past.bars < self._history:
            return None
        return self._past.quantile(*self._quantile)

    def push(self, footprint: Footprint) -> list[Cluster]:
        """A bar closed; the clusters that end with it, lowest price first."""
        self._latest.append(footprint)
        threshold = self.threshold
        first, sums = self._windows(footprint.row_size)
        volumes = sums[:, 0] + sums[:, 1]
        found = []
        if threshold is not None and len(self._latest) == self._latest.maxlen:
            for row in np.flatnonzero((volumes >= threshold) & (volumes > 0)).tolist():
                bid, ask, *counts = sums[row].tolist()
                low = (first + row) * footprint.row_size
                cluster = Cluster(
                    footprint.bar.close_time, low, low + self._rows * footprint.row_size,
                    bid, ask, sum(counts), threshold,
                )  # fmt: skip
                if self._passes(cluster, row, len(sums)):
                    found.append(cluster)
        self._past.push(np.ascontiguousarray(volumes))
        return found

    def _passes(self, cluster: Cluster, row: int, windows: int) -> bool:
        only, volume = self._only, cluster.bid + cluster.ask
        return (
            100 * abs(cluster.ask - cluster.bid) >= only.least_delta * volume
            and volume >= only.least_average * cluster.fills
            and (only.from_extreme is None or min(row, windows - 1 - row) <= only.from_extreme)
        )

    def _windows(self, row_size: int) -> tuple[int, NDArray[np.int64]]:
        """Row of the lowest window, and the four sums of each."""
        traded = [footprint for footprint in self._latest if len(footprint)]
        if not traded or len(self._latest) < (self._latest.maxlen or 0):
            return 0, np.zeros((0, 4), dtype=np.int64)
        first = min(int(footprint.cells[0, 0]) for footprint in traded) // row_size
        last = max(int(footprint.cells[-1, 0]) for footprint in traded) // row_size
        sums = np.zeros((last - first + 1, 4), dtype=np.int64)
        for footprint in traded:
            begin = int(footprint.cells[0, 0]) // row_size - first
            sums[begin : begin + len(footprint)] += footprint.cells[:, 1:]
        count = len(sums) - self._rows + 1
        if count < 1:
            return first, np.zeros((0, 4), dtype=np.int64)
        return first, sum(
            (sums[k : k + count] for k in range(self._rows)), np.zeros_like(sums[:count])
        )
