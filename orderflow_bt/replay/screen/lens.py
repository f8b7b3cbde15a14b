"""What integers of a tape look like on the page: openly, or with symbol, date and price hidden.

A lens is the only way from the program's integers to the page's numbers, and back for orders.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from orderflow_bt.errors import UsageError
from orderflow_bt.types import HOUR_US

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from orderflow_bt.instruments import Instrument

SHOWN_BEFORE_US = 2 * HOUR_US  # of a blind start: more, and the first bar would be midnight's
BLIND_DIGITS = 3  # that a multiple of the usual volume is printed with


@dataclass(frozen=True, slots=True)
class Lens:
    """Shifts and scales; make one with `OpenLens` or `BlindLens`.

    Attributes:
        blind: Whether symbol, date and price level are hidden.
        origin: Price units that are 0 on the page; the page's rows begin there too.
        step: Price units in the page's unit of price.
        start: Microseconds UTC that are 0 on the page.
        unit: Lots in the page's unit of volume.
        tick: The exchange's price step in the page's unit.
        price_decimals: Of the page's price, to be printed.
        qty_decimals: Of the page's volume.
    """

    blind: bool
    origin: int
    step: int
    start: int
    unit: float
    tick: int
    price_decimals: int
    qty_decimals: int

    @property
    def since(self) -> int:
        """From when on the page is shown anything, microseconds UTC."""
        return self.start - SHOWN_BEFORE_US if self.blind else 0

    def price(self, units: int) -> float:
        """A price, in price units."""
        return (units - self.origin) / self.step

    def time(self, time_us: int) -> float:
        """A moment, in microseconds UTC."""
        return float(time_us - self.start)

    def qty(self, lots: int) -> float:
        """A volume, in lots."""
        return lots / self.unit

    def prices(self, units: NDArray[np.int64]) -> NDArray[np.float64]:
        """As `price`, of a column."""
        return (units - self.origin) / self.step

    def times(self, times_us: NDArray[np.int64]) -> NDArray[np.float64]:
        """As `time`, of a column."""
        return (times_us - self.start).astype(np.float64)

    def volumes(self, lots: NDArray[np.int64]) -> NDArray[np.float64]:
        """As `qty`, of any shape."""
        return np.asarray(lots / self.unit)

    def units_of(self, price: float) -> int:
        """Back from the page: the nearest price, in price units."""
        return self.origin + round(price * self.step)

    def lots_of(self, qty: float) -> int:
        """Back from the page: the nearest volume, in lots."""
        return round(qty * self.unit)

    def moment_of(self, time: float) -> int:
        """Back from the page: microseconds UTC."""
        return self.start + round(time)

    def facts(self) -> dict[str, Any]:
        """What the page must know to print numbers."""
        return {
            "blind": self.blind,
            "price_decimals": self.price_decimals,
            "qty_decimals": self.qty_decimals,
            "tick": self.tick,
            "time": "elapsed" if self.blind else "utc",
        }


def OpenLens(instrument: Instrument) -> Lens:  # noqa: N802 - reads as the kind of lens it makes
    """Nothing hidden: prices in price units, times in microseconds UTC, volumes in base units."""
    return Lens(
        blind=False,
        origin=0,
        step=1,
        start=0,
        unit=10.0**instrument.qty_decimals,
        tick=instrument.tick_size,
        price_decimals=instrument.price_decimals,
        qty_decimals=instrument.qty_decimals,
    )


def BlindLens(  # noqa: N802 - as above
    instrument: Instrument, *, price: int, time: int, volume: int
) -> Lens:
    """Prices in ticks from the start, times since the start, volumes in multiples of a usual one.

    Args:
        instrument: Whose ticks.
        price: Last price before the start, in price units.
        time: The start, microseconds UTC.
        volume: The volume that is 1 on the page, in lots: the median bar's before the start.

    Raises:
        UsageError: The volume is not positive.
    """
    if volume < 1:
        raise UsageError(
            f"a usual volume of {volume} lots", fix="Give the median volume of bars with trades"
        )
    return Lens(
        blind=True,
        origin=price,
        step=instrument.tick_size,
        start=time,
        unit=float(volume),
        tick=1,
        price_decimals=0,
        qty_decimals=BLIND_DIGITS,
    )
