"""Money: a netting account in exact arithmetic.

Integers become money only here. Profit is kept as fractions and rounded half-even to eight
decimals when it is reported; fees are rounded fill by fill, as exchanges do.
"""

from __future__ import annotations

from decimal import ROUND_HALF_EVEN, Context, Decimal
from fractions import Fraction
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from orderflow_bt.instruments import Fees, Instrument

CENT8 = Decimal("0.00000001")
_EXACT = Context(prec=60, rounding=ROUND_HALF_EVEN)
BPS = 10_000


def money(value: Fraction) -> Decimal:
    """A fraction rounded half-even to eight decimals."""
    numerator = _EXACT.divide(Decimal(value.numerator), Decimal(value.denominator))
    return numerator.quantize(CENT8, context=_EXACT)


class Account:
    """One symbol's position and money, weighted-average entry (harmonic for inverse contracts).

    Linear contracts and spot are accounted in quote currency, inverse contracts in the coin.
    """

    def __init__(self, instrument: Instrument, cash: Decimal, fees: Fees) -> None:
        self.instrument = instrument
        self.fees = fees
        self.settled = Fraction(cash)  # cash, realised profit and fees
        self.position = 0
        self.basis = Fraction(0)  # value of the open part at its entry prices, always >= 0
        self.fees_paid = Decimal(0)
        self._line: tuple[float, float] | None = None  # the equity line since the last fill

    def value(self, price: int, lots: int) -> Fraction:
        """Notional of ``lots`` at ``price``, in the account's currency."""
        units = self.instrument
        if units.contract_usd is None:
            return Fraction(price * lots, 10 ** (units.price_decimals + units.qty_decimals))
        usd = Fraction(units.contract_usd) * Fraction(lots, 10**units.qty_decimals)
        return usd / Fraction(price, 10**units.price_decimals)

    def fee(self, price: int, lots: int, *, maker: bool) -> Decimal:
        """Commission of a fill, rounded half-even to eight decimals."""
        rate = self.fees.maker_bps if maker else self.fees.taker_bps
        return money(self.value(price, lots) * Fraction(rate) / BPS)

    def apply(self, side: int, lots: int, price: int, fee: Decimal) -> Fraction:
        """Book a fill; returns the profit it realised, before fees."""
        self.fees_paid += fee
        closing = min(lots, abs(self.position)) if side * self.position < 0 else 0
        realized = Fraction(0)
        if closing:
            released = self.basis * closing / abs(self.position)
            gain = self.value(price, closing) - released
            realized = gain * (1 if self.position > 0 else -1) * self._sense
            self.basis -= released
        self.basis += self.value(price, lots - closing)
        self.position += side * lots
        self.settled += realized - Fraction(fee)
        self._line = None
        return realized

    @property
    def _sense(self) -> int:
        """+1 where value grows with price, -1 for inverse contracts."""
        return -1 if self.instrument.is_inverse else 1

    def unrealized(self, price: int) -> Fraction:
        """Profit of the open position at ``price``."""
        if self.position == 0:
            return Fraction(0)
        gain = self.value(price, abs(self.position)) - self.basis
        return gain * (1 if self.position > 0 else -1) * self._sense

    def equity(self, price: int) -> Fraction:
        """Cash, realised and unrealised profit, less fees."""
        return self.settled + self.unrealized(price)

    def average_price(self) -> Decimal | None:
        """Entry price of the open position, in quote currency; None when flat."""
        if self.position == 0:
            return None
        units = self.instrument
        lots = Fraction(abs(self.position), 10**units.qty_decimals)
        if units.contract_usd is None:
            return money(self.basis / lots)
        return money(Fraction(units.contract_usd) * lots / self.basis)

    def equity_line(self) -> tuple[float, float]:
        """(constant, slope) with equity = constant + slope * price, or slope / price if inverse."""
        if self._line is None:
            sign = ((self.position > 0) - (self.position < 0)) * self._sense
            constant = self.settled - sign * self.basis
            self._line = float(constant), float(sign * self.value(1, abs(self.position)))
        return self._line
