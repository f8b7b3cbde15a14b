"""Rows of several days, or of one day in several files, to days as daily files would give them."""

from __future__ import annotations

import datetime as dt
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from orderflow_bt.archive import ParsedDay
from orderflow_bt.errors import MalformedError
from orderflow_bt.kernels import parse
from orderflow_bt.store.schema import TIME_FACTORS
from orderflow_bt.types import DAY_US

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

_EPOCH = dt.date(1970, 1, 1)
_INT64_MAX = 2**63 - 1
_TICK_SHARE = 999  # of 1000 prices must be exact at the tick's decimals


def dates_in(parsed: ParsedDay) -> list[dt.date]:
    """The UTC days of which a table has rows, in order."""
    return [_EPOCH + dt.timedelta(days=int(day)) for day in np.unique(_days(parsed))]


def rows_of(parsed: ParsedDay, date: dt.date) -> ParsedDay:
    """The rows of one UTC day, in the order of the table."""
    return replace(parsed, columns=parsed.columns[:, _days(parsed) == (date - _EPOCH).days])


def joined(parts: Sequence[ParsedDay]) -> ParsedDay:
    """Tables as one, in the coarsest units that hold every row: those a file of them would get.

    Raises:
        MalformedError: The numbers do not fit 64 bits in the units of the finest.
    """
    price = max(part.price_decimals for part in parts)
    qty = max(part.qty_decimals for part in parts)
    unit = "us" if any(part.time_unit == "us" for part in parts) else "ms"
    pieces = []
    for part in parts:
        piece = part.columns
        factors = {
            parse.PRICE: 10 ** (price - part.price_decimals),
            parse.QTY: 10 ** (qty - part.qty_decimals),
            parse.TIME: TIME_FACTORS[part.time_unit] // TIME_FACTORS[unit],
        }
        for role, factor in factors.items():
            if factor == 1 or not piece.shape[1]:
                continue
            if int(piece[role].max()) * factor > _INT64_MAX:
                raise MalformedError("numbers of so different sizes do not fit 64 bits together")
            piece = piece.copy() if piece is part.columns else piece
            piece[role] *= factor
        pieces.append(piece)
    columns = np.concatenate(pieces, axis=1) if len(pieces) > 1 else pieces[0]
    columns, price_decimals, tick = _coarsened(columns, parse.PRICE, price)
    columns, qty_decimals, _ = _coarsened(columns, parse.QTY, qty)
    return ParsedDay(
        columns=columns,
        price_decimals=price_decimals,
        qty_decimals=qty_decimals,
        tick_decimals=tick,
        time_unit=unit,
        header=all(part.header for part in parts),
        ignored=tuple(name for part in parts for name in part.ignored),
    )


def _coarsened(
    columns: NDArray[np.int64], role: int, decimals: int
) -> tuple[NDArray[np.int64], int, int]:
    """The columns with one in as few decimals as hold every row, these, and those of 99.9 %."""
    values = columns[role]
    tick = decimals
    for fewer in range(decimals):
        exact = int((values % 10 ** (decimals - fewer) == 0).sum())
        if exact * 1000 >= values.size * _TICK_SHARE:
            tick = min(tick, fewer)
        if exact == values.size:
            columns = columns.copy()
            columns[role] //= 10 ** (decimals - fewer)
            return columns, fewer, tick
    return columns, decimals, tick


def _days(parsed: ParsedDay) -> NDArray[np.int64]:
    days: NDArray[np.int64] = parsed.columns[parse.TIME] // (
        DAY_US // TIME_FACTORS[parsed.time_unit]
    )
    return days
