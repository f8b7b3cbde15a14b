"""The footprints around some entries: which round trips a report shows, and their bars."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from orderflow_bt.flow.window import BarWindow

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from orderflow_bt.sim.trips import RoundTrip
    from orderflow_bt.store import Lake
    from orderflow_bt.types import BarSpec, TapeId

SHOWN = 6
BARS_BEFORE = 10
BARS_AFTER = 3
MOST_BARS = 36
_OPEN_TIME, _CLOSE_TIME = 0, 1


def choose(trips: Sequence[RoundTrip], seed: int) -> list[RoundTrip]:
    """The best, the worst and the median round trip, and some at random; all where there are few.

    Measured in R, in money where no stop was set; in order of entry.
    """
    if len(trips) <= SHOWN:
        return list(trips)
    ranked = sorted(trips, key=lambda trip: (_worth(trip), trip.id))
    telling = {trip.id for trip in (ranked[0], ranked[(len(ranked) - 1) // 2], ranked[-1])}
    rest = [trip.id for trip in trips if trip.id not in telling]
    drawn = np.random.default_rng(seed).choice(rest, SHOWN - len(telling), replace=False)
    wanted = telling | set(drawn.tolist())
    return [trip for trip in trips if trip.id in wanted]


def _worth(trip: RoundTrip) -> float:
    return float(trip.net_pnl) if trip.r_multiple is None else trip.r_multiple


def footprints(
    lake: Lake, tape: TapeId, spec: BarSpec, bars: NDArray[np.int64], trips: Sequence[RoundTrip]
) -> NDArray[np.int64]:
    """The price rows of the bars around round trips.

    Args:
        lake: Where the tape is stored.
        tape: Whose.
        spec: Which bars. None are given for bars that never restart: they depend on where reading
            began.
        bars: int64 [n, fields of `Bar`], the run's bars in order.
        trips: Each with the bars from some before its entry to some after its exit.

    Returns:
        int64 [rows, 7]: round trip, open time, low price, bid, ask, bid count, ask count.
    """
    parts = [np.empty((0, 7), np.int64)]
    if spec.anchor == "start" and not spec.is_time:
        trips = ()
    for trip in trips:
        first, last = _around(bars, trip, spec)
        start, end = int(bars[first, _OPEN_TIME]), int(bars[last, _CLOSE_TIME])
        # an activity bar holds the trades of its close time
        window = BarWindow(lake, tape, spec, start, end + (not spec.is_time), keep_cells=True)
        wanted = set(bars[first : last + 1, _OPEN_TIME].tolist())
        for batch, inside in window:
            for row in inside:
                cells = batch.bar_cells(row)
                opened = int(batch.bars[row, _OPEN_TIME])
                if opened in wanted:
                    part = np.empty((len(cells), 7), np.int64)
                    part[:, 0], part[:, 1], part[:, 2:] = trip.id, opened, cells
                    parts.append(part)
    return np.concatenate(parts)


def _around(bars: NDArray[np.int64], trip: RoundTrip, spec: BarSpec) -> tuple[int, int]:
    """First and last row of the bars around a round trip."""
    closes = bars[:, _CLOSE_TIME]
    # a time bar ends before the trades of its close time, an activity bar behind them
    behind = 0 if spec.is_time else 1
    entry = min(int(np.searchsorted(closes, trip.entry_time + 1 - behind)), len(bars) - 1)
    left = len(bars)
    if not trip.is_open:
        left = int(np.searchsorted(closes, trip.exit_time + 1 - behind))
    first = max(0, entry - BARS_BEFORE)
    return first, min(left + BARS_AFTER, first + MOST_BARS - 1, len(bars) - 1)
