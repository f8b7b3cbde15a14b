"""Moments that a replay can go back to: a bounded number of them, closest where the cursor is."""

from __future__ import annotations

from bisect import bisect_right
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterator

    from orderflow_bt.replay.engine.listener import Listener

MOST = 32


class Checkpoint(NamedTuple):
    """All that is known at a row.

    Attributes:
        row: Row that comes next.
        clock: Time of the trade before it.
        acted: How many of the attempt's actions were taken by then.
        heard: How many of its happenings had been heard.
        lanes: What each lane saved, by name; a lane that could not be saved is missing.
        listeners: What each listener saved.
    """

    row: int
    clock: int
    acted: int
    heard: int
    lanes: dict[str, bytes]
    listeners: list[tuple[Listener, bytes]]

    @property
    def bytes(self) -> int:
        """Memory that it takes."""
        return sum(map(len, self.lanes.values())) + sum(len(raw) for _, raw in self.listeners)


class Checkpoints:
    """Checkpoints by row. The first one stays; of the others the least useful goes."""

    def __init__(self, most: int = MOST) -> None:
        self._most = most
        self._found: list[Checkpoint] = []

    def __iter__(self) -> Iterator[Checkpoint]:
        return iter(self._found)

    def __len__(self) -> int:
        return len(self._found)

    def add(self, made: Checkpoint) -> None:
        """Keep one more; of the same row the newer one."""
        at = bisect_right(self._found, made.row, key=lambda found: found.row)
        if at and self._found[at - 1].row == made.row:
            self._found[at - 1] = made
            return
        self._found.insert(at, made)
        if len(self._found) > self._most:
            self._thin(made.row)

    def _thin(self, cursor: int) -> None:
        """Drop the one whose neighbours are closest, seen from the cursor."""
        rows = [found.row for found in self._found]
        inner = range(1, len(rows) - 1)
        least = min(inner, key=lambda k: (rows[k + 1] - rows[k - 1]) / (1 + abs(cursor - rows[k])))
        del self._found[least]

    def nearest(self, row: int) -> Checkpoint | None:
        """The last one at or before a row."""
        at = bisect_right(self._found, row, key=lambda found: found.row)
        return self._found[at - 1] if at else None

    def drop_after(self, row: int) -> None:
        """Forget those behind a row: what comes there is another attempt's."""
        del self._found[bisect_right(self._found, row, key=lambda found: found.row) :]

    def clear(self) -> None:
        """Forget all."""
        self._found.clear()
