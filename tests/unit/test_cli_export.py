"""A run's tables for other programs: plain units, and a series of returns."""

from __future__ import annotations

import csv
import math
from decimal import Decimal

import polars as pl
import pytest
from run_folders import build_run_folder
from typer.testing import CliRunner

from orderflow_bt.cli import app
from orderflow_bt.report.folder import read_run

NAMES = ("orders", "fills", "round_trips", "equity", "events", "returns")


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    return build_run_folder(tmp_path_factory.mktemp("export"), trips=6, bars=864)


def exported(run, out, *words):
    result = CliRunner().invoke(app, ["export", str(run), "--out", str(out), *words])
    assert result.exit_code == 0, result.output
    return result.stdout.split()


def test_every_table_is_written_in_plain_units(run, tmp_path):
    files = exported(run, tmp_path / "out")
    assert files == [str(tmp_path / "out" / f"{name}.csv") for name in NAMES]
    folder = read_run(run)
    unit = folder.manifest["instrument"]
    with (tmp_path / "out" / "fills.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    kept = folder.rows("fills")
    assert len(rows) == len(kept) > 0
    for row, fill in zip(rows, kept, strict=True):
        assert Decimal(row["price"]) == Decimal(fill["price"]).scaleb(-unit["price_decimals"])
        assert Decimal(row["qty"]) == Decimal(fill["qty"]).scaleb(-unit["qty_decimals"])
        assert row["time"].endswith("Z")


def test_parquet_keeps_types(run, tmp_path):
    exported(run, tmp_path, "--format", "parquet")
    orders = pl.read_parquet(tmp_path / "orders.parquet")
    assert orders.schema["price"] == pl.Decimal(
        38, read_run(run).manifest["instrument"]["price_decimals"]
    )
    assert orders.schema["decision_time"] == pl.Datetime("us", "UTC")
    assert orders["price"].null_count() == read_run(run).rows("orders").values("price").null_count


def test_returns_compound_to_the_result(run, tmp_path):
    exported(run, tmp_path)
    folder = read_run(run)
    with (tmp_path / "returns.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    cash = float(folder.manifest["simulation"]["cash"])
    grown = cash * math.prod(1 + float(row["return"]) for row in rows)
    assert grown == pytest.approx(float(rows[-1]["equity"]))
    assert rows[0]["date"] == folder.manifest["window"]["from"][:10]


def test_something_else_is_refused(tmp_path):
    result = CliRunner().invoke(app, ["export", str(tmp_path), "--out", str(tmp_path / "x")])
    assert result.exit_code == 2
    assert "not a run folder" in result.stderr
    assert not (tmp_path / "x").exists()
