"""Our metrics beside empyrical's and quantstats', where one of them is installed.

Neither is a dependency of the tests: `pip install empyrical-reloaded quantstats` runs these.
"""

from __future__ import annotations

import numpy as np
import pytest

from orderflow_bt.stats import metrics as m

DAYS = 365
RETURNS = [
    np.array([1, -0.5, 0.4, -1.2, 0.8, 0.3, -0.2, 0.6, -0.4, 0.7]) / 100,
    np.random.default_rng(1).normal(0.001, 0.02, 400),
    np.random.default_rng(2).standard_t(3, 1000) / 100,
]


def optional(name):
    """A module, or a skip that says why; a broken install must not break the tests either."""
    return pytest.importorskip(name, reason=f"{name} is not installed", exc_type=ImportError)


def curve(returns):
    return np.concatenate(([1.0], np.cumprod(1 + returns)))


@pytest.mark.parametrize("returns", RETURNS)
def test_ratios_and_drawdown_are_empyricals(returns):
    theirs = optional("empyrical")
    assert m.sharpe(returns).value == pytest.approx(
        theirs.sharpe_ratio(returns, annualization=DAYS)
    )
    assert m.sortino(returns).value == pytest.approx(
        theirs.sortino_ratio(returns, annualization=DAYS)
    )
    assert m.max_drawdown(curve(returns)).value == pytest.approx(theirs.max_drawdown(returns))


@pytest.mark.filterwarnings("ignore")  # its own, of pandas and of what it imports
@pytest.mark.parametrize("returns", RETURNS)
def test_ratios_drawdown_and_profit_factor_are_quantstats(returns):
    theirs = optional("quantstats.stats")
    pandas = optional("pandas")
    series = pandas.Series(returns, pandas.date_range("2026-01-01", periods=len(returns)))
    assert m.sharpe(returns).value == pytest.approx(theirs.sharpe(series, periods=DAYS))
    assert m.sortino(returns).value == pytest.approx(theirs.sortino(series, periods=DAYS))
    assert m.max_drawdown(curve(returns)).value == pytest.approx(theirs.max_drawdown(series))
    assert m.profit_factor(returns).value == pytest.approx(theirs.profit_factor(series))
