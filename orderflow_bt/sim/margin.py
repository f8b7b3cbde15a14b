"""Margin: what an account may open, and the price at which it cannot carry what it holds.

The rules are the exchange's for one-way positions: a position needs a maintenance margin of
``rate x value - cum`` in the tier of its value, and is liquidated when what backs it is no more.
"""

from __future__ import annotations

from fractions import Fraction
from math import ceil, floor
from typing import TYPE_CHECKING

from orderflow_bt.kernels import orders as k
from orderflow_bt.kernels.orders import NEVER
from orderflow_bt.sim.rounding import PER_UNIT
from orderflow_bt.sim.tiers import MarginMode, brackets_of, shipped_tiers

if TYPE_CHECKING:
    from collections.abc import Iterable

    from orderflow_bt.sim.account import Account
    from orderflow_bt.sim.config import SimConfig
    from orderflow_bt.sim.tiers import Bracket

NO_BAND = (-NEVER, NEVER)


class Margin:
    """The margin of one account's position.

    Args:
        account: Whose.
        config: Mode, leverage and tiers.

    Attributes:
        liquidates: Whether a position can be liquidated at all.
        is_isolated: Whether a position is backed by its own margin alone.
        next_change: When other tiers begin to hold.
        is_joint: Whether somebody who knows all symbols looks after it: there is no band.
        is_over: Whether they found the account used up: nothing is carried any more.
        by_mark: Whether the mark price is tested now (`mark_band`), and not the last one.
    """

    def __init__(self, account: Account, config: SimConfig) -> None:
        self._account = account
        self._is_free = config.leverage is None
        self._leverage = Fraction(1 if config.leverage is None else config.leverage)
        self._carries = self._leverage.as_integer_ratio()
        self.is_isolated = config.margin is MarginMode.ISOLATED
        self._is_linear = not account.instrument.is_inverse
        self._is_plain = not self.is_isolated and self._is_linear
        self._allow_short = config.allow_short
        self._tables = list(config.tiers) or [shipped_tiers(account.instrument.symbol)]
        self._brackets: tuple[Bracket, ...] = ()
        self.liquidates = account.instrument.market.is_futures and not self._is_free
        self._band = NO_BAND
        self._revision = -1  # of the account, that the band is of
        self.next_change = NEVER
        self.is_joint = self.is_over = self.by_mark = False
        self._mark_band = NO_BAND
        self._marked = (-1, 0)  # revision and decimals that it is of
        self._begin_tiers()

    def change_tiers(self) -> None:
        """Let the next tiers hold."""
        self._tables.pop(0)
        self._begin_tiers()

    def _begin_tiers(self) -> None:
        self._brackets = brackets_of(self._tables[0]) if self.liquidates else ()
        units = self._account.units
        self._counted = [
            (
                units(tier.above), None if tier.up_to is None else units(tier.up_to),
                tier.rate.numerator, tier.rate.denominator, units(tier.cum),
            )
            for tier in self._brackets
        ]  # fmt: skip
        self._least_cum = min((cum for *_, cum in self._counted), default=0)
        self.next_change = self._tables[1].time if len(self._tables) > 1 else NEVER
        self._revision = -1
        self._marked = (-1, 0)

    # -- opening ---------------------------------------------------------------------------------

    def most(self, price: int) -> int | Fraction:
        """Lots that equity carries at ``price``, in whole and parts."""
        account = self._account
        room = account.purse_units(price) * self._leverage - account.committed
        return Fraction(room) / account.worth(price, 1) if room > 0 else 0

    def carries(self, side: int, worth: int | Fraction, last: int) -> bool:
        """Whether an order beside no other is surely carried; where not, `refusal` is to tell.

        Args:
            side: Of the order.
            worth: Of what it would trade, in units.
            last: Price of the last trade.
        """
        account = self._account
        if self.is_over or not self._is_linear or (side < 0 and not self._allow_short):
            return False
        held = account.position * last * account.unit
        carried, whole = self._carries
        value = account.committed + worth + side * held
        return bool(value * whole <= (account.ledger + held + account.elsewhere) * carried)

    def refusal(
        self, side: int, lots: int, price: int, last: int, working: Iterable[tuple[int, int, int]]
    ) -> str:
        """Why an order cannot be carried, empty where it can.

        Args:
            side: Of the order.
            lots: What it would trade.
            price: At which.
            last: Price of the last trade.
            working: (side, lots, price) of the other orders that may open a position.
        """
        if self._is_free:
            return ""
        account = self._account
        held = side * account.position
        after, value = held + lots, account.committed + account.worth(price, lots)
        for other, left, at in working:
            if other == side:
                after += left
                value += account.worth(at, left)
        if after <= 0 or after <= held:
            return ""  # it only reduces
        if side < 0 and not self._allow_short:
            return "spot sells what it holds: there is nothing, or not as much, to sell"
        if held:
            value += account.worth(last, held)
        carried, whole = self._carries
        # over: what the others made is still known as of the trade before
        if self.is_over or value * whole > account.purse_units(last) * carried:
            if self.liquidates:
                return f"not enough margin at leverage {float(self._leverage):g}"
            return "not enough cash"
        return ""

    # -- carrying --------------------------------------------------------------------------------

    def band(self) -> tuple[int, int]:
        """(low, high): a trade at or beyond one of them liquidates; `NO_BAND` where none can."""
        if not self.liquidates or self.by_mark or self.is_joint:
            return NO_BAND
        if self._revision != self._account.revision:
            self._revision = self._account.revision
            self._band = self._find_band()
        return self._band

    def mark_band(self, decimals: int) -> tuple[int, int]:
        """As `band`, of mark prices that are counted in ``10**-decimals`` of the quote currency."""
        if self._marked != (self._account.revision, decimals):
            self._marked = (self._account.revision, decimals)
            held = self._account.position if self.liquidates else 0
            price = self.liquidation_price() if held else None
            self._mark_band = NO_BAND
            if price is not None:
                price *= Fraction(10) ** (decimals - self._account.instrument.price_decimals)
                self._mark_band = (floor(price), NEVER) if held > 0 else (-NEVER, ceil(price))
        return self._mark_band

    def rule(self, last: int) -> tuple[int, int, int]:
        """How a kernel may know where a position is surely carried: `kernels.solvency`.

        Args:
            last: Price of the last trade.

        Returns:
            (`NO_BAND`, `WIRED` or `ASKED` of `kernels.orders`; maintenance in millionths of what a
            position is worth; units of worth up to which that is enough).
        """
        if not self.liquidates or self.by_mark or self.is_joint:
            return k.NO_BAND, 0, 0
        account = self._account
        if not self._is_plain or not self._are_rising:
            return k.ASKED, 0, 0
        worth = max(account.worth(last, abs(account.position)),
                    account.equity_units(last) * self._leverage)  # fmt: skip
        enough_for = (row for row in self._counted if row[1] is None or row[1] >= 2 * worth)
        _, up_to, part, whole, _ = next(enough_for)  # the last tier has no end
        enough = NEVER if up_to is None else min(NEVER, floor(up_to))
        return k.WIRED, min(-(-part * k.MILLION // whole), k.MILLION - 1), enough

    @property
    def _are_rising(self) -> bool:
        """Whether no tier needs more than its rate of what a position is worth."""
        rates = [tier.rate for tier in self._brackets]  # tiers continue each other
        return rates == sorted(rates) and 0 <= rates[0] <= rates[-1] < 1

    def _find_band(self) -> tuple[int, int]:
        position = self._account.position
        if position == 0:
            return NO_BAND
        if self._is_plain:
            return self._cross_band()
        price = self.liquidation_price()
        if price is None:
            return NO_BAND
        return (floor(price), NEVER) if position > 0 else (-NEVER, ceil(price))

    def _cross_band(self) -> tuple[int, int]:
        """The band by `liquidation_price`, where it costs least.

        What backs a linear position with all there is, less or plus its value at entry, is the
        account's ledger; so the value at which it is liquidated does not depend on its size:
        ``side (ledger + cum) / (rate - side)``.
        """
        account = self._account
        ledger, side = account.ledger, 1 if account.position > 0 else -1
        if side > 0 and ledger + self._least_cum >= 0:
            return NO_BAND  # it is paid for: no fall of the price uses up more
        for above, up_to, part, whole, cum in self._counted:
            value = -side * (ledger + cum) * whole  # times ...
            times = whole - side * part  # ... this
            if value > 0 and above * times <= value and (up_to is None or value <= up_to * times):
                per_unit = times * account.worth(1, abs(account.position))
                if side > 0:
                    return int(value // per_unit), NEVER
                return -NEVER, int(-(-value // per_unit))
        return NO_BAND

    def backing(self) -> Fraction:
        """What can be lost with the position, at its entry price, in the account's currency."""
        account = self._account
        return account.basis / self._leverage if self.is_isolated else account.settled

    def liquidation_price(self) -> Fraction | None:
        """Where the backing is down to the maintenance margin, in price units; None: nowhere."""
        for bracket in self._brackets:
            price = self._price_at(bracket.rate, bracket.cum)
            if price is not None and bracket.holds(self._tier_value(price)):
                return price
        return None

    def _tier_value(self, price: Fraction) -> Fraction:
        """Value by which the tier is found: of contracts, their face value in USD."""
        units, lots = self._account.instrument, abs(self._account.position)
        real = Fraction(lots, 10**units.qty_decimals)
        if units.contract_usd is not None:
            return real * Fraction(units.contract_usd)
        return Fraction(real * price / 10**units.price_decimals)

    def _price_at(self, rate: Fraction, cum: Fraction) -> Fraction | None:
        """Price units at which backing + profit = rate x value - cum; None where that is nowhere.

        Linear, M being the backing and B the value at entry:
        ``(M + cum - side B) / (q (rate - side))``.
        Inverse, by face value F: ``(F (rate + side) - cum) / (M + side B)``.
        """
        account = self._account
        units = account.instrument
        side = 1 if account.position > 0 else -1
        backing, entered = self.backing(), account.basis
        real = Fraction(abs(account.position), 10**units.qty_decimals)
        if units.contract_usd is None:
            price = (backing + cum - side * entered) / (real * (rate - side))
        else:
            below = backing + side * entered
            if below == 0:
                return None
            price = (real * Fraction(units.contract_usd) * (rate + side) - cum) / below
        return Fraction(price * 10**units.price_decimals) if price > 0 else None

    def close_out(self) -> tuple[int, int]:
        """(price, fee) at which a liquidated position ends: with them its whole backing is lost.

        The fee is in hundred-millionths.
        The price is that at which nothing of the backing is left, in whole units on the side of the
        entry; the fee is what remains. Whatever the market did beyond it is not the account's.
        """
        account = self._account
        side = 1 if account.position > 0 else -1
        bankrupt = self._price_at(Fraction(0), Fraction(0))
        # where no price uses the backing up, the lowest there is
        nearest = 1 if bankrupt is None else ceil(bankrupt) if side > 0 else floor(bankrupt)
        price = max(1, nearest)
        lost = -account.unrealized(price)
        left = max(Fraction(0), self.backing() - lost)
        return price, floor(left * PER_UNIT)
