"""The traded ladder and time & sales: what trades alone tell of the last seconds.

There is no resting book in this replay. Best bid and ask are inferred from the last trades.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from orderflow_bt.errors import UsageError
from orderflow_bt.flow.takers import Clusters
from orderflow_bt.kernels import takers as k
from orderflow_bt.kernels.picture import sum_recent
from orderflow_bt.types import SECOND_US

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from orderflow_bt.types import Trades

LONGEST = 120  # seconds that a ladder may look back on
ROWS_AROUND = 40  # above and below the last price
PRINTS = 500  # taker clusters that a page is given
PRINT_FIELDS = 6  # time, first price, last price, quantity, side, fills

_Columns = tuple["NDArray[np.int64]", "NDArray[np.int64]", "NDArray[np.int64]", "NDArray[np.int8]"]


class Ladder:
    """Volumes at each row around the price, of the last seconds.

    Attributes:
        seconds: How far it looks back.
        last: Last price; None before the first trade.
        now: Its time.
    """

    def __init__(self, seconds: int = 30) -> None:
        self.look_back(seconds)
        self.last: int | None = None
        self.now = 0
        self._parts: list[_Columns] = []

    def look_back(self, seconds: int) -> None:
        """Show so many seconds.

        Raises:
            UsageError: It is not 1 to `LONGEST`.
        """
        if not 1 <= seconds <= LONGEST:
            raise UsageError(
                f"a ladder of the last {seconds} seconds", fix=f"Take 1 to {LONGEST} seconds"
            )
        self.seconds = seconds

    def feed(self, trades: Trades) -> None:
        """Take the next trades."""
        if trades.rows == 0:
            return
        self.last, self.now = int(trades.price[-1]), int(trades.time[-1])
        since = self.now - LONGEST * SECOND_US
        while self._parts and int(self._parts[0][0][-1]) <= since:
            self._parts.pop(0)
        first = int(np.searchsorted(trades.time, since, side="right"))
        late = trades.slice(first, trades.rows)
        self._parts.append((late.time.copy(), late.price.copy(), late.qty.copy(), late.side.copy()))
        if len(self._parts) >= 64:  # trade by trade
            self._parts = [_join(self._parts, since)]

    def recent(
        self, row_size: int, *, now: int | None = None, origin: int = 0
    ) -> NDArray[np.int64]:
        """Int64 [rows, 3]: low edge, bid and ask volume of rows around the last price, upwards.

        Args:
            row_size: Price units a row.
            now: What the clock shows, if it has gone on since the last trade.
            origin: Price units that rows are counted from.
        """
        if self.last is None:
            return np.zeros((0, 3), np.int64)
        since = max(self.now, now or 0) - self.seconds * SECOND_US
        first = (self.last - origin) // row_size - ROWS_AROUND
        sums = np.zeros((2 * ROWS_AROUND, 2), np.int64)
        for time, price, qty, side in self._parts:
            sum_recent(since, row_size, first, time, price - origin, qty, side, sums)
        held = np.flatnonzero(sums.any(axis=1))
        edges = origin + (first + held) * row_size
        return np.concatenate([edges[:, None], sums[held]], axis=1)

    def snapshot(self) -> tuple[int | None, int, list[_Columns]]:
        """Its trades, to be pickled."""
        if not self._parts:
            return self.last, self.now, []
        return self.last, self.now, [_join(self._parts, self.now - LONGEST * SECOND_US)]

    def restore(self, saved: tuple[int | None, int, list[_Columns]]) -> None:
        """Go back to where `snapshot` was taken."""
        self.last, self.now, parts = saved
        self._parts = [*parts]


def _join(parts: list[_Columns], since: int) -> _Columns:
    """All trades later than ``since`` as one part."""
    time, price, qty, side = (np.concatenate(columns) for columns in zip(*parts, strict=True))
    first = int(np.searchsorted(time, since, side="right"))
    return time[first:].copy(), price[first:].copy(), qty[first:].copy(), side[first:].copy()


class SavedPrints(NamedTuple):
    """Prints as of a moment."""

    complete: int
    opened: NDArray[np.int64]
    open_fills: int
    latest: NDArray[np.int64]


class Prints:
    """Taker clusters, the latest of them: trades that look like one aggressive order.

    Attributes:
        count: How many are complete.
    """

    def __init__(self) -> None:
        self.count = 0
        self._opened: NDArray[np.int64] = np.zeros(k.OPEN_FIELDS, np.int64)
        self._open_fills = 0
        self._latest: NDArray[np.int64] = np.zeros((0, PRINT_FIELDS), np.int64)
        self._columns: NDArray[np.int64] = np.empty((4, 0), np.int64)

    def feed(self, trades: Trades, gaps: NDArray[np.int64]) -> None:
        """Take the next trades; ``gaps`` are rows of them before which others are missing."""
        if trades.rows == 0:
            return
        if trades.rows > self._columns.shape[1]:
            self._columns = np.empty((4, trades.rows), np.int64)
        before = self._opened.copy()
        columns = self._columns
        count = k.find_clusters(
            trades.id, trades.time, trades.price, trades.qty, trades.side, gaps, self._opened,
            *columns,
        )  # fmt: skip
        found = Clusters(before, *(column[:count] for column in columns))
        first = max(0, count - PRINTS)
        chosen = np.arange(first, count)
        self.count += count
        start = int(found.ends[first - 1]) if first else 0
        fills = np.concatenate(([0], np.cumsum(trades.fills[start:], dtype=np.int64)))
        ends = found.ends[chosen] - start
        until = fills[np.concatenate(([0], ends))]
        of_each = np.diff(until)
        if count and first == 0:
            of_each[0] += self._open_fills
        self._open_fills = int(fills[-1] - until[-1]) + (0 if count else self._open_fills)
        if not count:
            return
        group = found.describe(chosen, trades)
        new = np.stack(
            [group.time, group.first, group.last, found.amounts[chosen], group.side, of_each],
            axis=1,
        )
        self._latest = np.concatenate([self._latest, new])[-PRINTS:]

    def latest(self, first: int) -> NDArray[np.int64]:
        """Int64 [n, PRINT_FIELDS]: complete clusters from number ``first`` on, oldest first."""
        wanted = min(max(self.count - first, 0), len(self._latest))
        return self._latest[len(self._latest) - wanted :]

    def open(self) -> NDArray[np.int64]:
        """Int64 [0 or 1, PRINT_FIELDS]: the cluster that the next trade may still belong to."""
        o = self._opened
        if not o[k.SIDE]:
            return np.zeros((0, PRINT_FIELDS), np.int64)
        row = [
            o[k.TIME], o[k.FIRST_PRICE], o[k.LAST_PRICE], o[k.QTY], o[k.SIDE], self._open_fills
        ]  # fmt: skip
        return np.array([row], np.int64)

    def snapshot(self) -> SavedPrints:
        """All of it, to be pickled."""
        return SavedPrints(self.count, self._opened.copy(), self._open_fills, self._latest)

    def restore(self, saved: SavedPrints) -> None:
        """Go back to where `snapshot` was taken."""
        self.count, opened, self._open_fills, self._latest = saved
        self._opened = opened.copy()
