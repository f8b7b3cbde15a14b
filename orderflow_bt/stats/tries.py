"""The best of many tries: what useless ones would have shown, and whether the choice fits too well.

References are named at each function; what they say to a trader is in ``docs/metrics.md``.
"""

from __future__ import annotations

import itertools
import math
from dataclasses import dataclass
from statistics import NormalDist
from typing import TYPE_CHECKING

import numpy as np

from orderflow_bt.errors import UsageError
from orderflow_bt.stats.luck import probabilistic_sharpe

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from orderflow_bt.stats.metrics import Stat

    Floats = NDArray[np.float64]

EULER_GAMMA = 0.5772156649015329
_NORMAL = NormalDist()


def expected_max_sharpe(trials: int, variance: float) -> float:
    """Expected best Sharpe ratio of useless independent trials (Bailey & López de Prado 2014).

    Raises:
        UsageError: Fewer than one trial.
    """
    if trials < 1:
        raise UsageError("the best of no trials is not defined")
    if trials == 1:
        return 0.0
    first = _NORMAL.inv_cdf(1.0 - 1.0 / trials)
    second = _NORMAL.inv_cdf(1.0 - 1.0 / (trials * math.e))
    return math.sqrt(variance) * ((1.0 - EULER_GAMMA) * first + EULER_GAMMA * second)


def deflated_sharpe(
    sharpe: float, *, trials: int, variance: float, periods: int, skew: float, kurtosis: float
) -> Stat:
    """Probability that the ratio beats the best of that many useless trials (2014).

    Args:
        sharpe: Per-period ratio of the chosen trial.
        trials: Number of independent trials it was chosen from.
        variance: Variance of the trials' per-period ratios.
        periods: Length of the record.
        skew: Population skew of its returns.
        kurtosis: Raw population kurtosis of its returns.
    """
    return probabilistic_sharpe(
        sharpe,
        benchmark=expected_max_sharpe(trials, variance),
        periods=periods,
        skew=skew,
        kurtosis=kurtosis,
    )


@dataclass(frozen=True, slots=True)
class Overfitting:
    """Result of combinatorially symmetric cross-validation.

    Attributes:
        probability: Share of splits whose in-sample best is in the lower half out of sample.
        ranks: int64 [splits], out-of-sample rank of the in-sample best, 1 = worst.
        columns: Number of variants compared.
    """

    probability: float
    ranks: NDArray[np.int64]
    columns: int


def overfitting(returns: Floats, blocks: int = 16) -> Overfitting:
    """Probability of backtest overfitting (Bailey, Borwein, López de Prado & Zhu 2017).

    Every choice of half of the blocks is once in-sample; the score is mean over standard
    deviation (n - 1). Rows that do not fill the last block are left out.

    Args:
        returns: float64 [periods, variants].
        blocks: An even number of equal blocks; 16 gives 12 870 splits.

    Raises:
        UsageError: Fewer than two variants, an odd number of blocks, or blocks under two rows.
    """
    if blocks < 2 or blocks % 2 or returns.ndim != 2 or returns.shape[1] < 2:
        raise UsageError("overfitting needs an even number of blocks and at least two variants")
    size = returns.shape[0] // blocks
    if size < 2:
        raise UsageError(
            f"{returns.shape[0]} periods do not fill {blocks} blocks", fix="Take fewer blocks"
        )
    cut = returns[: size * blocks].reshape(blocks, size, -1)
    sums, squares = cut.sum(axis=1), (cut**2).sum(axis=1)
    halves = np.array(list(itertools.combinations(range(blocks), blocks // 2)))
    member = np.zeros((len(halves), blocks))
    np.put_along_axis(member, halves, 1.0, axis=1)
    rows = size * blocks // 2
    inside = _scores(member @ sums, member @ squares, rows)
    outside = _scores((1 - member) @ sums, (1 - member) @ squares, rows)
    best = inside.argmax(axis=1)
    chosen = np.take_along_axis(outside, best[:, None], axis=1)
    ranks = 1 + (outside < chosen).sum(axis=1)
    omega = ranks / (returns.shape[1] + 1)
    return Overfitting(float((omega <= 0.5).mean()), ranks.astype(np.int64), returns.shape[1])


def _scores(sums: Floats, squares: Floats, rows: int) -> Floats:
    """Mean over standard deviation, rounded so that equal columns compare equal."""
    mean = sums / rows
    variance = np.maximum(squares - rows * mean**2, 0.0) / (rows - 1)
    flat = variance <= 1e-14 * squares / rows
    ratio = np.divide(mean, np.sqrt(variance), out=np.zeros_like(mean), where=~flat)
    return np.asarray(np.round(ratio, 12), dtype=np.float64)


def holm(p_values: Sequence[float]) -> list[float]:
    """Holm's adjusted p-values, in the order given: valid under any dependence."""
    order = sorted(range(len(p_values)), key=lambda i: p_values[i])
    adjusted = [0.0] * len(p_values)
    highest = 0.0
    for step, i in enumerate(order):
        highest = max(highest, min(1.0, (len(p_values) - step) * p_values[i]))
        adjusted[i] = highest
    return adjusted
