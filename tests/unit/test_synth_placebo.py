"""The placebo has no edge: whatever the tape showed, the mid's next moves average to nothing."""

from functools import cache

import numpy as np
import pytest

from orderflow_bt.synth import SimulatedMarket
from orderflow_bt.types import MINUTE_US

DAYS = 100
HORIZON_US = 5 * MINUTE_US


@cache
def days(*, placebo):
    none = {
        "divergences_per_day": 0.0,
        "absorptions_per_day": 0.0,
        "imbalance_retests_per_day": 0.0,
        "poc_retests_per_day": 0.0,
    }
    market = SimulatedMarket(
        seed=11, days=DAYS, trades_per_day=10_000, daily_volatility=0.02, placebo=placebo, **none
    )
    return list(market)


def later_bid(day, at, horizon_us=HORIZON_US):
    """Best bid ``horizon_us`` after the trades ``at``, and which of them have one that day."""
    then = np.searchsorted(day.trades.time, day.trades.time[at] + horizon_us)
    inside = then < day.trades.rows
    return day.bid[then[inside]], inside


def after_side(day, chosen):
    """Moves after the chosen trades, signed by their side, in ticks."""
    at = np.flatnonzero(chosen)
    bid, inside = later_bid(day, at)
    return (bid - day.bid[at[inside]]) * day.trades.side[at[inside]]


def buys(day):
    return after_side(day, day.trades.side > 0)


def big_trades(day):
    return after_side(day, day.trades.qty >= np.quantile(day.trades.qty, 0.99))


def runs(day):
    side = day.trades.side.astype(int)
    run = np.convolve(side, np.ones(6, dtype=int))[: side.size]
    return after_side(day, np.abs(run) == 6)


def next_step(day):
    return np.diff(day.bid) * day.trades.side[:-1]


def bars(day):
    """First and last row of each five-minute bar but the last, and its delta."""
    bar = day.trades.time // HORIZON_US
    first = np.flatnonzero(np.diff(bar, prepend=bar[0] - 1))
    delta = np.add.reduceat(day.trades.qty * day.trades.side, first)
    return first, delta


def delta_extremes(day):
    first, delta = bars(day)
    moves = np.diff(day.bid[first])  # of each bar, from its start to the next one's
    extreme = np.abs(delta) >= np.quantile(np.abs(delta), 0.9)
    return moves[1:] * np.sign(delta[:-2]) * np.where(extreme[:-2], 1, np.nan)


def same_bar_delta(day):
    first, delta = bars(day)
    return np.diff(day.bid[first]) * np.sign(delta[:-1])


def wild_bars(day):
    """Moves after a bar of a wide range, plain and not signed."""
    first, _ = bars(day)
    high = np.maximum.reduceat(day.trades.price, first)
    low = np.minimum.reduceat(day.trades.price, first)
    wild = high - low >= np.quantile(high - low, 0.9)
    return np.diff(day.bid[first])[1:] * np.where(wild[:-2], 1, np.nan)


def momentum(day):
    first, _ = bars(day)
    moves = np.diff(day.bid[first])
    return moves[1:] * np.sign(moves[:-1])


def taker_loss(day):
    """What a taker has half a tick less of: the mid later against the price paid."""
    at = np.arange(day.trades.rows)
    bid, inside = later_bid(day, at)
    side = day.trades.side[inside]
    return (bid + 0.5 - day.trades.price[inside]) * side + 0.5


def maker_gain(day):
    """A bid left at the touch each minute and hit there within the minute: half a tick."""
    trades = day.trades
    minute = trades.time // MINUTE_US
    starts = np.flatnonzero(np.diff(minute, prepend=minute[0] - 1))
    filled = []
    for start, stop in zip(starts[:-1].tolist(), starts[1:].tolist(), strict=True):
        level = day.bid[start]
        hits = np.flatnonzero((trades.side[start:stop] < 0) & (trades.price[start:stop] <= level))
        if hits.size and trades.price[start + hits[0]] == level:
            filled.append(start + hits[0])
    at = np.array(filled)
    bid, inside = later_bid(day, at)
    return bid + 0.5 - trades.price[at[inside]] - 0.5


def standard_errors(statistic, market):
    """Mean of a statistic in its standard errors; days are independent, trades of one are not."""
    sums, counts = [], []
    for day in market:
        values = statistic(day)
        values = values[~np.isnan(values)] if values.dtype.kind == "f" else values
        sums.append(values.sum())
        counts.append(values.size)
    sums, counts = np.array(sums, dtype=float), np.array(counts)
    mean = sums.sum() / counts.sum()
    residual = sums - mean * counts
    return mean / (np.sqrt((residual**2).sum()) / counts.sum())


@pytest.mark.parametrize(
    "statistic",
    [
        buys,
        big_trades,
        runs,
        next_step,
        delta_extremes,
        same_bar_delta,
        wild_bars,
        momentum,
        taker_loss,
        maker_gain,
    ],
)
def test_nothing_foretells_the_placebo(statistic):
    assert abs(standard_errors(statistic, days(placebo=True))) < 4


@pytest.mark.parametrize("statistic", [next_step, same_bar_delta])
def test_the_same_measures_see_the_impact_of_the_ordinary_market(statistic):
    assert standard_errors(statistic, days(placebo=False)) > 8


@pytest.mark.parametrize("statistic", [momentum, delta_extremes, wild_bars])
def test_impact_alone_leaves_no_trend(statistic):
    assert abs(standard_errors(statistic, days(placebo=False))) < 4


def test_sides_of_the_placebo_remember():
    lags = {1: 0.35, 20: 0.005}
    for lag, least in lags.items():
        found = []
        for day in SimulatedMarket(seed=4, days=5, trades_per_day=50_000, placebo=True):
            side = day.trades.side - day.trades.side.mean()
            found.append((side[:-lag] * side[lag:]).mean() / side.var())
        assert np.mean(found) > least


def test_the_placebo_plants_nothing_and_trades_at_the_touch():
    market = SimulatedMarket(seed=9, days=2, trades_per_day=5_000, placebo=True)
    for day in market:
        assert np.array_equal(day.trades.price - day.bid, day.trades.side > 0)
    assert market.situations == ()
