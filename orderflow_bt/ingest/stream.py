"""An orderly day to its file piece by piece: one is packed on a thread while the next is parsed."""

from __future__ import annotations

from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING

from orderflow_bt.archive.stream import FinerUnitsError
from orderflow_bt.ingest.clean import DefectCount, Order, clean_day, known_tick
from orderflow_bt.kernels import parse
from orderflow_bt.store.schema import TIME_FACTORS

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Callable, Sequence
    from pathlib import Path

    import numpy as np
    from numpy.typing import NDArray

    from orderflow_bt.archive import Exchange, ParsedDay
    from orderflow_bt.archive.stream import RowStream
    from orderflow_bt.store import Quality
    from orderflow_bt.store.writer import DayWriter
    from orderflow_bt.types import TapeId


@dataclass(frozen=True, slots=True)
class FetchedDay:
    """The files of a day, and whose they are.

    Attributes:
        label: What an error calls them.
    """

    exchange: Exchange
    files: Sequence[Path]
    tape: TapeId
    date: dt.date
    label: str


@dataclass(frozen=True, slots=True)
class WrittenDay:
    """What a day's metadata says beside its origin.

    Attributes:
        times_us: Its smallest and largest time, in microseconds.
        header: Whether the source's file names its columns.
        ignored: Members of the archive that were passed over.
    """

    price_decimals: int
    qty_decimals: int
    tick_decimals: int
    time_unit: str
    times_us: tuple[int, int]
    quality: Quality
    header: bool
    ignored: tuple[str, ...]


class _DisorderError(Exception):
    """A row's id is not above that of the row before."""


def write_in_pieces(
    day: FetchedDay, writer: DayWriter, check_stop: Callable[[], None]
) -> WrittenDay | None:
    """Parse, count and write a day whose rows stand in id order.

    Returns:
        What was written; None, and nothing is, where the rows are not in order or the exchange's
        files cannot be read in pieces: such a day is sorted whole.

    Raises:
        MalformedError: The content cannot be read, or is of another day.
    """
    decimals = (0, 0)
    while True:
        rows = day.exchange.stream_day(day.files, day.tape, day.label, decimals)
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
    rows: RowStream, day: FetchedDay, writer: DayWriter, check_stop: Callable[[], None]
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
        header=rows.header,
        ignored=rows.ignored,
    )


def _write_pieces(
    rows: RowStream, day: FetchedDay, writer: DayWriter, check_stop: Callable[[], None]
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
            tick = known_tick(day.tape, day.date, rows.price_decimals)
            kept = count.add(columns, tick)
            if packing is not None:
                packing.result()
            if kept.shape[1]:
                packing = thread.submit(writer.write, kept)
        if packing is not None:
            packing.result()
    assert count is not None, "a stream gives at least one piece, or raises"
    return count, tick


def write_sorted(day: FetchedDay, writer: DayWriter) -> WrittenDay:
    """Parse a day whole, put its rows in order, count and write them.

    Raises:
        MalformedError: The content cannot be read, or is of another day.
    """
    parsed = day.exchange.read_day(day.files, day.tape, day.label)
    columns, written = sort_day(parsed, day.tape, day.date, day.label)
    writer.write(columns)
    return written


def sort_day(
    parsed: ParsedDay, tape: TapeId, date: dt.date, label: str
) -> tuple[NDArray[np.int64], WrittenDay]:
    """A day's rows in order, and what its metadata says of them.

    Raises:
        MalformedError: They are of another day, or contradict themselves.
    """
    columns, quality = clean_day(parsed, tape, date, label)
    times, factor = columns[parse.TIME], TIME_FACTORS[parsed.time_unit]
    return columns, WrittenDay(
        price_decimals=parsed.price_decimals,
        qty_decimals=parsed.qty_decimals,
        tick_decimals=parsed.tick_decimals,
        time_unit=parsed.time_unit,
        times_us=(int(times.min()) * factor, int(times.max()) * factor),
        quality=quality,
        header=parsed.header,
        ignored=parsed.ignored,
    )
