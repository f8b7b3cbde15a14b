"""The tables of a run folder: their columns, types and rows, some rows at a time."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa

from orderflow_bt.flow import events as ev
from orderflow_bt.sim.funding import FundingPayment
from orderflow_bt.sim.logs import ABSENT, ROLES, RULES
from orderflow_bt.sim.rounding import cents
from orderflow_bt.sim.trips import RoundTrip
from orderflow_bt.types import Bar

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from numpy.typing import NDArray

    from orderflow_bt.run.columns import EquityColumns, FillColumns, OrderCounts, TripColumns
    from orderflow_bt.run.recorder import Recorder
    from orderflow_bt.sim.logs import FillLog, OrderLog
    from orderflow_bt.sim.marks import EquityBlock

INT, TEXT, FLOAT, FLAG = pa.int64(), pa.string(), pa.float64(), pa.bool_()
MONEY = pa.decimal128(38, 8)
RATE = pa.decimal128(38, 12)

SCHEMAS: dict[str, pa.Schema] = {
    "orders": pa.schema(
        {
            "id": INT, "parent_id": INT, "kind": TEXT, "role": TEXT, "side": INT, "qty": INT,
            "price": INT, "decision_time": INT, "arrival_time": INT, "done_time": INT,
            "status": TEXT, "filled_qty": INT, "ahead": INT, "reason": TEXT, "event_id": INT,
            "round_trip": INT, "limit_price": INT, "trail": INT, "worst_price": INT,
            "trigger_time": INT,
        }
    ),
    "fills": pa.schema(
        {
            "id": INT, "order_id": INT, "round_trip": INT, "time": INT, "trade_id": INT,
            "side": INT, "qty": INT, "price": INT, "role": TEXT, "liquidity": TEXT,
            "rule": TEXT, "ahead": INT, "slippage_ticks": INT, "fee": MONEY, "reference": INT,
            "spread_ticks": INT, "bps_ticks": INT, "impact_ticks": INT,
        }
    ),
    "round_trips": pa.schema(
        {
            "id": INT, "side": INT, "entry_time": INT, "exit_time": INT, "qty": INT,
            "entry_price": FLOAT, "exit_price": FLOAT, "stop_price": INT, "target_price": INT,
            "gross_pnl": MONEY, "fees": MONEY, "funding": MONEY, "net_pnl": MONEY, "risk": MONEY,
            "r_multiple": FLOAT, "mae_ticks": INT, "mfe_ticks": INT, "mae_money": MONEY,
            "mfe_money": MONEY, "exit_role": TEXT,
            "event_id": INT, "is_open": FLAG, "spans_gap": FLAG,
        }
    ),
    "funding": pa.schema(
        {
            "time": INT, "rate": RATE, "interval_hours": INT, "mark": RATE, "mark_source": TEXT,
            "position": INT, "amount": MONEY, "round_trip": INT,
        }
    ),
    "equity": pa.schema({"time": INT, "equity": MONEY, "position": INT, "price": INT}),
    "events": pa.schema(
        {
            "id": INT, "known_at": INT, "detector": TEXT, "kind": TEXT, "direction": INT,
            "state": TEXT, "price_low": INT, "price_high": INT, "price": INT, "strength": FLOAT,
            "spans_gap": FLAG, "action": TEXT,
        }
    ),
    "bars": pa.schema(dict.fromkeys(Bar._fields, INT)),
    "footprints": pa.schema(
        dict.fromkeys(
            ("round_trip", "open_time", "price_low", "bid", "ask", "bid_count", "ask_count"), INT
        )
    ),
}  # fmt: skip


NAMES = tuple(SCHEMAS)
ROWS = 1 << 12  # of a piece, about


def from_matrices(name: str, matrices: Iterable[NDArray[np.int64]]) -> Iterator[pa.Table]:
    """An all-integer table of the run folder from int64 [rows, columns] matrices."""
    schema = SCHEMAS[name]
    yield schema.empty_table()
    for matrix in matrices:
        columns = [pa.array(column) for column in np.ascontiguousarray(matrix.T)]
        yield pa.Table.from_arrays(columns, schema=schema)


def orders_pieces(orders: OrderLog, fills: FillLog, counts: OrderCounts) -> Iterator[pa.Table]:
    """Orders, each with the round trip it traded in, of several the last."""
    trip = np.full(len(orders), ABSENT, np.int64)
    for block in fills.blocks():
        trip[block["order_id"]] = block["round_trip"]
    done = 0
    yield SCHEMAS["orders"].empty_table()
    for columns in orders.blocks():
        counts.take(columns)
        own = trip[done : done + len(columns["status"])]
        done += len(own)
        yield _from_columns("orders", {**columns, "reason": columns["why"], "round_trip": own})


def fills_pieces(fills: FillLog, taken: FillColumns) -> Iterator[pa.Table]:
    """Fills, each with its round trip."""
    words = {"role": ROLES, "rule": RULES, "liquidity": ("taker", "maker")}
    done = 0
    yield SCHEMAS["fills"].empty_table()
    for columns in fills.blocks():
        taken.take(columns)
        codes: dict[str, Any] = {**columns, "liquidity": columns["maker"]}
        texts = {name: _texts(codes[name], known) for name, known in words.items()}
        fees = _cents(columns["fee"])
        numbers = np.arange(done, done + len(fees))
        done += len(fees)
        yield _from_columns("fills", {**columns, **texts, "fee": fees, "id": numbers})


def _texts(codes: NDArray[np.int64], words: Sequence[str]) -> pa.Array:
    return pa.array(words, TEXT).take(pa.array(codes))


def _cents(amounts: NDArray[np.int64]) -> pa.Array:
    """Hundred-millionths as money."""
    words = np.empty((len(amounts), 2), np.int64)  # of a little-endian 128-bit integer
    words[:, 0], words[:, 1] = amounts, amounts >> 63
    return pa.Array.from_buffers(MONEY, len(amounts), [None, pa.py_buffer(words)])


def _columns_of(records: Sequence[Any], kind: Any) -> dict[str, list[Any]]:
    """The fields of named tuples, each as a list."""
    return {name: [record[k] for record in records] for k, name in enumerate(kind._fields)}


def _from_columns(name: str, columns: Mapping[str, Any]) -> pa.Table:
    """A table of the run folder from columns, in which ABSENT stands for none."""
    schema, made = SCHEMAS[name], []
    for field in schema:
        values = columns[field.name]
        if isinstance(values, np.ndarray):
            absent = values == ABSENT
            values = pa.array(values, field.type, mask=absent if absent.any() else None)
        elif not isinstance(values, pa.Array):
            values = pa.array(values, field.type)
        made.append(values)
    return pa.Table.from_arrays(made, schema=schema)


def trips_pieces(trips: Iterable[RoundTrip], taken: TripColumns) -> Iterator[pa.Table]:
    """Round trips in order of entry, one still open last."""
    for some in _or_none(taken.take(trips, ROWS)):
        columns = _columns_of(some, RoundTrip)
        for name in ("entry_price", "exit_price"):
            columns[name] = [None if price is None else float(price) for price in columns[name]]
        yield _from_columns("round_trips", columns)


def _or_none(blocks: Iterator[list[Any]]) -> Iterator[list[Any]]:
    """The blocks, or where there is none an empty one."""
    yield next(blocks, [])
    yield from blocks


def funding_table(payments: list[FundingPayment]) -> pa.Table:
    """What funding took from the account, or gave, payment by payment."""
    return _from_columns("funding", _columns_of(payments, FundingPayment))


def equity_pieces(blocks: Iterable[EquityBlock], taken: EquityColumns) -> Iterator[pa.Table]:
    """The account at every bar close."""
    yield SCHEMAS["equity"].empty_table()
    for block in blocks:
        taken.take(block)
        yield _from_columns("equity", {**block._asdict(), "equity": _money(block.cents)})


def _money(amounts: NDArray[Any]) -> pa.Array:
    """Hundred-millionths as money, objects where some are in no int64."""
    if amounts.dtype == object:
        return pa.array([cents(amount) for amount in amounts.tolist()], MONEY)
    return _cents(amounts)


def events_pieces(
    recorder: Recorder, orders: OrderCounts, skipped: Mapping[int, str]
) -> Iterator[pa.Table]:
    """Events, and what the strategy made of each: of some came an order, some it skipped."""
    words = recorder.words
    detectors = pa.array([of.detector for of in words], TEXT)
    kinds, states = _Words([of.kinds for of in words]), _Words([of.states for of in words])
    actions = _Actions(skipped, orders.caused_by)
    yield SCHEMAS["events"].empty_table()
    for rows in recorder.events.blocks():
        columns = np.ascontiguousarray(rows.T)
        source = columns[ev.SOURCE]
        made = {
            "id": columns[ev.ID],
            "known_at": columns[ev.KNOWN_AT],
            "detector": detectors.take(pa.array(source)),
            "kind": kinds.of(source, columns[ev.KIND]),
            "direction": columns[ev.DIRECTION],
            "state": states.of(source, columns[ev.STATE]),
            "price_low": columns[ev.PRICE_LOW],
            "price_high": columns[ev.PRICE_HIGH],
            "price": columns[ev.PRICE],
            "strength": pa.array(columns[ev.STRENGTH].view(np.float64)),
            "spans_gap": pa.array(columns[ev.SPANS_GAP].astype(np.bool_)),
            "action": actions.of(columns[ev.ID]),
        }
        yield pa.Table.from_arrays(
            [value if isinstance(value, pa.Array) else pa.array(value) for value in made.values()],
            schema=SCHEMAS["events"],
        )


class _Words:
    """Words of several sources, each of which numbers its own from 0."""

    def __init__(self, by_source: Sequence[Sequence[str]]) -> None:
        self._words = pa.array([word for words in by_source for word in words], TEXT)
        self._first = np.cumsum([0, *map(len, by_source)])

    def of(self, source: NDArray[np.int64], number: NDArray[np.int64]) -> pa.Array:
        """Those of some numbers, each of a source."""
        return self._words.take(pa.array(self._first[source] + number))


class _Actions:
    """What a strategy made of events.

    Args:
        skipped: Why it skipped some, by their ids.
        ordered: int64, ids of those it sent an order for.
    """

    def __init__(self, skipped: Mapping[int, str], ordered: NDArray[np.int64]) -> None:
        ids = np.fromiter(skipped, np.int64, len(skipped))
        why = pa.array(skipped.values(), TEXT).dictionary_encode()
        words = why.dictionary.to_pylist()
        place = why.indices.to_numpy()
        told = np.flatnonzero(np.array([word != "" for word in words], np.bool_)[place])
        told = told[np.argsort(ids[told])]
        self._ids, self._why = ids[told], place[told].astype(np.int64) + 2
        self._words = pa.array(["", "order", *words], TEXT)
        self._ordered = ordered

    def of(self, ids: NDArray[np.int64]) -> pa.Array:
        """Of each of some events; empty where it was not heard of again."""
        made = np.isin(ids, self._ordered).astype(np.int64)
        if len(self._ids):
            places = np.minimum(np.searchsorted(self._ids, ids), len(self._ids) - 1)
            is_skipped = self._ids[places] == ids
            made[is_skipped] = self._why[places[is_skipped]]
        return self._words.take(pa.array(made))
