"""Money: a netting account in exact arithmetic.

Prices and lots become money only here. A linear account counts in integers of one common
denominator, so that a fill costs a few multiplications; an inverse one, whose money is lots divided
by prices, counts in fractions. Both round half-even to eight decimals when something is reported;
fees are rounded fill by fill, as exchanges do.
"""

from __future__ import annotations

from fractions import Fraction
from typing import TYPE_CHECKING, Any

import numpy as np

from orderflow_bt.kernels import money as money_kernels
from orderflow_bt.kernels._jit import exact
from orderflow_bt.kernels.orders import NEVER
from orderflow_bt.sim.entry import Entry
from orderflow_bt.sim.rounding import PER_UNIT, cents, half_even, half_even_each, money, ratio

if TYPE_CHECKING:
    from collections.abc import Sequence
    from decimal import Decimal

    from numpy.typing import NDArray

    from orderflow_bt.instruments import Fees, Instrument
    from orderflow_bt.sim.fees import FeeChange
    from orderflow_bt.sim.logs import FillLog

BPS = 10_000
EXACT_FLOAT = 1 << 53
fee_of, cash_after = exact(money_kernels.fee_of), exact(money_kernels.cash_after)


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
        fills: Where every fill is written down that is booked here; what the open part cost is
            made of them when somebody asks. None: of what `book` is told.
        scale: Units in one of the account's currency; ``cent``: in a hundred-millionth of it.
        fees_units: Commission so far, in units.
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
        self.cent = self.scale // PER_UNIT
        self.unit: Any = self._find_unit()  # int, or Fraction if inverse
        self.ledger: Any = self.units(cash)  # as these
        self._entry = Entry(self.worth)
        self.fills: FillLog | None = None
        self.fees_units: Any = 0
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
        self.rates = {
            maker: (Fraction(bps) / BPS * self.unit * PER_UNIT / self.scale).as_integer_ratio()
            for maker, bps in ((True, fees.maker_bps), (False, fees.taker_bps))
        }

    def clock(self, time: int) -> None:
        """Let the fees of ``time`` hold; time never runs backwards."""
        self._time = time
        while self._changes and self._changes[0].time <= time:
            self._charge(self._changes.pop(0).fees)

    @property
    def next_change(self) -> int:
        """When other fees begin to hold."""
        return self._changes[0].time if self._changes else NEVER

    def _find_unit(self) -> int | Fraction:
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
            worth: int = price * lots * self.unit
            return worth
        return Fraction(self.unit) * lots / price

    def value(self, price: int, lots: int) -> Fraction:
        """Notional of ``lots`` at ``price``, in the account's currency."""
        return Fraction(self.worth(price, lots)) / self.scale

    def values(self, prices: NDArray[np.int64], lots: NDArray[np.int64]) -> NDArray[np.float64]:
        """Float64 [n], as `value`: of each the nearest float."""
        most = int(prices.max(initial=0)) * int(lots.max(initial=0)) * self.unit
        if self._sense > 0 and max(most, self.scale) < EXACT_FLOAT:
            return np.asarray(prices * lots * self.unit / float(self.scale), np.float64)
        pairs = zip(prices.tolist(), lots.tolist(), strict=True)
        return np.array([float(self.worth(*pair) / self.scale) for pair in pairs], np.float64)

    def fee(self, price: int, lots: int, *, maker: bool) -> int:
        """Commission of a fill in hundred-millionths, rounded half-even."""
        part, whole = self.rates[maker]
        if self._sense > 0:
            return fee_of(price, lots, part, whole)
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
        charged = fee * self.cent
        self.fees_units += charged
        self.position += side * lots
        if self._sense > 0:
            self.ledger = cash_after(self.ledger, side, price * lots * self.unit, charged)
        else:
            self.ledger += side * self.worth(price, lots) - charged
        if self.fills is None:
            self._entry.add(side, lots, price)
        self._changed()

    def take_over(self, position: int, ledger: int, fees: int) -> None:
        """Take in what a kernel has booked: lots, and units."""
        self.position, self.ledger, self.fees_units = position, ledger, fees
        self.revision += 1

    def _changed(self) -> None:
        self.revision += 1
        if self.log is not None:
            self.log.append((self._time, self.ledger, self.position))

    @property
    def entered(self) -> tuple[int | Fraction, int]:
        """Worth of the open part at its entry prices, in units: a number and what divides it."""
        if self.fills is not None:
            self._entry.follow(self.fills)
        return self._entry.worth, self._entry.parts

    @property
    def _sign(self) -> int:
        """+1 where equity grows with the position's worth."""
        return ((self.position > 0) - (self.position < 0)) * self._sense

    @property
    def fees_paid(self) -> Decimal:
        """Commission so far."""
        return self.printed(self.fees_units)

    @property
    def funding_paid(self) -> Decimal:
        """Funding so far; negative where it was received."""
        return self.printed(self._funding_paid)

    @property
    def basis(self) -> Fraction:
        """Value of the open part at its entry prices, in the account's currency."""
        worth, parts = self.entered
        return Fraction(worth) / parts / self.scale

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
            linear: int = ledger + position * price * self.unit
            return linear
        return ledger - (self.worth(price, position) if position else 0)

    def purse_units(self, price: int) -> int | Fraction:
        """Equity with what other symbols of a portfolio made, in units."""
        return self.equity_of(self.ledger, self.position, price) + self.elsewhere

    def equity(self, price: int) -> Fraction:
        """Cash, realised and unrealised profit, less fees, in the account's currency."""
        return Fraction(self.equity_units(price)) / self.scale

    def printed(self, units: int | Fraction) -> Decimal:
        """Units as money, rounded half-even to eight decimals."""
        return cents(self._cents(units))

    def _cents(self, units: int | Fraction) -> int:
        """Units in hundred-millionths, rounded half-even."""
        if isinstance(units, int):
            return half_even(units * PER_UNIT, self.scale)
        value = units / self.scale
        return half_even(value.numerator * PER_UNIT, value.denominator)

    def equity_cents(
        self, ledgers: NDArray[Any], positions: NDArray[np.int64], prices: NDArray[np.int64]
    ) -> NDArray[Any]:
        """Equity in hundred-millionths, rounded half-even, with other cash and other positions.

        Args:
            ledgers: [n], units: int64, or objects where some are in no int64.
            positions: int64 [n], signed lots.
            prices: int64 [n], price units.

        Returns:
            [n]: int64, or objects where one needs more bits.
        """
        if self._sense > 0 and ledgers.dtype != object:
            cash, lots, price = (
                max(abs(int(some.max(initial=1))), abs(int(some.min(initial=1))))
                for some in (ledgers, positions, prices)
            )
            if max(cash + lots * price * self.unit, 2 * self.cent) < NEVER:
                return half_even_each(ledgers + positions * prices * self.unit, self.cent)
        made: list[int] = []
        before: int | Fraction = 0  # while nothing is held it stays
        amount = 0
        for row in zip(ledgers.tolist(), positions.tolist(), prices.tolist(), strict=True):
            units = self.equity_of(*row)
            if units is not before and units != before:
                before, amount = units, self._cents(units)
            made.append(amount)
        is_large = any(abs(amount) >= NEVER for amount in made)
        return np.array(made, object if is_large else np.int64)

    def loss_between(self, entry: int, stop: int, lots: int) -> int | Fraction:
        """Size of what ``lots`` lose or make between two prices, in units."""
        difference = self.worth(entry, lots) - self.worth(stop, lots)
        return difference if difference >= 0 else -difference

    def losses_between(
        self, entries: NDArray[np.int64], stops: NDArray[np.int64], lots: NDArray[np.int64]
    ) -> NDArray[np.float64]:
        """Float64 [n], as `loss_between`, in the account's currency."""
        if self._sense > 0:
            return self.values(np.abs(entries - stops), lots)
        rows = zip(entries.tolist(), stops.tolist(), lots.tolist(), strict=True)
        return np.array([float(self.loss_between(*row) / self.scale) for row in rows], np.float64)

    def mean_price(self, worth: int | Fraction, lots: int) -> Fraction:
        """The price in price units at which ``lots`` are worth ``worth`` units."""
        if self.instrument.contract_usd is None:
            return Fraction(worth) / int(lots * self.unit)
        return Fraction(Fraction(self.unit) * lots / worth)

    def average_price(self) -> Decimal | None:
        """Entry price of the open position, in quote currency; None when flat."""
        if self.position == 0:
            return None
        units, lots = self.instrument, abs(self.position)
        worth, parts = self.entered
        if isinstance(worth, int):
            return ratio(worth * 10**units.qty_decimals, parts * self.scale * lots)
        return money(self.mean_price(worth, lots) / 10**units.price_decimals)

    def equity_line(self) -> tuple[float, float]:
        """(constant, slope) with equity = constant + slope * price, or slope / price if inverse."""
        ((constant, slope),) = self.equity_lines([self.ledger], np.array([self.position])).tolist()
        return constant, slope

    def equity_lines(self, ledgers: list[Any], positions: NDArray[np.int64]) -> NDArray[np.float64]:
        """Float64 [n, 2]: as `equity_line`, with other cash and other positions."""
        unit = self._sense * self.unit
        most = max(map(abs, ledgers)) if self._sense > 0 else EXACT_FLOAT
        held = max(abs(int(positions.max())), abs(int(positions.min()))) * abs(unit)
        if max(most, held, self.scale) < EXACT_FLOAT:  # a quotient of floats is as exact
            lines = np.column_stack([np.array(ledgers, np.float64), positions * float(unit)])
            return np.asarray(lines / float(self.scale))
        slopes = [float(unit * position / self.scale) for position in positions.tolist()]
        cash = [float(ledger / self.scale) for ledger in ledgers]
        return np.array(list(zip(cash, slopes, strict=True)))
