"""What a coin-margined account starts with unless it is told."""

from __future__ import annotations

import datetime as dt
from fractions import Fraction
from typing import TYPE_CHECKING

from orderflow_bt import hints
from orderflow_bt.errors import CoverageError
from orderflow_bt.sim.rounding import money
from orderflow_bt.types import DAY_US

if TYPE_CHECKING:
    from decimal import Decimal

    from orderflow_bt.store import Lake
    from orderflow_bt.types import TapeId

OPENING_USD = 10_000
_EPOCH = dt.date(1970, 1, 1)


def opening_coins(lake: Lake, tape: TapeId, start: int, end: int) -> Decimal:
    """Coins that `OPENING_USD` bought at the first stored trade of ``[start, end)``.

    Raises:
        CoverageError: No trade of the window is stored.
        LakeError: A stored day cannot be read.
    """
    first = _EPOCH + dt.timedelta(days=start // DAY_US)
    last = _EPOCH + dt.timedelta(days=(end - 1) // DAY_US)
    for date in lake.dates(tape):
        day = lake.day(tape, date) if first <= date <= last else None
        if day is None:
            continue
        units = (day.price_decimals, day.qty_decimals)
        for trades in lake.read(tape, date, *units):
            inside = (trades.time >= start) & (trades.time < end)
            if inside.any():
                price = int(trades.price[inside.argmax()])
                return money(Fraction(OPENING_USD * 10**day.price_decimals, price))
    raise CoverageError(
        f"the lake has no trade of {tape} in the window",
        where=str(lake.root),
        fix=hints.download(tape, first, last),
    )
