"""The demo: the whole road in one command, said to be simulated, the same every time."""

from __future__ import annotations

import json
import re

import polars as pl
import pytest
from typer.testing import CliRunner

from orderflow_bt.cli import app

runner = CliRunner()


@pytest.fixture(scope="module")
def demo(tmp_path_factory):
    folder = tmp_path_factory.mktemp("demo") / "out"
    result = runner.invoke(app, ["demo", "--out", str(folder), "--days", "4"])
    assert result.exit_code == 0, result.output
    return folder, result


def test_it_says_that_the_market_is_simulated_and_what_to_type_next(demo):
    _, result = demo
    assert "SIMULATED" in result.stderr
    assert "Simulated market." in result.stdout
    assert "orderflow-bt download BTCUSDT --market um --from 2024-01-01" in result.stderr
    assert re.search(
        r"\$ orderflow-bt --data \S+ download SIMUSDT .*--source http://127", result.stderr
    )


def test_it_leaves_a_lake_a_run_folder_and_a_report(demo):
    folder, result = demo
    days = sorted((folder / "data").glob("exchange=binance/**/date=*/part.parquet"))
    assert len(days) == 4
    run = folder / "runs" / "delta_divergence-SIMUSDT"
    assert len(list((folder / "runs").iterdir())) == 5
    assert f"report: {run / 'report.html'}" in result.stdout
    page = (run / "report.html").read_text(encoding="utf-8")
    assert "Simulated market" in page
    assert "http://" not in page
    metrics = json.loads((run / "metrics.json").read_text())
    assert metrics["coverage"]["days_with_data"] == 3
    assert metrics["trades_read"] > 500_000


def test_the_commands_it_shows_are_the_ones_it_runs(demo, tmp_path):
    """Typing its second command again, into another folder, gives the same files."""
    folder, result = demo
    shown = re.search(r"\$ orderflow-bt (.* run .*)", result.stderr)[1].split()
    again = tmp_path / "again"
    shown[shown.index("--out") + 1] = str(again)
    assert runner.invoke(app, shown).exit_code == 0
    for path in sorted((folder / "runs").rglob("*")):
        if path.is_file():
            kept = again / path.relative_to(folder / "runs")
            assert path.read_bytes() == kept.read_bytes(), path.name


def test_run_prints_its_metrics_as_json(demo, tmp_path):
    folder, _ = demo
    line = ["--data", str(folder / "data"), "run", "delta_divergence", "SIMUSDT", "--json"]
    line += ["--from", "2026-01-06", "--to", "2026-01-06T12:00", "--out", str(tmp_path / "run")]
    result = runner.invoke(app, line)
    assert result.exit_code == 0, result.output
    told = json.loads(result.stdout)
    assert told == json.loads((tmp_path / "run" / "metrics.json").read_text())
    wanted = {
        "result_hash", "round_trips", "fills", "net_pnl", "fees", "funding", "max_drawdown",
        "sharpe", "coverage", "trades_read",
    }  # fmt: skip
    assert wanted <= told.keys()


def test_several_strategies_get_a_folder_each(demo, tmp_path):
    folder, _ = demo
    own = tmp_path / "quiet.py"
    own.write_text("from orderflow_bt import Strategy\nclass Quiet(Strategy):\n    '''Waits.'''\n")
    line = ["--data", str(folder / "data"), "run", f"delta_divergence,{own}", "SIMUSDT"]
    line += ["--from", "2026-01-06", "--to", "2026-01-06", "--out", str(tmp_path / "runs")]
    result = runner.invoke(app, line)
    assert result.exit_code == 0, result.output
    assert sorted(path.name for path in (tmp_path / "runs").iterdir()) == [
        "delta_divergence-SIMUSDT",
        "quiet-SIMUSDT",
    ]


def test_a_plugin_that_raises_is_named_and_leaves_what_it_had_apart(demo, tmp_path):
    folder, _ = demo
    own = tmp_path / "faulty.py"
    own.write_text(
        "from orderflow_bt import BarSpec, Strategy, param, time_bars\n"
        "class Faulty(Strategy):\n"
        "    bars: BarSpec = param(time_bars('5m'))\n"
        "    def on_bar(self, spec, bar, market, broker):\n"
        "        if market.position.is_flat:\n"
        "            broker.market(1, 5)\n"
        "        else:\n"
        "            1 / 0\n"
    )
    line = ["--data", str(folder / "data"), "run", str(own), "SIMUSDT"]
    line += ["--from", "2026-01-06", "--to", "2026-01-06", "--out", str(tmp_path / "run")]
    result = runner.invoke(app, line)
    assert result.exit_code == 1
    told = " ".join(result.stderr.split())
    assert "Faulty.on_bar raised ZeroDivisionError" in told
    assert "faulty.py:8, in the bar that opened at 2026-01-06T00:0" in told
    assert "Traceback" not in told
    assert not (tmp_path / "run").exists()
    kept = tmp_path / "run.failed"
    assert f"What the run had until then: {kept}" in told
    failure = json.loads((kept / "failure.json").read_text())
    assert failure["what"] == "Faulty.on_bar raised ZeroDivisionError: division by zero"
    assert failure["trades_read"] >= 0
    assert failure["inputs"]["strategy"]["name"] == "faulty"
    assert pl.read_parquet(kept / "fills.parquet").height == 1
    for command in (["report"],):
        again = runner.invoke(app, [*command, str(kept)])
        assert again.exit_code == 2
    assert runner.invoke(app, line).exit_code == 1, "a second failure does not meet the first"
    assert (tmp_path / "run.failed-2").is_dir()


def test_an_interrupted_run_leaves_nothing(demo, tmp_path, monkeypatch):
    def interrupted(*_):
        raise KeyboardInterrupt

    folder, _ = demo
    monkeypatch.setattr("orderflow_bt.sim.Session.feed", interrupted)
    line = ["--data", str(folder / "data"), "run", "delta_divergence", "SIMUSDT"]
    line += ["--from", "2026-01-06", "--to", "2026-01-06", "--out", str(tmp_path / "run")]
    assert runner.invoke(app, line).exit_code == 130
    assert list(tmp_path.iterdir()) == []
