"""Every installed detector: cutting the tape changes nothing, and the future changes nothing."""

from __future__ import annotations

from functools import cache

import numpy as np
import pytest

from orderflow_bt.detectors.registry import installed, load_detector
from orderflow_bt.instruments import Instrument
from orderflow_bt.synth import SimulatedMarket
from orderflow_bt.testing import read_events
from orderflow_bt.types import DAY_US, MarketType, Trades

INSTRUMENT = Instrument("binance", MarketType.UM, "SIMUSDT", 1, 3)
SETTINGS = {  # so that all of them see something on a short tape
    "absorption": {"minutes": 60, "quantile": 0.8},
    "absorption_bar": {"window": 30, "least": 1.0},
    "big_trades": {"clusters": 500, "quantile": 0.99},
    "delta_divergence": {"bars": "1m", "variant": "both", "margin": 0.0},
    "iceberg_like": {"clusters": 200, "hits": 2},
    "imbalance_zones": {"bars": "1m", "least": 2},
    "exhaustion": {"bars": "1m", "rows": 3},
    "taker_clusters": {"clusters": 200, "quantile": 0.9},
    "tape_speed": {"window": 30, "least": 3.0, "floor": 0},
    "volume_spike": {"window": 30},
}
ACTIVITY = {  # on bars that close inside a trade
    "imbalance_zones tick": {"bars": "tick:100", "least": 2},
    "delta_divergence range": {"bars": "range:6", "variant": "both", "margin": 0.0},
    "poc_retest tick": {"bars": "tick:20"},
}


@cache
def tape():
    """The end of a simulated day and the beginning of the next."""
    market = SimulatedMarket(seed=5, days=2, trades_per_day=12_000)
    parts = []
    for number, keep in ((0, slice(-6000, None)), (1, slice(0, 4000))):
        parts.append([column[keep] for column in market.day(number).trades])
    return Trades(*(np.concatenate(columns) for columns in zip(*parts, strict=True)))


def made(name):
    return load_detector(name.split()[0])(**SETTINGS.get(name, ACTIVITY.get(name, {})))


@cache
def whole(name):
    return read_events(tape(), INSTRUMENT, made(name))


NAMES = [*sorted(installed()), *ACTIVITY]


@pytest.mark.parametrize("name", NAMES)
def test_any_cut_gives_the_same_events(name):
    assert whole(name), "the tape shows nothing to this detector"
    chance = np.random.default_rng(11)
    for pieces in (3, 400):
        cuts = sorted(chance.integers(0, tape().rows, pieces).tolist())
        assert read_events(tape(), INSTRUMENT, made(name), chunks=tuple(cuts)) == whole(name)
    short = tape().slice(0, 1500)
    cuts = tuple(range(1, 1500))
    assert read_events(short, INSTRUMENT, made(name), chunks=cuts) == read_events(
        short, INSTRUMENT, made(name)
    )


@pytest.mark.parametrize("name", NAMES)
def test_what_comes_later_changes_nothing_before(name):
    events = whole(name)
    for n in np.random.default_rng(12).integers(1, tape().rows, 12).tolist():
        found = read_events(tape().slice(0, n), INSTRUMENT, made(name))
        assert found == events[: len(found)]
        last = int(tape().time[n - 1])
        assert all(event.known_at <= last for event in found)
        assert all(event.known_at >= last for event in events[len(found) :])


@pytest.mark.parametrize("name", NAMES)
def test_events_say_what_they_promise(name):
    detector = made(name)
    assert 0 < detector.lookback <= 10 * DAY_US
    known = [event.known_at for event in whole(name)]
    assert known == sorted(known)
    for event in whole(name):
        assert event.detector == name.split()[0]
        assert event.direction in {1, -1}
        assert event.price_low <= event.price_high
        assert event.strength >= 0
        assert all(type(value) is int for value in event.details.values())
        trade_id = event.details.get("trade_id")
        if trade_id is not None:
            row = int(np.searchsorted(tape().id, trade_id))
            assert (tape().id[row], tape().time[row]) == (trade_id, event.known_at)
