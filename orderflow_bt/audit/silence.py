"""Halts: silences that are long against the tape's own habit, with nothing lost inside."""

from __future__ import annotations

import statistics
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from orderflow_bt.types import HOUR_US, MINUTE_US

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

SHORTEST_HALT_US = 5 * MINUTE_US
TIMES_THE_HABIT = 10
HABIT_HOURS = 24
LEAST_HOURS = 6


class Silence(NamedTuple):
    """A halt: so long no trade, and no id lost.

    Attributes:
        start: Time of the trade before it, microseconds UTC.
        end: Time of the trade after it.
        habit: The median of the longest silences of the hours before it, microseconds.
        before_id: Id of the trade before it.
        after_id: Id of the trade after it; not the next number only where ids have holes that
            mean no loss (raw futures trades), and then a loss cannot be told from a halt.
    """

    start: int
    end: int
    habit: int
    before_id: int
    after_id: int

    @property
    def length_us(self) -> int:
        """How long nothing traded."""
        return self.end - self.start


@dataclass(slots=True)
class Habit:
    """The longest silence of each clock hour, as the tape goes by.

    A silence counts in the hour in which it ends, with its full length, and in each hour that it
    covers whole, with its length up to that hour's end. What a silence is judged by is the median
    over those of the 24 clock hours before the one it begins in that were seen; with fewer than 6
    of them nothing is said. A *halt* lasts at least 5 minutes and 10 times that median.
    """

    hours: dict[int, int] = field(default_factory=dict)
    last_id: int | None = None
    clock: int = 0

    def forget(self) -> None:
        """A day is missing: what follows does not continue what was before."""
        self.last_id = None

    def feed(
        self, ids: NDArray[np.int64], times: NDArray[np.int64], *, ids_are_continuous: bool
    ) -> Iterator[Silence]:
        """Take in rows in id order and tell the halts among their silences.

        Args:
            ids: Ids of consecutive rows.
            times: Their times in microseconds UTC; where they run backwards, time stands still.
            ids_are_continuous: Whether a hole in the ids means lost rows; a silence with such a
                hole is a loss, not a halt, and teaches nothing about the habit.
        """
        if self.last_id is not None:
            ids = np.append(np.int64(self.last_id), ids)
            times = np.append(np.int64(self.clock), times)
        if not ids.size:
            return
        clock = np.maximum.accumulate(times)
        lengths = np.diff(clock)
        if ids_are_continuous:
            lengths[np.diff(ids) != 1] = 0
        ends = clock[1:] // HOUR_US
        long = np.flatnonzero(lengths >= SHORTEST_HALT_US)
        begun = 0
        for at in long.tolist():
            self._learn(ends[begun:at], lengths[begun:at])
            start, end = int(clock[at]), int(clock[at + 1])
            habit = self._at(start)
            if habit is not None and end - start >= TIMES_THE_HABIT * habit:
                yield Silence(start, end, habit, int(ids[at]), int(ids[at + 1]))
            self._cover(start, end)
            begun = at
        self._learn(ends[begun:], lengths[begun:])
        self.last_id, self.clock = int(ids[-1]), int(clock[-1])
        oldest = self.clock // HOUR_US - 2 * HABIT_HOURS
        self.hours = {hour: longest for hour, longest in self.hours.items() if hour >= oldest}

    def _learn(self, ends: NDArray[np.int64], lengths: NDArray[np.int64]) -> None:
        if not ends.size:
            return
        starts = np.flatnonzero(np.append(True, ends[1:] != ends[:-1]))
        longest = np.maximum.reduceat(lengths, starts)
        for hour, length in zip(ends[starts].tolist(), longest.tolist(), strict=True):
            self.hours[hour] = max(self.hours.get(hour, 0), length)

    def _cover(self, start: int, end: int) -> None:
        first, last = start // HOUR_US + 1, end // HOUR_US
        for hour in range(max(first, last - HABIT_HOURS), last):
            self.hours[hour] = (hour + 1) * HOUR_US - start

    def _at(self, start: int) -> int | None:
        hour = start // HOUR_US
        seen = [self.hours[h] for h in range(hour - HABIT_HOURS, hour) if h in self.hours]
        return statistics.median_low(seen) if len(seen) >= LEAST_HOURS else None
