"""``events``, ``detectors`` and ``new``: what they print and write."""

from __future__ import annotations

import csv
import datetime as dt
import io
import json
import subprocess
import sys

import pytest
from typer.testing import CliRunner

from orderflow_bt.cli import app
from orderflow_bt.synth import SimulatedMarket, store_market

HEADER = "known_at,detector,kind,direction,state,price_low,price_high,strength,id"
DAY = "2024-01-02"


@pytest.fixture(scope="module")
def lake(tmp_path_factory):
    folder = tmp_path_factory.mktemp("events")
    market = SimulatedMarket(seed=5, days=2, start=dt.date(2024, 1, 1), trades_per_day=20_000)
    store_market(market, folder / "lake")
    return folder / "lake", market.symbol


def invoke(lake, *words):
    folder, symbol = lake
    return CliRunner().invoke(app, ["--data", str(folder), "events", symbol, *words])


def events(lake, *words, first=DAY, last=DAY):
    line = ["--detector", "delta_divergence", "--from", first, "--to", last]
    result = invoke(lake, *line, "--format", "csv", *words)
    assert result.exit_code == 0, result.output
    return result


def test_csv_begins_with_the_promised_columns_and_exact_prices(lake):
    text = events(lake).stdout
    assert text.splitlines()[0].startswith(HEADER)
    rows = list(csv.DictReader(io.StringIO(text)))
    assert rows
    for number, row in enumerate(rows):
        assert row["known_at"].startswith(DAY)
        assert row["known_at"].endswith("Z")
        assert row["detector"] == "delta_divergence"
        assert row["direction"] in {"1", "-1"}
        assert len(row["price_low"].partition(".")[2]) == 1
        assert float(row["strength"]) >= 1
        assert int(row["id"]) == number


def test_the_look_back_is_read_so_that_a_windows_start_changes_nothing(lake):
    whole = list(csv.DictReader(io.StringIO(events(lake).stdout)))
    late = list(csv.DictReader(io.StringIO(events(lake, first=f"{DAY}T12:00").stdout)))
    for row in [*whole, *late]:
        del row["id"]
        details = dict(item.split("=") for item in row["details"].split())
        gained = int(details.pop("cvd2")) - int(details.pop("cvd1"))  # the level is arbitrary
        row["details"] = (gained, details)
    assert late == [row for row in whole if row["known_at"] >= f"{DAY}T12:00"]


def test_missing_look_back_is_told(lake):
    assert "are not in the lake: early events may differ" in events(lake, first="2024-01-01").stderr
    assert not events(lake).stderr


def test_parameters_change_what_is_seen_and_typos_are_told(lake):
    few = events(lake, "--param", "margin=5").stdout.splitlines()
    assert len(few) < len(events(lake).stdout.splitlines())
    line = ["--detector", "delta_divergence", "--from", DAY, "--to", DAY]
    wrong = invoke(lake, *line, "--param", "margn=5")
    assert wrong.exit_code == 2
    assert "Did you mean 'margin'" in " ".join(wrong.output.split())
    wrong = invoke(lake, "--detector", "delta_divergense", "--from", DAY, "--to", DAY)
    assert wrong.exit_code == 2
    assert "no detector is called" in wrong.output


def test_rows_may_be_left_to_the_day_before(lake):
    line = ["--detector", "imbalance_zones", "--from", DAY, "--to", DAY, "--format", "csv"]
    folder, symbol = lake
    bars = ["bars", symbol, "--bars", "5m", "--from", DAY, "--to", DAY, "--footprint"]
    told = CliRunner().invoke(app, ["--data", str(folder), *bars, "--ticks-per-row", "auto"])
    ticks = told.stderr.split()[0]
    auto = invoke(lake, *line, "--param", "ticks_per_row=auto")
    assert auto.exit_code == 0, auto.output
    assert auto.stdout == invoke(lake, *line, "--param", f"ticks_per_row={ticks}").stdout
    wrong = ["--detector", "big_trades", "--from", DAY, "--to", DAY]
    refused = invoke(lake, *wrong, "--param", "ticks_per_row=auto")
    assert refused.exit_code == 2
    assert "has no rows that could be chosen" in " ".join(refused.output.split())


def test_other_formats(lake, tmp_path):
    import pyarrow.parquet as pq

    line = ["--detector", "delta_divergence", "--from", DAY, "--to", DAY]
    found = json.loads(invoke(lake, *line, "--format", "json").stdout)
    assert invoke(lake, *line, "--out", str(tmp_path / "e.parquet")).exit_code == 0
    table = pq.read_table(tmp_path / "e.parquet").to_pylist()
    assert len(found) == len(table) > 0
    assert found[0]["direction"] == table[0]["direction"]
    assert "delta_divergence" in invoke(lake, *line).stdout


def test_detectors_lists_and_describes():
    assert "delta_divergence" in CliRunner().invoke(app, ["detectors"]).stdout
    told = CliRunner().invoke(app, ["detectors", "delta_divergence"]).stdout
    assert "margin = 0.25 (>= 0)" in told
    schema = CliRunner().invoke(app, ["detectors", "delta_divergence", "--json"]).stdout
    assert json.loads(schema)["properties"]["margin"]["minimum"] == 0


@pytest.mark.parametrize("family", ["strategy", "detector"])
def test_a_new_plugin_passes_its_test_and_is_never_overwritten(family, tmp_path, lake):
    line = ["new", family, "quiet_turn", "--out", str(tmp_path)]
    result = CliRunner().invoke(app, line)
    assert result.exit_code == 0, result.output
    files = sorted(tmp_path.glob("*.py"))
    assert [file.name for file in files] == ["quiet_turn.py", "test_quiet_turn.py"]
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-W", "error", "-p", "no:cacheprovider", "."],
        cwd=tmp_path, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    assert f"{3 if family == 'strategy' else 2} passed" in done.stdout
    files[0].write_text("mine")
    again = CliRunner().invoke(app, line)
    assert again.exit_code == 2
    assert "exists already" in again.output
    assert files[0].read_text() == "mine"
    if family == "detector":
        CliRunner().invoke(app, ["new", family, "other", "--out", str(tmp_path)])
        mine = ["--detector", str(tmp_path / "other.py"), "--from", DAY, "--to", DAY]
        assert invoke(lake, *mine, "--format", "csv").stdout.startswith(HEADER)


@pytest.mark.parametrize("name", ["2fast", "a-b", "class", "Loud"])
def test_a_name_must_be_one(name, tmp_path):
    result = CliRunner().invoke(app, ["new", "strategy", name, "--out", str(tmp_path)])
    assert result.exit_code == 2
    assert "cannot be a plugin's name" in result.output
