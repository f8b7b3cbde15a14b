"""A run's tables for other programs: plain units, and a series of returns."""

from __future__ import annotations

import csv
import math
import shutil
from decimal import Decimal

import polars as pl
import pyarrow.parquet as pq
import pytest
from run_folders import build_run_folder
from typer.testing import CliRunner

from orderflow_bt.cli import app
from orderflow_bt.report.folder import read_run
from orderflow_bt.report.plain import plain_pieces

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


def test_tables_of_many_row_groups_are_written_some_rows_at_a_time(run, tmp_path):
    parted = tmp_path / "parted"
    shutil.copytree(run, parted)
    for name in ("orders", "fills", "round_trips"):
        whole = pq.read_table(run / f"{name}.parquet")
        pq.write_table(whole, parted / f"{name}.parquet", row_group_size=2)
    folder = read_run(parted)
    pieces = list(plain_pieces(folder, "round_trips"))
    assert len(pieces) == math.ceil(len(folder.rows("round_trips")) / 2) > 1
    assert len({piece.schema for piece in pieces}) == 1
    for one, out in ((run, tmp_path / "one"), (parted, tmp_path / "many")):
        exported(one, out)
        exported(one, out, "--format", "parquet")
    for name in NAMES:
        csvs, tables = (
            [tmp_path / out / f"{name}.{ending}" for out in ("one", "many")]
            for ending in ("csv", "parquet")
        )
        assert csvs[0].read_bytes() == csvs[1].read_bytes()
        assert pq.read_table(tables[0]).equals(pq.read_table(tables[1]))


def test_a_broken_table_leaves_no_part_of_its_file(run, tmp_path):
    broken = tmp_path / "broken"
    shutil.copytree(run, broken)
    whole = pq.read_table(run / "fills.parquet")
    for group in (2, len(whole)):  # not all of it is read before something is written
        path = broken / "fills.parquet"
        pq.write_table(whole, path, row_group_size=group, compression="zstd")
        content = bytearray(path.read_bytes())
        with pq.ParquetFile(path) as file:
            last = file.metadata.row_group(file.num_row_groups - 1).column(0)
        at = last.dictionary_page_offset or last.data_page_offset
        content[at : at + 40] = bytes(40)
        path.write_bytes(content)
        out = tmp_path / f"out-{group}"
        result = CliRunner().invoke(app, ["export", str(broken), "--out", str(out)])
        assert result.exit_code == 1
        assert "fills.parquet" in result.stderr
        assert [file.name for file in out.iterdir()] == ["orders.csv"]
