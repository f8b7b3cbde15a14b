"""The account's arithmetic on fills given by hand, coin-margined contracts included."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from fractions import Fraction

import hypothesis.strategies as st
import numpy as np
import pytest
from hypothesis import given

from orderflow_bt.instruments import Fees, Instrument
from orderflow_bt.sim.account import Account
from orderflow_bt.sim.rounding import money
from orderflow_bt.types import MarketType

COIN = Instrument("binance", MarketType.CM, "BTCUSD_PERP", 1, 0, contract_usd=Decimal(100))
LINEAR = Instrument("binance", MarketType.UM, "BTCUSDT", 1, 3)
FEES = Fees(Decimal(2), Decimal(5))


def account(instrument=LINEAR):
    return Account(instrument, Decimal(10_000), FEES)


def realized(held, side, lots, price, fee=0):
    """Book a fill; the profit it realised, before fees."""
    before = held.settled
    held.book(side, lots, price, fee)
    return held.settled - before + Fraction(fee, 10**8)


def test_v18_profit_of_an_inverse_contract_is_paid_in_the_coin():
    held = account(COIN)
    held.book(1, 100, 500_000, 0)
    assert money(held.unrealized(550_000)) == Decimal("0.01818182")
    gain = realized(held, -1, 100, 550_000)
    assert money(gain) == Decimal("0.01818182")
    assert gain == Fraction(100 * 100, 50_000) - Fraction(100 * 100, 55_000)
    assert held.position == 0
    assert held.basis == 0


def test_v18_mirrored_a_short_gains_when_price_falls():
    held = account(COIN)
    held.book(-1, 100, 550_000, 0)
    assert money(realized(held, 1, 100, 500_000)) == Decimal("0.01818182")


def test_v19_the_average_entry_of_inverse_contracts_is_harmonic():
    held = account(COIN)
    held.book(1, 100, 500_000, 0)
    held.book(1, 50, 400_000, 0)
    average = held.average_price()
    assert average is not None
    assert average.quantize(Decimal("0.001")) == Decimal("46153.846")


def test_fee_of_an_inverse_contract():
    assert account(COIN).fee(500_000, 100, maker=False) == 10_000  # hundred-millionths


def test_v14_and_a_reversal():
    held = Account(Instrument("x", MarketType.UM, "X", 0, 0), Decimal(0), FEES)
    assert realized(held, 1, 2, 100) == 0
    assert realized(held, 1, 1, 103) == 0
    assert held.average_price() == 101
    assert realized(held, -1, 4, 105) == 12
    assert held.position == -1
    assert held.average_price() == 105
    assert held.unrealized(104) == 1


def test_v15_fees():
    held = account()
    paid = [held.fee(600_000, 500, maker=False), held.fee(606_000, 500, maker=True)]
    assert paid == [15 * 10**8, 606 * 10**6]
    held.book(1, 500, 600_000, paid[0])
    gain = realized(held, -1, 500, 606_000, paid[1])
    assert gain - Fraction(sum(paid), 10**8) == Fraction("278.94")
    assert held.settled == 10_000 + Fraction("278.94")
    assert held.fees_paid == Decimal("21.06")


@pytest.mark.parametrize(
    ("value", "rounded"),
    [
        ("0.000000005", "0"),
        ("0.000000015", "0.00000002"),
        ("-0.000000005", "0"),
        ("1/3", "0.33333333"),
    ],
)
def test_money_is_rounded_half_even_to_eight_decimals(value, rounded):
    assert money(Fraction(value)) == Decimal(rounded)


@pytest.mark.parametrize("instrument", [LINEAR, COIN])
@pytest.mark.parametrize("side", [1, -1])
def test_the_equity_line_is_equity_at_every_price(instrument, side):
    held = account(instrument)
    held.book(side, 7, 600_000, 150_000_000)
    held.book(-side, 3, 590_000, 25_000_000)
    constant, slope = held.equity_line()
    for price in (1, 580_000, 600_000, 10**7):
        along = constant + (slope / price if instrument.is_inverse else slope * price)
        assert along == pytest.approx(float(held.equity(price)), rel=1e-12)


def test_a_flat_account_has_a_level_line():
    assert account().equity_line() == (10_000.0, 0.0)


class Slow:
    """The account once more, in fractions and line by line."""

    def __init__(self, instrument, cash):
        self.units, self.cash, self.lots, self.entry = instrument, Fraction(cash), 0, Fraction(0)

    def worth(self, price, lots):
        base = Fraction(lots, 10**self.units.qty_decimals)
        quote = Fraction(price, 10**self.units.price_decimals)
        if self.units.is_inverse:
            return -base * Fraction(self.units.contract_usd) / quote
        return base * quote

    def book(self, side, lots, price, fee):
        closing = min(lots, abs(self.lots)) if side * self.lots < 0 else 0
        if closing:
            out = self.entry * closing / abs(self.lots)
            self.cash += (self.worth(price, closing) - out) * (1 if self.lots > 0 else -1)
            self.entry -= out
        self.entry += self.worth(price, lots - closing)
        self.lots += side * lots
        self.cash -= Fraction(fee, 10**8)

    def equity(self, price):
        sign = (self.lots > 0) - (self.lots < 0)
        return self.cash + sign * (self.worth(price, abs(self.lots)) - self.entry)


@pytest.mark.parametrize("instrument", [LINEAR, COIN, replace(LINEAR, price_decimals=7)])
@given(st.lists(st.tuples(st.sampled_from([1, -1]), st.integers(1, 9), st.integers(1, 50))))
def test_the_account_equals_the_slow_one(instrument, fills):
    held, slow = account(instrument), Slow(instrument, 10_000)
    for side, lots, price in fills:
        fee = held.fee(price, lots, maker=side > 0)
        held.book(side, lots, price, fee)
        slow.book(side, lots, price, fee)
        assert held.position == slow.lots
        assert held.settled == slow.cash
        assert held.basis == abs(slow.entry)
        assert held.equity(price + 3) == slow.equity(price + 3)
        assert held.printed(held.equity_units(price + 3)) == money(slow.equity(price + 3))
        if slow.lots:
            per_lot = abs(slow.entry) / abs(slow.lots)
            if instrument.is_inverse:
                assert held.average_price() == money(Fraction(100) / per_lot)
            else:
                assert held.average_price() == money(per_lot * 10**instrument.qty_decimals)
        else:
            assert held.average_price() is None


def test_a_position_that_is_never_flat_keeps_a_bounded_average():
    held = account()
    for n in range(3_000):
        held.book(1, 7 + n % 3, 600_000 + n, 0)
        held.book(-1, 5 + n % 2, 600_001 + n, 0)
    assert held.basis.denominator < 1 << 800
    assert 600_000 < held.average_price() * 10 < 603_000


LARGE = Instrument("x", MarketType.UM, "X", 8, 8)


@pytest.mark.parametrize("units", [LINEAR, COIN, LARGE])
@pytest.mark.parametrize("most", [10**3, 10**7, 10**9])
def test_values_of_many_fills_are_those_of_each(units, most):
    held = account(units)
    rng = np.random.default_rng(most)
    entry, lots = rng.integers(1, most, (2, 50))
    stop = np.maximum(entry + rng.integers(-3, 4, 50), 1)
    rows = list(zip(entry.tolist(), stop.tolist(), lots.tolist(), strict=True))
    assert held.values(entry, lots).tolist() == [float(held.value(e, n)) for e, _, n in rows]
    assert held.losses_between(entry, stop, lots).tolist() == [
        float(Fraction(held.loss_between(*row)) / held.scale) for row in rows
    ]
    assert held.values(entry[:0], lots[:0]).tolist() == []
