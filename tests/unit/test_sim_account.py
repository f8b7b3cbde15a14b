"""The account's arithmetic on fills given by hand, coin-margined contracts included."""

from __future__ import annotations

from decimal import Decimal
from fractions import Fraction

import pytest

from orderflow_bt.instruments import Fees, Instrument
from orderflow_bt.sim.account import Account, money
from orderflow_bt.types import MarketType

COIN = Instrument("binance", MarketType.CM, "BTCUSD_PERP", 1, 0, contract_usd=Decimal(100))
LINEAR = Instrument("binance", MarketType.UM, "BTCUSDT", 1, 3)
FEES = Fees(Decimal(2), Decimal(5))
ZERO = Decimal(0)


def account(instrument=LINEAR):
    return Account(instrument, Decimal(10_000), FEES)


def test_v18_profit_of_an_inverse_contract_is_paid_in_the_coin():
    held = account(COIN)
    held.apply(1, 100, 500_000, ZERO)
    assert money(held.unrealized(550_000)) == Decimal("0.01818182")
    realized = held.apply(-1, 100, 550_000, ZERO)
    assert money(realized) == Decimal("0.01818182")
    assert realized == Fraction(100 * 100, 50_000) - Fraction(100 * 100, 55_000)
    assert held.position == 0
    assert held.basis == 0


def test_v18_mirrored_a_short_gains_when_price_falls():
    held = account(COIN)
    held.apply(-1, 100, 550_000, ZERO)
    assert money(held.apply(1, 100, 500_000, ZERO)) == Decimal("0.01818182")


def test_v19_the_average_entry_of_inverse_contracts_is_harmonic():
    held = account(COIN)
    held.apply(1, 100, 500_000, ZERO)
    held.apply(1, 50, 400_000, ZERO)
    average = held.average_price()
    assert average is not None
    assert average.quantize(Decimal("0.001")) == Decimal("46153.846")


def test_fee_of_an_inverse_contract():
    assert account(COIN).fee(500_000, 100, maker=False) == Decimal("0.00010000")


def test_v14_and_a_reversal():
    held = Account(Instrument("x", MarketType.UM, "X", 0, 0), Decimal(0), FEES)
    assert held.apply(1, 2, 100, ZERO) == 0
    assert held.apply(1, 1, 103, ZERO) == 0
    assert held.average_price() == 101
    assert held.apply(-1, 4, 105, ZERO) == 12
    assert held.position == -1
    assert held.average_price() == 105
    assert held.unrealized(104) == 1


def test_v15_fees():
    held = account()
    paid = [held.fee(600_000, 500, maker=False), held.fee(606_000, 500, maker=True)]
    assert paid == [Decimal(15), Decimal("6.06")]
    held.apply(1, 500, 600_000, paid[0])
    assert held.apply(-1, 500, 606_000, paid[1]) - sum(map(Fraction, paid)) == Fraction("278.94")


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
    held.apply(side, 7, 600_000, Decimal("1.5"))
    held.apply(-side, 3, 590_000, Decimal("0.25"))
    constant, slope = held.equity_line()
    for price in (1, 580_000, 600_000, 10**7):
        along = constant + (slope / price if instrument.is_inverse else slope * price)
        assert along == pytest.approx(float(held.equity(price)), rel=1e-12)


def test_a_flat_account_has_a_level_line():
    assert account().equity_line() == (10_000.0, 0.0)
