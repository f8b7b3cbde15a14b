"""Keeps the bars of one specification, and every event, for the run folder."""

from __future__ import annotations

from typing import TYPE_CHECKING

from orderflow_bt.flow.events import DETAILS
from orderflow_bt.sim.shelf import Rows
from orderflow_bt.types import Bar, time_bars

if TYPE_CHECKING:
    from collections.abc import Sequence

    from orderflow_bt.flow.events import EventWords
    from orderflow_bt.sim.readings import Slice
    from orderflow_bt.sim.shelf import Shelf
    from orderflow_bt.types import BarSpec

MARKING_BARS = time_bars("1h")  # on which equity is marked where a strategy reads no bars
_CLOSE = Bar._fields.index("close_time")


class Recorder:
    """Watches what becomes known from ``start`` on.

    Args:
        spec: Of the bars; None: there are none.
        start: Microseconds UTC.
        shelf: Where they are kept; None: in memory.

    Attributes:
        bars: Those that closed, int64 [bars, fields of `Bar`].
        events: The columns of `EventColumns` that every event has, int64 [events, DETAILS].
        words: What the numbers of events mean, by their source.
    """

    def __init__(self, spec: BarSpec | None, start: int, shelf: Shelf | None = None) -> None:
        self.spec = spec
        self._start = start
        self.bars = Rows(len(Bar._fields), shelf)
        self.events = Rows(DETAILS, shelf)
        self.words: Sequence[EventWords] = ()

    def hear(self, piece: Slice) -> None:
        """Take in what a session is about to be told."""
        if len(piece.events):
            self.words = piece.events.words
            self.events.add(piece.events.since(self._start).rows[:, :DETAILS])

    def observe(self, piece: Slice) -> None:
        """Take in what a session has just lived through."""
        batch = piece.moments.batch_of(self.spec)
        if batch is not None:
            self.bars.add(batch.bars[batch.bars[:, _CLOSE] > self._start])
