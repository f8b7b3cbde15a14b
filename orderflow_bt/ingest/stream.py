"""Trades to a day's file: orderly ones in pieces as they come, others through `ingest.rows`."""

from __future__ import annotations

from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple, Protocol

import numpy as np

from orderflow_bt.archive.stream import FinerUnitsError
from orderflow_bt.ingest.clean import DefectCount, Order, one_of_each_id, tick_to_compare
from orderflow_bt.ingest.rows import RUN_ROWS
from orderflow_bt.ingest.shelf import Units
from orderflow_bt.kernels import parse
from orderflow_bt.store.schema import ROW_GROUP_ROWS

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Callable, Sequence
    from decimal import Decimal
    from pathlib import Path

    from numpy.typing import NDArray

    from orderflow_bt.archive import Exchange, ParsedDay
    from orderflow_bt.archive.stream import RowStream
    from orderflow_bt.ingest.rows import DayRows
    from orderflow_bt.store import Quality
    from orderflow_bt.store.writer import DayWriter
    from orderflow_bt.types import TapeId


class Table(Protocol):
    """A file of trades, to be read in pieces or whole."""

    def stream(self, decimals: tuple[int, int]) -> RowStream | None:
        """Its rows in pieces, or None where it can only be read whole."""

    def whole(self) -> ParsedDay:
        """All of its rows."""


@dataclass(frozen=True, slots=True)
class FetchedTable:
    """Files of the archive, and whose they are.

    Attributes:
        label: What an error calls them.
    """

    exchange: Exchange
    files: Sequence[Path]
    tape: TapeId
    label: str

    def stream(self, decimals: tuple[int, int]) -> RowStream | None:
        """See `Table`."""
        return self.exchange.stream_day(self.files, self.tape, self.label, decimals)

    def whole(self) -> ParsedDay:
        """See `Table`."""
        return self.exchange.read_day(self.files, self.tape, self.label)


class DayFacts(NamedTuple):
    """Which day is stored.

    Attributes:
        label: What an error calls its file.
        tick: The exchange's, where it is known.
    """

    tape: TapeId
    date: dt.date
    label: str
    tick: Decimal | None


class FileForm(NamedTuple):
    """What a file looks like.

    Attributes:
        header: Whether it names its columns.
        ignored: Members of the archive that were passed over.
    """

    header: bool
    ignored: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class WrittenDay:
    """What a day's metadata says beside its origin.

    Attributes:
        times_us: Its smallest and largest time, in microseconds.
    """

    price_decimals: int
    qty_decimals: int
    tick_decimals: int
    time_unit: str
    times_us: tuple[int, int]
    quality: Quality
    form: FileForm


class _DisorderError(Exception):
    """A row's id is not above that of the row before."""


def write_in_pieces(
    table: Table, day: DayFacts, writer: DayWriter, check_stop: Callable[[], None]
) -> WrittenDay | None:
    """Parse, count and write a day whose rows stand in id order.

    Returns:
        What was written; None, and nothing is, where the rows are not in order or the file cannot
        be read in pieces: such a day is for `lay_aside` and `write_sorted`.

    Raises:
        MalformedError: The content cannot be read, or is of another day.
    """
    decimals = (0, 0)
    while True:
        rows = table.stream(decimals)
        if rows is None:
            return None
        try:
            return _write(rows, day, writer, check_stop)
        except FinerUnitsError as error:
            decimals = error.decimals
        except _DisorderError:
            writer.discard()
            return None
        writer.discard()


def _write(
    rows: RowStream, day: DayFacts, writer: DayWriter, check_stop: Callable[[], None]
) -> WrittenDay:
    try:
        count, tick = _write_pieces(rows, day, writer, check_stop)
    finally:
        rows.release()
    return WrittenDay(
        price_decimals=rows.price_decimals,
        qty_decimals=rows.qty_decimals,
        tick_decimals=rows.tick_decimals,
        time_unit=rows.time_unit,
        times_us=count.times_us,
        quality=count.quality(Order(), None if tick[0] else rows.finer_than_tick),
        form=FileForm(rows.header, rows.ignored),
    )


def _write_pieces(
    rows: RowStream, day: DayFacts, writer: DayWriter, check_stop: Callable[[], None]
) -> tuple[DefectCount, tuple[int, int]]:
    """What was counted, and the tick that prices were held against."""
    count: DefectCount | None = None
    last_id = -1
    packing: Future[None] | None = None
    with ThreadPoolExecutor(1, "pack") as thread:
        for columns in rows.pieces():
            check_stop()
            ids = columns[parse.ID]
            if ids[0] <= last_id or not bool((ids[1:] > ids[:-1]).all()):
                raise _DisorderError
            last_id = int(ids[-1])
            if count is None:
                count = DefectCount(day.tape, day.date, day.label, rows.time_unit)
            tick = tick_to_compare(day.tick, rows.price_decimals)
            kept = count.add(columns, tick)
            if packing is not None:
                packing.result()
            if kept.shape[1]:
                packing = thread.submit(writer.write, kept)
        if packing is not None:
            packing.result()
    assert count is not None, "a stream gives at least one piece, or raises"
    return count, tick


def lay_aside(
    table: Table,
    take: Callable[[NDArray[np.int64], Units], object],
    check_stop: Callable[[], None],
) -> FileForm:
    """Give the rows of a file, in any order, to `ingest.rows.SortedRows`.

    Args:
        table: The file.
        take: Takes rows, which may change afterwards, and their units.
        check_stop: Called for every piece.

    Raises:
        MalformedError: The content cannot be read.
    """
    decimals, taken = (0, 0), 0
    while True:
        rows = table.stream(decimals)
        if rows is None:
            parsed = table.whole()
            units = Units(parsed.price_decimals, parsed.qty_decimals, parsed.time_unit)
            for start in range(0, parsed.rows, RUN_ROWS):
                take(parsed.columns[:, start : start + RUN_ROWS], units)
            return FileForm(parsed.header, parsed.ignored)
        seen = 0
        try:
            for columns in rows.pieces():
                check_stop()
                seen += columns.shape[1]
                if seen > taken:  # those before came in coarser units
                    take(columns, Units(rows.price_decimals, rows.qty_decimals, rows.time_unit))
                    taken = seen
            return FileForm(rows.header, rows.ignored)  # its memory is needed for merging
        except FinerUnitsError as error:
            decimals = error.decimals


def write_sorted(
    rows: DayRows, day: DayFacts, form: FileForm, write: Callable[[NDArray[np.int64]], None]
) -> WrittenDay:
    """Give a day's rows in order to ``write``, counted and each id once, a row group at a time.

    Raises:
        MalformedError: They are of another day, or contradict themselves.
    """
    units = rows.units
    count = DefectCount(day.tape, day.date, day.label, units.time)
    tick = tick_to_compare(day.tick, units.price, rows.tick_decimals)
    order = Order(reordered=rows.reordered)
    groups = _Groups(write)
    for columns in rows.in_id_order(day.label):
        single, found = one_of_each_id(columns, count.day, is_aggregate=count.is_aggregate)
        order += found
        groups.add(count.add(single, tick))
    groups.end()
    return WrittenDay(
        price_decimals=units.price,
        qty_decimals=units.qty,
        tick_decimals=rows.tick_decimals,
        time_unit=units.time,
        times_us=count.times_us,
        quality=count.quality(order),
        form=form,
    )


class _Groups:
    """Pieces of any size to whole row groups, in memory that is used again for each."""

    def __init__(self, write: Callable[[NDArray[np.int64]], None]) -> None:
        self._write = write
        self._group = np.empty((parse.COLUMNS, ROW_GROUP_ROWS), np.int64)
        self._rows = 0

    def add(self, columns: NDArray[np.int64]) -> None:
        """The next rows."""
        while columns.shape[1]:
            count = min(columns.shape[1], ROW_GROUP_ROWS - self._rows)
            self._group[:, self._rows : self._rows + count] = columns[:, :count]
            columns = columns[:, count:]
            self._rows += count
            if self._rows == ROW_GROUP_ROWS:
                self.end()

    def end(self) -> None:
        """Write what is there."""
        if self._rows:
            self._write(self._group[:, : self._rows])
            self._rows = 0
