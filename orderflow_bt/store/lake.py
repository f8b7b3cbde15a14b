"""The lake: a folder of whole days, one Parquet file each, in partitions a person can guess."""

from __future__ import annotations

import datetime as dt
import re
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import filelock

from orderflow_bt import hints
from orderflow_bt.errors import LakeError
from orderflow_bt.series import SeriesId, SeriesKind
from orderflow_bt.store.ahead import read_ahead
from orderflow_bt.store.cache import LIMIT, Cache, user_folder
from orderflow_bt.store.decoded import SHELF as DAYS
from orderflow_bt.store.decoded import DayKeeper, in_pieces, name_of, readers
from orderflow_bt.store.files import open_files, read_stored, side_by_side, stamp_of
from orderflow_bt.store.metadata import METADATA_KEY
from orderflow_bt.store.reader import read_footer
from orderflow_bt.store.schema import DayInfo, decode_metadata
from orderflow_bt.store.writer import DayWriter
from orderflow_bt.types import Kind, MarketType, TapeId

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    import numpy as np
    from numpy.typing import NDArray

    from orderflow_bt.store.decoded import Piece
    from orderflow_bt.store.files import StoredPath
    from orderflow_bt.types import Trades

SIMULATED = "SIMULATED-MARKET.txt"  # a file of this name marks a lake of invented trades
RAW = "raw"
_FILE = "part.parquet"
_TAPES = f"exchange=*/market=*/kind=*/symbol=*/date=*/{_FILE}"
_PARTITIONS = re.compile(r"exchange=([^/]+)/market=([^/]+)/kind=([^/]+)/symbol=([^/]+)")
_SERIES_KINDS = {kind.value for kind in SeriesKind}


class Lake:
    """The stored days of every tape, in a local folder or an object store.

    A day is there and whole, or not there: files are written in ``incoming`` and then published.

    Args:
        root: A folder, made when the first day is stored, or a URL: see `store.objects`.
        cache_limit: The most bytes its cache may hold; 0 does without a cache.

    Attributes:
        files: Its files.
        root: What a person calls it: the folder, or the URL without options.
        cache: What is kept beside the lake because making it takes longer than reading it.

    Raises:
        UsageError: The URL is not one of a lake.
    """

    def __init__(self, root: Path | str, *, cache_limit: int = LIMIT) -> None:
        self.files = open_files(root)
        self.root = self.files.root
        self._known: dict[tuple[TapeId, dt.date], tuple[tuple[int, ...], DayInfo]] = {}
        self.cache: Cache | None = None
        if cache_limit:
            if isinstance(self.root, Path):
                self.cache = Cache.beside(self.root, cache_limit)
            else:
                self.cache = Cache(user_folder(), cache_limit)

    @property
    def incoming(self) -> Path:
        """A local folder in which files are while they are not whole; made if absent.

        Raises:
            LakeError: The folder cannot be made.
        """
        return self.files.incoming

    @property
    def simulated(self) -> str:
        """What the lake's marker says was simulated, where its trades are invented; else empty."""
        return (read_stored(self.files.path(SIMULATED)) or b"").decode("utf-8").strip()

    def day_key(self, tape: TapeId, date: dt.date | str) -> str:
        """The key of a day's file; of many with ``*`` as the date."""
        return (
            f"exchange={tape.exchange}/market={tape.market.value}/kind={tape.kind.value}"
            f"/symbol={tape.symbol}/date={date}/{_FILE}"
        )

    def day_path(self, tape: TapeId, date: dt.date) -> StoredPath:
        """Where a day lies, whether or not it is stored."""
        return self.files.path(self.day_key(tape, date))

    def incoming_path(self, tape: TapeId | SeriesId, date: dt.date, suffix: str) -> Path:
        """A name in ``.incoming/`` for something on the way to that day."""
        return self.incoming / f"{tape.label}-{date}{suffix}"

    def lock(self, tape: TapeId | SeriesId, date: dt.date) -> filelock.FileLock:
        """The lock that whoever stores that day must hold, in this or any other process."""
        path = self.incoming_path(tape, date, ".lock")
        return filelock.FileLock(path, thread_local=False)

    def has(self, tape: TapeId, date: dt.date) -> bool:
        """Whether a day is stored."""
        return self.files.exists(self.day_key(tape, date))

    def day(self, tape: TapeId, date: dt.date) -> DayInfo | None:
        """What a stored day says about itself, or None where it is not stored.

        Raises:
            LakeError: The file is there and cannot be read.
        """
        path = self.day_path(tape, date)
        stamp = stamp_of(path)
        known = self._known.get((tape, date))
        if known is not None and stamp == known[0]:
            return known[1]
        found = read_footer(path, "a stored day")
        if found is None:
            return None
        info = decode_metadata(found.metadata.get(METADATA_KEY), path, found.bytes, found.sha256)
        if (info.tape, info.date) != (tape, date):
            raise LakeError(
                f"the file holds {info.tape} of {info.date}",
                where=str(path),
                fix="It was moved there by hand; delete it and download the day again",
            )
        if stamp is not None:
            self._known[tape, date] = stamp, info
        return info

    def dates(self, tape: TapeId) -> list[dt.date]:
        """The stored days of a tape, in order, by their folders' names alone."""
        dates = []
        for key in self.files.find(self.day_key(tape, "*")):
            folder = key.rsplit("/", 2)[1]
            try:
                dates.append(dt.date.fromisoformat(folder.removeprefix("date=")))
            except ValueError as error:
                where = str(self.files.path(key))
                raise LakeError("not a day's folder", where=where) from error
        return sorted(dates)

    def days(self, tape: TapeId) -> list[DayInfo]:
        """What every stored day of a tape says about itself, in order.

        Raises:
            LakeError: A file cannot be read.
        """
        found = side_by_side(partial(self.day, tape), self.dates(tape), self.files.workers)
        return [info for info in found if info]

    def tapes(self) -> list[TapeId]:
        """Every tape of which a day is stored, in order."""
        found = set()
        for folder in {key.rsplit("/", 2)[0] for key in self.files.find(_TAPES)}:
            match = _PARTITIONS.fullmatch(folder)
            if not match or match[3] in _SERIES_KINDS:
                continue
            try:
                found.add(TapeId(match[1], MarketType(match[2]), Kind(match[3]), match[4]))
            except ValueError as error:
                where = str(self.files.path(folder))
                raise LakeError(f"not a tape's folder: {error}", where=where) from error
        return sorted(found)

    def read(
        self,
        tape: TapeId,
        date: dt.date,
        price_decimals: int,
        qty_decimals: int,
        chunk_rows: int = 1 << 20,
    ) -> Iterator[Trades]:
        """The trades of a stored day, in chunks of at most ``chunk_rows``.

        The next row group is decoded on two threads while one is used, and more if they are small.

        Args:
            tape: Whose trades.
            date: Which day.
            price_decimals: Units to deliver prices in: the day's own or finer.
            qty_decimals: Units to deliver quantities in: the day's own or finer.
            chunk_rows: The most trades in a chunk.

        Raises:
            LakeError: The day is not stored, its file is damaged, or the units are coarser than
                the day's.
        """
        return self.read_days(tape, [date], price_decimals, qty_decimals, chunk_rows)

    def read_days(
        self,
        tape: TapeId,
        dates: Iterable[dt.date],
        price_decimals: int,
        qty_decimals: int,
        chunk_rows: int = 1 << 20,
    ) -> Iterator[Trades]:
        """The trades of several stored days, one after the other; see `read`.

        Decoding runs ahead across the border of days. No chunk holds trades of two days.
        """
        for piece in self.read_pieces(tape, dates, price_decimals, qty_decimals):
            trades = piece.trades
            for start in range(0, trades.rows, chunk_rows):
                yield trades.slice(start, min(start + chunk_rows, trades.rows))

    def read_pieces(
        self,
        tape: TapeId,
        dates: Iterable[dt.date],
        price_decimals: int,
        qty_decimals: int,
        *,
        keep: bool = False,
    ) -> Iterator[Piece]:
        """As `read_days`, in pieces of about a million trades, with the extremes of their blocks.

        A day that the cache holds is mapped instead of decoded. Nobody may write to the columns.

        Args:
            tape: Whose trades.
            dates: Which days.
            price_decimals: Units to deliver prices in.
            qty_decimals: Units to deliver quantities in.
            keep: Put days into the cache that are not in it, while they are read.

        Raises:
            LakeError: As for `read`.
        """
        jobs = (
            job
            for date in dates
            for job in readers(self._stored(tape, date), price_decimals, qty_decimals, self.cache)
        )
        if self.cache is None or not keep:
            yield from in_pieces(read_ahead(jobs), None)
            return
        with DayKeeper(self.cache) as keeper:
            yield from in_pieces(read_ahead(jobs), keeper)

    def keeps(
        self, tape: TapeId, dates: Iterable[dt.date], price_decimals: int, qty_decimals: int
    ) -> bool:
        """Whether the cache holds these days, so that `read_pieces` need not open their files.

        Raises:
            LakeError: A day is not stored, or its file cannot be read.
        """
        cache = self.cache
        return cache is not None and all(
            cache.has(DAYS, name_of(self._stored(tape, date), price_decimals, qty_decimals))
            for date in dates
        )

    def write_day(self, columns: NDArray[np.int64], info: DayInfo) -> DayInfo:
        """Store a day; the caller holds its `lock`.

        Args:
            columns: int64 ``[COLUMNS, rows]`` in id order, in the units that ``info`` states.
            info: Its metadata; path and size are filled in.

        Raises:
            LakeError: The file cannot be written. Nothing of it is left then.
        """
        with self.day_writer(info.tape, info.date) as writer:
            writer.write(columns)
            return self.publish_day(writer, info)

    @contextmanager
    def day_writer(self, tape: TapeId, date: dt.date) -> Iterator[DayWriter]:
        """To store a day in pieces; the caller holds its `lock` and ends with `publish_day`.

        Raises:
            LakeError: The file cannot be written.
        """
        writer = DayWriter(tape.kind, self.incoming_path(tape, date, ".parquet.part"))
        try:
            yield writer
        except OSError as error:
            raise LakeError(
                f"the day cannot be written: {error.strerror or error}",
                where=str(self.day_path(tape, date)),
                fix="Free some space or give another folder with --data",
            ) from error
        finally:
            writer.discard()

    def publish_day(self, writer: DayWriter, info: DayInfo) -> DayInfo:
        """Put a day that was written in pieces in its place.

        Raises:
            LakeError: It cannot be read there.
        """
        writer.finish(info)
        self.files.publish(writer.part, self.day_key(info.tape, info.date))
        stored = self.day(info.tape, info.date)
        if stored is None:  # pragma: no cover - somebody deleted it in this instant
            path = self.day_path(info.tape, info.date)
            raise LakeError("the day vanished after it was stored", where=str(path))
        return stored

    def publish_raw(self, part: Path, path: str) -> None:
        """Keep an archive's file, laid out like there, below ``raw/``."""
        self.files.publish(part, f"{RAW}/{path}")

    def sweep(self) -> None:
        """Delete what interrupted downloads left in ``.incoming/``.

        A day that another process is storing at this moment is left alone.
        """
        for part in self.files.parts():
            lock = filelock.FileLock(lock_of(part), thread_local=False)
            try:
                with lock.acquire(blocking=False):
                    part.unlink(missing_ok=True)
            except filelock.Timeout:
                continue

    def _stored(self, tape: TapeId, date: dt.date) -> DayInfo:
        info = self.day(tape, date)
        if info is None:
            raise LakeError(
                f"{date} of {tape} is not in the lake",
                where=str(self.root),
                fix=hints.download(tape, date, date),
            )
        return info


def lock_of(part: Path) -> Path:
    """The lock that whoever writes a file in ``.incoming/`` holds."""
    stem = re.sub(r"(\.\d+)?\.(zip|parquet|json)\.part$", "", part.name)
    return part.with_name(f"{stem}.lock")
