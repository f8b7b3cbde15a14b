"""The slow obvious twin of the byte parser: the csv module, regular expressions and Decimal."""

from __future__ import annotations

import csv
import re
from decimal import Decimal

FIELDS = ("id", "price", "qty", "first", "last", "time", "maker", "best")
LARGEST = 2**63 - 9  # the parser refuses the last few integers that 64 bits hold


class UnreadableError(Exception):
    """The parser must refuse this text."""


def naive_csv(text):
    """Columns by name, decimals of price and of quantity, and time unit of headerless text."""
    lines = [line.removesuffix("\r") for line in text.split("\n")]
    lines = [line for line in lines if line]
    if not lines:
        raise UnreadableError("empty")
    try:
        rows = [next(csv.reader([line], quoting=csv.QUOTE_NONE)) for line in lines]
    except csv.Error as error:
        raise UnreadableError("a lone carriage return") from error
    width = len(rows[0])
    if width not in (7, 8):
        raise UnreadableError("width")
    out = {name: [] for name in FIELDS[:7]}
    for row in rows:
        if len(row) != width:
            raise UnreadableError("width")
        for name, field in zip(FIELDS, row, strict=False):
            if name == "best":
                continue
            if name == "maker":
                if field.lower() not in ("true", "false"):
                    raise UnreadableError(field)
                out[name].append(field.lower() == "true")
                continue
            pattern = {"price": r"\d+(\.\d+)?", "qty": r"\d+(\.\d+)?"}.get(
                name, r"-?\d+" if name in ("first", "last") else r"\d+"
            )
            if not re.fullmatch(pattern, field, re.ASCII):
                raise UnreadableError(field)
            if abs(int(field.partition(".")[0])) > LARGEST:
                raise UnreadableError(field)
            out[name].append(Decimal(field) if name in ("price", "qty") else int(field))
    decimals = {name: max(decimals_of(number) for number in out[name]) for name in ("price", "qty")}
    for name, places in decimals.items():
        if places > 18 or max(out[name]) * 10**places > LARGEST:
            raise UnreadableError(name)
    return out, decimals["price"], decimals["qty"], unit_of(out["time"])


def unit_of(times):
    """The time unit that every time's magnitude tells."""
    for unit, start in (("ms", 10**11), ("us", 10**14)):
        if all(start <= time < 1000 * start for time in times):
            return unit
    raise UnreadableError("time")


def decimals_of(number):
    """Digits after the point, without padded zeros."""
    text = format(number, "f")
    return len(text.partition(".")[2].rstrip("0"))
