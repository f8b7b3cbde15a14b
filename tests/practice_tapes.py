"""Tapes in memory for tests of drills: minutes that are one-sided or not, and go or hold."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from orderflow_bt.instruments import Instrument
from orderflow_bt.testing.tape import MIDNIGHT_2024
from orderflow_bt.types import HOUR_US, MINUTE_US, Kind, MarketType, TapeId, Trades

UNITS = Instrument("binance", MarketType.UM, "ABCUSDT", 1, 3, tick_size=1)
TAPE = TapeId("binance", MarketType.UM, Kind.AGG_TRADES, "ABCUSDT")


class Cut(NamedTuple):
    row: int
    trades: Trades
    day: None
    first: int


class MemoryWindow:
    """Stands in for a replay's window."""

    tape, instrument = TAPE, UNITS

    def __init__(self, trades: Trades, start: int, end: int, most: int = 1 << 13) -> None:
        self.all, self.start, self.end, self._most = trades, start, end, most
        self.rows = int(np.searchsorted(trades.time, end))
        self.first = self.row_at(start)

    def row_at(self, time: int) -> int:
        return min(int(np.searchsorted(self.all.time, time)), self.rows)

    def time_of(self, row: int) -> int:
        return int(self.all.time[row]) if row < self.rows else self.end

    def pieces(self, first: int, stop: int):
        for row in range(first, min(stop, self.rows), self._most):
            last = min(row + self._most, stop, self.rows)
            yield Cut(row, self.all.slice(row, last), None, row)

    def trades(self, first: int, stop: int) -> Trades:
        return self.all.slice(first, min(stop, self.rows))


class Cursor:
    """Stands in for a player."""

    def __init__(self, row: int) -> None:
        self.row = self.furthest = row

    def go(self, row: int) -> None:
        self.row, self.furthest = row, max(self.furthest, row)


def trades_of(time, price, qty, side, first_id=1) -> Trades:
    rows = len(time)
    return Trades(
        np.arange(first_id, first_id + rows, dtype=np.int64), np.asarray(time, np.int64),
        np.asarray(price, np.int64), np.asarray(qty, np.int64), np.asarray(side, np.int8),
        np.ones(rows, np.int32),
    )  # fmt: skip


def moody_tape(
    hours: float = 6, seed: int = 1, per_minute: int = 60, pushes=(-1, 0, 0, 1)
) -> Trades:
    """Each minute draws who pushes, and whether the price goes with it."""
    rng = np.random.default_rng(seed)
    time, price, qty, side, at = [], [], [], [], 10_000
    for minute in range(int(hours * 60)):
        push = rng.choice(pushes)
        goes = rng.random() < 0.5
        steps = np.sort(rng.integers(0, MINUTE_US, per_minute))
        sides = np.where(rng.random(per_minute) < 0.5 + 0.3 * push, 1, -1)
        drift = 0.15 * push if goes else 0.0
        for step, s in zip(steps.tolist(), sides.tolist(), strict=True):
            at += int(rng.choice([-1, 0, 1], p=[0.25 - drift / 2, 0.5, 0.25 + drift / 2]))
            time.append(MIDNIGHT_2024 + minute * MINUTE_US + step)
            price.append(at + (s > 0))
            side.append(s)
            qty.append(int(rng.integers(1, 20)))
    return trades_of(time, price, qty, side)


def moody_window(hours: float = 6, seed: int = 1, warmup: float = 1, **options) -> MemoryWindow:
    tape = moody_tape(hours, seed, **options)
    start = MIDNIGHT_2024 + int(warmup * HOUR_US)
    return MemoryWindow(tape, start, MIDNIGHT_2024 + int(hours * HOUR_US))


def with_other_future(trades: Trades, row: int, seed: int = 9) -> Trades:
    """The same tape up to a row, and something else from there on."""
    rng = np.random.default_rng(seed)
    rest = trades.rows - row
    price, side, qty, time = (
        getattr(trades, name).copy() for name in ("price", "side", "qty", "time")
    )
    price[row:] = price[row - 1] + np.cumsum(rng.integers(-3, 4, rest))
    side[row:] = rng.choice([-1, 1], rest)
    qty[row:] = rng.integers(1, 200, rest)
    time[row:] = time[row - 1] + np.sort(rng.integers(1, int(time[-1] - time[row - 1]), rest))
    return trades._replace(price=price, side=side, qty=qty, time=time)
