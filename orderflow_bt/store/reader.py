"""Stored row groups to trades: exact units, microseconds, decoded ahead of their use."""

from __future__ import annotations

import queue
import threading
from collections import deque
from concurrent.futures import Future, ThreadPoolExecutor
from functools import partial
from typing import TYPE_CHECKING, TypeVar

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from orderflow_bt.errors import LakeError
from orderflow_bt.store.schema import TIME_FACTORS
from orderflow_bt.types import Kind, Trades

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from numpy.typing import NDArray

    from orderflow_bt.store.schema import DayInfo

_INT64_MAX = 2**63 - 1
DECODE_THREADS = 2
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


def read_columns(info: DayInfo, names: Sequence[str]) -> Iterator[dict[str, NDArray[np.int64]]]:
    """Columns of a stored day as they stand in the file, one row group after the other.

    Raises:
        LakeError: The file is damaged or lacks a column.
    """
    try:
        with pq.ParquetFile(info.path, page_checksum_verification=True) as file:
            for group in range(file.metadata.num_row_groups):
                table = file.read_row_group(group, columns=list(names), use_threads=False)
                yield {name: table[name].to_numpy() for name in names}
    except (pa.ArrowInvalid, OSError, KeyError) as error:
        raise LakeError(
            f"a stored day cannot be decoded: {first_line(error)}",
            where=str(info.path),
            fix="Delete the file and download the day again",
        ) from error


def read_ahead(decoders: Iterable[Callable[[], T]], threads: int = DECODE_THREADS) -> Iterator[T]:
    """Run decoders in order on as many threads, as many ahead of what is used."""
    with ThreadPoolExecutor(threads, "decode") as pool:
        ahead: deque[Future[T]] = deque()
        try:
            for decoder in decoders:
                ahead.append(pool.submit(decoder))
                if len(ahead) > threads:
                    yield ahead.popleft().result()
            while ahead:
                yield ahead.popleft().result()
        finally:
            for future in ahead:
                future.cancel()


def first_line(error: Exception) -> str:
    """The first line of a library's message, which may go on for several."""
    return (str(error).splitlines() or [type(error).__name__])[0]


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
        return pq.ParquetFile(
            self.info.path, memory_map=True, page_checksum_verification=True, metadata=metadata
        )

    def decode(self, group: int) -> Trades:
        try:
            table = self._read(group)
            columns = {name: table[name].to_numpy() for name in table.column_names}
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
        if self.info.tape.kind is Kind.AGG_TRADES:
            fills = (columns["last_id"] - columns["first_id"] + 1).astype(np.int32)
        else:
            fills = np.ones(time.size, np.int32)
        return Trades(
            id=columns["id"],
            time=time * TIME_FACTORS[self.info.time_unit],
            price=self._scaled(columns["price"], self.price_factor),
            qty=self._scaled(columns["quantity"], self.qty_factor),
            side=columns["side"],
            fills=fills,
        )

    def _read(self, group: int) -> pa.Table:
        try:
            file = self._files.get_nowait()
        except queue.Empty:
            file = self._open(self._metadata)
        try:
            return file.read_row_group(group, use_threads=False)
        except (pa.ArrowInvalid, OSError) as error:
            raise LakeError(
                f"a stored day cannot be decoded: {first_line(error)}",
                where=str(self.info.path),
                fix="Delete the file and download the day again",
            ) from error
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
