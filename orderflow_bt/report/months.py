"""The monthly table: a row a year, a column a month."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from orderflow_bt.report import words
from orderflow_bt.stats import money_digits

if TYPE_CHECKING:
    from collections.abc import Sequence

    from orderflow_bt.report.folder import Row

NAMES = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
_LEAST = 2  # months; one is the result itself


@dataclass(frozen=True, slots=True)
class MonthCell:
    """A month's change of equity: in percent, its sign, and the money."""

    text: str
    sign: int = 0
    money: str = ""


@dataclass(frozen=True, slots=True)
class YearRow:
    """A year: twelve months, empty where the window has none, and the whole of it."""

    year: str
    months: list[MonthCell]
    whole: MonthCell


def year_rows(monthly: Sequence[Row], quote: str) -> list[YearRow]:
    """Years in order; none where the window lies in one month."""
    if len(monthly) < _LEAST:
        return []
    years: dict[str, list[Row]] = {}
    for row in monthly:
        years.setdefault(row["month"][:4], []).append(row)
    made = []
    for year, rows in years.items():
        months = [MonthCell("")] * len(NAMES)
        grown: float | None = 1.0
        for row in rows:
            months[int(row["month"][5:]) - 1] = _cell(row["return"], row["net"], quote)
            grown = None if grown is None or row["return"] is None else grown * (1 + row["return"])
        whole = None if grown is None else grown - 1
        made.append(YearRow(year, months, _cell(whole, sum(row["net"] for row in rows), quote)))
    return made


def _cell(change: float | None, net: float, quote: str) -> MonthCell:
    money = f"{words.signed(net, money_digits(quote))} {quote}"
    text = "n/a" if change is None else words.signed(100 * change)
    return MonthCell(text, (net > 0) - (net < 0), money)
