"""Every order and every fill of a session, as numbers; records are made when somebody looks."""

from __future__ import annotations

from collections.abc import Sequence
from struct import Struct
from typing import TYPE_CHECKING, Any, TypeVar, overload

from orderflow_bt.kernels import orders as k
from orderflow_bt.kernels import records as r
from orderflow_bt.sim.rounding import cents
from orderflow_bt.sim.state import Chunks, KernelState
from orderflow_bt.strategy.api import Fill, Order

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    import numpy as np
    from numpy.typing import NDArray

    from orderflow_bt.sim.shelf import Shelf

Record = TypeVar("Record")

ABSENT = r.ABSENT  # in columns, for None
CHUNK = r.CHUNK  # rows are kept by this many
CHUNK_BITS = r.CHUNK_BITS

# Places in an order's row.
(
    PRICE, ARRIVAL, DONE, STATUS, FILLED, QTY, AHEAD, WHY, LIMIT_PRICE, TRIGGERED, PARENT, ROLE,
    SIDE, TRAIL, KIND, DECISION,
) = map(Order._fields.index, (
    "price", "arrival_time", "done_time", "status", "filled_qty", "qty", "ahead", "why",
    "limit_price", "trigger_time", "parent_id", "role", "side", "trail", "kind",
    "decision_time",
))  # fmt: skip
_TEXTS = {KIND, ROLE, STATUS, WHY}

# Words of an order's row, each by its code: the kernel's numbers.
KINDS = ("market", "limit", "stop", "stop_limit", "trailing_stop", "if_touched")
ROLES = ("entry", "stop", "target", "exit", "gap", "end", "liquidation")
STATUSES = (
    "waiting", "sent", "working", "triggered", "filled", "cancelled", "expired", "rejected",
)  # fmt: skip
ENDED = frozenset(STATUSES[r.ENDED :])
REASONS = {
    k.ON_REQUEST: "",
    k.POST_ONLY_WOULD_TAKE: "post-only, but it would have taken",
    k.OCO_FILLED: "the other leg filled",
    k.NOTHING_TO_REDUCE: "no position left to reduce",
    k.ENTRY_NEVER_FILLED: "its entry ended unfilled",
    k.IMMEDIATE_REST: "immediate-or-cancel: the rest",
    k.TOO_SLOW: "not filled in time by what was traded",
    k.NOT_WHOLE: "fill-or-kill: not to be had whole at once",
    k.PRICE_BOUND: "the market went beyond its worst price",
    k.NOTHING_LEFT: "changed to no more than was filled",
    k.LIQUIDATION: "the position was liquidated",
    k.TRADES_MISSING: "trades are missing",
}
RULES = ("took", "touch", "queue", "through", "end", "liquidated")
KIND_CODE, ROLE_CODE, STATUS_CODE, RULE_CODE = (
    {word: code for code, word in enumerate(words)} for words in (KINDS, ROLES, STATUSES, RULES)
)
FILL_COLUMNS = (
    "order_id", "time", "trade_id", "side", "qty", "price", "role", "maker", "rule", "ahead",
    "slippage_ticks", "fee", "event_id", "reference", "spread_ticks", "bps_ticks", "impact_ticks",
    "round_trip",
)  # fmt: skip
Plain = tuple[int, int, int, int]  # an order by market or limit: kind, side, lots, price or 0

_ORDER = Struct(f"={r.ORDER_RECORD}q")
_PLAIN = Struct(f"={r.O_DONE}q{8 * (r.ORDER_RECORD - r.O_DONE)}s")
_NOTHING_YET = Struct(f"={r.ORDER_RECORD - r.O_DONE}q").pack(*(
    {r.O_STATUS: r.SENT, r.O_FILLED: 0, r.O_WHY: k.ON_REQUEST}.get(place, ABSENT)
    for place in range(r.O_DONE, r.ORDER_RECORD)
))  # fmt: skip
_FILL = Struct(f"={r.FILL_RECORD}q")
_LIQUIDITY = ("taker", "maker")


class _Log(Sequence[Record]):
    """A sequence whose records are made one by one; equal to any other that holds the same."""

    def record(self, number: int) -> Record:
        """The record at a place from 0 on."""
        raise NotImplementedError

    @overload
    def __getitem__(self, index: int) -> Record: ...
    @overload
    def __getitem__(self, index: slice) -> list[Record]: ...
    def __getitem__(self, index: int | slice) -> Record | list[Record]:
        numbers = range(len(self))[index]
        if isinstance(numbers, range):
            return [self.record(number) for number in numbers]
        return self.record(numbers)

    def __iter__(self) -> Iterator[Record]:
        return map(self.record, range(len(self)))

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Sequence):
            return NotImplemented
        return len(self) == len(other) and all(a == b for a, b in zip(self, other, strict=True))

    __hash__ = None  # type: ignore[assignment] # compared by what it holds


class OrderLog(_Log[Order]):
    """Orders by id: the columns of `Order`, texts by their codes."""

    def __init__(self, state: KernelState) -> None:
        self._rows = Chunks(state, k.AT_ORDER_LOG, r.ORDER_RECORD)
        self._count = 0
        self._words = list(REASONS.values())
        self._code: dict[str, int] = {}

    def __len__(self) -> int:
        return self._count

    def add(self, *values: int) -> None:
        """Take in the next order, whose id is its place; ABSENT for none."""
        if self._count == self._rows.room:
            self._rows.grow()
        _ORDER.pack_into(*self._rows.place(self._count), *values)
        self._count += 1

    def add_plain(self, order: Plain, now: int, arrival: int) -> int:
        """Take in the next order, an entry sent now and nothing more; returns its id."""
        number, rows = self._count, self._rows
        if number == rows.room:
            rows.grow()
        kind, side, qty, price = order
        chunk, at = rows.place(number)
        _PLAIN.pack_into(
            chunk, at, number, ABSENT, kind, 0, side, qty, price or ABSENT, now, arrival,
            _NOTHING_YET,
        )  # fmt: skip
        self._count = number + 1
        return number

    def shelve(self, shelf: Shelf) -> None:
        """Have orders that ended put away there."""
        self._rows.shelve(shelf)

    def put_away(self, busy: Iterable[int]) -> None:
        """Put orders away where they are many, but for those near the ``busy`` ones."""
        chunks = {order_id >> CHUNK_BITS for order_id in busy}
        self._rows.put_away(self._count - CHUNK, chunks)

    def row(self, order_id: int) -> memoryview:
        """An order's numbers, to be changed in place."""
        return self._rows.row(order_id)

    def array(self, order_id: int) -> NDArray[np.int64]:
        """As `row`, for a kernel."""
        return self._rows.array(order_id)

    def why(self, word: str) -> int:
        """The code of a reason that is not the kernel's."""
        if not word:
            return k.ON_REQUEST
        code = self._code.get(word)
        if code is None:
            code = self._code[word] = len(self._words)
            self._words.append(word)
        return code

    def columns(self) -> dict[str, Any]:
        """By name of field: int64 with ABSENT for none, texts as lists."""
        if not self._count:
            return {name: [] for name in Order._fields}
        return self._columns(self._rows.rows(0, self._count).copy())  # orders still change

    def blocks(self) -> Iterator[dict[str, Any]]:
        """As `columns`, some orders at a time."""
        return map(self._columns, self._rows.blocks(self._count))

    def _columns(self, table: NDArray[np.int64]) -> dict[str, Any]:
        columns: dict[str, Any] = dict(zip(Order._fields, table.T, strict=True))
        for place in _TEXTS:
            known = self._known(place)
            columns[Order._fields[place]] = [known[code] for code in table[:, place].tolist()]
        return columns

    def record(self, number: int) -> Order:
        """An order as it stands."""
        return self.made(_ORDER.unpack_from(*self._rows.place(number)))

    def made(self, numbers: Sequence[int]) -> Order:
        """The order of a row."""
        row: list[Any] = [None if value == ABSENT else value for value in numbers]
        for place in _TEXTS:
            row[place] = self._known(place)[row[place]]
        return Order._make(row)

    def _known(self, place: int) -> Sequence[str]:
        return {KIND: KINDS, ROLE: ROLES, STATUS: STATUSES, WHY: self._words}[place]


class FillLog(_Log[Fill]):
    """Fills in order, each with the round trip that it opened or closed: a kernel writes them.

    Attributes:
        written: How many there are.
    """

    def __init__(self, state: KernelState) -> None:
        self._state = state
        self._rows = Chunks(state, k.AT_FILL_LOG, r.FILL_RECORD)
        self.written = 0

    def __len__(self) -> int:
        return self.written

    def shelve(self, shelf: Shelf) -> None:
        """Have early fills put away there."""
        self._rows.shelve(shelf)

    def put_away(self) -> None:
        """Put fills away, but for the latest."""
        self._rows.put_away(self.written - CHUNK)

    def make_room(self, rows: int) -> None:
        """Let there be room for so many more."""
        slots = self._state.slots
        while slots[k.N_FILLS] + rows > self._rows.room:
            self._rows.grow()
        slots[k.FILL_ROOM] = self._rows.room

    def time_of(self, number: int) -> int:
        """When a fill was."""
        return self._rows.value(number, r.F_TIME)

    def array(self, number: int) -> NDArray[np.int64]:
        """A fill's numbers, as in FILL_COLUMNS."""
        return self._rows.array(number)

    def rows(self, first: int, stop: int) -> NDArray[np.int64]:
        """Int64 [stop - first, columns], as in FILL_COLUMNS."""
        return self._rows.rows(first, stop)

    def columns(self) -> dict[str, NDArray[np.int64]]:
        """Int64 by name, as in FILL_COLUMNS: fees in hundred-millionths, ABSENT for no event."""
        return dict(zip(FILL_COLUMNS, self.rows(0, self.written).T, strict=True))

    def blocks(self) -> Iterator[dict[str, NDArray[np.int64]]]:
        """As `columns`, some fills at a time."""
        for rows in self._rows.blocks(self.written):
            yield dict(zip(FILL_COLUMNS, rows.T, strict=True))

    def record(self, number: int) -> Fill:
        """A fill by its number."""
        chunk, at = self._rows.place(number)
        (
            order_id, time, trade_id, side, qty, price, role, maker, rule, ahead, slippage, fee,
            event, reference, spread, bps, impact, _,
        ) = _FILL.unpack_from(chunk, at)  # fmt: skip
        made = (
            number, order_id, time, trade_id, side, qty, price, ROLES[role], _LIQUIDITY[maker],
            RULES[rule], ahead, slippage, cents(fee), None if event == ABSENT else event,
            reference, spread, bps, impact,
        )  # fmt: skip
        return tuple.__new__(Fill, made)
