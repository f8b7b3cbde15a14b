"""Own orders as the matching kernel keeps them: rows that come, end and are swept up."""

from __future__ import annotations

from struct import Struct
from typing import TYPE_CHECKING, Any

import numpy as np

from orderflow_bt.kernels import orders as k
from orderflow_bt.kernels.liquidation import end_all
from orderflow_bt.kernels.memory import address_of
from orderflow_bt.kernels.solvency import find_openers

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from orderflow_bt.sim.buffer import Stretch
    from orderflow_bt.sim.logs import Plain
    from orderflow_bt.sim.state import KernelState

FIRST_ROWS = 32
_ROW = Struct(f"={k.ORDER_FIELDS}q")
_PLAIN = Struct(f"={k.EXPIRES}q{8 * (k.ORDER_FIELDS - k.EXPIRES)}s")
_NOTHING_MORE = Struct(f"={k.ORDER_FIELDS - k.EXPIRES}q").pack(*(
    k.NEVER if field in (k.EXPIRES, k.CANCEL_AT, k.TAKE_TIME, k.NEW_AT)
    else -1 if field == k.PARENT else 0
    for field in range(k.EXPIRES, k.ORDER_FIELDS)
))  # fmt: skip


class OrderTable:
    """All that the matching kernel knows: its matrix of orders, its state, what it reported.

    Rows of orders that ended are dropped whenever they could be half of all, so that a strategy
    that sends very many orders pays for those that are alive.

    Attributes:
        matrix: int64 [capacity, ORDER_FIELDS]; the first ``rows`` are in use.
        reports: int64 [enough, REPORT_FIELDS], for the kernel to write to.
        beside: int64 [capacity, 3], for what is found among them.
        rows: Rows in use.
        full_at: Rows at which there is none for another.
        tape: The stretch that the kernel was told of; None: it has not run since.
        settings: The kernel's settings vector.
        state: The kernel's state.
        slots: Its numbers, by `orderflow_bt.kernels.orders`.
    """

    def __init__(self, state: KernelState, settings: NDArray[np.int64]) -> None:
        self.matrix = np.zeros((FIRST_ROWS, k.ORDER_FIELDS), np.int64)
        self.reports = _reports(FIRST_ROWS)
        self.beside = np.zeros((FIRST_ROWS, 3), np.int64)
        self.rows = 0
        self.state = state
        self.settings = settings
        self._look()
        self.tape: Stretch | None = None
        self._row_of: dict[int, int] = {}
        self._sweep_at = self.full_at = FIRST_ROWS

    def _look(self) -> None:
        """Look at the arrays as plain memory, and tell the kernel where they lie."""
        self.slots = slots = self.state.slots
        self._bytes = self.matrix.data.cast("B")
        slots[k.AT_ORDERS], slots[k.N_ORDER_ROWS] = address_of(self.matrix), len(self.matrix)
        slots[k.AT_REPORTS], slots[k.N_REPORT_ROWS] = address_of(self.reports), len(self.reports)
        slots[k.AT_SETTINGS] = address_of(self.settings)
        find_openers(self.matrix, 0, 0, -1, self.beside)  # loaded now: no hook opens its file

    def __getstate__(self) -> dict[str, Any]:
        views = ("slots", "_bytes")
        return {name: value for name, value in self.__dict__.items() if name not in views}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state)
        self._look()
        if self.tape is not None:
            self.begin(self.tape)

    def begin(self, tape: Stretch) -> None:
        """Tell the kernel of the stretch in hand."""
        self.tape, slots = tape, self.slots
        lows, highs = self._blocks = tape.blocks
        slots[k.BASE], slots[k.END], slots[k.N_BLOCKS] = tape.base, tape.end, len(lows)
        slots[k.FIRST_BID], slots[k.FIRST_ASK] = tape.first_bid, tape.first_ask
        slots[k.AT_TIME], slots[k.AT_PRICE] = address_of(tape.time), address_of(tape.price)
        slots[k.AT_QTY], slots[k.AT_SIDE] = address_of(tape.qty), address_of(tape.side)
        slots[k.AT_ID] = address_of(tape.id)
        slots[k.AT_LOWS], slots[k.AT_HIGHS] = address_of(lows), address_of(highs)

    def end_all(self, time: int) -> None:
        """Have the exchange end every order, as it does where a position is liquidated."""
        self.slots[k.N_REPORTS] = self.slots[k.NOTED] = 0
        end_all(time, self.matrix, self.rows, self.state.vector, self.reports)

    def rest(self) -> None:
        """As the kernel, where there is no order and nothing that could happen to a position."""
        slots = self.slots
        slots[k.TO_DO] = 0
        slots[k.FINISHED] = 1
        slots[k.QUIET_ROW] = slots[k.QUIET_TIME] = k.NEVER

    def empty(self) -> None:
        """Drop every row, as each order of them has ended: the tape can be passed over."""
        self._row_of.clear()
        self.rows = 0

    def row_of(self, order_id: int) -> int | None:
        """The row of an order; None where it ended and was swept up."""
        return self._row_of.get(order_id)

    def order_of(self, row: int) -> int:
        """The id of the order in a row."""
        return self.matrix.item(row, k.ID)

    def live_ids(self) -> list[int]:
        """Orders that can still fill, children of unfilled brackets included."""
        rows = self.matrix[: self.rows, [k.STATE, k.ID]].tolist()
        return [order_id for state, order_id in rows if state not in (k.DONE, k.SPENT)]

    def count_open(self) -> int:
        """Orders on their way to the exchange or there."""
        states = self.matrix[: self.rows, k.STATE]
        return int(np.count_nonzero((states != k.DONE) & (states < k.WAITING)))

    def add(self, order_id: int, *values: int) -> None:
        """Give a new order a row; ``values`` are its columns."""
        self._row_of[order_id] = self.rows
        _ROW.pack_into(self._bytes, self.rows * _ROW.size, *values)
        self.rows += 1

    def add_plain(self, order_id: int, order: Plain, due: int, first: int) -> None:
        """As `add`, for an order that has nothing but its first columns: all up to its end."""
        row = self.rows
        self._row_of[order_id] = row
        kind, side, qty, price = order
        _PLAIN.pack_into(
            self._bytes, row * _ROW.size, k.PENDING, kind, side, price, qty, qty, due, first,
            order_id, price, _NOTHING_MORE,
        )  # fmt: skip
        self.rows = row + 1

    def make_room(self) -> None:
        """Let there be room for another row; rows may move."""
        if self.rows >= self._sweep_at:
            self._sweep()
        if self.rows == len(self.matrix):
            grown = np.zeros((2 * self.rows, k.ORDER_FIELDS), np.int64)
            grown[: self.rows] = self.matrix
            self.matrix = grown
            self.reports = _reports(2 * self.rows)
            self.beside = np.zeros((2 * self.rows, 3), np.int64)
            self._look()
        self.full_at = min(self._sweep_at, len(self.matrix))

    def _sweep(self) -> None:
        """Drop rows of orders that ended, keeping the order of the rest."""
        live = np.flatnonzero(self.matrix[: self.rows, k.STATE] != k.DONE)
        moved = {int(old): new for new, old in enumerate(live)}
        kept = self.matrix[live].copy()
        kept[:, k.PARENT] = [moved.get(int(parent), -1) for parent in kept[:, k.PARENT]]
        self.matrix[: len(live)] = kept
        self._row_of = {order_id: row for row, order_id in enumerate(kept[:, k.ID].tolist())}
        self.rows = len(live)
        self._sweep_at = max(FIRST_ROWS, 2 * self.rows)


def _reports(rows: int) -> NDArray[np.int64]:
    return np.zeros((k.REPORTS_PER_ORDER * (rows + 1), k.REPORT_FIELDS), np.int64)
