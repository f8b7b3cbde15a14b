"""What the open part of a position cost: at its weighted-average entry, exactly."""

from __future__ import annotations

from math import gcd
from typing import TYPE_CHECKING

import numpy as np

from orderflow_bt.kernels import records as r
from orderflow_bt.sim.rounding import half_even

if TYPE_CHECKING:
    from collections.abc import Callable
    from fractions import Fraction

    from numpy.typing import NDArray

    from orderflow_bt.sim.logs import FillLog

FEW = 32  # fills, taken in one by one
LARGEST_PARTS = 1 << 512  # of the entry value's denominator, which no sane position comes near


class Entry:
    """Worth of a position's open part at its entry prices, from fill to fill.

    Args:
        worth_of: What lots are worth at a price, in units: an integer, or a fraction.

    Attributes:
        worth: That worth, times ...
        parts: ... this.
    """

    def __init__(self, worth_of: Callable[[int, int], int | Fraction]) -> None:
        self._worth_of = worth_of
        self.worth: int | Fraction = 0
        self.parts = 1
        self._held = 0
        self._followed = 0  # fills of a log

    def follow(self, log: FillLog) -> None:
        """Take in the fills since."""
        if self._followed == log.written:
            return
        rows = log.rows(self._followed, log.written)[:, r.F_SIDE : r.F_PRICE + 1]
        self._followed = log.written
        if len(rows) > FEW:
            rows = self._since_opened(rows)
        for side, lots, price in rows.tolist():
            self.add(side, lots, price)

    def _since_opened(self, rows: NDArray[np.int64]) -> NDArray[np.int64]:
        """Those of the fills since the position was last opened; before them it is not held."""
        after = self._held + np.cumsum(rows[:, 0] * rows[:, 1])
        before = np.concatenate(([self._held], after[:-1]))
        opened = np.flatnonzero((np.sign(before) != np.sign(after)) | (before == 0))
        first = int(opened[-1]) if len(opened) else 0
        self._held = int(before[first])
        return rows[first:]

    def add(self, side: int, lots: int, price: int) -> None:
        """Add a fill."""
        before = self._held
        self._held = after = before + side * lots
        if before == 0 or before * after <= 0:  # opened, closed, or reversed
            self.worth, self.parts = self._worth_of(price, abs(after)) if after else 0, 1
        elif before * side > 0:
            self.worth += self._worth_of(price, lots) * self.parts
        else:
            self._release(abs(after), abs(before))

    def _release(self, kept: int, held: int) -> None:
        """Keep ``kept`` of ``held`` lots, at their average entry."""
        if not isinstance(self.worth, int):
            self.worth = self.worth * kept / held
            return
        worth, parts = self.worth * kept, self.parts * held
        common = gcd(worth, parts)
        if parts // common > LARGEST_PARTS:  # a position that is never flat: bound its memory
            worth, parts, common = half_even(worth << 256, parts), 1 << 256, 1
        self.worth, self.parts = worth // common, parts // common
