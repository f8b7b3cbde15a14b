"""The clock of a run: one for all days, which stands still rather than go back."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterator

    from orderflow_bt.store import Piece
    from orderflow_bt.types import Trades


class Clock:
    """Lets trades before ``end`` pass, never backwards, over a day's edge either.

    Attributes:
        is_over: Whether a trade at or after ``end`` has come.
    """

    def __init__(self, end: int) -> None:
        self._end = end
        self._now = 0
        self.is_over = False

    def pass_on(self, trades: Trades) -> Trades:
        """The next trades that come before the end, perhaps none."""
        time = trades.time
        if trades.rows and time[0] < self._now:
            time = np.maximum(time, self._now)
        stop = trades.rows  # mostly; looking for the end would touch many pages of a mapped day
        if stop and time[-1] >= self._end:
            stop = int(np.searchsorted(time, self._end))
        if stop:
            self._now = int(time[stop - 1])
        self.is_over = stop < trades.rows
        return trades._replace(time=time).slice(0, stop)


def clocked(chunks: Iterator[Trades], end: int) -> Iterator[Trades]:
    """Trades before ``end`` on one clock."""
    clock = Clock(end)
    for trades in chunks:
        passed = clock.pass_on(trades)
        if passed.rows:
            yield passed
        if clock.is_over:
            return


def clocked_pieces(pieces: Iterator[Piece], end: int) -> Iterator[Piece]:
    """As `clocked`; the extremes of a piece that is cut are those of the whole piece."""
    clock = Clock(end)
    for piece in pieces:
        passed = clock.pass_on(piece.trades)
        if passed.rows:
            yield piece._replace(trades=passed)
        if clock.is_over:
            return
