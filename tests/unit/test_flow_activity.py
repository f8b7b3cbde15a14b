"""Bars of activity: the examples of docs/readings, edges, units, and what is refused."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

import pytest

from orderflow_bt.errors import OrderflowError, UsageError
from orderflow_bt.flow import BarStream
from orderflow_bt.testing import Tape
from orderflow_bt.testing.tape import MIDNIGHT_2024
from orderflow_bt.types import DAY_US, HOUR_US, BarSpec, BarStatus

HALF_DAY = "+12h"


def stream(tape, spec):
    return BarStream(BarSpec.parse(spec), ids_are_continuous=True, instrument=tape.instrument)


def bars(text, spec, **options):
    tape = Tape(text, **options)
    batch = stream(tape, spec).feed(tape.trades)
    return batch.tolist(), batch.at.tolist()


def buys(*prices):
    return " | ".join(f"B {price} 1" for price in prices)


def sizes(*signed):
    return " | ".join(f"{'B' if size > 0 else 'S'} 100 {abs(size)}" for size in signed)


def test_volume_bars_overshoot_and_carry_nothing_over():
    made, at = bars(sizes(4, 3, 5, 2, 9), "volume:10")
    assert [bar.volume for bar in made] == [12, 11]
    assert at == [3, 5]


def test_dollar_bars_count_price_times_quantity_in_quote_units():
    made, at = bars("B 100.5 1.5 | S 99.5 0.5 | B 100.0 3.2 | B 1.0 1", "dollar:200")
    assert [bar.trades for bar in made] == [2, 1]  # 150.75 + 49.75, and 320
    assert at == [2, 3]


def test_delta_bars_close_at_a_net_amount_of_either_side():
    made, at = bars(sizes(3, -1, 2, 2, -4, -3), "delta:5")
    assert [bar.delta for bar in made] == [6, -7]
    assert at == [4, 6]


def test_a_range_bar_closes_as_it_stands_when_the_next_trade_would_stretch_it():
    made, at = bars(buys(100, 102, 99, 103, 104, 110), "range:4")
    assert [(bar.open, bar.high, bar.low, bar.close) for bar in made] == [
        (100, 103, 99, 103),
        (104, 104, 104, 104),
    ]
    assert at == [5, 6]  # known with 104 and 110, so those are past
    assert [bar.close_time - MIDNIGHT_2024 for bar in made] == [4_000, 5_000]


def test_a_reversal_bar_closes_on_the_pull_back():
    made, at = bars(buys(100, 103, 105, 104, 103, 106), "reversal:5,2")
    assert [(bar.open, bar.high, bar.low, bar.close) for bar in made] == [(100, 105, 100, 103)]
    assert at == [5]


def test_renko_bricks_that_no_trade_made_are_flagged():
    made, at = bars(buys(100, 108, 111, 131, 112, 110), "renko:10")
    assert [(bar.open, bar.close, bar.is_synthetic) for bar in made] == [
        (100, 110, False),
        (110, 120, False),
        (120, 130, True),
        (120, 110, False),
    ]
    assert [bar.volume for bar in made] == [3, 1, 0, 2]
    assert at == [3, 4, 4, 6]
    assert [bar.status for bar in made] == [BarStatus.OK] * 4


def test_renko_footprints_hold_the_prices_that_traded():
    tape = Tape(buys(100, 131))
    batch = stream(tape, "renko:10").feed(tape.trades)
    assert [len(batch.bar_cells(k)) for k in range(3)] == [32, 0, 0]


def test_tick_bars_count_rows_or_fills():
    made, at = bars(buys(1, 2, 3, 4, 5), "tick:2")
    assert [(bar.open, bar.close) for bar in made] == [(1, 2), (3, 4)]
    tape = Tape(buys(1, 2, 3, 4, 5))
    tape.trades.fills[:] = [1, 4, 2, 3, 1]
    made = stream(tape, "tick:4,fills").feed(tape.trades).tolist()
    assert [bar.count for bar in made] == [5, 5]
    assert at == [2, 4]


def test_a_bar_opens_with_its_first_trade_and_is_known_at_its_last():
    made, _ = bars("B 1 1 | +5ms B 1 1 | +7ms B 1 1 | +9ms B 1 1", "tick:2")
    assert [(b.open_time - MIDNIGHT_2024, b.close_time - MIDNIGHT_2024) for b in made] == [
        (0, 5_000),
        (12_000, 21_000),
    ]


def test_bars_restart_at_midnight_whatever_they_hold():
    text = f"B 100 1 | {HALF_DAY} B 104 1 | {HALF_DAY} B 109 1 | B 111 1 | B 112 1"
    made, at = bars(text, "tick:3")
    assert [(bar.trades, bar.close_time - MIDNIGHT_2024) for bar in made] == [
        (2, DAY_US),
        (3, DAY_US + 2_000),
    ]
    assert at == [2, 5]  # the first is known before the first trade of the new day
    assert [bar.trades for bar in bars(text, "tick:3@start")[0]] == [3]
    renko = bars(text, "renko:10")[0]
    assert [(bar.open, bar.close) for bar in renko] == [(100, 104)]  # then from 109
    assert [(b.open, b.close) for b in bars(text, "renko:10@start")[0]] == [(100, 110)]


def test_bars_restart_at_the_open_and_close_of_a_session():
    text = "B 1 1 | +9h B 2 1 | +31m B 3 1 | +6h B 4 1 | +31m B 5 1 | +9h B 6 1"
    made, _ = bars(text, "tick:100@09:30-16:00/UTC")
    hours = [(bar.trades, (bar.close_time - MIDNIGHT_2024) / HOUR_US) for bar in made]
    assert hours == [(2, 9.5), (2, 16.0)]


def test_the_clock_closes_a_bar_at_its_edge_and_not_before():
    tape = Tape("B 1 1 | B 2 1")
    bar_stream = stream(tape, "volume:100")
    assert len(bar_stream.feed(tape.trades)) == 0
    assert len(bar_stream.close_until(MIDNIGHT_2024 + DAY_US - 1)) == 0
    (bar,) = bar_stream.close_until(MIDNIGHT_2024 + DAY_US).tolist()
    assert (bar.close_time, bar.trades) == (MIDNIGHT_2024 + DAY_US, 2)
    with pytest.raises(OrderflowError, match="time order"):
        bar_stream.feed(Tape("B 1 1", start=MIDNIGHT_2024 + HOUR_US).trades)


def test_lost_trades_mark_the_bars_that_are_open_around_them():
    made, _ = bars("#1 B 1 1 | #2 B 1 1 | #3 B 1 1 | #9 B 1 1 | #10 B 1 1 | #11 B 1 1", "tick:2")
    assert [bar.is_gap for bar in made] == [False, True, False]
    made, _ = bars("#1 B 1 1 | #2 B 1 1 | #9 B 1 1 | #10 B 1 1", "tick:2")
    assert [bar.is_gap for bar in made] == [False, True]  # complete before the hole was seen
    made, _ = bars("#1 B 1 1 | #9 B 9 1 | #10 B 1 1", "range:2")
    assert [bar.is_gap for bar in made] == [True, True]


def test_sizes_are_bound_to_the_instrument():
    tape = Tape("B 100.0 0.001 | B 100.5 0.002 | B 101.5 0.004", tick="0.5")
    assert [bar.trades for bar in stream(tape, "range:1").feed(tape.trades).tolist()] == [2]
    assert [bar.trades for bar in stream(tape, "volume:0.003").feed(tape.trades).tolist()] == [2, 1]
    coin = replace(tape.instrument, qty_decimals=0, contract_usd=Decimal(100))
    contracts = BarStream(BarSpec.parse("dollar:250"), ids_are_continuous=True, instrument=coin)
    assert [bar.volume for bar in contracts.feed(tape.trades).tolist()] == [3, 4]
    with pytest.raises(UsageError, match="lots"):
        stream(tape, "volume:0.00001")
    with pytest.raises(UsageError, match="too large"):
        stream(tape, "tick:9999999999999999999")


def test_sums_beyond_64_bits_close_dollar_bars_at_the_right_trade():
    units = replace(Tape("B 1 1").instrument, price_decimals=8, qty_decimals=8)
    big = Tape(" | ".join(["B 3000000000 3000000000"] * 5)).trades  # 9e18 each, in units
    spec = BarSpec.parse("dollar:2000")  # 2e19 units
    made = BarStream(spec, ids_are_continuous=True, instrument=units, ticks_per_row=10**9).feed(big)
    assert [bar.trades for bar in made.tolist()] == [3]
    assert made.bar(0).quote_volume == 27 * 10**18
