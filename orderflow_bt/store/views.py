"""The lake as SQL: DuckDB views in decimals and UTC, with nothing to write and nowhere else to look.

A file's numbers are integers in the day's own decimals, so the view over trades is a union with one
branch for each pair of scales; each branch turns its files' integers into the same exact decimals.
DuckDB passes filters on the partitions (symbol, date, …) into every branch and opens only the files
that can hold an answer.
"""

from __future__ import annotations

import tempfile
from collections import defaultdict
from typing import TYPE_CHECKING

import duckdb
import pyarrow as pa

from orderflow_bt.errors import LakeError, UsageError
from orderflow_bt.instruments import contract_usd
from orderflow_bt.store.reader import first_line
from orderflow_bt.types import Kind

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from decimal import Decimal

    from orderflow_bt.store.lake import Lake
    from orderflow_bt.store.schema import DayInfo

MEMORY = "1GB"
VIEWS = ("trades", "quality", "gaps")
_BATCH_ROWS = 10_000
_COIN_DECIMALS = 8
_HIVE = (
    "hive_partitioning = true, hive_types = {'exchange': VARCHAR, 'market': VARCHAR, "
    "'kind': VARCHAR, 'symbol': VARCHAR, 'date': DATE}"
)
_PARTITIONS = [(name, "VARCHAR") for name in ("exchange", "market", "kind", "symbol")]
_PARTITIONS += [("date", "DATE")]
_COUNTS = ["rows", "first_id", "last_id", "gaps", "missing_ids", "missing_fills", "unassigned_ids"]
_COUNTS += ["duplicates", "conflicts", "invalid_rows", "reordered", "out_of_order", "zero_quantity"]
_COUNTS += ["off_tick", "outside_day", "max_time_gap_us"]


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
        run(f"SET allowed_directories = [{_quoted(lake.root.resolve())}]")
        run("SET enable_external_access = false")
        try:
            named = self._connection.get_table_names(self._text)
        except duckdb.Error as error:
            raise _in_words(error) from None
        days: list[DayInfo] = []
        if not {"trades", "quality", "gaps"}.isdisjoint(named) or not named:
            days = [day for tape in lake.tapes() for day in lake.days(tape)]
        self._connection.register("quality", _quality(days))
        self._connection.register("gaps", _gaps(days))
        run(f"CREATE VIEW trades AS {_trades(days)}")
        run("SET lock_configuration = true")

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
            self._text = f"SELECT * REPLACE ({', '.join(texts)}) FROM ({self._text})"
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


def _quoted(text: object) -> str:
    return "'" + str(text).replace("'", "''") + "'"


def _trades(days: Sequence[DayInfo]) -> str:
    """The view over trades: a branch for the files of each scale."""
    groups: dict[tuple[int, int, str, bool, Decimal | None], list[DayInfo]] = defaultdict(list)
    for day in days:
        tape = day.tape
        size = contract_usd(tape.exchange, tape.market, tape.symbol)
        is_aggregate = tape.kind is Kind.AGG_TRADES
        scale = (day.price_decimals, day.qty_decimals, day.time_unit, is_aggregate, size)
        groups[scale].append(day)
    price = max((day.price_decimals for day in days), default=0)
    qty = max((day.qty_decimals for day in days), default=0)
    types = {
        "id": "BIGINT",
        "price": f"DECIMAL(38, {price})",
        "quantity": f"DECIMAL(38, {qty})",
        "first_id": "BIGINT",
        "last_id": "BIGINT",
        "time": "TIMESTAMP",
        "side": "TINYINT",
        "base_quantity": f"DECIMAL(38, {max(qty, _COIN_DECIMALS)})",
        "quote_quantity": f"DECIMAL(38, {price + qty})",
        "source": "VARCHAR",
    }
    if not groups:
        columns = [*_PARTITIONS, *types.items()]
        return f"SELECT {', '.join(f'NULL::{t} AS {n}' for n, t in columns)} WHERE false"
    return " UNION ALL ".join(
        _branch(scale, groups[scale], types) for scale in sorted(groups, key=str)
    )


def _branch(
    scale: tuple[int, int, str, bool, Decimal | None],
    days: Iterable[DayInfo],
    types: dict[str, str],
) -> str:
    price_decimals, qty_decimals, unit, is_aggregate, contract = scale
    price = _decimal("price", price_decimals)
    qty = _decimal("quantity", qty_decimals)
    values = {
        "id": "id",
        "price": price,
        "quantity": qty,
        "first_id": "first_id" if is_aggregate else "id",
        "last_id": "last_id" if is_aggregate else "id",
        "time": f"make_timestamp(time{' * 1000' if unit == 'ms' else ''})",
        "side": "side",
        "base_quantity": qty,
        "quote_quantity": f"{price} * {qty}",
        "source": "'archive'",
    }
    if contract is not None:
        # Contracts are worth dollars; coins are told to the exchange's eighth digit, half up.
        coins = 10 ** (price_decimals + _COIN_DECIMALS - qty_decimals)
        up = f"2 * quantity::HUGEINT * {int(contract) * coins}"
        rounded = f"({up} + price) // (2 * price::HUGEINT)"
        values["base_quantity"] = (
            f"CASE WHEN price > 0 THEN {_decimal(rounded, _COIN_DECIMALS)} END"
        )
        values["quote_quantity"] = f"{qty} * {int(contract)}"
    picked = [name for name, _ in _PARTITIONS]
    picked += [f"CAST({values[name]} AS {kind}) AS {name}" for name, kind in types.items()]
    files = ", ".join(_quoted(day.path.resolve()) for day in days)
    return f"SELECT {', '.join(picked)} FROM read_parquet([{files}], {_HIVE})"


def _decimal(integers: str, decimals: int) -> str:
    """Integers in units of ``10**-decimals`` as an exact decimal."""
    if not decimals:
        return f"({integers})::DECIMAL(28, 0)"
    step = f"0.{'1'.rjust(decimals, '0')}::DECIMAL({decimals}, {decimals})"
    return f"({integers})::DECIMAL({min(28, 38 - decimals)}, 0) * {step}"


def _quality(days: Sequence[DayInfo]) -> pa.Table:
    """One row a stored day: what its file says about itself."""
    words = pa.string()
    fields = [
        *_partition_fields(),
        *((name, pa.int64()) for name in _COUNTS),
        ("bytes", pa.int64()),
    ]
    fields += [("first_time", pa.timestamp("us")), ("last_time", pa.timestamp("us"))]
    fields += [("clean", pa.bool_()), ("checksum", words), ("source", words), ("sha256", words)]
    rows = [
        _partition(day)
        | {name: getattr(day.quality, name) for name in _COUNTS}
        | {"bytes": day.bytes, "first_time": day.first_time, "last_time": day.last_time}
        | {"clean": day.quality.is_clean, "checksum": day.origin.checksum}
        | {"source": day.source_url, "sha256": day.source_sha256}
        for day in days
    ]
    return pa.Table.from_pylist(rows, pa.schema(fields))


def _gaps(days: Sequence[DayInfo]) -> pa.Table:
    """One row a place where trades are missing, as far as the records list them."""
    fields = [*_partition_fields(), ("before_id", pa.int64()), ("after_id", pa.int64())]
    fields += [("before_time", pa.timestamp("us")), ("after_time", pa.timestamp("us"))]
    rows = [_partition(day) | gap._asdict() for day in days for gap in day.quality.gap_list]
    return pa.Table.from_pylist(rows, pa.schema(fields))


def _partition_fields() -> list[tuple[str, pa.DataType]]:
    return [(name, pa.date32() if kind == "DATE" else pa.string()) for name, kind in _PARTITIONS]


def _partition(day: DayInfo) -> dict[str, object]:
    tape = day.tape
    return {
        "exchange": tape.exchange,
        "market": tape.market.value,
        "kind": tape.kind.value,
        "symbol": tape.symbol,
        "date": day.date,
    }
