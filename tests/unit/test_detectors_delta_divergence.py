"""Delta divergence on bars given by hand, and what the shipped strategy makes of an event."""

from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest

from orderflow_bt import Event
from orderflow_bt.detectors import DeltaDivergence
from orderflow_bt.flow import Footprint
from orderflow_bt.instruments import Instrument
from orderflow_bt.sim.market import Bars
from orderflow_bt.types import MINUTE_US, Bar, BarStatus, MarketType
from strategies.delta_divergence import DeltaDivergenceFade

SIZE = 5 * MINUTE_US
HIGHS = [10, 12, 15, 13, 12, 14, 17, 16, 15]
# Cumulative delta is 500 before bar 2, 420 before bar 6; the mean |delta| is 80, so m = 20.
DELTAS = [250, 250, -80, 0, 0, 0, 100, 40, 0]


def bar(number, high, delta=0, low=None):
    low = high - 1 if low is None else low
    volume = abs(delta)
    return Bar(
        number * SIZE, (number + 1) * SIZE, low, high, low, high, volume, max(0, delta), 0, 0,
        1, 1, min(0, delta), max(0, delta), 0, 0, low, int(BarStatus.OK),
    )  # fmt: skip


def read(bars, **parameters):
    """(number of the bar, event) for every event."""
    detector = DeltaDivergence(min_bars=1, **parameters)
    return [(n, event) for n, b in enumerate(bars) for event in detector.on_bar(b)]


def mirrored(bars):
    """The same bars upside down around 100."""
    return [
        b._replace(
            high=100 - b.low, low=100 - b.high, buy_volume=b.volume - b.buy_volume,
            delta_at_high=-b.delta_at_low, delta_at_low=-b.delta_at_high,
        )
        for b in bars
    ]  # fmt: skip


EXAMPLE = [bar(n, high, delta) for n, (high, delta) in enumerate(zip(HIGHS, DELTAS, strict=True))]


def test_the_example_fires_at_the_close_of_bar_8_and_never_at_6():
    ((number, event),) = read(EXAMPLE)
    assert number == 8
    assert event.known_at == EXAMPLE[8].close_time
    assert event.direction == -1
    assert event.details["cvd1"] == 500
    assert event.details["cvd2"] == 420
    assert event.details["pivot1_time"] == EXAMPLE[2].open_time
    assert event.details["pivot2_time"] == EXAMPLE[6].open_time
    assert event.details["bars_apart"] == 4
    assert event.details["swing"] == 11  # the lowest low between
    assert event.price == 17
    assert event.strength == pytest.approx(80 / 20)


def test_the_mirror_fires_the_other_way():
    ((number, event),) = read(mirrored(EXAMPLE))
    assert (number, event.direction, event.price) == (8, 1, 83)
    assert (event.details["cvd1"], event.details["cvd2"]) == (-500, -420)
    assert event.details["swing"] == 89


@pytest.mark.parametrize(("shortfall", "fires"), [(20, False), (21, True)])
def test_the_shortfall_must_exceed_a_quarter_of_the_mean_delta(shortfall, fires):
    # Without a margin of its own the bars' mean stays 80: what bar 2 loses, bar 7 adds.
    deltas = [250, 250, -shortfall, 0, 0, 0, 100, 120 - shortfall, 0]
    assert sum(map(abs, deltas)) == 720
    bars = [bar(n, h, d) for n, (h, d) in enumerate(zip(HIGHS, deltas, strict=True))]
    assert bool(read(bars)) is fires


def test_the_first_of_equal_highs_is_the_pivot():
    highs = [10, 12, 15, 15, 12, 11, 13, 17, 16, 15]
    deltas = [250, 250, -200, 0, 0, 0, 0, 0, 0, 0]
    bars = [bar(n, h, d) for n, (h, d) in enumerate(zip(highs, deltas, strict=True))]
    ((number, event),) = read(bars)
    assert number == 9
    assert event.details["pivot1_time"] == bars[2].open_time
    assert event.details["bars_apart"] == 5


def test_cumulative_delta_is_read_right_after_the_first_trade_at_the_extreme():
    bars = list(EXAMPLE)
    bars[2] = bars[2]._replace(delta_at_high=7)
    bars[6] = bars[6]._replace(delta_at_high=-3)
    ((_, event),) = read(bars)
    assert (event.details["cvd1"], event.details["cvd2"]) == (507, 417)


@pytest.mark.parametrize(("min_ticks", "fires"), [(2, True), (3, False)])
def test_the_second_high_must_be_higher_by_some_ticks(min_ticks, fires):
    assert bool(read(EXAMPLE, min_ticks=min_ticks)) is fires


@pytest.mark.parametrize(("least", "most", "fires"), [(4, 4, True), (5, 60, False), (1, 3, False)])
def test_the_highs_must_lie_some_bars_apart(least, most, fires):
    detector = DeltaDivergence(min_bars=least, max_bars=most)
    assert bool([e for b in EXAMPLE for e in detector.on_bar(b)]) is fires


def test_an_earlier_high_that_a_bar_between_exceeds_does_not_count():
    # Bar 5 exceeds the first high without being a pivot: bar 6 is higher still.
    bars = [b._replace(high=16) if n == 5 else b for n, b in enumerate(EXAMPLE)]
    assert read(bars) == []


def test_an_event_read_from_a_bar_with_missing_trades_says_so():
    bars = [b._replace(status=int(BarStatus.GAP)) if n == 4 else b for n, b in enumerate(EXAMPLE)]
    assert read(bars)[0][1].spans_gap
    assert not read(EXAMPLE)[0][1].spans_gap


# -- the strategy's example: tick 0.1, ATR 1 ---------------------------------------------------


class Recorder:
    """A broker that only writes down."""

    working = ()

    def __init__(self):
        self.sent = []
        self.skipped = []

    def refusal(self, entry, stop, target, *, risk):
        return ""

    def size(self, risk, entry, stop):
        return 5

    def bracket(self, side, qty, **prices):
        self.sent.append((side, qty, prices))

    def skip(self, event, why):
        self.skipped.append(why)


def test_the_fade_sells_under_the_bars_since_the_high():
    before = [bar(n, 1015, low=1004) for n in range(13)]
    since = [bar(13, 1020, low=1012), bar(14, 1019, low=1010), bar(15, 1018, low=1008)]
    assert Bars(before + since).atr(14) == 10
    market = SimpleNamespace(
        bars=lambda spec: Bars(before + since),
        position=SimpleNamespace(is_flat=True),
        instrument=Instrument("x", MarketType.UM, "X", 1, 0),
        now=16 * SIZE,
    )
    event = Event(
        16 * SIZE, "delta_divergence", "regular", -1, "confirmed", 1020, 1010, 1020, 1.0,
        details={"swing": 980},
    )  # fmt: skip
    broker = Recorder()
    fade = DeltaDivergenceFade(location="any")
    fade.on_event(event, market, broker)
    ((side, qty, prices),) = broker.sent
    assert (side, qty) == (-1, 5)
    assert (prices["stop_entry"], prices["stop"], prices["target"]) == (1007, 1022, 980)
    assert prices["cancel_at"] == 1020
    risk = prices["stop"] - prices["stop_entry"]
    assert (risk, (1007 - 980) / risk) == (15, 1.8)

    # No swing under the entry, and no volume for a VWAP: a multiple of the risk.
    broker = Recorder()
    fade.on_event(replace(event, details={"swing": 1010}), market, broker)
    assert broker.sent[0][2]["target"] == 1007 - 2 * 15


def test_the_fade_gives_an_entry_five_bars():
    fade, asked = DeltaDivergenceFade(), []
    entry = SimpleNamespace(id=7, role="entry", decision_time=16 * SIZE)
    broker = SimpleNamespace(working=(entry,), cancel=asked.append)
    for closed in range(16, 22):
        bars = Bars([bar(n, 1015, low=1004) for n in range(closed)])
        footprint = Footprint(bars[-1], 1, np.zeros((0, 5), np.int64))
        market = SimpleNamespace(
            bars=lambda spec, bars=bars: bars,
            footprint=lambda spec, footprint=footprint: [footprint],
            position=SimpleNamespace(is_flat=True, opened_at=0),
        )
        fade.on_bar(fade.bars, bars[-1], market, broker)
        assert asked == ([7] if closed == 21 else [])
