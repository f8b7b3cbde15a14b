"""How many ticks a footprint row should hold, chosen before a session from the one before it."""

from __future__ import annotations

from fractions import Fraction
from itertools import count
from statistics import median
from typing import TYPE_CHECKING

from orderflow_bt.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from orderflow_bt.types import Bar

FEWEST_ROWS, MOST_ROWS = 12, 20


def auto_ticks_per_row(bars: Iterable[Bar], tick_size: int = 1) -> int:
    """The 1, 2 or 5 x 10^n ticks at which the median bar has 12 to 20 rows.

    Give the bars of the session before, and keep the number for a whole run: pictures of one run
    then compare, and nothing of the session itself decides how it is read. Where no such number
    gives 12 to 20 rows it is the one that comes nearest by ratio; of several, the smallest.

    Args:
        bars: Closed bars; those without trades do not count.
        tick_size: Price units a tick.

    Raises:
        UsageError: There is no bar with trades.
    """
    return ticks_of_ranges([(bar.low, bar.high) for bar in bars if bar.trades], tick_size)


def ticks_of_ranges(ranges: Sequence[tuple[int, int]], tick_size: int = 1) -> int:
    """As `auto_ticks_per_row`, of bars' lows and highs in price units.

    Raises:
        UsageError: There are none.
    """
    if not ranges:
        raise UsageError(
            "no bars to choose a row height from", fix="Say how many ticks a row holds"
        )
    best: tuple[Fraction, int] | None = None
    for power in count():
        for digit in (1, 2, 5):
            ticks = digit * 10**power
            row = ticks * tick_size
            rows = Fraction(median([high // row - low // row + 1 for low, high in ranges]))
            away = max(FEWEST_ROWS / rows, rows / MOST_ROWS, Fraction(1))
            if best is None or away < best[0]:
                best = away, ticks
            if rows <= FEWEST_ROWS:
                return best[1]
    raise AssertionError("counted to the end")  # pragma: no cover - rows only shrink
