"""What the same trading makes by chance: random sides, random times, and doing nothing.

A strategy that knows something beats the trades it would have had without knowing it: the same
sides, sizes and holding times begun at other moments. Prices are those of bar closes, and each
random round trip pays what the real one paid, so entries by limit order are compared with entries
at whatever the price was. See ``docs/metrics.md``.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from orderflow_bt.stats.luck import blocks_of, random_p_value
from orderflow_bt.types import DAY_US

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from numpy.typing import NDArray

    Floats = NDArray[np.float64]
    Times = NDArray[np.int64]
    Draws = Iterator[tuple[Times, NDArray[np.integer[Any]]]]  # entries, which trade each is

REPS = 1000
_CHUNK = 1 << 21  # trades whose order or sides are drawn at once


@dataclass(frozen=True, slots=True)
class Marks:
    """Prices by time.

    Attributes:
        time: int64 [n], when each price was known, ascending, n >= 1.
        price: float64 [n], above 0.
        is_inverse: Whether money is made in ``1 / price``.
    """

    time: Times
    price: Floats
    is_inverse: bool = False
    _pause: int = field(init=False)  # between any two times, 0 where it is not always the same

    def __post_init__(self) -> None:
        pauses = np.diff(self.time)
        even = pauses.size > 0 and bool((pauses == pauses[0]).all())
        object.__setattr__(self, "_pause", int(pauses[0]) if even else 0)

    def value(self, at: Times) -> Floats:
        """Worth of one unit held, at each of some times: the last price known by then."""
        price = self.price[self._last(at)]
        return -1.0 / price if self.is_inverse else price

    def _last(self, at: Times) -> NDArray[np.int64]:
        """Places of the last prices known by some times, of the first where none was."""
        if self._pause > 0:  # time bars of a tape that has them all
            row: NDArray[np.int64] = (at - self.time[0]) // self._pause
            return np.clip(row, 0, self.time.size - 1)
        return np.maximum(np.searchsorted(self.time, at, side="right") - 1, 0)


@dataclass(frozen=True, slots=True)
class Trades:
    """Closed round trips.

    Attributes:
        side: [k], +1 long, -1 short.
        entry: int64 [k], microseconds UTC.
        exit: int64 [k].
        size: float64 [k], money per unit that the price (or its inverse) moves.
        gross: float64 [k], money before costs.
        costs: float64 [k], fees and slippage, positive where they were paid.
    """

    side: NDArray[np.int8]
    entry: Times
    exit: Times
    size: Floats
    gross: Floats
    costs: Floats


def against_chance(
    trades: Trades, marks: Marks, *, start: int, end: int, seed: int, reps: int = REPS
) -> dict[str, Any]:
    """Net money of random variants of the same trading.

    Args:
        trades: At least one.
        marks: Prices over the window.
        start: First moment of the window, microseconds UTC.
        end: Its end.
        seed: Of the draws.
        reps: How many draws.

    Returns:
        JSON-ready, by null: ``random_side`` (the same entries, each side by a coin),
        ``random_hour`` (each trade moved by whole days, so that its hour stays), ``random_time``
        (the trades in random order at random moments, never two at once); each with ``mean``,
        ``low`` and ``high`` (95 % of draws between them) and ``p_value``: the share of draws that
        made at least as much as the strategy, never 0.
    """
    rng = np.random.default_rng(seed)
    net = float((trades.gross - trades.costs).sum())
    draws = {
        "random_side": _random_side(trades, rng, reps),
        "random_hour": _at_times(trades, marks, _other_days(trades, start, end, rng), reps),
        "random_time": _at_times(trades, marks, _anywhere(trades, start, end, rng), reps),
    }
    return {name: summary(made, net) for name, made in draws.items()}


def by_day(
    trades: Trades, marks: Marks, *, start: int, end: int, seed: int, reps: int = REPS
) -> dict[str, Floats]:
    """Net money of draws that turn, or move, all trades of a day together.

    The same seed draws the same for each of several symbols, so that draws of symbols can be added
    up: what they have in common on a day they have in common in each draw.

    Args:
        trades: At least one.
        marks: Prices over the window.
        start: First moment of the window, microseconds UTC.
        end: Its end.
        seed: Of the draws.
        reps: How many draws.

    Returns:
        By null, float64 [reps]: ``day_side`` (all sides of a day kept or turned, by a coin) and
        ``day_moved`` (all trades of a day moved by whole days, as far as each stays inside).
    """
    rng = np.random.default_rng(seed)
    days = -(-(end - start) // DAY_US)
    drawn = rng.random((2, reps, days))
    day = np.clip((trades.entry - start) // DAY_US, 0, days - 1)
    back, on = day, np.maximum((end - trades.exit) // DAY_US, 0)
    by_side = np.bincount(day, weights=trades.gross, minlength=days)
    coins = 2.0 * (drawn[0] < 1 / 2) - 1.0
    made: dict[str, Floats] = {"day_side": coins @ by_side}

    held, size = trades.exit - trades.entry, trades.side * trades.size
    moved = []
    for part in blocks_of(reps, day.size):
        days_on = (drawn[1][part][:, day] * (back + on + 1)).astype(np.int64) - back
        entry = trades.entry + days_on * DAY_US
        moved.append(((marks.value(entry + held) - marks.value(entry)) * size).sum(axis=1))
    made["day_moved"] = np.concatenate(moved)
    return {name: gross - trades.costs.sum() for name, gross in made.items()}


def buy_and_hold(marks: Marks, cash: float, fee: float) -> float:
    """Net money of ``cash`` held long over the window; ``fee`` is the share paid on each side."""
    first, last = (float(marks.price[at]) for at in (0, -1))
    gross = cash * (1 - first / last if marks.is_inverse else last / first - 1)
    return gross - cash * fee * (1 + (first / last if marks.is_inverse else last / first))


def summary(made: Floats, net: float) -> dict[str, Any]:
    """Mean of draws, the ends between which 95 of 100 lie, and how many reached ``net``."""
    low, high = np.quantile(made, (0.025, 0.975)).tolist()
    reached = int((made >= net - 1e-9 * abs(net)).sum())
    return {
        "mean": float(made.mean()), "low": low, "high": high,
        "p_value": random_p_value(reached, made.size), "draws": int(made.size),
    }  # fmt: skip


def _random_side(trades: Trades, rng: np.random.Generator, reps: int) -> Floats:
    made, k = [], trades.gross.size
    for some in _chunks(reps, k):
        coins = np.empty((some, k))
        for part in blocks_of(some, k):
            coins[part] = rng.integers(0, 2, (part.stop - part.start, k)) * 2 - 1
        made.append(coins @ trades.gross - trades.costs.sum())
    return np.concatenate(made)


def _chunks(reps: int, size: int) -> list[int]:
    """How many draws at a time."""
    step = max(1, _CHUNK // max(size, 1))
    return [min(step, reps - done) for done in range(0, reps, step)]


def _other_days(
    trades: Trades, start: int, end: int, rng: np.random.Generator
) -> Callable[[int], Draws]:
    """Draws entries on random days of the window, each at its own time of day."""
    k = trades.entry.size
    back = (trades.entry - start) // DAY_US  # days a trade can go back
    on = np.maximum((end - trades.exit) // DAY_US, 0)

    def draw(some: int) -> Draws:
        for part in blocks_of(some, k):
            shape = (part.stop - part.start, k)
            days = (rng.random(shape) * (back + on + 1)).astype(np.int64) - back
            yield trades.entry + days * DAY_US, np.broadcast_to(np.arange(k), shape)

    return draw


def _anywhere(
    trades: Trades, start: int, end: int, rng: np.random.Generator
) -> Callable[[int], Draws]:
    """Draws the trades in random order, the time between them cut at random places."""
    k = trades.entry.size
    length = trades.exit - trades.entry
    free = max(end - start - int(length.sum()), 0)

    def draw(some: int) -> Draws:
        orders = np.empty((some, k), np.int32, order="F")
        parts = blocks_of(some, k)
        for part in parts:
            each = np.broadcast_to(np.arange(k), (part.stop - part.start, k))
            orders[part] = rng.permuted(each, axis=1)
        for part in parts:
            held = length[orders[part]]
            pauses = np.sort(rng.integers(0, free + 1, held.shape), axis=1)
            yield start + pauses + np.cumsum(held, axis=1) - held, orders[part]

    return draw


def _at_times(trades: Trades, marks: Marks, draw: Callable[[int], Draws], reps: int) -> Floats:
    """Money of draws."""
    held = trades.exit - trades.entry
    size = trades.side * trades.size
    made = []
    for some in _chunks(reps, size.size):
        for entry, order in draw(some):
            moved = marks.value(entry + held[order]) - marks.value(entry)
            made.append((moved * size[order]).sum(axis=1) - trades.costs.sum())
    return np.concatenate(made)
