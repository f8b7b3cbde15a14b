"""The bar kernel against its slow twin on random tapes."""

from __future__ import annotations

from fractions import Fraction

import hypothesis.strategies as st
from hypothesis import given, settings
from naive_bars import naive_bars, naive_diagonal
from random_tapes import SIZES, as_trades, tapes

from orderflow_bt.flow import BarStream, ZeroPolicy, diagonal
from orderflow_bt.types import BarSpec


def assert_same(batch, expected):
    assert batch.tolist() == [bar for bar, _ in expected]
    for k, (_, cells) in enumerate(expected):
        assert batch.bar_cells(k).tolist() == cells


@settings(deadline=None, max_examples=80)
@given(tapes(), st.sampled_from(SIZES), st.sampled_from([1, 2, 7]), st.booleans())
def test_bars_and_cells_equal_the_naive_twin(rows, size, row_size, continuous):
    stream = BarStream(BarSpec("time", size), ids_are_continuous=continuous, ticks_per_row=row_size)
    batch = stream.feed(as_trades(rows))
    assert_same(batch, naive_bars(rows, size, row_size, continuous=continuous))
    times = [row[1] for row in rows]
    for at, bar in zip(batch.at.tolist(), batch.tolist(), strict=True):
        assert all(time < bar.close_time for time in times[:at])
        assert times[at] >= bar.close_time


@settings(deadline=None, max_examples=40)
@given(tapes(), st.sampled_from(SIZES), st.integers(0, 20_000_000))
def test_closing_by_the_clock_equals_the_naive_twin(rows, size, wait):
    clock = (rows[-1][1] if rows else 0) + wait
    stream = BarStream(BarSpec("time", size), ids_are_continuous=True)
    fed = stream.feed(as_trades(rows)).tolist()
    expected = naive_bars(rows, size, 1, continuous=True, clock=clock)
    assert fed + stream.close_until(clock).tolist() == [bar for bar, _ in expected]


@st.composite
def dense_cells(draw):
    step = draw(st.sampled_from([1, 5]))
    sides = draw(st.lists(st.tuples(*[st.integers(0, 40)] * 2), min_size=1, max_size=12))
    low = step * draw(st.integers(-3, 100))
    return [[low + step * k, bid, ask, 1, 1] for k, (bid, ask) in enumerate(sides)]


@settings(deadline=None, max_examples=80)
@given(
    dense_cells(),
    st.sampled_from([(3, 1), (10, 1), (3, 2), (1, 1)]),
    st.integers(0, 20),
    st.sampled_from(list(ZeroPolicy)),
)
def test_diagonal_imbalances_equal_the_naive_twin(cells, ratio, min_volume, zero):
    import numpy as np

    matrix = np.array(cells, dtype=np.int64)
    buy, sell = diagonal(matrix, ratio, min_volume, zero)
    expected = naive_diagonal(cells, Fraction(*ratio), min_volume, zero.name.lower())
    assert (matrix[buy, 0].tolist(), matrix[sell, 0].tolist()) == expected
