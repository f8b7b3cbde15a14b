"""The shipped strategies on simulated markets: they find what is planted, and nothing elsewhere."""

from __future__ import annotations

import datetime as dt
from collections import Counter
from functools import cache

import numpy as np
import pytest

from orderflow_bt import BarSpec, Strategy, param, time_bars
from orderflow_bt.errors import UsageError
from orderflow_bt.strategy.registry import installed, load_strategy
from orderflow_bt.synth import SimulatedMarket
from orderflow_bt.testing import try_out
from orderflow_bt.types import DAY_US, MINUTE_US

DAYS, WARMUP = 9, 4  # a trend of four-hour bars takes four days to be known
MORE_SETUPS = {"delta_divergence": {"location": "any", "aim": "r"}}
PLACEBOS = 6


def strategies():
    return {name: load_strategy(name)(**MORE_SETUPS.get(name, {})) for name in installed()}


@cache
def planted():
    """A market with every kind planted and always coming true, and what each strategy did."""
    market = SimulatedMarket(
        seed=2, days=DAYS, trades_per_day=60_000, hit_rate=1.0, confluences_per_day=6.0
    )
    asked = strategies() | {"watched": load_strategy("delta_divergence")()}
    return market, try_out(market, asked, warmup_days=WARMUP)


@cache
def placebos():
    """What each strategy did on markets without anything to find."""
    markets = [
        SimulatedMarket(seed=seed, days=DAYS, trades_per_day=30_000, placebo=True)
        for seed in range(1, PLACEBOS + 1)
    ]
    return [try_out(market, strategies(), warmup_days=WARMUP) for market in markets]


def responses(name, kind):
    market, trials = planted()
    since = ((market.start - dt.date(1970, 1, 1)).days + WARMUP) * DAY_US + MINUTE_US
    plants = [s for s in market.situations if s.kind == kind and s.start_time >= since]
    return Counter(trials[name].response(plant) for plant in plants)


@pytest.mark.parametrize(
    ("name", "least"),
    [("delta_divergence", 20), ("absorption", 14), ("imbalance_retest", 7), ("confluence", 20)],
)
def test_it_trades_what_it_is_for(name, least):
    seen = responses(name, name)
    assert seen.total() >= least
    assert seen["traded"] >= 0.8 * seen.total()


def test_a_poc_retest_is_traded_with_the_trend_and_declined_against_it():
    seen = responses("poc_retest", "poc_retest")
    assert seen["traded"] >= 1
    assert set(seen) == {"traded", "against the trend"}


def test_a_divergence_is_declined_only_where_no_level_is_near():
    seen = responses("watched", "delta_divergence")
    assert seen["traded"] >= 0.2 * seen.total()
    assert seen["traded"] + seen["no level near"] >= 0.9 * seen.total()


@cache
def unplanted():
    """What each strategy did on the placebo of the planted market."""
    market = SimulatedMarket(seed=2, days=DAYS, trades_per_day=60_000, placebo=True)
    return try_out(market, strategies(), warmup_days=WARMUP)


@pytest.mark.parametrize("name", ["delta_divergence", "absorption", "imbalance_retest"])
def test_it_trades_much_less_where_nothing_is_planted(name):
    _, trials = planted()
    assert len(trials[name].trades) >= 1.3 * len(unplanted()[name].trades)


def results(trades):
    return [trade.mid_r for trade in trades if trade.mid_r is not None]


@pytest.mark.parametrize("name", ["delta_divergence", "absorption", "imbalance_retest"])
def test_what_comes_true_is_earned(name):
    market, trials = planted()
    plants = [s for s in market.situations if s.kind == name]
    on = [t for t in trials[name].trades if any(t.answers(plant) for plant in plants)]
    assert np.mean(results(on)) > 0.4


def standard_errors(per_market):
    """Mean over all trades and its standard error; markets are independent, trades are not."""
    sums = np.array([sum(results) for results in per_market])
    counts = np.array([len(results) for results in per_market])
    mean = sums.sum() / counts.sum()
    return mean, np.sqrt(((sums - mean * counts) ** 2).sum()) / counts.sum()


@pytest.mark.parametrize("name", list(installed()))
def test_nothing_is_earned_from_mid_to_mid_where_there_is_nothing_to_earn(name):
    per_market = [results(trial[name].trades) for trial in placebos()]
    assert sum(map(len, per_market)) >= (8 if name == "poc_retest" else 60)
    mean, error = standard_errors(per_market)
    assert abs(mean) < 3.3 * error
    assert error < 0.2 or name == "poc_retest"  # whose few trades aim at many times their risk


def test_the_measure_sees_a_strategy_that_sees_ahead():
    market = SimulatedMarket(seed=3, days=2, trades_per_day=20_000, placebo=True)
    ahead = [(day.trades.time, day.bid) for day in market]
    times, bids = (np.concatenate(column) for column in zip(*ahead, strict=True))

    class Ahead(Strategy):
        """Trades towards the bid of five minutes later."""

        bars: BarSpec = param(time_bars("5m"))

        def on_bar(self, _spec, bar, market, broker):
            later = min(int(np.searchsorted(times, market.now + 5 * MINUTE_US)), len(bids) - 1)
            if market.position.is_flat and not broker.working:
                side = 1 if bids[later] > bar.close else -1
                broker.bracket(side, 10, stop=bar.close - 9 * side, target=bar.close + 9 * side)

    trial = try_out(market, {"ahead": Ahead()}, warmup_days=0)["ahead"]
    mean, error = standard_errors(np.array_split(results(trial.trades), 8))
    assert mean > 5 * error


def test_days_must_be_left_to_trade_on():
    with pytest.raises(UsageError, match="leave none"):
        try_out(SimulatedMarket(days=2, trades_per_day=1_000), {}, warmup_days=2)


def test_a_trade_without_a_stop_has_no_r_and_an_open_position_is_closed():
    class Once(Strategy):
        """Buys the first minute and keeps it."""

        bars: BarSpec = param(time_bars("1m"))

        def on_bar(self, _spec, _bar, market, broker):
            if market.position.is_flat and not broker.working:
                broker.market(1, 5)

    market = SimulatedMarket(seed=1, days=1, trades_per_day=2_000)
    (trade,) = try_out(market, {"once": Once()}, warmup_days=0)["once"].trades
    assert trade.mid_r is None
    assert trade.cause is None
    assert trade.trip.exit_role == "end"
    assert not any(trade.answers(plant) for plant in market.situations)
