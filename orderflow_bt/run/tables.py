"""The tables of a run folder: their columns, types and rows, some rows at a time."""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa

from orderflow_bt.flow import events as ev
from orderflow_bt.sim.funding import FundingPayment
from orderflow_bt.sim.logs import ABSENT, ROLES, RULES
from orderflow_bt.sim.marks import EquityRow
from orderflow_bt.sim.trips import RoundTrip
from orderflow_bt.types import Bar

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence
    from decimal import Decimal

    from numpy.typing import NDArray

    from orderflow_bt.run.columns import EquityColumns, FillColumns, OrderCounts, TripColumns
    from orderflow_bt.run.recorder import Recorder
    from orderflow_bt.sim.logs import FillLog, OrderLog

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
        columns = [pa.array(matrix[:, k]) for k in range(len(schema))]
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
        if not isinstance(values, pa.Array):
            absent = values == ABSENT if isinstance(values, np.ndarray) else None
            values = pa.array(values, field.type, mask=absent)
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


def equity_pieces(rows: Iterator[EquityRow], taken: EquityColumns) -> Iterator[pa.Table]:
    """The account at every bar close."""
    for some in _or_none(iter(lambda: list(islice(rows, ROWS)), [])):
        taken.take(some)
        columns: dict[str, Any] = _columns_of(some, EquityRow)
        yield _from_columns("equity", {**columns, "equity": _repeated(columns["equity"])})


def _repeated(amounts: Sequence[Decimal]) -> pa.Array:
    """Money of which many are one object, as it stays while nothing is held: made once."""
    different = {id(amount): amount for amount in amounts}
    places = {key: place for place, key in enumerate(different)}
    made = pa.array(list(different.values()), MONEY)
    return made.take(pa.array([places[id(amount)] for amount in amounts], INT))


def events_pieces(
    recorder: Recorder, orders: OrderCounts, skipped: Mapping[int, str]
) -> Iterator[pa.Table]:
    """Events, and what the strategy made of each: of some came an order, some it skipped."""
    words = recorder.words
    yield SCHEMAS["events"].empty_table()
    for rows in recorder.events.blocks():
        actions = [
            skipped.get(number) or ("order" if number in orders.caused_by else "")
            for number in rows[:, ev.ID].tolist()
        ]
        columns = {
            "id": rows[:, ev.ID],
            "known_at": rows[:, ev.KNOWN_AT],
            "detector": [words[source].detector for source in rows[:, ev.SOURCE].tolist()],
            "kind": [words[s].kinds[k] for s, k in rows[:, [ev.SOURCE, ev.KIND]].tolist()],
            "direction": rows[:, ev.DIRECTION],
            "state": [words[s].states[k] for s, k in rows[:, [ev.SOURCE, ev.STATE]].tolist()],
            "price_low": rows[:, ev.PRICE_LOW],
            "price_high": rows[:, ev.PRICE_HIGH],
            "price": rows[:, ev.PRICE],
            "strength": np.ascontiguousarray(rows[:, ev.STRENGTH]).view(np.float64),
            "spans_gap": rows[:, ev.SPANS_GAP].astype(np.bool_),
            "action": actions,
        }
        yield pa.Table.from_pydict(columns, schema=SCHEMAS["events"])
