"""A finished day's point of control and value area, at one-tick rows."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray


class DayProfile(NamedTuple):
    """Prices of a day's volume profile, in ticks."""

    poc: int
    value_low: int
    value_high: int


def day_profile(price: NDArray[np.int64], lots: NDArray[np.int64]) -> DayProfile | None:
    """The profile of a day's trades, or None where there are none."""
    if not price.size:
        return None
    lowest = int(price.min())
    volume = np.bincount(price - lowest, weights=lots).astype(np.int64)
    poc = _control(volume)
    low, high = _value_area(volume.tolist(), poc)
    return DayProfile(lowest + poc, lowest + low, lowest + high)


def _control(volume: NDArray[np.int64]) -> int:
    """Row with the most volume; of equals, the nearest to the middle, then the lower."""
    rows = np.flatnonzero(volume == volume.max())
    return int(rows[np.argmin(np.abs(2 * rows - (volume.size - 1)))])


def _value_area(volume: list[int], poc: int) -> tuple[int, int]:
    """Rows holding 70 % of the volume, grown from the control row two rows at a time."""
    total = sum(volume)
    low = high = poc
    inside = volume[poc]
    while 100 * inside < 70 * total:
        above = volume[high + 1 : high + 3]
        below = volume[max(0, low - 2) : low]
        if above and sum(above) >= sum(below):
            high += len(above)
            inside += sum(above)
        else:
            low -= len(below)
            inside += sum(below)
    return low, high
