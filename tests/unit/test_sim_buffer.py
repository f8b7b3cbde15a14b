"""A buffer that forgets answers like one that does not."""

from __future__ import annotations

import numpy as np
import pytest

from orderflow_bt.kernels.quotes import NO_PRICE
from orderflow_bt.sim.buffer import TapeBuffer, empty_stretch
from orderflow_bt.types import Trades


def tape(sides, seed=0):
    rows = len(sides)
    prices = 100 + np.cumsum(np.random.default_rng(seed).integers(-2, 3, rows))
    numbers = np.arange(rows, dtype=np.int64)
    return Trades(
        numbers, numbers, prices.astype(np.int64), numbers + 1, np.array(sides, np.int8),
        np.ones(rows, np.int32),
    )  # fmt: skip


@pytest.mark.parametrize("piece", [1, 3, 5, 17, 30])
@pytest.mark.parametrize(
    "sides",
    [[1] * 60, [-1] * 60, [-1] + [1] * 59, [1] + [-1] * 59, [1, -1] * 30, [1] * 30 + [-1] * 30],
    ids=["buys", "sells", "a sell, then buys", "a buy, then sells", "both in turn", "both in runs"],
)
def test_quotes_outlive_the_trades_that_made_them(sides, piece):
    trades = tape(sides)
    forgetful = TapeBuffer(keep=4, tick=1)
    (whole,) = TapeBuffer(keep=1_000, tick=1).append(trades)
    held, passed = [], 0
    for start in range(0, trades.rows, piece):
        held += forgetful.append(trades.slice(start, start + piece))
    for stretch in held:  # all of them still say what they said when they were made
        assert stretch.base + stretch.first == passed
        assert stretch.first >= min(4, passed)
        passed += stretch.end - stretch.first
        for row in range(stretch.first, stretch.end + 1):
            assert stretch.quotes(row) == whole.quotes(stretch.base + row)
        for name in ("id", "time", "price", "qty", "side"):
            rows = getattr(stretch, name)[: stretch.end]
            assert rows.tolist() == getattr(whole, name)[stretch.base :][: stretch.end].tolist()
    assert passed == trades.rows
    assert held[-1].base > 0


def test_a_large_piece_is_not_copied():
    trades = tape([1, -1] * 30)
    head, body = TapeBuffer(keep=4, tick=1).append(trades)
    assert (head.first, head.end, body.first, body.end) == (0, 4, 4, 60)
    assert np.shares_memory(body.price, trades.price)
    assert not body.price.flags.writeable


def test_nothing_is_known_before_the_first_trade():
    assert empty_stretch().quotes(0) == (NO_PRICE, NO_PRICE)
    (nothing,) = TapeBuffer(keep=4, tick=1).append(tape([]))
    assert nothing.quotes(0) == (NO_PRICE, NO_PRICE)
    assert nothing.first == nothing.end == 0
