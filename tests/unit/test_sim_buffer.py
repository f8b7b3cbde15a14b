"""A buffer that forgets answers like one that does not."""

from __future__ import annotations

import numpy as np
import pytest

from orderflow_bt.kernels.quotes import NO_PRICE
from orderflow_bt.sim.buffer import TapeBuffer
from orderflow_bt.types import Trades


def tape(sides, seed=0):
    rows = len(sides)
    prices = 100 + np.cumsum(np.random.default_rng(seed).integers(-2, 3, rows))
    numbers = np.arange(rows, dtype=np.int64)
    return Trades(
        numbers, numbers, prices.astype(np.int64), numbers + 1, np.array(sides, np.int8),
        np.ones(rows, np.int32),
    )  # fmt: skip


@pytest.mark.parametrize("piece", [1, 3, 5])
@pytest.mark.parametrize(
    "sides",
    [[1] * 60, [-1] * 60, [-1] + [1] * 59, [1] + [-1] * 59, [1, -1] * 30, [1] * 30 + [-1] * 30],
    ids=["buys", "sells", "a sell, then buys", "a buy, then sells", "both in turn", "both in runs"],
)
def test_quotes_outlive_the_trades_that_made_them(sides, piece):
    trades = tape(sides)
    forgetful, mindful = TapeBuffer(keep=4, tick=1), TapeBuffer(keep=1_000, tick=1)
    for start in range(0, trades.rows, piece):
        first = forgetful.append(trades.slice(start, start + piece))
        assert forgetful.base + first == mindful.append(trades.slice(start, start + piece)) == start
        for row in range(start, start + piece + 1):
            assert forgetful.quotes(row - forgetful.base) == mindful.quotes(row)
    assert forgetful.base > 0
    assert forgetful.end < 20


def test_nothing_is_known_before_the_first_trade():
    assert TapeBuffer(keep=4, tick=1).quotes(0) == (NO_PRICE, NO_PRICE)
