"""A rolling median of volumes, and the least volume of an imbalance that follows it.

See ``docs/readings/imbalance.md``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from orderflow_bt.errors import UsageError
from orderflow_bt.kernels import median

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from orderflow_bt.flow.batch import BarBatch

MEDIAN_BARS = 50  # that a least volume looks back on


class VolumePool:
    """Arrays of a rolling median of bars' volumes (see `orderflow_bt.kernels.median`).

    Args:
        window: How many bars it looks back on.
    """

    def __init__(self, window: int) -> None:
        self._pool = np.zeros(1 << 12, np.int64)
        self._edges = np.zeros(window, np.int64)
        self._counts = np.zeros(median.BUCKETS, np.int64)
        self._marks = np.zeros(median.MARKS, np.int64)

    @property
    def arrays(
        self,
    ) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]:
        """What kernels take, in their order."""
        return self._pool, self._edges, self._counts, self._marks

    def median(self) -> int:
        """Median of the bars' positive volumes, one half-way rounded up; 0 before there are."""
        return int(median.pool_median(self._pool, self._counts, self._marks))

    @property
    def bars(self) -> int:
        """How many bars have been pushed."""
        return int(self._marks[median.BARS])

    def quantile(self, numerator: int, denominator: int) -> int | None:
        """The smallest value that at least such a share does not exceed; None of nothing."""
        n = int(self._marks[median.LAST] - self._marks[median.FIRST])
        if n == 0:
            return None
        rank = max(-(-n * numerator // denominator) - 1, 0)
        return int(median.select(rank, self._pool, self._counts, self._marks))

    def push(self, values: NDArray[np.int64]) -> None:
        """Take in the values of a bar, zeros included."""
        self.make_room(-(-len(values) // 2))
        median.push_values(values, *self.arrays)

    def make_room(self, rows: int) -> None:
        """Let the next bar have so many rows."""
        marks, size = self._marks, len(self._pool)
        while int(marks[median.LAST] - marks[median.FIRST]) + 2 * rows > size:
            size *= 2
        if size > len(self._pool):
            at = np.arange(marks[median.FIRST], marks[median.LAST])
            pool = np.zeros(size, np.int64)
            pool[at & (size - 1)] = self._pool[at & (len(self._pool) - 1)]
            self._pool = pool


class CausalMinimum:
    """A least volume that follows the market and never knows the bar it judges.

    The median of the non-zero cell sides (each row's bid and ask volume) over the bars before, and
    an absolute floor under it. Before the first bar it is the floor alone.

    Args:
        window: How many closed bars the median looks back on. A bar without trades counts.
        floor: Least volume, in lots, whatever the median says.

    Raises:
        UsageError: The window is not positive, or the floor is negative.
    """

    def __init__(self, window: int = MEDIAN_BARS, floor: int = 0) -> None:
        if window < 1 or floor < 0:
            raise UsageError(
                f"window {window}, floor {floor}",
                fix="Take a window of 1 or more and no negative floor",
            )
        self.floor = floor
        self._pool = VolumePool(window)

    @property
    def value(self) -> int:
        """The least volume for the bar that is closing now, in lots.

        A median half-way between two volumes is rounded up: a whole volume reaches the one
        exactly when it reaches the other.
        """
        return max(self.floor, self._pool.median())

    def push(self, cells: NDArray[np.int64]) -> None:
        """A bar has closed with these cells; the next value counts it."""
        self._pool.make_room(len(cells))
        median.push_run(cells, *self._pool.arrays)

    def over(self, batch: BarBatch) -> list[int]:
        """The value for each bar of a batch, pushing them in turn."""
        values = []
        for k in range(len(batch)):
            values.append(self.value)
            self.push(batch.bar_cells(k))
        return values
