"""What becomes known in a piece of tape, in the order of knowing: columns first, records on demand.

Every session of a run lives through the same moments; what one has made of them the others use.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from itertools import accumulate
from typing import TYPE_CHECKING, Any, NamedTuple, overload

import numpy as np

from orderflow_bt.flow.batch import COLUMNS, ROW_BYTES
from orderflow_bt.flow.events import AT, KNOWN_AT, NO_EVENTS, EventColumns
from orderflow_bt.flow.views import Footprint, footprint_of
from orderflow_bt.types import Bar

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from orderflow_bt.flow import BarBatch
    from orderflow_bt.flow.events import Event
    from orderflow_bt.types import BarSpec

_INT64 = np.dtype(np.int64)
_HIGH, _LOW, _CLOSE = (Bar._fields.index(name) for name in ("high", "low", "close"))


class ClosedBar:
    """A bar that has closed, with its footprint at hand: the same for all who ask."""

    __slots__ = ("_footprints", "bar", "row", "spec")

    def __init__(self, spec: BarSpec, bar: Bar, footprints: LoneFootprints, row: int) -> None:
        self.spec = spec
        self.bar = bar
        self.row = row
        self._footprints = footprints

    @property
    def footprint(self) -> Footprint:
        """Its footprint, which nobody can write to."""
        return self._footprints[self.row]


class LoneFootprints(dict[int, Footprint]):
    """Footprints of a batch's bars by their place, each made when it is looked at.

    The cells of each are a copy that nobody can write to: a view would lead to those of bars that
    close later.
    """

    def __init__(self, batch: BarBatch | None) -> None:
        super().__init__()
        self._batch = batch
        self._bars: list[Bar] = []

    def __missing__(self, row: int) -> Footprint:
        if not self._bars:
            self._look()
        start, stop = self._starts[row], self._starts[row + 1]
        raw = self._cells[start:stop].tobytes()  # nothing can make an array of bytes writable
        cells = np.ndarray(((stop - start) // ROW_BYTES, COLUMNS), _INT64, raw)
        made = self[row] = footprint_of(self._bars[row], self._row_size, cells)
        return made

    def _look(self) -> None:
        """Look at the batch as plain memory."""
        batch = self._batch
        assert batch is not None
        self._bars, self._row_size = batch.tolist(), batch.row_size
        self._starts: list[int] = (batch.cell_start * ROW_BYTES).tolist()
        self._cells = np.ascontiguousarray(batch.cells).reshape(-1).view(np.uint8).data

    def __reduce__(self) -> tuple[Any, ...]:
        return LoneFootprints, (self._batch,)


NO_FOOTPRINTS = LoneFootprints(None)


class Moment(NamedTuple):
    """What becomes known at one time, before trade ``at`` of the slice is processed.

    A time bar that ends at a time is known before the first trade of that time, an activity bar
    right after the trade that completed it: two moments, though the clock shows the same.
    """

    time: int
    at: int
    bars: list[ClosedBar]
    events: EventColumns


class Moments(Sequence[Moment]):
    """Bars and events of a piece, those of one moment together.

    Moment ``m`` owns ``bars[bars_from[m]:bars_from[m + 1]]``, streams short before long, and
    ``events[events_from[m]:events_from[m + 1]]``; ``specs[k]`` says how bar ``k`` was cut.

    Args:
        batches: Bars that closed in the piece, streams short before long.
        events: Events that became known in it, in the order of knowing.

    Attributes:
        known_at: Int64 [n]; ``time`` is the same as a list. When each is known, microseconds UTC.
        rows: Int64 [n]; ``at`` is the same as a list. Before which row of the piece.
        only: The specification of all bars, where moment ``m`` is bar ``m`` and nothing else.
    """

    def __init__(self, batches: Mapping[BarSpec, BarBatch], events: EventColumns) -> None:
        self.events = events
        self.only: BarSpec | None = None
        self._batches = {spec: batch for spec, batch in batches.items() if len(batch)}
        self._bars: list[Bar] | None = None
        self._specs: list[BarSpec] | None = None
        self._heard: list[Event] | None = None
        self._bars_of: dict[BarSpec, list[Bar]] = {}
        self._known: dict[BarSpec, Sequence[int]] = {}
        self._footprints_of: dict[BarSpec, LoneFootprints] = {}
        self._ranges_of: dict[BarSpec, list[int]] = {}
        spec, batch = next(iter(self._batches.items()), (None, None))
        if batch is not None and not len(events) and len(self._batches) == 1 and _are_apart(batch):
            self.only = spec
            times, rows = batch.known_at, batch.at
            self.bars_from: Sequence[int] = range(len(batch) + 1)
            self._order: NDArray[np.int64] | None = None  # of all bars; as they stand
        else:
            times, rows = self._sort()
        self.known_at, self.rows = times, rows
        self.time: list[int] = times.tolist()
        self.at: list[int] = rows.tolist()
        if not len(events):
            self.events_from = [0] * (len(self.time) + 1)

    def _sort(self) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Put bars and events in the order of knowing; time and row of each moment."""
        batches, found = list(self._batches.values()), self.events.rows
        rows = np.concatenate([*(batch.at for batch in batches), found[:, AT]])
        times = np.concatenate([*(batch.known_at for batch in batches), found[:, KNOWN_AT]])
        order = np.lexsort((times, rows))  # stable: streams stand short before long
        rows, times = rows[order], times[order]
        is_new = np.ones(len(order), np.bool_)
        is_new[1:] = (rows[1:] != rows[:-1]) | (times[1:] != times[:-1])
        moment = np.cumsum(is_new) - 1
        of_bar = order < len(order) - len(found)
        edges = np.arange(np.count_nonzero(is_new) + 1)
        self._order = order[of_bar]
        self.bars_from = np.searchsorted(moment[of_bar], edges).tolist()
        self.events_from = np.searchsorted(moment[~of_bar], edges).tolist()
        return times[is_new], rows[is_new]

    @property
    def bars(self) -> list[Bar]:
        """All bars in the order of knowing."""
        if self._bars is None:
            made = [bar for spec in self._batches for bar in self.bars_of(spec)]
            order = self._order
            self._bars = made if order is None else [made[k] for k in order.tolist()]
        return self._bars

    @property
    def specs(self) -> list[BarSpec]:
        """How each of the bars was cut."""
        if self._specs is None:
            made = [spec for spec, batch in self._batches.items() for _ in range(len(batch))]
            order = self._order
            self._specs = made if order is None else [made[k] for k in order.tolist()]
        return self._specs

    @property
    def heard(self) -> list[Event]:
        """All events, made into objects once for all who hear them."""
        if self._heard is None:
            self._heard = list(self.events)
        return self._heard

    def bars_of(self, spec: BarSpec) -> list[Bar]:
        """The bars of a specification, in order."""
        made = self._bars_of.get(spec)
        if made is None:
            batch = self._batches.get(spec)
            made = self._bars_of[spec] = [] if batch is None else batch.tolist()
        return made

    def known_of(self, spec: BarSpec) -> Sequence[int]:
        """How many bars of a specification are known after the first ``m`` moments, by ``m``."""
        counts = self._known.get(spec)
        if counts is None and self.only == spec:
            counts = self._known[spec] = self.bars_from
        elif counts is None:
            edges = np.arange(len(self.time) + 1)
            counts = np.searchsorted(self.closes_of(spec), edges).tolist()
            self._known[spec] = counts
        return counts

    def footprints_of(self, spec: BarSpec) -> LoneFootprints:
        """Footprints of the bars of a specification, by their place, for all who look."""
        made = self._footprints_of.get(spec)
        if made is None:
            made = self._footprints_of[spec] = LoneFootprints(self._batches.get(spec))
        return made

    def closed(self, spec: BarSpec, row: int) -> ClosedBar:
        """A bar of a specification, by its place."""
        return ClosedBar(spec, self.bars_of(spec)[row], self.footprints_of(spec), row)

    def ranges_of(self, spec: BarSpec) -> list[int]:
        """Sums of the true ranges of bars 1 to k of a specification, by k.

        That of bar 0 follows from a bar before the piece.
        """
        made = self._ranges_of.get(spec)
        if made is None:
            bars = self._batches[spec].bars
            before = bars[:-1, _CLOSE]
            highs, lows = np.maximum(bars[1:, _HIGH], before), np.minimum(bars[1:, _LOW], before)
            made = self._ranges_of[spec] = list(accumulate((highs - lows).tolist(), initial=0))
        return made

    def _first_of(self, spec: BarSpec) -> int:
        """How many bars stand before those of a specification, stream after stream."""
        specs = list(self._batches)
        return sum(len(self._batches[before]) for before in specs[: specs.index(spec)])

    def last_prices_of(self, spec: BarSpec | None) -> NDArray[np.int64] | None:
        """Price of the last trade before each bar of a specification was known, if bars tell it.

        It is where a time bar closes, whose column is much shorter than the tape's.
        """
        if spec is None or not spec.is_time or spec not in self._batches:
            return None
        return self._batches[spec].bars[:, _CLOSE]

    def closes_of(self, spec: BarSpec | None) -> NDArray[np.int64]:
        """The moment of each closed bar of a specification, in order."""
        if spec is None or spec not in self._batches:
            return np.zeros(0, np.int64)
        if self._order is None:
            return np.arange(len(self.time))
        first = self._first_of(spec)
        theirs = (first <= self._order) & (self._order < first + len(self._batches[spec]))
        return np.searchsorted(np.array(self.bars_from), np.flatnonzero(theirs), "right") - 1

    def batch_of(self, spec: BarSpec | None) -> BarBatch | None:
        """The bars of a specification as columns, None where none closed."""
        return None if spec is None else self._batches.get(spec)

    def count_until(self, row: int, time: int | None = None) -> int:
        """How many are known before trade ``row``, or at it; of the latter, those by ``time``."""
        count = bisect_right(self.at, row)
        if time is not None:
            first = bisect_left(self.at, row)
            count = bisect_right(self.time, time, lo=first, hi=count)
        return count

    def events_of(self, m: int) -> EventColumns:
        """Events of a moment."""
        first, stop = self.events_from[m], self.events_from[m + 1]
        return self.events[first:stop] if stop > first else NO_EVENTS

    def __len__(self) -> int:
        return len(self.time)

    @overload
    def __getitem__(self, index: int) -> Moment: ...
    @overload
    def __getitem__(self, index: slice) -> list[Moment]: ...
    def __getitem__(self, index: int | slice) -> Moment | list[Moment]:
        if isinstance(index, slice):
            return [self[m] for m in range(*index.indices(len(self)))]
        m = range(len(self))[index]
        bars = [
            self.closed(spec, row)
            for spec in self._batches
            for row in range(self.known_of(spec)[m], self.known_of(spec)[m + 1])
        ]
        return Moment(self.time[m], self.at[m], bars, self.events_of(m))


def _are_apart(batch: BarBatch) -> bool:
    """Whether no two bars are known at one moment, as those that one trade completes are."""
    same = (batch.at[1:] == batch.at[:-1]) & (batch.known_at[1:] == batch.known_at[:-1])
    return not same.any()
