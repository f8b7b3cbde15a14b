"""Lows and highs of blocks of 64 trades against their twin."""

from __future__ import annotations

import hypothesis.strategies as st
import numpy as np
from hypothesis import given, settings

from orderflow_bt.kernels.blocks import block_extremes


@settings(max_examples=60)
@given(st.integers(1, 400), st.integers(0, 2**32), st.sampled_from([1, 1000, 2**61]))
def test_extremes_equal_the_twin(rows, seed, spread):
    prices = np.random.default_rng(seed).integers(-spread, spread, rows)
    blocks = [prices[k : k + 64].tolist() for k in range(0, rows, 64)]
    lows, highs = np.empty(len(blocks), np.int64), np.empty(len(blocks), np.int64)
    block_extremes(prices, lows, highs)
    assert lows.tolist() == [min(block) for block in blocks]
    assert highs.tolist() == [max(block) for block in blocks]
