"""Funding of a run: read from the archive's rows, charged, and said where it is not there."""

from __future__ import annotations

import datetime as dt
import json
from decimal import Decimal

import polars as pl
import pytest

from orderflow_bt import Strategy, report
from orderflow_bt.archive import open_source
from orderflow_bt.errors import UsageError
from orderflow_bt.ingest import download
from orderflow_bt.run import Request, backtest
from orderflow_bt.run.funding import find_funding
from orderflow_bt.series import SeriesId, SeriesKind
from orderflow_bt.sim import SimConfig
from orderflow_bt.store import Lake, Origin, SeriesInfo, SeriesQuality, SeriesStore
from orderflow_bt.synth import SimulatedMarket, write_archive, write_funding
from orderflow_bt.types import DAY_US, HOUR_US, Kind, MarketType, TapeId

FIRST = dt.date(2026, 1, 5)
START = (FIRST - dt.date(1970, 1, 1)).days * DAY_US
END = START + 2 * DAY_US
TAPE = TapeId("binance", MarketType.UM, Kind.AGG_TRADES, "SIMUSDT")
RATES = SeriesId("binance", MarketType.UM, SeriesKind.FUNDING, "SIMUSDT")
DATES = [FIRST, FIRST + dt.timedelta(days=1)]


class Holder(Strategy):
    """Buys once and holds."""

    def on_trade(self, trade, market, broker):
        if not broker.working and market.position.is_flat:
            broker.market(1, 100)


@pytest.fixture(scope="module")
def archive(tmp_path_factory):
    root = tmp_path_factory.mktemp("funding") / "archive"
    market = SimulatedMarket(seed=3, start=FIRST, days=2, trades_per_day=1_000)
    write_archive(market, root)
    write_funding(market, root)
    return open_source(str(root))


@pytest.fixture
def lake(archive, tmp_path):
    lake = Lake(tmp_path / "lake")
    assert {one.status for one in download(lake, TAPE, DATES, archive)} == {"stored"}
    return lake


def run(lake, folder):
    asked = Request("holder", Holder, {}, TAPE, START, END, SimConfig.for_market(MarketType.UM))
    return backtest(lake, asked, folder)


def test_without_stored_rates_the_run_says_so_and_how_to_get_them(lake, tmp_path):
    metrics = run(lake, tmp_path / "run")
    assert metrics["funding"] == 0
    assert metrics["not_simulated"][0] == (
        "funding (not charged: no rates of it are stored; get them with: orderflow-bt download"
        " SIMUSDT --market um --kind fundingRate --from 2026-01-05 --to 2026-01-06)"
    )


def test_stored_rates_are_charged_payment_by_payment(lake, archive, tmp_path):
    assert {one.status for one in download(lake, RATES, DATES, archive)} == {"stored"}
    metrics = run(lake, tmp_path / "run")
    paid = pl.read_parquet(tmp_path / "run" / "funding.parquet")
    trips = pl.read_parquet(tmp_path / "run" / "round_trips.parquet")
    assert metrics["funding_payments"] == paid.height == 5  # the first is due before any trade
    assert paid["amount"].sum() == trips["funding"].sum()
    assert metrics["funding"] == float(paid["amount"].sum()) != 0
    assert set(paid["mark_source"]) == {"last_trade"}
    for row in paid.iter_rows(named=True):
        value = Decimal(row["position"]) / 1000 * row["mark"] * row["rate"]
        assert row["amount"] == -round(value, 8)
    assert not any("funding" in text for text in metrics["not_simulated"])
    manifest = json.loads((tmp_path / "run" / "manifest.json").read_text())
    assert manifest["funding"]["rows"] == 6
    assert manifest["funding"]["without_mark"] == 6
    page = report.build(tmp_path / "run").read_text()
    assert '<th class="n">funding</th>' in page
    assert "6 of 6 fundings had no stored mark price" in page


def store(lake, series, piece, columns, decimals):
    origin = Origin("here", "ab" * 32, "verified", 1)
    quality = SeriesQuality(rows=len(next(iter(columns.values()))))
    info = SeriesInfo(series, piece, None, 0, decimals, "us", origin, quality)
    with lake.lock(series, piece):
        SeriesStore(lake).write(columns, info)


def rates(lake, hours, interval=8):
    import numpy as np

    times = np.array([START + hour * HOUR_US for hour in hours], np.int64)
    columns = {
        "time": times,
        "interval_hours": np.full(times.size, interval, np.int64),
        "rate": np.full(times.size, 10_000, np.int64),
    }
    store(lake, RATES, FIRST.replace(day=1), columns, {"rate": 8})


@pytest.mark.parametrize(
    ("hours", "interval", "holes"),
    [
        (range(-8, 56, 8), 8, []),
        (range(-8, 56, 4), 4, []),
        (range(0, 48, 8), 8, []),
        ([-8, 0, 8, 24, 32, 40], 8, [(8, 24)]),
        ([0, 8, 16], 8, [(16, 48)]),
        ([24, 32, 40], 8, [(0, 24)]),
        ([-40], 8, [(0, 48)]),
    ],
)
def test_holes_are_told_by_the_rows_own_intervals(tmp_path, hours, interval, holes):
    lake = Lake(tmp_path / "lake")
    rates(lake, hours, interval)
    plan = find_funding(lake, TAPE, START, END)
    assert [((a - START) // HOUR_US, (b - START) // HOUR_US) for a, b in plan.holes] == holes
    assert bool(plan.left_out) == bool(holes)
    assert all(START <= row.time < END for row in plan.rows)


def test_a_mark_is_the_open_of_the_minute(tmp_path):
    import numpy as np

    lake = Lake(tmp_path / "lake")
    rates(lake, range(0, 48, 8))
    marks = SeriesId("binance", MarketType.UM, SeriesKind.MARK_KLINES, "SIMUSDT", "1h")
    count = 24
    opened = START + np.arange(count, dtype=np.int64) * HOUR_US
    price = 6_000_000 + np.arange(count, dtype=np.int64)
    columns = dict.fromkeys(("high", "low", "close"), price) | {
        "open_time": opened, "open": price, "close_time": opened + HOUR_US - 1,
        "count": np.ones(count, np.int64),
    }  # fmt: skip
    store(lake, marks, FIRST, columns, {"price": 4})
    plan = find_funding(lake, TAPE, START, END)
    assert [row.mark for row in plan.rows] == [
        Decimal("600.0000"), Decimal("600.0008"), Decimal("600.0016"), None, None, None,
    ]  # fmt: skip


def test_contracts_with_a_date_and_spot_have_no_funding(tmp_path):
    lake = Lake(tmp_path / "lake")
    dated = TapeId("binance", MarketType.UM, Kind.AGG_TRADES, "BTCUSDT_240329")
    for tape in (dated, TapeId("binance", MarketType.SPOT, Kind.AGG_TRADES, "BTCUSDT")):
        plan = find_funding(lake, tape, START, END)
        assert not plan.applies
        assert plan.left_out == ""


def test_a_spot_market_writes_no_funding(tmp_path):
    with pytest.raises(UsageError, match="no funding"):
        write_funding(SimulatedMarket(market=MarketType.SPOT), tmp_path)
