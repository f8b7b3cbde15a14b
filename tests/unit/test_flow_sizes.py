"""The distribution of trade sizes against counting one by one."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from orderflow_bt.errors import UsageError
from orderflow_bt.flow.sizes import SizeDistribution
from orderflow_bt.types import Trades

sizes = st.lists(
    st.tuples(st.one_of(st.integers(0, 70), st.integers(0, 2**58 - 1)), st.sampled_from([1, -1])),
    min_size=1,
    max_size=30,
)


def tape(pairs):
    qty = np.array([q for q, _ in pairs], np.int64)
    side = np.array([s for _, s in pairs], np.int8)
    return Trades(qty, qty, qty, qty, side, np.ones(len(pairs), np.int32))


@settings(max_examples=200, deadline=None)
@given(sizes, st.integers(0, 30), st.floats(0, 1))
def test_counts_volumes_and_quantiles_are_those_of_the_trades(pairs, cut, share):
    whole, parts = SizeDistribution(), SizeDistribution()
    whole.feed(tape(pairs))
    parts.feed(tape(pairs[:cut]))
    parts.feed(tape(pairs[cut:]))
    assert whole.classes() == parts.classes()
    assert whole.trades == len(pairs)
    for size in whole.classes():
        inside = [(q, s) for q, s in pairs if size.low <= q < size.high]
        assert size.trades == len(inside)
        assert size.buy_volume == sum(q for q, s in inside if s > 0)
        assert size.sell_volume == sum(q for q, s in inside if s < 0)
        assert size.low < 32 or 16 * (size.high - size.low) <= size.low
    exact = sorted(q for q, _ in pairs)[max(1, int(np.ceil(share * len(pairs)))) - 1]
    found = whole.quantile(share)
    assert exact <= found <= exact + exact // 16


def test_nothing_has_no_quantile():
    with pytest.raises(UsageError):
        SizeDistribution().quantile(0.5)
