"""The best of many tries, on published vectors."""

from __future__ import annotations

import math

import numpy as np
import pytest

from orderflow_bt.errors import UsageError
from orderflow_bt.stats import tries


@pytest.mark.parametrize(("trials", "probability"), [(100, 0.9004), (46, 0.9505)])
def test_deflated_sharpe_of_the_paper(trials: int, probability: float):
    stat = tries.deflated_sharpe(
        2.5 / math.sqrt(250),
        trials=trials,
        variance=0.5 / 250,
        periods=1250,
        skew=-3,
        kurtosis=10,
    )
    assert stat.value == pytest.approx(probability, abs=5e-5)


def test_expected_best_of_useless_trials():
    assert tries.expected_max_sharpe(100, 0.5 / 250) == pytest.approx(0.1132, abs=5e-5)
    assert tries.expected_max_sharpe(100, 1.0) == pytest.approx(2.53, abs=5e-3)
    assert tries.expected_max_sharpe(1000, 1.0) == pytest.approx(3.26, abs=5e-3)
    assert tries.expected_max_sharpe(1, 1.0) == 0
    with pytest.raises(UsageError):
        tries.expected_max_sharpe(0, 1.0)


def test_overfitting_by_cross_validation():
    columns = np.array(
        [
            [1, 2, 0, 1, -1, 0, 1, -2],
            [0, 1, 1, -1, 2, 1, 0, 1],
            [2, -1, 3, 2, 1, -2, -1, 0],
        ],
        dtype=float,
    ).T
    found = tries.overfitting(columns / 100, blocks=4)
    assert found.ranks.tolist() == [1, 2, 3, 3, 1, 1]
    assert found.probability == pytest.approx(4 / 6)
    with pytest.raises(UsageError):
        tries.overfitting(columns, blocks=3)
    with pytest.raises(UsageError):
        tries.overfitting(columns, blocks=8)


def test_a_variant_that_is_always_better_is_no_overfitting():
    better = np.array([2.0, 1, 3, 1, 2, 3, 1, 2])
    found = tries.overfitting(np.column_stack((better, -better)), blocks=4)
    assert found.ranks.tolist() == [2] * 6  # of two: omega is 2 / 3 each time
    assert found.probability == 0


def test_many_splits_of_noise_overfit_about_half_the_time():
    noise = np.random.default_rng(3).normal(size=(320, 20))
    found = tries.overfitting(noise)
    assert found.ranks.size == 12_870
    assert 0.2 < found.probability < 0.9


def test_many_tests_at_once():
    assert tries.holm([0.001, 0.012, 0.03, 0.2]) == pytest.approx([0.004, 0.036, 0.06, 0.2])
    assert tries.holm([0.2, 0.001, 0.03, 0.012]) == pytest.approx([0.2, 0.004, 0.06, 0.036])
