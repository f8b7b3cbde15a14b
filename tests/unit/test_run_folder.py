"""A run from lake to folder: reproducible, whole or not there, honest about coverage."""

from __future__ import annotations

import datetime as dt
import json
from dataclasses import replace
from pathlib import Path
from typing import ClassVar

import polars as pl
import pytest
import typer
from typer.testing import CliRunner

from orderflow_bt import BarSpec, Strategy, param, time_bars
from orderflow_bt.cli import options
from orderflow_bt.cli import run as run_command
from orderflow_bt.cli.run_words import print_summary
from orderflow_bt.errors import CoverageError, OrderflowError, PluginError, UsageError
from orderflow_bt.report import build
from orderflow_bt.report.again import command_line
from orderflow_bt.run import Request, backtest, backtests
from orderflow_bt.sim import FillPolicy, SimConfig
from orderflow_bt.stats import money
from orderflow_bt.store import Lake
from orderflow_bt.synth import SimulatedMarket, store_market
from orderflow_bt.types import DAY_US, HOUR_US, Kind, MarketType, TapeId
from strategies.delta_divergence import DeltaDivergenceFade

FIRST = dt.date(2026, 1, 5)
DAYS = 4
START = (FIRST - dt.date(1970, 1, 1)).days * DAY_US
TAPE = TapeId("binance", MarketType.UM, Kind.AGG_TRADES, "SIMUSDT")


@pytest.fixture(scope="module")
def lake(tmp_path_factory):
    root = tmp_path_factory.mktemp("run-folder")
    market = SimulatedMarket(seed=3, start=FIRST, days=DAYS, trades_per_day=20_000)
    return store_market(market, root / "lake")[0]


def request(**changes):
    asked = Request(
        name="delta_divergence",
        strategy=DeltaDivergenceFade,
        parameters={"aim": "r"},
        tape=TAPE,
        start=START + DAY_US,
        end=START + DAYS * DAY_US,
        config=SimConfig.for_market(MarketType.UM),
    )
    return replace(asked, **changes)


def contents(folder):
    return {path.name: path.read_bytes() for path in sorted(folder.iterdir())}


def test_a_rerun_is_equal_byte_for_byte(lake, tmp_path):
    first = backtest(lake, request(), tmp_path / "a")
    second = backtest(lake, request(), tmp_path / "deeper" / "b")
    assert first == second
    lake.cache.clear()
    assert backtest(Lake(lake.root, cache_limit=0), request(), tmp_path / "c") == first
    assert lake.cache.entries() == []
    assert contents(tmp_path / "c") == contents(tmp_path / "a")
    assert contents(tmp_path / "a") == contents(tmp_path / "deeper" / "b")
    assert first["round_trips"] > 0


def test_the_folder_agrees_with_itself(lake, tmp_path):
    metrics = backtest(lake, request(), tmp_path / "run")
    fills = pl.read_parquet(tmp_path / "run" / "fills.parquet")
    orders = pl.read_parquet(tmp_path / "run" / "orders.parquet")
    trips = pl.read_parquet(tmp_path / "run" / "round_trips.parquet")
    equity = pl.read_parquet(tmp_path / "run" / "equity.parquet")
    bars = pl.read_parquet(tmp_path / "run" / "bars.parquet")
    prints = pl.read_parquet(tmp_path / "run" / "footprints.parquet")
    assert metrics["fills"] == fills.height
    assert metrics["round_trips"] == trips.filter(~pl.col("is_open")).height
    assert fills["fee"].sum() == trips["fees"].sum()
    assert float(fills["fee"].sum()) == pytest.approx(metrics["fees"])
    by_order = dict(fills.group_by("order_id").agg(pl.col("qty").sum()).iter_rows())
    assert {row["id"]: row["filled_qty"] for row in orders.iter_rows(named=True)} == {
        number: by_order.get(number, 0) for number in orders["id"]
    }
    assert float(equity["equity"][-1]) - 10_000 == pytest.approx(metrics["net_pnl"])
    assert float(trips["net_pnl"].sum()) == pytest.approx(metrics["net_pnl"])
    assert bars.height == (DAYS - 1) * 288
    cells = prints.group_by("open_time").agg((pl.col("bid") + pl.col("ask")).sum().alias("v"))
    once = prints.unique(["open_time", "price_low"])
    cells = once.group_by("open_time").agg((pl.col("bid") + pl.col("ask")).sum().alias("v"))
    joined = cells.join(bars, on="open_time")
    assert joined.height > 0
    assert (joined["v"] == joined["volume"]).all()


def test_where_reading_begins_does_not_matter(lake, tmp_path):
    """The warm-up before the window is read whatever the window is."""
    whole = backtest(lake, request(start=START + DAY_US), tmp_path / "whole")
    late = backtest(lake, request(start=START + 2 * DAY_US), tmp_path / "late")
    assert whole["trades_read"] >= late["trades_read"]
    events = [pl.read_parquet(tmp_path / name / "events.parquet") for name in ("whole", "late")]
    tail = events[0].filter(pl.col("known_at") >= START + 2 * DAY_US)
    same = ["known_at", "direction", "price", "strength"]
    assert tail.select(same).equals(events[1].select(same))


def test_the_three_policies_and_the_hash(lake, tmp_path):
    queue = backtest(lake, request(), tmp_path / "queue")
    config = replace(request().config, fills=FillPolicy.TOUCH)
    touch = backtest(lake, request(config=config), tmp_path / "touch")
    assert touch["band"] == queue["band"]
    assert touch["net_pnl"] == queue["band"]["touch"]["net_pnl"]
    assert touch["result_hash"] != queue["result_hash"]


def test_the_hash_is_of_inputs_and_results_not_of_code(lake, tmp_path, monkeypatch):
    before = backtest(lake, request(), tmp_path / "before")
    monkeypatch.setattr("orderflow_bt.run.folder.kernel_hash", lambda: "another compiler")
    after = backtest(lake, request(), tmp_path / "after")
    assert after["result_hash"] == before["result_hash"]
    manifest = json.loads((tmp_path / "after" / "manifest.json").read_text())
    assert manifest["code"]["kernels"] == "another compiler"
    assert manifest["result_hash"] == before["result_hash"]


def test_a_missing_day_is_refused_unless_accepted(lake, tmp_path):
    beyond = request(end=START + (DAYS + 1) * DAY_US)
    with pytest.raises(CoverageError, match=r"1 of 4 days .* 2026-01-09"):
        backtest(lake, beyond, tmp_path / "refused")
    assert not (tmp_path / "refused").exists()
    metrics = backtest(lake, replace(beyond, accept_gaps=True), tmp_path / "accepted")
    assert metrics["coverage"]["missing_days"] == ["2026-01-09"]


def test_a_symbol_that_is_not_stored_gets_a_suggestion(lake, tmp_path):
    with pytest.raises(CoverageError, match=r"Did you mean SIMUSDT\? Get them: "):
        backtest(lake, request(tape=replace(TAPE, symbol="SIMUSD")), tmp_path / "a")


def test_a_day_beyond_what_is_stored_is_told_what_is(lake, tmp_path):
    year = 366 * DAY_US
    late = request()
    late = replace(late, start=late.start + year, end=late.end + year)
    with pytest.raises(CoverageError, match=r"The lake has it from 2026-\S+ to 2026-\S+\. Get"):
        backtest(lake, late, tmp_path / "a")


def test_an_existing_folder_is_not_overwritten(lake, tmp_path):
    with pytest.raises(OrderflowError, match="exists already"):
        backtest(lake, request(), tmp_path)


def test_nothing_is_left_of_a_run_that_cannot_be_written(lake, tmp_path, monkeypatch):
    def full(*args, **kwargs):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("pyarrow.parquet.ParquetWriter.write_table", full)
    with pytest.raises(OrderflowError, match="No space left"):
        backtest(lake, request(), tmp_path / "run")
    assert list(tmp_path.iterdir()) == []


def test_runs_of_one_pass_are_what_each_is_alone(lake, tmp_path):
    other = request(parameters={"aim": "r", "pivot": 3})
    late = request(config=SimConfig(seed=9))
    alone = [
        backtest(lake, asked, tmp_path / f"alone-{n}") for n, asked in enumerate((request(), other))
    ]
    asked = [(request(), tmp_path / "a"), (other, tmp_path / "b"), (late, tmp_path / "c")]
    together = backtests(lake, asked)
    assert together[:2] == alone
    for name, folder in (("a", "alone-0"), ("b", "alone-1")):
        for path in sorted((tmp_path / folder).rglob("*.parquet")):
            kept = tmp_path / name / path.relative_to(tmp_path / folder)
            assert path.read_bytes() == kept.read_bytes(), path.name


def test_a_run_that_fails_leaves_the_others_alone(lake, tmp_path):
    class Faulty(Strategy):
        bars: BarSpec = param(time_bars("1h"), help="bars")

        def on_bar(self, spec, bar, market, broker):
            raise ValueError("no")

    faulty = request(name="faulty", strategy=Faulty, parameters={})
    bad, good = backtests(lake, [(faulty, tmp_path / "bad"), (request(), tmp_path / "good")])
    assert isinstance(bad, PluginError)
    assert "Faulty.on_bar raised ValueError" in str(bad)
    assert not (tmp_path / "bad").exists()
    assert (tmp_path / "bad.failed").is_dir()
    assert good == backtest(lake, request(), tmp_path / "again")


def test_runs_of_one_pass_share_the_window(lake, tmp_path):
    early = request(end=START + DAY_US)
    with pytest.raises(UsageError, match="share"):
        backtests(lake, [(request(), tmp_path / "a"), (early, tmp_path / "b")])


def test_a_strategy_is_shown_beside_the_variants_it_names(lake, tmp_path):
    class Aims(DeltaDivergenceFade):
        comparisons: ClassVar = {"farther": {"target_r": 3.0}, "itself": {"target_r": 2.0}}

    parameters = {"aim": "r", "location": "any"}
    alone = [
        backtest(lake, request(parameters=parameters | more), tmp_path / f"alone-{k}")
        for k, more in enumerate(({}, {"target_r": 3.0}))
    ]
    metrics = backtest(lake, request(strategy=Aims, parameters=parameters), tmp_path / "aims")
    assert list(metrics["comparisons"]) == ["farther"]  # itself would be the same run again
    assert metrics["net_pnl"] == alone[0]["net_pnl"]
    assert alone[0]["round_trips"] > 0
    farther = metrics["comparisons"]["farther"]
    assert farther["net_pnl"] == alone[1]["net_pnl"] != alone[0]["net_pnl"]
    assert farther["expectancy_r"] == pytest.approx(alone[1]["expectancy_r"])


def test_a_grid_lives_through_other_latencies_and_later_starts(lake, tmp_path, capsys):
    parameters = {"aim": "r", "location": "any"}
    plain = backtest(lake, request(parameters=parameters), tmp_path / "plain")
    metrics = backtest(lake, request(parameters=parameters, grid=True), tmp_path / "grid")
    assert "grid" not in plain
    page = (Path(__file__).parents[2] / "docs" / "metrics.md").read_text(encoding="utf-8")
    assert [key for key in metrics if f"`{key}`" not in page] == []
    grid = metrics.pop("grid")
    assert metrics == plain  # the run itself knows nothing of it
    assert [row["ms"] for row in grid["latency"]] == [0, 50, 100, 250, 500, 1000]
    own = {row["ms"]: row for row in grid["latency"]}
    assert [ms for ms, row in own.items() if row["is_run"]] == [100]
    assert own[100]["net_pnl"] == pytest.approx(plain["trips_net_pnl"])
    assert own[100]["expectancy"] == pytest.approx(plain["expectancy"])
    slow = replace(request().config.with_latency(1_000_000))
    alone = backtest(lake, request(parameters=parameters, config=slow), tmp_path / "slow")
    assert own[1000]["round_trips"] == alone["round_trips"]
    assert own[1000]["net_pnl"] == pytest.approx(alone["trips_net_pnl"])
    assert own[1000]["net_pnl"] != own[100]["net_pnl"]
    later = grid["later"]  # of three days, a day would be too much
    assert [row["us"] for row in later] == [HOUR_US, 6 * HOUR_US]
    trips = pl.read_parquet(tmp_path / "plain" / "round_trips.parquet").filter(~pl.col("is_open"))
    for row in later:
        kept = trips.filter(pl.col("entry_time") >= request().start + row["us"])
        assert row["same_net"] == pytest.approx(float(kept["net_pnl"].sum() or 0))
    page = build(tmp_path / "grid").read_text()
    assert "With this latency of every message" in page
    assert "100 ms, this run" in page
    assert page.count("--grid") == 1  # in the line that makes it again
    assert "run with --grid" in build(tmp_path / "plain").read_text()
    print_summary(plain)
    assert "latency" not in capsys.readouterr().out
    print_summary(metrics | {"grid": grid})
    told = " ".join(capsys.readouterr().out.split())
    assert f"1,000 ms {money(own[1000]['net_pnl'])} begun later by 1 h" in told
    assert f"by 6 h {money(later[1]['net_pnl'])} (of this run from then on" in told


def typed(lake, monkeypatch, *words, days=("--from", "2026-01-06", "--to", "2026-01-06")):
    """What came of `run` with these words, on one day."""
    monkeypatch.setattr(options.settings, "data", str(lake.root))
    program = typer.Typer()
    program.command()(run_command.command)
    return CliRunner().invoke(program, [*words, *days])


@pytest.mark.parametrize("name", ["mine.py", "mine.py:Mine"])
def test_the_line_that_makes_a_run_again_does(lake, tmp_path, monkeypatch, name):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(run_command.Reports, "wait", lambda *_: None)
    Path("mine.py").write_text(
        "from strategies.absorption import AbsorptionReversal\n\n\n"
        "class Mine(AbsorptionReversal):\n    again = 5\n"
    )
    typed(lake, monkeypatch, name, "SIMUSDT", "--fees", "0,0", "--out", "first")
    first = json.loads(Path("first/manifest.json").read_text())
    words = command_line(first, has_gaps=False).split()
    assert words[:3] == ["orderflow-bt", "run", name]
    typed(lake, monkeypatch, *words[2:], "--out", "again", days=())
    assert Path("again/manifest.json").read_text() == Path("first/manifest.json").read_text()


def test_a_symbol_that_is_not_stored_is_refused_before_the_first_run(lake, tmp_path, monkeypatch):
    out = tmp_path / "runs"
    told = typed(lake, monkeypatch, "delta_divergence", "SIMUSDT", "SIMUSD", "--out", str(out))
    assert isinstance(told.exception, CoverageError)
    assert not out.exists()


def test_several_runs_end_with_the_line_that_lays_them_side_by_side(lake, tmp_path, monkeypatch):
    monkeypatch.setattr(run_command.Reports, "wait", lambda *_: None)
    monkeypatch.setattr(run_command.Reports, "begin", lambda *_: None)
    out = tmp_path / "runs"
    told = typed(lake, monkeypatch, "delta_divergence,absorption", "SIMUSDT", "--out", str(out))
    folders = " ".join(str(out / f"{name}-SIMUSDT") for name in ("delta_divergence", "absorption"))
    line = f"orderflow-bt --data {lake.root} report {folders}"
    assert told.stderr.splitlines()[-1] == f"side by side: {line}"


def test_who_closes_the_pipe_early_still_has_the_report(lake, tmp_path, monkeypatch):
    def seen_enough(metrics):
        raise BrokenPipeError

    monkeypatch.setattr(run_command, "print_summary", seen_enough)
    told = typed(lake, monkeypatch, "delta_divergence", "SIMUSDT", "--out", str(tmp_path / "cut"))
    assert isinstance(told.exception, BrokenPipeError)
    assert (tmp_path / "cut" / "report.html").is_file()
