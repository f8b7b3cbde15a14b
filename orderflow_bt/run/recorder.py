"""Keeps a session's bars of one specification, for the run folder."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from orderflow_bt.types import Bar, time_bars

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from orderflow_bt.sim.readings import Slice
    from orderflow_bt.types import BarSpec

MARKING_BARS = time_bars("1h")  # on which equity is marked where a strategy reads no bars
_TIMES = [Bar._fields.index("open_time"), Bar._fields.index("close_time")]


class Recorder:
    """Watches the bars of one specification from ``start`` on."""

    def __init__(self, spec: BarSpec | None, start: int) -> None:
        self.spec = spec
        self._start = start
        self._bars: list[NDArray[np.int64]] = []

    def observe(self, piece: Slice) -> None:
        """Take in what a session has just lived through."""
        batch = piece.moments.batch_of(self.spec)
        if batch is not None:
            self._bars.append(batch.bars[batch.bars[:, _TIMES[1]] > self._start])

    def pieces(self) -> Iterator[NDArray[np.int64]]:
        """The bars since the window began, int64 [some, fields of `Bar`] each."""
        yield from self._bars

    def times(self) -> NDArray[np.int64]:
        """When each opened and closed, int64 [bars, 2]."""
        none = np.empty((0, 2), np.int64)
        return np.concatenate([none, *(bars[:, _TIMES] for bars in self.pieces())])
