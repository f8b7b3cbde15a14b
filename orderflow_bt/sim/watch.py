"""Runs detectors over a piece of tape and its closed bars; gives events in the order of knowing."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from functools import cache
from typing import TYPE_CHECKING

import numpy as np

from orderflow_bt.detectors.base import reads
from orderflow_bt.errors import PluginError
from orderflow_bt.flow import events as ev
from orderflow_bt.flow.batch import NO_BARS
from orderflow_bt.flow.events import NO_EVENTS, Event, EventColumns, stack
from orderflow_bt.sim.guard import guard

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Iterator, Mapping, Sequence

    from numpy.typing import NDArray

    from orderflow_bt.detectors import Detector
    from orderflow_bt.flow import BarBatch
    from orderflow_bt.flow.events import EventWords
    from orderflow_bt.sim.kept import KeptEvents
    from orderflow_bt.types import Bar, BarSpec, Trades

LONG_PIECE = 1 << 16  # trades from which a second thread is worth its switch

Pair = tuple[int, int, "Event"]  # row before which it is known, size of its bars or 0, event


@cache
def _helper() -> ThreadPoolExecutor:
    """The thread beside the caller's."""
    return ThreadPoolExecutor(1, "detectors")


class Watch:
    """Feeds detectors bars and trades in turn, as each becomes known.

    Args:
        detectors: Each reads the bars of its own ``bars``, and trades.
        tick: The exchange's price step, in price units.
        number_from: Events known earlier belong to the warm-up and get no number.
        kept: For each detector what keeps its events, if anything.
    """

    def __init__(
        self,
        detectors: Sequence[Detector],
        *,
        tick: int,
        number_from: int = 0,
        kept: Sequence[KeptEvents | None] = (),
    ) -> None:
        self._number_from = number_from
        self._count = 0
        self._gap_until: int = ev.ABSENT  # time of the trade behind the last gap before the piece
        self._detectors = [(d, d.words()) for d in detectors]
        self._kept = kept or [None] * len(self._detectors)
        # Detectors that share a reading are read on another thread than the rest: their kernels
        # hold no lock, and no group sees what another one does.
        self._aside = [
            k
            for k, detector in enumerate(detectors)
            if reads(detector, "share_readings") and reads(detector, "read")
        ]
        pool: dict[type, object] = {}
        for detector in detectors:
            detector.share_readings(pool)
            detector.begin(tick)

    def begin_day(self, date: dt.date | None) -> None:
        """The next piece is the first of a stored day; None: the clock alone goes on."""
        for kept, (_, words) in zip(self._kept, self._detectors, strict=True):
            if kept is not None:
                kept.begin_day(date, words)

    def end_day(self) -> None:
        """No day follows."""
        for kept, (_, words) in zip(self._kept, self._detectors, strict=True):
            if kept is not None:
                kept.end_day(words)

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
        found = []
        for source, rows in enumerate(self._read_all(trades, batches, gaps)):
            if len(rows):
                rows[:, ev.SOURCE] = source
                found.append(rows)
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
        return EventColumns(rows, [words for _, words in self._detectors])

    def _read_all(
        self,
        trades: Trades,
        batches: Mapping[BarSpec, BarBatch],
        gaps: NDArray[np.int64],
    ) -> list[NDArray[np.int64]]:
        """Each detector's events; of a long piece, those of two groups side by side."""

        def read(source: int) -> NDArray[np.int64]:
            detector, words = self._detectors[source]
            batch = None if detector.bars is None else batches[detector.bars]
            return _read_one(detector, words, trades, batch, gaps)

        def read_some(sources: Sequence[int]) -> list[NDArray[np.int64]]:
            return [read(source) for source in sources]

        whole = [kept is not None and kept.is_whole for kept in self._kept]
        aside = [k for k in self._aside if not whole[k]] if trades.rows >= LONG_PIECE else []
        rest = [k for k in range(len(whole)) if not whole[k] and k not in aside]
        done: dict[int, NDArray[np.int64]] = {}
        if aside and rest:
            beside = _helper().submit(read_some, aside)
            done.update(zip(rest, read_some(rest), strict=True))
            done.update(zip(aside, beside.result(), strict=True))
        else:
            done.update((source, read(source)) for source in sorted(aside + rest))
        for source, kept in enumerate(self._kept):
            if whole[source] and kept is not None:
                done[source] = kept.take(trades.rows)
            elif kept is not None:
                kept.record(trades.rows, done[source])
        return [done[source] for source in range(len(whole))]


def _flag_gaps(
    rows: NDArray[np.int64], trades: Trades, gaps: NDArray[np.int64], before: int
) -> None:
    """Mark events between whose SINCE and KNOWN_AT trades are missing."""
    ends = np.concatenate(([before], trades.time[gaps]))  # of the last gap before each event
    latest = ends[np.searchsorted(gaps, rows[:, ev.AT], side="left")]
    rows[:, ev.SPANS_GAP] |= (rows[:, ev.SINCE] != ev.ABSENT) & (latest > rows[:, ev.SINCE])


def _read_one(
    detector: Detector,
    words: EventWords,
    trades: Trades,
    batch: BarBatch | None,
    gaps: NDArray[np.int64],
) -> NDArray[np.int64]:
    """One detector's events, in the order of knowing."""
    if reads(detector, "read"):
        return detector.read(trades, NO_BARS if batch is None else batch, gaps)
    name, pairs = detector.name, list(_hooked(detector, trades, batch))
    if not pairs:
        return NO_EVENTS.rows
    for _, _, event in pairs:
        if event.detector != name:
            raise PluginError(
                f"{name} gave an event of {event.detector!r}", fix="Name its events self.name"
            )
    try:
        return words.pack(pairs)
    except (TypeError, OverflowError) as error:
        raise PluginError(
            f"{name} gave an event with a number that is no integer of 64 bits: {error}",
            fix="Give times, prices, direction and details as int; strength is a float",
        ) from error


def _hooked(detector: Detector, trades: Trades, batch: BarBatch | None) -> Iterator[Pair]:
    """Events of a detector's hooks, trades and bars in turn."""
    on_trades = reads(detector, "on_trades")
    cursor = 0
    if batch is not None:
        assert detector.bars is not None
        size = detector.bars.size
        on_bar, on_footprint = reads(detector, "on_bar"), reads(detector, "on_footprint")
        bars = batch.tolist() if on_bar or on_footprint else []
        for k, (bar, at) in enumerate(zip(bars, batch.at.tolist(), strict=False)):
            if on_trades and at > cursor:
                yield from _traded(detector, trades.slice(cursor, at), cursor)
                cursor = at
            known = bar.close_time
            if on_bar:
                with guard(detector, "on_bar", known):
                    events = list(detector.on_bar(bar))
                for event in events:
                    yield at, size, _barred(detector, event, bar)
            if on_footprint:
                with guard(detector, "on_footprint", known):
                    footprint = batch.footprint(k)
                    footprint = replace(footprint, cells=footprint.cells.copy())
                    events = list(detector.on_footprint(footprint))
                for event in events:
                    yield at, size, _barred(detector, event, bar)
    if on_trades and cursor < trades.rows:
        rest = trades.slice(cursor, trades.rows) if cursor else trades
        yield from _traded(detector, rest, cursor)


def _barred(detector: Detector, event: Event, bar: Bar) -> Event:
    _check_is_event(detector, event)
    if event.known_at != bar.close_time:
        raise PluginError(
            f"{detector.name} gave an event known at {event.known_at} for a bar known at"
            f" {bar.close_time}",
            fix="known_at is the bar's close_time",
        )
    return event


def _sealed(trades: Trades) -> Trades:
    """A read-only copy: a view would lead to the trades behind the piece."""
    sealed = trades._replace(**{name: getattr(trades, name).copy() for name in trades._fields})
    for column in sealed:
        column.flags.writeable = False
    return sealed


def _check_is_event(detector: Detector, event: object) -> None:
    if not isinstance(event, Event):
        raise PluginError(f"{detector.name} gave {event!r}, which is no Event")


def _traded(detector: Detector, trades: Trades, first: int) -> Iterator[Pair]:
    with guard(detector, "on_trades", int(trades.time[0])):
        pairs = [(row, event) for row, event in detector.on_trades(_sealed(trades))]
    before, rows = 0, trades.rows
    for row, event in pairs:
        _check_is_event(detector, event)
        if not before <= row < rows or event.known_at != int(trades.time[row]):
            raise PluginError(
                f"{detector.name} gave an event of row {row} known at {event.known_at}",
                fix="Give rows of the piece in their order, and known_at the time of that trade",
            )
        before = row
        yield first + row + 1, 0, event
