"""What a result hash is made of: every value of a table as Python writes it, whoever writes it."""

from __future__ import annotations

import hashlib
from decimal import Decimal

import numpy as np
import pyarrow as pa
import pytest

from orderflow_bt.run.whole import whole_folder


def numbers_of_every_size():
    rng = np.random.default_rng(4)
    broken = 10.0 ** rng.uniform(-9, 22, 3000) * rng.choice([-1, 1], 3000)
    edges = [1e-3, 1e9, np.nextafter(1e9, 0), np.nextafter(1e-3, 0), 0.0, np.nan, -np.inf, 5e-324]
    return np.concatenate([broken, np.round(broken), np.round(broken, 2), edges])


COLUMNS = {
    "whole numbers": pa.array([1, None, -5, 2**63 - 1, -(2**63)], pa.int64()),
    "texts": pa.array(["a", None, "ü\nb", "", "None"], pa.string()),
    "nothing": pa.array([None, None], pa.string()),
    "numbers": pa.array([1.5, None, float("inf"), 1e300, -0.0]),
    "numbers of every size": pa.array(numbers_of_every_size()),
    "flags": pa.array([True, None, False]),
    "money": pa.array(
        [
            None,
            *(Decimal(n).scaleb(-8) for n in (0, 1, -1, 10, -99, 100, 123_456, -(10**12), 10**30)),
        ],
        pa.decimal128(38, 8),
    ),
    "rates": pa.array(
        [Decimal(n).scaleb(-12) for n in (0, 3, 10**5, -(10**6))], pa.decimal128(38, 12)
    ),
    "no rows": pa.array([], pa.int64()),
    "more than are taken at once": pa.array(range(20_000), pa.int64()),
}


@pytest.mark.parametrize("in_memory", [0, 1 << 24])
@pytest.mark.parametrize("name", COLUMNS)
def test_values_are_hashed_as_python_writes_them(tmp_path, monkeypatch, name, in_memory):
    monkeypatch.setattr("orderflow_bt.run.whole._IN_MEMORY", in_memory)
    column = COLUMNS[name]
    with whole_folder(tmp_path / "run") as part:
        pieces = [column[:3], column[3:7], column[7:]]
        part.write_table("table", [pa.table({"value": piece}) for piece in pieces])
        digest = hashlib.sha256()
        part.digest(["table"], digest)
    lines = "\n".join(map(str, column.to_pylist()))
    assert (
        digest.digest() == hashlib.sha256(f"\ntable {len(column)} value\n{lines}".encode()).digest()
    )


def test_tables_that_are_large_together_are_hashed_like_small_ones(tmp_path, monkeypatch):
    tables = {name: pa.table({"value": column}) for name, column in COLUMNS.items()}
    found = set()
    for in_memory in (0, 1_000, 200_000, 1 << 24):
        monkeypatch.setattr("orderflow_bt.run.whole._IN_MEMORY", in_memory)
        digest = hashlib.sha256()
        with whole_folder(tmp_path / str(in_memory)) as part:
            for name, table in tables.items():
                part.write_table(name, [table])
            part.digest(reversed(tables), digest)
        found.add(digest.hexdigest())
    assert len(found) == 1
