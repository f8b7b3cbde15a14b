"""Keeps a session's bars of one specification, for the run folder."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from orderflow_bt.types import Bar

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from orderflow_bt.sim.readings import Slice
    from orderflow_bt.types import BarSpec


class Recorder:
    """Watches the bars of one specification from ``start`` on."""

    def __init__(self, spec: BarSpec | None, start: int) -> None:
        self.spec = spec
        self._start = start
        self._bars: list[NDArray[np.int64]] = []

    def observe(self, piece: Slice) -> None:
        """Take in what a session has just lived through."""
        for moment in piece.moments:
            for closed in moment.bars:
                if closed.spec == self.spec and closed.bar.close_time > self._start:
                    self._bars.append(closed.batch.bars[closed.row])

    def bars(self) -> NDArray[np.int64]:
        """int64 [bars, fields of `Bar`] since the window began."""
        return np.array(self._bars, np.int64).reshape(-1, len(Bar._fields))
