"""Figures of a sliding window: each as its metric says, in a band that order rarely leaves."""

from __future__ import annotations

import math

import numpy as np
import pytest

from orderflow_bt.stats import metrics as m
from orderflow_bt.stats import rolling as r

RNG = np.random.default_rng(5)
NET = RNG.normal(2.0, 30.0, 90)


@pytest.mark.parametrize(
    ("figure", "slow"),
    [
        (r.sliding_mean, lambda part: m.expectancy(part).value),
        (r.sliding_share, lambda part: m.win_rate(part).value),
        (r.sliding_factor, lambda part: m.profit_factor(part).value),
        (r.sliding_sharpe, lambda part: m.sharpe(part).value),
    ],
)
def test_each_window_is_what_the_metric_says(figure: r.Sliding, slow):
    values = NET / 1000 if figure is r.sliding_sharpe else NET
    found = r.rolling(values, figure, seed=1, window=30)
    assert found.values == pytest.approx([slow(values[k : k + 30]) for k in range(61)])
    assert found.whole == pytest.approx(slow(values))
    assert found.last is not None
    assert found.last[0] < found.values[-1] < found.last[1]


@pytest.mark.parametrize(
    ("results", "window"), [(59, None), (60, 30), (399, 30), (430, 40), (99_999, 100)]
)
def test_two_windows_must_fit(results: int, window: int | None):
    assert r.window_of(results) == window


def test_order_alone_rarely_leaves_the_band():
    left = 0
    for seed in range(60):
        values = np.random.default_rng(seed).normal(1.0, 10.0, 120)
        left += any(r.rolling(values, r.sliding_mean, seed=7, window=30).outside)
    assert left <= 8  # 3 expected


def test_an_edge_that_dies_leaves_the_band_on_both_sides():
    values = NET + np.repeat([40.0, -40.0], 45)
    below, above = r.rolling(values, r.sliding_mean, seed=1, window=30).outside
    assert below > 0
    assert above > 0


def test_what_has_no_figure_is_left_out():
    won = np.abs(NET)
    factor = r.rolling(won, r.sliding_factor, seed=1, window=30)
    assert np.isnan(factor.values).all()
    assert (factor.band, factor.last, factor.outside) == (None, None, (0, 0))
    assert math.isinf(factor.whole)
    still = r.rolling(np.zeros(60), r.sliding_sharpe, seed=1, window=30)
    assert np.isnan(still.values).all()
    some = np.concatenate((np.zeros(40), NET[:20] / 1000))
    sharpe = r.rolling(some, r.sliding_sharpe, seed=1, window=30)
    assert np.isnan(sharpe.values[0])
    assert np.isfinite(sharpe.values[-1])
    assert sharpe.band is not None
