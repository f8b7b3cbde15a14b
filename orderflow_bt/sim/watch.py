"""Gathers detectors' events of a piece of tape, and gives them in the order of knowing."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from orderflow_bt.flow import events as ev
from orderflow_bt.flow.events import NO_EVENTS, EventColumns, stack

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from orderflow_bt.flow import BarBatch
    from orderflow_bt.sim.shared import Source
    from orderflow_bt.types import BarSpec, Trades


class Watch:
    """Feeds detectors bars and trades in turn, as each becomes known.

    Args:
        sources: The detectors, as each is read: other watches may share them.
        number_from: Events known earlier belong to the warm-up and get no number.
    """

    def __init__(self, sources: Sequence[Source], *, number_from: int = 0) -> None:
        self._number_from = number_from
        self._count = 0
        self._gap_until: int = ev.ABSENT  # time of the trade behind the last gap before the piece
        self._sources = list(sources)
        self._turn = 0  # pieces so far

    @property
    def is_kept(self) -> bool:
        """Whether no detector need read."""
        return all(source.is_kept for source in self._sources)

    @property
    def can_be_kept(self) -> bool:
        """Whether every detector is one whose events are kept, once all days are read."""
        return all(source.kept is not None for source in self._sources)

    def begin_day(self, date: dt.date | None) -> None:
        """The next piece is the first of a stored day; None: the clock alone goes on."""
        for source in self._sources:
            source.begin_day(self._turn + 1, date)

    def end_day(self) -> None:
        """No day follows."""
        for source in self._sources:
            source.end_day()

    def read(
        self,
        trades: Trades,
        batches: Mapping[BarSpec, BarBatch],
        gaps: NDArray[np.int64],
    ) -> EventColumns:
        """What becomes known in a piece of tape.

        Args:
            trades: The piece.
            batches: Bars that closed in it, of every specification that a detector reads.
            gaps: Rows of the piece before which trades are missing, ascending.
        """
        self._turn += 1
        found = []
        for number, source in enumerate(self._sources):
            bars = source.detector.bars
            rows = source.read(self._turn, trades, None if bars is None else batches[bars], gaps)
            if len(rows):
                found.append(rows.copy())  # the other watches number them otherwise
                found[-1][:, ev.SOURCE] = number
        latest = self._gap_until
        if len(gaps):
            self._gap_until = int(trades.time[gaps[-1]])
        if not found:
            return NO_EVENTS
        rows = stack(found)
        if len(found) > 1:  # each one's own are in order already; sorting is stable
            rows = rows[np.lexsort((rows[:, ev.BARS], rows[:, ev.KNOWN_AT], rows[:, ev.AT]))]
        if latest != ev.ABSENT or len(gaps):
            _flag_gaps(rows, trades, gaps, latest)
        numbered = rows[:, ev.KNOWN_AT] >= self._number_from
        count = int(numbered.sum())
        rows[:, ev.ID] = -1
        rows[numbered, ev.ID] = np.arange(self._count, self._count + count)
        self._count += count
        return EventColumns(rows, [source.words for source in self._sources])


def _flag_gaps(
    rows: NDArray[np.int64], trades: Trades, gaps: NDArray[np.int64], before: int
) -> None:
    """Mark events between whose SINCE and KNOWN_AT trades are missing."""
    ends = np.concatenate(([before], trades.time[gaps]))  # of the last gap before each event
    latest = ends[np.searchsorted(gaps, rows[:, ev.AT], side="left")]
    rows[:, ev.SPANS_GAP] |= (rows[:, ev.SINCE] != ev.ABSENT) & (latest > rows[:, ev.SINCE])
