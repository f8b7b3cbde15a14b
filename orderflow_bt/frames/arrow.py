"""Integers and Arrow columns, exactly and without a Python object a value."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import polars as pl
import pyarrow as pa

from orderflow_bt.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from orderflow_bt.flow.columns import Field, Values

Style = Literal["decimal", "float", "int"]
Styles = dict[str, Style]

MAX_DECIMALS = 12
EXACT: Styles = {"price": "decimal", "qty": "decimal", "quote": "decimal", "average": "decimal"}
_LOW_WORD = (1 << 64) - 1
_DIGITS = 38
_TYPES = {"int": pa.int64(), "float": pa.float64(), "bool": pa.bool_(), "word": pa.string()}


def decimals_of(column: pa.ChunkedArray, name: str) -> tuple[int, Style]:
    """How many digits after the point a column of prices or quantities needs, and its style.

    Raises:
        UsageError: The column is neither decimal, integer, float nor text of decimals.
    """
    kind = column.type
    if pa.types.is_decimal(kind):
        return int(kind.scale), "decimal"
    if pa.types.is_integer(kind):
        return 0, "int"
    if pa.types.is_floating(kind):
        return _float_decimals(column, name), "float"
    raise UsageError(
        f"column {name!r} is of type {kind}", fix="Give decimals, integers or floating numbers"
    )


def _float_decimals(column: pa.ChunkedArray, name: str) -> int:
    values = column.to_numpy()
    for decimals in range(MAX_DECIMALS + 1):
        scaled = np.rint(values * 10.0**decimals)
        if np.abs(scaled).max(initial=0) < 2**53 and np.array_equal(
            scaled / 10.0**decimals, values
        ):
            return decimals
    raise UsageError(
        f"column {name!r} holds numbers that are not decimals of up to {MAX_DECIMALS} digits",
        fix="Give them as decimals or integers, or round them to the exchange's step",
    )


def to_units(column: pa.ChunkedArray, decimals: int, style: Style, name: str) -> NDArray[np.int64]:
    """A column as int64 counts of ``10**-decimals``.

    Raises:
        UsageError: A value is null, or does not fit 64 bits.
    """
    if column.null_count:
        raise UsageError(f"column {name!r} has {column.null_count:,} empty values")
    if style == "decimal":
        parts = [_low_words(chunk, name) for chunk in column.cast(_wide(decimals)).chunks]
        return np.concatenate(parts) if parts else np.zeros(0, np.int64)
    values = column.to_numpy()
    if style == "float":
        values = np.rint(values * 10.0**decimals)
    return np.ascontiguousarray(values, np.int64)


def _wide(decimals: int) -> pa.DataType:
    return pa.decimal128(_DIGITS, decimals)


def _low_words(chunk: pa.Array, name: str) -> NDArray[np.int64]:
    words = np.frombuffer(chunk.buffers()[1], np.int64).reshape(-1, 2)
    words = words[chunk.offset : chunk.offset + len(chunk)]
    low = words[:, 0].copy()
    if not np.array_equal(words[:, 1], low >> 63):
        raise UsageError(f"column {name!r} holds numbers beyond 64 bits")
    return low


def decimal_array(units: Values, decimals: int) -> pa.Array:
    """Counts of ``10**-decimals`` as decimal128."""
    words = np.empty((len(units), 2), np.uint64)
    if isinstance(units, np.ndarray):
        signed = units.astype(np.int64)
        words[:, 0] = signed.view(np.uint64)
        words[:, 1] = (signed >> 63).view(np.uint64)
    else:
        words[:, 0] = [value & _LOW_WORD for value in units]
        words[:, 1] = [(value >> 64) & _LOW_WORD for value in units]
    return pa.Array.from_buffers(_wide(decimals), len(units), [None, pa.py_buffer(words)])


def to_arrow(field: Field, values: Values, styles: Styles) -> pa.Array:
    """A column of results in the style of what was given."""
    if field.kind == "time":
        return pa.array(np.asarray(values, np.int64), pa.timestamp("us", tz="UTC"))
    if not field.is_decimal:
        return pa.array(values, _TYPES[field.kind])
    style = styles[field.kind]
    if style == "float":
        scale = 10.0**field.decimals
        return pa.array(np.asarray(values, np.float64) / scale, pa.float64())
    if style == "int" and field.kind in ("price", "qty"):
        return pa.array(np.asarray(values, np.int64), pa.int64())
    return decimal_array(values, field.decimals)


def to_table(fields: Sequence[Field], batches: list[list[Values]], styles: Styles) -> pa.Table:
    """Batches of columns as one table, possibly without rows."""
    schema = pa.schema([(field.name, to_arrow(field, [], styles).type) for field in fields])
    tables = [
        pa.Table.from_arrays(
            [to_arrow(field, column, styles) for field, column in zip(fields, batch, strict=True)],
            schema=schema,
        )
        for batch in batches
    ]
    return pa.concat_tables(tables) if tables else schema.empty_table()


def exact(value: Any, name: str) -> Decimal:
    """A number given by hand as a decimal: ``"0.1"``, ``Decimal("0.1")``, ``1``, ``0.1``.

    Raises:
        UsageError: It is not a number above 0.
    """
    try:
        number = Decimal(str(value))
    except ArithmeticError:
        number = Decimal(0)
    if not number.is_finite() or number <= 0:
        raise UsageError(f"{name} is {value!r}", fix="Give a number above 0, as 0.1")
    return number


def to_polars(table: pa.Table) -> Any:
    """An Arrow table as a polars one."""
    return pl.from_arrow(table)
