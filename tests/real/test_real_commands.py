"""The commands a user types, on real trades laid out as the archive."""

from __future__ import annotations

import csv
import io
import json

import pytest
from typer.testing import CliRunner

from orderflow_bt.cli import app

pytestmark = pytest.mark.real
runner = CliRunner()

TAPES = [
    ("XRPETH", "spot", "2019-10-11", "2019-10-13", 12_477),
    ("LTCUSDT", "spot", "2025-06-21", "2025-06-21", 49_836),
    ("NEXOUSDT", "spot", "2024-07-23", "2024-07-24", 7_489),
    ("BTCUSDT", "spot", "2023-04-04", "2023-04-05", None),
    ("BTCUSDT", "um", "2023-04-04", "2023-04-05", None),
    ("BTCUSD_PERP", "cm", "2024-08-08", "2024-08-09", 1_092),
]


@pytest.fixture(scope="module")
def told(real_mirror, tmp_path_factory):
    lake = tmp_path_factory.mktemp("lake")

    def type_in(*arguments):
        return runner.invoke(app, ["--data", str(lake), *arguments])

    for symbol, market, first, last, _ in TAPES:
        line = ["download", symbol, "--market", market, "--from", first, "--to", last]
        result = type_in(*line, "--source", str(real_mirror))
        assert result.exit_code == 0, result.output
    return type_in


def test_ls_shows_every_tape(told):
    rows = json.loads(told("ls", "--json").stdout)
    by_tape = {(row["symbol"], row["market"]): row for row in rows}
    for symbol, market, first, last, count in TAPES:
        row = by_tape[symbol, market]
        assert (row["first"], row["last"]) == (first, last)
        assert count is None or row["rows"] == count


@pytest.mark.parametrize(("symbol", "market", "first", "last", "_count"), TAPES)
def test_bars_print_the_contracts_columns(told, symbol, market, first, last, _count):
    line = ["bars", symbol, "--market", market, "--bars", "1m", "--from", first, "--to", last]
    result = told(*line, "--format", "csv")
    assert result.exit_code == 0, result.output
    rows = list(csv.DictReader(io.StringIO(result.stdout)))
    assert ",".join(rows[0]) == (
        "open_time,close_time,open,high,low,close,volume,quote_volume,count,buy_volume,"
        "sell_volume,delta,min_delta,max_delta,vwap,poc,status"
    )
    assert rows[0]["open_time"].startswith(first)
    assert {row["status"] for row in rows} <= {"ok", "empty", "gap"}
    assert any(row["status"] == "gap" for row in rows) == (symbol == "LTCUSDT")


def test_a_run_makes_a_report(told, tmp_path):
    line = ["run", "delta_divergence", "XRPETH", "--market", "spot"]
    line += ["--from", "2019-10-11", "--to", "2019-10-13"]
    result = told(*line, "--out", str(tmp_path / "a"))
    assert result.exit_code == 0, result.output
    assert "events" in result.stdout
    assert (tmp_path / "a" / "report.html").read_text(encoding="utf-8").count("target under 1.5 R")
    again = told(*line, "--out", str(tmp_path / "b"))
    assert again.exit_code == 0
    for path in sorted((tmp_path / "a").rglob("*")):
        if path.is_file():
            other = tmp_path / "b" / path.relative_to(tmp_path / "a")
            assert path.read_bytes() == other.read_bytes(), path.name


def test_lost_trades_stop_a_run_unless_accepted(told, tmp_path):
    line = ["run", "delta_divergence", "LTCUSDT", "--market", "spot"]
    line += ["--from", "2025-06-21", "--to", "2025-06-21", "--out", str(tmp_path / "run")]
    refused = told(*line)
    assert refused.exit_code == 1
    assert "165 trades missing" in " ".join(refused.stderr.split())
    accepted = told(*line, "--accept-gaps")
    assert accepted.exit_code == 0
    assert "165 trades missing" in " ".join(accepted.stdout.split())


def test_a_missing_day_is_said_and_the_others_stay(told, real_mirror):
    line = ["download", "BTCUSDT", "--market", "um", "--from", "2023-04-05", "--to", "2023-04-06"]
    result = told(*line, "--source", str(real_mirror))
    assert result.exit_code == 1
    assert "no file of 2023-04-06" in " ".join(result.output.split())


@pytest.mark.parametrize(("symbol", "market", "first", "last", "_count"), TAPES)
def test_every_strategy_runs_and_its_report_is_whole(
    told, tmp_path, symbol, market, first, last, _count
):
    names = ["absorption", "confluence", "delta_divergence", "imbalance_retest", "poc_retest"]
    line = ["run", ",".join(names), symbol, "--market", market, "--from", first, "--to", last]
    result = told(*line, "--fees", "0,0", "--accept-gaps", "--out", str(tmp_path / "runs"))
    assert result.exit_code == 0, result.output
    for name in names:
        folder = tmp_path / "runs" / f"{name}-{symbol}"
        metrics = json.loads((folder / "metrics.json").read_text())
        page = (folder / "report.html").read_text()
        assert page.rstrip().endswith("</html>")
        assert metrics["verdict"]["headline"] in page.replace("&#39;", "'")
        assert metrics["trades_read"] > 0
        if symbol == "LTCUSDT":
            assert metrics["coverage"]["gaps"] == 16
            assert "165" in page
