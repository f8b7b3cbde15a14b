"""Money: a netting account in exact arithmetic.

Prices and lots become money only here. A linear account counts in integers of one common
denominator, so that a fill costs a few multiplications; an inverse one, whose money is lots divided
by prices, counts in fractions. Both round half-even to eight decimals when something is reported;
fees are rounded fill by fill, as exchanges do.
"""

from __future__ import annotations

from fractions import Fraction
from math import gcd
from typing import TYPE_CHECKING

from orderflow_bt.sim.rounding import PER_UNIT, cents, half_even, money, ratio

if TYPE_CHECKING:
    from collections.abc import Sequence
    from decimal import Decimal

    from orderflow_bt.instruments import Fees, Instrument
    from orderflow_bt.sim.fees import FeeChange

BPS = 10_000
LARGEST_PARTS = 1 << 512  # of the entry value's denominator, which no sane position comes near


class Account:
    """One symbol's position and money, weighted-average entry (harmonic for inverse contracts).

    Linear contracts and spot are accounted in quote currency, inverse contracts in the coin.
    Amounts are kept in *units* of ``1 / scale`` of that currency: int, or Fraction if inverse.

    Attributes:
        position: Signed lots.
        revision: Counts the changes of position and cash.
        elsewhere: Units that other symbols of a portfolio made; 0 where there are none.
        committed: Units of what is held and open there.
        log: Where changes are written down, as (time, ledger, position), for a portfolio.
        scale: Units in one of the account's currency.
        ledger: Units of cash: what was there, less what was bought, plus what was sold (inverse:
            the other way round), less fees. With the position's worth it makes the equity.
    """

    def __init__(
        self,
        instrument: Instrument,
        cash: Decimal,
        fees: Fees,
        changes: Sequence[FeeChange] = (),
    ) -> None:
        self.instrument = instrument
        self._changes = list(changes)  # of fees, still to come
        self.position = 0
        self._sense = -1 if instrument.is_inverse else 1  # whether worth grows with price
        self.scale: int = 10 ** max(8, instrument.price_decimals + instrument.qty_decimals)
        while self.scale % Fraction(cash).denominator:
            self.scale *= 10
        self._cent = self.scale // PER_UNIT
        self._unit = self._unit_worth()
        self.ledger: int | Fraction = self.units(cash)
        self._entry: int | Fraction = 0  # worth of the open part at its entry prices, times ...
        self._parts = 1  # ... this
        self._fees_paid: int | Fraction = 0
        self._funding_paid: int | Fraction = 0  # negative where funding was received
        self._charge(fees)
        self.revision = 0
        self.elsewhere: int | Fraction = 0
        self.committed: int | Fraction = 0
        self.log: list[tuple[int, int | Fraction, int]] | None = None
        self._time = 0

    def _charge(self, fees: Fees) -> None:
        """Let ``fees`` hold from now on."""
        self.fees = fees
        self._rates = {
            maker: (Fraction(bps) / BPS * self._unit * PER_UNIT / self.scale).as_integer_ratio()
            for maker, bps in ((True, fees.maker_bps), (False, fees.taker_bps))
        }

    def clock(self, time: int) -> None:
        """Let the fees of ``time`` hold; time never runs backwards."""
        self._time = time
        while self._changes and self._changes[0].time <= time:
            self._charge(self._changes.pop(0).fees)

    def _unit_worth(self) -> int | Fraction:
        """Units that one lot at a price of one price unit is worth."""
        units = self.instrument
        if units.contract_usd is None:
            return int(self.scale // 10 ** (units.price_decimals + units.qty_decimals))
        usd = Fraction(units.contract_usd) * self.scale
        return usd * Fraction(10**units.price_decimals, 10**units.qty_decimals)

    def units(self, amount: Decimal | Fraction) -> int | Fraction:
        """An amount of currency in units, exactly."""
        exact = Fraction(amount) * self.scale
        return exact.numerator if exact.denominator == 1 else exact

    def worth(self, price: int, lots: int) -> int | Fraction:
        """Notional of ``lots`` at ``price``, in units."""
        if self._sense > 0:
            return price * lots * self._unit
        return Fraction(self._unit) * lots / price

    def value(self, price: int, lots: int) -> Fraction:
        """Notional of ``lots`` at ``price``, in the account's currency."""
        return Fraction(self.worth(price, lots)) / self.scale

    def fee(self, price: int, lots: int, *, maker: bool) -> int:
        """Commission of a fill in hundred-millionths, rounded half-even."""
        part, whole = self._rates[maker]
        if self._sense > 0:
            return half_even(price * lots * part, whole)
        return half_even(lots * part, price * whole)

    def funding(self, mark: Decimal, rate: Decimal) -> Decimal:
        """What a funding at ``mark`` gives the account (negative: takes from it), rounded as fees.

        Args:
            mark: Mark price in quote currency.
            rate: Share of the position's value that longs pay.
        """
        units = self.instrument
        lots = Fraction(self.position, 10**units.qty_decimals)
        if units.contract_usd is None:
            value = lots * Fraction(mark)
        else:
            value = Fraction(units.contract_usd) * lots / Fraction(mark)
        return money(-value * Fraction(rate))

    def pay(self, amount: Decimal) -> None:
        """Book a funding: ``amount`` comes in, or goes out where it is negative."""
        received = int(amount * self.scale)
        self.ledger += received
        self._funding_paid -= received
        self._changed()

    def book(self, side: int, lots: int, price: int, fee: int) -> None:
        """Book a fill, its fee in hundred-millionths."""
        charged = fee * self._cent
        self._fees_paid += charged
        before = self.position
        self.position = after = before + side * lots
        if self._sense > 0:
            worth: int | Fraction = price * lots * self._unit
            self.ledger -= side * worth + charged
        else:
            worth = self.worth(price, lots)
            self.ledger += side * worth - charged
        if before * side >= 0:
            self._entry += worth * self._parts
        elif before * after <= 0:  # closed, perhaps reversed
            self._entry, self._parts = self.worth(price, abs(after)) if after else 0, 1
        else:
            self._release(abs(after), abs(before))
        self._changed()

    def _changed(self) -> None:
        self.revision += 1
        if self.log is not None:
            self.log.append((self._time, self.ledger, self.position))

    def _release(self, kept: int, held: int) -> None:
        """Keep ``kept`` of ``held`` lots of the open part, at its average entry."""
        if not isinstance(self._entry, int):
            self._entry = self._entry * kept / held
            return
        entry, parts = self._entry * kept, self._parts * held
        common = gcd(entry, parts)
        if parts // common > LARGEST_PARTS:  # a position that is never flat: bound its memory
            entry, parts, common = half_even(entry << 256, parts), 1 << 256, 1
        self._entry, self._parts = entry // common, parts // common

    @property
    def _sign(self) -> int:
        """+1 where equity grows with the position's worth."""
        return ((self.position > 0) - (self.position < 0)) * self._sense

    @property
    def fees_paid(self) -> Decimal:
        """Commission so far."""
        return self.printed(self._fees_paid)

    @property
    def funding_paid(self) -> Decimal:
        """Funding so far; negative where it was received."""
        return self.printed(self._funding_paid)

    @property
    def basis(self) -> Fraction:
        """Value of the open part at its entry prices, in the account's currency."""
        return Fraction(self._entry) / self._parts / self.scale

    @property
    def settled(self) -> Fraction:
        """Cash, realised profit and fees, in the account's currency."""
        return Fraction(self.ledger) / self.scale + self._sign * self.basis

    def profit(
        self, side: int, worth_in: int | Fraction, worth_out: int | Fraction
    ) -> int | Fraction:
        """What a position of ``side`` made, from the worth of its entries and of its exits."""
        return side * self._sense * (worth_out - worth_in)

    def unrealized(self, price: int) -> Fraction:
        """Profit of the open position at ``price``, in the account's currency."""
        if self.position == 0:
            return Fraction(0)
        return self._sign * (self.value(price, abs(self.position)) - self.basis)

    def equity_units(self, price: int) -> int | Fraction:
        """Cash, realised and unrealised profit, less fees, in units."""
        return self.equity_of(self.ledger, self.position, price)

    def equity_of(self, ledger: int | Fraction, position: int, price: int) -> int | Fraction:
        """As `equity_units`, with other cash and another position."""
        if self._sense > 0:
            return ledger + position * price * self._unit
        return ledger - (self.worth(price, position) if position else 0)

    def purse_units(self, price: int) -> int | Fraction:
        """Equity with what other symbols of a portfolio made, in units."""
        return self.equity_units(price) + self.elsewhere

    def equity(self, price: int) -> Fraction:
        """Cash, realised and unrealised profit, less fees, in the account's currency."""
        return Fraction(self.equity_units(price)) / self.scale

    def printed(self, units: int | Fraction) -> Decimal:
        """Units as money, rounded half-even to eight decimals."""
        if isinstance(units, int):
            return cents(half_even(units * PER_UNIT, self.scale))
        return money(units / self.scale)

    def loss_between(self, entry: int, stop: int, lots: int) -> int | Fraction:
        """Size of what ``lots`` lose or make between two prices, in units."""
        difference = self.worth(entry, lots) - self.worth(stop, lots)
        return difference if difference >= 0 else -difference

    def mean_price(self, worth: int | Fraction, lots: int) -> Fraction:
        """The price in price units at which ``lots`` are worth ``worth`` units."""
        if self.instrument.contract_usd is None:
            return Fraction(worth) / (lots * self._unit)
        return Fraction(self._unit) * lots / worth

    def average_price(self) -> Decimal | None:
        """Entry price of the open position, in quote currency; None when flat."""
        if self.position == 0:
            return None
        units, lots = self.instrument, abs(self.position)
        if isinstance(self._entry, int):
            entry = self._entry * 10**units.qty_decimals
            return ratio(entry, self._parts * self.scale * lots)
        return money(self.mean_price(self._entry, lots) / 10**units.price_decimals)

    def equity_line(self) -> tuple[float, float]:
        """(constant, slope) with equity = constant + slope * price, or slope / price if inverse."""
        slope = self._sense * self._unit * self.position
        return float(self.ledger / self.scale), float(slope / self.scale)
