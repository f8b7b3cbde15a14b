"""Resampling and the Sharpe ratio's uncertainty, on published vectors."""

from __future__ import annotations

import math

import numpy as np
import pytest

from orderflow_bt.errors import UsageError
from orderflow_bt.stats import luck
from orderflow_bt.stats import metrics as m

RETURNS = np.array([1, -0.5, 0.4, -1.2, 0.8, 0.3, -0.2, 0.6, -0.4, 0.7]) / 100


def test_probabilistic_sharpe():
    stat = luck.probabilistic_sharpe(
        m.sharpe(RETURNS).value / math.sqrt(365),
        benchmark=0,
        periods=10,
        skew=m.skew(RETURNS).value,
        kurtosis=m.kurtosis(RETURNS).value,
    )
    assert stat.value == pytest.approx(0.72609, abs=5e-6)


def test_min_track_record():
    stat = luck.min_track_record(0.1, benchmark=0, skew=-1, kurtosis=6)
    assert math.ceil(stat.value) == 302
    assert luck.min_track_record(0.0, benchmark=0, skew=0, kurtosis=3).value is None


def test_a_p_value_is_never_zero():
    assert luck.random_p_value(37, 1000) == pytest.approx(0.03796, abs=5e-6)
    assert luck.random_p_value(0, 999) == 0.001


def test_block_length_grows_with_dependence():
    rng = np.random.default_rng(1)
    noise = rng.normal(size=1000)
    dependent = np.zeros(1000)
    for i in range(1, 1000):
        dependent[i] = 0.9 * dependent[i - 1] + noise[i]
    assert luck.optimal_block_length(noise) < 5
    assert luck.optimal_block_length(dependent) > 15
    assert luck.optimal_block_length(np.ones(100)) == 1
    assert luck.optimal_block_length(np.ones(3)) == 1


@pytest.mark.parametrize("size", [8, 9, 12, 30])
def test_block_length_of_few_values_stays_in_its_bounds(size: int):
    for seed in range(20):
        length = luck.optimal_block_length(np.random.default_rng(seed).normal(size=size))
        assert 1 <= length <= math.ceil(min(3 * math.sqrt(size), size / 3))


def test_resamples_are_blocks_of_the_values():
    values = np.arange(50.0)
    drawn = np.concatenate(list(luck.resamples(values, block=5, reps=400, seed=1)))
    assert drawn.shape == (400, 50)
    follows = (drawn[:, 1:] - drawn[:, :-1]) % 50 == 1
    assert follows.mean() == pytest.approx(0.8, abs=0.02)
    assert np.abs(follows.mean(axis=0) - 0.8).max() < 0.1  # a block may begin anywhere
    assert {0.0, 49.0} <= set(drawn[:, 0].tolist())


def test_interval_is_seeded_and_holds_the_mean():
    values = np.random.default_rng(5).normal(1.0, 1.0, size=400)
    first = luck.bootstrap(values, luck.row_mean, seed=7, reps=2000)
    assert first == luck.bootstrap(values, luck.row_mean, seed=7, reps=2000)
    assert first != luck.bootstrap(values, luck.row_mean, seed=8, reps=2000)
    assert first.low < values.mean() < first.high
    assert first.high - first.low == pytest.approx(2 * 1.96 / 20, rel=0.25)
    assert first.low > 0


def test_bias_corrected_interval():
    values = np.random.default_rng(6).exponential(size=60)
    plain = luck.bootstrap(values, luck.row_mean, seed=1, reps=4000, block=1)
    moved = luck.bootstrap(values, luck.row_mean, seed=1, reps=4000, block=1, method="bca")
    assert moved.high > plain.high  # right skew moves the interval to the right
    flat = luck.bootstrap(np.ones(9), luck.row_mean, seed=1, reps=50, method="bca")
    assert (flat.low, flat.high) == (1.0, 1.0)


def test_the_correction_for_bias_counts_draws_below_what_was_found():
    """Of ten draws two lie below 3, three on it; three values that lie even bend nothing."""
    drawn = np.array([1.0, 2, 3, 3, 3, 4, 5, 6, 7, 8])
    moved = luck._bca_shares(np.array([2.0, 3, 4]), luck.row_mean, drawn, [0.5, 0.9])
    # Phi(2 z(0.2) + z(0.5)) and Phi(2 z(0.2) + z(0.9)), where z(0.2) is -0.841621
    assert moved == pytest.approx([0.046164, 0.343956], abs=1e-6)


def test_where_no_draw_lies_below_there_is_no_bias_to_correct():
    values = np.random.default_rng(7).normal(size=12)

    def least(rows):
        return rows.min(axis=1)

    plain = luck.bootstrap(values, least, seed=1, reps=200, block=1)
    assert luck.bootstrap(values, least, seed=1, reps=200, block=1, method="bca") == plain


def test_row_statistics_agree_with_the_metrics():
    rows = RETURNS[None, :]
    assert luck.row_sharpe(rows)[0] == pytest.approx(m.sharpe(RETURNS).value)
    curve = np.concatenate(([1.0], np.cumprod(1 + RETURNS)))
    assert luck.row_max_drawdown(rows)[0] == pytest.approx(m.max_drawdown(curve).value)
    assert luck.row_max_drawdown(np.array([[0.1, 0.1]]))[0] == 0


def test_wrong_use_is_refused():
    with pytest.raises(UsageError, match="two values"):
        luck.bootstrap(np.ones(1), luck.row_mean, seed=1)
    with pytest.raises(UsageError, match="bca"):
        luck.bootstrap(np.ones(3), luck.row_mean, seed=1, method="magic")
