"""The stretch of stored tape that a replay passes: any of its trades by row, in little memory."""

from __future__ import annotations

import threading
from bisect import bisect_left, bisect_right
from collections import OrderedDict
from itertools import accumulate
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from orderflow_bt.errors import CoverageError, LakeError, UsageError
from orderflow_bt.run.window import find_window
from orderflow_bt.store import resolve_instrument
from orderflow_bt.store.decoded import PIECE_ROWS, SHELF, map_piece, name_of
from orderflow_bt.types import Trades

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Iterator

    from orderflow_bt.instruments import Instrument
    from orderflow_bt.run.window import Window
    from orderflow_bt.store import DayInfo, Lake, Piece
    from orderflow_bt.types import TapeId

CHUNK = 1 << 15  # trades that are read at once: less than what the tape's buffer copies
_PIECES_HELD = 2  # of a day
_DAYS_HELD = 2


class Cut(NamedTuple):
    """Consecutive trades of one day.

    Attributes:
        row: Row of the first.
        trades: Columns of equal length, on the clock of the window.
        day: Whose trades these are.
        first: Which of the day's trades is the first of these.
    """

    row: int
    trades: Trades
    day: DayInfo
    first: int


class ReplayWindow:
    """Stored days of one tape as rows, the warm-up's included; `open_window` makes it.

    A *row* counts trades from 0. A day that the lake's cache holds is mapped; another one is
    decoded as far as it is read, and put into the cache on the way. Any thread may read.

    Attributes:
        lake: Where the days are stored.
        tape: Whose trades.
        instrument: Its units.
        start: First moment of the part to practise on, microseconds UTC.
        end: End, exclusive.
        rows: Trades in all.
        first: Row of the first trade at or after ``start``.
        days: Stored days in order, the warm-up's first.
        coverage: What the window lacks, as a run says it.
        accept_gaps: Whether missing days and defects are accepted.
    """

    def __init__(
        self, lake: Lake, tape: TapeId, found: Window, instrument: Instrument, *, accept_gaps: bool
    ) -> None:
        self.lake, self.tape, self.instrument = lake, tape, instrument
        self.start, self.end, self.accept_gaps = found.start, found.end, accept_gaps
        self.coverage = found.coverage()
        self.days = [day for day in (*found.warmup, *found.days) if day.rows]
        self._begins = [0, *accumulate(day.rows for day in self.days)]  # row of each day's first
        lasts = [0, *accumulate((day.last_time for day in self.days), max)]
        self._floors, self._lasts = lasts[:-1], lasts[1:]  # the clock before and after each day
        self._open: OrderedDict[int, _OpenDay] = OrderedDict()
        self._one = threading.Lock()  # reads at a time
        self.rows = self._begins[-1]
        self.rows = self.row_at(self.end)
        self.first = self.row_at(self.start)

    def row_of_day(self, date: dt.date) -> int:
        """Row of the first trade of a day, or of the first day after it that is stored."""
        return self._begins[bisect_left([day.date for day in self.days], date)]

    def row_at(self, time: int) -> int:
        """First row at or after a time; `rows` where there is none."""
        number = bisect_left(self._lasts, time)
        if number == len(self.days):
            return self.rows
        begin, day = self._begins[number], self.days[number]
        if time <= max(self._floors[number], day.first_time):
            return min(begin, self.rows)
        with self._one:
            row = begin + self._day(number).row_at(time)
        return min(row, self.rows)

    def time_of(self, row: int) -> int:
        """Time of a trade; behind the last one `end`."""
        if not 0 <= row <= self.rows:
            raise UsageError(f"the window has no row {row}", fix=f"Rows are 0 to {self.rows}")
        if row == self.rows:
            return self.end
        return int(next(self.pieces(row, row + 1)).trades.time[0])

    def pieces(self, first: int, stop: int, most: int = CHUNK) -> Iterator[Cut]:
        """Rows ``[first, stop)``, at most ``most`` of one day at a time."""
        row, stop = first, min(stop, self.rows)
        while row < stop:
            number = bisect_right(self._begins, row) - 1
            inside = row - self._begins[number]
            with self._one:
                piece = self._day(number).piece(inside // PIECE_ROWS)
            start = inside - piece.first
            rows = min(most, stop - row, piece.trades.rows - start)
            if rows <= 0:
                raise LakeError(
                    f"{self.days[number].date} of {self.tape} holds fewer trades than it says",
                    where=str(self.days[number].path),
                    fix="Delete the file and download it again",
                )
            trades = piece.trades.slice(start, start + rows)
            floor = self._floors[number]
            if trades.time[0] < floor:
                trades = trades._replace(time=np.maximum(trades.time, floor))
            yield Cut(row, trades, self.days[number], inside)
            row += rows

    def trades(self, first: int, stop: int) -> Trades:
        """Rows ``[first, stop)`` at once: for small stretches."""
        cuts = [cut.trades for cut in self.pieces(first, stop)]
        if not cuts:
            return next(self.pieces(0, 1)).trades.slice(0, 0)
        if len(cuts) == 1:
            return cuts[0]
        return Trades(*map(np.concatenate, zip(*cuts, strict=True)))

    def close(self) -> None:
        """Let go of the days at hand."""
        with self._one:
            while self._open:
                self._open.popitem()[1].close()

    def _day(self, number: int) -> _OpenDay:
        found = self._open.get(number)
        if found is None:
            units = (self.instrument.price_decimals, self.instrument.qty_decimals)
            found = self._open[number] = _OpenDay(self.lake, self.days[number], units)
            if len(self._open) > _DAYS_HELD:
                self._open.popitem(last=False)[1].close()
        self._open.move_to_end(number)
        return found


class _OpenDay:
    """A stored day, any of whose pieces can be had; those in order cost the least."""

    def __init__(self, lake: Lake, day: DayInfo, units: tuple[int, int]) -> None:
        self._lake, self._info, self._units = lake, day, units
        self._held: OrderedDict[int, Piece] = OrderedDict()
        self._ends: list[int] = []  # time of the last trade of each piece that was seen
        self._reader: Iterator[Piece] | None = None
        self._next = 0  # piece that the reader gives next
        self._name = "" if lake.cache is None else name_of(day, *units)

    def piece(self, number: int) -> Piece:
        found = self._held.get(number)
        if found is None:
            found = self._mapped(number) or self._decoded(number)
            self._hold(number, found)
        self._held.move_to_end(number)
        return found

    def row_at(self, time: int) -> int:
        """First of the day's trades at or after a time, on the day's own clock."""
        count = -(-self._info.rows // PIECE_ROWS)
        number = bisect_left(self._ends, time)
        while number < count:
            times = self.piece(number).trades.time
            if times[-1] >= time:
                return number * PIECE_ROWS + int(np.searchsorted(times, time))
            number += 1
        return self._info.rows

    def close(self) -> None:
        """Stop reading; a day that was read whole is left in the cache."""
        reader, self._reader = self._reader, None
        if reader is not None and self._next * PIECE_ROWS >= self._info.rows:
            next(reader, None)

    def _hold(self, number: int, piece: Piece) -> None:
        self._held[number] = piece
        if len(self._held) > _PIECES_HELD:
            self._held.popitem(last=False)
        if number == len(self._ends):
            self._ends.append(int(piece.trades.time[-1]))

    def _mapped(self, number: int) -> Piece | None:
        if self._reader is not None and number >= self._next:
            return None  # it is being decoded
        if self._lake.cache is None:
            return None
        self.close()
        kept = self._lake.cache.get(SHELF, self._name)
        if kept is None:
            return None
        with kept:
            first = number * PIECE_ROWS
            return map_piece(kept, self._info, first, min(first + PIECE_ROWS, self._info.rows))

    def _decoded(self, number: int) -> Piece:
        if self._reader is None or number < self._next:
            self._reader, self._next = self._read(), 0
        for piece in self._reader:
            at, self._next = self._next, self._next + 1
            if at == number:
                return piece
            self._hold(at, piece)
        raise LakeError(
            f"{self._info.date} of {self._info.tape} holds fewer trades than it says",
            where=str(self._info.path),
            fix="Delete the file and download it again",
        )

    def _read(self) -> Iterator[Piece]:
        day = self._info
        return self._lake.read_pieces(day.tape, [day.date], *self._units, keep=True)


def open_window(
    lake: Lake, tape: TapeId, start: int, end: int, *, warmup: int, accept_gaps: bool = False
) -> ReplayWindow:
    """The stored days of ``[start, end)`` and of ``warmup`` microseconds before it.

    Days are read whole, as a backtest reads them: the warm-up begins at 00:00 UTC of its first
    stored day, and reaches back as far as days are stored without a break.

    Args:
        lake: Where the days are stored.
        tape: Whose trades.
        start: First moment of the part to practise on, microseconds UTC.
        end: End, exclusive.
        warmup: How much earlier tape is shown and read by detectors, in microseconds.
        accept_gaps: Whether missing days and days with defects are accepted.

    Raises:
        CoverageError: No day is stored, or none of its trades lies in the window; or days or
            trades are missing and ``accept_gaps`` is off.
        UsageError: The window is empty, or the warm-up negative.
    """
    if end <= start or warmup < 0:
        raise UsageError(f"a window from {start} to {end} with a warm-up of {warmup}")
    found = find_window(lake, tape, start, end, lookback=warmup, accept_gaps=accept_gaps)
    instrument = resolve_instrument(lake, tape, [day.date for day in found.days])
    window = ReplayWindow(lake, tape, found, instrument, accept_gaps=accept_gaps)
    if window.first >= window.rows:
        raise CoverageError(
            f"no trade of {tape} lies between {np.datetime64(start, 'us')}Z and"
            f" {np.datetime64(end, 'us')}Z",
            where=str(lake.root),
            fix="Choose another time",
        )
    return window
