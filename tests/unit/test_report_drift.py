"""The rolling figures of a report: drawn where two windows fit, else with the reason."""

from __future__ import annotations

import re

import numpy as np
import pytest

from orderflow_bt.report.drift import Days, draw_drift, drift_words, tracks_of
from orderflow_bt.report.export import png_bytes
from orderflow_bt.report.theme import DARK, LIGHT
from orderflow_bt.types import DAY_US, HOUR_US

RNG = np.random.default_rng(2)


def account(days: int, size: float = 20.0) -> Days:
    equity = 10_000 + RNG.normal(0.0, size, days * 24).cumsum()
    return Days((np.arange(days * 24) + 1) * HOUR_US, equity, 10_000.0, (0, days * DAY_US))


def tracks(trips: int, days: int = 80, shift: float = 0.0):
    net = RNG.normal(0.0, 10.0, trips) + np.where(np.arange(trips) < trips / 2, shift, -shift)
    exits = (np.arange(trips) * days * DAY_US) // max(trips, 1)
    return tracks_of(net, exits, account(days), "USDT", 1)


def test_too_few_say_how_many_are_needed():
    told = drift_words(tracks(59, days=30), "USDT")
    (only,) = told
    assert only == (
        "Not known: two windows of 30 need 60 round trips, there are 59; two windows of 30 need "
        "60 days, there are 30."
    )


def test_a_change_is_told_and_no_change_too():
    assert "left the band" in drift_words(tracks(120, shift=15.0), "USDT")[0]
    calm, last = drift_words(tracks(90), "USDT")
    assert "None leaves its band" in calm
    assert last.startswith("The last 30 round trips made ")


def test_a_window_stands_where_its_last_round_trip_was_closed():
    found = tracks(90)[0]
    assert found.time[0] == 29 * 80 * DAY_US // 90
    assert found.time.size == found.found.values.size == 61


def test_equity_at_zero_has_no_ratio():
    days = account(80)
    days.equity[30 * 24 :] = 0.0
    sharpe = tracks_of(RNG.normal(size=70), np.arange(70), days, "USDT", 1)[3]
    assert "touched zero" in sharpe.why


@pytest.mark.parametrize("theme", [DARK, LIGHT])
def test_it_is_drawn_the_same_each_time(theme):
    made = tracks(90, days=40)
    window = (0, 40 * DAY_US)
    first, again = (png_bytes(draw_drift(made, window, theme)) for _ in range(2))
    assert first == again


def test_wins_alone_draw_no_factor():
    won = tracks_of(np.full(70, 5.0), np.arange(70) * DAY_US, account(80), "USDT", 1)
    assert "n/a" in won[2].why
    assert png_bytes(draw_drift(won, (0, 80 * DAY_US), DARK))[:4] == b"\x89PNG"


def test_losses_alone_have_no_factor_to_draw():
    lost = tracks_of(np.full(70, -5.0), np.arange(70) * DAY_US, account(80), "USDT", 1)
    assert lost[2].why == "n/a: no window of 30 round trips has a winner"
    assert png_bytes(draw_drift(lost, (0, 80 * DAY_US), DARK))[:4] == b"\x89PNG"


@pytest.mark.parametrize("usual", [-1.0, 1.0])
def test_a_single_exception_is_drawn(usual):
    net = np.full(70, usual)
    net[35] = -1e-4 * usual
    found = tracks_of(net, np.arange(70) * DAY_US, account(80), "USDT", 1)
    assert found[2].found is not None
    assert png_bytes(draw_drift(found, (0, 80 * DAY_US), LIGHT))[:4] == b"\x89PNG"


def test_small_results_are_told_with_the_digits_that_tell_them_apart():
    net = -0.0089 - 0.001 * RNG.random(120)
    exits = np.arange(120) * 60 * DAY_US // 120
    made = tracks_of(net, exits, account(60), "USDT", 1)
    last = drift_words(made, "USDT")[-1]
    ends = re.findall(r"0\.00\d+", last)
    assert len(ends) == 4
    assert len(set(ends)) > 2
    figure = draw_drift(made, (0, 60 * DAY_US), DARK)
    winners = figure.axes[1]
    low, high = winners.get_ylim()
    assert high - low == pytest.approx(0.04)
    assert "millionths" not in "".join(text.get_text() for text in winners.texts)
