"""Did it change over time? A figure of the last so many results, and what their order alone makes.

A window that slides over results always wanders. How far it would wander had the same results come
in any other order is the band: in 95 of 100 such orders a figure stays inside it from beginning to
end. A figure that leaves it says that something changed, not only that luck came in runs.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from orderflow_bt.stats.luck import bootstrap, row_mean, row_sharpe
from orderflow_bt.stats.metrics import DAYS_PER_YEAR

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]

LEAST = 30  # results in a window
LARGEST = 100
ORDERS = 400  # in which the same results are put
REPS = 2000
_AT_ONCE = 1 << 17  # results drawn at once: they fit the processor's cache

# Takes float64 [rows, n] and a window; gives float64 [rows, n - window + 1], a figure of each.
Sliding = Callable[["NDArray[np.float64]", int], "NDArray[np.float64]"]


@dataclass(frozen=True, slots=True)
class Rolling:
    """A figure of a sliding window.

    Attributes:
        window: Results in it.
        values: float64 [n - window + 1], the figure of each window; NaN where it has none.
        whole: The figure of all results.
        band: Between what it stays in 95 of 100 orders of the same results; None where nothing is
            known of that.
        last: 95 % interval of the last window's figure, by resampling it; None where not known.
    """

    window: int
    values: Floats
    whole: float
    band: tuple[float, float] | None
    last: tuple[float, float] | None

    @property
    def outside(self) -> tuple[int, int]:
        """How many windows lie below the band, and above it."""
        if self.band is None:
            return 0, 0
        return int((self.values < self.band[0]).sum()), int((self.values > self.band[1]).sum())


def window_of(results: int) -> int | None:
    """Results in a window: a tenth of all, in tens from 30 to 100; None where two do not fit."""
    window = min(max(LEAST, results // 100 * 10), LARGEST)
    return window if results >= 2 * window else None


def sliding_mean(rows: Floats, window: int) -> Floats:
    """Mean of each window."""
    return _sums(rows, window) / window


def sliding_share(rows: Floats, window: int) -> Floats:
    """Share of each window that is above 0."""
    return _sums((rows > 0).astype(np.float64), window) / window


def sliding_factor(rows: Floats, window: int) -> Floats:
    """What each window won for each unit it lost; NaN where it lost nothing."""
    won, lost = (_sums(np.maximum(sign * rows, 0.0), window) for sign in (1, -1))
    least = 1e-9 * np.abs(rows).max(initial=0.0)  # what is left of sums by rounding
    found: Floats = np.divide(won, lost, out=np.full_like(won, np.nan), where=lost > least)
    return found


def sliding_sharpe(rows: Floats, window: int) -> Floats:
    """Annual Sharpe ratio of each window of daily returns; NaN where nothing moved."""
    mean = sliding_mean(rows, window)
    spread = np.maximum(sliding_mean(rows**2, window) - mean**2, 0.0) * window / (window - 1)
    least = 1e-12 * (rows**2).max(initial=0.0)
    ratio = np.divide(mean, np.sqrt(spread), out=np.full_like(mean, np.nan), where=spread > least)
    return np.asarray(ratio * math.sqrt(DAYS_PER_YEAR), dtype=np.float64)


def row_share(rows: Floats) -> Floats:
    """Share of each row that is above 0."""
    return np.asarray((rows > 0).mean(axis=1), dtype=np.float64)


def row_factor(rows: Floats) -> Floats:
    """What each row won for each unit it lost; infinite where it lost nothing."""
    won, lost = np.maximum(rows, 0.0).sum(axis=1), np.maximum(-rows, 0.0).sum(axis=1)
    found: Floats = np.divide(won, lost, out=np.full_like(won, np.inf), where=lost > 0)
    return found


_OF_A_ROW: dict[Sliding, Callable[[Floats], Floats]] = {
    sliding_mean: row_mean,
    sliding_share: row_share,
    sliding_factor: row_factor,
    sliding_sharpe: row_sharpe,
}


def rolling(values: Floats, figure: Sliding, *, seed: int, window: int) -> Rolling:
    """A figure of each window of results, with what chance makes of it.

    Args:
        values: float64 [n], results in order of time, n at least twice the window.
        figure: One of the ``sliding_*`` functions.
        seed: Same seed, same band.
        window: Results in a window.
    """
    of_row = _OF_A_ROW[figure]
    found = figure(values[None, :], window)[0]
    whole = float(of_row(values[None, :])[0])
    last = None
    if np.isfinite(found[-1]):
        drawn = bootstrap(values[-window:], of_row, seed=seed, reps=REPS)
        last = (drawn.low, drawn.high)
    return Rolling(window, found, whole, _band(values, figure, window, seed), last)


def _band(values: Floats, figure: Sliding, window: int, seed: int) -> tuple[float, float] | None:
    """Between which ends the figure stays in 95 of 100 orders of the same results."""
    rng = np.random.default_rng(seed)
    lows, highs = [], []
    step = max(1, _AT_ONCE // values.size)
    for done in range(0, ORDERS, step):
        rows = min(step, ORDERS - done)
        mixed = rng.permuted(np.broadcast_to(values, (rows, values.size)), axis=1)
        made = figure(mixed, window)
        known = np.isfinite(made).any(axis=1)
        lows.append(np.nanmin(made[known], axis=1))
        highs.append(np.nanmax(made[known], axis=1))
    low, high = np.concatenate(lows), np.concatenate(highs)
    if low.size < ORDERS / 2:
        return None
    return _both(low, high)


def _both(low: Floats, high: Floats) -> tuple[float, float]:
    """Ends that leave out an equal share of lows and of highs, and together one order in twenty."""
    ranks = np.argsort(np.argsort(low)), np.argsort(np.argsort(-high))
    rarest = np.sort(np.minimum(*ranks))
    cut = int(rarest[int(0.05 * low.size)])
    return float(np.sort(low)[cut]), float(np.sort(high)[low.size - 1 - cut])


def _sums(rows: Floats, window: int) -> Floats:
    total = np.cumsum(rows, axis=1)
    ended = total[:, window - 1 :].copy()
    ended[:, 1:] -= total[:, :-window]
    return ended
