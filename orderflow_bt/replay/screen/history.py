"""Closed bars as they are shown: the latest in memory, all others in a file that nobody sees."""

from __future__ import annotations

import tempfile
import weakref
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from orderflow_bt.kernels.picture import ROW_FIELDS, ROWS, SHOWN

if TYPE_CHECKING:
    from typing import BinaryIO

    from numpy.typing import NDArray

KEEP = 2_000  # bars that a page may be given


class Bars(NamedTuple):
    """Consecutive bars, oldest first, and all of their rows, lowest first.

    Attributes:
        bars: int64 [n, SHOWN], columns as in `kernels.picture`.
        rows: int64 [m, ROW_FIELDS].
    """

    bars: NDArray[np.int64]
    rows: NDArray[np.int64]

    def part(self, first: int, stop: int) -> Bars:
        """Some of the bars, with their rows."""
        counts = self.bars[:, ROWS]
        begin = int(counts[:first].sum())
        return Bars(self.bars[first:stop], self.rows[begin : begin + int(counts[first:stop].sum())])


NO_BARS = Bars(np.zeros((0, SHOWN), np.int64), np.zeros((0, ROW_FIELDS), np.int64))


class History:
    """Bars are numbered from 0 and never change: after going back, the same ones come again.

    Attributes:
        count: How many have closed as of the cursor.
        known: How many have ever closed; those after ``count`` are given to nobody.
    """

    def __init__(self) -> None:
        self.count = 0
        self.known = 0
        self._parts: list[Bars] = []  # the latest known ones
        self._filed = 0  # bars before those, which are in the file
        self._starts: list[int] = [0]  # of a filed bar's rows, and of the next one's
        self._files: tuple[BinaryIO, BinaryIO] | None = None

    def add(self, bars: Bars) -> None:
        """More bars have closed."""
        new = self.count + len(bars.bars) - self.known
        self.count += len(bars.bars)
        if new <= 0:
            return
        self._parts.append(bars.part(len(bars.bars) - new, len(bars.bars)))
        self.known += new
        while self.known - self._filed - len(self._parts[0].bars) >= KEEP:
            self._file(self._parts.pop(0))

    def go_to(self, count: int) -> None:
        """Only the first ``count`` bars have closed; as many are known."""
        self.count = count

    def latest(self, first: int = 0) -> Bars:
        """Closed bars from number ``first`` on, as far back as `KEEP` allows."""
        first = max(first, self.count - KEEP, 0)
        if first >= self.count:
            return NO_BARS
        taken = []
        if first < self._filed:
            taken.append(self._read(first, min(self.count, self._filed)))
        begin = self._filed
        for part in self._parts:
            stop = begin + len(part.bars)
            if begin < self.count and stop > first:
                taken.append(part.part(max(first - begin, 0), min(self.count, stop) - begin))
            begin = stop
        if len(taken) == 1:
            return taken[0]
        return Bars(*(np.concatenate(columns) for columns in zip(*taken, strict=True)))

    def _file(self, part: Bars) -> None:
        if self._files is None:
            self._files = _scratch(self), _scratch(self)
        for file, columns in zip(self._files, part, strict=True):
            file.seek(0, 2)
            file.write(np.ascontiguousarray(columns).data)
        self._filed += len(part.bars)
        ends = self._starts[-1] + np.cumsum(part.bars[:, ROWS])
        self._starts += ends.tolist()

    def _read(self, first: int, stop: int) -> Bars:
        assert self._files is not None
        bars, rows = self._files
        return Bars(
            _table(bars, first, stop, SHOWN),
            _table(rows, self._starts[first], self._starts[stop], ROW_FIELDS),
        )


def _scratch(owner: History) -> BinaryIO:
    """A file without a name, closed when its owner is gone."""
    file = tempfile.TemporaryFile()  # noqa: SIM115 - lives as long as its owner
    weakref.finalize(owner, file.close)
    return file


def _table(file: BinaryIO, first: int, stop: int, width: int) -> NDArray[np.int64]:
    file.seek(8 * width * first)
    return np.frombuffer(file.read(8 * width * (stop - first)), np.int64).reshape(-1, width)
