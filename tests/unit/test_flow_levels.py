"""Levels of sessions from closed bars: against a slow reading of the same trades."""

from __future__ import annotations

from fractions import Fraction
from math import sqrt

import numpy as np
import pytest

from orderflow_bt.errors import UsageError
from orderflow_bt.flow import BarStream, ProfileBuilder, SessionLevels, TradingSession
from orderflow_bt.testing import Tape
from orderflow_bt.types import DAY_US, Trades, time_bars

START = 1_704_067_200_000_000


def wandering(rows=4000, days=3, seed=2):
    rng = np.random.default_rng(seed)
    time = START + np.sort(rng.integers(0, days * DAY_US, rows))
    return Trades(
        np.arange(rows), time, 60_000 + np.cumsum(rng.integers(-3, 4, rows)),
        rng.integers(1, 50, rows), rng.choice([-1, 1], rows).astype(np.int8),
        np.ones(rows, np.int32),
    )  # fmt: skip


def pushed(trades, until, **options):
    levels = SessionLevels(**options)
    stream = BarStream(time_bars("5m"), ids_are_continuous=True)
    for batch in (stream.feed(trades), stream.close_until(until)):
        for k in range(len(batch)):
            levels.push(batch.footprint(k))
    return levels


def slow(trades, start, end):
    inside = [k for k in range(trades.rows) if start <= trades.time[k] < end]
    price, qty = [int(trades.price[k]) for k in inside], [int(trades.qty[k]) for k in inside]
    builder = ProfileBuilder(1)
    builder.add(trades.slice(inside[0], inside[-1] + 1))
    area = builder.profile().value_area()
    mean = Fraction(sum(p * q for p, q in zip(price, qty, strict=True)), sum(qty))
    square = sum(q * (p - mean) ** 2 for p, q in zip(price, qty, strict=True)) / sum(qty)
    return (max(price), min(price), area.poc, area.vah, area.val), mean, sqrt(square)


def test_levels_equal_a_slow_reading():
    trades = wandering()
    levels = pushed(trades, START + 3 * DAY_US)
    now, mean, sigma = slow(trades, START + 2 * DAY_US, START + 3 * DAY_US)
    assert levels.developing == now
    assert levels.before == slow(trades, START + DAY_US, START + 2 * DAY_US)[0]
    assert levels.vwap == round(mean)
    assert levels.band(2) == pytest.approx(float(mean) + 2 * sigma, abs=1)
    assert levels.band(-1) == pytest.approx(float(mean) - sigma, abs=1)


def test_a_band_of_the_written_example():
    tape = Tape("B 100 1 | B 102 1 | B 104 2")  # VWAP 102.5, deviation 1.6583
    levels = pushed(tape.trades, START + DAY_US)
    assert (levels.vwap, levels.band(1), levels.band(-1)) == (103, 104, 101)


def test_only_bars_of_the_session_count():
    trades = wandering()
    morning = TradingSession(8 * 60, 12 * 60)
    levels = pushed(trades, START + 3 * DAY_US, session=morning)
    hours = 3_600_000_000
    day = START + 2 * DAY_US
    assert levels.developing == slow(trades, day + 8 * hours, day + 12 * hours)[0]


def test_nothing_before_the_first_trade():
    levels = SessionLevels()
    assert (levels.before, levels.developing, levels.vwap) == (None, None, None)


def test_one_kind_of_bars():
    trades = wandering(400, 1)
    levels = SessionLevels()
    for rows in (1, 5):
        stream = BarStream(time_bars("1h"), ids_are_continuous=True, ticks_per_row=rows)
        footprint = stream.feed(trades).footprint(0)
        if rows == 5:
            with pytest.raises(UsageError, match="different row sizes"):
                levels.push(footprint)
        else:
            levels.push(footprint)
