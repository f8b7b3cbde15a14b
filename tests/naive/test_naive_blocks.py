"""What passes over blocks of trades gives what a scan of every trade gives, to the bit."""

from __future__ import annotations

import hypothesis.strategies as st
import numpy as np
from hypothesis import given, settings

from orderflow_bt.kernels.blocks import BLOCK, block_extremes, first_outside, price_range
from orderflow_bt.kernels.marking import drawdown, live_through

NONE = np.zeros(0, np.int64)
RULES = {"max_examples": 300, "deadline": None}


@st.composite
def walks(draw):
    """Prices of a few blocks and a rest, and a stretch of them."""
    luck = np.random.default_rng(draw(st.integers(0, 10**6)))
    rows = draw(st.sampled_from([1, BLOCK - 1, BLOCK, BLOCK + 1, 3 * BLOCK, 7 * BLOCK + 5]))
    step = draw(st.sampled_from([1, 3, 40]))
    price = 1_000 + np.cumsum(luck.integers(-step, step + 1, rows))
    price = np.maximum(price, 1).astype(np.int64)
    start = draw(st.integers(0, rows))
    return price, start, draw(st.integers(start, rows))


def blocks(price):
    lows, highs = (np.empty(-(-len(price) // BLOCK), np.int64) for _ in range(2))
    block_extremes(price, lows, highs)
    return lows, highs


@given(walks())
@settings(**RULES)
def test_extremes_of_blocks(walk):
    price, start, stop = walk
    lows, highs = blocks(price)
    for b in range(len(lows)):
        part = price[b * BLOCK : (b + 1) * BLOCK].tolist()
        assert (lows[b], highs[b]) == (min(part), max(part))
    for given_blocks in ((lows, highs), (NONE, NONE)):
        low, high = price_range(price, start, stop, 990, 1_010, *given_blocks)
        part = [990, 1_010, *price[start:stop].tolist()]
        assert (low, high) == (min(part), max(part))


@given(walks(), st.integers(-200, 100), st.integers(-100, 200))
@settings(**RULES)
def test_the_first_price_outside(walk, below, above):
    price, start, stop = walk
    low, high = 1_000 + below, 1_000 + above
    expected = next((i for i in range(start, stop) if not low < price[i] < high), stop)
    for given_blocks in (blocks(price), (NONE, NONE)):
        assert first_outside(price, start, stop, low, high, *given_blocks) == expected


@given(
    walks(),
    st.sampled_from([-3.7, -1.0, 0.0, 0.1, 2.5, 40.0]),
    st.sampled_from([1.0, 0.999, 1.02, 5.0]),
    st.sampled_from([0.0, -0.001, -0.02, -0.3, -2.0]),
    st.booleans(),
)
@settings(**RULES)
def test_drawdown(walk, slope, peak, worst, inverse):
    price, start, stop = walk
    per_unit = -slope * 1e6 if inverse else slope
    cash = 3_000.0 - (per_unit / 1_000 if inverse else per_unit * 1_000)
    top, deepest = 3_000.0 * peak, worst
    for at in price[start:stop].tolist():
        equity = cash + (per_unit / at if inverse else per_unit * at)
        if equity > top:
            top = equity
        elif equity / top - 1.0 < deepest:
            deepest = equity / top - 1.0
    for given_blocks in (blocks(price), (NONE, NONE)):
        rest = (start, stop, cash, per_unit, inverse, 3_000.0 * peak, worst)
        assert drawdown(price, *given_blocks, *rest) == (top, deepest)
        reached = live_through(price, *given_blocks, *rest, 990, 1_010)
        part = [990, 1_010, *price[start:stop].tolist()]
        assert reached == (top, deepest, min(part), max(part))
