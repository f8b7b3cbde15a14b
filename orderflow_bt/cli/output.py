"""Rows of results as a table, CSV, JSON or Parquet: exact, streamed, whole or not there."""

from __future__ import annotations

import datetime as dt
import json
import os
import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING, NamedTuple, Protocol

from orderflow_bt.cli.options import Format
from orderflow_bt.errors import OrderflowError, UsageError
from orderflow_bt.parts import clear, held, part_of

if TYPE_CHECKING:
    from collections.abc import Container, Iterable, Iterator, Sequence
    from pathlib import Path
    from typing import IO

    import pyarrow as pa

    from orderflow_bt.flow.columns import Field, Values

Value = int | float | str | bool | None
_EPOCH = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)
_TABLE_ROWS = 1000
_AT_ONCE = 1 << 12  # rows that are plain values
_PARQUET_ROWS = 1 << 16  # of a row group, about


class Column(NamedTuple):
    """A named column and how its values are meant.

    Attributes:
        name: As in the CSV header.
        kind: ``time`` (int microseconds UTC), ``decimal`` (int in units of ``10**-decimals``),
            ``int``, ``float``, ``bool`` or ``word``. None is an absent value in any of them.
        decimals: Digits after the point.
        in_table: Whether the table for people shows it.
    """

    name: str
    kind: str
    decimals: int = 0
    in_table: bool = True


class _Sink(Protocol):
    def write(self, rows: Sequence[Sequence[Value]]) -> None: ...
    def close(self) -> None: ...


def write_rows(
    columns: Sequence[Column],
    batches: Iterable[Sequence[Sequence[Value]]],
    how: Format | None,
    out: Path | None,
) -> None:
    """Print rows to stdout, or write them to a file that appears when it is whole.

    Args:
        columns: What each row holds.
        batches: The rows, a list at a time.
        how: The format; None takes it from the file's ending, and a table without a file.
        out: The file, or None for stdout.

    Raises:
        UsageError: Parquet without a file, or a file whose ending names no format.
    """
    how = how or _format_of(out)
    if how is Format.PARQUET and out is None:
        raise UsageError("Parquet is not for a terminal", where="--format", fix="Add --out FILE")
    if out is None:
        _pour(_text_sink(how, columns, sys.stdout), batches)
        sys.stdout.flush()
        return
    with whole_file(out) as part:
        if how is Format.PARQUET:
            _pour(_ParquetSink(columns, part), batches)
            return
        with part.open("w", encoding="utf-8", newline="") as file:
            _pour(_text_sink(how, columns, file), batches)


def as_columns(fields: Iterable[Field], not_in_table: Container[str] = ()) -> list[Column]:
    """Columns to print of what readings hold."""
    return [
        Column(
            field.name,
            "decimal" if field.is_decimal else field.kind,
            field.decimals,
            field.name not in not_in_table,
        )
        for field in fields
    ]


def as_rows(columns: Iterable[Values]) -> Iterator[list[tuple[Value, ...]]]:
    """Columns of equal length as rows of plain values, some at a time."""
    whole = list(columns)
    for first in range(0, len(whole[0]), _AT_ONCE):
        some = [column[first : first + _AT_ONCE] for column in whole]
        plain = [column if isinstance(column, list) else column.tolist() for column in some]
        yield list(zip(*plain, strict=True))


def decimal_text(units: int, decimals: int) -> str:
    """An integer count of ``10**-decimals`` as exact text: ``decimal_text(-5, 2)`` is ``-0.05``."""
    if decimals == 0:
        return str(units)
    digits = str(abs(units)).rjust(decimals + 1, "0")
    return f"{'-' if units < 0 else ''}{digits[:-decimals]}.{digits[-decimals:]}"


def time_text(time_us: int) -> str:
    """ISO-8601 UTC with microseconds: ``2024-01-01T00:05:00.000000Z``."""
    moment = _EPOCH + dt.timedelta(microseconds=time_us)
    return moment.strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def _format_of(out: Path | None) -> Format:
    if out is None:
        return Format.TABLE
    try:
        return Format(out.suffix.removeprefix("."))
    except ValueError:
        raise UsageError(
            f"the ending of {out.name} names no format",
            where="--out",
            fix="End it in .csv, .json or .parquet, or add --format",
        ) from None


def _pour(sink: _Sink, batches: Iterable[Sequence[Sequence[Value]]]) -> None:
    for rows in batches:
        sink.write(rows)
    sink.close()


@contextmanager
def whole_file(out: Path) -> Iterator[Path]:
    """A name to write to, which becomes ``out`` when the block ends well, else is deleted."""
    part = part_of(out)
    clear(out.parent)
    try:
        part.touch()
        with held(part):
            yield part
            with part.open("rb+") as file:
                os.fsync(file.fileno())
            part.replace(out)
    except OSError as error:
        raise not_written(error, out) from error
    finally:
        part.unlink(missing_ok=True)


def not_written(error: OSError, out: Path) -> OrderflowError:
    """Why a file cannot be written: a wrong place, or what the system refused."""
    if isinstance(error, FileNotFoundError | NotADirectoryError):
        return UsageError(
            f"the file cannot be written: there is no folder {out.parent}",
            where="--out", fix="Make it first",
        )  # fmt: skip
    return OrderflowError(
        f"the file cannot be written: {error.strerror or error}",
        where=str(out),
        fix="Free some space, or give another place with --out",
    )


def _cell(column: Column, value: Value) -> str:
    if value is None:
        return ""
    if column.kind == "time":
        return time_text(int(value))
    if column.kind == "decimal":
        return decimal_text(int(value), column.decimals)
    if column.kind == "bool":
        return "true" if value else "false"
    return str(value)


def _text_sink(how: Format, columns: Sequence[Column], file: IO[str]) -> _Sink:
    if how is Format.CSV:
        return _CsvSink(columns, file)
    return _JsonSink(columns, file) if how is Format.JSON else _TableSink(columns, file)


def _csv_cell(text: str) -> str:
    """Quoted where a reader would take it apart; only queries make such words."""
    if any(mark in text for mark in ',"\n\r'):
        return '"' + text.replace('"', '""') + '"'
    return text


class _CsvSink:
    """A header and a line a row."""

    def __init__(self, columns: Sequence[Column], file: IO[str]) -> None:
        self._columns, self._file = columns, file
        file.write(",".join(_csv_cell(column.name) for column in columns) + "\n")

    def write(self, rows: Sequence[Sequence[Value]]) -> None:
        for row in rows:
            cells = [_cell(column, value) for column, value in zip(self._columns, row, strict=True)]
            self._file.write(",".join(map(_csv_cell, cells)) + "\n")

    def close(self) -> None:
        pass


class _JsonSink:
    """A list with one object a row; decimals are text, so that they stay exact."""

    def __init__(self, columns: Sequence[Column], file: IO[str]) -> None:
        self._columns, self._file = columns, file
        self._before = "[\n"

    def write(self, rows: Sequence[Sequence[Value]]) -> None:
        for row in rows:
            item = {
                column.name: _cell(column, value)
                if column.kind in {"time", "decimal"} and value is not None
                else value
                for column, value in zip(self._columns, row, strict=True)
            }
            self._file.write(self._before + json.dumps(item))
            self._before = ",\n"

    def close(self) -> None:
        self._file.write("[]\n" if self._before == "[\n" else "\n]\n")


class _TableSink:
    """For eyes: fewer columns, and no more rows than somebody reads."""

    def __init__(self, columns: Sequence[Column], file: IO[str]) -> None:
        from rich import box
        from rich.table import Table

        self._columns, self._file = columns, file
        self._rows = 0
        self._table = Table(box=box.SIMPLE_HEAD, pad_edge=False, header_style="bold")
        for column in columns:
            if column.in_table:
                words = column.kind in {"time", "word", "bool"}
                name = "time, UTC" if column.kind == "time" else column.name.replace("_", " ")
                self._table.add_column(name, justify="left" if words else "right", no_wrap=True)

    def write(self, rows: Sequence[Sequence[Value]]) -> None:
        for row in rows[: max(_TABLE_ROWS - self._rows, 0)]:
            self._table.add_row(
                *(
                    _styled(column, value)
                    for column, value in zip(self._columns, row, strict=True)
                    if column.in_table
                )
            )
        self._rows += len(rows)

    def close(self) -> None:
        from rich.console import Console

        console = Console(file=self._file, width=None if self._file.isatty() else 240)
        console.print(self._table)
        if self._rows > _TABLE_ROWS:
            hidden = self._rows - _TABLE_ROWS
            print(  # noqa: T201 - said beside the result, on stderr
                f"{_TABLE_ROWS:,} rows shown, {hidden:,} more with --format csv", file=sys.stderr
            )


def _styled(column: Column, value: Value) -> str:
    if column.kind == "bool":
        return "●" if value else ""
    text = _cell(column, value)
    if column.kind == "time":
        return text[:19].replace("T", " ")
    if column.name == "delta" and isinstance(value, int) and value:
        return f"[{'green' if value > 0 else 'red'}]{text}[/]"
    if column.name == "status" and value != "ok":
        return f"[yellow]{text}[/]"
    return text


class _ParquetSink:
    """Decimals as decimal128, times as microseconds UTC."""

    def __init__(self, columns: Sequence[Column], path: Path) -> None:
        import pyarrow as pa
        import pyarrow.parquet as pq

        types = {
            "time": pa.timestamp("us", tz="UTC"),
            "int": pa.int64(),
            "float": pa.float64(),
            "bool": pa.bool_(),
            "word": pa.string(),
        }
        self._columns = columns
        self._schema = pa.schema(
            [
                (c.name, pa.decimal128(38, c.decimals) if c.kind == "decimal" else types[c.kind])
                for c in columns
            ]
        )
        self._rows: list[Sequence[Value]] = []
        self._waiting: list[pa.Table] = []  # of the next row group
        self._writer = pq.ParquetWriter(path, self._schema, compression="zstd")

    def write(self, rows: Sequence[Sequence[Value]]) -> None:
        self._rows.extend(rows)
        if len(self._rows) >= _AT_ONCE:
            self._pack()
            if sum(table.num_rows for table in self._waiting) >= _PARQUET_ROWS:
                self._flush()

    def close(self) -> None:
        self._pack()
        self._flush()
        self._writer.close()

    def _flush(self) -> None:
        import pyarrow as pa

        self._writer.write_table(pa.concat_tables(self._waiting))
        self._waiting = []

    def _pack(self) -> None:
        """As columns they take a tenth of what they do as Python's numbers."""
        self._waiting.append(self._table(self._rows))
        self._rows = []

    def _table(self, rows: Sequence[Sequence[Value]]) -> pa.Table:
        import decimal

        import pyarrow as pa

        exact = decimal.Context(prec=60)
        arrays = []
        for k, field in enumerate(self._schema):
            values: list[object] = [row[k] for row in rows]
            column = self._columns[k]
            if column.kind == "decimal":
                values = [
                    None if v is None else decimal.Decimal(str(v)).scaleb(-column.decimals, exact)
                    for v in values
                ]
            arrays.append(pa.array(values, field.type))
        return pa.Table.from_arrays(arrays, schema=self._schema)
