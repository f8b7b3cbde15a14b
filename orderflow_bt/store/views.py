"""Questions to the lake in SQL: nothing can be written, and there is nowhere else to look."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import duckdb

from orderflow_bt.errors import LakeError, UsageError, first_line
from orderflow_bt.series import SeriesKind
from orderflow_bt.store import view_sql
from orderflow_bt.store.series import SeriesStore

if TYPE_CHECKING:
    from collections.abc import Iterator

    from orderflow_bt.store.lake import Lake
    from orderflow_bt.store.schema import DayInfo
    from orderflow_bt.store.series_schema import SeriesInfo

MEMORY = "1GB"
VIEWS = ("trades", "klines", "quality", "gaps")
_BATCH_ROWS = 10_000


class Query:
    """A query over the lake that is ready to run.

    Args:
        lake: The lake. Nothing outside its folder can be read, and nothing written.
        text: One SELECT (or FROM, VALUES, DESCRIBE, SHOW, SUMMARIZE) statement.
        memory: What DuckDB may use; beyond it, it spills to a temporary folder.

    Attributes:
        columns: Names of the result's columns, and their SQL types.

    Raises:
        UsageError: The query is not one, or names what is not there.
    """

    def __init__(self, lake: Lake, text: str, *, memory: str = MEMORY) -> None:
        self._text = _checked(text)
        self._datasets: list[object] = []
        self._scratch = tempfile.TemporaryDirectory(prefix="orderflow-bt-sql-")
        self._connection = duckdb.connect(
            config={
                "memory_limit": memory,
                "temp_directory": self._scratch.name,
                "autoinstall_known_extensions": False,
                "autoload_known_extensions": False,
                "python_enable_replacements": False,
            }
        )
        try:
            self._open_views(lake)
            self.columns = self._described()
        except BaseException:
            self.close()
            raise

    def batches(self) -> Iterator[list[tuple[object, ...]]]:
        """Run it; the rows, some at a time.

        Raises:
            UsageError: A value does not fit what the query does with it.
            LakeError: A file is damaged, or the memory does not suffice.
        """
        try:
            cursor = self._connection.execute(self._text)
            while rows := cursor.fetchmany(_BATCH_ROWS):
                yield rows
        except duckdb.Error as error:
            raise _in_words(error) from None

    def close(self) -> None:
        """Let go of the memory and the temporary folder."""
        self._connection.close()
        self._scratch.cleanup()

    def _open_views(self, lake: Lake) -> None:
        run = self._connection.execute
        run("SET TimeZone = 'UTC'")
        scan = self._scan_objects
        if isinstance(lake.root, Path):
            scan = view_sql.scan_folder
            run(f"SET allowed_directories = [{view_sql.quoted(lake.root.resolve())}]")
        run("SET enable_external_access = false")
        # Files are asked about themselves only for the views that the query can mean.
        named = {view for view in VIEWS if view in self._text.lower()}
        days: list[DayInfo] = []
        if named & {"trades", "quality", "gaps"}:
            days = [day for tape in lake.tapes() for day in lake.days(tape)]
        klines: list[SeriesInfo] = []
        if "klines" in named:
            store = SeriesStore(lake)
            kinds = [series for series in store.all() if series.kind is SeriesKind.KLINES]
            klines = [info for series in kinds for info in store.infos(series)]
        run(f"CREATE VIEW trades AS {view_sql.trades(days, scan)}")
        run(f"CREATE VIEW klines AS {view_sql.klines(klines, scan)}")
        self._connection.register("quality", view_sql.quality(days))
        self._connection.register("gaps", view_sql.gaps(days))
        run("SET lock_configuration = true")

    def _scan_objects(self, files: view_sql.Files, partitions: view_sql.Partitions) -> str:
        """Files of an object store, which Arrow reads for DuckDB: it takes filters and columns."""
        from orderflow_bt.store.object_views import dataset  # noqa: PLC0415 - loads an object client

        name = f"stored_{len(self._datasets)}"
        self._datasets.append(dataset(files, partitions))
        self._connection.register(name, self._datasets[-1])
        return name

    def _described(self) -> list[tuple[str, str]]:
        try:
            found = self._connection.execute(f"DESCRIBE {self._text}").fetchall()
        except duckdb.Error as error:
            raise _in_words(error) from None
        columns = [(str(name), str(kind)) for name, kind, *_ in found]
        zoned = [name for name, kind in columns if kind == "TIMESTAMP WITH TIME ZONE"]
        if zoned:
            # Said in UTC, like every other time.
            texts = [f'timezone(\'UTC\', "{name}") AS "{name}"' for name in zoned]
            # The user's own query, wrapped: it may do no more than it may by itself.
            self._text = f"SELECT * REPLACE ({', '.join(texts)}) FROM ({self._text})"  # noqa: S608
            columns = [(n, "TIMESTAMP" if n in zoned else kind) for n, kind in columns]
        return columns


def _checked(text: str) -> str:
    """The text of the one statement, which must be one that only reads."""
    try:
        statements = duckdb.extract_statements(text)
    except duckdb.Error as error:
        raise _in_words(error) from None
    if len(statements) != 1:
        raise UsageError(
            f"{len(statements)} statements where one query is expected", where="the query"
        )
    if statements[0].type != duckdb.StatementType.SELECT:
        kind = statements[0].type.name
        raise UsageError(
            f"the lake is read only: {kind} is not a query",
            where="the query",
            fix="Write SELECT …; results go to a file with --out",
        )
    return str(statements[0].query).strip().rstrip(";")


def _in_words(error: duckdb.Error) -> UsageError | LakeError:
    what = first_line(error)
    if isinstance(error, duckdb.OutOfMemoryException):
        return LakeError(
            "the query needs more memory than it may use",
            fix="Give it more with --memory 4GB, or ask for fewer days",
        )
    if isinstance(error, duckdb.IOException):
        return LakeError(f"the lake cannot be read: {what}", fix="orderflow-bt doctor tells which")
    return UsageError(
        f"the query cannot be answered: {what}",
        where="the query",
        fix=f"Views: {', '.join(VIEWS)}; DESCRIBE trades lists the columns of one",
    )
