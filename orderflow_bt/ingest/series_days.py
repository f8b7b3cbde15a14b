"""A month of klines to its days, packed in memory until each day's turn comes."""

from __future__ import annotations

import datetime as dt
from collections import defaultdict
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa

from orderflow_bt.errors import MalformedError
from orderflow_bt.store.schema import TIME_FACTORS
from orderflow_bt.types import DAY_US

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable

    from numpy.typing import NDArray

    from orderflow_bt.archive import ParsedSeries
    from orderflow_bt.series import SeriesId

_EPOCH = dt.date(1970, 1, 1)
_INT64_MAX = 2**63 - 1


class SeriesDays:
    """The rows of a month's file by UTC day. A row takes about ten bytes.

    Args:
        series: Whose; all of its columns are whole numbers.
        pieces: The file's rows.
        days: The days that are wanted.
        label: What an error calls the file.

    Raises:
        MalformedError: The content cannot be read.
    """

    def __init__(
        self,
        series: SeriesId,
        pieces: Iterable[ParsedSeries],
        days: Collection[dt.date],
        label: str,
    ) -> None:
        self._names = [field.name for field in series.fields]
        self._units: dict[str, str] = dict(series.fields)
        self._packed: dict[dt.date, list[tuple[dict[str, int], bytes]]] = defaultdict(list)
        self._form: ParsedSeries | None = None
        self._label = label
        for piece in pieces:
            self._add(piece, days)

    def of(self, date: dt.date) -> ParsedSeries | None:
        """The rows of a day, in the order of the file and in the decimals that they need.

        Raises:
            MalformedError: The numbers do not fit 64 bits.
        """
        packed = self._packed.pop(date, None)
        if packed is None or self._form is None:
            return None
        finest = {name: max(decimals[name] for decimals, _ in packed) for name in packed[0][0]}
        tables = [self._unpacked(rows, decimals, finest) for decimals, rows in packed]
        table = np.concatenate(tables, axis=1)
        columns = dict(zip(self._names, table, strict=True))
        needed = {}
        for unit, decimals in finest.items():
            scaled = [columns[name] for name in self._names if self._units[name] == unit]
            needed[unit] = _needed(np.concatenate(scaled), decimals)
            for column in scaled:
                np.floor_divide(column, 10 ** (decimals - needed[unit]), out=column)
        return replace(self._form, columns=columns, decimals=needed)

    def _add(self, piece: ParsedSeries, days: Collection[dt.date]) -> None:
        if self._form is None:
            self._form = replace(piece, columns={}, decimals={})
        if piece.time_unit != self._form.time_unit:
            raise MalformedError("milliseconds and microseconds are mixed", where=self._label)
        table = np.stack([piece.columns[name].astype(np.int64) for name in self._names])
        numbers = table[0] // (DAY_US // TIME_FACTORS[piece.time_unit])
        for number in np.unique(numbers).tolist():
            date = _EPOCH + dt.timedelta(days=number)
            if date in days:
                rows = np.ascontiguousarray(table[:, numbers == number])
                packed = pa.compress(rows.tobytes(), codec="zstd", asbytes=True)
                size = rows.size.to_bytes(8, "little")
                self._packed[date].append((piece.decimals, size + packed))

    def _unpacked(
        self, packed: bytes, decimals: dict[str, int], finest: dict[str, int]
    ) -> NDArray[np.int64]:
        size = int.from_bytes(packed[:8], "little")
        raw = pa.decompress(packed[8:], size * 8, codec="zstd", asbytes=True)
        table = np.frombuffer(raw, np.int64).reshape(len(self._names), -1).copy()
        for row, name in zip(table, self._names, strict=True):
            unit = self._units[name]
            factor = 10 ** (finest[unit] - decimals[unit]) if unit in decimals else 1
            if factor > 1 and int(np.abs(row).max()) * factor > _INT64_MAX:
                raise MalformedError(
                    f"the numbers of column {name} do not fit 64 bits in the finest of the day",
                    where=self._label,
                )
            np.multiply(row, factor, out=row)
        return table


def _needed(values: NDArray[np.int64], decimals: int) -> int:
    """The least decimals in which every number is exact."""
    for fewer in range(decimals):
        if not (values % 10 ** (decimals - fewer)).any():
            return fewer
    return decimals
