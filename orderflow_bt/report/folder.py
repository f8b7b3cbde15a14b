"""Reads a run folder: manifest, metrics and tables, checked once at the edge."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from orderflow_bt.errors import OrderflowError, UsageError
from orderflow_bt.types import Bar

if TYPE_CHECKING:
    from pathlib import Path

SCHEMA = 1
TABLES = ("orders", "fills", "round_trips", "equity", "events", "bars", "footprints")
Row = dict[str, Any]


@dataclass(frozen=True, slots=True)
class RunFolder:
    """A run as it lies on disk.

    Attributes:
        path: The folder.
        manifest: What went in: strategy, tape, window, simulation, data, code.
        metrics: What came out, as numbers and words.
        tables: The Parquet tables by name.
    """

    path: Path
    manifest: dict[str, Any]
    metrics: dict[str, Any]
    tables: dict[str, pa.Table]

    def rows(self, table: str) -> list[Row]:
        """A table as one dictionary a row; money is Decimal."""
        return list(self.tables[table].to_pylist())

    def floats(self, table: str, column: str) -> np.ndarray[Any, np.dtype[np.float64]]:
        """A column as float64, for pictures."""
        return np.array(self.tables[table][column].cast(pa.float64()), dtype=np.float64)

    def ints(self, table: str, column: str) -> np.ndarray[Any, np.dtype[np.int64]]:
        """A column as int64."""
        return np.array(self.tables[table][column], dtype=np.int64)

    def bars(self, first_open: int, last_open: int) -> list[Bar]:
        """The strategy's bars that open in the closed range."""
        table = self.tables["bars"]
        start, stop = np.searchsorted(self.ints("bars", "open_time"), [first_open, last_open + 1])
        part = table.slice(int(start), int(stop - start)).to_pylist()
        return [Bar(**{name: int(row[name]) for name in Bar._fields}) for row in part]


def read_run(path: Path) -> RunFolder:
    """Read a run folder whole.

    Raises:
        UsageError: The folder is not a run folder.
        OrderflowError: A file of it is missing, broken, or of a later schema.
    """
    if (path / "failure.json").is_file():
        raise UsageError(
            f"this run failed and is not whole: {_json(path / 'failure.json').get('what')}",
            where=str(path),
            fix="Mend the strategy and run it again; the tables hold what it had until then",
        )
    if not (path / "manifest.json").is_file():
        raise UsageError(
            "this is not a run folder: it has no manifest.json",
            where=str(path),
            fix="Give the folder that `orderflow-bt run` printed",
        )
    manifest = _json(path / "manifest.json")
    if manifest.get("schema") != SCHEMA:
        raise OrderflowError(
            f"the run folder has schema {manifest.get('schema')!r}, this version reads {SCHEMA}",
            where=str(path),
            fix="Run the backtest again with this version",
        )
    tables = {}
    for name in TABLES:
        try:
            with pq.ParquetFile(path / f"{name}.parquet") as file:  # `read_table` loads far more
                tables[name] = file.read()
        except (OSError, pa.ArrowInvalid) as error:
            raise OrderflowError(
                f"a table of the run cannot be read: {error}",
                where=str(path / f"{name}.parquet"),
                fix="Run the backtest again",
            ) from error
    return RunFolder(path, manifest, _json(path / "metrics.json"), tables)


def _json(path: Path) -> dict[str, Any]:
    try:
        loaded = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise OrderflowError(
            f"a file of the run cannot be read: {error}",
            where=str(path),
            fix="Run the backtest again",
        ) from error
    if not isinstance(loaded, dict):
        raise OrderflowError(
            "a file of the run is not what it should be", where=str(path), fix="Run it again"
        )
    return loaded
