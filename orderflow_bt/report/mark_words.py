"""What of the mark price triggered an order: the minute's candle, read again from the lake."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, Any

import numpy as np

from orderflow_bt.run.marks import stored_marks
from orderflow_bt.types import DAY_US, MINUTE_US

if TYPE_CHECKING:
    from collections.abc import Mapping

    from orderflow_bt.sim.mark_prices import MarkPrices
    from orderflow_bt.store import Lake
    from orderflow_bt.types import TapeId


def marks_of(lake: Lake | None, tape: TapeId, manifest: Mapping[str, Any]) -> MarkPrices | None:
    """The mark prices that triggered a run's orders; None where none did, or without the lake."""
    if lake is None or not manifest.get("mark_prices", {}).get("triggers"):
        return None
    return stored_marks(lake, tape, {row["date"] for row in manifest["mark_prices"]["data"]})


def triggering(
    marks: MarkPrices, time: int, since: int, level: Decimal, *, above: bool
) -> str | None:
    """Which mark price known at ``time`` reached a level, in words; None where none did.

    Args:
        marks: By minute.
        time: When the order was triggered, microseconds UTC.
        since: Since when it waited.
        level: Its price, in quote currency.
        above: Whether it triggers at its price and above.
    """
    if time % MINUTE_US:
        return None
    candidates = []
    before, minute = marks.day((time - MINUTE_US) // DAY_US), (time - MINUTE_US) % DAY_US
    row = minute // MINUTE_US
    if before.known[row]:
        name = f"minute {_clock(time - MINUTE_US)}"
        if since <= time - MINUTE_US:
            far = before.high if above else before.low
            word = "high" if above else "low"
            candidates.append((f"{word} of {name}", far.item(row), before.decimals))
        candidates.append((f"close of {name}", before.close.item(row), before.decimals))
    day, row = marks.day(time // DAY_US), time % DAY_US // MINUTE_US
    if day.known[row]:
        candidates.append((f"open of minute {_clock(time)}", day.open.item(row), day.decimals))
    for name, price, decimals in candidates:
        mark = Decimal(price).scaleb(-decimals)
        if (mark >= level) if above else (mark <= level):
            return f"mark price {_trimmed(mark, level)}, the {name}"
    return None


def _trimmed(mark: Decimal, level: Decimal) -> str:
    """A mark price without the zeros that an order's price does not have either."""
    digits = max(-int(part.as_tuple().exponent) for part in (mark.normalize(), level))
    return f"{mark:,.{max(digits, 0)}f}"


def _clock(time: int) -> str:
    """A minute of a day."""
    return f"{np.datetime64(time, 'us')}"[11:16]
