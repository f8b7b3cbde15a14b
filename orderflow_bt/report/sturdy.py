"""How sturdy is the result? The same fills at other costs, without the best, in parts of time."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from orderflow_bt.report.numbers import BarRow, bar_rows
from orderflow_bt.stats.verdict import MIN_TRIPS, count

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from orderflow_bt.report.folder import Row, Rows

BEST = 5
_FEES = (
    ("no fees", 0.0),
    ("half the fees", 0.5),
    ("fees and a half", 1.5),
    ("twice the fees", 2.0),
)


def sturdy_rows(
    trips: Rows, metrics: Row, window: tuple[int, int], quote: str
) -> tuple[list[BarRow], float]:
    """Net results under other conditions, with bars on one scale, and where zero stands.

    Args:
        trips: Closed round trips.
        metrics: The run's.
        window: Its first moment and its end, microseconds UTC.
        quote: Currency of the money.
    """
    if len(trips) < 2:
        return [], 0.0
    net, fees, entry = trips.floats("net_pnl"), trips.floats("fees"), trips.ints("entry_time")
    slipped = metrics.get("slippage") or 0.0
    values = [("as it was", float(net.sum()), count(net.size, "round trip"))]
    values += [
        (name, float(net.sum() + (1 - times) * fees.sum()), "on the same fills")
        for name, times in _FEES
    ]
    if slipped > 0:
        note = "on the same fills"
        values.append(("twice the slippage", float(net.sum()) - slipped, note))
    if net.size >= 2 * BEST:
        rest = np.sort(net)[:-BEST]
        values.append(
            (f"without the best {BEST}", float(rest.sum()), count(rest.size, "round trip"))
        )
    values += _parts(net, entry, window)
    return bar_rows(values, quote)


def _parts(
    net: NDArray[np.float64], entry: NDArray[np.int64], window: tuple[int, int]
) -> list[tuple[str, float, str]]:
    """Halves of the window, or its years where there are several."""
    start, end = window
    years = entry.astype("datetime64[us]").astype("datetime64[Y]").astype(np.int64) + 1970
    named = [(f"in {year}", years == year) for year in sorted(set(years.tolist()))]
    if len(named) < 2:
        late = entry >= (start + end) // 2
        named = [("first half", ~late), ("second half", late)]
    made = []
    for name, own in named:
        number = int(own.sum())
        few = ": too few to judge" if number < MIN_TRIPS else ""
        trips = count(number, "round trip")
        made.append((name, float(net[own].sum()), f"{trips}{few}"))
    return made
