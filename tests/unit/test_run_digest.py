"""What a result hash is made of: every value of a table as Python writes it, whoever writes it."""

from __future__ import annotations

import hashlib
from decimal import Decimal

import pyarrow as pa
import pytest

from orderflow_bt.run.whole import whole_folder

COLUMNS = {
    "whole numbers": pa.array([1, None, -5, 2**63 - 1, -(2**63)], pa.int64()),
    "texts": pa.array(["a", None, "ü\nb", "", "None"], pa.string()),
    "nothing": pa.array([None, None], pa.string()),
    "numbers": pa.array([1.5, None, float("inf"), 1e300, -0.0]),
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


@pytest.mark.parametrize("name", COLUMNS)
def test_values_are_hashed_as_python_writes_them(tmp_path, name):
    column = COLUMNS[name]
    with whole_folder(tmp_path / "run") as part:
        part.write_table("table", [pa.table({"value": column})])
        digest = hashlib.sha256()
        part.digest(["table"], digest)
    lines = "\n".join(map(str, column.to_pylist()))
    assert (
        digest.digest() == hashlib.sha256(f"\ntable {len(column)} value\n{lines}".encode()).digest()
    )
