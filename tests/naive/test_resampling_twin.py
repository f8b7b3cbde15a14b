"""Resamples and prices by time, made for many at once, against the same one by one."""

from __future__ import annotations

from itertools import pairwise

import hypothesis.strategies as st
import numpy as np
import pytest
from hypothesis import given, settings

from orderflow_bt.stats import luck
from orderflow_bt.stats.chance import Marks


def redrawn(values, block, reps, seed):
    """The stationary bootstrap as it is told: walk on, or begin anywhere; round the end."""
    rng = np.random.Generator(np.random.PCG64(seed))
    begins = (rng.random((reps, len(values))) < 1.0 / block).tolist()
    starts = rng.integers(0, len(values), (reps, len(values))).tolist()
    rows = []
    for row in range(reps):
        at, drawn = 0, []
        for place in range(len(values)):
            if place == 0 or begins[row][place]:
                at = starts[row][place]
            drawn.append(values[at])
            at = (at + 1) % len(values)
        rows.append(drawn)
    return rows


@pytest.mark.parametrize("block", [1.0, 1.3, 4.0, 1e6])
@given(st.integers(1, 40), st.integers(1, 30), st.integers(0, 2**32))
@settings(max_examples=20, deadline=None)
def test_resamples(block, size, reps, seed):
    values = np.random.default_rng(seed).normal(size=size)
    drawn = np.concatenate(list(luck.resamples(values, block=block, reps=reps, seed=seed)))
    assert drawn.tolist() == redrawn(values.tolist(), block, reps, seed)


def test_statistics_of_the_same_resamples_are_those_of_each():
    values = np.random.default_rng(8).normal(size=60)
    both = (luck.row_sharpe, luck.row_max_drawdown)
    for method in ("percentile", "bca"):
        made = luck.bootstraps(values / 50, both, seed=4, reps=900, method=method)
        assert made == [
            luck.bootstrap(values / 50, one, seed=4, reps=900, method=method) for one in both
        ]
        assert made[0] != made[1]


TIMES = st.one_of(
    st.builds(
        lambda first, pause, count: [first + k * pause for k in range(count)],
        st.integers(-100, 100), st.integers(1, 9), st.integers(1, 30),
    ),
    st.lists(st.integers(-100, 100), min_size=1, max_size=30, unique=True).map(sorted),
)  # fmt: skip


@given(TIMES, st.lists(st.integers(-200, 400), max_size=40))
def test_the_price_at_a_time_is_the_last_known_by_then(times, asked):
    marks = Marks(np.array(times), np.arange(1.0, len(times) + 1))
    inverse = Marks(marks.time, marks.price, is_inverse=True)
    known = [max(sum(time <= at for time in times), 1) for at in asked]
    assert marks.value(np.array(asked, np.int64)).tolist() == known
    assert inverse.value(np.array(asked, np.int64)).tolist() == [-1 / price for price in known]
    even = len({b - a for a, b in pairwise(times)}) == 1
    assert (marks._pause > 0) == even
