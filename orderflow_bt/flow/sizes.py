"""How large trades are: a distribution that is fed a tape in pieces."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from orderflow_bt.errors import UsageError

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from orderflow_bt.types import Trades

_STEPS = 16  # classes an octave: a class is at most 1/16 wide
_CLASSES = 64 * _STEPS


class SizeClass(NamedTuple):
    """Trades whose quantity lies in ``[low, high)``, in lots.

    Attributes:
        low: Least quantity.
        high: First quantity above.
        trades: How many there were.
        buy_volume: Their aggressive buys, in lots.
        sell_volume: Their aggressive sells.
    """

    low: int
    high: int
    trades: int
    buy_volume: int
    sell_volume: int


class SizeDistribution:
    """Counts and volumes by trade size, in classes a sixteenth of an octave wide.

    Sizes below 32 lots have a class each. Counts and volumes are exact; a quantile is exact to the
    width of its class. However the tape is cut, the result is the same.
    """

    def __init__(self) -> None:
        self._counts = np.zeros(_CLASSES, np.int64)
        self._volumes = np.zeros((2, _CLASSES), np.int64)

    def feed(self, trades: Trades) -> None:
        """Take in the next trades."""
        classes = _class_of(trades.qty)
        self._counts += np.bincount(classes, minlength=_CLASSES)
        np.add.at(self._volumes, ((trades.side > 0).astype(np.int64), classes), trades.qty)

    @property
    def trades(self) -> int:
        """How many trades there were."""
        return int(self._counts.sum())

    def classes(self) -> list[SizeClass]:
        """The classes that hold trades, smallest first."""
        edges = _edges()
        return [
            SizeClass(
                edges[k], edges[k + 1], int(self._counts[k]),
                int(self._volumes[1, k]), int(self._volumes[0, k]),
            )
            for k in np.flatnonzero(self._counts).tolist()
        ]  # fmt: skip

    def quantile(self, share: float) -> int:
        """Largest quantity of the class that holds the smallest ``share`` of the trades.

        Raises:
            UsageError: The share is not within 0 to 1, or nothing was fed.
        """
        if not 0 <= share <= 1 or not self.trades:
            raise UsageError(f"the {share} quantile of {self.trades} trades")
        rank = max(1, int(np.ceil(share * self.trades)))
        k = int(np.searchsorted(np.cumsum(self._counts), rank))
        return _edges()[k + 1] - 1


def _class_of(qty: NDArray[np.int64]) -> NDArray[np.int64]:
    """Class of each quantity: its octave, and the four bits after the leading one."""
    octave = np.frexp(qty.astype(np.float64))[1] - 1  # may round up beyond 2**53
    octave -= (qty >> np.minimum(octave, 62)) == 0
    octave = np.maximum(octave, 4).astype(np.int64)
    classes: NDArray[np.int64] = (octave - 4) * _STEPS + (qty >> (octave - 4))
    return classes


def _edges() -> list[int]:
    """First quantity of each class, and of the one after the last."""
    edges = list(range(2 * _STEPS))
    while len(edges) <= _CLASSES:
        octave = len(edges) // _STEPS - 1
        edges += [(_STEPS + step) << octave for step in range(_STEPS)]
    return edges
