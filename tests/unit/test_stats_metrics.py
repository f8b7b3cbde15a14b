"""The metrics on the vectors of docs/metrics.md."""

from __future__ import annotations

import math

import numpy as np
import pytest

from orderflow_bt.stats import metrics as m
from orderflow_bt.types import DAY_US, HOUR_US

RETURNS = np.array([1, -0.5, 0.4, -1.2, 0.8, 0.3, -0.2, 0.6, -0.4, 0.7]) / 100
CURVE = np.concatenate(([1.0], np.cumprod(1 + RETURNS)))
NET = np.array([120.0, -80, 60, -40, 200, -100, 30, -20])


def value(stat: m.Stat) -> float:
    assert stat.value is not None, stat.reason
    return stat.value


def test_ratios_of_daily_returns():
    assert value(m.sharpe(RETURNS)) == pytest.approx(4.0962, abs=5e-5)
    assert value(m.sortino(RETURNS)) == pytest.approx(6.5918, abs=5e-5)
    assert value(m.volatility(RETURNS)) == pytest.approx(
        RETURNS.std(ddof=1) * math.sqrt(365), rel=1e-12
    )


def test_drawdown_and_growth():
    assert value(m.max_drawdown(CURVE)) == pytest.approx(-0.0130078, abs=5e-8)
    assert value(m.total_return(CURVE)) == pytest.approx(0.0148782, abs=5e-8)
    assert m.cagr(CURVE, 10) == m.Stat(None, "needs at least 90 days, has 10")
    assert m.calmar(CURVE, 10).value is None
    assert value(m.cagr(np.array([1.0, 1.1]), 365)) == pytest.approx(0.1)
    assert value(m.calmar(np.array([1.0, 0.5, 1.1]), 365)) == pytest.approx(0.2)


def test_round_trips():
    assert value(m.expectancy(NET)) == 21.25
    assert value(m.profit_factor(NET)) == pytest.approx(1.70833, abs=5e-6)
    assert value(m.win_rate(NET)) == 0.5
    assert value(m.sqn(NET / 100)) == pytest.approx(0.585809, abs=5e-7)
    assert value(m.payoff(NET)) == pytest.approx((410 / 4) / (240 / 4))


def test_sqn_counts_at_most_a_hundred_trips():
    many = np.tile(NET / 100, 50)
    assert value(m.sqn(many)) == pytest.approx(10 * many.mean() / many.std(ddof=1))


def test_costs_and_turnover():
    assert value(m.turnover(60_300, 10_000, 30)) == pytest.approx(73.365, abs=5e-4)
    assert value(m.break_even_bps(300, 60_300)) == pytest.approx(49.75, abs=5e-3)


def test_excursions_of_a_long():
    assert m.excursions(100, np.array([101, 99.5, 102, 100.5]), 1) == (-0.5, 2.0)
    assert m.excursions(100, np.array([101, 99.5, 102, 100.5]), -1) == (-2.0, 0.5)


def test_tails_and_moments():
    days = np.arange(-20, 20) / 1000
    assert value(m.cvar95(days)) == pytest.approx((-0.020 - 0.019) / 2)
    assert value(m.tail_ratio(np.concatenate((days, -days)))) == pytest.approx(1.0)
    assert m.cvar95(RETURNS).value is None
    assert value(m.kurtosis(np.array([-1.0, 1, -1, 1]))) == pytest.approx(1.0)
    assert value(m.skew(np.array([0.0, 0, 0, 1]))) == pytest.approx(2 / math.sqrt(3))


def test_the_least_number_of_days_is_enough_and_one_fewer_is_not():
    days = np.arange(-10, 10) / 1000
    for stat, least in ((m.cvar95, 20), (m.tail_ratio, 20), (m.skew, 3), (m.kurtosis, 3)):
        assert stat(days[:least]).value is not None
        assert stat(days[: least - 1]).value is None
    assert value(m.skew(np.array([0.0, 0, 3]))) == pytest.approx(1 / math.sqrt(2))


def test_ulcer_index():
    assert value(m.ulcer_index(np.array([1.0, 0.9, 1.0, 0.8]))) == pytest.approx(
        math.sqrt((0.01 + 0.04) / 4)
    )


def test_streaks():
    assert m.longest_streak(np.array([], dtype=bool)) == 0
    assert m.longest_streak(np.array([True, True, False, True])) == 2
    assert m.longest_streak(np.array([False])) == 0


def test_exposure_is_clipped_to_the_window():
    entry, leave = np.array([-5, 10]), np.array([5, 40])
    assert value(m.exposure(entry, leave, start_us=0, end_us=20)) == 0.75


def test_time_under_water():
    time = np.array([0, 10, 20, 30, 40, 50])
    assert m.under_water_us(time, np.array([1.0, 2, 1, 1, 2, 3])) == 30
    assert m.under_water_us(time, np.array([3.0, 2, 1, 1, 1, 1])) == 50
    assert m.under_water_us(time, np.arange(6.0)) == 0
    assert m.under_water_us(time[:1], np.ones(1)) == 0


def test_an_account_that_ends_at_nothing_does_not_grow():
    assert m.cagr(np.array([1.0, 0.0]), 365).reason == "equity fell to zero or below"
    assert value(m.cagr(np.array([1.0, 0.25]), 730)) == pytest.approx(-0.5)


def test_days_begin_at_midnight_and_days_without_marks_count():
    time = np.array([HOUR_US, DAY_US, DAY_US + 1, 3 * DAY_US + HOUR_US])
    daily = m.daily_equity(
        time, np.array([101.0, 102, 103, 104]), start_cash=100, start_us=0, end_us=4 * DAY_US
    )
    assert daily.tolist() == [100, 102, 103, 103, 104]


def test_a_part_of_a_day_counts_as_a_day():
    daily = m.daily_equity(
        np.array([HOUR_US]), np.array([1.0]), start_cash=2, start_us=0, end_us=DAY_US + HOUR_US
    )
    assert daily.tolist() == [2, 1, 1]


@pytest.mark.parametrize(
    "stat",
    [
        m.sharpe(np.zeros(5)),
        m.sharpe(np.full(7, 0.01)),
        m.sharpe(np.array([0.1])),
        m.sortino(np.array([0.1, 0.2])),
        m.skew(np.zeros(4)),
        m.kurtosis(np.array([])),
        m.profit_factor(np.array([1.0])),
        m.payoff(np.array([1.0])),
        m.win_rate(np.array([])),
        m.expectancy(np.array([])),
        m.sqn(np.array([1.0])),
        m.sqn(np.array([1.0, 1.0])),
        m.max_drawdown(np.array([1.0])),
        m.cagr(np.array([1.0, -1.0]), 365),
        m.calmar(np.array([1.0, 1.0]), 365),
        m.turnover(1, 0, 1),
        m.break_even_bps(0, 0),
        m.exposure(np.array([0]), np.array([1]), start_us=0, end_us=0),
        m.sharpe(m.daily_returns(np.array([1.0, 0.0, 1.0]))),
    ],
)
def test_what_is_not_defined_has_a_reason(stat: m.Stat):
    assert stat.value is None
    assert stat.reason
