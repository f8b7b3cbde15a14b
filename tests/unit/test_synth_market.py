"""The simulated market as a value: reproducible, validated, with the texture it promises."""

import datetime as dt
from decimal import Decimal

import numpy as np
import pytest

from orderflow_bt.detectors.delta_divergence import DeltaDivergence
from orderflow_bt.errors import UsageError
from orderflow_bt.flow.bars import BarStream
from orderflow_bt.synth import SimulatedMarket
from orderflow_bt.synth.profile import day_profile
from orderflow_bt.types import DAY_US, MarketType, time_bars


def bars_of(pieces):
    stream = BarStream(time_bars("5m"), ids_are_continuous=True)
    bars, cells, clock = [], [], 0
    for trades in pieces:
        batch = stream.feed(trades)
        bars += batch.tolist()
        cells.append(batch.cells)
        clock = int(trades.time[-1])
    batch = stream.close_until(clock - clock % DAY_US + DAY_US)
    return bars + batch.tolist(), np.concatenate([*cells, batch.cells])


@pytest.mark.parametrize("market", list(MarketType))
def test_bars_of_raw_fills_are_those_of_the_rows(market):
    simulated = SimulatedMarket(seed=6, market=market, days=2, trades_per_day=20_000)
    bars, cells = bars_of(day.trades for day in simulated)
    raw_bars, raw_cells = bars_of(day.raw_trades() for day in simulated)
    # Delta at an extreme is read after the first row there: a fill ends sooner than its row.
    own = {"trades": 0, "delta_at_high": 0, "delta_at_low": 0}
    assert [bar._replace(**own) for bar in bars] == [bar._replace(**own) for bar in raw_bars]
    assert np.array_equal(cells, raw_cells)


def test_the_shipped_detector_finds_the_planted_divergences():
    market = SimulatedMarket(seed=8, days=4, trades_per_day=100_000)
    bars, _ = bars_of(day.trades for day in market)
    detector = DeltaDivergence()
    events = [event for bar in bars for event in detector.on_bar(bar)]
    found = {(event.known_at, event.direction) for event in events}
    planted = [item for item in market.situations if item.kind == "delta_divergence"]
    seen = sum((item.known_at, item.direction) in found for item in planted)
    assert len(planted) >= 15
    assert seen >= 0.8 * len(planted)


def test_days_come_out_the_same_in_any_order():
    market, again = (SimulatedMarket(seed=3, days=3, trades_per_day=4_000) for _ in range(2))
    last_first = again.day(2)
    for day, twin in zip(market, (again.day(0), again.day(1), last_first), strict=True):
        for column, same in zip(day.trades, twin.trades, strict=True):
            assert np.array_equal(column, same)
        assert np.array_equal(day.bid, twin.bid)
    assert market == again
    assert market.situations == again.situations


def test_another_seed_is_another_market():
    one = SimulatedMarket(seed=1, days=1, trades_per_day=2_000).day(0)
    two = SimulatedMarket(seed=2, days=1, trades_per_day=2_000).day(0)
    assert one.trades.rows != two.trades.rows or not np.array_equal(
        one.trades.time, two.trades.time
    )


def test_five_minute_footprints_look_like_a_busy_market():
    bars, cells = bars_of(day.trades for day in SimulatedMarket(seed=5, days=3))
    rows = np.array([bar.high - bar.low + 1 for bar in bars])
    assert 15 <= np.median(rows) <= 40
    assert np.mean((rows >= 8) & (rows <= 80)) > 0.95
    assert np.mean((cells[:, 1] > 0) & (cells[:, 2] > 0)) > 0.8  # both columns filled
    returns = np.diff([bar.close for bar in bars])
    delta = np.array([bar.delta for bar in bars])[1:]
    assert np.corrcoef(returns, delta)[0, 1] > 0.15


def test_texture_is_bursty_heavy_tailed_and_wavy():
    market = SimulatedMarket(seed=5, days=6, start=dt.date(2024, 1, 1))
    for day in market:
        trades = day.trades
        counts = np.bincount(trades.time % DAY_US // 1_000_000, minlength=86_400)
        assert counts.var() > 3 * counts.mean()  # a Poisson stream would have equality
        assert trades.qty.max() > 100 * np.median(trades.qty)
        sweeps = (np.diff(trades.time) == 0) & (np.diff(trades.price) * trades.side[1:] > 0)
        assert 0.005 < sweeps.mean() < 0.2
    by_hour = sum(
        np.bincount(day.trades.time % DAY_US // (3600 * 1_000_000), minlength=24) for day in market
    )
    assert by_hour[13:17].mean() > 1.3 * by_hour[2:6].mean()


@pytest.mark.parametrize(
    ("change", "named"),
    [
        ({"seed": -1}, "seed"),
        ({"symbol": "../x"}, "symbol"),
        ({"market": "um"}, "market"),
        ({"start": dt.datetime(2024, 1, 1, tzinfo=dt.UTC)}, "start"),
        ({"days": 0}, "days"),
        ({"trades_per_day": 10}, "trades_per_day"),
        ({"price": Decimal("600.05")}, "price"),
        ({"tick": Decimal("0.25")}, "tick"),
        ({"tick": Decimal("-0.1")}, "tick"),
        ({"daily_volatility": 0.0}, "daily_volatility"),
        ({"hit_rate": 1.5}, "hit_rate"),
        ({"divergences_per_day": -1.0}, "negative"),
        ({"divergences_per_day": 20.0}, "hours"),
    ],
)
def test_values_out_of_range_are_refused(change, named):
    with pytest.raises(UsageError, match=named):
        SimulatedMarket(**change)


def test_a_day_that_is_not_there_is_refused():
    with pytest.raises(UsageError, match="no day 1"):
        SimulatedMarket(days=1).day(1)


def test_profile_by_hand():
    rows = {100: 5, 101: 10, 102: 25, 103: 40, 104: 15, 105: 30, 106: 10, 107: 5}
    price, lots = np.array(list(rows)), np.array(list(rows.values()))
    assert day_profile(price, lots) == (103, 101, 105)
    assert day_profile(price[:0], lots[:0]) is None
