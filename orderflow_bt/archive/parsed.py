"""A file of an archive, parsed: its rows as integer columns, not sorted, not checked."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


@dataclass(frozen=True, slots=True)
class ParsedDay:
    """The rows of one day's file as they stand in it: not sorted, not checked.

    Attributes:
        columns: int64 ``[COLUMNS, rows]`` in the order of `orderflow_bt.kernels.parse`: id, price,
            quantity, first and last fill id, time, side. Files of single trades leave the fill
            ids zero.
        price_decimals: A price unit is ``10**-price_decimals``; the least that holds every row.
        qty_decimals: The same for quantities.
        tick_decimals: The least decimals in which at least 99.9 % of the prices are exact.
        time_unit: ``ms`` or ``us``.
        header: Whether the file names its columns.
        ignored: Members of the archive that were passed over.
    """

    columns: NDArray[np.int64]
    price_decimals: int
    qty_decimals: int
    tick_decimals: int
    time_unit: str
    header: bool
    ignored: tuple[str, ...] = ()

    @property
    def rows(self) -> int:
        """Number of rows in the file."""
        return int(self.columns.shape[1])


@dataclass(frozen=True, slots=True)
class ParsedSeries:
    """The rows of one file of a series as they stand in it: not sorted, not checked.

    Attributes:
        columns: By name, in the order of the series' fields: int64, but Decimal or None in those
            of unit ``exact``. Times in ``time_unit``.
        decimals: By unit; a number of a column is ``10**-decimals`` of it.
        time_unit: ``ms`` or ``us``.
        header: Whether the file names its columns.
        ignored: Members of the archive that were passed over.
    """

    columns: dict[str, NDArray[np.int64] | NDArray[np.object_]]
    decimals: dict[str, int]
    time_unit: str
    header: bool
    ignored: tuple[str, ...] = ()
