"""The footprints around some entries: which round trips a report shows, and their bars."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from orderflow_bt.flow.window import BarWindow

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from orderflow_bt.run.columns import Shown, TripColumns
    from orderflow_bt.store import Lake
    from orderflow_bt.types import BarSpec, TapeId

SHOWN = 6
BARS_BEFORE = 10
BARS_AFTER = 3
MOST_BARS = 36
_OPENED, _CLOSED = 0, 1  # columns of times, and of bars


def choose(trips: TripColumns, seed: int) -> list[Shown]:
    """The best, the worst and the median round trip, and some at random; all where there are few.

    Measured in R, in money where no stop was set; in order of entry.
    """
    if len(trips) <= SHOWN:
        return trips.shown(range(len(trips)))
    ids, r_multiple = trips["id"], trips["r_multiple"]
    worth = np.where(np.isnan(r_multiple), trips["net_pnl"], r_multiple)
    ranked = ids[np.lexsort((ids, worth))]
    telling = ranked[[0, (len(ids) - 1) // 2, -1]]
    rest = ids[~np.isin(ids, telling)]
    drawn = np.random.default_rng(seed).choice(rest, SHOWN - len(telling), replace=False)
    return trips.shown(np.flatnonzero(np.isin(ids, [*telling, *drawn])).tolist())


def footprints(
    lake: Lake, tape: TapeId, spec: BarSpec, times: NDArray[np.int64], trips: Sequence[Shown]
) -> NDArray[np.int64]:
    """The price rows of the bars around round trips.

    Args:
        lake: Where the tape is stored.
        tape: Whose.
        spec: Which bars. None are given for bars that never restart: they depend on where reading
            began.
        times: int64 [n, 2], when each of the run's bars opened and closed, in order.
        trips: Each with the bars from some before its entry to some after its exit.

    Returns:
        int64 [rows, 7]: round trip, open time, low price, bid, ask, bid count, ask count.
    """
    parts = [np.empty((0, 7), np.int64)]
    if not len(times) or (spec.anchor == "start" and not spec.is_time):
        trips = ()
    stored = lake.days(tape) if trips else []
    for trip in trips:
        first, last = _around(times, trip, spec)
        start, end = int(times[first, _OPENED]), int(times[last, _CLOSED])
        # an activity bar holds the trades of its close time
        after = end + (not spec.is_time)
        window = BarWindow(lake, tape, spec, start, after, keep_cells=True, stored=stored)
        wanted = set(times[first : last + 1, _OPENED].tolist())
        for batch, inside in window:
            for row in inside:
                cells = batch.bar_cells(row)
                opened = int(batch.bars[row, _OPENED])
                if opened in wanted:
                    part = np.empty((len(cells), 7), np.int64)
                    part[:, 0], part[:, 1], part[:, 2:] = trip.id, opened, cells
                    parts.append(part)
    return np.concatenate(parts)


def _around(times: NDArray[np.int64], trip: Shown, spec: BarSpec) -> tuple[int, int]:
    """First and last row of the bars around a round trip."""
    closes = times[:, _CLOSED]
    # a time bar ends before the trades of its close time, an activity bar behind them
    behind = 0 if spec.is_time else 1
    entry = min(int(np.searchsorted(closes, trip.entry_time + 1 - behind)), len(times) - 1)
    left = len(times)
    if not trip.is_open:
        left = int(np.searchsorted(closes, trip.exit_time + 1 - behind))
    first = max(0, entry - BARS_BEFORE)
    return first, min(left + BARS_AFTER, first + MOST_BARS - 1, len(times) - 1)
