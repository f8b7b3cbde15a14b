"""The clock of a run: one for all days, which stands still rather than go back."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterator

    from orderflow_bt.store import Piece
    from orderflow_bt.types import Trades


def clocked(chunks: Iterator[Trades], end: int) -> Iterator[Trades]:
    """Trades before ``end``, on a clock that never runs backwards over a day's edge either."""
    clock = 0
    for trades in chunks:
        time = trades.time
        if trades.rows and time[0] < clock:
            time = np.maximum(time, clock)
        stop = int(np.searchsorted(time, end))
        if stop:
            clock = int(time[stop - 1])
            yield trades._replace(time=time).slice(0, stop)
        if stop < trades.rows:
            return


def clocked_pieces(pieces: Iterator[Piece], end: int) -> Iterator[Piece]:
    """As `clocked`; the extremes of a piece that is cut are those of the whole piece."""
    latest: list[Piece] = []

    def chunks() -> Iterator[Trades]:
        for piece in pieces:
            latest[:] = [piece]
            yield piece.trades

    for trades in clocked(chunks(), end):
        yield latest[0]._replace(trades=trades)
