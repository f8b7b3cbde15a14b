"""Rows of a month laid aside by day, packed, until each day's turn comes."""

from __future__ import annotations

import datetime as dt
import struct
from typing import IO, TYPE_CHECKING

import numpy as np
import pyarrow as pa

from orderflow_bt.archive import ParsedDay
from orderflow_bt.archive.rows import tick_decimals
from orderflow_bt.kernels import parse
from orderflow_bt.store.schema import TIME_FACTORS
from orderflow_bt.types import DAY_US

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from orderflow_bt.archive.stream import RowStream

_EPOCH = dt.date(1970, 1, 1)
_SIZES = struct.Struct("<qq")  # rows of a piece, and bytes of it packed


class Spill:
    """Pieces of a tape, cut at midnights UTC, in one file a day.

    Args:
        folder: Where the files lie until `close`.
        stem: What their names begin with.
        days: The days whose rows are wanted.
    """

    def __init__(self, folder: Path, stem: str, days: Sequence[dt.date]) -> None:
        self.folder = folder
        self.stem = stem
        self.days = frozenset(days)
        self._files: dict[dt.date, IO[bytes]] = {}
        self._rows: RowStream | None = None

    def add(self, columns: NDArray[np.int64], rows: RowStream) -> None:
        """Lay the rows of the wanted days aside.

        Args:
            columns: A piece of ``rows``.
            rows: What it is a piece of; all have the same units.
        """
        self._rows = rows
        numbers = columns[parse.TIME] // (DAY_US // TIME_FACTORS[rows.time_unit])
        for number in np.unique(numbers).tolist():
            date = _EPOCH + dt.timedelta(days=number)
            if date not in self.days:
                continue
            chosen = np.ascontiguousarray(columns[:, numbers == number])
            packed = pa.compress(chosen.tobytes(), codec="zstd", asbytes=True)
            file = self._files.get(date)
            if file is None:
                file = self._files[date] = self._path(date).open("w+b")
            file.write(_SIZES.pack(chosen.shape[1], len(packed)) + packed)

    def day(self, date: dt.date) -> ParsedDay | None:
        """All rows of a day, in the order in which they came; its file is gone afterwards."""
        file = self._files.pop(date, None)
        if file is None or self._rows is None:
            return None
        with file:
            file.seek(0)
            columns = np.concatenate(list(_unpack(file)), axis=1)
        self._path(date).unlink()
        rows = self._rows
        prices = _decimals_used(columns[parse.PRICE], rows.price_decimals)
        quantities = _decimals_used(columns[parse.QTY], rows.qty_decimals)
        price_decimals, qty_decimals = prices.nonzero()[0][-1], quantities.nonzero()[0][-1]
        columns[parse.PRICE] //= 10 ** (rows.price_decimals - price_decimals)
        columns[parse.QTY] //= 10 ** (rows.qty_decimals - qty_decimals)
        return ParsedDay(
            columns=columns,
            price_decimals=int(price_decimals),
            qty_decimals=int(qty_decimals),
            tick_decimals=tick_decimals(prices),
            time_unit=rows.time_unit,
            header=rows.header,
            ignored=rows.ignored,
        )

    def close(self) -> None:
        """Delete what is left."""
        for date, file in self._files.items():
            file.close()
            self._path(date).unlink(missing_ok=True)
        self._files.clear()

    def _path(self, date: dt.date) -> Path:
        return self.folder / f"{self.stem}.{date:%d}.spill.part"


def _unpack(file: IO[bytes]) -> Iterator[NDArray[np.int64]]:
    while sizes := file.read(_SIZES.size):
        rows, packed = _SIZES.unpack(sizes)
        size = parse.COLUMNS * rows * 8
        raw = pa.decompress(file.read(packed), size, codec="zstd", asbytes=True)
        yield np.frombuffer(raw, np.int64).reshape(parse.COLUMNS, rows)


def _decimals_used(column: NDArray[np.int64], decimals: int) -> NDArray[np.int64]:
    """How many numbers need exactly 0, 1 … ``decimals`` decimals."""
    exact = [int((column % 10 ** (decimals - places) == 0).sum()) for places in range(decimals + 1)]
    counts = np.array(exact, np.int64)
    counts[1:] -= counts[:-1].copy()
    return counts
