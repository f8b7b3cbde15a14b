"""Bars and footprints from a tape that arrives in pieces."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from orderflow_bt.errors import OrderflowError, UnsupportedError, UsageError
from orderflow_bt.flow.views import Footprint
from orderflow_bt.kernels import bars as kernels
from orderflow_bt.types import Bar, Trades

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from orderflow_bt.types import BarSpec

MAX_ROWS = 1 << 22  # of one bar's footprint: 128 MiB of scratch
MAX_BATCH_BARS = 4_000_000  # from one call of `BarStream.feed`: 600 MB
_PART_BARS = 1 << 15
_FIRST_ROWS = 1 << 12
_FIRST_CELLS = 1 << 18
_NEVER = -(2**63)
_DTYPES = (np.int64, np.int64, np.int64, np.int64, np.int8, np.int32)
_NOTHING = np.zeros(0, dtype=np.int64)
_NO_TRADES = Trades(
    _NOTHING, _NOTHING, _NOTHING, _NOTHING, _NOTHING.astype(np.int8), _NOTHING.astype(np.int32)
)


@dataclass(frozen=True, slots=True, eq=False)
class BarBatch:
    """Bars that closed together, oldest first.

    Attributes:
        bars: int64 [n, 18], columns in the order of `Bar`'s fields.
        at: int64 [n], position in the fed chunk of the first trade after the bar: the bar is known
            before that trade is looked at.
        known_at: int64 [n], microseconds UTC; a time bar is known at its close time.
        cells: int64 [m, 5]: low price of the row, bid volume, ask volume, bid count, ask count.
            A bar's rows are dense, from its low to its high; rows without trades hold zeros.
        cell_start: int64 [n + 1]; bar ``k`` owns ``cells[cell_start[k]:cell_start[k + 1]]``.
        row_size: Height of a row, in price units.
    """

    bars: NDArray[np.int64]
    at: NDArray[np.int64]
    known_at: NDArray[np.int64]
    cells: NDArray[np.int64]
    cell_start: NDArray[np.int64]
    row_size: int

    def __len__(self) -> int:
        return len(self.bars)

    def bar(self, k: int) -> Bar:
        """Bar ``k`` as plain integers."""
        return Bar._make(self.bars[k].tolist())

    def tolist(self) -> list[Bar]:
        """All bars as plain integers."""
        return [Bar._make(row) for row in self.bars.tolist()]

    def bar_cells(self, k: int) -> NDArray[np.int64]:
        """The rows of bar ``k``, lowest first; none for a bar without trades."""
        return self.cells[self.cell_start[k] : self.cell_start[k + 1]]

    def footprint(self, k: int) -> Footprint:
        """Bar ``k`` with its rows."""
        return Footprint(self.bar(k), self.row_size, self.bar_cells(k))

    @classmethod
    def concat(cls, parts: list[BarBatch]) -> BarBatch:
        """Several batches, at least one, in their order."""
        if len(parts) == 1:
            return parts[0]
        starts = [np.zeros(1, dtype=np.int64)]
        used = 0
        for part in parts:
            starts.append(part.cell_start[1:] + used)
            used += part.cells.shape[0]
        return cls(
            np.concatenate([part.bars for part in parts]),
            np.concatenate([part.at for part in parts]),
            np.concatenate([part.known_at for part in parts]),
            np.concatenate([part.cells for part in parts]),
            np.concatenate(starts),
            parts[0].row_size,
        )


class BarStream:
    """Cuts a tape into time bars, wherever the tape itself is cut.

    State is carried between calls: feeding a tape whole, by day or trade by trade gives the same
    bars and cells. The first bar is the interval of the first trade. An interval without trades
    gives a flat bar at the last price (status EMPTY, no rows), as exchanges' klines have it.

    Where trades are missing (a hole in continuous ids, or `mark_gap`), the bar of the trade before,
    the bar of the trade after and every bar between have status GAP. A bar that `close_until`
    closed before the trade behind the hole arrived could not know, and keeps its status.

    Args:
        spec: The interval.
        ids_are_continuous: Whether a hole in the ids means lost trades (`TapeId`).
        ticks_per_row: Height of a footprint row, in price units (not in exchange ticks). Row edges
            are multiples of it.
        keep_cells: Give out the cells; the point of control is there either way.

    Raises:
        UnsupportedError: The bar kind is not built by this version.
        UsageError: ``ticks_per_row`` is not positive.
    """

    def __init__(
        self,
        spec: BarSpec,
        *,
        ids_are_continuous: bool,
        ticks_per_row: int = 1,
        keep_cells: bool = True,
    ) -> None:
        if spec.kind != "time":
            raise UnsupportedError(
                f"bars of kind {spec.kind!r} are not built by this version", fix="Use time bars"
            )
        if ticks_per_row < 1:
            raise UsageError(f"a footprint row of {ticks_per_row} ticks", fix="Take 1 or more")
        self.spec = spec
        self.row_size = ticks_per_row
        self._continuous = int(ids_are_continuous)
        self._keep_cells = int(keep_cells)
        self._state = kernels.new_state()
        self._scratch = np.zeros(4 * _FIRST_ROWS, dtype=np.int64)
        self._bars = np.zeros((64, kernels.BAR_FIELDS), dtype=np.int64)
        self._at = np.zeros(64, dtype=np.int64)
        self._cell_start = np.zeros(65, dtype=np.int64)
        first_cells = _FIRST_CELLS if keep_cells else 0
        self._cells = np.zeros((first_cells, kernels.CELL_FIELDS), dtype=np.int64)
        self._last_time = _NEVER

    def feed(self, trades: Trades) -> BarBatch:
        """Take the next trades of the tape; give the bars that they close.

        Raises:
            OrderflowError: The trades are out of order or cannot be counted in 64 bits, a bar
                spans too many footprint rows, or a silence makes more empty bars than
                `MAX_BATCH_BARS` (`feed_parts` has no such limit).
        """
        return self._gather(self.feed_parts(trades))

    def feed_parts(self, trades: Trades) -> Iterator[BarBatch]:
        """As `feed`, in batches of bounded size; at least one, perhaps empty.

        All of them must be taken before the next call.
        """
        self._check(trades)
        return self._run(trades, _NEVER)

    def close_until(self, time_us: int) -> BarBatch:
        """Close the bars that end at or before ``time_us``, when the clock passes without a trade.

        Raises:
            OrderflowError: As for `feed`.
        """
        return self._gather(self._run(_NO_TRADES, time_us))

    def mark_gap(self) -> None:
        """Say that trades are missing between the last trade fed and the next one."""
        self._state[kernels.HOLE] = 1

    @property
    def open_time(self) -> int | None:
        """Start of the open interval, or None before the first trade."""
        return int(self._state[kernels.OPEN_TIME]) if self._state[kernels.STARTED] else None

    def _run(self, trades: Trades, clock: int) -> Iterator[BarBatch]:
        state = self._state
        state[kernels.NEXT] = 0
        while True:
            code = kernels.time_bars(
                self.spec.size,
                self.row_size,
                self._keep_cells,
                self._continuous,
                clock,
                *trades,
                state,
                self._scratch,
                self._bars,
                self._at,
                self._cell_start,
                self._cells,
            )
            if code == kernels.DONE:
                yield self._take()
                return
            if code == kernels.SCRATCH_SMALL:
                self._grow_scratch()
            elif code == kernels.CELLS_FULL:
                self._grow_cells()
            elif code == kernels.BARS_FULL and self._bars.shape[0] < _PART_BARS:
                self._grow_bars()
            elif code == kernels.BARS_FULL:
                yield self._take()
            elif code == kernels.VOLUME_OVERFLOW:
                raise OrderflowError(
                    "a bar's volume does not fit 64 bits",
                    where=f"bar of {self.open_time} µs",
                    fix="Read the tape in coarser lots, or take shorter bars",
                )
            else:
                raise OrderflowError(
                    "trades are not in time order",
                    where=f"a trade before the open bar of {self.open_time} µs",
                    fix="Feed the tape in id order, with times that never decrease",
                )

    def _gather(self, parts: Iterator[BarBatch]) -> BarBatch:
        taken: list[BarBatch] = []
        total = 0
        for part in parts:
            taken.append(part)
            total += len(part)
            if total > MAX_BATCH_BARS:
                raise OrderflowError(
                    f"a silence makes more than {MAX_BATCH_BARS:,} empty {self.spec} bars",
                    where=f"until {self.open_time} µs",
                    fix="Take longer bars, begin after the silence, or read with feed_parts",
                )
        return BarBatch.concat(taken)

    def _take(self) -> BarBatch:
        """Copy the written output out and make the buffers free again."""
        n, used = int(self._state[kernels.BARS]), int(self._state[kernels.CELLS])
        self._state[kernels.BARS] = self._state[kernels.CELLS] = 0
        bars = self._bars[:n].copy()
        return BarBatch(
            bars,
            self._at[:n].copy(),
            bars[:, 1].copy(),
            self._cells[:used].copy(),
            self._cell_start[: n + 1].copy(),
            self.row_size,
        )

    def _grow_bars(self) -> None:
        capacity = 2 * self._bars.shape[0]
        self._bars = np.resize(self._bars, (capacity, kernels.BAR_FIELDS))
        self._at = np.resize(self._at, capacity)
        self._cell_start = np.resize(self._cell_start, capacity + 1)

    def _grow_cells(self) -> None:
        needed = int(self._state[kernels.CELLS]) + self._scratch.shape[0] // 4
        capacity = max(needed, 2 * self._cells.shape[0])
        self._cells = np.resize(self._cells, (capacity, kernels.CELL_FIELDS))

    def _grow_scratch(self) -> None:
        """Give the open bar a scratch that holds its rows, with room on both sides."""
        state = self._state
        low, high = int(state[kernels.NEED_LOW]), int(state[kernels.NEED_HIGH])
        rows = high - low + 1
        if rows > MAX_ROWS:
            raise OrderflowError(
                f"a bar spans {rows:,} footprint rows; the limit is {MAX_ROWS:,}",
                where=f"bar of {self.open_time} µs, row size {self.row_size}",
                fix="Raise ticks-per-row, or take shorter bars",
            )
        capacity = self._scratch.shape[0] // 4
        while capacity < min(2 * rows, MAX_ROWS):
            capacity *= 2
        origin = low - (capacity - rows) // 2
        scratch = np.zeros(4 * capacity, dtype=np.int64)
        if state[kernels.TRADES]:
            old = int(state[kernels.ORIGIN])
            first = int(state[kernels.LOW]) // self.row_size
            last = int(state[kernels.HIGH]) // self.row_size
            scratch[4 * (first - origin) : 4 * (last + 1 - origin)] = self._scratch[
                4 * (first - old) : 4 * (last + 1 - old)
            ]
        self._scratch = scratch
        state[kernels.ORIGIN] = origin

    def _check(self, trades: Trades) -> None:
        """Refuse what the kernel could not read, or could not count."""
        rows = trades.rows
        columns: tuple[NDArray[Any], ...] = tuple(trades)
        for name, column, dtype in zip(Trades._fields, columns, _DTYPES, strict=True):
            if column.dtype != dtype or column.shape != (rows,):
                raise OrderflowError(
                    f"column {name} of a tape is {column.dtype} {list(column.shape)}",
                    fix=f"Give every column {rows} values, and {name} as {np.dtype(dtype)}",
                )
        if rows == 0:
            return
        backwards, unsided, least, most, largest = kernels.inspect_trades(
            trades.time, trades.price, trades.qty, trades.side
        )
        where = f"trades {trades.id[0]} to {trades.id[-1]}"
        if backwards or int(trades.time[0]) < self._last_time:
            raise OrderflowError(
                "trades are not in time order",
                where=where,
                fix="Feed the tape in id order, with times that never decrease",
            )
        if unsided:
            raise OrderflowError(
                f"{unsided} trades have a side that is neither +1 nor -1", where=where
            )
        if largest < 0:
            raise OrderflowError("a trade has a negative quantity", where=where)
        if max(-int(least), int(most)) * int(largest) >= 2**63:
            raise OrderflowError(
                "price times quantity does not fit 64 bits",
                where=f"{where}: price up to {most} units, quantity up to {largest} lots",
                fix="Read the tape with fewer decimals",
            )
        self._last_time = int(trades.time[-1])
