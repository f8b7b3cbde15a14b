"""How sturdy is the result? The same fills at other costs, without the best, in parts of time."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from orderflow_bt.report.numbers import BarRow, bar_rows
from orderflow_bt.stats.verdict import MIN_TRIPS, count
from orderflow_bt.types import DAY_US

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from orderflow_bt.report.folder import RunFolder
    from orderflow_bt.report.rows import Columns

BEST = 5
LEAST_DAYS = 10  # of a tape, to be told apart by what they were like
_FEES = (
    ("no fees", 0.0),
    ("half the fees", 0.5),
    ("fees and a half", 1.5),
    ("twice the fees", 2.0),
)


def sturdy_rows(
    trips: Columns,
    metrics: Mapping[str, Any],
    window: tuple[int, int],
    quote: str,
    *,
    days: Days | None = None,
    without: Mapping[str, Columns] | None = None,
) -> tuple[list[BarRow], float]:
    """Net results under other conditions, with bars on one scale, and where zero stands.

    Args:
        trips: Closed round trips.
        metrics: The run's.
        window: Its first moment and its end, microseconds UTC.
        quote: Currency of the money.
        days: What each day of the tape was like, where that is known.
        without: Parts of the round trips by name, each to be left out once.
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
    for name, part in (without or {}).items():
        left = count(net.size - len(part), "round trip")
        values.append((f"without {name}", float(net.sum() - part.floats("net_pnl").sum()), left))
    values += _parts(net, entry, window)
    values += _regimes(net, entry, days) if days is not None else []
    return bar_rows(values, quote)


class Days(NamedTuple):
    """Days of a tape: int64 [n] since 1970, float64 [n] high to low on open, and close on open."""

    day: NDArray[np.int64]
    reach: NDArray[np.float64]
    change: NDArray[np.float64]


def days_of(run: RunFolder) -> Days:
    """What each day with trades was like, by the bars that the run kept."""
    open_time, traded = run.ints("bars", "open_time"), run.ints("bars", "trades") > 0
    first, high, low, last = (
        run.ints("bars", name)[traded].astype(np.float64)
        for name in ("open", "high", "low", "close")
    )
    day, at = np.unique(open_time[traded] // DAY_US, return_index=True)
    if not day.size:
        return Days(day, np.zeros(0), np.zeros(0))
    ends = np.append(at[1:], first.size) - 1
    highest, lowest = np.maximum.reduceat(high, at), np.minimum.reduceat(low, at)
    return Days(day, (highest - lowest) / first[at], last[ends] / first[at] - 1)


def _regimes(
    net: NDArray[np.float64], entry: NDArray[np.int64], days: Days
) -> list[tuple[str, float, str]]:
    """Wilder and calmer half of the days, and those that rose and fell: known only afterwards."""
    if days.day.size < LEAST_DAYS:
        return []
    at = np.clip(np.searchsorted(days.day, entry // DAY_US), 0, days.day.size - 1)
    wild = (days.reach > np.median(days.reach))[at]
    rose = (days.change > 0)[at]
    named = [
        ("on wild days", wild), ("on calm days", ~wild),
        ("on rising days", rose), ("on falling days", ~rose),
    ]  # fmt: skip
    return [
        (name, float(net[own].sum()), count(int(own.sum()), "round trip") + ", known afterwards")
        for name, own in named
    ]


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
