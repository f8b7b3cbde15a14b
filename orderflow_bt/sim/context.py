"""Series beside the tape, handed out as of the session's clock.

A source gives pieces (a day, a month) of rows by the time they are known. A feed walks through them
with one session's clock. What a hook is given reaches up to that clock and holds no later row.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections import deque
from decimal import Decimal
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from orderflow_bt.errors import PluginError
from orderflow_bt.strategy.series import Known

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from numpy.typing import NDArray

NEVER = -(2**62)
PIECES_KEPT = 4  # of a source: sessions that share it are less than a piece apart
PIECES_BACK = 2  # of a feed: how far a hook may look back


class Piece(NamedTuple):
    """Rows of a series as columns, in the order of `known_at`.

    ``decimals`` of a column turn its integers into decimals; None: its values are handed out as is.
    """

    time: NDArray[np.int64]
    known_at: NDArray[np.int64]
    columns: Mapping[str, Any]
    decimals: Mapping[str, int | None]

    def row(self, k: int) -> Known:
        """Row ``k`` as exact decimals."""
        values: dict[str, Any] = {}
        for name, column in self.columns.items():
            value, digits = column[k], self.decimals[name]
            values[name] = value if digits is None else Decimal(int(value)).scaleb(-digits)
        return Known(int(self.time[k]), int(self.known_at[k]), values)


class Source(ABC):
    """Pieces of one series, made in their order and shared by every session of a run."""

    def __init__(self) -> None:
        self._made: dict[int, Piece] = {}
        self._next = 0

    @abstractmethod
    def load(self, number: int) -> Piece | None:
        """Piece ``number``, asked for in order from 0 on; None behind the last."""

    def piece(self, number: int) -> Piece | None:
        """A piece that is in memory still, or the next one."""
        while self._next <= number:
            made = self.load(self._next)
            if made is None:
                return None
            self._made[self._next] = made
            self._made.pop(self._next - PIECES_KEPT, None)
            self._next += 1
        return self._made[number]


class Given(Source):
    """Rows somebody typed: for tests."""

    def __init__(self, rows: Sequence[Known]) -> None:
        super().__init__()
        rows = sorted(rows, key=lambda row: row.known_at)
        names = list(rows[0].values) if rows else []
        self._piece = Piece(
            np.array([row.time for row in rows], np.int64),
            np.array([row.known_at for row in rows], np.int64),
            {name: [row.values[name] for row in rows] for name in names},
            dict.fromkeys(names, None),
        )

    def load(self, number: int) -> Piece | None:
        """All of it."""
        return self._piece if number == 0 else None


class Rows:
    """Rows known at one moment. It keeps no way to later ones."""

    def __init__(self, count: int, row: Callable[[int], Known]) -> None:
        self._count = count
        self._row = row

    def __len__(self) -> int:
        return self._count

    def __getitem__(self, index: int) -> Known:
        if not -self._count <= index < self._count:
            raise IndexError(f"row {index} of {self._count} that are known")
        return self._row(index % self._count)

    def __iter__(self) -> Iterator[Known]:
        return (self._row(k) for k in range(self._count))

    @property
    def last(self) -> Known | None:
        """The newest row known, None before the first."""
        return self._row(self._count - 1) if self._count else None

    def since(self, time: int) -> list[Known]:
        """Rows that became known at ``time`` or later."""
        found: list[Known] = []
        for k in range(self._count - 1, -1, -1):
            row = self._row(k)
            if row.known_at < time:
                break
            found.append(row)
        return found[::-1]


class Feed:
    """One session's way through a source."""

    def __init__(self, source: Source) -> None:
        self._source = source
        self._number = 0  # of the next piece to load
        self._loaded_to: int | None = NEVER  # the latest known_at that is in memory; None: all is
        self._past: list[Piece] = []  # whole pieces that are known
        self._ahead: deque[Piece] = deque()

    def prepare(self, until: int) -> None:
        """Load what will be known by then, so that no hook waits for a file."""
        while self._loaded_to is not None and self._loaded_to <= until:
            piece = self._source.piece(self._number)
            if piece is None:
                self._loaded_to = None
                return
            self._number += 1
            if len(piece.known_at):
                self._ahead.append(piece)
                self._loaded_to = int(piece.known_at[-1])

    def known(self, now: int) -> Rows:
        """The rows known at ``now``; the clock never runs backwards."""
        self.prepare(now)
        while self._ahead and self._ahead[0].known_at[-1] <= now:
            self._past = [*self._past, self._ahead.popleft()][-PIECES_BACK:]
        if not self._ahead:
            return _rows(self._past, None, 0)
        current = self._ahead[0]
        return _rows(self._past, current, int(np.searchsorted(current.known_at, now, side="right")))


def _rows(past: Sequence[Piece], current: Piece | None, stop: int) -> Rows:
    pieces = [(piece, len(piece.time)) for piece in past]
    if current is not None and stop:
        pieces.append((current, stop))
    ends = np.cumsum([length for _, length in pieces]).tolist()

    def row(k: int) -> Known:
        at = int(np.searchsorted(ends, k, side="right"))
        piece, length = pieces[at]
        return piece.row(k - (ends[at] - length))

    return Rows(ends[-1] if ends else 0, row)


class Context:
    """Every series of a session, by name."""

    def __init__(self, sources: Mapping[str, Source]) -> None:
        self._feeds = {name: Feed(source) for name, source in sources.items()}

    def prepare(self, until: int) -> None:
        """Load what will be known by then."""
        for feed in self._feeds.values():
            feed.prepare(until)

    def known(self, name: str, now: int) -> Rows:
        """The rows of a series known at ``now``.

        Raises:
            PluginError: The strategy did not declare it.
        """
        if name not in self._feeds:
            raise PluginError(
                f"the series {name!r} was not declared",
                fix=f"Declared: {', '.join(self._feeds) or 'none'}; return it from series()",
            )
        return self._feeds[name].known(now)
