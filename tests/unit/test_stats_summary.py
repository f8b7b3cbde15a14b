"""A whole summary from arrays: JSON-ready, with reasons."""

from __future__ import annotations

import json

import numpy as np
import pytest

from orderflow_bt.stats import execution, summarise
from orderflow_bt.types import DAY_US, HOUR_US


def arguments(trips: int = 4, days: int = 40) -> dict[str, object]:
    rng = np.random.default_rng(1)
    time = np.arange(1, days * 24 + 1, dtype=np.int64) * HOUR_US
    entry = np.arange(trips, dtype=np.int64) * DAY_US + HOUR_US
    net = rng.normal(size=trips)
    return {
        "equity_time": time,
        "equity": 10_000 + np.cumsum(rng.normal(size=time.size)),
        "trip_net": net,
        "trip_gross": net + 1,
        "trip_fees": np.ones(trips),
        "trip_funding": np.full(trips, -0.25),
        "trip_r": np.full(trips, np.nan),
        "trip_entry": entry,
        "trip_exit": entry + 2 * HOUR_US,
        "trip_side": np.where(np.arange(trips) % 2, 1, -1).astype(np.int8),
        "trip_open": np.zeros(trips, dtype=bool),
        "notional": 1000.0,
        "start_cash": 10_000.0,
        "start_us": 0,
        "end_us": days * DAY_US,
        "seed": 1,
        "reps": 200,
    }


def test_every_value_is_json_and_none_has_a_reason():
    result = summarise(**arguments())
    json.dumps(result, allow_nan=False)
    optional = {name for name, value in result.items() if value is None} - {"open_pnl"}
    assert optional == set(result["reasons"])
    assert result["round_trips"] == 4
    assert result["exposure"] == pytest.approx(8 / (40 * 24))
    assert result["holding_seconds"]["p50"] == 7200
    assert result["long"]["round_trips"] == 2
    assert sum(result["net_by_hour"]) == pytest.approx(result["trips_net_pnl"])
    assert result["net_by_weekday"][3] != 0  # the epoch's first day was a Thursday
    assert [row["month"] for row in result["monthly"]] == ["1970-01", "1970-02"]
    assert sum(row["net"] for row in result["monthly"]) == pytest.approx(
        result["final_equity"] - 10_000
    )


def test_same_seed_same_summary():
    assert summarise(**arguments()) == summarise(**arguments())


def test_nothing_traded():
    empty = arguments(trips=0, days=2)
    empty["equity"] = np.full_like(empty["equity"], 10_000)
    result = summarise(**empty)
    json.dumps(result, allow_nan=False)
    assert result["round_trips"] == 0
    assert result["sharpe"] is None
    assert result["reasons"]["sharpe"] == "daily returns do not vary"
    assert result["max_drawdown"] == 0
    assert result["expectancy"] is None


def test_an_open_round_trip_counts_for_exposure_only():
    given = arguments(trips=2)
    given["trip_open"] = np.array([False, True])
    given["trip_exit"][1] = 0
    result = summarise(**given)
    assert result["round_trips"] == 1
    assert result["open_round_trips"] == 1
    assert result["open_pnl"] == given["trip_net"][1]
    assert result["exposure"] == pytest.approx((2 + 39 * 24 - 1) / (40 * 24))


def test_execution():
    result = execution(
        notional=np.array([100.0, 300.0]),
        is_maker=np.array([True, False]),
        slippage=np.array([0.0, 2.0]),
        orders={"filled": 2, "cancelled": 1, "expired": 1},
    )
    assert result == {
        "maker_share": 0.25,
        "slippage": 2.0,
        "fill_ratio": 0.5,
        "cancel_ratio": 0.25,
    }
    assert (
        execution(
            notional=np.array([]),
            is_maker=np.array([], dtype=bool),
            slippage=np.array([]),
            orders={},
        )["maker_share"]
        is None
    )
