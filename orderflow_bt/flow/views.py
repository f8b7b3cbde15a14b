"""One bar's footprint as a hook or a picture reads it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

from orderflow_bt.flow import imbalance

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from orderflow_bt.types import Bar


class Level(NamedTuple):
    """One price row of a footprint. Prices in price units, volumes in lots.

    The row covers ``[price_low, price_high)``.
    """

    price_low: int
    price_high: int
    bid: int
    ask: int
    bid_count: int
    ask_count: int
    buy_imbalance: bool
    sell_imbalance: bool

    @property
    def volume(self) -> int:
        """Both sides, in lots."""
        return self.bid + self.ask

    @property
    def delta(self) -> int:
        """Aggressive buys minus aggressive sells, in lots."""
        return self.ask - self.bid


@dataclass(frozen=True, slots=True, eq=False)
class Footprint:
    """A closed bar and its dense rows, lowest price first.

    Attributes:
        bar: The bar.
        row_size: Height of a row, in price units.
        cells: int64 [rows, 5], read-only: low price, bid volume, ask volume, bid count, ask count.
            No rows where the bar has no trades.
    """

    bar: Bar
    row_size: int
    cells: NDArray[np.int64]

    def __post_init__(self) -> None:
        if self.cells.flags.writeable:
            view = self.cells.view()
            view.flags.writeable = False
            object.__setattr__(self, "cells", view)

    def __len__(self) -> int:
        return len(self.cells)

    @property
    def prices(self) -> NDArray[np.int64]:
        """Low edge of each row, in price units."""
        return self.cells[:, 0]

    @property
    def bid(self) -> NDArray[np.int64]:
        """Volume of aggressive sells in each row, in lots."""
        return self.cells[:, 1]

    @property
    def ask(self) -> NDArray[np.int64]:
        """Volume of aggressive buys in each row, in lots."""
        return self.cells[:, 2]

    @property
    def volume(self) -> NDArray[np.int64]:
        """Volume of each row, in lots."""
        return self.cells[:, 1] + self.cells[:, 2]

    @property
    def delta(self) -> NDArray[np.int64]:
        """Ask minus bid volume of each row, in lots."""
        return self.cells[:, 2] - self.cells[:, 1]

    @property
    def poc_row(self) -> int | None:
        """Index of the row with the most volume; None where the bar has no trades."""
        return (self.bar.poc - int(self.cells[0, 0])) // self.row_size if len(self) else None

    def row_of(self, price: int) -> int | None:
        """Index of the row that holds a price, in price units; None outside the bar's range."""
        if not len(self):
            return None
        row = price // self.row_size - int(self.cells[0, 0]) // self.row_size
        return row if 0 <= row < len(self) else None

    def imbalances(
        self,
        ratio: tuple[int, int] = imbalance.DETECTION_RATIO,
        min_volume: int = 0,
        zero: imbalance.ZeroPolicy = imbalance.ZeroPolicy.COUNT,
    ) -> imbalance.Flags:
        """Diagonal imbalances: one buy and one sell flag a row (see `imbalance.diagonal`)."""
        return imbalance.diagonal(self.cells, ratio, min_volume, zero)

    def levels(
        self,
        ratio: tuple[int, int] = imbalance.DETECTION_RATIO,
        min_volume: int = 0,
        zero: imbalance.ZeroPolicy = imbalance.ZeroPolicy.COUNT,
    ) -> list[Level]:
        """The rows as plain numbers with their imbalance flags, lowest price first."""
        buy, sell = self.imbalances(ratio, min_volume, zero)
        return [
            Level(row[0], row[0] + self.row_size, row[1], row[2], row[3], row[4], up, down)
            for row, up, down in zip(self.cells.tolist(), buy.tolist(), sell.tolist(), strict=True)
        ]


_SET_BAR, _SET_ROW_SIZE, _SET_CELLS = (
    vars(Footprint)[name].__set__ for name in ("bar", "row_size", "cells")
)


def footprint_of(bar: Bar, row_size: int, cells: NDArray[np.int64]) -> Footprint:
    """`Footprint` for very many bars: its cells are known to be such that nobody can write to."""
    made = Footprint.__new__(Footprint)
    _SET_BAR(made, bar)
    _SET_ROW_SIZE(made, row_size)
    _SET_CELLS(made, cells)
    return made
