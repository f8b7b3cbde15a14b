"""The lake's views as SQL text: integers in each day's own decimals become exact decimals in UTC.

A file's numbers are integers in its own decimals, so a view is a union with one branch for each
combination of scales; each branch turns its files' integers into the same decimals. DuckDB passes
filters on the partitions (symbol, date, …) into every branch and opens only the files that can hold
an answer.
"""

from __future__ import annotations

from collections import defaultdict
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

import pyarrow as pa

from orderflow_bt.instruments import contract_usd
from orderflow_bt.series import SeriesId
from orderflow_bt.types import Kind

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from decimal import Decimal

    from orderflow_bt.store.schema import DayInfo
    from orderflow_bt.store.series_schema import SeriesInfo

_COIN_DECIMALS = 8
_PARTITIONS = [(name, "VARCHAR") for name in ("exchange", "market", "kind", "symbol")]
_PARTITIONS += [("date", "DATE")]
_COUNTS = ["rows", "first_id", "last_id", "gaps", "missing_ids", "missing_fills", "unassigned_ids"]
_COUNTS += ["duplicates", "conflicts", "invalid_rows", "reordered", "out_of_order", "zero_quantity"]
_COUNTS += ["off_tick", "outside_day", "max_time_gap_us"]

# Decimals by unit, time unit, USD a contract, whether a file is a month.
_KlineScale: TypeAlias = "tuple[tuple[int, ...], str, Decimal | None, bool]"
# Decimals of price and quantity, time unit, whether rows are aggregates, USD a contract, source.
_Scale: TypeAlias = "tuple[int, int, str, bool, Decimal | None, str]"


Files: TypeAlias = "Sequence[DayInfo] | Sequence[SeriesInfo]"
Partitions: TypeAlias = "Sequence[tuple[str, str]]"
# What stands after FROM for files of one form, and the partitions they are to give as columns.
Scan: TypeAlias = "Callable[[Files, Partitions], str]"


def quoted(text: object) -> str:
    """A value as SQL text."""
    return "'" + str(text).replace("'", "''") + "'"


def trades(days: Sequence[DayInfo], scan: Scan) -> str:
    """The view over trades: a branch for the files of each scale, read as ``scan`` says."""
    groups: dict[_Scale, list[DayInfo]] = defaultdict(list)
    for day in days:
        tape = day.tape
        size = contract_usd(tape.exchange, tape.market, tape.symbol)
        is_aggregate = tape.kind is Kind.AGG_TRADES
        units = (day.price_decimals, day.qty_decimals, day.time_unit)
        groups[*units, is_aggregate, size, _source(day)].append(day)
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
    branches = [_trades_of(scale, types, groups[scale], scan) for scale in sorted(groups, key=str)]
    return _union(branches, [*_PARTITIONS, *types.items()])


def _source(day: DayInfo) -> str:
    """Where a row came from, as an expression over its id."""
    scheme = day.source_url.partition(":")[0]
    word = quoted(scheme if scheme in ("import", "rest") else "archive")
    if not day.rest or word == "'rest'":
        return word
    spans = " OR ".join(f"id BETWEEN {first} AND {last}" for first, last in day.rest)
    return f"CASE WHEN {spans} THEN 'rest' ELSE {word} END"


def _trades_of(
    scale: _Scale,
    types: dict[str, str],
    days: Sequence[DayInfo],
    scan: Scan,
) -> str:
    price_decimals, qty_decimals, unit, is_aggregate, contract, source = scale
    price = _decimal("price", price_decimals)
    qty = _decimal("quantity", qty_decimals)
    values = {
        "id": "id",
        "price": price,
        "quantity": qty,
        "first_id": "first_id" if is_aggregate else "id",
        "last_id": "last_id" if is_aggregate else "id",
        "time": _time("time", unit),
        "side": "side",
        "base_quantity": qty,
        "quote_quantity": f"{price} * {qty}",
        "source": source,
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
    return _select(values, types, _PARTITIONS, days, scan)


def klines(infos: Sequence[SeriesInfo], scan: Scan) -> str:
    """The view over klines of every interval: a branch for the files of each scale."""
    groups: dict[_KlineScale, list[SeriesInfo]] = defaultdict(list)
    units = ("price", "quantity", "amount", "base")
    for info in infos:
        scale = tuple(info.decimals.get(unit, 0) for unit in units)
        tape = info.tape
        contract = contract_usd(tape.exchange, tape.market, tape.symbol)
        groups[scale, info.time_unit, contract, tape.is_monthly].append(info)
    price, qty, amount, base = (
        max((scale[n] for scale, *_ in groups), default=0) for n in range(4)
    )
    coin, money = max(qty, base), max(amount, qty)
    types = {
        "open_time": "TIMESTAMP",
        **dict.fromkeys(("open", "high", "low", "close"), f"DECIMAL(38, {price})"),
        "volume": f"DECIMAL(38, {qty})",
        "close_time": "TIMESTAMP",
        "quote_volume": f"DECIMAL(38, {money})",
        "count": "BIGINT",
        "taker_buy_volume": f"DECIMAL(38, {qty})",
        "taker_buy_quote_volume": f"DECIMAL(38, {money})",
        "base_volume": f"DECIMAL(38, {coin})",
        "taker_buy_base_volume": f"DECIMAL(38, {coin})",
    }
    partitions = [*_PARTITIONS, ("interval", "VARCHAR")]
    branches = []
    for (scale, unit, contract, _), group in sorted(groups.items(), key=str):
        values = {"count": "count", "open_time": _time("open_time", unit)}
        values["close_time"] = _time("close_time", unit)
        for name in ("open", "high", "low", "close"):
            values[name] = _decimal(name, scale[0])
        for name in ("volume", "taker_buy_volume"):
            quote, coins = (name.replace("volume", word + "_volume") for word in ("quote", "base"))
            values[name] = values[coins] = _decimal(name, scale[1])
            values[quote] = _decimal(quote, scale[2])
            if contract is not None:
                values[quote] = f"{values[name]} * {int(contract)}"
                values[coins] = _decimal(coins, scale[3])
        branches.append(_select(values, types, partitions, group, scan))
    return _union(branches, [*partitions, *types.items()])


def _union(branches: Sequence[str], columns: Sequence[tuple[str, str]]) -> str:
    if branches:
        return " UNION ALL ".join(branches)
    return f"SELECT {', '.join(f'NULL::{kind} AS {name}' for name, kind in columns)} WHERE false"


def _select(
    values: dict[str, str],
    types: dict[str, str],
    partitions: Partitions,
    files: Files,
    scan: Scan,
) -> str:
    picked = [name for name, _ in partitions]
    picked += [f"CAST({values[name]} AS {kind}) AS {name}" for name, kind in types.items()]
    # Every name in it is this module's own or a quoted path.
    return f"SELECT {', '.join(picked)} FROM {scan(files, partitions)}"  # noqa: S608


def scan_folder(files: Files, partitions: Partitions) -> str:
    """Files of this machine, which DuckDB reads itself."""
    paths = ", ".join(quoted(Path(str(info.path)).resolve()) for info in files)
    tape = files[0].tape
    monthly = isinstance(tape, SeriesId) and tape.is_monthly
    kinds = dict(partitions)
    if monthly:
        kinds["month"] = kinds.pop("date").replace("DATE", "VARCHAR")
    hive = ", ".join(f"'{name}': {kind}" for name, kind in kinds.items())
    read = f"read_parquet([{paths}], hive_partitioning = true, hive_types = {{{hive}}})"
    # Names and quoted paths of this module's own.
    return f"(SELECT *, (month || '-01')::DATE AS date FROM {read})" if monthly else read  # noqa: S608


def _time(column: str, unit: str) -> str:
    return f"make_timestamp({column}{' * 1000' if unit == 'ms' else ''})"


def _decimal(integers: str, decimals: int) -> str:
    """Integers in units of ``10**-decimals`` as an exact decimal."""
    if not decimals:
        return f"({integers})::DECIMAL(28, 0)"
    step = f"0.{'1'.rjust(decimals, '0')}::DECIMAL({decimals}, {decimals})"
    return f"({integers})::DECIMAL({min(28, 38 - decimals)}, 0) * {step}"


def quality(days: Sequence[DayInfo]) -> pa.Table:
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


def gaps(days: Sequence[DayInfo]) -> pa.Table:
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
