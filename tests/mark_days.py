"""Days of the mark price in a lake: candles of a minute, as an archive's are stored."""

from __future__ import annotations

import numpy as np

from orderflow_bt.series import SeriesId, SeriesKind
from orderflow_bt.store import Origin, SeriesInfo, SeriesQuality, SeriesStore
from orderflow_bt.types import MINUTE_US


def store_marks(lake, tape, date, candles, *, decimals=8):
    """Store a day of int64 [4, n]: open, high, low, close of its first n minutes."""
    series = SeriesId(tape.exchange, tape.market, SeriesKind.MARK_KLINES, tape.symbol, "1m")
    rows = candles.shape[1]
    times = np.datetime64(date, "us").astype(np.int64) + np.arange(rows) * MINUTE_US
    names = ("open", "high", "low", "close")
    columns = {"open_time": times, **dict(zip(names, candles.astype(np.int64), strict=True)),
               "close_time": times + MINUTE_US - 1_000, "count": np.full(rows, 60)}  # fmt: skip
    info = SeriesInfo(
        series, date, None, 0, {"price": decimals}, "us", Origin("here", "ab" * 32, "verified", 1),
        SeriesQuality(rows=rows),
    )  # fmt: skip
    with lake.lock(series, date):
        SeriesStore(lake).write(columns, info)
