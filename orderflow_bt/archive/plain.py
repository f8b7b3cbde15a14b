"""Rows of Python values to a parsed day: the short way for a new exchange, exact and slow."""

from __future__ import annotations

from decimal import Decimal, InvalidOperation
from typing import TYPE_CHECKING

import numpy as np

from orderflow_bt.archive.parsed import ParsedDay
from orderflow_bt.archive.rows import tick_decimals, time_unit
from orderflow_bt.errors import MalformedError
from orderflow_bt.kernels import parse

if TYPE_CHECKING:
    from collections.abc import Iterable

_LARGEST = 2**63 - 1


def day_of_rows(
    rows: Iterable[tuple[int, str, str, int, int]], label: str, *, header: bool
) -> ParsedDay:
    """A day of single trades from (id, price, quantity, time, side), in the file's order.

    Args:
        rows: Price and quantity as the file spells them, time in milliseconds or microseconds,
            side of the aggressor: +1 or -1.
        label: What an error calls the file.
        header: Whether the file names its columns.

    Raises:
        MalformedError: There are no rows, or a number that cannot be held exactly.
    """
    listed = list(rows)
    if not listed:
        raise MalformedError("the file holds no trades", where=label)
    prices = [_exact(row[1], number, label) for number, row in enumerate(listed, 1)]
    quantities = [_exact(row[2], number, label) for number, row in enumerate(listed, 1)]
    digits = np.zeros(parse.MAX_DECIMALS + 1, np.int64)
    for price in prices:
        digits[_decimals(price)] += 1
    columns = np.zeros((parse.COLUMNS, len(listed)), np.int64)
    columns[parse.ID] = [row[0] for row in listed]
    columns[parse.TIME] = [row[3] for row in listed]
    columns[parse.SIDE] = [row[4] for row in listed]
    scales = []
    for role, values in ((parse.PRICE, prices), (parse.QTY, quantities)):
        decimals = max(map(_decimals, values))
        if max(values) * 10**decimals > _LARGEST:
            raise MalformedError("numbers that 64 bits cannot hold exactly", where=label)
        columns[role] = [int(value.scaleb(decimals)) for value in values]
        scales.append(decimals)
    return ParsedDay(
        columns=columns,
        price_decimals=scales[0],
        qty_decimals=scales[1],
        tick_decimals=tick_decimals(digits),
        time_unit=time_unit(columns[parse.TIME], label, header=header),
        header=header,
    )


def _exact(text: str, row: int, label: str) -> Decimal:
    try:
        value = Decimal(text)
    except InvalidOperation:
        value = Decimal("NaN")
    if not value.is_finite() or value < 0 or _decimals(value) > parse.MAX_DECIMALS:
        raise MalformedError(f"unreadable number {text!r}", where=f"{label}, row {row}")
    return value


def _decimals(value: Decimal) -> int:
    """Digits after the point, without padded zeros."""
    exponent = value.normalize().as_tuple().exponent
    return max(0, -exponent) if isinstance(exponent, int) else parse.MAX_DECIMALS + 1
