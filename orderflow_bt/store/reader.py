"""Stored row groups to trades: exact units, microseconds, decoded ahead of their use."""

from __future__ import annotations

import hashlib
import queue
import threading
from collections import deque
from concurrent.futures import Future, ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Generic, NamedTuple, TypeVar

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from orderflow_bt.errors import LakeError
from orderflow_bt.store.files import open_stored, read_tail, unreadable
from orderflow_bt.store.schema import TIME_FACTORS
from orderflow_bt.types import Kind, Trades

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from numpy.typing import NDArray

    from orderflow_bt.store.files import StoredPath
    from orderflow_bt.store.schema import DayInfo

_INT64_MAX = 2**63 - 1
DECODE_THREADS = 2
_TAIL = 1 << 16  # holds most footers
T = TypeVar("T")


def row_groups(
    info: DayInfo, price_decimals: int, qty_decimals: int
) -> Iterator[Callable[[], Trades]]:
    """A function for each row group of a day that decodes it; begin them in order, once each.

    They may run at the same time: each begins on a thread of its own.

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
        yield partial(day.decode, group)


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
    except (pa.ArrowInvalid, OSError, KeyError) as error:
        raise _damaged(info.path, error, "a stored day cannot be decoded") from error


def read_ahead(
    decoders: Iterable[Callable[[], T] | Ready[T]], threads: int = DECODE_THREADS
) -> Iterator[T]:
    """Run decoders in order on as many threads, as many ahead of what is used."""
    with ThreadPoolExecutor(threads, "decode") as pool:
        ahead: deque[Future[T] | Ready[T]] = deque()
        try:
            for decoder in decoders:
                ahead.append(decoder if isinstance(decoder, Ready) else pool.submit(decoder))
                if len(ahead) > threads:
                    yield ahead.popleft().result()
            while ahead:
                yield ahead.popleft().result()
        finally:
            for future in ahead:
                future.cancel()


class Ready(Generic[T]):
    """What is made so fast that no other thread need be asked, like a `Future`."""

    def __init__(self, result: Callable[[], T]) -> None:
        self.result = result

    def cancel(self) -> None:
        """Nothing was begun."""


def _values(column: pa.ChunkedArray) -> NDArray[Any]:
    """A column as it was decoded, to be written to: nobody else has its memory."""
    if column.num_chunks == 1:
        chunk = column.chunk(0)
        _, buffer = chunk.buffers()
        if buffer is not None and buffer.is_mutable:
            dtype = chunk.type.to_pandas_dtype()
            return np.frombuffer(buffer, dtype, len(chunk), chunk.offset * np.dtype(dtype).itemsize)
    return np.array(column.to_numpy())


def _damaged(path: StoredPath, error: Exception, what: str) -> LakeError:
    return unreadable(path, error, what, "Delete the file and download it again")


class _Day:
    """One open file and the clock that runs through it."""

    def __init__(self, info: DayInfo, price_factor: int, qty_factor: int) -> None:
        self.info = info
        self.price_factor = price_factor
        self.qty_factor = qty_factor
        first = self._open()
        self.groups = first.metadata.num_row_groups
        self.clock = -(2**63)
        self._files: queue.SimpleQueue[pq.ParquetFile] = queue.SimpleQueue()
        self._files.put(first)  # a file is used by one thread at a time
        self._metadata = first.metadata
        # Set when the clock has gone through the row groups up to that one.
        self._clocked = [threading.Event() for _ in range(self.groups)]

    def _open(self, metadata: pq.FileMetaData | None = None) -> pq.ParquetFile:
        return parquet_file(self.info.path, open_stored(self.info.path), metadata)

    def decode(self, group: int) -> Trades:
        try:
            table = self._read(group)
            columns = {name: _values(table[name]) for name in table.column_names}
            time = columns["time"]
            if self.info.quality.out_of_order:
                # Where the exchange's clock ran backwards, time stands still.
                time = np.maximum.accumulate(time)
                if group:
                    self._clocked[group - 1].wait()
                np.maximum(time, self.clock, out=time)
                self.clock = int(time[-1])
        finally:
            self._clocked[group].set()  # after an error too: nobody uses what follows it
        # In place, as memory for another million values costs more than the sum.
        if self.info.tape.kind is Kind.AGG_TRADES:
            count = columns.pop("last_id")
            np.subtract(count, columns.pop("first_id"), out=count)
            count += 1
            fills = count.astype(np.int32)
        else:
            fills = np.ones(time.size, np.int32)
        if (factor := TIME_FACTORS[self.info.time_unit]) != 1:
            time *= factor
        return Trades(
            id=columns["id"],
            time=time,
            price=self._scaled(columns["price"], self.price_factor),
            qty=self._scaled(columns["quantity"], self.qty_factor),
            side=columns["side"],
            fills=fills,
        ).frozen()

    def _read(self, group: int) -> pa.Table:
        try:
            file = self._files.get_nowait()
        except queue.Empty:
            file = self._open(self._metadata)
        try:
            return file.read_row_group(group, use_threads=False)
        except (pa.ArrowInvalid, OSError) as error:
            raise _damaged(self.info.path, error, "a stored day cannot be decoded") from error
        finally:
            self._files.put(file)

    def _scaled(self, column: NDArray[np.int64], factor: int) -> NDArray[np.int64]:
        if factor == 1 or not column.size:
            return column
        if int(column.max()) * factor > _INT64_MAX:
            raise LakeError(
                "in units this fine a stored number does not fit 64 bits",
                where=str(self.info.path),
                fix="Read the days of coarse and of fine units apart",
            )
        return column * factor
