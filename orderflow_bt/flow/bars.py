"""Bars and footprints from a tape that arrives in pieces."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np

from orderflow_bt.errors import OrderflowError, UsageError
from orderflow_bt.flow.batch import BarBatch
from orderflow_bt.flow.cut import Cut, bind
from orderflow_bt.flow.refused import check_columns, disorder, refusal
from orderflow_bt.kernels import bar_state
from orderflow_bt.kernels.activity import RENKO, activity_bars, write_brick
from orderflow_bt.kernels.bars import close_bar, time_bars
from orderflow_bt.kernels.cells import CELL_FIELDS
from orderflow_bt.types import Trades

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from numpy.typing import NDArray

    from orderflow_bt.instruments import Instrument
    from orderflow_bt.types import BarSpec

MAX_ROWS = 1 << 22  # of one bar's footprint: 128 MiB of scratch
MAX_BATCH_BARS = 4_000_000  # from one call of `BarStream.feed`: 600 MB
_PART_BARS = 1 << 15
_FIRST_ROWS = 1 << 12
_FIRST_CELLS = 1 << 18
_NEVER = -(2**63)
# What of the state tells of the pieces that were fed, not of the trades in them.
_POSITIONS = [
    bar_state.NEXT, bar_state.NEED_LOW, bar_state.NEED_HIGH, bar_state.ORIGIN, bar_state.DUE_AT
]  # fmt: skip
_NOTHING = np.zeros(0, dtype=np.int64)
_NO_TRADES = Trades(
    _NOTHING, _NOTHING, _NOTHING, _NOTHING, _NOTHING.astype(np.int8), _NOTHING.astype(np.int32)
).frozen()


def rows_of(trades: Trades, ids: NDArray[np.int64]) -> NDArray[np.int64]:
    """Rows of the trades that have one of these ids; both ascend."""
    if not len(ids) or trades.rows == 0:
        return _NOTHING
    rows = np.searchsorted(trades.id, ids)
    rows = rows[rows < trades.rows]
    return rows[np.isin(trades.id[rows], ids)]


class BarStream:
    """Cuts a tape into bars, wherever the tape itself is cut.

    State is carried between calls: feeding a tape whole, by day or trade by trade gives the same
    bars and cells. The first time bar is the interval of the first trade. An interval without
    trades gives a flat bar at the last price (status EMPTY, no rows), as exchanges' klines have it.
    Activity bars hold at least one trade, but for synthetic renko bricks (`Bar.is_synthetic`).

    Where trades are missing (a hole in continuous ids, or `mark_gap`), the bar of the trade before,
    the bar of the trade after and every bar between have status GAP. A bar that `close_until`
    closed before the trade behind the hole arrived could not know, and keeps its status; so does
    an activity bar that the last trade before the hole completed.

    Args:
        spec: How to cut.
        ids_are_continuous: Whether a hole in the ids means lost trades (`TapeId`).
        ticks_per_row: Height of a footprint row, in price units (not in exchange ticks). Row edges
            are multiples of it.
        keep_cells: Give out the cells; the point of control is there either way.
        instrument: Units of the tape; needed by activity bars, whose sizes are in base units, quote
            units or exchange ticks.

    Raises:
        UsageError: ``ticks_per_row`` is not positive, or the specification does not fit the
            instrument.
    """

    def __init__(
        self,
        spec: BarSpec,
        *,
        ids_are_continuous: bool,
        ticks_per_row: int = 1,
        keep_cells: bool = True,
        instrument: Instrument | None = None,
    ) -> None:
        if ticks_per_row < 1:
            raise UsageError(f"a footprint row of {ticks_per_row} ticks", fix="Take 1 or more")
        self.spec = spec
        self.row_size = ticks_per_row
        self._cut = None if spec.is_time else bind(spec, instrument)
        self._continuous = int(ids_are_continuous)
        self._keep_cells = int(keep_cells)
        self._last_time = _NEVER
        self._lost: NDArray[np.int64] = _NOTHING
        self._allocate()

    def _allocate(self) -> None:
        """State before the first trade, and room for what a piece makes."""
        self._state = bar_state.new_state()
        self._scratch = np.zeros(4 * _FIRST_ROWS, dtype=np.int64)
        self._bars = np.zeros((64, bar_state.BAR_FIELDS), dtype=np.int64)
        self._at = np.zeros(64, dtype=np.int64)
        self._cell_start = np.zeros(65, dtype=np.int64)
        first_cells = _FIRST_CELLS if self._keep_cells else 0
        self._cells = np.empty((first_cells, CELL_FIELDS), dtype=np.int64)

    def __getstate__(self) -> tuple[Any, ...]:
        """What pickling keeps: nothing that the next piece overwrites."""
        made = self.spec, self.row_size, self._cut, self._continuous, self._keep_cells
        return *made, self.snapshot(), self._lost

    def __setstate__(self, kept: tuple[Any, ...]) -> None:
        self.spec, self.row_size, self._cut, self._continuous, self._keep_cells, *rest = kept
        snapshot, self._lost = rest
        self._allocate()
        self.restore(*snapshot)

    def feed(self, trades: Trades) -> BarBatch:
        """Take the next trades of the tape; give the bars that they close.

        After an error the stream cannot be used any more.

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
        check_columns(trades)
        if trades.rows:
            if int(trades.time[0]) < self._last_time:
                raise disorder(trades)
            self._last_time = int(trades.time[-1])
        rows = rows_of(trades, self._lost)
        if not len(rows):
            return self._run(trades, _NEVER)
        return self._run_over_losses(trades, rows.tolist())

    def _run_over_losses(self, trades: Trades, rows: list[int]) -> Iterator[BarBatch]:
        for start, stop in pairwise([0, *rows, trades.rows]):
            if start in rows:
                self.mark_gap()
            for batch in self._run(trades.slice(start, stop), _NEVER):
                yield replace(batch, at=batch.at + start)

    def close_until(self, time_us: int) -> BarBatch:
        """Close the bars that end at or before ``time_us``, when the clock passes without a trade.

        Of activity bars it is one at most: an open bar whose day or trading session has ended.

        Raises:
            OrderflowError: As for `feed`.
        """
        return self._gather(self._run(_NO_TRADES, time_us))

    def note_losses(self, ids: Sequence[int]) -> None:
        """Say before which trades others are missing although no id is, in place of those before.

        Args:
            ids: Of the trades behind the losses, ascending.
        """
        self._lost = np.array(ids, np.int64)

    def mark_gap(self) -> None:
        """Say that trades are missing between the last trade fed and the next one."""
        self._state[bar_state.HOLE] = 1

    @property
    def open_time(self) -> int | None:
        """Start of the open bar (between activity bars, of none: the last close).

        None before the first trade.
        """
        return int(self._state[bar_state.OPEN_TIME]) if self._state[bar_state.STARTED] else None

    def open_bar(self) -> BarBatch:
        """The open bar as it would close now, alone in a batch; none where it has no trades.

        A time bar ends where its interval does, an activity bar with the last trade.
        """
        state, rows = self.snapshot()
        state = state[:-1]
        count = rows.size // 4
        bars = np.zeros((1, bar_state.BAR_FIELDS), dtype=np.int64)
        cells = np.empty((count, CELL_FIELDS), dtype=np.int64)
        at, starts = np.zeros(1, dtype=np.int64), np.zeros(2, dtype=np.int64)
        output = state, rows, bars, at, starts, cells
        if not count:
            bars = bars[:0]
            at, starts = at[:0], starts[:1]
            return BarBatch(bars, at, bars[:, 1].copy(), cells, starts, self.row_size)
        state[bar_state.ORIGIN] = int(state[bar_state.LOW]) // self.row_size
        ends = self._last_time
        if self._cut is None:
            ends = int(state[bar_state.OPEN_TIME]) + self.spec.size
        if self._cut is not None and self._cut.kind == RENKO:
            state[bar_state.DUE_EDGE], state[bar_state.DUE_TIME] = 1, ends
            write_brick(self._cut.size, self.row_size, 1, *output)
        else:
            close_bar(ends, 0, self.row_size, 1, *output)
        return BarBatch(bars, at, bars[:, 1].copy(), cells, starts, self.row_size)

    def snapshot(self) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """All that the next trade meets, in one form for one past: for `restore`, and to compare.

        Returns:
            int64 [STATE_FIELDS + 1] and int64 [4 x rows], the open bar's rows.
        """
        state = np.append(self._state, self._last_time)
        state[_POSITIONS] = 0
        if not state[bar_state.TRADES]:
            return state, np.zeros(0, dtype=np.int64)
        first = int(state[bar_state.LOW]) // self.row_size
        stop = int(state[bar_state.HIGH]) // self.row_size + 1
        origin = int(self._state[bar_state.ORIGIN])
        return state, self._scratch[4 * (first - origin) : 4 * (stop - origin)].copy()

    def restore(self, state: NDArray[np.int64], rows: NDArray[np.int64]) -> None:
        """Go on where `snapshot` was taken, of a stream with the same arguments."""
        self._state[:] = state[:-1]
        self._last_time = int(state[-1])
        capacity = _FIRST_ROWS
        while capacity < rows.size // 2:
            capacity *= 2
        before = (capacity - rows.size // 4) // 2
        self._scratch = np.zeros(4 * capacity, dtype=np.int64)
        self._scratch[4 * before : 4 * before + rows.size] = rows
        first = int(state[bar_state.LOW]) // self.row_size
        self._state[bar_state.ORIGIN] = first - before if rows.size else 0

    def _call(self, trades: Trades, clock: int, cut: Cut | None) -> int:
        how = self.row_size, self._keep_cells, self._continuous, clock
        output = self._state, self._scratch, self._bars, self._at, self._cell_start, self._cells
        if cut is None:
            return int(time_bars(*(self.spec.size, *how, *trades, *output)))
        sizes = cut.kind, cut.size, cut.second
        return int(activity_bars(*(*sizes, *how, cut.edges_of(trades.time), *trades, *output)))

    def _run(self, trades: Trades, clock: int) -> Iterator[BarBatch]:
        self._state[bar_state.NEXT] = 0
        while True:
            code = self._call(trades, clock, self._cut)
            if code == bar_state.DONE:
                yield self._take()
                return
            if code == bar_state.SCRATCH_SMALL:
                self._grow_scratch()
            elif code == bar_state.CELLS_FULL:
                self._grow_cells()
            elif code == bar_state.BARS_FULL and self._bars.shape[0] < _PART_BARS:
                self._grow_bars()
            elif code == bar_state.BARS_FULL:
                yield self._take()
            elif code == bar_state.REFUSED:
                raise refusal(trades)
            elif code == bar_state.VOLUME_OVERFLOW:
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
        """Give the written output out, in memory that is written no more."""
        n, used = int(self._state[bar_state.BARS]), int(self._state[bar_state.CELLS])
        self._state[bar_state.BARS] = self._state[bar_state.CELLS] = 0
        cells = self._cells[:used]
        if 2 * used < self._cells.shape[0]:
            cells = cells.copy()
        else:
            self._cells = np.empty_like(self._cells)
        bars = self._bars[:n].copy()
        return BarBatch(
            bars,
            self._at[:n].copy(),
            bars[:, 1].copy(),
            cells,
            self._cell_start[: n + 1].copy(),
            self.row_size,
        )

    def _grow_bars(self) -> None:
        capacity = 2 * self._bars.shape[0]
        self._bars = np.resize(self._bars, (capacity, bar_state.BAR_FIELDS))
        self._at = np.resize(self._at, capacity)
        self._cell_start = np.resize(self._cell_start, capacity + 1)

    def _grow_cells(self) -> None:
        used = int(self._state[bar_state.CELLS])
        capacity = max(used + self._scratch.shape[0] // 4, 2 * self._cells.shape[0])
        cells = np.empty((capacity, CELL_FIELDS), dtype=np.int64)
        cells[:used] = self._cells[:used]
        self._cells = cells

    def _grow_scratch(self) -> None:
        """Give the open bar a scratch that holds its rows, with room on both sides."""
        state = self._state
        low, high = int(state[bar_state.NEED_LOW]), int(state[bar_state.NEED_HIGH])
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
        if state[bar_state.TRADES]:
            old = int(state[bar_state.ORIGIN])
            first = int(state[bar_state.LOW]) // self.row_size
            last = int(state[bar_state.HIGH]) // self.row_size
            scratch[4 * (first - origin) : 4 * (last + 1 - origin)] = self._scratch[
                4 * (first - old) : 4 * (last + 1 - old)
            ]
        self._scratch = scratch
        state[bar_state.ORIGIN] = origin
