"""Random variants of the same trading: on paths where what they must make is known."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from orderflow_bt.stats.chance import Marks, Trades, against_chance, buy_and_hold, by_day, summary
from orderflow_bt.types import DAY_US, HOUR_US, MINUTE_US

END = 20 * DAY_US


def path(price):
    time = np.arange(0, END, 10 * MINUTE_US)
    return Marks(time, np.asarray([price(t) for t in time.tolist()], float))


def trades(entries, *, held=HOUR_US, side=1, gross=1.0, cost=0.25, size=1.0):
    k = len(entries)
    entry = np.array(entries, np.int64)
    return Trades(
        np.full(k, side, np.int8), entry, entry + held, np.full(k, size), np.full(k, gross),
        np.full(k, cost),
    )  # fmt: skip


def test_on_a_flat_path_chance_pays_the_costs():
    found = against_chance(
        trades([DAY_US * k for k in range(8)]), path(lambda t: 100.0), start=0, end=END, seed=1
    )
    for null in ("random_hour", "random_time"):
        assert found[null]["mean"] == found[null]["low"] == found[null]["high"] == -2.0
        assert found[null]["p_value"] == 1 / 1001  # made 6 where chance loses 2
    assert found["random_side"]["mean"] == pytest.approx(-2.0, abs=0.3)


def test_on_a_steady_rise_every_moment_is_as_good():
    rise = path(lambda t: 100.0 + t / HOUR_US)
    found = against_chance(
        trades([DAY_US * k for k in range(8)], cost=0.0), rise, start=0, end=END, seed=1
    )
    assert found["random_hour"]["mean"] == pytest.approx(8.0)
    assert found["random_hour"]["p_value"] == 1.0
    assert found["random_time"]["mean"] == pytest.approx(8.0, rel=0.05)


def test_an_edge_of_an_hour_of_the_day_is_not_an_edge_of_the_moment():
    """Price jumps at noon every day: trading at noon is matched by noon on other days."""
    noon = path(lambda t: 100.0 + (t + 12 * HOUR_US) // DAY_US)
    entries = [DAY_US * k + 12 * HOUR_US - 10 * MINUTE_US for k in range(10)]
    found = against_chance(trades(entries, cost=0.0), noon, start=0, end=END, seed=1)
    assert found["random_hour"]["p_value"] == 1.0
    assert found["random_time"]["p_value"] == 1 / 1001


def test_random_times_never_overlap_and_stay_inside():
    rng = np.random.default_rng(3)
    entry = np.sort(rng.integers(0, END - 2 * DAY_US, 40))
    held = rng.integers(MINUTE_US, 4 * HOUR_US, 40)
    some = Trades(np.ones(40, np.int8), entry, entry + held, *(np.ones(40),) * 3)
    from orderflow_bt.stats.chance import _anywhere, _other_days

    ((begun, order),) = _anywhere(some, 0, END, rng)(200)
    assert (begun[:, 1:] >= (begun + held[order])[:, :-1]).all()
    assert (begun >= 0).all()
    assert ((begun + held[order]) <= END).all()
    ((moved, order),) = _other_days(some, 0, END, rng)(200)
    assert ((moved - entry[order]) % DAY_US == 0).all()
    assert (moved >= 0).all()
    assert ((moved + held[order]) <= END).all()
    assert len(set((moved[:, 0] // DAY_US).tolist())) > 10


def test_the_same_seed_draws_the_same():
    wave = path(lambda t: 100 + 5 * np.sin(t / DAY_US))
    asked = trades([DAY_US * k for k in range(8)])
    again = [against_chance(asked, wave, start=0, end=END, seed=s) for s in (1, 1, 2)]
    assert again[0] == again[1] != again[2]


def test_an_inverse_contract_gains_in_the_coin():
    marks = Marks(np.array([0, END - 1]), np.array([50_000.0, 55_000.0]), is_inverse=True)
    long = trades([0], held=END - 1, size=10_000.0, gross=0.0, cost=0.0)
    found = against_chance(long, marks, start=0, end=END, seed=1, reps=10)
    assert found["random_hour"]["mean"] == pytest.approx(10_000 / 50_000 - 10_000 / 55_000)


def test_buy_and_hold():
    marks = Marks(np.array([0, 1]), np.array([100.0, 110.0]))
    assert buy_and_hold(marks, 1000.0, 0.0005) == pytest.approx(100 - 0.5 - 0.55)
    coin = Marks(np.array([0, 1]), np.array([100.0, 110.0]), is_inverse=True)
    assert buy_and_hold(coin, 1.0, 0.0) == pytest.approx(1 - 100 / 110)


def test_trades_of_a_day_are_moved_and_turned_together():
    days = 20
    time = np.arange(days * 24 + 1) * HOUR_US
    rng = np.random.default_rng(2)
    marks = Marks(time, 100 + rng.normal(size=time.size).cumsum())
    entry = np.repeat(np.arange(days) * DAY_US, 2) + np.tile([3 * HOUR_US, 9 * HOUR_US], days)
    gross = marks.value(entry + HOUR_US) - marks.value(entry)
    one = Trades(np.ones(40, np.int8), entry, entry + HOUR_US, np.ones(40), gross, np.zeros(40))
    window = {"start": 0, "end": days * DAY_US, "seed": 5, "reps": 300}
    drawn = by_day(one, marks, **window)
    turned = replace(one, side=-one.side, gross=-gross)
    against = by_day(turned, marks, **window)
    for name in ("day_side", "day_moved"):  # hedged in each draw, because drawn alike
        assert drawn[name].shape == (300,)
        assert drawn[name] + against[name] == pytest.approx(np.zeros(300))
    by_days = gross.reshape(days, 2).sum(axis=1)
    assert np.abs(drawn["day_side"]).max() <= np.abs(by_days).sum() + 1e-9
    assert drawn["day_side"].std() == pytest.approx(np.sqrt((by_days**2).sum()), rel=0.15)
    paid = replace(one, costs=np.ones(40))
    assert by_day(paid, marks, **window)["day_moved"] == pytest.approx(drawn["day_moved"] - 40)
    found = summary(drawn["day_moved"], float(gross.sum()))
    assert 0 < found["p_value"] <= 1
    assert found["low"] < found["mean"] < found["high"]
