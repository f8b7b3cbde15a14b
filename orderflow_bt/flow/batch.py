"""Bars that closed together, as columns, and one by one."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING

import numpy as np

from orderflow_bt.flow.views import Footprint
from orderflow_bt.types import Bar

if TYPE_CHECKING:
    from numpy.typing import NDArray


COLUMNS = 5  # of a bar's cells
ROW_BYTES = 8 * COLUMNS
_AS_BAR = partial(tuple.__new__, Bar)  # as Bar._make, which costs three times as much


@dataclass(frozen=True, slots=True, eq=False)
class BarBatch:
    """Bars that closed together, oldest first.

    Attributes:
        bars: int64 [n, 18], columns in the order of `Bar`'s fields.
        at: int64 [n], position in the fed chunk of the first trade after the bar: the bar is known
            before that trade is looked at.
        known_at: int64 [n], microseconds UTC; a time bar is known at its close time.
        cells: int64 [m, 5]: low price of the row, bid volume, ask volume, bid count, ask count.
            A bar's rows are dense, from its low to its high; rows without trades hold zeros.
        cell_start: int64 [n + 1]; bar ``k`` owns ``cells[cell_start[k]:cell_start[k + 1]]``.
        row_size: Height of a row, in price units.
    """

    bars: NDArray[np.int64]
    at: NDArray[np.int64]
    known_at: NDArray[np.int64]
    cells: NDArray[np.int64]
    cell_start: NDArray[np.int64]
    row_size: int
    _listed: list[Bar] = field(default_factory=list, init=False, repr=False)

    def __len__(self) -> int:
        return len(self.bars)

    def bar(self, k: int) -> Bar:
        """Bar ``k`` as plain integers."""
        return Bar._make(self.bars[k].tolist())

    def tolist(self) -> list[Bar]:
        """All bars as plain integers, made once for all who look; nobody may change the list."""
        if not self._listed:
            self._listed.extend(map(_AS_BAR, self.bars.tolist()))
        return self._listed

    def bar_cells(self, k: int) -> NDArray[np.int64]:
        """The rows of bar ``k``, lowest first; none for a bar without trades."""
        return self.cells[self.cell_start[k] : self.cell_start[k + 1]]

    def footprint(self, k: int) -> Footprint:
        """Bar ``k`` with its rows."""
        return Footprint(self.bar(k), self.row_size, self.bar_cells(k))

    @classmethod
    def concat(cls, parts: list[BarBatch]) -> BarBatch:
        """Several batches, at least one, in their order."""
        if len(parts) == 1:
            return parts[0]
        starts = [np.zeros(1, dtype=np.int64)]
        used = 0
        for part in parts:
            starts.append(part.cell_start[1:] + used)
            used += part.cells.shape[0]
        return cls(
            np.concatenate([part.bars for part in parts]),
            np.concatenate([part.at for part in parts]),
            np.concatenate([part.known_at for part in parts]),
            np.concatenate([part.cells for part in parts]),
            np.concatenate(starts),
            parts[0].row_size,
        )


NO_BARS = BarBatch(
    np.zeros((0, len(Bar._fields)), np.int64),
    np.zeros(0, np.int64),
    np.zeros(0, np.int64),
    np.zeros((0, 5), np.int64),
    np.zeros(1, np.int64),
    1,
)
