"""Runs detectors over a piece of tape and its closed bars; gives events in the order of knowing."""

from __future__ import annotations

import os
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from functools import cache
from math import isfinite
from numbers import Real
from typing import TYPE_CHECKING, Any

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
    from orderflow_bt.sim.shared import Source
    from orderflow_bt.types import Bar, BarSpec, Trades

LONG_PIECE = 1 << 16  # trades from which a second thread is worth its switch

Pair = tuple[int, int, "Event"]  # row before which it is known, size of its bars or 0, event


@cache
def _helper() -> ThreadPoolExecutor:
    """The thread beside the caller's."""
    return ThreadPoolExecutor(1, "detectors")


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_helper.cache_clear)  # the thread is not there


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
        for number, rows in enumerate(self._read_all(trades, batches, gaps)):
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

    def _read_all(
        self,
        trades: Trades,
        batches: Mapping[BarSpec, BarBatch],
        gaps: NDArray[np.int64],
    ) -> list[NDArray[np.int64]]:
        """Each detector's events; of a long piece, those of two groups side by side."""

        def read(source: Source) -> NDArray[np.int64]:
            batch = None if source.detector.bars is None else batches[source.detector.bars]
            return _read_one(source.detector, source.words, trades, batch, gaps)

        def read_some(sources: Sequence[Source]) -> list[NDArray[np.int64]]:
            return [read(source) for source in sources]

        fresh = [source for source in self._sources if not source.is_read(self._turn)]
        live = [source for source in fresh if not source.is_kept]
        # Detectors that share a reading are read on another thread than the rest: their kernels
        # hold no lock, and no group sees what another one does.
        aside = [s for s in live if s.is_aside] if trades.rows >= LONG_PIECE else []
        rest = [source for source in live if source not in aside]
        if aside and rest:
            beside = _helper().submit(read_some, aside)
            made = list(zip(rest, read_some(rest), strict=True))
            made += zip(aside, beside.result(), strict=True)
        else:
            made = [(source, read(source)) for source in live]
        for source, rows in made:
            source.note(self._turn, trades, rows)
        for source in fresh:
            if source.kept is not None and source.is_kept:
                source.note(self._turn, trades, source.kept.take(trades.rows))
        return [source.made for source in self._sources]


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
                    events = _listed(detector.on_bar(bar))
                for event in events:
                    yield at, size, _barred(detector, event, bar)
            if on_footprint:
                with guard(detector, "on_footprint", known):
                    footprint = batch.footprint(k)
                    footprint = replace(footprint, cells=footprint.cells.copy())
                    events = _listed(detector.on_footprint(footprint))
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
    strength: object = event.strength
    is_number = isinstance(strength, Real) and isfinite(strength)
    if event.direction not in (-1, 0, 1) or not is_number:
        raise PluginError(
            f"{detector.name} gave an event of direction {event.direction!r} and strength"
            f" {event.strength!r}",
            fix="A direction is +1, -1, or 0 for none; a strength is a finite number",
        )


def _listed(given: object) -> list[Any]:
    """What a hook of a detector gave, as a list."""
    if isinstance(given, Iterable):
        return list(given)
    raise PluginError(
        f"it gave {given!r} where events are asked for",
        fix="Yield events, or return a list of them: an empty one where there is nothing",
    )


def _pair(given: Any) -> tuple[int, Event]:
    """What `on_trades` gave for one event."""
    if isinstance(given, tuple) and len(given) == 2:
        return given
    raise PluginError(
        f"it gave {given!r} where a row and its event are asked for", fix="Yield row, event"
    )


def _traded(detector: Detector, trades: Trades, first: int) -> Iterator[Pair]:
    with guard(detector, "on_trades", int(trades.time[0])):
        pairs = [_pair(given) for given in _listed(detector.on_trades(_sealed(trades)))]
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
