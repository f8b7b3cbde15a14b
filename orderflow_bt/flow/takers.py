"""Taker clusters: trades that look like one aggressive order, put together again."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from orderflow_bt.kernels import takers as k

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from orderflow_bt.types import Trades


class Described(NamedTuple):
    """Where clusters began and ended: int64 columns."""

    side: NDArray[np.int64]
    time: NDArray[np.int64]
    first: NDArray[np.int64]  # price
    last: NDArray[np.int64]  # price
    rows: NDArray[np.int64]  # trades


class Clusters(NamedTuple):
    """The clusters that a piece of tape completes, as int64 columns.

    Attributes:
        opened: The cluster that was open before the piece (see `orderflow_bt.kernels.takers`).
        ends: The row that completed each: the first that does not belong to it.
        amounts: Lots.
        values: Sums of price x quantity.
        levels: Distinct prices.
    """

    opened: NDArray[np.int64]
    ends: NDArray[np.int64]
    amounts: NDArray[np.int64]
    values: NDArray[np.int64]
    levels: NDArray[np.int64]

    def describe(self, chosen: NDArray[np.int64], trades: Trades) -> Described:
        """Sides, times and prices of some of them; ``trades`` is the piece."""
        end = self.ends[chosen]
        begin = np.where(chosen > 0, self.ends[chosen - 1], 0)
        columns = Described(
            trades.side[begin].astype(np.int64),
            trades.time[begin],
            trades.price[begin],
            trades.price[end - 1],
            end - begin,
        )
        if len(chosen) and chosen[0] == 0 and self.opened[k.SIDE]:  # began before the piece
            opened = self.opened
            columns.side[0], columns.time[0] = opened[k.SIDE], opened[k.TIME]
            columns.first[0] = opened[k.FIRST_PRICE]
            columns.rows[0] += opened[k.ROWS]
            if end[0] == 0:
                columns.last[0] = opened[k.LAST_PRICE]
        return columns


class TakerFeed:
    """Finds the clusters of a tape that comes in pieces, once for all who ask for a piece."""

    def __init__(self) -> None:
        self._opened: NDArray[np.int64] = np.zeros(k.OPEN_FIELDS, np.int64)
        self._columns: NDArray[np.int64] = np.empty((4, 0), np.int64)  # fresh ones are slow
        self._trades: Trades | None = None
        self._found: Clusters | None = None

    def __getstate__(self) -> dict[str, Any]:
        """The cluster that is open: all that the next piece of tape needs."""
        return {"_opened": self._opened}

    def __setstate__(self, state: dict[str, Any]) -> None:
        TakerFeed.__init__(self)
        self._opened = state["_opened"]

    def of(self, trades: Trades, gaps: NDArray[np.int64]) -> Clusters:
        """The clusters that the next piece completes, or the same piece again.

        Args:
            trades: The piece.
            gaps: Rows of it before which trades are missing, ascending.
        """
        if self._found is None or trades is not self._trades:
            before = self._opened.copy()
            if trades.rows > self._columns.shape[1]:
                self._columns = np.empty((4, trades.rows), np.int64)
            columns = self._columns
            count = k.find_clusters(
                trades.id, trades.time, trades.price, trades.qty, trades.side, gaps, self._opened,
                *columns,
            )  # fmt: skip
            self._trades = trades
            self._found = Clusters(before, *(column[:count] for column in columns))
        return self._found
