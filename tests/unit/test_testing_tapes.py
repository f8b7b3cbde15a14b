"""The author's random tapes: valid, and good enough for a strategy that reads them."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
from hypothesis import given, settings

from orderflow_bt import BarSpec, Strategy, param, time_bars
from orderflow_bt.testing import assert_no_lookahead
from orderflow_bt.testing.tapes import tapes


@settings(max_examples=40, deadline=None)
@given(tapes(max_trades=30))
def test_tapes_are_tapes(tape):
    trades = tape.trades
    assert 1 <= trades.rows <= 30
    assert (np.diff(trades.id) == 1).all()
    assert (np.diff(trades.time) >= 0).all()
    assert (trades.price > 0).all()
    assert ((trades.qty >= 1) & (trades.qty <= 50)).all()


@settings(max_examples=40, deadline=None)
@given(tapes(min_trades=5, max_trades=20, holes=True))
def test_holes_are_missing_ids(tape):
    assert tape.trades.rows >= 5
    assert (np.diff(tape.trades.id) >= 1).all()


class Follows(Strategy):
    bars: BarSpec = param(time_bars("1m"))

    def on_bar(self, spec, bar, market, broker):
        if market.position.is_flat:
            broker.market(1 if bar.delta > 0 else -1, 1)
        else:
            broker.close()


@settings(max_examples=10, deadline=None)
@given(tapes(max_trades=30))
def test_an_honest_strategy_passes_on_any(tape):
    assert_no_lookahead(Follows, tape, cuts=2)


def test_without_hypothesis_the_module_says_what_to_install():
    code = (
        "import sys; sys.modules['hypothesis'] = None; import orderflow_bt.testing\n"
        "try: import orderflow_bt.testing.tapes\n"
        "except Exception as error: print(error)"
    )
    told = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert told.stdout.strip() == (
        "random tapes need hypothesis, which is not installed. pip install hypothesis"
    )
