"""Lets a detector read trades, bars or footprints that a test made, and gives its events."""

from __future__ import annotations

import numpy as np

from orderflow_bt.flow import BarBatch
from orderflow_bt.flow.batch import NO_BARS
from orderflow_bt.flow.events import AT, EventColumns
from orderflow_bt.types import Trades

NO_ROWS = np.zeros(0, np.int64)
NO_TRADES = Trades(
    NO_ROWS, NO_ROWS, NO_ROWS, NO_ROWS, NO_ROWS.astype(np.int8), NO_ROWS.astype(np.int32)
)


def of_trades(detector, trades, gaps=NO_ROWS):
    """(row of the trade that made it known, event) for a piece of tape without bars."""
    rows = detector.read(trades, NO_BARS, gaps)
    return list(
        zip((rows[:, AT] - 1).tolist(), EventColumns(rows, [detector.words()]), strict=True)
    )


def of_bars(detector, *bars):
    """Events of bars without rows, the next of the detector's."""
    cells = np.zeros((0, 5), np.int64)
    return _of_batch(detector, bars, cells, [0] * (len(bars) + 1), 1)


def of_footprints(detector, *footprints):
    """Events of bars with rows, the next of the detector's."""
    cells = np.concatenate([footprint.cells for footprint in footprints])
    starts = np.cumsum([0, *(len(footprint.cells) for footprint in footprints)])
    bars = [footprint.bar for footprint in footprints]
    return _of_batch(detector, bars, cells, starts, footprints[0].row_size)


def _of_batch(detector, bars, cells, starts, row_size):
    columns = np.array(bars, np.int64).reshape(-1, 18)
    known = columns[:, 1].copy()
    at = np.zeros(len(bars), np.int64)
    batch = BarBatch(columns, at, known, cells, np.array(starts, np.int64), row_size)
    return list(EventColumns(detector.read(NO_TRADES, batch, NO_ROWS), [detector.words()]))
