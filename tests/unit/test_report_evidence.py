"""What the report makes of a run's round trips: by event, at other costs, by month, in R."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING

import numpy as np
import pytest
from run_folders import build_run_folder, random_tape, rows_of

from orderflow_bt.report.attribution import attribution, event_name, zero_of
from orderflow_bt.report.entries import cells_of
from orderflow_bt.report.excursions import excursions, shortfall
from orderflow_bt.report.folder import read_run
from orderflow_bt.report.honesty import ends_notes
from orderflow_bt.report.months import year_rows
from orderflow_bt.report.sturdy import Days, days_of, sturdy_rows
from orderflow_bt.types import DAY_US, HOUR_US

if TYPE_CHECKING:
    from pathlib import Path

LINEAR = {"price_decimals": 1, "qty_decimals": 2, "tick_size": 5, "contract_usd": None}
INVERSE = {"price_decimals": 1, "qty_decimals": 0, "tick_size": 1, "contract_usd": "100"}
SHORT = {
    "side": -1, "qty": 200, "entry_price": Decimal("99.5"), "stop_price": 1010, "mae_ticks": -2,
    "mfe_ticks": 6, "risk": Decimal(2),
}  # fmt: skip


def test_excursions_are_ticks_in_money_and_r():
    # Two coins short from 99.5: two ticks of 0.5 against it lose 2, six for it make 6.
    assert excursions(SHORT, LINEAR) == pytest.approx(
        {"mae_money": -2.0, "mae_r": -1.0, "mfe_money": 6.0, "mfe_r": 3.0}
    )
    assert excursions(SHORT | {"risk": None}, LINEAR)["mae_r"] is None


def test_excursions_of_a_coin_margined_future_are_coins():
    trip = {
        "side": 1, "qty": 100, "entry_price": Decimal(50_000), "stop_price": 480_000,
        "mae_ticks": -10_000, "mfe_ticks": 50_000, "risk": Decimal("0.00833333"),
    }  # fmt: skip
    found = excursions(trip, INVERSE)
    assert found["mfe_money"] == pytest.approx(0.01818182, abs=1e-8)  # 50,000 to 55,000
    assert found["mae_r"] == pytest.approx(100 * 100 * (1 / 50_000 - 1 / 49_000) / 0.00833333)


def test_what_entries_cost_beyond_their_plan_is_measured_from_the_stop(tmp_path):
    def of(**changes):
        return shortfall(rows_of(tmp_path, [SHORT | changes]), LINEAR)

    # Planned at 100, a risk of 1.0 a coin; sold at 99.5, half a unit worse on two coins.
    assert of() == pytest.approx((1.0, 0.5))
    assert of(entry_price=Decimal(100)) == pytest.approx((0.0, 0.0))
    assert of(risk=None) is None
    coin = {"side": 1, "qty": 100, "stop_price": 480_000, "risk": Decimal("0.00833333")}
    paid = rows_of(tmp_path, [coin | {"entry_price": Decimal(50_100)}, coin | {"risk": None,
                              "entry_price": Decimal(1)}])  # fmt: skip
    lost, each = shortfall(paid, INVERSE)
    assert lost == pytest.approx(100 * 100 * (1 / 48_000 - 1 / 50_100) - 0.00833333)
    assert each == pytest.approx(lost / 0.00833333)


def test_months_stand_in_years():
    monthly = [
        {"month": "2023-12", "net": 100.0, "return": 0.01},
        {"month": "2024-01", "net": -101.0, "return": -0.01},
        {"month": "2024-03", "net": 200.0, "return": 0.02},
    ]
    first, second = year_rows(monthly, "USDT")
    assert (first.months[11].text, first.whole.text) == ("+1.00", "+1.00")
    assert [second.months[k].text for k in range(3)] == ["\u22121.00", "", "+2.00"]
    assert second.whole.text == "+0.98"  # 0.99 x 1.02
    assert second.whole.money == "+99.00 USDT"
    assert year_rows(monthly[:1], "USDT") == []


def test_other_costs_and_parts_of_the_window(tmp_path):
    trips = [
        {"net_pnl": Decimal(net), "fees": Decimal(2), "entry_time": at * HOUR_US}
        for at, net in enumerate((50, 40, 30, 20, 10, -5, -5, -5, -5, -5))
    ]
    rows, zero = sturdy_rows(rows_of(tmp_path, trips), {"slippage": 7.0}, (0, 10 * HOUR_US), "USDT")
    made = {row.name: row.whole + row.rest for row in rows}
    assert made == {
        "as it was": "+125.00", "no fees": "+145.00", "half the fees": "+135.00",
        "fees and a half": "+115.00", "twice the fees": "+105.00",
        "twice the slippage": "+118.00", "without the best 5": "\u221225.00",
        "first half": "+150.00", "second half": "\u221225.00",
    }  # fmt: skip
    assert 0 < zero < 100
    assert "too few" in rows[-1].note


def test_years_take_the_place_of_halves(tmp_path):
    year = 365 * DAY_US
    trips = [
        {"net_pnl": Decimal(at), "fees": Decimal(0), "entry_time": at * year} for at in (1, 1, 2)
    ]
    rows, _ = sturdy_rows(rows_of(tmp_path, trips), {}, (0, 3 * year), "USDT")
    assert [row.name for row in rows[-2:]] == ["in 1971", "in 1972"]


def test_days_are_told_apart_by_what_they_were_like(tmp_path):
    days = Days(np.arange(10), np.arange(10) / 100, np.where(np.arange(10) < 3, 0.01, -0.01))
    trips = [
        {"net_pnl": Decimal(1 << at), "fees": Decimal(0), "entry_time": at * DAY_US + HOUR_US}
        for at in range(10)
    ]
    rows = rows_of(tmp_path, trips)
    found, _ = sturdy_rows(rows, {}, (0, 10 * DAY_US), "USDT", days=days)
    assert {row.name: row.whole for row in found[-4:]} == {
        "on wild days": "+992", "on calm days": "+31", "on rising days": "+7",
        "on falling days": "+1,016",
    }  # fmt: skip
    fewer = Days(*(column[:9] for column in days))
    assert sturdy_rows(rows, {}, (0, 10 * DAY_US), "USDT", days=fewer)[0][-1].name == "second half"


def test_days_are_read_from_the_bars(tmp_path):
    folder = build_run_folder(tmp_path / "run", trips=2, bars=600)
    run = read_run(folder)
    bars = [bar for bar in run.rows("bars") if bar["trades"]]
    days = days_of(run)
    for n, day in enumerate(days.day.tolist()):
        own = [bar for bar in bars if bar["open_time"] // DAY_US == day]
        begun = own[0]["open"]
        reach = max(bar["high"] for bar in own) - min(bar["low"] for bar in own)
        assert days.reach[n] == pytest.approx(reach / begun)
        assert days.change[n] == pytest.approx(own[-1]["close"] / begun - 1)
    assert days.day.size == 3


def test_bars_of_one_moment_share_out_their_cells():
    bars = random_tape(1).bars * 4
    bars = [
        bar._replace(open_time=at, volume=volume)
        for bar, at, volume in zip(bars, (5, 7, 7, 7), (9, 6, 4, 2), strict=True)
    ]
    rows = [(5, 1, 4, 5), (7, 1, 0, 1), (7, 2, 5, 0), (7, 1, 2, 0), (7, 3, 1, 1), (7, 0, 1, 1)]
    cells = np.array([(*row, 1, 1) for row in rows], np.int64)
    prices = [part[:, 0].tolist() for part in cells_of(bars, cells)]
    assert prices == [[1], [1, 2], [1, 3], [0]]
    cut = cells_of(bars, cells[:-1])  # the window ended before the last of them
    assert [len(part) for part in cut] == [1, 2, 2, 0]


@pytest.fixture(scope="module")
def forty(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build_run_folder(tmp_path_factory.mktemp("parts"), trips=40, bars=2000)


def test_each_event_has_its_expectancy(forty: Path):
    run = read_run(forty)
    run.metrics["comparisons"] = {
        "alone": {"net_pnl": -5.0, "round_trips": 2, "expectancy_r": None},
    }
    trips = run.rows("round_trips").where("is_open", [False])
    groups = {group.title: group.rows for group in attribution(run, trips)}
    events = groups["By the event behind the entry"]
    assert sum(int(row.trips) for row in events) == len(trips)
    for row in events:
        own = [
            trip for trip in trips
            if event_name(run.rows("events")[trip["event_id"]]) == row.name
        ]  # fmt: skip
        mean = float(np.mean([float(trip["net_pnl"]) for trip in own]))
        assert row.each == f"{mean:+,.2f}".replace("-", "\u2212")
        assert (row.low == "too few") == (len(own) < 30)
    assert groups["Variants of the strategy, on the same tape"][0].each == "\u22122.50"
    assert attribution(run, trips.where("id", [])) == []


def test_what_the_run_adds_stands_on_one_scale_with_the_rest(forty: Path):
    run = read_run(forty)
    adds = {"mean": 4.0, "low": -100.0, "high": 12.0, "why": ""}
    few = {"mean": 1.0, "low": None, "high": None, "why": "needs 30 round trips of each, has 2"}
    own = {"expectancy": -4.0, "expectancy_interval": None, "round_trips": 2, "net_pnl": -9.0,
           "expectancy_r": None}  # fmt: skip
    run.metrics["comparisons"] = {"alone": own | {"adds": adds}, "few": own | {"adds": few}}
    groups = attribution(run, run.rows("round_trips"))
    added = {group.title: group.rows for group in groups}["What this run adds, a round trip"]
    assert [row.name for row in added] == ["beyond alone", "beyond few"]
    assert (added[0].each, added[0].low, added[0].high) == ("+4.00", "\u2212100.00", "+12.00")
    assert (added[1].low, added[1].high) == (few["why"], "")
    drawn = [row for group in groups for row in group.rows if row.value is not None]
    assert all(0 <= row.left <= row.dot <= row.left + row.width + 0.02 <= 101 for row in drawn)
    assert min(row.left for row in drawn) == added[0].left
    assert added[0].left < zero_of(groups) < added[0].dot
    variant = next(row for group in groups for row in group.rows if row.name == "alone")
    assert variant.net == "\u22128.00"  # closed ones alone, as its mean is of those


def test_a_window_of_one_day_has_no_other_day_to_compare_with(forty: Path):
    run = read_run(forty)
    null = {"mean": 1.0, "low": 0.0, "high": 2.0, "p_value": 0.5}
    run.metrics["chance"] = dict.fromkeys(("random_side", "random_hour", "random_time"), null)
    run.metrics["chance"]["buy_and_hold"] = {"mean": 3.0}
    trips = run.rows("round_trips")
    for days, said in ((1, "no other day"), (2, "+0.05")):
        run.metrics["days"] = days
        rows = attribution(run, trips)[-1].rows
        assert said in (rows[2].low, rows[2].high)


def test_a_tape_that_begins_late_or_ends_early_says_so():
    window = (0, DAY_US)
    assert ends_notes(0, DAY_US, window) == []
    late, early = ends_notes(12 * HOUR_US, 20 * HOUR_US, window)
    assert "12 h into the window, after 1970-01-01 12:00:00" in late
    assert "4 h before its end, by 1970-01-01 20:00:00" in early
