"""Every order and every fill of a session, as numbers; records are made when somebody looks."""

from __future__ import annotations

from collections.abc import Sequence
from struct import Struct
from typing import TYPE_CHECKING, Any, TypeVar, overload

import numpy as np

from orderflow_bt.sim.rounding import cents
from orderflow_bt.strategy.api import Fill, Order

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

Record = TypeVar("Record")

ABSENT = -(2**63)  # in columns, for None
CHUNK_BITS = 12  # rows are kept by this many
CHUNK = 1 << CHUNK_BITS

# Places in an order's row.
(
    PRICE, ARRIVAL, DONE, STATUS, FILLED, QTY, AHEAD, WHY, LIMIT_PRICE, TRIGGERED, PARENT, ROLE,
    SIDE, EVENT, TRAIL, KIND,
) = map(Order._fields.index, (
    "price", "arrival_time", "done_time", "status", "filled_qty", "qty", "ahead", "why",
    "limit_price", "trigger_time", "parent_id", "role", "side", "event_id", "trail", "kind",
))  # fmt: skip
TEXTS = (KIND, ROLE, STATUS, WHY)
ENDED = frozenset(("filled", "cancelled", "expired", "rejected"))

ROLES = ("entry", "stop", "target", "exit", "gap", "end", "liquidation")
RULES = ("took", "touch", "queue", "through", "end", "liquidated")
ROLE_CODE = {role: code for code, role in enumerate(ROLES)}
RULE_CODE = {rule: code for code, rule in enumerate(RULES)}
FILL_COLUMNS = (
    "order_id", "time", "trade_id", "side", "qty", "price", "role", "maker", "rule", "ahead",
    "slippage_ticks", "fee", "event_id", "reference", "spread_ticks", "bps_ticks", "impact_ticks",
    "round_trip",
)  # fmt: skip
_FILL = Struct(f"<{len(FILL_COLUMNS)}q")


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
    """Orders by id. Those that can still change are lists of `Order`'s fields."""

    def __init__(self) -> None:
        self._open: dict[int, list[Any]] = {}
        self._count = 0
        self._chunks: list[NDArray[np.int64]] = []  # [CHUNK, fields], by id
        self._words: list[str] = []
        self._code: dict[str, int] = {}

    def __len__(self) -> int:
        return self._count

    def add(self, row: list[Any]) -> None:
        """Take in the next order, whose id is its place."""
        self._open[self._count] = row
        self._count += 1

    def row(self, order_id: int) -> list[Any]:
        """An order's fields, to be changed in place."""
        row = self._open.get(order_id)
        if row is None:
            row = self._open[order_id] = self._unpacked(order_id)
        return row

    def pack(self) -> list[int]:
        """Turn the rows of orders that ended into columns, where they are many; their ids."""
        if len(self._open) < CHUNK:
            return []
        ended = [order_id for order_id, row in self._open.items() if row[STATUS] in ENDED]
        for order_id in ended:
            self._write(self._chunks, order_id, self._open.pop(order_id))
        return ended

    def columns(self) -> dict[str, Any]:
        """By name of field: int64 with ABSENT for none, texts as lists."""
        chunks = [chunk.copy() for chunk in self._chunks] if self._open else self._chunks
        for order_id, row in self._open.items():
            self._write(chunks, order_id, row)
        if not chunks:
            return {name: [] for name in Order._fields}
        table = np.concatenate(chunks)[: self._count]
        columns: dict[str, Any] = dict(zip(Order._fields, table.T, strict=True))
        for place in TEXTS:
            codes = table[:, place].tolist()
            columns[Order._fields[place]] = [self._words[code] for code in codes]
        return columns

    def record(self, number: int) -> Order:
        """An order as it stands."""
        row = self._open.get(number)
        return Order._make(self._unpacked(number) if row is None else row)

    def _write(self, chunks: list[NDArray[np.int64]], order_id: int, row: list[Any]) -> None:
        while len(chunks) <= order_id >> CHUNK_BITS:
            chunks.append(np.empty((CHUNK, len(Order._fields)), np.int64))
        numbers = [ABSENT if value is None else value for value in row]
        for place in TEXTS:
            numbers[place] = self._coded(row[place])
        chunks[order_id >> CHUNK_BITS][order_id & (CHUNK - 1)] = numbers

    def _coded(self, word: str) -> int:
        code = self._code.get(word)
        if code is None:
            code = self._code[word] = len(self._words)
            self._words.append(word)
        return code

    def _unpacked(self, order_id: int) -> list[Any]:
        numbers = self._chunks[order_id >> CHUNK_BITS][order_id & (CHUNK - 1)].tolist()
        row = [None if value == ABSENT else value for value in numbers]
        for place in TEXTS:
            row[place] = self._words[numbers[place]]
        return row


class FillLog(_Log[Fill]):
    """Fills in order, each with the round trip that it opened or closed."""

    def __init__(self) -> None:
        self._count = 0
        self._chunks: list[bytearray] = []

    def __len__(self) -> int:
        return self._count

    def add(self, *values: int) -> int:
        """Write down a fill by the values of FILL_COLUMNS; returns its number."""
        number = self._count
        if number & (CHUNK - 1) == 0:
            self._chunks.append(bytearray(_FILL.size * CHUNK))
        _FILL.pack_into(self._chunks[-1], (number & (CHUNK - 1)) * _FILL.size, *values)
        self._count = number + 1
        return number

    def columns(self) -> dict[str, NDArray[np.int64]]:
        """Int64 by name, as in FILL_COLUMNS: fees in hundred-millionths, ABSENT for no event."""
        flat = np.frombuffer(bytearray().join(self._chunks), "<i8").astype(np.int64, copy=False)
        table = flat.reshape(-1, len(FILL_COLUMNS))[: self._count]
        return dict(zip(FILL_COLUMNS, table.T, strict=True))

    def record(self, number: int) -> Fill:
        """A fill by its number."""
        (
            order_id, time, trade_id, side, qty, price, role, maker, rule, ahead, slippage, fee,
            event, reference, spread, bps, impact, _,
        ) = _FILL.unpack_from(
            self._chunks[number >> CHUNK_BITS], (number & (CHUNK - 1)) * _FILL.size
        )  # fmt: skip
        return Fill(
            number, order_id, time, trade_id, side, qty, price, ROLES[role],
            "maker" if maker else "taker", RULES[rule], ahead, slippage, cents(fee),
            None if event == ABSENT else event, reference, spread, bps, impact,
        )  # fmt: skip
