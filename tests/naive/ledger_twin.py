"""Money the slow and obvious way: what went through the account's hands, fill by fill."""

from __future__ import annotations

from fractions import Fraction


def value(units, price, lots):
    """Lots at a price, in the currency the account counts: the coin for inverse contracts."""
    amount = Fraction(lots, 10**units.qty_decimals)
    if units.contract_usd is None:
        return amount * price
    return amount * Fraction(units.contract_usd) / price


def price_of(units, ticks):
    return Fraction(ticks, 10**units.price_decimals)


class Ledger:
    """Cash changes hands whole at every fill; equity is cash and what the position would fetch."""

    def __init__(self, units, cash):
        self.units = units
        self.cash = Fraction(cash)
        self.position = 0
        self.fees = Fraction(0)
        self.funding = Fraction(0)
        self.direction = -1 if units.contract_usd is None else 1  # a coin contract buys dollars

    def trade(self, side, lots, ticks, fee):
        bought = value(self.units, price_of(self.units, ticks), lots)
        self.cash += self.direction * side * bought - Fraction(fee)
        self.fees += Fraction(fee)
        self.position += side * lots

    def fund(self, rate, mark):
        paid = value(self.units, Fraction(mark), self.position) * Fraction(rate)
        paid = round(paid * 10**8) * Fraction(1, 10**8)  # Python rounds half to even
        self.cash -= paid
        self.funding -= paid
        return -paid

    def equity(self, ticks):
        if self.position == 0:
            return self.cash
        worth = value(self.units, price_of(self.units, ticks), self.position)
        return self.cash - self.direction * worth
