"""``orderflow-bt sql``: questions to the lake in SQL, in exact decimals and UTC."""

from __future__ import annotations

import datetime as dt
import re
import sys
from typing import TYPE_CHECKING, Annotated

import typer

from orderflow_bt.cli import options
from orderflow_bt.cli.output import Column, write_rows

if TYPE_CHECKING:
    from collections.abc import Iterator

    from orderflow_bt.cli.output import Value
    from orderflow_bt.store.views import Query

_EPOCH = dt.datetime(1970, 1, 1)  # noqa: DTZ001 - DuckDB's timestamps carry no zone; they are UTC
_INTEGERS = {f"{sign}{size}INT" for sign in ("", "U") for size in ("TINY", "SMALL", "BIG", "HUGE")}
_INTEGERS |= {"INTEGER", "UINTEGER"}


def command(
    query: Annotated[
        str,
        typer.Argument(
            help="One SELECT over trades, klines, quality, gaps; - reads it from stdin."
        ),
    ],
    how: options.TableFormat = None,
    out: options.TableFile = None,
    memory: Annotated[
        str, typer.Option("--memory", help="What the query may use before it spills to disk.")
    ] = "1GB",
) -> None:
    """Ask the lake in SQL, with the views trades, klines, quality and gaps.

    DESCRIBE trades lists the columns of one. Prices and quantities are exact decimals, times are
    UTC. Nothing can be written, and nothing outside the lake is read.
    """
    from orderflow_bt.errors import UsageError
    from orderflow_bt.store.views import Query

    if not re.fullmatch(r"\d+(\.\d+)? ?[kKMGT]i?B", memory):
        raise UsageError(f"{memory!r} is not an amount", where="--memory", fix="Write it as 2GB")
    text = sys.stdin.read() if query == "-" else query
    asked = Query(options.open_lake(), text, memory=memory)
    try:
        columns = [_column(name, kind) for name, kind in asked.columns]
        write_rows(columns, _rows(asked, columns), how, out)
    finally:
        asked.close()


def _column(name: str, kind: str) -> Column:
    """How the values of a SQL type are printed."""
    if match := re.fullmatch(r"DECIMAL\(\d+,\s*(\d+)\)", kind):
        return Column(name, "decimal", int(match[1]))
    if kind in _INTEGERS:
        return Column(name, "int")
    if kind in ("DOUBLE", "FLOAT"):
        return Column(name, "float")
    if kind.startswith("TIMESTAMP"):
        return Column(name, "time")
    return Column(name, "bool" if kind == "BOOLEAN" else "word")


def _rows(asked: Query, columns: list[Column]) -> Iterator[list[list[Value]]]:
    for batch in asked.batches():
        yield [
            [_value(column, value) for column, value in zip(columns, row, strict=True)]
            for row in batch
        ]


def _value(column: Column, value: object) -> Value:
    if value is None or isinstance(value, bool | int | float):
        return value
    if column.kind == "decimal":
        # Digits and exponent, not arithmetic: 38 digits exceed the default context.
        sign, digits, exponent = value.as_tuple()  # type: ignore[attr-defined] # a Decimal
        units = int("".join(map(str, digits))) * 10 ** (exponent + column.decimals)
        return -units if sign else int(units)
    if isinstance(value, dt.datetime) and column.kind == "time":
        return (value - _EPOCH) // dt.timedelta(microseconds=1)
    return str(value)
