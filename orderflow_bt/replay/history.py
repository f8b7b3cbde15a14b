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


NO_BARS = Bars(np.zeros((0, SHOWN), np.int64), np.zeros((0, ROW_FIELDS), np.int64))


class History:
    """Bars are numbered from 0 and never change: after going back, the same ones come again.

    Attributes:
        count: How many have closed as of the cursor.
    """

    def __init__(self) -> None:
        self.count = 0
        self._parts: list[Bars] = []  # consecutive, the last ends with bar `count`
        self._kept = 0  # bars in them
        self._filed = 0  # bars in the file
        self._starts: list[int] = [0]  # of a filed bar's rows, and of the next one's
        self._files: tuple[BinaryIO, BinaryIO] | None = None

    def add(self, bars: Bars) -> None:
        """More bars have closed."""
        if not len(bars.bars):
            return
        self._parts.append(bars)
        self._kept += len(bars.bars)
        self.count += len(bars.bars)
        while self._kept - len(self._parts[0].bars) >= KEEP:
            self._file(self._parts.pop(0))

    def latest(self, first: int = 0) -> Bars:
        """Bars from number ``first`` on, as far back as `KEEP` allows."""
        wanted = self.count - max(first, self.count - KEEP)
        if wanted <= 0:
            return NO_BARS
        self._load(wanted)
        taken: list[Bars] = []
        for part in reversed(self._parts):
            if wanted <= 0:
                break
            taken.append(_last(part, wanted))
            wanted -= len(part.bars)
        taken.reverse()
        if len(taken) == 1:
            return taken[0]
        return Bars(*(np.concatenate(columns) for columns in zip(*taken, strict=True)))

    def go_back(self, count: int) -> None:
        """Only the first ``count`` bars have closed."""
        while self._parts and self.count - len(self._parts[-1].bars) >= count:
            dropped = self._parts.pop()
            self.count -= len(dropped.bars)
            self._kept -= len(dropped.bars)
        if self._parts and self.count > count:
            part = self._parts[-1]
            more = self.count - count
            stay = len(part.bars) - more
            rows = int(part.bars[:stay, ROWS].sum())
            self._parts[-1] = Bars(part.bars[:stay], part.rows[:rows])
            self._kept -= more
        self.count = count

    def _file(self, part: Bars) -> None:
        """Put bars that leave memory behind those in the file, unless they were there before."""
        first = self.count - self._kept
        self._kept -= len(part.bars)
        new = _last(part, first + len(part.bars) - self._filed)
        if not len(new.bars):
            return
        if self._files is None:
            self._files = _scratch(self), _scratch(self)
        for file, columns in zip(self._files, new, strict=True):
            file.seek(0, 2)
            file.write(np.ascontiguousarray(columns).data)
        self._filed += len(new.bars)
        ends = self._starts[-1] + np.cumsum(new.bars[:, ROWS])
        self._starts += ends.tolist()

    def _load(self, wanted: int) -> None:
        """Have the latest ``wanted`` bars in memory."""
        missing = wanted - self._kept
        if missing <= 0 or self._files is None:
            return
        stop = self.count - self._kept
        first = stop - missing
        rows = self._starts[first], self._starts[stop]
        bars = _read(self._files[0], first, stop, SHOWN)
        self._parts.insert(0, Bars(bars, _read(self._files[1], *rows, ROW_FIELDS)))
        self._kept += missing


def _last(part: Bars, wanted: int) -> Bars:
    """The last so many bars of a part, or all."""
    skip = len(part.bars) - max(wanted, 0)
    if skip <= 0:
        return part
    return Bars(part.bars[skip:], part.rows[int(part.bars[:skip, ROWS].sum()) :])


def _scratch(owner: History) -> BinaryIO:
    """A file without a name, closed when its owner is gone."""
    file = tempfile.TemporaryFile()  # noqa: SIM115 - lives as long as its owner
    weakref.finalize(owner, file.close)
    return file


def _read(file: BinaryIO, first: int, stop: int, width: int) -> NDArray[np.int64]:
    file.seek(8 * width * first)
    raw = file.read(8 * width * (stop - first))
    return np.frombuffer(raw, np.int64).reshape(-1, width)
