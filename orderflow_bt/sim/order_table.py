"""Own orders as the matching kernel keeps them: rows that come, end and are swept up."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from orderflow_bt.kernels import orders as k

if TYPE_CHECKING:
    from numpy.typing import NDArray

FIRST_ROWS = 32


class OrderTable:
    """The kernel's matrix of orders, and which order each row is.

    Rows of orders that ended are dropped whenever they could be half of all, so that a strategy
    that sends very many orders pays for those that are alive.

    Attributes:
        matrix: int64 [capacity, ORDER_FIELDS]; the first ``rows`` are in use.
        reports: int64 [enough, REPORT_FIELDS], for the kernel to write to.
        rows: Rows in use.
    """

    def __init__(self) -> None:
        self.matrix = np.zeros((FIRST_ROWS, k.ORDER_FIELDS), np.int64)
        self.reports = _reports(FIRST_ROWS)
        self.rows = 0
        self._ids: list[int] = []  # order id of each row
        self._row_of: dict[int, int] = {}
        self._sweep_at = FIRST_ROWS

    def drop_ended(self) -> None:
        """Empty the table where every order of it has ended: the tape can be passed over."""
        if not self.matrix[: self.rows, k.STATE].any():
            self._ids.clear()
            self._row_of.clear()
            self.rows = 0

    def row_of(self, order_id: int) -> int | None:
        """The row of an order; None where it ended and was swept up."""
        return self._row_of.get(order_id)

    def order_of(self, row: int) -> int:
        """The id of the order in a row."""
        return self._ids[row]

    def live_ids(self) -> list[int]:
        """Orders that can still fill, children of unfilled brackets included."""
        states = self.matrix[: self.rows, k.STATE].tolist()
        ended = (k.DONE, k.SPENT)
        return [self._ids[row] for row, state in enumerate(states) if state not in ended]

    def count_open(self) -> int:
        """Orders on their way to the exchange or there."""
        states = self.matrix[: self.rows, k.STATE]
        return int(np.count_nonzero((states != k.DONE) & (states < k.WAITING)))

    def add(self, order_id: int) -> NDArray[np.int64]:
        """A row of zeros for a new order."""
        if self.rows >= self._sweep_at:
            self._sweep()
        if self.rows == len(self.matrix):
            grown = np.zeros((2 * self.rows, k.ORDER_FIELDS), np.int64)
            grown[: self.rows] = self.matrix
            self.matrix = grown
            self.reports = _reports(2 * self.rows)
        self._row_of[order_id] = self.rows
        self._ids.append(order_id)
        self.rows += 1
        row: NDArray[np.int64] = self.matrix[self.rows - 1]
        row[:] = 0
        return row

    def _sweep(self) -> None:
        """Drop rows of orders that ended, keeping the order of the rest."""
        live = np.flatnonzero(self.matrix[: self.rows, k.STATE] != k.DONE)
        moved = {int(old): new for new, old in enumerate(live)}
        kept = self.matrix[live].copy()
        kept[:, k.PARENT] = [moved.get(int(parent), -1) for parent in kept[:, k.PARENT]]
        self.matrix[: len(live)] = kept
        self._ids = [self._ids[old] for old in live]
        self._row_of = {order_id: row for row, order_id in enumerate(self._ids)}
        self.rows = len(live)
        self._sweep_at = max(FIRST_ROWS, 2 * self.rows)


def _reports(rows: int) -> NDArray[np.int64]:
    return np.zeros((2 * k.REPORTS_PER_ORDER * (rows + 1), k.REPORT_FIELDS), np.int64)
