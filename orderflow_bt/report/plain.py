"""A run's tables as other programs want them: decimals, UTC times, and daily returns."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.compute as pc

from orderflow_bt.frames.arrow import decimal_array
from orderflow_bt.report.excursions import excursions
from orderflow_bt.stats.metrics import daily_equity, daily_returns

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from typing import Any

    import numpy as np
    from numpy.typing import NDArray

    from orderflow_bt.report.folder import RunFolder

TABLES = ("orders", "fills", "round_trips", "equity", "events")
_TIMES = {"time", "known_at"}
_PRICES = {"price", "price_low", "price_high", "reference"}
_LOTS = {"qty", "filled_qty", "position", "ahead"}
_AT_ONCE = 1 << 12  # round trips made into dictionaries


def plain_pieces(run: RunFolder, name: str) -> Iterator[pa.Table]:
    """A table of the run with prices and quantities as decimals and times as UTC timestamps.

    Yields:
        Some rows at a time, at least one table; all of one schema.
    """
    for piece in run.rows(name).pieces():
        plain = _plain(piece, run.manifest["instrument"])
        yield _with_excursions(run, piece, plain) if name == "round_trips" else plain


def _plain(table: pa.Table, unit: Mapping[str, Any]) -> pa.Table:
    columns = []
    for field, column in zip(table.schema, table.columns, strict=True):
        if field.name in _TIMES or field.name.endswith("_time"):
            columns.append(column.cast(pa.timestamp("us")).cast(pa.timestamp("us", tz="UTC")))
        elif pa.types.is_integer(field.type) and (
            field.name in _PRICES or field.name.endswith("_price")
        ):
            columns.append(_decimals(column, unit["price_decimals"]))
        elif field.name in _LOTS:
            columns.append(_decimals(column, unit["qty_decimals"]))
        else:
            columns.append(column)
    return pa.Table.from_arrays(columns, names=table.column_names)


def _with_excursions(run: RunFolder, trips: pa.Table, plain: pa.Table) -> pa.Table:
    """The worst and the best while open, also as money and as multiples of the risk."""
    names = ("mae_money", "mfe_money", "mae_r", "mfe_r")
    found: dict[str, list[float | None]] = {name: [] for name in names}
    for batch in trips.to_batches(_AT_ONCE):
        for trip in batch.to_pylist():
            for name, value in excursions(trip, run.manifest["instrument"]).items():
                found[name].append(value)
    for name in names:
        if name in plain.column_names:
            continue
        plain = plain.append_column(name, pa.array(found[name], pa.float64()))
    return plain


def _decimals(column: pa.ChunkedArray, decimals: int) -> pa.Array:
    units = pc.fill_null(column, 0).to_numpy()
    exact = decimal_array(units, decimals)
    return pc.if_else(pc.is_null(column.combine_chunks()), pa.scalar(None, exact.type), exact)


def daily(run: RunFolder) -> pa.Table:
    """One row a UTC day of the window: ``date``, ``equity`` at its end, ``return``."""
    window = run.manifest["window"]
    start, end = (
        dt.datetime.fromisoformat(window[name]).replace(tzinfo=dt.UTC) for name in ("from", "to")
    )
    cash = float(run.manifest["simulation"]["cash"])
    equity: NDArray[np.float64] = daily_equity(
        run.ints("equity", "time"), run.floats("equity", "equity"), start_cash=cash,
        start_us=_microseconds(start), end_us=_microseconds(end),
    )  # fmt: skip
    returns = daily_returns(equity)
    dates = [start.date() + dt.timedelta(days=n) for n in range(returns.size)]
    return pa.table({"date": dates, "equity": equity[1 : returns.size + 1], "return": returns})


def _microseconds(moment: dt.datetime) -> int:
    return (moment - dt.datetime(1970, 1, 1, tzinfo=dt.UTC)) // dt.timedelta(microseconds=1)
