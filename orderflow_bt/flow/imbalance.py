"""Where one side of the footprint overwhelmed the other.

A row is a *buy imbalance* if its ask volume is at least ``ratio`` times the bid volume one row
below (diagonal: the two meet across the spread), a *sell imbalance* if its bid volume is at least
``ratio`` times the ask volume one row above. See "Imbalance" in ``docs/definitions.md``.
"""

from __future__ import annotations

from enum import IntEnum
from typing import TYPE_CHECKING

import numpy as np

from orderflow_bt.errors import UsageError
from orderflow_bt.kernels import imbalance as kernels
from orderflow_bt.kernels.rolling import pooled_median

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from orderflow_bt.flow.batch import BarBatch

Flags = tuple["NDArray[np.bool_]", "NDArray[np.bool_]"]

DETECTION_RATIO = (3, 1)
ENTRY_RATIO = (10, 1)


class ZeroPolicy(IntEnum):
    """What no volume on the weaker side means."""

    COUNT = kernels.COUNT  # an infinite ratio: one side ran unopposed
    SKIP = kernels.SKIP  # no imbalance
    AS_ONE = kernels.AS_ONE  # one lot


def diagonal(
    cells: NDArray[np.int64],
    ratio: tuple[int, int] = DETECTION_RATIO,
    min_volume: int = 0,
    zero: ZeroPolicy = ZeroPolicy.COUNT,
) -> Flags:
    """Buy and sell imbalances against the neighbouring row.

    The partner row must lie inside the bar: its low row is never a buy imbalance, its high row
    never a sell imbalance.

    Args:
        cells: int64 [rows, 5] of one bar, dense, lowest price first.
        ratio: Exact multiple as (numerator, denominator): (3, 1) is three to one, (5, 2) is 2.5.
        min_volume: Least volume of the dominant side, in lots.
        zero: What no volume on the weaker side means.

    Returns:
        Two bool arrays, one flag a row: buy, sell.

    Raises:
        UsageError: The ratio is not positive, or its terms pass 2**31.
    """
    return _flags(cells, ratio, min_volume, zero, step=1)


def horizontal(
    cells: NDArray[np.int64],
    ratio: tuple[int, int] = DETECTION_RATIO,
    min_volume: int = 0,
    zero: ZeroPolicy = ZeroPolicy.COUNT,
) -> Flags:
    """Buy and sell imbalances inside each row; arguments and errors as for `diagonal`."""
    return _flags(cells, ratio, min_volume, zero, step=0)


def longest_run(flags: NDArray[np.bool_]) -> int:
    """Length of the longest stack: consecutive rows that are all marked."""
    longest = run = 0
    for flag in flags.tolist():
        run = run + 1 if flag else 0
        longest = max(longest, run)
    return longest


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

    def __init__(self, window: int = 50, floor: int = 0) -> None:
        if window < 1 or floor < 0:
            raise UsageError(
                f"window {window}, floor {floor}",
                fix="Take a window of 1 or more and no negative floor",
            )
        self.floor = floor
        self._window = window
        self._pools = np.zeros(1 << 12, np.int64)  # a ring of sorted runs, one a bar
        self._edges = np.zeros((window, 2), np.int64)
        self._bars = 0
        self._end = 0
        self._value: int | None = None
        self._median = 1

    @property
    def value(self) -> int:
        """The least volume for the bar that is closing now, in lots.

        A median half-way between two volumes is rounded up: a whole volume reaches the one
        exactly when it reaches the other.
        """
        if self._value is None:
            runs = self._edges[: min(self._bars, self._window)]
            self._median = int(pooled_median(self._pools, runs, self._median))
            self._value = max(self.floor, self._median)
        return self._value

    def push(self, cells: NDArray[np.int64]) -> None:
        """A bar has closed with these cells; the next value counts it."""
        sides = cells[:, 1:3]
        run = np.sort(sides[sides > 0])
        if self._end + len(run) > len(self._pools):
            self._make_room(len(run))
        self._pools[self._end : self._end + len(run)] = run
        self._edges[self._bars % self._window] = self._end, self._end + len(run)
        self._end += len(run)
        self._bars += 1
        self._value = None

    def _make_room(self, length: int) -> None:
        """Move the runs that still count to the front of a pool twice their size."""
        oldest = self._bars % self._window if self._bars >= self._window else None
        if oldest is not None:  # about to be replaced
            self._edges[oldest] = 0
        runs = [self._pools[a:b] for a, b in self._edges.tolist()]
        pools = np.zeros(max(1 << 12, 2 * (sum(map(len, runs)) + length)), np.int64)
        self._end = 0
        for k, run in enumerate(runs):
            pools[self._end : self._end + len(run)] = run
            self._edges[k] = self._end, self._end + len(run)
            self._end += len(run)
        self._pools = pools

    def over(self, batch: BarBatch) -> list[int]:
        """The value for each bar of a batch, pushing them in turn."""
        values = []
        for k in range(len(batch)):
            values.append(self.value)
            self.push(batch.bar_cells(k))
        return values


def _flags(
    cells: NDArray[np.int64],
    ratio: tuple[int, int],
    min_volume: int,
    zero: ZeroPolicy,
    *,
    step: int,
) -> Flags:
    numerator, denominator = ratio
    if not (0 < numerator <= 2**31 and 0 < denominator <= 2**31):
        raise UsageError(
            f"an imbalance ratio of {numerator}:{denominator}", fix="Give positive terms, as (3, 1)"
        )
    buy = np.zeros(cells.shape[0], dtype=np.bool_)
    sell = np.zeros(cells.shape[0], dtype=np.bool_)
    kernels.flag_imbalances(cells, numerator, denominator, min_volume, int(zero), step, buy, sell)
    return buy, sell
