"""Keeps the footprints around the first entries, so that a report can draw them."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING

import numpy as np

from orderflow_bt.types import Bar

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from orderflow_bt.sim.readings import ClosedBar, Slice
    from orderflow_bt.sim.session import Session
    from orderflow_bt.types import BarSpec

TRIPS = 6
BARS_BEFORE = 10
BARS_AFTER = 3
MOST_BARS = 36


class Recorder:
    """Watches a session's bars of one specification.

    What it keeps follows from the times of bars, entries and exits alone, not from how the tape
    was cut.
    """

    def __init__(self, session: Session, spec: BarSpec | None) -> None:
        self._session = session
        self._spec = spec
        self._recent: deque[ClosedBar] = deque(maxlen=BARS_BEFORE + 1)
        self._kept: dict[int, list[ClosedBar]] = {}  # by round trip
        self._whole: set[int] = set()  # round trips of which everything is kept
        self._bars: list[NDArray[np.int64]] = []

    def observe(self, piece: Slice) -> None:
        """Take in what the session has just lived through."""
        for moment in piece.moments:
            for closed in moment.bars:
                if closed.spec == self._spec:
                    self._take(closed)

    def _take(self, closed: ClosedBar) -> None:
        bar = closed.bar
        if bar.close_time > self._session.start:
            self._bars.append(closed.batch.bars[closed.row])
        self._recent.append(closed)
        for trip, entry, left in self._session.trips.times(TRIPS):
            kept = self._kept.get(trip)
            if kept is None:
                # a time bar ends before the trades of its close time, an activity bar behind them
                if bar.open_time <= entry < bar.close_time + (not closed.spec.is_time):
                    self._kept[trip] = list(self._recent)
                continue
            if trip in self._whole:
                continue
            after = sum(left is not None and row.bar.open_time > left for row in kept)
            if after < BARS_AFTER and len(kept) < MOST_BARS:
                kept.append(closed)
            else:
                self._whole.add(trip)

    def bars(self) -> NDArray[np.int64]:
        """int64 [bars, fields of `Bar`] since the window began."""
        return np.array(self._bars, np.int64).reshape(-1, len(Bar._fields))

    def footprints(self) -> NDArray[np.int64]:
        """int64 [rows, 7]: round trip, open time, low price, bid, ask, bid count, ask count."""
        parts = []
        for trip, kept in self._kept.items():
            for closed in kept:
                cells = closed.footprint.cells
                part = np.empty((len(cells), 7), np.int64)
                part[:, 0] = trip
                part[:, 1] = closed.bar.open_time
                part[:, 2:] = cells
                parts.append(part)
        return np.concatenate(parts) if parts else np.empty((0, 7), np.int64)
