"""Where rows go that are rarely looked at again: out of the way, and found by their number."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

MANY = 1 << 12  # rows that are put away together


class Shelf(Protocol):
    """Keeps bytes that do not change."""

    def put(self, content: bytes | memoryview) -> int:
        """Keep a copy; the number to get it by."""

    def get(self, number: int) -> bytes:
        """What was put there."""


class Rows:
    """Rows of int64 in the order they came, in memory or, but for the latest, on a shelf.

    Args:
        width: Numbers in a row.
        shelf: None: all stay in memory.
    """

    def __init__(self, width: int, shelf: Shelf | None = None) -> None:
        self._width = width
        self._shelf = shelf
        self._away: list[int] = []
        self._here: list[NDArray[np.int64]] = []
        self._count = 0  # of those here
        self._total = 0

    def __len__(self) -> int:
        return self._total

    def add(self, rows: NDArray[np.int64]) -> None:
        """Take in the next, int64 [n, width]."""
        if not len(rows):
            return
        self._here.append(rows)
        self._count += len(rows)
        self._total += len(rows)
        if self._shelf is not None and self._count >= MANY:
            columns = np.ascontiguousarray(np.concatenate(self._here).T, np.int64)
            self._away.append(self._shelf.put(columns.data.cast("B")))
            self._here, self._count = [], 0

    def blocks(self) -> Iterator[NDArray[np.int64]]:
        """All of them in order, int64 [some, width] each; not to be changed."""
        if self._shelf is not None:
            for number in self._away:
                columns = np.frombuffer(self._shelf.get(number), np.int64)
                yield columns.reshape(self._width, -1).T
        if self._here:
            self._here = [np.concatenate(self._here)]
            yield self._here[0]
