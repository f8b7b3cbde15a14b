"""What passes over blocks of trades gives what a scan of every trade gives, to the bit."""

from __future__ import annotations

import hypothesis.strategies as st
import numpy as np
from hypothesis import given, settings

from orderflow_bt.kernels.blocks import BLOCK, block_extremes, first_outside, price_range
from orderflow_bt.kernels.marking import ENDS, OPENS, SHRINKS, drawdown, live_through
from orderflow_bt.kernels.orders import NEVER

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


# (row, what it does to a round trip, price of the fill, line behind it)
CHANGES = st.lists(
    st.tuples(
        st.integers(0, 500),
        st.sampled_from([0, SHRINKS, OPENS, SHRINKS | ENDS, SHRINKS | ENDS | OPENS]),
        st.integers(900, 1_100),
        st.sampled_from([-3.7, -1.0, 0.0, 0.1, 40.0]),
    ),
    max_size=6,
)


@given(walks(), CHANGES, st.booleans())
@settings(**RULES)
def test_an_account_that_changes_is_marked_trade_by_trade(walk, changes, inverse):
    price, start, stop = walk
    scale = 1e6 if inverse else 1.0
    rows = sorted(min(start + row, stop) for row, *_ in changes)
    lines = [(3_000.0, 0.1 * scale)]
    lines += [(3_000.0 - slope, slope * scale) for *_, slope in changes]
    peak, worst, low, high = 3_000.0, -0.01, 990, 1_010
    expected, row = [], start

    def mark(constant, slope, at):
        nonlocal peak, worst
        equity = constant + (slope / at if inverse else slope * at)
        peak = max(peak, equity)
        worst = min(worst, equity / peak - 1.0)

    for k, edge in enumerate([*rows, stop]):
        for at in price[row:edge].tolist() if lines[k][1] else []:
            mark(*lines[k], at)
            low, high = min(low, at), max(high, at)
        row = max(row, edge)
        if k < len(changes):
            _, trip, paid, _ = changes[k]
            if trip & SHRINKS:
                low, high = min(low, paid), max(high, paid)
            expected.append([low, high])
            low, high = NEVER, -NEVER
            mark(*lines[k + 1], 1_000)
    steps = [(at, trip, paid, 1_000) for at, (_, trip, paid, _) in zip(rows, changes, strict=True)]
    for given_blocks in (blocks(price), (NONE, NONE)):
        lived = np.zeros((len(expected), 2), np.int64)
        reached = live_through(
            price, *given_blocks, start, stop, np.array(steps, np.int64).reshape(-1, 4),
            np.array(lines), inverse, 3_000.0, -0.01, 990, 1_010, lived,
        )  # fmt: skip
        assert reached == (peak, worst, low, high)
        assert lived.tolist() == expected
