"""What a variant of a rule makes a round trip, how sure that is, and what the rule adds to it.

Two variants that traded the same tape are not independent: a wild day moves both. So their
difference is resampled by days, the same days drawn for both.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from orderflow_bt.stats.luck import bootstrap, optimal_block_length, resamples, row_mean
from orderflow_bt.stats.verdict import MIN_TRIPS
from orderflow_bt.types import DAY_US

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]

REPS = 2000
LEAST_DAYS = 10  # of the window, to be drawn from
_MOST_EMPTY = 0.05  # of the draws may have no round trip of one of the two


@dataclass(frozen=True, slots=True)
class Results:
    """Closed round trips in order of entry.

    Attributes:
        net: float64 [k], money.
        in_r: float64 [k], multiples of the risk; NaN where there was no stop.
        entry: int64 [k], microseconds UTC.
    """

    net: Floats
    in_r: Floats
    entry: NDArray[np.int64]


def expectancy_of(results: Results, *, seed: int, reps: int = REPS) -> dict[str, Any]:
    """Mean net money and mean R of a round trip, each with what 95 of 100 resamples give.

    Args:
        results: Any number of round trips.
        seed: Of the resampling.
        reps: Number of resamples.

    Returns:
        JSON-ready: ``expectancy`` and ``expectancy_r`` (None where there is nothing to average),
        ``expectancy_interval`` and ``expectancy_r_interval`` (None under `MIN_TRIPS`).
    """
    found: dict[str, Any] = {}
    known = results.in_r[np.isfinite(results.in_r)]
    for name, values in (("expectancy", results.net), ("expectancy_r", known)):
        found[name] = float(values.mean()) if values.size else None
        found[f"{name}_interval"] = None
        if values.size >= MIN_TRIPS:
            drawn = bootstrap(values, row_mean, seed=seed, reps=reps)
            found[f"{name}_interval"] = [drawn.low, drawn.high]
    return found


def beyond(
    whole: Results, part: Results, *, start: int, end: int, seed: int, reps: int = REPS
) -> dict[str, Any]:
    """How much more net money a round trip of one set makes than one of another, by day.

    Days of the window are drawn in blocks (stationary bootstrap), the same for both sets, and the
    difference of the means is taken anew each time: what moves both does not widen the interval.

    Args:
        whole: The rule.
        part: What it is held against, on the same tape.
        start: First moment of the window, microseconds UTC.
        end: Its end.
        seed: Of the draws.
        reps: How many draws.

    Returns:
        JSON-ready: ``mean`` (None where one of the two is empty), ``low`` and ``high`` (95 of 100
        draws between them; None where there are too few), and ``why`` there are none, else "".
    """
    found: dict[str, Any] = {"mean": None, "low": None, "high": None, "why": ""}
    fewest = min(whole.net.size, part.net.size)
    if fewest:
        found["mean"] = float(whole.net.mean() - part.net.mean())
    days = math.ceil((end - start) / DAY_US)
    if fewest < MIN_TRIPS:
        return found | {"why": f"needs {MIN_TRIPS} round trips of each, has {fewest}"}
    if days < LEAST_DAYS:
        return found | {"why": f"needs {LEAST_DAYS} days to draw from, has {days}"}
    sums = [_by_day(one, start, days) for one in (whole, part)]
    block = optimal_block_length(sums[0][0] - sums[1][0])
    drawn = [
        _mean(sums[0], chosen) - _mean(sums[1], chosen)
        for rows in resamples(np.arange(days, dtype=np.float64), block=block, reps=reps, seed=seed)
        for chosen in [rows.astype(np.int64)]
    ]
    made = np.concatenate(drawn)
    known = made[np.isfinite(made)]
    if known.size < (1 - _MOST_EMPTY) * made.size:
        return found | {"why": "too few days have round trips of both"}
    low, high = np.quantile(known, (0.025, 0.975)).tolist()
    return found | {"low": low, "high": high}


def _by_day(results: Results, start: int, days: int) -> tuple[Floats, Floats]:
    """Sum of the net money and number of the round trips, by the day of the window they began."""
    day = np.clip((results.entry - start) // DAY_US, 0, days - 1)
    number = np.bincount(day, minlength=days).astype(np.float64)
    total: Floats = np.bincount(day, weights=results.net, minlength=days).astype(np.float64)
    return total, number


def _mean(by_day: tuple[Floats, Floats], chosen: NDArray[np.int64]) -> Floats:
    """Mean of a round trip in each row of days; NaN where they have none."""
    total, number = (values[chosen].sum(axis=1) for values in by_day)
    found: Floats = np.divide(total, number, out=np.full_like(total, np.nan), where=number > 0)
    return found
