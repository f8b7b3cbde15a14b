"""Reads a run folder: manifest, metrics and tables, checked once at the edge."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from orderflow_bt.errors import OrderflowError, UsageError
from orderflow_bt.report.rows import Row, Rows
from orderflow_bt.run.whole import check_sums
from orderflow_bt.types import Bar

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

__all__ = ["Row", "Rows", "RunFolder", "read_run"]

SCHEMA = 1
TABLES = ("orders", "fills", "round_trips", "equity", "events", "bars", "footprints")


@dataclass(frozen=True, slots=True)
class RunFolder:
    """A run as it lies on disk.

    Attributes:
        path: The folder.
        manifest: What went in: strategy, tape, window, simulation, data, code.
        metrics: What came out, as numbers and words.
    """

    path: Path
    manifest: dict[str, Any]
    metrics: dict[str, Any]

    def rows(self, table: str) -> Rows:
        """A table as one dictionary a row; money is Decimal. Read as they are looked at."""
        return Rows(self.path / f"{table}.parquet")

    def count(self, table: str) -> int:
        """How many rows a table has."""
        return len(self.rows(table))

    def floats(self, table: str, column: str) -> NDArray[np.float64]:
        """A column as float64, for pictures."""
        return self.rows(table).floats(column)

    def ints(self, table: str, column: str) -> NDArray[np.int64]:
        """A column as int64."""
        return self.rows(table).ints(column)

    def bars(self, first_open: int, last_open: int) -> list[Bar]:
        """The strategy's bars that open in the closed range."""
        start, stop = np.searchsorted(self.ints("bars", "open_time"), [first_open, last_open + 1])
        part = self.rows("bars")[int(start) : int(stop)]
        return [Bar(**{name: int(row[name]) for name in Bar._fields}) for row in part]


def failure_of(path: Path) -> str:
    """Why the run of a folder failed; empty where it did not."""
    own = path / "failure.json"  # of a portfolio, each symbol's folder has it
    failed = own if own.is_file() else next(iter(sorted(path.glob("*/failure.json"))), None)
    return "" if failed is None else str(_json(failed).get("what"))


def read_run(path: Path) -> RunFolder:
    """Open a run folder.

    Raises:
        UsageError: The folder is not a run folder.
        OrderflowError: A file of it is missing, not what was written, or of a later schema.
    """
    if why := failure_of(path):
        raise UsageError(
            f"this run failed and is not whole: {why}",
            where=str(path),
            fix="Mend the strategy and run it again; the tables hold what it had until then",
        )
    if not (path / "manifest.json").is_file() and (path / "all" / "metrics.json").is_file():
        raise UsageError(
            "this is the folder of a portfolio, with a run folder of each symbol in it",
            where=str(path),
            fix="Give one of those, e.g. the first symbol's",
        )
    check_sums(path, ["manifest.json", "metrics.json", *(f"{name}.parquet" for name in TABLES)])
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
    run = RunFolder(path, manifest, _json(path / "metrics.json"))
    for name in TABLES:
        run.count(name)
    return run


def _json(path: Path) -> dict[str, Any]:
    try:
        loaded = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as error:
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
