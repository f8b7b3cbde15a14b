"""CSV text of klines, funding rates and metrics to exact columns.

A day of these is small (one-second klines, the largest, have 86,400 rows), so they are read by
plain means, a month of them in pieces; the pass over trades in `orderflow_bt.archive.rows` is the
fast one.
"""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from decimal import Decimal, localcontext
from itertools import chain
from typing import TYPE_CHECKING

import numpy as np

from orderflow_bt.archive.parsed import ParsedSeries
from orderflow_bt.archive.rows import time_unit
from orderflow_bt.errors import MalformedError

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from orderflow_bt.series import Field

MOST_BYTES = 1 << 28
PIECE_ROWS = 1 << 15
_LONGEST_ROW = 1 << 16
_INT64_MAX = 2**63 - 1
_NUMBER = re.compile(r"(-?)(\d{1,40})(?:\.(\d{1,40}))?$", re.ASCII)
_WHOLE = re.compile(r"\d{1,18}$", re.ASCII)
_SECONDS = re.compile(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d$", re.ASCII)
_BROKEN = "The archive's copy is broken; nothing of this day was stored"
EXACT_DECIMALS = 18
_EXACT_LIMIT = Decimal(10) ** (38 - EXACT_DECIMALS)

# Given the header's names (None where there is none) and the number of fields in a row: for each
# field of the series the place of its text in a row.
SeriesLayout = Callable[[list[str] | None, int], list[int]]


def parse_series(
    blocks: Iterable[bytes], fields: Sequence[Field], layout: SeriesLayout, label: str
) -> ParsedSeries:
    """Parse a whole file of a series.

    Args:
        blocks: The text, cut anywhere.
        fields: The columns wanted, the time first.
        layout: Where each of them stands in a row.
        label: What an error calls the file.

    Raises:
        MalformedError: A header, row or number that cannot be read exactly.
    """
    (whole,) = series_pieces(_of_a_day(blocks, label), fields, layout, label, MOST_BYTES)
    return whole


def series_pieces(
    blocks: Iterable[bytes],
    fields: Sequence[Field],
    layout: SeriesLayout,
    label: str,
    most_rows: int,
) -> Iterator[ParsedSeries]:
    """Parse a file of a series, so many rows at a time, each piece in the decimals that it needs.

    Raises:
        MalformedError: A header, row or number that cannot be read exactly, or no row at all.
    """
    parser: _Rows | None = None
    for lines in _line_pieces(blocks, label, most_rows):
        if parser is None:
            parser = _Rows(lines[0], fields, layout, label)
            lines = lines[parser.header :]  # noqa: PLW2901 - the names are no row
        if lines:
            yield parser.parse(lines)
    if parser is None or not parser.rows:
        raise MalformedError("the file holds no rows", where=label)


class _Rows:
    """Where the fields stand in a file's rows, and how many were parsed."""

    def __init__(
        self, line: str, fields: Sequence[Field], layout: SeriesLayout, label: str
    ) -> None:
        first = [text.strip().strip('"') for text in line.split(",")]
        self.header = not first[0][:1].isdigit()
        self.rows = 0
        self._fields = fields
        self._label = label
        self._width = len(first)
        try:
            self._places = layout(first if self.header else None, len(first))
        except MalformedError as error:
            raise MalformedError(error.what, where=f"{label}, row 1", fix=error.fix) from None

    def parse(self, lines: Sequence[str]) -> ParsedSeries:
        """The next rows."""
        before = self.rows + self.header
        rows = [line.split(",") for line in lines]
        for n, row in enumerate(rows):
            if len(row) != self._width:
                raise MalformedError(
                    f"the row has {len(row)} columns and should have {self._width}",
                    where=f"{self._label}, row {before + n + 1}",
                    fix=_BROKEN,
                )
        columns: dict[str, NDArray[np.int64] | NDArray[np.object_]] = {}
        scaled: dict[str, list[tuple[int, int]]] = {}
        for field, place in zip(self._fields, self._places, strict=True):
            texts = [row[place].strip().strip('"') for row in rows]
            reader = _READERS.get(field.unit)
            try:
                if reader is not None:
                    columns[field.name] = reader(texts)
                else:
                    scaled[field.name] = [_number(text) for text in texts]
            except _TextError as error:
                at = before + texts.index(error.text) + 1
                raise MalformedError(
                    f"{error.what} {error.text[:40]!r} in column {field.name}",
                    where=f"{self._label}, row {at}",
                    fix=_BROKEN,
                ) from None
        units: dict[str, str] = dict(self._fields)
        decimals: dict[str, int] = {
            unit: max(
                places for name in scaled if units[name] == unit for _, places in scaled[name]
            )
            for unit in sorted({units[name] for name in scaled})
        }
        for name, numbers in scaled.items():
            columns[name] = _scale(numbers, decimals[units[name]], name, self._label)
        self.rows += len(rows)
        return ParsedSeries(
            columns={field.name: columns[field.name] for field in self._fields},
            decimals=decimals,
            time_unit=_unit(columns[self._fields[0].name], self._label, header=self.header),
            header=self.header,
        )


def _of_a_day(blocks: Iterable[bytes], label: str) -> Iterator[bytes]:
    """The text of a file that is to be read whole.

    Raises:
        MalformedError: It is longer than any such file is.
    """
    size = 0
    for block in blocks:
        size += len(block)
        if size > MOST_BYTES:
            raise MalformedError(
                f"the text is longer than {MOST_BYTES:,} bytes, which no such file is", where=label
            )
        yield block


def _line_pieces(blocks: Iterable[bytes], label: str, most: int) -> Iterator[list[str]]:
    """Lines that are not blank, so many at a time."""
    waiting: list[str] = []
    rest = b""
    is_first = True
    for block in chain(blocks, [b"\n"]):
        text, newline, rest = (rest + block).rpartition(b"\n")
        if len(rest) > _LONGEST_ROW:
            raise MalformedError("a row without end", where=label, fix=_BROKEN)
        if not newline:
            continue
        try:
            decoded = text.decode("utf-8-sig" if is_first else "utf-8")
        except UnicodeDecodeError as error:
            raise MalformedError(f"not text: {error.reason}", where=label, fix=_BROKEN) from None
        is_first = False
        lines = (line.removesuffix("\r") for line in decoded.split("\n"))
        waiting += [line for line in lines if line.strip()]
        while len(waiting) > most:
            yield waiting[:most]
            waiting = waiting[most:]
    if waiting:
        yield waiting


class _TextError(Exception):
    def __init__(self, what: str, text: str) -> None:
        super().__init__(what)
        self.what = what
        self.text = text


def _number(text: str) -> tuple[int, int]:
    """The digits of a decimal number as an integer, and how many stand after its point."""
    match = _NUMBER.match(text)
    if match is None:
        raise _TextError("unreadable number", text)
    fraction = (match[3] or "").rstrip("0")
    return int(match[1] + match[2] + fraction), len(fraction)


def _scale(
    numbers: list[tuple[int, int]], decimals: int, name: str, label: str
) -> NDArray[np.int64]:
    values = [digits * 10 ** (decimals - places) for digits, places in numbers]
    if max(values) > _INT64_MAX or min(values) < -_INT64_MAX:
        raise MalformedError(
            f"the numbers of column {name} do not fit 64 bits with {decimals} decimals",
            where=label,
        )
    return np.array(values, np.int64)


def _counts(texts: list[str]) -> NDArray[np.int64]:
    for text in texts:
        if not _WHOLE.match(text):
            raise _TextError("unreadable whole number", text)
    return np.array([int(text) for text in texts], np.int64)


def _times(texts: list[str]) -> NDArray[np.int64]:
    """Numbers as they are; a date and a time of day as milliseconds."""
    if ":" not in texts[0]:
        return _counts(texts)
    values = []
    for text in texts:
        if not _SECONDS.match(text):
            raise _TextError("unreadable time", text)
        try:
            moment = dt.datetime.fromisoformat(text).replace(tzinfo=dt.UTC)
        except ValueError:
            raise _TextError("unreadable time", text) from None
        values.append(int(moment.timestamp()) * 1000)
    return np.array(values, np.int64)


def _exact(texts: list[str]) -> NDArray[np.object_]:
    values: list[Decimal | None] = []
    with localcontext() as context:
        context.prec = 100
        for text in texts:
            if not text:
                values.append(None)
                continue
            digits, places = _number(text)
            value = Decimal(digits).scaleb(-places)
            if places > EXACT_DECIMALS or abs(value) >= _EXACT_LIMIT:
                raise _TextError("a number of too many digits:", text)
            values.append(value)
    column = np.empty(len(values), np.object_)
    column[:] = values
    return column


def _unit(times: NDArray[np.int64] | NDArray[np.object_], label: str, *, header: bool) -> str:
    return time_unit(times.astype(np.int64), label, header=header)


_READERS: dict[str, Callable[[list[str]], NDArray[np.int64] | NDArray[np.object_]]] = {
    "time": _times,
    "count": _counts,
    "exact": _exact,
}
