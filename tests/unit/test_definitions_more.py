"""Worked examples of the definitions that no other test holds, and sums that must not change."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from detector_reading import of_bars

from orderflow_bt.detectors import (
    Absorption,
    BigTrades,
    ImbalanceZones,
    PocRetest,
    TakerClusters,
    VolumeSpike,
)
from orderflow_bt.detectors.registry import installed, load_detector
from orderflow_bt.errors import UsageError
from orderflow_bt.flow import BarStream, order_flow_imbalance, tick_rule
from orderflow_bt.instruments import Instrument
from orderflow_bt.sim import Readings
from orderflow_bt.testing import Tape
from orderflow_bt.types import DAY_US, HOUR_US, Bar, BarSpec, MarketType, Trades, time_bars

UNITS = Instrument("made", MarketType.SPOT, "HERE", 8, 8)
KINDS = ("1m", "tick:7", "volume:0.0003", "dollar:0.0001", "delta:0.0002", "range:40",
         "reversal:30,9", "renko:25")  # fmt: skip


def test_order_flow_imbalance_of_a_bid_that_grows():
    quotes = [[100, 100], [5, 8], [101, 101], [4, 4]]
    assert order_flow_imbalance(*map(np.array, quotes)).tolist() == [3]
    # the bid steps up: its whole size is new; then it steps down: what stood there is gone
    quotes = [[100, 101, 100], [5, 2, 9], [102, 102, 102], [4, 4, 1]]
    assert order_flow_imbalance(*map(np.array, quotes)).tolist() == [2, -2 + 3]
    with pytest.raises(UsageError, match="one length"):
        order_flow_imbalance(*map(np.array, [[1], [1], [1], [1, 2]]))


def test_the_tick_rule_leaves_the_first_trades_unsigned():
    assert tick_rule(np.array([100, 101, 101, 100])).tolist() == [0, 1, 1, -1]
    assert tick_rule(np.array([7, 7, 6, 6])).tolist() == [0, 0, -1, -1]
    assert tick_rule(np.array([], np.int64)).tolist() == []


def test_a_spike_may_be_judged_by_its_time_of_day():
    """Noon is always loud: against its own past it is none, but one hour at night is."""

    def hour(n, volume):
        return Bar(n * HOUR_US, (n + 1) * HOUR_US, 1, 1, 1, 1, volume, volume, 0, 0, 1, 1, 0, 0, 0,
                   0, 1, 0)  # fmt: skip

    volumes = [(100 if n % 24 == 12 else 10) + n // 24 % 2 for n in range(24 * 6)]
    volumes[24 * 5 + 3] = 40
    bars = [hour(n, volume) for n, volume in enumerate(volumes)]
    options = {"bars": time_bars("1h"), "days": 4, "window": 20}
    by_day = of_bars(VolumeSpike(against="minute_of_day", **options), *bars)
    assert [e.known_at // HOUR_US - 1 for e in by_day] == [24 * 5 + 3]
    by_bars = of_bars(VolumeSpike(**options), *bars)
    assert {(e.known_at // HOUR_US - 1) % 24 for e in by_bars} >= {12}
    with pytest.raises(UsageError, match="no time of day"):
        VolumeSpike(bars=BarSpec.parse("tick:100"), against="minute_of_day")
    assert VolumeSpike(against="minute_of_day").lookback == 21 * DAY_US


def test_a_point_of_control_of_a_trading_session():
    """New York trades on 100; the night's busy 90 makes no level."""
    session = "09:30-16:00/America/New_York"
    day = "+15h B 100 50 | S 98 1 | S 102 1 | +7h S 90 900"
    tape = Tape(f"B 90 1 | {day} | +5m S 92 1 | B 99 1 | S 91 1")
    found = tape.events(PocRetest(session=session))
    assert [(e.state, e.price, e.details["poc"]) for e in found] == [
        ("armed", 90, 100), ("touch", 99, 100), ("rejected", 91, 100),
    ]  # fmt: skip
    (level,) = {e.details["day"] for e in found}
    assert level % DAY_US == 14 * HOUR_US + HOUR_US // 2  # in winter
    for chunks in ((1,), (4, 5, 6), tuple(range(1, 8))):
        assert tape.events(PocRetest(session=session), chunks=chunks) == found
    with pytest.raises(UsageError, match="not a trading session"):
        PocRetest(session="noon")


def walk(n=6000, crash=10_000, unit=1):
    """A walk that falls ``crash`` ticks in a moment, in units of ``unit``."""
    rng = np.random.default_rng(3)
    price = 4_000_000 + np.cumsum(rng.integers(-2, 3, n))
    price[n // 2 : n // 2 + 40] -= np.linspace(0, crash, 40).astype(np.int64)
    price[n // 2 + 40 :] -= crash
    side = np.where(rng.random(n) < 0.5, 1, -1).astype(np.int8)
    qty = rng.integers(1, 9, n) * unit + rng.integers(0, 2, n)
    time = np.cumsum(rng.integers(0, 60_000, n))
    return Trades(np.arange(1, n + 1), time, price, qty, side, np.ones(n, np.int32))


@pytest.mark.parametrize("spec", KINDS)
def test_cells_of_every_kind_of_bar_sum_to_the_trades(spec):
    tape = walk(unit=100)
    stream = BarStream(BarSpec.parse(spec), ids_are_continuous=True, instrument=UNITS)
    batches = [stream.feed(tape), stream.close_until(10 * DAY_US)]
    cells = np.concatenate([batch.cells for batch in batches])
    bars = np.concatenate([batch.bars for batch in batches])
    read = int(bars[:, 11].sum())  # a bar that only the next trade closes may stay open
    assert read >= tape.rows - 400
    done = tape.slice(0, read)
    assert cells[:, 1].sum() == done.qty[done.side < 0].sum()
    assert cells[:, 2].sum() == done.qty[done.side > 0].sum() == bars[:, 7].sum()
    assert cells[:, 3].sum() == (done.side < 0).sum()
    assert cells[:, 4].sum() == (done.side > 0).sum()
    for price in (done.price.min(), done.price.max(), done.price[read // 2]):
        mine = cells[cells[:, 0] == price]
        assert mine[:, 1:3].sum() == done.qty[done.price == price].sum()


@pytest.mark.parametrize("unit", [1, 10**8])
def test_a_flash_crash_and_eight_decimals_change_no_detector(unit):
    """Ten thousand ticks in a bar; quantities in hundred-millionths: exact, however it is cut."""
    tape = walk(unit=unit)
    found = []
    for pieces in (1, 7):
        made = [load_detector(name)() for name in sorted(installed())]
        made += [
            Absorption(min_volume=40 * unit, share=0),
            BigTrades(clusters=200),
            TakerClusters(min_levels=1, clusters=100, quantile=0.9),
            VolumeSpike(window=3, least=1.0),
        ]
        made += [ImbalanceZones(time_bars("1m"), share=0, least=2)]
        readings = Readings((), made, ids_are_continuous=True, row_size=1, only_events=True)
        edges = np.linspace(0, tape.rows, pieces + 1).astype(int).tolist()
        events = [e for a, b in pairwise(edges)
                  for e in readings.see(tape.slice(a, b))]  # fmt: skip
        found.append(events)
        zones = made[-1]
        assert len(zones._zones) < 60_000
        assert len(zones._flagged) < 20_000
    assert found[0] == found[1]
    assert {e.detector for e in found[0]} >= {"absorption", "taker_clusters", "imbalance_zones"}
