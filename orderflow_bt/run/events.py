"""What a detector sees in a window of stored days."""

from __future__ import annotations

from typing import TYPE_CHECKING

from orderflow_bt.run.clock import clocked_pieces
from orderflow_bt.run.window import find_window
from orderflow_bt.sim import Readings
from orderflow_bt.sim.kept import FlowCache
from orderflow_bt.store import resolve_instrument

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Iterator

    from orderflow_bt.detectors import Detector
    from orderflow_bt.flow.events import EventColumns
    from orderflow_bt.store import Lake
    from orderflow_bt.types import TapeId


class EventWindow:
    """A detector's events known in ``[start, end)``, read a piece of tape at a time.

    Reading begins as much earlier as the detector's look-back asks, as far as consecutive days are
    stored. Missing days and trades are read over; bars around them say GAP.

    Args:
        lake: Where the days are stored.
        tape: Whose trades.
        detector: Fresh; it reads once.
        start: First microsecond.
        end: First microsecond after.

    Attributes:
        instrument: Units of the tape.
        missing: Days of the window that are not stored.
        short_by: Look-back that is not stored, in microseconds.

    Raises:
        CoverageError: No day of the window is stored.
    """

    def __init__(self, lake: Lake, tape: TapeId, detector: Detector, start: int, end: int) -> None:
        self._lake, self._tape, self._detector = lake, tape, detector
        self._start, self._end = start, end
        self._window = find_window(
            lake, tape, start, end, lookback=detector.lookback, accept_gaps=True
        )
        self.missing: tuple[dt.date, ...] = self._window.missing
        self.instrument = resolve_instrument(lake, tape, [day.date for day in self._window.days])
        first = lake.day(tape, self._window.dates[0])
        began = first.first_time if first is not None else start
        self.short_by = max(0, began - (start - detector.lookback))

    def __iter__(self) -> Iterator[EventColumns]:
        """Events in the order of knowing, some at a time."""
        window = self._window
        readings = Readings(
            (),
            [self._detector],
            ids_are_continuous=self._tape.ids_are_continuous,
            row_size=self.instrument.tick_size,
            number_from=self._start,
            instrument=self.instrument,
            only_events=True,
            kept=FlowCache.of(
                self._lake, (*window.warmup, *window.days), self._end, self.instrument
            ),
        )
        units = (self.instrument.price_decimals, self.instrument.qty_decimals)
        nothing = None
        pieces = self._lake.read_pieces(self._tape, self._window.dates, *units, keep=True)
        for piece in clocked_pieces(pieces, self._end):
            nothing = piece.trades.slice(0, 0)
            if piece.first == 0:
                readings.begin_day(piece.day)
            yield readings.see(piece.trades).since(self._start)
        if nothing is not None:
            yield readings.close_until(self._end, nothing).events.since(self._start)
