"""Stored row groups to trades: exact units, microseconds, decoded ahead of their use."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import TYPE_CHECKING

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


def row_groups(
    info: DayInfo, price_decimals: int, qty_decimals: int
) -> Iterator[Callable[[], Trades]]:
    """A function for each row group of a day that decodes it; call them in order, once each.

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


def read_ahead(decoders: Iterable[Callable[[], Trades]]) -> Iterator[Trades]:
    """Run decoders in order on one thread, one ahead of what is used."""
    with ThreadPoolExecutor(1, "decode") as thread:
        pending = None
        for decoder in decoders:
            following = thread.submit(decoder)
            if pending is not None:
                yield pending.result()
            pending = following
        if pending is not None:
            yield pending.result()


def first_line(error: Exception) -> str:
    """The first line of a library's message, which may go on for several."""
    return (str(error).splitlines() or [type(error).__name__])[0]


class _Day:
    """One open file and the clock that runs through it."""

    def __init__(self, info: DayInfo, price_factor: int, qty_factor: int) -> None:
        self.info = info
        self.price_factor = price_factor
        self.qty_factor = qty_factor
        self.file = pq.ParquetFile(info.path, memory_map=True, page_checksum_verification=True)
        self.groups = self.file.metadata.num_row_groups
        self.clock = -(2**63)

    def decode(self, group: int) -> Trades:
        try:
            table = self.file.read_row_group(group, use_threads=False)
        except (pa.ArrowInvalid, OSError) as error:
            raise LakeError(
                f"a stored day cannot be decoded: {first_line(error)}",
                where=str(self.info.path),
                fix="Delete the file and download the day again",
            ) from error
        columns = {name: table[name].to_numpy() for name in table.column_names}
        time = columns["time"]
        if self.info.quality.out_of_order:
            # Where the exchange's clock ran backwards, time stands still.
            time = np.maximum.accumulate(time)
            np.maximum(time, self.clock, out=time)
            self.clock = int(time[-1])
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
