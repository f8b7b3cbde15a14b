"""Stored row groups to trades: exact units, microseconds, decoded ahead of their use."""

from __future__ import annotations

import hashlib
import itertools
import queue
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from orderflow_bt.errors import LakeError
from orderflow_bt.store.ahead import Work
from orderflow_bt.store.files import open_stored, read_tail, unreadable
from orderflow_bt.store.schema import TIME_FACTORS
from orderflow_bt.types import Kind, Trades

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from numpy.typing import NDArray

    from orderflow_bt.store.files import StoredPath
    from orderflow_bt.store.schema import DayInfo

_INT64_MAX = 2**63 - 1
_TAIL = 1 << 16  # holds most footers
_GIVE_BACK = 16  # row groups after which memory that is not used is given back
_decoded = itertools.count(1)


def row_groups(info: DayInfo, price_decimals: int, qty_decimals: int) -> Iterator[Work[Trades]]:
    """What decodes each row group of a day, in two halves.

    Raises:
        LakeError: The asked-for units are coarser than the day's.
    """
    factors = []
    for what, asked, stored in (
        ("price", price_decimals, info.price_decimals),
        ("quantity", qty_decimals, info.qty_decimals),
    ):
        if asked < stored:
            raise LakeError(
                f"{what}s stored with {stored} decimals cannot be given exactly with {asked}",
                where=str(info.path),
                fix="Ask for the finest units over the days that are read",
            )
        factors.append(10 ** (asked - stored))
    day = _Day(info, *factors)
    for group in range(day.groups):
        work = _Group(day, group)
        yield Work(work.rows, (work.ids, work.values), work.result)


class Footer(NamedTuple):
    """What a stored file's footer holds.

    Attributes:
        bytes: Size of the file.
        sha256: Of the footer.
    """

    metadata: dict[bytes, bytes]
    bytes: int
    sha256: str


def read_footer(path: StoredPath, what: str) -> Footer | None:
    """The footer of a stored file, or None where the file is not there.

    Args:
        path: The file.
        what: What an error calls it.

    Raises:
        LakeError: It cannot be read.
    """
    try:
        tail, size = read_tail(path, _TAIL)
        length = int.from_bytes(tail[-8:-4], "little") + 8
        if len(tail) < min(length, size):
            tail, size = read_tail(path, length)
        metadata = pq.read_metadata(pa.BufferReader(tail)).metadata or {}
        return Footer(metadata, size, hashlib.sha256(tail[-length:]).hexdigest())
    except (FileNotFoundError, NotADirectoryError):
        return None
    except (pa.ArrowInvalid, OSError) as error:
        raise _damaged(path, error, f"{what} cannot be read") from error


def parquet_file(
    path: StoredPath, opened: pa.NativeFile, metadata: pq.FileMetaData | None = None
) -> pq.ParquetFile:
    """A stored file that checks its pages, and asks for the columns of a row group at once."""
    return pq.ParquetFile(
        opened,
        page_checksum_verification=True,
        metadata=metadata,
        pre_buffer=not isinstance(path, Path),  # a file of this machine is mapped
    )


def read_columns(info: DayInfo, names: Sequence[str]) -> Iterator[dict[str, NDArray[np.int64]]]:
    """Columns of a stored day as they stand in the file, one row group after the other.

    Raises:
        LakeError: The file is damaged or lacks a column.
    """
    try:
        with open_stored(info.path) as opened:
            file = parquet_file(info.path, opened)
            for group in range(file.metadata.num_row_groups):
                table = file.read_row_group(group, columns=list(names), use_threads=False)
                yield {name: table[name].to_numpy() for name in names}
        pa.default_memory_pool().release_unused()
    except (pa.ArrowInvalid, OSError, KeyError) as error:
        raise _damaged(info.path, error, "a stored day cannot be decoded") from error


def _damaged(path: StoredPath, error: Exception, what: str) -> LakeError:
    return unreadable(path, error, what, "Delete the file and download it again")


def _values(column: pa.ChunkedArray) -> NDArray[Any]:
    """A column as it was decoded, to be written to: nobody else has its memory."""
    if column.num_chunks == 1:
        chunk = column.chunk(0)
        _, buffer = chunk.buffers()
        if buffer is not None and buffer.is_mutable:
            dtype = chunk.type.to_pandas_dtype()
            return np.frombuffer(buffer, dtype, len(chunk), chunk.offset * np.dtype(dtype).itemsize)
    return np.array(column.to_numpy())


class _Day:
    """One open file and the clock that runs through it."""

    def __init__(self, info: DayInfo, price_factor: int, qty_factor: int) -> None:
        self.info = info
        self.price_factor = price_factor
        self.qty_factor = qty_factor
        first = self._open()
        self.metadata = first.metadata
        self.groups = first.metadata.num_row_groups
        self.clock = -(2**63)
        # Set when the clock has gone through the row groups up to that one.
        self.clocked = [threading.Event() for _ in range(self.groups)]
        self._files: queue.SimpleQueue[pq.ParquetFile] = queue.SimpleQueue()
        self._files.put(first)  # a file is used by one thread at a time

    def _open(self, metadata: pq.FileMetaData | None = None) -> pq.ParquetFile:
        return parquet_file(self.info.path, open_stored(self.info.path), metadata)

    def read(self, group: int, *names: str) -> list[NDArray[Any]]:
        """Columns of a row group, to be written to."""
        try:
            file = self._files.get_nowait()
        except queue.Empty:
            file = self._open(self.metadata)
        try:
            table = file.read_row_group(group, columns=list(names), use_threads=False)
            return [_values(table[name]) for name in names]
        except (pa.ArrowInvalid, OSError) as error:
            raise _damaged(self.info.path, error, "a stored day cannot be decoded") from error
        finally:
            self._files.put(file)

    def scaled(self, column: NDArray[np.int64], factor: int) -> NDArray[np.int64]:
        """A column in finer units."""
        if factor == 1 or not column.size:
            return column
        if int(column.max()) * factor > _INT64_MAX:
            raise LakeError(
                "in units this fine a stored number does not fit 64 bits",
                where=str(self.info.path),
                fix="Read the days of coarse and of fine units apart",
            )
        # In place, as memory for another million values costs more than the product.
        return np.multiply(column, factor, out=column)


class _Group:
    """A row group on its way: two halves of about the same work."""

    def __init__(self, day: _Day, number: int) -> None:
        self.rows = day.metadata.row_group(number).num_rows
        self._day, self._number = day, number
        self._columns: dict[str, NDArray[Any]] = {}

    def ids(self) -> None:
        """Who traded."""
        day, number = self._day, self._number
        if day.info.tape.kind is Kind.AGG_TRADES:
            count, first = day.read(number, "last_id", "first_id")
            np.subtract(count, first, out=count)
            count += 1
            self._columns["fills"] = count.astype(np.int32)
            del count, first
        else:
            self._columns["fills"] = np.ones(self.rows, np.int32)
        self._columns["id"], self._columns["side"] = day.read(number, "id", "side")

    def values(self) -> None:
        """When, at what price and how much was traded."""
        day, number = self._day, self._number
        # Columns are let go on another thread than took their memory: it must be asked for, and
        # what is given back must be taken anew.
        if next(_decoded) % _GIVE_BACK == 0:
            pa.default_memory_pool().release_unused()
        try:
            time, price, qty = day.read(number, "time", "price", "quantity")
            if day.info.quality.out_of_order:
                # Where the exchange's clock ran backwards, time stands still.
                np.maximum.accumulate(time, out=time)
                if number:
                    day.clocked[number - 1].wait()
                np.maximum(time, day.clock, out=time)
                day.clock = int(time[-1])
        finally:
            day.clocked[number].set()  # after an error too: nobody uses what follows it
        if (factor := TIME_FACTORS[day.info.time_unit]) != 1:
            time *= factor
        self._columns |= {
            "time": time,
            "price": day.scaled(price, day.price_factor),
            "qty": day.scaled(qty, day.qty_factor),
        }

    def result(self) -> Trades:
        """The trades, of which this holds nothing any more."""
        columns, self._columns = self._columns, {}
        return Trades(**columns).frozen()
