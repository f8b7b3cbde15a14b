"""The doctor finds what needs care, and changes nothing."""

from __future__ import annotations

import json

import pytest
from archive_days import DAY, UM, agg_rows, csv_text, days, put_day
from typer.testing import CliRunner

from orderflow_bt.archive import open_source
from orderflow_bt.cli import app, doctor
from orderflow_bt.ingest import download
from orderflow_bt.store import Lake


@pytest.fixture
def lake(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    put_day(tmp_path / "archive")
    rows = agg_rows(days(2)[1], 50, 51)
    put_day(tmp_path / "archive", date=days(2)[1], text=csv_text(rows[:20] + rows[22:]))
    lake = Lake(tmp_path / "lake")
    download(lake, UM, days(2), open_source(str(tmp_path / "archive")))
    return lake


def run(*words):
    return CliRunner().invoke(app, ["--data", "lake", "doctor", *words])


def files(lake):
    return {path: path.stat().st_mtime_ns for path in lake.root.rglob("*")}


def test_a_healthy_lake(lake):
    before = files(lake)
    result = run()
    assert result.exit_code == 0, result.output
    assert "orderflow-bt 0." in result.stdout
    assert "pyarrow" in result.stdout
    assert "compiled kernels: " in result.stdout
    assert "2 days of tapes (version 1: 2), 0 files of series" in result.stdout
    assert (
        "ABCUSDT (binance um aggTrades): 1 day has defects. orderflow-bt --data lake audit"
        in result.stdout
    )
    assert files(lake) == before


def test_leftovers_and_unreadable_files(lake):
    (lake.incoming / "binance-um-X-aggTrades-2024-01-01.zip.part").write_bytes(b"half")
    path = lake.day_path(UM, DAY)
    path.write_bytes(path.read_bytes()[:-9])
    result = run("--json")
    assert result.exit_code == 3
    found = json.loads(result.stdout)
    assert not found["healthy"]
    troubles = [f["what"] for f in found["findings"] if f["state"] == "trouble"]
    assert len(troubles) == 2
    assert "1 file left by interrupted downloads" in troubles[0]
    assert path.relative_to(lake.root).as_posix() in troubles[1]


def test_a_file_that_is_being_written_is_no_leftover(lake):
    part = lake.incoming_path(UM, days(3)[2], ".zip.part")
    part.write_bytes(b"half")
    with lake.lock(UM, days(3)[2]):
        result = run()
    assert result.exit_code == 0
    assert "1 file being written at this moment" in result.stdout


def test_no_lake_yet(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    result = run()
    assert result.exit_code == 0
    assert "there is no lake at lake yet" in result.stdout
    assert not (tmp_path / "lake").exists()


def test_packages_that_are_old_or_absent(monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    wanted = ["numpy>=999", "no-such-package>=1", "polars>=1.12"]
    wanted += ["optional-thing>=2; extra == 'sweep'", "dev-thing; extra == 'dev'"]
    monkeypatch.setattr(doctor, "_requirements", lambda: wanted)
    result = run()
    assert result.exit_code == 3
    assert "is older than 999" in result.stdout
    assert "no-such-package is not installed" in result.stdout
    assert "pip install 'orderflow-bt[sweep]'" in result.stdout
    assert "dev-thing" not in result.stdout


def test_a_cache_that_cannot_be_kept(monkeypatch, lake):
    from orderflow_bt.kernels import _jit

    monkeypatch.setattr(_jit, "cache_folder", lambda: None)
    result = run()
    assert result.exit_code == 3
    assert "ORDERFLOW_BT_CACHE_DIR" in result.stdout
