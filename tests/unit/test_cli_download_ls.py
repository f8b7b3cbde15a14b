"""What a trader reads when downloading and listing."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import replace

import pytest
from archive_days import DAY, HEADER, UM, agg_rows, csv_text, days, put_day
from typer.testing import CliRunner

from orderflow_bt.cli import app
from orderflow_bt.store import Lake


@pytest.fixture
def run(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)

    def run(*words):
        return CliRunner().invoke(app, ["--data", "lake", *words])

    return run


def download(run, last="2024-01-03", *more):
    return run(
        "download", "ABCUSDT", "--from", "2024-01-01", "--to", last, "--source", "archive", *more
    )


def test_a_download_a_second_one_and_a_list(run, tmp_path):
    for date in days(3):
        put_day(
            tmp_path / "archive",
            date=date,
            text=csv_text(agg_rows(date, 50, 1 + 50 * (date - DAY).days)),
        )
    first = download(run)
    assert first.exit_code == 0, first.output
    assert "ABCUSDT (binance um aggTrades): 3 of 3 days in the lake (150 trades" in first.stdout
    assert "bytes a trade" in first.stdout
    assert (
        "next: orderflow-bt --data lake bars ABCUSDT --market um --bars 5m "
        "--from 2024-01-01 --to 2024-01-03" in first.stdout
    )
    assert "2024-01-02 ABCUSDT stored, 50 trades" in first.stderr
    second = download(run)
    assert second.exit_code == 0
    assert "nothing to do: all 3 days are in the lake" in second.stdout
    listed = run("ls")
    header, line = listed.stdout.splitlines()
    assert header.split()[:4] == ["symbol", "exchange", "market", "kind"]
    assert line.split()[:8] == [
        "ABCUSDT", "binance", "um", "aggTrades", "2024-01-01", "2024-01-03", "3", "150",
    ]  # fmt: skip
    assert line.split()[-3:] == ["0", "0", "0"]
    assert len(run("ls", "abcusdt").stdout.splitlines()) == 4
    (tape,) = json.loads(run("ls", "--json").stdout)
    assert (tape["days"], tape["rows"], tape["missing_days"]) == (3, 150, [])
    assert [d["date"] for d in json.loads(run("ls", "ABCUSDT", "--json").stdout)] == [
        str(date) for date in days(3)
    ]


def test_a_missing_day_fails_after_storing_the_others(run, tmp_path):
    put_day(tmp_path / "archive", date=days(3)[0])
    put_day(tmp_path / "archive", date=days(3)[2])
    result = download(run)
    assert result.exit_code == 1
    assert "2 of 3 days in the lake" in result.stdout
    assert "missing        2024-01-02" in result.stdout
    assert "error: 1 of 3 days is not in the lake: 1 missing in the archive" in result.stderr
    assert result.output.count("the archive has no file of 2024-01-02") == 1
    assert result.output.count("2024-01-02 ABCUSDT missing") == 1
    assert Lake(tmp_path / "lake").dates(UM) == [days(3)[0], days(3)[2]]
    (tape,) = json.loads(run("ls", "--json").stdout)
    assert tape["missing_days"] == ["2024-01-02"]


def test_several_reasons_are_tallied(run, tmp_path):
    put_day(tmp_path / "archive", text=HEADER)
    result = download(run)
    assert result.exit_code == 1
    assert "3 of 3 days are not in the lake: 2 missing in the archive, 1 failed" in result.stderr


def test_defects_are_said(run, tmp_path):
    rows = agg_rows()
    put_day(tmp_path / "archive", text=csv_text([*rows[:10], *rows[12:], rows[-1]]))
    result = download(run, "2024-01-01")
    assert result.exit_code == 0
    assert "places where trades are missing: 1" in result.stdout
    assert "2 ids are missing" in result.stdout
    assert "exact duplicates, dropped: 1" in result.stdout


def test_json_lists_every_day(run, tmp_path):
    put_day(tmp_path / "archive", digest="0" * 64)
    result = download(run, "2024-01-01", "--json", "--accept-bad-checksum")
    (day,) = json.loads(result.stdout)
    assert (day["status"], day["checksum"], day["rows"]) == ("stored", "mismatch", 50)


def test_a_source_that_is_none(run):
    result = download(run)
    assert result.exit_code == 2
    assert "'archive' is not a folder laid out like the archive" in result.stderr


def test_an_empty_lake_says_what_to_type(run):
    result = run("ls")
    assert result.exit_code == 0
    assert "orderflow-bt --data lake download" in result.stdout
    assert run("ls", "--json").stdout.strip() == "[]"
    assert "orderflow-bt --data lake download" in run("ls", "ABCUSDT").stderr


def test_an_unknown_symbol_is_answered_with_the_known(run, tmp_path):
    put_day(tmp_path / "archive")
    download(run, "2024-01-01")
    result = run("ls", "XYZ")
    assert result.exit_code == 1
    assert "Stored symbols: ABCUSDT" in result.stderr


def test_help_loads_nothing_heavy():
    heavy = {"numba", "polars", "pyarrow", "duckdb", "matplotlib", "requests", "filelock"}
    code = (
        "import sys; from orderflow_bt.cli import download, ls; "
        f"print(sorted({heavy!r} & set(sys.modules)))"
    )
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert out.stdout.strip() == "[]"


def test_the_bar_of_a_terminal(capsys):
    from orderflow_bt.cli.progress import terminal_progress
    from orderflow_bt.errors import MissingDayError
    from orderflow_bt.ingest import DayResult

    with terminal_progress(2) as bar:
        bar.received(1000)
        bar.finished(DayResult(UM, DAY, "stored"))
        bar.finished(DayResult(UM, DAY, "missing", error=MissingDayError("no such file")))
    captured = capsys.readouterr()
    assert captured.out == ""
    assert "2024-01-01 missing" in captured.err


def test_rows_and_the_time_left_on_a_terminal(tmp_path):
    from io import StringIO

    from rich.console import Console
    from rich.progress import Progress, TextColumn

    from orderflow_bt.archive import open_source
    from orderflow_bt.cli.progress import TerminalProgress
    from orderflow_bt.ingest import download

    for date in days(2):
        put_day(tmp_path / "archive", date=date)
    source, lake = open_source(str(tmp_path / "archive")), Lake(tmp_path / "lake")
    there, *_ = download(lake, UM, [DAY], source)
    now = [100.0]
    shown = Progress(
        TextColumn("{task.fields[rows]} {task.fields[left]}"), console=Console(file=StringIO())
    )
    progress = TerminalProgress(
        5, shown, Progress(console=Console(file=StringIO())), lambda: now[0]
    )
    progress.received(10)
    progress.finished(replace(there, status="present"))
    assert progress.time_left() == ""
    now[0] = 130.0
    (stored,) = download(lake, UM, [days(2)[1]], source)
    progress.finished(stored)
    assert progress.time_left() == "0:01:30 left"
    (task,) = shown.tasks
    assert (task.completed, task.fields["rows"]) == (2, "50 rows")


@pytest.mark.parametrize(("told", "used"), [(None, "system"), ("mimalloc", "mimalloc")])
def test_a_download_takes_memory_from_the_system_unless_told_otherwise(told, used, tmp_path):
    put_day(tmp_path / "archive")
    words = ["download", "ABCUSDT", "--from", str(DAY), "--to", str(DAY), "--source", "archive"]
    code = (
        "import sys; from orderflow_bt.cli import app\n"
        f"app({['--data', 'lake', *words]!r}, standalone_mode=False)\n"
        "import pyarrow; print(pyarrow.default_memory_pool().backend_name)"
    )
    environment = {k: v for k, v in os.environ.items() if k != "ARROW_DEFAULT_MEMORY_POOL"}
    environment |= {"ARROW_DEFAULT_MEMORY_POOL": told} if told else {}
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=tmp_path,
        env=environment,
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.splitlines()[-1] == used
