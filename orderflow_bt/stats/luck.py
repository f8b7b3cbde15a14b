"""Is it luck? Resampling intervals, and the Sharpe ratio's own uncertainty.

References are named at each function; what they say to a trader is in ``docs/metrics.md``.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from statistics import NormalDist
from typing import TYPE_CHECKING, Any

import numpy as np

from orderflow_bt.errors import UsageError
from orderflow_bt.stats.metrics import DAYS_PER_YEAR, Stat

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from numpy.typing import NDArray

    Floats = NDArray[np.float64]

# Takes float64 [reps, n], gives one value a row.
Statistic = Callable[["NDArray[np.float64]"], "NDArray[np.float64]"]

_NORMAL = NormalDist()
_CHUNK = 1 << 21  # values whose blocks' beginnings are drawn before their places are
BLOCK = 1 << 16  # numbers worked on at once: what the draws need fits the processor's cache


@dataclass(frozen=True, slots=True)
class Interval:
    """A two-sided interval from resampling.

    Attributes:
        low: Lower end.
        high: Upper end.
        level: Share of resamples between the ends.
        block: Mean block length of the stationary bootstrap.
        reps: Number of resamples.
    """

    low: float
    high: float
    level: float
    block: float
    reps: int


# Statistics of each row, for the bootstrap -----------------------------------------------------


def row_mean(rows: Floats) -> Floats:
    """Mean of each row."""
    return np.asarray(rows.mean(axis=1), dtype=np.float64)


def row_sum(rows: Floats) -> Floats:
    """Sum of each row."""
    return np.asarray(rows.sum(axis=1), dtype=np.float64)


def row_sharpe(rows: Floats) -> Floats:
    """Annual Sharpe ratio of each row of daily returns; 0 for a row that does not vary."""
    spread = rows.std(axis=1, ddof=1)
    mean = rows.mean(axis=1)
    ratio = np.divide(mean, spread, out=np.zeros_like(mean), where=spread > 1e-14 * np.abs(mean))
    return np.asarray(ratio * math.sqrt(DAYS_PER_YEAR), dtype=np.float64)


def row_max_drawdown(rows: Floats) -> Floats:
    """Maximum drawdown of each row of daily returns, compounded from 1."""
    curve = np.cumprod(1.0 + rows, axis=1)
    peak = np.maximum(np.maximum.accumulate(curve, axis=1), 1.0)
    return np.asarray((curve / peak - 1.0).min(axis=1).clip(max=0.0), dtype=np.float64)


# Stationary bootstrap --------------------------------------------------------------------------


def optimal_block_length(values: Floats) -> float:
    """Mean block length for the stationary bootstrap.

    Politis & White (2004) with the correction of Patton, Politis & White (2009): the flat-top
    window's bandwidth comes from the first lag after which autocorrelations stay small.

    Returns:
        At least 1 (independent draws), at most ``min(3 sqrt(n), n / 3)``.
    """
    n = values.size
    if n < 8:
        return 1.0
    centred = values - values.mean()
    if float(np.abs(centred).max()) <= 1e-14 * float(np.abs(values).max()):
        return 1.0
    run = max(5, int(math.log10(n)))
    lags = min(math.ceil(math.sqrt(n)) + run, n - 2)
    covariance = np.array([centred[k:] @ centred[: n - k] for k in range(lags + 1)]) / n
    small = np.abs(covariance / covariance[0]) < 2.0 * math.sqrt(math.log10(n) / n)
    bandwidth = lags
    for lag in range(1, lags - run + 2):
        if small[lag : lag + run].all():
            bandwidth = min(2 * max(lag - 1, 1), lags)
            break
    k = np.arange(1, bandwidth + 1)
    window = np.where(k / bandwidth <= 0.5, 1.0, 2.0 * (1.0 - k / bandwidth))
    weighted = 2.0 * window * covariance[1 : bandwidth + 1]
    long_run = float(covariance[0] + weighted.sum())
    if long_run == 0:
        return 1.0
    slope = float((weighted * k).sum())
    length = math.cbrt(slope**2 / long_run**2 * n)
    return min(max(length, 1.0), float(math.ceil(min(3.0 * math.sqrt(n), n / 3))))


def resamples(values: Floats, *, block: float, reps: int, seed: int) -> Iterator[Floats]:
    """Rows drawn by the stationary bootstrap (Politis & Romano 1994), some rows at a time.

    Blocks begin anywhere, wrap round the end, and have geometric length of mean ``block``.

    Yields:
        float64 [some, n]; ``reps`` rows in all.
    """
    n = values.size
    rng = np.random.Generator(np.random.PCG64(seed))
    at = np.arange(n, dtype=np.int64)
    twice = np.concatenate((values, values))  # a block that is not longer never leaves it
    step = max(1, _CHUNK // max(n, 1))
    for done in range(0, reps, step):
        rows = min(step, reps - done)
        parts = blocks_of(rows, n)
        begins = np.empty((rows, n), np.bool_)
        for part in parts:
            np.less(rng.random((part.stop - part.start, n)), 1.0 / block, out=begins[part])
        begins[:, 0] = True
        for part in parts:
            start = rng.integers(0, n, size=(part.stop - part.start, n)) - at
            first = np.flatnonzero(begins[part])
            index = np.repeat(start.ravel()[first], np.diff(first, append=start.size))
            yield twice[index.reshape(start.shape) + at]


def blocks_of(rows: int, size: int) -> list[slice]:
    """Rows of ``size`` numbers cut into stretches of about `BLOCK` numbers."""
    step = max(1, BLOCK // max(size, 1))
    return [slice(first, min(first + step, rows)) for first in range(0, rows, step)]


def bootstrap(
    values: Floats,
    statistic: Statistic,
    *,
    seed: int,
    reps: int = 10_000,
    level: float = 0.95,
    block: float | None = None,
    method: str = "percentile",
) -> Interval:
    """An interval for a statistic of dependent values.

    Args:
        values: float64 [n], n >= 2, in time order.
        statistic: One of the ``row_*`` functions, or the like.
        seed: Same seed, same interval.
        reps: Number of resamples.
        level: Share between the ends.
        block: Mean block length; estimated from the values where None.
        method: ``percentile``, or ``bca`` (bias-corrected, accelerated; Efron 1987).

    Raises:
        UsageError: Fewer than two values, or an unknown method.
    """
    (found,) = bootstraps(
        values, (statistic,), seed=seed, reps=reps, level=level, block=block, method=method
    )
    return found


def bootstraps(
    values: Floats,
    statistics: Sequence[Statistic],
    *,
    seed: int,
    reps: int = 10_000,
    level: float = 0.95,
    block: float | None = None,
    method: str = "percentile",
) -> list[Interval]:
    """As `bootstrap`, for several statistics of the same resamples."""
    if values.size < 2:
        raise UsageError("resampling needs at least two values")
    if method not in {"percentile", "bca"}:
        raise UsageError(f"{method!r} is not an interval method", fix="Use percentile or bca")
    length = optimal_block_length(values) if block is None else block
    made: list[list[Floats]] = [[] for _ in statistics]
    for rows in resamples(values, block=length, reps=reps, seed=seed):
        for statistic, parts in zip(statistics, made, strict=True):
            parts.append(statistic(rows))
    tail = (1.0 - level) / 2.0
    found = []
    for statistic, parts in zip(statistics, made, strict=True):
        drawn, shares = np.concatenate(parts), [tail, 1.0 - tail]
        if method == "bca":
            shares = _bca_shares(values, statistic, drawn, shares)
        low, high = np.quantile(drawn, shares)
        found.append(Interval(float(low), float(high), level, length, reps))
    return found


def _bca_shares(
    values: Floats, statistic: Statistic, drawn: Floats, shares: list[float]
) -> list[float]:
    """Percentile shares moved for bias and skew; the plain ones where that is not possible."""
    found = float(statistic(values[None, :])[0])
    below = float((drawn < found).mean())
    n = values.size
    left_out = np.array([float(statistic(np.delete(values, i)[None, :])[0]) for i in range(n)])
    away = left_out.mean() - left_out
    scale = float((away**2).sum()) ** 1.5
    if not 0 < below < 1 or scale == 0:
        return shares
    bias = _NORMAL.inv_cdf(below)
    bend = float((away**3).sum()) / (6.0 * scale)
    moved = []
    for share in shares:
        z = bias + _NORMAL.inv_cdf(share)
        moved.append(_NORMAL.cdf(bias + z / (1.0 - bend * z)))
    return moved


# The Sharpe ratio's own uncertainty; here Sharpe is per period, not annual ------------------------


def _skewed_variance(sharpe: float, skew: float, kurtosis: float) -> float:
    return 1.0 - skew * sharpe + (kurtosis - 1.0) / 4.0 * sharpe**2


def probabilistic_sharpe(
    sharpe: float, *, benchmark: float, periods: int, skew: float, kurtosis: float
) -> Stat:
    """Probability that the true Sharpe ratio is above the benchmark.

    Bailey & López de Prado (2012): per-period ratios, population moments, raw kurtosis.
    """
    variance = _skewed_variance(sharpe, skew, kurtosis)
    if periods < 2 or variance <= 0:
        return Stat(None, "needs at least two periods and moments that allow a variance")
    return Stat(_NORMAL.cdf((sharpe - benchmark) * math.sqrt(periods - 1) / math.sqrt(variance)))


def min_track_record(
    sharpe: float, *, benchmark: float, skew: float, kurtosis: float, alpha: float = 0.05
) -> Stat:
    """Periods needed before the Sharpe ratio is above the benchmark at 1 - alpha confidence."""
    if sharpe <= benchmark:
        return Stat(None, "the ratio is not above the benchmark: no length is enough")
    variance = _skewed_variance(sharpe, skew, kurtosis)
    z = _NORMAL.inv_cdf(1.0 - alpha)
    return Stat(1.0 + variance * (z / (sharpe - benchmark)) ** 2)


def random_p_value(at_least_as_good: int, draws: int) -> float:
    """p-value of a randomisation test; never zero."""
    return (1 + at_least_as_good) / (1 + draws)


def interval_json(interval: Interval | None) -> list[float] | None:
    """Both ends as a list, for a JSON file."""
    return None if interval is None else [interval.low, interval.high]


def interval_setup(interval: Interval) -> dict[str, Any]:
    """How an interval was made, for a JSON file."""
    return {"block": interval.block, "reps": interval.reps, "level": interval.level}
