"""A tape in the hand that somebody already has in memory, as columns of any common kind."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from orderflow_bt.errors import UsageError
from orderflow_bt.flow import BarStream
from orderflow_bt.frames.arrow import Styles, decimals_of, exact, to_polars, to_units
from orderflow_bt.frames.stored import moment
from orderflow_bt.instruments import Instrument
from orderflow_bt.sim import Readings
from orderflow_bt.types import MarketType, Trades

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Callable, Iterable, Iterator

    from numpy.typing import NDArray

    from orderflow_bt.detectors import Detector
    from orderflow_bt.flow import BarBatch
    from orderflow_bt.flow.events import EventColumns
    from orderflow_bt.types import BarSpec

_PIECE_ROWS = 1 << 20
_NAMES = {"quantity": ("quantity", "qty", "size", "amount"), "time": ("time", "transact_time")}
_BUYS = ("buy", "b", "+1", "1")
_SELLS = ("sell", "s", "-1")


@dataclass(frozen=True, slots=True)
class HeldTape:
    """Trades in memory, as integers.

    Attributes:
        trades: The columns.
        instrument: Units read off them.
        ids_are_continuous: Whether a hole in the ids means lost trades.
        styles: How prices and quantities were given, and are given back.
        give: Turns an Arrow table into the kind of table that was given.
        until: How far the tape is known to reach, microseconds UTC.
    """

    trades: Trades
    instrument: Instrument
    ids_are_continuous: bool
    styles: Styles
    give: Callable[[pa.Table], Any]
    until: int

    def bars(
        self, spec: BarSpec, ticks_per_row: int | None, *, cells: bool
    ) -> tuple[Instrument, Iterable[tuple[BarBatch, range]]]:
        """Units, and bars by the batch, all of them wanted."""
        if ticks_per_row is None:
            raise UsageError(
                "automatic rows are chosen from the day before, which only a stored tape has",
                fix="Say how many ticks a row holds",
            )
        stream = BarStream(
            spec,
            ids_are_continuous=self.ids_are_continuous,
            ticks_per_row=ticks_per_row * self.instrument.tick_size,
            keep_cells=cells,
            instrument=self.instrument,
        )
        return self.instrument, self._cut(stream)

    def _cut(self, stream: BarStream) -> Iterator[tuple[BarBatch, range]]:
        for piece in self._pieces():
            for batch in stream.feed_parts(piece):
                yield batch, range(len(batch))
        last = stream.close_until(self.until)
        yield last, range(len(last))

    def events(self, detector: Detector) -> tuple[Instrument, Iterable[EventColumns]]:
        """Units, and what a detector sees in the tape."""
        readings = Readings(
            (),
            [detector],
            ids_are_continuous=self.ids_are_continuous,
            row_size=self.instrument.tick_size,
            instrument=self.instrument,
        )
        return self.instrument, self._watch(readings)

    def _watch(self, readings: Readings) -> Iterator[EventColumns]:
        for piece in self._pieces():
            yield readings.see(piece)
        yield readings.close_until(self.until, self.trades.slice(0, 0)).events

    def _pieces(self) -> Iterator[Trades]:
        for start in range(0, self.trades.rows, _PIECE_ROWS):
            yield self.trades.slice(start, min(start + _PIECE_ROWS, self.trades.rows))


@dataclass(frozen=True, slots=True)
class _Given:
    """The columns that were given, by any of the names they go by."""

    table: pa.Table

    def find(self, name: str) -> pa.ChunkedArray | None:
        for known in _NAMES.get(name, (name,)):
            if known in self.table.column_names:
                return self.table.column(known)
        return None

    def need(self, name: str) -> pa.ChunkedArray:
        column = self.find(name)
        if column is None:
            raise UsageError(
                f"the tape has no column {name!r}: it has {', '.join(self.table.column_names)}",
                fix="Needed: time, price, quantity, and side or is_buyer_maker",
            )
        return column


def hold(
    tape: Any,
    *,
    until: dt.datetime | None = None,
    tick_size: Any = None,
    ids_are_continuous: bool | None = None,
) -> HeldTape:
    """Read a table of trades: polars, Arrow, pandas, or a mapping of NumPy arrays.

    Needed columns: ``time`` (timestamps, or integer microseconds UTC), ``price``, ``quantity``,
    and ``side`` (+1/-1, buy/sell, of the aggressor) or ``is_buyer_maker``. Optional: ``id``;
    ``first_id`` and ``last_id``, or ``count``: the raw fills in a row.

    Raises:
        UsageError: A column is missing or not what it should be, or rows are out of order.
    """
    given = _Given(_as_table(tape))
    price, qty = given.need("price"), given.need("quantity")
    (price_decimals, price_style) = decimals_of(price, "price")
    (qty_decimals, qty_style) = decimals_of(qty, "quantity")
    tick = _tick(tick_size, price_decimals)
    rows = given.table.num_rows
    time = _times(given.need("time"))
    ids = given.find("id")
    id_ = np.arange(rows) if ids is None else to_units(ids, 0, "int", "id")
    _check_order(time, "time", strictly=False)
    _check_order(id_, "id", strictly=True)
    if ids_are_continuous is None:
        ids_are_continuous = ids is not None
    trades = Trades(
        id_,
        time,
        to_units(price, price_decimals, price_style, "price"),
        to_units(qty, qty_decimals, qty_style, "quantity"),
        _sides(given),
        _fills(given, rows),
    )
    floats = "float" in (price_style, qty_style)
    styles: Styles = {
        "price": price_style,
        "qty": qty_style,
        "quote": "float" if floats else "decimal",
        "average": "float" if price_style == "float" else "decimal",
    }
    unit = Instrument(
        "", MarketType.UM, "", price_decimals, qty_decimals, tick_size=tick, source="given"
    )
    last = int(time[-1]) if rows else 0
    end = last if until is None else max(last, moment(until))
    return HeldTape(trades, unit, ids_are_continuous, styles, _giver(tape), end)


def _as_table(tape: Any) -> pa.Table:
    if isinstance(tape, pa.Table):
        return tape
    if isinstance(tape, dict) or hasattr(tape, "__arrow_c_stream__"):
        return pa.table(tape)
    raise UsageError(
        f"a tape cannot be read from a {type(tape).__name__}",
        fix="Give open_tape(…), a polars, pandas or Arrow table, or a dict of NumPy arrays",
    )


def _giver(tape: Any) -> Callable[[pa.Table], Any]:
    family = type(tape).__module__.partition(".")[0]
    if family == "polars":
        return to_polars
    if family == "pandas":
        return lambda table: table.to_pandas()
    if isinstance(tape, dict):
        return lambda table: {name: table.column(name).to_numpy() for name in table.column_names}
    return lambda table: table


def _tick(tick_size: Any, price_decimals: int) -> int:
    """The exchange's step in price units; one unit where it is not given."""
    if tick_size is None:
        return 1
    units = exact(tick_size, "tick_size").scaleb(price_decimals)
    if units % 1:
        raise UsageError(
            f"tick_size {tick_size} is finer than the prices, which have {price_decimals} digits"
        )
    return int(units)


def _times(column: pa.ChunkedArray) -> NDArray[np.int64]:
    if pa.types.is_timestamp(column.type):
        zone = column.type.tz
        column = column.cast(pa.timestamp("us", tz=zone)).cast(pa.int64())
    if not pa.types.is_integer(column.type):
        raise UsageError(
            f"column 'time' is of type {column.type}",
            fix="Give timestamps, or integer microseconds UTC",
        )
    return to_units(column, 0, "int", "time")


def _sides(given: _Given) -> NDArray[np.int8]:
    maker = given.find("is_buyer_maker")
    if maker is not None:
        sold = maker.to_numpy().astype(bool)
        return np.where(sold, -1, 1).astype(np.int8)
    side = given.need("side")
    if pa.types.is_integer(side.type):
        values: NDArray[np.int8] = side.to_numpy().astype(np.int8)
    else:
        words = pc.utf8_lower(side.cast(pa.string()))
        buys = pc.is_in(words, pa.array(_BUYS)).to_numpy()
        sells = pc.is_in(words, pa.array(_SELLS)).to_numpy()
        values = buys.astype(np.int8) - sells.astype(np.int8)
    wrong = np.flatnonzero(np.abs(values) != 1)
    if len(wrong):
        raise UsageError(
            f"row {wrong[0]}: {side[int(wrong[0])]} is not a side",
            where="side",
            fix="Give +1/-1 or buy/sell, of the aggressor",
        )
    return values


def _fills(given: _Given, rows: int) -> NDArray[np.int32]:
    first, last, count = (given.find(name) for name in ("first_id", "last_id", "count"))
    if first is not None and last is not None:
        fills: NDArray[np.int32] = (last.to_numpy() - first.to_numpy() + 1).astype(np.int32)
        return fills
    return np.ones(rows, np.int32) if count is None else np.asarray(count, np.int32)


def _check_order(values: NDArray[np.int64], name: str, *, strictly: bool) -> None:
    steps = np.diff(values)
    wrong = np.flatnonzero(steps <= 0 if strictly else steps < 0)
    if len(wrong):
        raise UsageError(
            f"row {int(wrong[0]) + 1}: {name} goes back, from {values[wrong[0]]}"
            f" to {values[wrong[0] + 1]}",
            fix="Sort the trades by the exchange's id, drop rows that are there twice",
        )
