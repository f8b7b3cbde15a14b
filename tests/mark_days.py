"""The mark price for tests: days of it in a lake, candles typed by minute, and random ones."""

from __future__ import annotations

import numpy as np

from orderflow_bt.series import SeriesId, SeriesKind
from orderflow_bt.sim.mark_prices import MarkPrices, Minutes
from orderflow_bt.store import Origin, SeriesInfo, SeriesQuality, SeriesStore
from orderflow_bt.testing.tape import MIDNIGHT_2024
from orderflow_bt.types import DAY_US, MINUTE_US, Trades


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


class Typed(MarkPrices):
    """Candles by minute since midnight: open, high, low, close."""

    def __init__(self, candles, start=MIDNIGHT_2024, decimals=1):
        super().__init__()
        self.candles, self.start, self.decimals = candles, start, decimals

    def load(self, day):
        first = (day * DAY_US - self.start) // MINUTE_US
        mine = {m - first: c for m, c in self.candles.items() if 0 <= m - first < 1440}
        columns = np.array(list(mine.values()), np.int64).reshape(-1, 4).T
        minutes = np.array(list(mine), np.int64)
        return Minutes.of(minutes, list(columns), self.decimals) if mine else None


def flat(price):
    """A candle that does not move."""
    return (price,) * 4


def random_tape(seed, rows):
    """Large steps, silences of minutes."""
    luck = np.random.default_rng(seed)
    price = np.maximum(300, 1_000 + np.cumsum(luck.choice([-20, -5, 0, 5, 20], rows)))
    steps = luck.choice([0, 1_000_000, 20_000_000, 60_000_000, 200_000_000], rows)
    return Trades(
        np.arange(1, rows + 1, dtype=np.int64),
        MIDNIGHT_2024 + np.cumsum(steps).astype(np.int64), price.astype(np.int64),
        luck.integers(1, 4_000, rows).astype(np.int64),
        luck.choice([-1, 1], rows).astype(np.int8), np.ones(rows, np.int32),
    )  # fmt: skip


def random_marks(trades, seed):
    """Candles around the last price, some of them missing."""
    luck = np.random.default_rng(seed)
    candles = {}
    for minute in range(int(trades.time[-1] - MIDNIGHT_2024) // MINUTE_US + 2):
        if luck.random() < 0.1:
            continue
        row = int(np.searchsorted(trades.time, MIDNIGHT_2024 + minute * MINUTE_US))
        middle = int(trades.price[min(row, trades.rows - 1)]) * 100  # two decimals more
        values = middle + luck.integers(-4_000, 4_000, 4)
        low, first, last, high = (max(1, int(value)) for value in sorted(values))
        candles[minute] = (first, high, low, last)
    return candles
