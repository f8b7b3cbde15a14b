"""Numbers and times as the report writes them."""

from __future__ import annotations

import datetime as dt
import math
from decimal import Decimal

from orderflow_bt.types import DAY_US, HOUR_US, MINUTE_US, SECOND_US

MINUS = "\u2212"
_EPOCH = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)


def short(value: float, *, whole: bool = False) -> str:
    """At most four characters for a cell: ``984``, ``1.0k``, ``12k``, ``8.7``, ``.03``, ``0``.

    What is counted in whole numbers (``whole``) stays so below a thousand: ``8``.
    """
    size = abs(value)
    if size == 0:
        return "0"
    for unit, letter in ((1e12, "T"), (1e9, "B"), (1e6, "M"), (1e3, "k")):
        if size >= 0.9995 * unit:
            scaled = size / unit
            return f"{scaled:.1f}{letter}" if scaled < 9.95 else f"{scaled:.0f}{letter}"
    if size >= 9.95 or whole:
        return f"{size:.0f}"
    if size >= 0.095:
        return f"{size:.1f}"
    return f"{size:.2f}"[1:] if size >= 0.005 else "0+"


def signed(value: float, digits: int = 2) -> str:
    """A number with its sign, thousands parted, and a true minus: ``+1,204.50``."""
    rounded = round(value, digits)
    sign = "+" if rounded > 0 else MINUS if rounded < 0 else ""
    return f"{sign}{abs(rounded):,.{digits}f}"


def plain(value: float | Decimal, digits: int = 2) -> str:
    """A number without a plus: ``1,204.50``."""
    text = f"{value:,.{digits}f}".replace("-", MINUS)
    return text.lstrip(MINUS) if not text.strip(f"{MINUS}0.") else text


def digits_of_one(value: float, least: int) -> int:
    """Digits that tell small results of one round trip apart: three that are not zero."""
    if not 0 < abs(value) < 1:
        return least
    return min(max(least, 2 - math.floor(math.log10(abs(value)))), max(least, 6))


def percent(share: float, digits: int = 1) -> str:
    """A share as percent: ``\u221212.3 %``."""
    return f"{plain(100 * share, digits)} %"


def exact(units: int, decimals: int) -> str:
    """An integer of units as the decimal it stands for: ``42100.5``."""
    return f"{Decimal(int(units)).scaleb(-decimals):,.{max(decimals, 0)}f}".replace("-", MINUS)


def moment(time_us: int) -> dt.datetime:
    """Microseconds UTC as a datetime."""
    return _EPOCH + dt.timedelta(microseconds=int(time_us))


def stamp(time_us: int) -> str:
    """``2024-01-02 03:04:05``, UTC."""
    return moment(time_us).strftime("%Y-%m-%d %H:%M:%S")


def clock(time_us: int) -> str:
    """``03:04``, or the seconds too where they are not zero."""
    when = moment(time_us)
    return when.strftime("%H:%M:%S" if when.second else "%H:%M")


def span(duration_us: float) -> str:
    """A duration in its two largest units: ``2 d 4 h``, ``17 min``, ``45 s``."""
    left = int(duration_us)
    parts: list[str] = []
    for unit, name in ((DAY_US, "d"), (HOUR_US, "h"), (MINUTE_US, "min"), (SECOND_US, "s")):
        number, left = divmod(left, unit)
        if number or (parts and name != "s"):
            parts.append(f"{number} {name}")
        if len(parts) == 2:
            break
    return " ".join(part for part in parts if not part.startswith("0 ")) or "under 1 s"


def split_point(text: str) -> tuple[str, str]:
    """The parts before and from the decimal point, so that a column can align on it."""
    before, point, after = text.partition(".")
    return before, point + after
