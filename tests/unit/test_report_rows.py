"""Rows of a run's table: read when they are looked at, the same as if all had been read."""

from __future__ import annotations

import tracemalloc
from decimal import Decimal

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from orderflow_bt.errors import OrderflowError
from orderflow_bt.report.rows import Rows

COUNT = 1000


@pytest.fixture
def table(tmp_path):
    rng = np.random.default_rng(3)
    money = [None if n % 7 == 0 else Decimal(int(n)).scaleb(-2) for n in range(COUNT)]
    made = pa.table(
        {"id": np.arange(COUNT), "kind": rng.choice(["a", "b", "c"], COUNT), "money": money}
    )
    pq.write_table(made, tmp_path / "rows.parquet", row_group_size=64)
    return made


def test_they_are_what_the_file_holds(table, tmp_path):
    rows, whole = Rows(tmp_path / "rows.parquet"), table.to_pylist()
    assert len(rows) == COUNT
    assert list(rows) == whole
    for part in (slice(60, 70), slice(0, 0), slice(-3, None), slice(None, 5000)):
        assert rows[part] == whole[part]
    assert [rows[n] for n in (0, 63, 64, -1)] == [whole[n] for n in (0, 63, 64, -1)]
    assert rows.ints("id").tolist() == list(range(COUNT))
    assert np.isnan(rows.floats("money")[::7]).all()
    assert rows.floats("money")[123] == 1.23
    assert pa.concat_tables(rows.pieces()) == table
    with pytest.raises(IndexError):
        rows[COUNT]


def test_some_of_them_are_found_by_a_column(table, tmp_path):
    rows = Rows(tmp_path / "rows.parquet")
    chosen = rows.where("kind", ["a", "c"]).where("id", range(500))
    whole = [row for row in table.to_pylist() if row["kind"] != "b" and row["id"] < 500]
    assert list(chosen) == whole
    assert chosen[5:9] == whole[5:9]
    assert chosen.ints("id").tolist() == [row["id"] for row in whole]
    assert not rows.where("id", [COUNT])
    assert not list(rows.where("id", []))


def test_a_file_that_is_not_there_is_named(tmp_path):
    with pytest.raises(OrderflowError, match=r"cannot be read.*gone\.parquet"):
        Rows(tmp_path / "gone.parquet")


def test_walking_over_many_holds_few(tmp_path):
    many = 200_000
    columns = {f"c{k}": np.arange(many) for k in range(6)}
    pq.write_table(pa.table(columns), tmp_path / "rows.parquet", row_group_size=1 << 14)
    rows = Rows(tmp_path / "rows.parquet")
    tracemalloc.start()
    try:
        assert sum(row["c5"] for row in rows) == many * (many - 1) // 2
        held = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert held < 8 << 20  # as dictionaries they are over 60 MiB
