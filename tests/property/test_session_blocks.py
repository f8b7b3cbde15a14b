"""Passing over blocks of trades changes nothing: sessions with them and without them."""

from __future__ import annotations

import hypothesis.strategies as st
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from session_actors import Actor, assert_equal, assumptions, outcome, random_tape

from orderflow_bt.sim.buffer import Stretch

SECOND = 1_000_000
NONE = (np.zeros(0, np.int64), np.zeros(0, np.int64))


@settings(max_examples=12, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.integers(0, 10**6), assumptions(), st.sampled_from([0.05, 0.5]))
def test_blocks_change_nothing(seed, config, often):
    trades = random_tape(seed, 1_500)
    end = int(trades.time[-1]) + SECOND

    def run():
        return outcome(
            Actor(seed=seed, often=often, fast="20s", slow="60s"), trades, config, end=end
        )

    with_blocks = run()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Stretch, "blocks", property(lambda _stretch: NONE))
        assert_equal(run(), with_blocks)
    assert with_blocks["orders"]
