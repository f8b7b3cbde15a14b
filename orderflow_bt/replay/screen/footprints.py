"""Footprints of one kind of bars as of the cursor: closed, forming, and summed over a session."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from orderflow_bt.flow import BarStream, NakedLevel, NakedLevels, Profile
from orderflow_bt.flow.grouping import ticks_of_ranges
from orderflow_bt.flow.imbalance import DETECTION_RATIO, STACK
from orderflow_bt.flow.minimum import MEDIAN_BARS, VolumePool
from orderflow_bt.kernels import picture as k
from orderflow_bt.replay.screen.history import NO_BARS, Bars, History
from orderflow_bt.types import DAY_US, Bar

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from orderflow_bt.flow import BarBatch
    from orderflow_bt.instruments import Instrument
    from orderflow_bt.types import BarSpec, Trades

_PART = 512  # bars that are shown in one call
_ROOM = 1 << 10
_OPEN_TIME = Bar._fields.index("open_time")


class View(NamedTuple):
    """Which bars are on screen.

    Attributes:
        spec: How they are cut.
        ticks_per_row: Height of a shown row, in the exchange's ticks.
    """

    spec: BarSpec
    ticks_per_row: int


class Saved(NamedTuple):
    """Footprints as of a moment, but for the bars themselves."""

    state: NDArray[np.int64]
    rows: NDArray[np.int64]
    closed: int
    naked: NakedLevels
    carried: NDArray[np.int64]
    day: int | None
    is_final: bool
    sums: NDArray[np.int64]


class RowSums:
    """Volumes by row, in any order: a profile that bars are added to.

    Args:
        row_size: Height of a row, in price units.
    """

    def __init__(self, row_size: int) -> None:
        self.row_size = row_size
        self._first = 0  # number of the first row
        self._sums: NDArray[np.int64] = np.zeros((0, 2), np.int64)

    def clear(self) -> None:
        """Begin again."""
        self._sums = self._sums[:0]

    def add(self, shown: Bars) -> None:
        """Add the rows of bars."""
        counts = shown.bars[:, k.ROWS]
        if not len(shown.rows):
            return
        first = np.repeat(shown.bars[:, k.FIRST_ROW] // self.row_size, counts)
        starts = np.repeat(np.cumsum(counts) - counts, counts)
        numbers = first + np.arange(len(shown.rows)) - starts
        self._reach(int(numbers.min()), int(numbers.max()) + 1)
        np.add.at(self._sums, numbers - self._first, shown.rows[:, :2])

    def table(self) -> NDArray[np.int64]:
        """Int64 [rows, 3]: low edge, bid and ask volume of every row that holds any."""
        held = np.flatnonzero(self._sums.any(axis=1))
        edges = (self._first + held) * self.row_size
        return np.concatenate([edges[:, None], self._sums[held]], axis=1)

    def profile(self, known_at: int) -> Profile | None:
        """The same as a profile; None of nothing."""
        held = np.flatnonzero(self._sums.any(axis=1))
        if not len(held):
            return None
        first, stop = int(held[0]), int(held[-1]) + 1
        cells = np.zeros((stop - first, 5), np.int64)
        cells[:, 0] = (self._first + np.arange(first, stop)) * self.row_size
        cells[:, 1:3] = self._sums[first:stop]
        return Profile(self.row_size, cells, known_at)

    def restore(self, table: NDArray[np.int64]) -> None:
        """Hold what `table` gave."""
        self.clear()
        if len(table):
            numbers = table[:, 0] // self.row_size
            self._reach(int(numbers[0]), int(numbers[-1]) + 1)
            self._sums[numbers - self._first] = table[:, 1:]

    def _reach(self, first: int, stop: int) -> None:
        """Make room for rows of these numbers."""
        old_stop = self._first + len(self._sums)
        if len(self._sums) and first >= self._first and stop <= old_stop:
            return
        if len(self._sums):
            first, stop = min(first, self._first), max(stop, old_stop)
        margin = max(64, (stop - first) // 2)
        sums = np.zeros((stop - first + 2 * margin, 2), np.int64)
        begin = self._first - first + margin
        sums[begin : begin + len(self._sums)] = self._sums
        self._sums, self._first = sums, first - margin


class Footprints:
    """Bars of one view, as a page is given them.

    Args:
        view: Which bars, and how high their rows are.
        instrument: Units of the tape.
        origin: Price units that the page calls 0; rows are counted from there.
        start: Where practice begins, if the time of day must not show. Then sums run on from the
            first bar, not from each UTC day, and the levels are those of all before the start.
        since: Bars that opened earlier are not shown, nor counted in any sum.
    """

    def __init__(
        self,
        view: View,
        instrument: Instrument,
        *,
        origin: int = 0,
        start: int | None = None,
        since: int = 0,
    ) -> None:
        self.view = view
        self.origin = origin
        self.row_size = view.ticks_per_row * instrument.tick_size
        self.history = History()
        self._instrument = instrument
        self._start, self._since = start, since
        self._session = DAY_US if start is None else k.NO_DAYS
        self._grouped: NDArray[np.int64] = np.zeros((_ROOM, 5), np.int64)
        self.begin_again()

    def begin_again(self) -> None:
        """Nothing has passed; bars that have ever closed are still known."""
        self.history.go_to(0)
        self.naked = NakedLevels()
        self._stream = BarStream(
            self.view.spec,
            ids_are_continuous=False,
            ticks_per_row=self._instrument.tick_size,
            instrument=self._instrument,
        )
        self._carried: NDArray[np.int64] = np.zeros(k.CARRIED, np.int64)
        self._pool = VolumePool(MEDIAN_BARS)
        self._sums = RowSums(self.row_size)
        self._day: int | None = None  # that the sums are of
        self._is_final = False  # whether it is over

    def feed(self, trades: Trades, gaps: NDArray[np.int64]) -> None:
        """Take the next trades; ``gaps`` are rows of them before which others are missing."""
        if trades.rows == 0:
            return
        if self.origin:
            trades = trades._replace(price=trades.price - self.origin)
        self._stream.note_losses(trades.id[gaps].tolist())
        for batch in self._stream.feed_parts(trades):
            self._close(batch)
        if self._day is not None and self._part_of(int(trades.time[-1])) > self._day:
            self._finish()
        self.naked.feed(trades)

    def _part_of(self, time: int) -> int:
        """The UTC day of a time; where that must not show, 0 before the start and 1 after it."""
        return time // DAY_US if self._start is None else int(time >= self._start)

    def close_until(self, time: int) -> None:
        """Let the clock reach a time without a trade."""
        self._close(self._stream.close_until(time))

    def forming(self) -> Bars:
        """The bar that has not closed, as if it closed now; none between bars."""
        batch = self._stream.open_bar()
        if not len(batch):
            return NO_BARS
        return self._show(batch.bars, batch.cells, batch.cell_start, is_open=True)

    def profile(self, forming: Bars) -> NDArray[np.int64]:
        """Int64 [rows, 3], of the closed bars of the forming bar's session; of none, the last's."""
        if len(forming.bars) and self._start is None:
            day = int(forming.bars[0, k.SESSION]) + int(self._carried[k.FIRST_DAY])
            if day != self._day:
                return np.zeros((0, 3), np.int64)
        return self._sums.table()

    def _show(
        self,
        bars: NDArray[np.int64],
        cells: NDArray[np.int64],
        starts: NDArray[np.int64],
        *,
        is_open: bool = False,
    ) -> Bars:
        starts = starts[: len(bars) + 1]
        most = int(np.diff(starts).max(initial=0))
        if most > len(self._grouped):
            self._grouped = np.zeros((2 * most, 5), np.int64)
        room = int(starts[-1] - starts[0])
        if not is_open:
            self._pool.make_room(room)
        shown = np.empty((len(bars), k.SHOWN), np.int64)
        rows = np.empty((room, k.ROW_FIELDS), np.int64)
        used = k.show_bars(
            self.row_size, self._session, *DETECTION_RATIO, STACK, int(is_open), bars, cells,
            starts, self._grouped, *self._pool.arrays, self._carried, shown, rows,
        )  # fmt: skip
        return Bars(shown, rows[:used].copy() if 2 * used < room else rows[:used])

    def _close(self, batch: BarBatch) -> None:
        """Bars have closed."""
        hidden = int(np.count_nonzero(batch.bars[:, _OPEN_TIME] < self._since))
        for first in range(hidden, len(batch), _PART):
            stop = min(first + _PART, len(batch))
            self._keep(self._show(batch.bars[first:stop], batch.cells, batch.cell_start[first:]))

    def _keep(self, shown: Bars) -> None:
        """Put bars into the history, and into the profile of their session."""
        self.history.add(shown)
        if self._start is None:
            days = shown.bars[:, k.OPEN_TIME] // DAY_US
        else:
            days = (shown.bars[:, k.CLOSE_TIME] > self._start).astype(np.int64)
        turns = np.flatnonzero(np.diff(days)) + 1
        ends = np.concatenate(([0], np.cumsum(shown.bars[:, k.ROWS])))
        for first, stop in pairwise([0, *turns.tolist(), len(days)]):
            if first < stop:
                self._begin(int(days[first]))
                rows = shown.rows[ends[first] : ends[stop]]
                self._sums.add(Bars(shown.bars[first:stop], rows))

    def _begin(self, day: int) -> None:
        """A bar of this day has closed."""
        if day == self._day:
            return
        self._finish()
        if self._start is None:
            self._sums.clear()
        self._day, self._is_final = day, self._start is not None and day > 0

    def _finish(self) -> None:
        """The session of the closed bars is over: its levels are final."""
        if self._day is None or self._is_final:
            return
        ended = (self._day + 1) * DAY_US if self._start is None else self._start
        profile = self._sums.profile(ended)
        if profile is not None:
            self.naked.add(profile, edges=True)
            for kind, row in (("high", -1), ("low", 0)):
                low = int(profile.cells[row, 0])
                self.naked.live.append(NakedLevel(kind, low, low + self.row_size, ended))
        self._is_final = True

    def fitting_rows(self, tick_size: int) -> int | None:
        """Ticks a row at which the latest bars have 12 to 20 rows; None before there are any."""
        bars = self.history.latest().bars
        traded = bars[bars[:, k.ROWS] > 0]
        if not len(traded):
            return None
        ranges = [(low, high) for low, high in traded[:, [k.LOW, k.HIGH]].tolist()]
        return ticks_of_ranges(ranges, tick_size)

    def levels(self) -> list[NakedLevel]:
        """Levels of days past, or of all before the start, that no trade has come back to."""
        return self.naked.live

    def snapshot(self) -> Saved:
        """All but the history, to be pickled."""
        return Saved(
            *self._stream.snapshot(),
            self.history.count,
            replace(self.naked, live=[*self.naked.live]),
            self._carried.copy(),
            self._day,
            self._is_final,
            self._sums.table(),
        )

    def restore(self, saved: Saved) -> None:
        """Go to where `snapshot` was taken; its bars are known."""
        self._stream.restore(saved.state, saved.rows)
        self.history.go_to(saved.closed)
        self.naked = replace(saved.naked, live=[*saved.naked.live])
        self._carried = saved.carried.copy()
        self._day, self._is_final = saved.day, saved.is_final
        self._sums.restore(saved.sums)
        self._pool = VolumePool(MEDIAN_BARS)
        latest = self.history.latest(self.history.count - MEDIAN_BARS)
        ends = np.concatenate(([0], np.cumsum(latest.bars[:, k.ROWS]))).tolist()
        for first, stop in pairwise(ends):
            values = latest.rows[first:stop, :2].reshape(-1)
            self._pool.push(values[values > 0])
