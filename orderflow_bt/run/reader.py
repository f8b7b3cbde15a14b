"""Reads a run's days: what becomes known in each piece of them, on the run's clock."""

from __future__ import annotations

from typing import TYPE_CHECKING

from orderflow_bt.run.clock import Clock

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Mapping

    from orderflow_bt.sim.readings import Readings, Slice
    from orderflow_bt.store import DayInfo, Piece
    from orderflow_bt.types import Trades


class Reader:
    """The days of one run, piece by piece.

    Args:
        readings: What makes bars and events of them; fresh.
        days: Those that it reads, by date.
        end: Where the clock stops, microseconds UTC.
    """

    def __init__(self, readings: Readings, days: Mapping[dt.date, DayInfo], end: int) -> None:
        self.readings = readings
        self._days, self._end = days, end
        self._clock = Clock(end)
        self._nothing: Trades | None = None

    def read(self, piece: Piece) -> Slice | None:
        """What becomes known in a piece of the tape; None where it is not of these days."""
        if piece.day.date not in self._days or self._clock.is_over:
            return None
        trades = self._clock.pass_on(piece.trades)
        if not trades.rows:
            return None
        self._nothing = trades.slice(0, 0)
        if piece.first == 0:
            self.readings.begin_day(piece.day)
        return self.readings.feed(trades, piece)

    def close(self) -> Slice | None:
        """What becomes known when the clock reaches the end; None where nothing was read."""
        if self._nothing is None:
            return None
        return self.readings.close_until(self._end, self._nothing)
