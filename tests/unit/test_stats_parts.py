"""What variants make a round trip, and what a rule adds to a part of it, resampled by days."""

from __future__ import annotations

import numpy as np
import pytest

from orderflow_bt.stats.parts import Results, beyond, expectancy_of
from orderflow_bt.types import DAY_US, HOUR_US

WINDOW = {"start": 0, "end": 40 * DAY_US, "seed": 3}


def results(net: np.ndarray, entry: np.ndarray) -> Results:
    return Results(net, np.full(net.size, np.nan), entry.astype(np.int64))


def a_trip_a_half_day(days: int = 40, seed: int = 1, size: float = 10.0) -> Results:
    net = np.random.default_rng(seed).normal(0.0, size, 2 * days)
    return results(net, np.arange(2 * days) * 12 * HOUR_US)


def test_a_rule_adds_nothing_to_itself():
    whole = a_trip_a_half_day()
    assert beyond(whole, whole, **WINDOW) == {"mean": 0.0, "low": 0.0, "high": 0.0, "why": ""}


def test_what_moves_both_does_not_widen_the_interval():
    part = a_trip_a_half_day()
    whole = results(part.net + 3.0, part.entry)
    found = beyond(whole, part, **WINDOW)
    assert [found[name] for name in ("mean", "low", "high")] == pytest.approx([3.0, 3.0, 3.0])
    alone = expectancy_of(part, seed=3)["expectancy_interval"]
    assert alone[1] - alone[0] > 3.0  # drawn by itself, the part is far less sure


def test_an_interval_covers_the_true_difference_about_as_often_as_it_says():
    missed = 0
    for seed in range(60):
        part, kept = a_trip_a_half_day(seed=seed), np.arange(80) % 3 > 0
        whole = results(part.net[kept], part.entry[kept])  # a rule that leaves out at random
        found = beyond(whole, part, **WINDOW, reps=200)
        missed += not found["low"] <= 0.0 <= found["high"]
    assert missed <= 9  # 3 expected


@pytest.mark.parametrize(
    ("trips", "days", "why"),
    [(29, 40, "30 round trips of each, has 29"), (31, 9, "10 days to draw from, has 9")],
)
def test_too_few_says_why_and_gives_the_mean_alone(trips: int, days: int, why: str):
    whole = a_trip_a_half_day()
    part = results(whole.net[:trips], whole.entry[:trips])
    found = beyond(whole, part, start=0, end=days * DAY_US, seed=1)
    assert why in found["why"]
    assert (found["low"], found["high"]) == (None, None)
    assert found["mean"] == pytest.approx(whole.net.mean() - whole.net[:trips].mean())


def test_days_without_a_round_trip_of_both_are_told():
    whole = a_trip_a_half_day()
    part = results(whole.net[:40], np.zeros(40))  # all on the first day
    assert "too few days" in beyond(whole, part, **WINDOW)["why"]
    none = results(np.zeros(0), np.zeros(0))
    assert beyond(whole, none, **WINDOW)["mean"] is None


def test_a_part_has_its_mean_in_money_and_in_r_with_intervals():
    net = np.arange(40.0)
    in_r = np.where(np.arange(40) < 31, net / 10, np.nan)
    found = expectancy_of(Results(net, in_r, np.arange(40)), seed=1)
    assert found["expectancy"] == pytest.approx(19.5)
    assert found["expectancy_r"] == pytest.approx(1.5)
    for name, mean in (("expectancy", 19.5), ("expectancy_r", 1.5)):
        low, high = found[f"{name}_interval"]
        assert low < mean < high
    few = expectancy_of(Results(net[:29], in_r[:29], np.arange(29)), seed=1)
    assert few["expectancy_interval"] is None
    none = expectancy_of(Results(net[:0], in_r[:0], np.arange(0)), seed=1)
    assert none == {
        "expectancy": None, "expectancy_interval": None, "expectancy_r": None,
        "expectancy_r_interval": None,
    }  # fmt: skip
