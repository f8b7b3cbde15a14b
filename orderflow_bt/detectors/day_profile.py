"""Volume by price of one day, and the levels it leaves behind."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from orderflow_bt.errors import OrderflowError
from orderflow_bt.kernels.zones import add_volume

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from orderflow_bt.types import Trades

MOST_ROWS = 1 << 24


class DayProfile:
    """Dense rows of volume that grow with the day's range.

    Args:
        row_size: Height of a row, in price units.
    """

    def __init__(self, row_size: int) -> None:
        self._row_size = row_size
        self._volume: NDArray[np.int64] = np.zeros(0, np.int64)
        self._origin = 0

    def add(self, trades: Trades) -> None:
        """Take in some of the day's trades."""
        done = 0
        while done < trades.rows:
            done = add_volume(
                trades.price, trades.qty, self._row_size, self._origin, done, self._volume
            )
            if done < trades.rows:
                rest = trades.price[done:]
                self._grow(int(rest.min()) // self._row_size, int(rest.max()) // self._row_size)

    def _grow(self, low: int, high: int) -> None:
        old, end = self._origin, self._origin + len(self._volume)
        if len(self._volume):
            low, high = min(low, old), max(high, end - 1)
        rows = high - low + 1
        if 2 * rows > MOST_ROWS:
            raise OrderflowError(
                f"a day spans {rows:,} rows; the limit is {MOST_ROWS // 2:,}",
                fix="Raise the detector's ticks_per_row",
            )
        origin = low - rows // 2
        volume = np.zeros(2 * rows + 64, np.int64)
        volume[old - origin : end - origin] = self._volume
        self._origin, self._volume = origin, volume

    def levels(self) -> tuple[int, int, int]:
        """Rows of the point of control, and of the value area's low and high.

        See "Point of control" in ``docs/definitions.md``; the value area grows from it by the
        larger pair of rows, above on a tie, until it holds 70 % of the volume.
        """
        traded = np.flatnonzero(self._volume)
        if not traded.size:
            return self._origin, self._origin, self._origin
        first = int(traded[0])
        volume = self._volume[first : int(traded[-1]) + 1].tolist()
        poc = _point_of_control(volume)
        low, high = _value_area(volume, poc)
        base = self._origin + first
        return base + poc, base + low, base + high


def _point_of_control(volume: list[int]) -> int:
    most, top = max(volume), len(volume) - 1
    tied = [row for row, amount in enumerate(volume) if amount == most]
    nearest = min(abs(2 * row - top) for row in tied)
    tied = [row for row in tied if abs(2 * row - top) == nearest]
    if len(tied) == 1:
        return tied[0]
    below = sum(amount for row, amount in enumerate(volume) if 2 * row < top)
    above = sum(amount for row, amount in enumerate(volume) if 2 * row > top)
    return tied[1] if above > below else tied[0]


def _value_area(volume: list[int], poc: int) -> tuple[int, int]:
    low = high = poc
    total, held = sum(volume), volume[poc]
    while 100 * held < 70 * total:
        above, below = sum(volume[high + 1 : high + 3]), sum(volume[max(0, low - 2) : low])
        if high < len(volume) - 1 and (above >= below or low == 0):
            held += above
            high = min(high + 2, len(volume) - 1)
        else:
            held += below
            low = max(low - 2, 0)
    return low, high
