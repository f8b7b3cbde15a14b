"""The stretch of tape in hand: the latest chunk, and the tail that queue estimates look over."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from orderflow_bt.kernels.quotes import NO_PRICE, quotes_before

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from orderflow_bt.types import Trades


class TapeBuffer:
    """Columns that grow at the end and forget at the start, without changing any answer.

    Attributes:
        time, price, qty, side, id: Columns; rows ``[0, end)`` are valid.
        base: Tape index of row 0.
        first_bid, first_ask: Quote proxies just before row 0.
    """

    def __init__(self, keep: int, tick: int) -> None:
        self._keep = keep
        self._tick = tick
        self.end = 0
        self.base = 0
        self.first_bid = NO_PRICE
        self.first_ask = NO_PRICE
        self._capacity = 4 * keep
        self.time = np.empty(self._capacity, np.int64)
        self.price = np.empty(self._capacity, np.int64)
        self.qty = np.empty(self._capacity, np.int64)
        self.side = np.empty(self._capacity, np.int8)
        self.id = np.empty(self._capacity, np.int64)

    def _grow(self, capacity: int) -> None:
        self._capacity = capacity
        for name in ("time", "price", "qty", "side", "id"):
            old = getattr(self, name)
            new = np.empty(capacity, old.dtype)
            new[: self.end] = old[: self.end]
            setattr(self, name, new)

    @property
    def _columns(self) -> tuple[NDArray[Any], ...]:
        return self.time, self.price, self.qty, self.side, self.id

    def append(self, trades: Trades) -> int:
        """Add trades at the end; returns the row of the first of them."""
        rows = trades.rows
        if self.end + rows > self._capacity:
            self._forget(max(0, self.end - self._keep))
        if self.end + rows > self._capacity:
            self._grow(2 * (self.end + rows))
        first = self.end
        self.end += rows
        new = (trades.time, trades.price, trades.qty, trades.side, trades.id)
        for column, values in zip(self._columns, new, strict=True):
            column[first : self.end] = values
        return first

    def _forget(self, rows: int) -> None:
        """Drop the oldest rows, keeping the quotes that they led to."""
        self.first_bid, self.first_ask = self.quotes(rows)
        for column in self._columns:
            column[: self.end - rows] = column[rows : self.end].copy()
        self.end -= rows
        self.base += rows

    def quotes(self, row: int) -> tuple[int, int]:
        """Inferred (bid, ask) just before ``row``; ``NO_PRICE`` where unknown."""
        bid, ask = quotes_before(
            self.price, self.side, row, self._tick, self.first_bid, self.first_ask
        )
        return int(bid), int(ask)
