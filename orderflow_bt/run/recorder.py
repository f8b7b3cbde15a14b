"""Keeps a session's bars of one specification, for the run folder."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from orderflow_bt.flow.batch import NO_BARS
from orderflow_bt.types import Bar

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from orderflow_bt.sim.readings import Slice
    from orderflow_bt.types import BarSpec

_CLOSE_TIME = Bar._fields.index("close_time")


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
            self._bars.append(batch.bars[batch.bars[:, _CLOSE_TIME] > self._start])

    def bars(self) -> NDArray[np.int64]:
        """int64 [bars, fields of `Bar`] since the window began."""
        return np.concatenate([NO_BARS.bars, *self._bars])
