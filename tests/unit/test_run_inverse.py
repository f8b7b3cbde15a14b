"""Runs on coin-margined contracts, from lake to report: money is the coin."""

from __future__ import annotations

import datetime as dt
import json
from dataclasses import replace
from decimal import Decimal
from fractions import Fraction

import numpy as np
import polars as pl
import pytest
from typer.testing import CliRunner

from orderflow_bt import Strategy
from orderflow_bt.archive import open_source
from orderflow_bt.cli import app
from orderflow_bt.errors import CoverageError
from orderflow_bt.ingest import download
from orderflow_bt.instruments import Fees, Instrument
from orderflow_bt.run.cash import opening_coins
from orderflow_bt.series import SeriesId, SeriesKind
from orderflow_bt.store import Lake
from orderflow_bt.synth import SimulatedMarket, write_archive, write_funding
from orderflow_bt.testing.tape import PLAIN, Script, Tape, run_trades
from orderflow_bt.types import DAY_US, Kind, MarketType, TapeId

FIRST = dt.date(2026, 1, 5)
START = (FIRST - dt.date(1970, 1, 1)).days * DAY_US
TAPE = TapeId("binance", MarketType.CM, Kind.AGG_TRADES, "SIMUSD_PERP")


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    root = tmp_path_factory.mktemp("inverse")
    market = SimulatedMarket(
        seed=3, start=FIRST, days=2, trades_per_day=20_000, market=MarketType.CM,
        symbol="SIMUSD_PERP",
    )  # fmt: skip
    write_archive(market, root / "archive")
    write_funding(market, root / "archive")
    dates = [FIRST, FIRST + dt.timedelta(days=1)]
    source = open_source(str(root / "archive"))
    rates = SeriesId("binance", MarketType.CM, SeriesKind.FUNDING, "SIMUSD_PERP")
    for what in (TAPE, rates):
        assert {one.status for one in download(Lake(root / "lake"), what, dates, source)} == {
            "stored"
        }
    return root / "lake"


def run(data, out, *more):
    line = ["--data", str(data), "run", "delta_divergence", "SIMUSD_PERP", "--market", "cm"]
    line += ["--from", "2026-01-05", "--to", "2026-01-06", "--param", "aim=r", "--out", str(out)]
    result = CliRunner().invoke(app, [*line, *more])
    assert result.exit_code == 0, result.output
    return result


def test_a_run_counts_in_the_coin(data, tmp_path):
    run(data, tmp_path / "run")
    metrics = json.loads((tmp_path / "run" / "metrics.json").read_text())
    manifest = json.loads((tmp_path / "run" / "manifest.json").read_text())
    trips = pl.read_parquet(tmp_path / "run" / "round_trips.parquet")
    fills = pl.read_parquet(tmp_path / "run" / "fills.parquet")
    assert metrics["quote"] == manifest["instrument"]["currency"] == "SIM"
    assert metrics["round_trips"] > 0
    coins = Fraction(manifest["simulation"]["cash"])
    assert abs(coins - Fraction(10_000, 600)) < 1
    spent = sum(
        Fraction(row["side"] * row["qty"] * 10 * 10, row["price"]) - Fraction(row["fee"])
        for row in fills.iter_rows(named=True)
    )
    assert not trips["is_open"].any()
    assert float(spent) == pytest.approx(float(trips["net_pnl"].sum() - trips["funding"].sum()))
    assert metrics["net_pnl"] == pytest.approx(float(trips["net_pnl"].sum()), abs=1e-7)
    for row in trips.filter(pl.col("risk").is_not_null()).iter_rows(named=True):
        assert row["r_multiple"] == pytest.approx(float(row["net_pnl"] / row["risk"]))
    page = (tmp_path / "run" / "report.html").read_text()
    assert " SIM" in page
    assert "USDT" not in page


def test_cash_is_what_is_asked_for(data, tmp_path):
    told = run(data, tmp_path / "run", "--cash", "3.5").stdout
    assert "of 3.50000000 SIM" in told


def test_opening_cash_needs_a_trade(data, tmp_path):
    assert opening_coins(Lake(data), TAPE, START, START + DAY_US) == pytest.approx(
        Decimal(10_000) / 600, rel=Decimal("0.05")
    )
    with pytest.raises(CoverageError, match="no trade"):
        opening_coins(Lake(data), TAPE, START - DAY_US, START)


COIN = Instrument("text", MarketType.CM, "BTCUSD_PERP", 0, 0, contract_usd=Decimal(100))


def test_v18_and_v19_through_a_session():
    tape = Tape("B 50000.0 100 | B 50000.0 100 | B 40000.0 50 | B 40000.0 50 | S 55000.0 150")
    step = {
        0: lambda market, broker: broker.market(1, 100),
        2: lambda market, broker: broker.market(1, 50),
        3: lambda market, broker: broker.close(),
    }
    config = replace(PLAIN, cash=Decimal(1))
    (trip,) = run_trades(tape.trades, COIN, Script(step), config=config).round_trips
    assert trip.entry_price.quantize(Decimal("0.001")) == Decimal("46153.846")
    expected = Fraction(10_000, 50_000) + Fraction(5_000, 40_000) - Fraction(15_000, 55_000)
    assert trip.gross_pnl == round(Decimal(expected.numerator) / expected.denominator, 8)
    short = {
        0: lambda market, broker: broker.market(1, 100),
        3: lambda market, broker: broker.close(),
    }
    (trip,) = run_trades(tape.trades, COIN, Script(short), config=config).round_trips
    assert trip.gross_pnl == Decimal("0.01818182")


class Sizer(Strategy):
    """Asks how much to trade."""

    def on_trade(self, trade, market, broker):
        self.lots = broker.size(0.01, trade.price, trade.price * 9 // 10)
        self.most = broker.size(1.0, trade.price, trade.price - 1)


def test_size_risks_a_share_of_the_coins():
    sizer = Sizer()
    tape = Tape("B 50000.0 100")
    run_trades(tape.trades, COIN, sizer, config=replace(PLAIN, cash=Decimal(2)))
    per_contract = Fraction(100, 45_000) - Fraction(100, 50_000)
    assert sizer.lots == int(Fraction(2) * Fraction(1, 100) / per_contract)
    assert sizer.most == 2 * 50_000 // 100


def test_slippage_is_told_in_the_coin():
    from orderflow_bt.run.columns import FillColumns
    from orderflow_bt.sim.account import Account

    account = Account(COIN, Decimal(1), Fees(Decimal(0), Decimal(0)))
    fills = FillColumns(account, 1, trips=3)
    one = {"price": 50_001, "qty": 100, "side": 1, "slippage_ticks": 1, "maker": 0, "round_trip": 2}
    for off in (1, 0):
        of_it = {**one, "slippage_ticks": off}
        fills.take({name: np.array([value], np.int64) for name, value in of_it.items()})
    cost = pytest.approx(10_000 / 50_000 - 10_000 / 50_001)
    assert fills.slipped.tolist() == [cost, 0.0]
    assert fills.lost.tolist() == [0.0, 0.0, cost]
    assert fills.total == pytest.approx(2 * 10_000 / 50_001)


def test_a_liquidation_stands_in_the_headline(data, tmp_path):
    held = tmp_path / "held.py"
    held.write_text(
        "from orderflow_bt import Strategy\n"
        "class Held(Strategy):\n"
        "    def on_trade(self, trade, market, broker):\n"
        "        if not broker.orders:\n"
        "            broker.market(1, broker.size(1.0, trade.price, trade.price - 1) // 2)\n"
    )
    line = ["--data", str(data), "run", str(held), "SIMUSD_PERP", "--market", "cm", "--leverage"]
    line += [
        "100",
        "--cash",
        "0.1",
        "--from",
        "2026-01-05",
        "--to",
        "2026-01-06",
        "--out",
        str(tmp_path / "run"),
    ]
    result = CliRunner().invoke(app, line)
    assert result.exit_code == 0, result.output
    assert "LIQUIDATED" in result.stdout
    metrics = json.loads((tmp_path / "run" / "metrics.json").read_text())
    assert metrics["liquidations"] == 1
    assert metrics["verdict"]["headline"].startswith("LIQUIDATED once.")
    assert metrics["net_pnl"] == pytest.approx(-metrics["start_cash"])
    page = (tmp_path / "run" / "report.html").read_text()
    assert "all that backed it was lost: 0.1" in page
    assert "A cross: the exchange closed a position." in page
    assert "A liquidation is booked at the price where" in page
    assert "orderflow-bt run held.py SIMUSD_PERP" in page
    assert "--strategy held.py" in page
    fills = pl.read_parquet(tmp_path / "run" / "fills.parquet")
    last = fills.filter(pl.col("role") == "liquidation")["id"][0]
    told = CliRunner().invoke(
        app, ["--data", str(data), "explain", str(tmp_path / "run"), "--fill", str(last)]
    )
    assert told.exit_code == 0, told.output
    assert "maintenance margin" in " ".join(told.stdout.split())
    refused = CliRunner().invoke(app, [*line[:-1], str(tmp_path / "other"), "--margin", "none"])
    assert "Use cross or isolated" in refused.stderr
