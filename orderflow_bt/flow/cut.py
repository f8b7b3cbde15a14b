"""From a bar specification as written to the integers that cut one instrument's tape."""

from __future__ import annotations

import math
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction
from typing import TYPE_CHECKING

import numpy as np

from orderflow_bt.errors import UsageError
from orderflow_bt.flow.sessions import TradingSession
from orderflow_bt.kernels import activity
from orderflow_bt.types import DAY_US

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from orderflow_bt.instruments import Instrument
    from orderflow_bt.types import BarSpec

LARGEST = 1 << 60
_PRICES = {"range": activity.RANGE, "reversal": activity.REVERSAL, "renko": activity.RENKO}
_NO_EDGES = np.zeros(0, dtype=np.int64)


@dataclass(frozen=True, slots=True)
class Cut:
    """What the kernel of activity bars needs to know.

    Attributes:
        kind: Its number of the bar kind.
        size: What completes a bar, in rows, fills, lots or price units; for dollar bars the upper
            limb of price units x lots.
        second: The lower limb of that, or a reversal's pull-back in price units.
        days: Whether bars restart at 00:00 UTC.
        session: The trading session at whose open and close they restart.
    """

    kind: int
    size: int
    second: int
    days: bool
    session: TradingSession | None

    def edges_of(self, times: NDArray[np.int64]) -> NDArray[np.int64]:
        """Where bars of these trades are cut whatever they hold, up to one edge after the last."""
        if len(times) == 0 or not (self.days or self.session):
            return _NO_EDGES
        first, last = int(times[0]), int(times[-1])
        if self.session:
            return np.array(self.session.edges(first, last), dtype=np.int64)
        return np.arange(first // DAY_US + 1, last // DAY_US + 2, dtype=np.int64) * DAY_US


def bind(spec: BarSpec, instrument: Instrument | None) -> Cut:
    """The integers of an activity-bar specification on one instrument.

    Raises:
        UsageError: An amount is not a whole number of lots, or is too large.
    """
    session = None
    if spec.anchor not in ("day", "start"):
        session = TradingSession.parse(spec.anchor)
    kind, size, second = _sizes(spec, instrument)
    return Cut(kind, size, second, spec.anchor == "day", session)


def _sizes(spec: BarSpec, instrument: Instrument | None) -> tuple[int, int, int]:
    amount = spec.amounts[0]
    if spec.kind == "tick":
        kind = activity.FILLS if spec.unit == "fills" else activity.TICK
        return kind, _whole(amount, spec, "trades"), 0
    if instrument is None:
        raise UsageError(
            f"bars of {spec} need the instrument's units", fix="Give BarStream an instrument"
        )
    if spec.kind in _PRICES:
        sizes = [_whole(n * instrument.tick_size, spec, "ticks") for n in spec.amounts]
        return _PRICES[spec.kind], sizes[0], sizes[-1]
    if spec.kind == "dollar" and instrument.contract_usd is None:
        units = _whole(
            amount.scaleb(instrument.price_decimals + instrument.qty_decimals), spec, "quote units",
            largest=LARGEST << 32,
        )  # fmt: skip
        return activity.DOLLAR, units >> 32, units & 0xFFFFFFFF
    if spec.kind == "dollar" and instrument.contract_usd is not None:
        amount = Decimal(math.ceil(Fraction(amount) / Fraction(instrument.contract_usd)))
    lots = _whole(amount.scaleb(instrument.qty_decimals), spec, f"{instrument.symbol} lots")
    return (activity.DELTA if spec.kind == "delta" else activity.VOLUME), lots, 0


def _whole(amount: Decimal, spec: BarSpec, what: str, largest: int = LARGEST) -> int:
    if amount % 1 or not 0 < amount < largest:
        raise UsageError(
            f"{spec} is not a whole number of {what}, or too large to count",
            fix="Take an amount with fewer digits",
        )
    return int(amount)
