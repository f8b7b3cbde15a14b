"""The bars of a window of stored days, with what was read before it to know them."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING

from orderflow_bt import hints
from orderflow_bt.errors import CoverageError
from orderflow_bt.flow.bars import BarStream
from orderflow_bt.flow.grouping import auto_ticks_per_row
from orderflow_bt.flow.kept import DayInput, KeptBars, bars_made_of, can_keep
from orderflow_bt.store import resolve_instrument, stored_elsewhere
from orderflow_bt.store.cache import KeepLater
from orderflow_bt.types import DAY_US

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from orderflow_bt.flow.batch import BarBatch
    from orderflow_bt.store import DayInfo, Lake
    from orderflow_bt.types import BarSpec, TapeId

_EPOCH = dt.date(1970, 1, 1)


class BarWindow:
    """Reads the bars that lie wholly in ``[start_us, end_us)`` from the lake, a batch at a time.

    Reading begins on the day before the window, or earlier where ``context_bars`` asks for it, as
    far back as days are stored without a break. So where the window begins does not change its
    bars: an interval without trades at its start is flat at the price before it. Only activity
    bars that never restart (``@start``) begin with the window's first trade.

    Days of the window that are not stored are in `missing`. One between stored days makes its
    bars, the bar before and the bar after GAP; before the first stored day and after the last one
    there are no bars.

    Args:
        lake: Where the days are stored.
        tape: Whose bars.
        spec: How the tape is cut into bars.
        start_us: Window's first microsecond.
        end_us: First microsecond after it.
        ticks_per_row: Height of a footprint row, in the instrument's exchange ticks; None chooses
            it from the day before the window (`grouping.auto_ticks_per_row`).
        keep_cells: Give the footprints' cells.
        context_bars: How many bars before the window the caller needs to see.
        stored: What every stored day of the tape says, for one who asks for many windows.

    Raises:
        CoverageError: No day of the window is stored, or not the day that rows are chosen from.
    """

    def __init__(
        self,
        lake: Lake,
        tape: TapeId,
        spec: BarSpec,
        start_us: int,
        end_us: int,
        *,
        ticks_per_row: int | None = 1,
        keep_cells: bool = False,
        context_bars: int = 0,
        stored: Sequence[DayInfo] | None = None,
    ) -> None:
        self._lake, self._tape, self.spec = lake, tape, spec
        self._start, self._end = start_us, end_us
        days = [_date(day) for day in range(start_us // DAY_US, -(-end_us // DAY_US))]
        self._days = [day for day in days if lake.has(tape, day)]
        if not self._days:
            raise CoverageError(
                f"no day from {days[0]} to {days[-1]} of {tape} is in the lake",
                where=str(lake.root),
                fix=f"{stored_elsewhere(lake, tape)}Get them: "
                f"{hints.download(tape, days[0], days[-1])}",
            )
        self.missing = [day for day in days if day not in self._days]
        self.instrument = resolve_instrument(lake, tape, self._days, stored)
        self.ticks_per_row = self._rows_of_yesterday() if ticks_per_row is None else ticks_per_row
        self.row_size = self.ticks_per_row * self.instrument.tick_size
        self._keep_cells = keep_cells
        since = start_us - spec.lookback(context_bars) - 1 if context_bars else start_us - 1
        self._from_start = spec.anchor == "start" and not spec.is_time
        self._context = [] if self._from_start else self._days_before(max(since, 0))

    def __iter__(self) -> Iterator[tuple[BarBatch, range]]:
        """Each batch of bars, and which of them lie in the window; the others come before it."""
        stream = BarStream(
            self.spec,
            ids_are_continuous=self._tape.ids_are_continuous,
            ticks_per_row=self.row_size,
            keep_cells=self._keep_cells,
            instrument=self.instrument,
        )
        cache = self._lake.cache
        if cache is None or self._from_start or not can_keep(self.spec):
            yield from map(self._inside, self._batches(stream))
            return
        later = KeepLater()
        try:
            made_of = bars_made_of(
                stream,
                self.instrument,
                continuous=self._tape.ids_are_continuous,
                keep_cells=self._keep_cells,
            )
            kept = KeptBars(stream, cache, later, made_of)
            yield from map(self._inside, self._kept_batches(kept))
        finally:
            later.close()

    def _inside(self, batch: BarBatch) -> tuple[BarBatch, range]:
        opens, closes = batch.bars[:, 0], batch.bars[:, 1]
        first = int(opens.searchsorted(self._start))
        return batch, range(first, max(first, int(closes.searchsorted(self._end, "right"))))

    def _kept_batches(self, bars: KeptBars) -> Iterator[BarBatch]:
        """Whole days, of which those that are kept are not read."""
        units = self.instrument.price_decimals, self.instrument.qty_decimals
        before: dt.date | None = None
        for date in self._context + self._days:
            if before is not None and date - before > dt.timedelta(days=1):
                bars.mark_gap()
            before = date
            day = self._lake.day(self._tape, date)
            if day is None or not day.rows:
                continue
            bars.begin_day(DayInput(day))
            bars.note_losses(day.quality.fill_losses)
            whole = bars.whole_day()
            if whole is not None:
                yield whole
                continue
            for piece in self._lake.read_pieces(self._tape, [date], *units):
                yield bars.feed(piece.trades)
        yield self._last_batch(bars)

    def _batches(self, stream: BarStream) -> Iterator[BarBatch]:
        before: dt.date | None = None
        for day in self._context + self._days:
            if before is not None and day - before > dt.timedelta(days=1):
                stream.mark_gap()
            stored = self._lake.day(self._tape, day)
            if stored is not None:
                stream.note_losses(stored.quality.fill_losses)
            for trades in self._lake.read(
                self._tape, day, self.instrument.price_decimals, self.instrument.qty_decimals
            ):
                if self._from_start:
                    first = int(trades.time.searchsorted(self._start))
                    trades = trades.slice(first, trades.rows)  # noqa: PLW2901 - the rest of them
                yield from stream.feed_parts(trades)
                if stream.open_time is not None and stream.open_time >= self._end:
                    return
            before = day
        yield self._last_batch(stream)

    def _last_batch(self, stream: BarStream | KeptBars) -> BarBatch:
        """What the clock closes behind the last trade."""
        last = self._days[-1]
        if self._lost_after(last):
            stream.mark_gap()
        return stream.close_until(min(self._end, (last - _EPOCH).days * DAY_US + DAY_US))

    def _days_before(self, moment_us: int) -> list[dt.date]:
        """Stored days from that of ``moment_us`` to the window's first, without a break."""
        days: list[dt.date] = []
        day = _date(self._start // DAY_US) - dt.timedelta(days=1)
        while day >= _date(moment_us // DAY_US) and self._lake.has(self._tape, day):
            days.insert(0, day)
            day -= dt.timedelta(days=1)
        return days

    def _rows_of_yesterday(self) -> int:
        midnight = self._start // DAY_US * DAY_US
        before = BarWindow(self._lake, self._tape, self.spec, midnight - DAY_US, midnight)
        bars = [batch.bar(k) for batch, inside in before for k in inside]
        return auto_ticks_per_row(bars, before.instrument.tick_size)

    def _lost_after(self, day: dt.date) -> bool:
        """Whether the next day's first id shows that this one's last trades are missing."""
        here = self._lake.day(self._tape, day)
        after = self._lake.day(self._tape, day + dt.timedelta(days=1))
        if not self._tape.ids_are_continuous or here is None or after is None:
            return False
        return after.first_id != here.last_id + 1


def _date(days: int) -> dt.date:
    return _EPOCH + dt.timedelta(days=days)
