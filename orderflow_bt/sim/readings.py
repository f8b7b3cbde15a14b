"""Readings of a tape in the order they become known: one pass serves any number of sessions."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from orderflow_bt.flow import BarStream
from orderflow_bt.flow.bars import rows_of
from orderflow_bt.sim import config
from orderflow_bt.sim.buffer import TapeBuffer
from orderflow_bt.sim.moments import ClosedBar, Moment, Moments
from orderflow_bt.sim.shared import Shared, Source
from orderflow_bt.sim.watch import Watch

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Iterable

    from numpy.typing import NDArray

    from orderflow_bt.detectors import Detector
    from orderflow_bt.flow import BarBatch
    from orderflow_bt.flow.events import EventColumns
    from orderflow_bt.flow.kept import KeptBars
    from orderflow_bt.instruments import Instrument
    from orderflow_bt.sim.buffer import Stretch
    from orderflow_bt.sim.kept import FlowCache
    from orderflow_bt.sim.shared import OnceBars
    from orderflow_bt.store import DayInfo, Piece
    from orderflow_bt.types import BarSpec, Trades

__all__ = ["ClosedBar", "Gap", "Moment", "Moments", "Readings", "Slice"]

ONE_ROW = 1 << 60  # price units: a row that holds every price
_NO_ROWS = np.zeros(0, np.int64)


class Gap(NamedTuple):
    """A hole in the ids: the times before and after it, and the row behind it."""

    start: int
    end: int
    at: int


class Slice(NamedTuple):
    """A piece of tape and everything that becomes known within it."""

    trades: Trades
    tape: list[Stretch]  # the same trades, with what comes before them
    moments: Moments
    events: EventColumns  # of all moments
    gaps: list[Gap]


class Readings:
    """Bars, footprints and events of one tape, whatever it is cut into.

    Args:
        specs: The bars to build, each once.
        detectors: Each reads the bars of its own ``bars`` parameter, and trades.
        ids_are_continuous: Whether a hole in the ids means lost trades.
        row_size: Height of a footprint row, in price units.
        number_from: Events known earlier belong to the warm-up and get no number.
        instrument: Units of the tape; activity bars need it.
        kept: What keeps readings of stored days; then `begin_day` goes before each of them.
        only_events: Bars that no detector reads the rows of are made without.
        shared: What other readings of this tape make too, that begin at the same trade.

    Attributes:
        files: Checksums of the files that the detectors were made of, by path.
    """

    def __init__(
        self,
        specs: Iterable[BarSpec],
        detectors: list[Detector],
        *,
        ids_are_continuous: bool,
        row_size: int,
        number_from: int = 0,
        instrument: Instrument | None = None,
        kept: FlowCache | None = None,
        only_events: bool = False,
        shared: Shared | None = None,
    ) -> None:
        self._shared = shared = shared or Shared()
        self.files = {path: digest for made in detectors for path, digest in made.files.items()}
        theirs = {detector.bars for detector in detectors if detector.bars is not None}
        wanted = sorted({*specs, *theirs}, key=lambda spec: (spec.size, spec))
        self._kept = kept
        options = f"{ids_are_continuous} {row_size}"
        with_rows = {*specs, *(detector.bars for detector in detectors if detector.reads_rows)}

        def stream(spec: BarSpec, height: int) -> BarStream | KeptBars:
            made = BarStream(
                spec,
                ids_are_continuous=ids_are_continuous,
                ticks_per_row=height,
                instrument=instrument,
            )
            return kept.bars(made, continuous=ids_are_continuous) if kept else made

        def source(detector: Detector) -> Source:
            keeps = kept.events(detector, options) if kept else None
            return Source(detector, row_size, shared.pool, keeps)

        self._streams: dict[BarSpec, OnceBars] = {}
        for spec in wanted:
            height = ONE_ROW if only_events and spec not in with_rows else row_size
            self._streams[spec] = shared.bars((spec, height), partial(stream, spec, height))
        self._watch = Watch(
            [
                shared.source(detector, options, self._bars_of(detector), source)
                for detector in detectors
            ],
            number_from=number_from,
        )
        self._tape = shared.tape(row_size, lambda: TapeBuffer(config.QUEUE_WINDOW, row_size))
        self._turn = 0  # pieces so far
        self._continuous = ids_are_continuous
        self._lost = _NO_ROWS  # ids of trades before which others are known to be missing
        self._last_date: dt.date | None = None
        self._last_id: int | None = None
        self._last_time = 0

    @property
    def specs(self) -> list[BarSpec]:
        """The bars that are built: activity bars, then time bars, short before long."""
        return list(self._streams)

    @property
    def is_kept(self) -> bool:
        """Whether the events of every day are kept, and so reading again costs next to nothing."""
        return self._kept is not None and self._watch.is_kept

    @property
    def can_be_kept(self) -> bool:
        """Whether `is_kept` will be true of readings that begin when these have read every day."""
        return self._kept is not None and self._watch.can_be_kept

    def begin_day(self, day: DayInfo) -> None:
        """The next trades are the first piece of a stored day (`Lake.read_pieces`).

        Bars and events around what the day is known to lack say so, whatever its ids show.
        """
        lost = list(day.quality.fill_losses)
        if self._last_date is not None and (day.date - self._last_date).days > 1:
            lost = sorted({day.first_id, *lost})
        self._last_date = day.date
        self._lost = np.array(lost, np.int64)
        kept = None if self._kept is None else self._kept.day(day.date)
        self._shared.begin_day(self._turn + 1, day.date, lost, kept)
        self._watch.begin_day(day.date)

    def feed(self, trades: Trades, piece: Piece | None = None) -> Slice:
        """Read the next trades; ``piece`` is the stored one that they are, or begin, if any."""
        self._turn += 1
        gaps, rows = self._find_gaps(trades)
        self._shared.read(self._turn, trades, rows)
        batches = self._close(trades)
        events = self._watch.read(trades, batches, rows)
        tape = self._tape.append(self._turn, trades, piece)
        return Slice(trades, tape, Moments(batches, events), events, gaps)

    def close_until(self, time: int, nothing: Trades) -> Slice:
        """Let the clock reach ``time`` without a trade; ``nothing`` is an empty slice of tape."""
        self._turn += 1
        batches = {
            spec: stream.close_until(self._turn, time) for spec, stream in self._streams.items()
        }
        self._watch.begin_day(None)
        events = self._watch.read(nothing, batches, _NO_ROWS)
        self._watch.end_day()
        self.close()
        tape = self._tape.append(self._turn, nothing)
        return Slice(nothing, tape, Moments(batches, events), events, [])

    def close(self) -> None:
        """Wait until all that is to be kept is: nothing more is read."""
        self._shared.close()
        if self._kept is not None:
            self._kept.close()

    def see(self, trades: Trades) -> EventColumns:
        """As `feed`, where only the events are wanted."""
        self._turn += 1
        _, rows = self._find_gaps(trades)
        self._shared.read(self._turn, trades, rows)
        return self._watch.read(trades, self._close(trades), rows)

    def _bars_of(self, detector: Detector) -> OnceBars | None:
        return None if detector.bars is None else self._streams[detector.bars]

    def _close(self, trades: Trades) -> dict[BarSpec, BarBatch]:
        return {spec: stream.feed(self._turn, trades) for spec, stream in self._streams.items()}

    def _find_gaps(self, trades: Trades) -> tuple[list[Gap], NDArray[np.int64]]:
        """Where trades are missing, and the rows behind those places."""
        rows = rows_of(trades, self._lost)
        if trades.rows == 0:
            return [], _NO_ROWS
        if self._continuous:
            holes = _NO_ROWS
            if trades.id[-1] - trades.id[0] != trades.rows - 1:  # ids ascend
                holes = np.flatnonzero(np.diff(trades.id, prepend=trades.id[0] - 1) != 1)
            if self._last_id is not None and trades.id[0] != self._last_id + 1:
                holes = np.concatenate(([0], holes))
            rows = np.union1d(rows, holes)
        gaps = [
            Gap(int(trades.time[row - 1]) if row else self._last_time, int(trades.time[row]), row)
            for row in rows.tolist()
        ]
        self._last_id = int(trades.id[-1])
        self._last_time = int(trades.time[-1])
        return gaps, rows
