"""Portfolio runs from lake to folders: one cash account, several symbols."""

from __future__ import annotations

import datetime as dt
import json

import numpy as np
import polars as pl
import pytest
from mark_days import store_marks
from typer.testing import CliRunner

from orderflow_bt.cli import app
from orderflow_bt.report.folder import read_run
from orderflow_bt.report.portfolio import exposure
from orderflow_bt.store import Lake
from orderflow_bt.synth import SimulatedMarket, store_market
from orderflow_bt.types import MINUTE_US, Kind, MarketType, TapeId

FIRST = dt.date(2026, 1, 5)
SYMBOLS = ("SIMUSDT", "TWOUSDT")
PLUGIN = """
from orderflow_bt import BarSpec, Strategy, param, time_bars


class Swing(Strategy):
    '''Buys above and sells below the bar before.'''

    bars: BarSpec = param(time_bars("30m"))
    only: str = param("")
    share: float = param(0.5)
    fail: int = param(0)

    def on_bar(self, spec, bar, market, broker):
        if self.only and market.instrument.symbol != self.only:
            return
        if self.fail and len(market.bars(spec)) > self.fail and market.instrument.symbol[0] == "T":
            raise ValueError("twenty")
        if len(market.bars(spec)) < 2 or broker.working:
            return
        side = 1 if bar.close > market.bars(spec)[-2].close else -1
        if market.position.side == side:
            return
        lots = broker.size(self.share, market.last, market.last - side * 40)
        broker.market(side, abs(market.position.qty) + lots // 2)
"""


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    root = tmp_path_factory.mktemp("portfolio")
    (root / "swing.py").write_text(PLUGIN)
    for seed, symbol in enumerate(SYMBOLS, start=3):
        market = SimulatedMarket(
            seed=seed, symbol=symbol, start=FIRST, days=2, trades_per_day=4_000
        )
        store_market(market, root / "lake")
    return root


def run(data, out, *more, symbols=SYMBOLS):
    line = ["--data", str(data / "lake"), "run", str(data / "swing.py"), *symbols]
    line += ["--from", "2026-01-05", "--to", "2026-01-06", "--out", str(out), *more]
    return CliRunner().invoke(app, line)


@pytest.fixture(scope="module")
def whole(data, tmp_path_factory):
    out = tmp_path_factory.mktemp("runs") / "whole"
    result = run(data, out, "--portfolio")
    assert result.exit_code == 0, result.output
    return out, result


@pytest.fixture
def unreported(monkeypatch):
    """Pages are not what is tested: none is drawn."""
    for name in ("cli.run.build_report", "cli.reports.build_report", "report.build_portfolio"):
        monkeypatch.setattr(f"orderflow_bt.{name}", lambda folder: folder)


def test_the_parts_add_up_to_the_whole(whole):
    out, result = whole
    metrics = json.loads((out / "all" / "metrics.json").read_text())
    equity = pl.read_parquet(out / "all" / "equity.parquet")
    assert equity["time"].is_sorted()
    net = sum(part["net_pnl"] for part in metrics["by_symbol"].values())
    assert metrics["net_pnl"] == pytest.approx(net)
    assert metrics["band"].keys() == {"touch", "queue", "through"}
    assert float(equity["equity"][-1]) == pytest.approx(10_000 + net, abs=30)
    for symbol in SYMBOLS:
        assert metrics["by_symbol"][symbol]["fills"] > 3
        manifest = json.loads((out / symbol / "manifest.json").read_text())
        assert manifest["portfolio"] == list(SYMBOLS)
        assert manifest["simulation"]["margin"] == "isolated"
        assert "One cash account was shared" in (out / symbol / "report.html").read_text()
        assert f"{symbol}     " in result.stdout


def test_the_page_of_the_whole_tells_the_account_and_what_each_symbol_gave(whole):
    out, result = whole
    page = (out / "all" / "report.html").read_text()
    metrics = json.loads((out / "all" / "metrics.json").read_text())
    assert f"report of all: {out / 'all' / 'report.html'}" in result.stdout.replace("\n", "")
    assert metrics["verdict"]["headline"] in page
    assert metrics["result_hash"] in page
    assert "SIMUSDT, TWOUSDT" in page
    for symbol in SYMBOLS:
        assert f'<a href="../{symbol}/report.html">{symbol}</a>' in page
        assert f"{symbol}: no trade is missing." in page
    assert "Each position was backed by its own margin and liquidated alone." in page
    for part in ("Is it the signal?", "By symbol", "all of a day moved to other days"):
        assert part in page
    assert "without SIMUSDT" in page
    assert page.count("no rates of it are stored") == page.count("download SIMUSDT TWOUSDT") == 1
    assert "needs 10 days to draw from, has 2" in page
    assert page.count("data:image/svg+xml;base64,") == 4  # equity and what each made, twice
    assert "<script" not in page
    before = (out / "all" / "report.html").read_bytes()
    again = CliRunner().invoke(app, ["report", str(out)])
    assert again.exit_code == 0, again.output
    assert (out / "all" / "report.html").read_bytes() == before


def test_chance_of_the_whole_adds_up_the_same_draws_of_each_symbol(whole):
    out, _ = whole
    metrics = json.loads((out / "all" / "metrics.json").read_text())
    own = {symbol: json.loads((out / symbol / "metrics.json").read_text()) for symbol in SYMBOLS}
    chance = metrics["chance"]
    before_funding = sum(one["trips_gross_pnl"] - one["trips_fees"] for one in own.values())
    assert chance["net"] == pytest.approx(before_funding)
    held = [one["chance"]["buy_and_hold"]["mean"] for one in own.values()]
    assert chance["buy_and_hold"]["mean"] == pytest.approx(sum(held) / len(held))
    for name in ("day_side", "day_moved"):
        assert chance[name]["draws"] == 1000
        assert chance[name]["low"] <= chance[name]["mean"] <= chance[name]["high"]
        assert 0 < chance[name]["p_value"] <= 1
    assert all(one["comparisons"] == {} for one in own.values())


def test_exposure_adds_up_what_all_symbols_hold(whole):
    out, _ = whole
    runs = {symbol: read_run(out / symbol) for symbol in SYMBOLS}
    equity = pl.read_parquet(out / "all" / "equity.parquet")
    found = exposure(runs, equity["time"].to_numpy())
    assert len(found) == equity.height
    for at in (0, equity.height // 2, equity.height - 1):
        gross = 0.0
        for symbol in SYMBOLS:
            marks = pl.read_parquet(out / symbol / "equity.parquet")
            marks = marks.filter(pl.col("time") <= equity["time"][at])
            if marks.height:
                unit = runs[symbol].manifest["instrument"]
                scale = 10.0 ** -(unit["price_decimals"] + unit["qty_decimals"])
                gross += abs(marks["position"][-1]) * marks["price"][-1] * scale
        assert found[at] == pytest.approx(gross)
    assert found.max() > 0


def test_a_portfolio_that_fails_keeps_what_every_symbol_had(data, tmp_path):
    told = run(data, tmp_path / "x", "--portfolio", "--param", "fail=20")
    assert told.exit_code != 0
    assert "ValueError: twenty" in told.stderr
    home = tmp_path / "x.failed"
    assert str(home) in told.stderr.replace("\n", "")
    assert not (tmp_path / "x").exists()
    for symbol in SYMBOLS:
        failure = json.loads((home / symbol / "failure.json").read_text())
        assert "ValueError: twenty" in failure["what"]
        assert failure["inputs"]["portfolio"] == list(SYMBOLS)
    assert pl.read_parquet(home / SYMBOLS[0] / "fills.parquet").height > 0
    assert run(data, tmp_path / "x", "--portfolio", "--param", "fail=20").exit_code != 0
    assert (tmp_path / "x.failed-2").is_dir()


@pytest.mark.usefixtures("unreported")
def test_a_rerun_gives_the_same(data, whole, tmp_path):
    again = run(data, tmp_path / "again", "--portfolio", "--json")
    metrics = json.loads((whole[0] / "all" / "metrics.json").read_text())
    assert json.loads(again.stdout) == metrics


@pytest.mark.usefixtures("unreported")
@pytest.mark.parametrize("margin", ["isolated", "cross"])
def test_where_one_symbol_trades_it_is_the_run_of_that_symbol(data, tmp_path, margin):
    only = ("--param", "only=TWOUSDT", "--margin", margin, "--leverage", "20")
    assert run(data, tmp_path / "both", "--portfolio", *only).exit_code == 0
    assert run(data, tmp_path / "one", *only, symbols=("TWOUSDT",)).exit_code == 0
    for table in ("orders", "fills", "round_trips", "equity"):
        alone = pl.read_parquet(tmp_path / "one" / f"{table}.parquet")
        assert pl.read_parquet(tmp_path / "both" / "TWOUSDT" / f"{table}.parquet").equals(alone)
    assert alone.height > 0
    metrics = json.loads((tmp_path / "both" / "all" / "metrics.json").read_text())
    single = json.loads((tmp_path / "one" / "metrics.json").read_text())
    assert metrics["net_pnl"] == single["net_pnl"] != 0


@pytest.mark.usefixtures("unreported")
def test_cross_margin_ends_the_whole_account_at_once(data, tmp_path):
    many = ("--portfolio", "--margin", "cross", "--leverage", "100", "--cash", "100")
    told = run(data, tmp_path / "cross", *many, "--param", "share=40")
    assert told.exit_code == 0, told.output
    metrics = json.loads((tmp_path / "cross" / "all" / "metrics.json").read_text())
    assert 1 <= metrics["liquidations"] <= 2
    assert metrics["net_pnl"] == pytest.approx(-100, abs=1e-6)
    ends = [
        row["time"]
        for symbol in SYMBOLS
        for row in pl.read_parquet(tmp_path / "cross" / symbol / "fills.parquet").to_dicts()
        if row["role"] == "liquidation"
    ]
    assert len(set(ends)) == 1
    for symbol in SYMBOLS:
        manifest = json.loads((tmp_path / "cross" / symbol / "manifest.json").read_text())
        assert manifest["simulation"]["liquidate_on"] == "last"


def test_a_disk_that_fills_up_leaves_nothing(data, tmp_path, monkeypatch):
    from orderflow_bt.run import portfolio

    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(portfolio, "whole_folder", full)
    told = run(data, tmp_path / "x", "--portfolio", "--to", "2026-01-05")
    assert told.exit_code == 1
    assert "No space left" in told.stderr
    assert list(tmp_path.iterdir()) == []


def test_what_cannot_be_is_refused(data, tmp_path):
    told = run(data, tmp_path / "x", "--portfolio", "--margin", "cross", "--liquidate-on", "mark")
    assert told.exit_code == 1
    assert "--margin isolated" in told.stderr
    told = run(data, tmp_path / "x", "--portfolio", symbols=("SIMUSDT",))
    assert "two symbols or more" in told.stderr
    assert not (tmp_path / "x").exists()


GUARDED = """
from orderflow_bt import BarSpec, Strategy, param, time_bars


class Guarded(Strategy):
    '''Holds with a stop that only the mark price comes to.'''

    bars: BarSpec = param(time_bars("30m"))
    only: str = param("")

    def on_bar(self, spec, bar, market, broker):
        mine = self.only in ("", market.instrument.symbol)
        if mine and market.position.is_flat and not broker.working:
            broker.bracket(1, broker.size(0.3, bar.close, bar.close // 2), stop=bar.close // 2)
"""


def test_stops_of_a_portfolio_wait_for_the_mark_of_their_symbol(tmp_path, unreported):
    (tmp_path / "swing.py").write_text(GUARDED)
    for seed, symbol in enumerate(SYMBOLS, start=3):
        market = SimulatedMarket(
            seed=seed, symbol=symbol, start=FIRST, days=1, trades_per_day=2_000
        )
        store_market(market, tmp_path / "lake")
        tape = TapeId("binance", MarketType.UM, Kind.AGG_TRADES, symbol)
        candles = np.full((4, 1440), 10**15)
        candles[2, [200 + 100 * seed, 900]] = 1  # one fall of its own, one together
        store_marks(Lake(tmp_path / "lake"), tape, FIRST, candles)
    more = ("--margin", "isolated", "--trigger-on", "mark", "--to", "2026-01-05")
    assert run(tmp_path, tmp_path / "both", "--portfolio", *more).exit_code == 0
    alone = ("--param", "only=TWOUSDT", *more)
    assert run(tmp_path, tmp_path / "one", "--portfolio", *alone).exit_code == 0
    assert run(tmp_path, tmp_path / "single", *alone, symbols=SYMBOLS[1:]).exit_code == 0
    stops = {}
    for folder in ("both/SIMUSDT", "both/TWOUSDT", "one/TWOUSDT", "single"):
        orders = pl.read_parquet(tmp_path / folder / "orders.parquet")
        times = orders["trigger_time"].drop_nulls()
        stops[folder] = [(time // MINUTE_US) % 1440 for time in times.to_list()]
    assert stops["both/SIMUSDT"] == [501, 901]
    assert stops["both/TWOUSDT"] == stops["one/TWOUSDT"] == stops["single"] == [601, 901]
    one, single = (
        pl.read_parquet(tmp_path / folder / "fills.parquet") for folder in ("one/TWOUSDT", "single")
    )
    assert one.equals(single)
