"""Averages, price impact, flow imbalance and cumulative delta: the examples of the definitions."""

from __future__ import annotations

import pytest

from orderflow_bt.errors import UsageError
from orderflow_bt.flow import BarStream, Cvd, TradingSession
from orderflow_bt.flow.averages import (
    Twap,
    Vwap,
    kyle_lambda,
    sign_autocorrelation,
    trade_flow_imbalance,
    vpin,
)
from orderflow_bt.flow.sessions import UTC_DAY
from orderflow_bt.testing import Tape
from orderflow_bt.testing.tape import MIDNIGHT_2024
from orderflow_bt.types import SECOND_US, BarSpec


def bars_of(text, spec):
    tape = Tape(text)
    stream = BarStream(BarSpec.parse(spec), ids_are_continuous=True, instrument=tape.instrument)
    return stream.feed(tape.trades).tolist()


def test_vwap_and_its_bands():
    vwap = Vwap()
    vwap.feed(Tape("B 100 1 | S 102 1 | B 104 2").trades)
    assert vwap.value == 102.5
    assert vwap.sigma == pytest.approx(1.6583, abs=5e-5)
    assert vwap.band(-2) == pytest.approx(102.5 - 2 * 1.6583, abs=2e-4)
    assert vwap.known_at == MIDNIGHT_2024 + 2_000


def test_vwap_begins_anew_with_a_session_or_at_an_anchor():
    tape = Tape("B 100 1 | +24h B 200 1 | B 300 1")
    daily = Vwap(UTC_DAY)
    daily.feed(tape.trades)
    assert daily.value == 250
    anchored = Vwap(since=int(tape.trades.time[2]))
    anchored.feed(tape.trades.slice(0, 2))
    assert (anchored.value, anchored.sigma, anchored.band(1)) == (None, None, None)
    anchored.feed(tape.trades.slice(2, 3))
    assert anchored.value == 300


def test_vwap_of_far_prices_and_huge_volumes_is_exact():
    vwap = Vwap()
    vwap.feed(Tape("B 1 4000000000000 | B 3000000001 4000000000000").trades)
    assert (vwap.value, vwap.variance) == (1_500_000_001, 1_500_000_000**2)


def test_twap_holds_the_last_price():
    tape = Tape("B 100 1 | +10s B 102 1 | +20s B 104 1")
    twap = Twap()
    assert twap.at(MIDNIGHT_2024) is None
    twap.feed(tape.trades)
    assert twap.at(MIDNIGHT_2024 + 40 * SECOND_US) == 102
    assert twap.at(MIDNIGHT_2024) is None  # the trades fed are later


def test_kyle_lambda_with_and_without_intercept():
    volumes, changes = [2, -1, 3, -2], [1, 0, 2, -1]
    assert float(kyle_lambda(volumes, changes)) == pytest.approx(0.5294, abs=5e-5)
    assert float(kyle_lambda(volumes, changes, intercept=False)) == pytest.approx(0.5556, abs=5e-5)
    assert kyle_lambda([1, 1], [1, 2]) is None
    with pytest.raises(UsageError):
        kyle_lambda([1], [])


def test_vpin_divides_each_bucket_by_its_own_volume():
    text = "B 1 6 | S 1 4 | B 1 9 | S 1 1 | B 1 5 | S 1 5 | B 1 2 | S 1 8"
    bars = bars_of(text, "volume:10")
    assert [(bar.buy_volume, bar.sell_volume) for bar in bars] == [(6, 4), (9, 1), (5, 5), (2, 8)]
    assert float(vpin(bars)) == 0.4
    assert vpin([]) is None


def test_trade_flow_imbalance_sums_signed_quantities():
    assert trade_flow_imbalance(Tape("B 1 6 | S 1 4 | B 1 9").trades) == 11


def test_sign_autocorrelation_removes_the_mean():
    signs = [1, 1, 1, -1, -1, 1, 1, -1]
    assert float(sign_autocorrelation(signs)) == pytest.approx(0.0583, abs=5e-5)
    assert sign_autocorrelation([1, 1, 1]) is None
    assert sign_autocorrelation([1]) is None
    with pytest.raises(UsageError):
        sign_autocorrelation(signs, 0)


def test_cumulative_delta_candles_open_before_the_first_trade():
    bars = bars_of("B 1 5 | S 1 2 | S 1 6 | B 1 4 | B 2 5 | B 1 2 | S 1 1 | S 1 1", "tick:4")
    first, second = (cvd.push(bar) for cvd in [Cvd()] for bar in bars)
    assert first[1:5] == (0, 5, -3, 1)
    assert second[1:5] == (1, 8, 1, 6)
    assert second.at_high == 6
    assert second.known_at == bars[1].close_time
    assert bars[0].delta_percent == pytest.approx(100 / 17)


def test_cumulative_delta_resets_as_asked():
    text = "B 1 5 | +12h B 1 3 | +12h B 1 2 | +12h S 1 9"
    bars = bars_of(text, "tick:1")
    closes = [[cvd.push(bar).close for bar in bars] for cvd in (Cvd(), Cvd(UTC_DAY))]
    assert closes == [[5, 8, 10, 1], [5, 8, 2, -7]]
    rolling = Cvd(rolling=2)
    assert [(c.open, c.close) for c in map(rolling.push, bars)] == [(0, 5), (5, 8), (3, 5), (2, -7)]
    afternoon = Cvd(TradingSession.parse("12:00-18:00/UTC"))
    assert [afternoon.push(bar).close for bar in bars] == [5, 3, 2, -9]
    own = Cvd()
    own.push(bars[0])
    own.reset()
    assert own.push(bars[1]).close == 3
    with pytest.raises(UsageError):
        Cvd(UTC_DAY, rolling=3)
