"""What a drill's questions have for an answer: pure functions of the tape around a point.

A *point* is a row: the trades before it have been seen. The reading kinds need nothing from it on;
the outcome kind needs what follows, and says from which row on it is known. The rules, with their
numbers, are in ``docs/practice.md``.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

import numpy as np

from orderflow_bt.types import MINUTE_US, SECOND_US

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from orderflow_bt.instruments import Instrument
    from orderflow_bt.types import TapeId, Trades

EFFORT_US = 60 * SECOND_US  # the stretch before a point that is read
LEAST_TRADES = 20  # in it, or there is nothing to read
ONE_SIDED = 30  # percent of delta from which a side is aggressing
BALANCED = 10  # percent of delta up to which none is; what lies between is not asked
MOVED, HELD = (1, 2), (1, 10)  # progress in ATR: at least a half moved, at most a tenth held
RANGES = 14  # minutes of the average true range
TREND_US = 15 * MINUTE_US
# A driftless walk stays within 0.9595 standard deviations of its start one time in three, and a
# minute's range is 1.596 standard deviations of its change on average: their ratio, in 1/1000.
REACH = 601
BEFORE_US = (RANGES + 2) * MINUTE_US  # tape before a point that its truths need


class Tape(Protocol):
    """What of a replay's window the drills use: `replay.window.ReplayWindow` is one."""

    tape: TapeId
    instrument: Instrument
    start: int
    end: int
    rows: int
    first: int

    def row_at(self, time: int) -> int:
        """First row at or after a time."""
        ...

    def time_of(self, row: int) -> int:
        """Time of a trade."""
        ...

    def pieces(self, first: int, stop: int) -> Iterator[Any]:
        """Rows ``[first, stop)`` as pieces with ``row``, ``trades``, ``day`` and ``first``."""
        ...

    def trades(self, first: int, stop: int) -> Trades:
        """Rows ``[first, stop)`` at once."""
        ...


class Effort(NamedTuple):
    """The minute before a point. Volumes in lots, prices in price units.

    Attributes:
        buy: Aggressive buys.
        sell: Aggressive sells.
        progress: Last price less the price that the minute began from.
        range14: Sum of the true ranges of the 14 closed minutes before.
        trend: Sign of the last price less the price a quarter of an hour before.
        low: Lowest price in the minute.
        high: Highest.
    """

    buy: int
    sell: int
    progress: int
    range14: int
    trend: int
    low: int = 0
    high: int = 0

    @property
    def delta(self) -> int:
        """Aggressive buys less sells."""
        return self.buy - self.sell

    @property
    def percent(self) -> float:
        """Delta in hundredths of the volume."""
        return 100 * self.delta / (self.buy + self.sell)


@dataclass(frozen=True, slots=True)
class Truth:
    """The answer to a question.

    Attributes:
        choice: Which of the choices is right; empty where trades are missing and nobody knows.
        because: Why, in words without price and date.
        known_from: The first row at which it can be told.
    """

    choice: str
    because: str
    known_from: int


class Stretch:
    """A stretch of tape in memory, at whose points truths are computed.

    Args:
        window: The tape.
        first: First row at hand.
        stop: Row behind the last.
    """

    def __init__(self, window: Tape, first: int, stop: int) -> None:
        self.first, self.stop = first, stop
        trades = window.trades(first, stop)
        self.trades = trades
        self._continuous = window.tape.ids_are_continuous
        self._bought = _sums(np.where(trades.side > 0, trades.qty, 0))
        self._volume = _sums(trades.qty)
        time = trades.time
        if not len(time):
            return
        self._minute = int(time[0]) // MINUTE_US
        minutes = int(time[-1]) // MINUTE_US - self._minute + 2
        edges = (self._minute + np.arange(minutes)) * MINUTE_US
        self._edges: list[int] = np.searchsorted(time, edges).tolist()

    @classmethod
    def around(cls, window: Tape, row: int) -> Stretch:
        """What the truths of one point need of the tape before it."""
        now = window.time_of(row - 1) if row else window.time_of(0)
        return cls(window, window.row_at(now - BEFORE_US), row)

    def row_at(self, time: int) -> int:
        """First row at hand at or after a time."""
        return self.first + int(np.searchsorted(self.trades.time, time))

    def now(self, row: int) -> int:
        """Time of the last trade seen at a point."""
        return int(self.trades.time[row - 1 - self.first])

    def price(self, row: int) -> int:
        """The last price seen at a point."""
        return int(self.trades.price[row - 1 - self.first])

    def effort(self, row: int) -> Effort | None:
        """The minute before a point; None where there is too little to read, or trades are lost."""
        at = row - self.first
        if at < LEAST_TRADES or at > self.trades.rows:
            return None
        now = int(self.trades.time[at - 1])
        begin = int(np.searchsorted(self.trades.time, now - EFFORT_US, side="right"))
        range14 = self._range14(now)
        if range14 is None or at - begin < LEAST_TRADES or begin == 0:
            return None
        far = int(np.searchsorted(self.trades.time, now - TREND_US, side="right"))
        if far == 0 or self._lacks_trades(far - 1, at):
            return None
        price = self.trades.price
        volume = self._volume[at] - self._volume[begin]
        buy = self._bought[at] - self._bought[begin]
        if volume <= 0:
            return None
        last = int(price[at - 1])
        return Effort(
            int(buy),
            int(volume - buy),
            last - int(price[begin - 1]),
            range14,
            int(np.sign(last - int(price[far - 1]))),
            int(price[begin:at].min()),
            int(price[begin:at].max()),
        )

    def _range14(self, now: int) -> int | None:
        """Sum of true ranges of the 14 minutes closed by ``now``; None before there are."""
        last = now // MINUTE_US - self._minute  # the forming minute
        first = last - RANGES
        if first < 1 or self._edges[first] == 0:
            return None
        price, total = self.trades.price, 0
        close = int(price[self._edges[first] - 1])
        for minute in range(first, last):
            begin, end = self._edges[minute], self._edges[minute + 1]
            if begin == end:
                continue
            inside = price[begin:end]
            total += max(int(inside.max()), close) - min(int(inside.min()), close)
            close = int(inside[-1])
        return total

    def _lacks_trades(self, begin: int, end: int) -> bool:
        ids = self.trades.id
        return self._continuous and int(ids[end - 1] - ids[begin]) != end - 1 - begin


def _sums(values: NDArray[np.int64]) -> NDArray[np.int64]:
    return np.concatenate(([0], np.cumsum(values, dtype=np.int64)))


# Reading kinds: of a point's past alone -----------------------------------------------------------


def aggression(effort: Effort | None, row: int) -> Truth | None:
    """Who is aggressing: buyers, sellers, neither; None where it is not clear enough to ask."""
    if effort is None:
        return None
    total = effort.buy + effort.sell
    size = 100 * abs(effort.delta)
    if size >= ONE_SIDED * total:
        who = "buyers" if effort.delta > 0 else "sellers"
    elif size <= BALANCED * total:
        who = "neither"
    else:
        return None
    share = 100 * effort.buy / total
    because = f"{share:.0f} % of the last minute's volume bought, delta {_signed(effort.percent)} %"
    return Truth(who, because, row)


def absorption(effort: Effort | None, row: int) -> Truth | None:
    """Whether a one-sided minute is absorbed or moving; None where it is neither."""
    if effort is None or effort.range14 <= 0:
        return None
    if 100 * abs(effort.delta) < ONE_SIDED * (effort.buy + effort.sell):
        return None
    progress = effort.progress if effort.delta > 0 else -effort.progress
    if progress * RANGES * MOVED[1] >= effort.range14 * MOVED[0]:
        what = "moving"
    elif progress * RANGES * HELD[1] <= effort.range14 * HELD[0]:
        what = "absorbed"
    else:
        return None
    atr = progress * RANGES / effort.range14
    side = "buying" if effort.delta > 0 else "selling"
    because = (
        f"one-sided {side}, delta {_signed(effort.percent)} %, moved the price"
        f" {_signed(atr, 2)} ATR its way"
    )
    return Truth(what, because, row)


def auction(bid: int, ask: int, side: int, row: int) -> Truth:
    """Whether a bar's extreme is finished.

    Args:
        bid: Lots sold into the extreme tick.
        ask: Lots bought at it.
        side: +1 of a high, -1 of a low.
        row: The first row behind the bar.
    """
    against, with_ = (bid, ask) if side > 0 else (ask, bid)
    unfinished = against > 0 and with_ > 0
    who = "sellers" if side > 0 else "buyers"
    because = (
        f"both sides still traded at the last tick of the {'high' if side > 0 else 'low'}"
        if unfinished
        else f"no {who} at all at the last tick of the {'high' if side > 0 else 'low'}"
        if against == 0
        else f"only {who} traded there"
    )
    return Truth("unfinished" if unfinished else "finished", because, row)


def _signed(value: float, digits: int = 0) -> str:
    return f"{value:+.{digits}f}".replace("-", "\u2212")


# Outcome ------------------------------------------------------------------------------------------


def reach_in_ticks(effort: Effort, minutes: int, tick: int) -> int:
    """Ticks that a driftless walk of this volatility stays within one time in three, at least 2."""
    units = REACH * effort.range14 * float(np.sqrt(minutes)) / (1000 * RANGES)
    return max(2, round(units / tick))


def outcome(window: Tape, row: int, ticks: int, minutes: int) -> Truth:
    """Which comes first after a point: so many ticks up, so many down, or the end of the time."""
    last = window.trades(row - 1, row)
    now, price = int(last.time[0]), int(last.price[0])
    reach = ticks * window.instrument.tick_size
    stop = window.row_at(now + minutes * MINUTE_US + 1)
    before = int(last.id[0])
    for piece in window.pieces(row, stop):
        trades = piece.trades
        far = np.flatnonzero(np.abs(trades.price - price) >= reach)
        end = int(far[0]) + 1 if len(far) else trades.rows
        ids = trades.id
        if window.tape.ids_are_continuous and int(ids[end - 1]) - before != end:
            return Truth("", "trades are missing in it: not scored", piece.row + end)
        before = int(ids[-1])
        if len(far):
            up = int(trades.price[end - 1]) > price
            after = (int(trades.time[end - 1]) - now) / SECOND_US
            because = f"{ticks} ticks {'up' if up else 'down'} came first, after {after:.0f} s"
            return Truth("up" if up else "down", because, piece.row + end)
    return Truth("neither", f"{ticks} ticks were not reached in {minutes} min either way", stop)
