"""Margin: what may be opened, where it is liquidated, what is lost then."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from fractions import Fraction
from itertools import pairwise
from math import ceil, floor

import hypothesis.strategies as st
import pytest
from hypothesis import given

from orderflow_bt.errors import UsageError
from orderflow_bt.instruments import Fees, Instrument
from orderflow_bt.kernels.orders import NEVER
from orderflow_bt.sim import SimConfig
from orderflow_bt.sim.account import Account
from orderflow_bt.sim.margin import NO_BAND, Margin
from orderflow_bt.sim.tiers import (
    MarginMode,
    Tier,
    TierTable,
    brackets_of,
    read_tiers,
    shipped_tiers,
)
from orderflow_bt.types import DAY_US, Kind, MarketType, TapeId

FREE = Fees(Decimal(0), Decimal(0))
LINEAR = Instrument("x", MarketType.UM, "X", 3, 3)
COIN = Instrument("x", MarketType.CM, "X", 3, 0, contract_usd=Decimal(100))
FLAT = TierTable(0, (Tier(None, Decimal("0.004")),))


def margin(units, side, lots, price, cash, **changes):
    config = replace(SimConfig(fees=FREE, cash=Decimal(cash)), tiers=(FLAT,), **changes)
    account = Account(units, Decimal(cash), FREE)
    account.book(side, lots, price, 0)
    return Margin(account, config), account


@pytest.mark.parametrize(("side", "expected"), [(1, "57228.916"), (-1, "62749.004")])
@pytest.mark.parametrize(
    "how",
    [
        {"cash": 3_000, "leverage": Decimal(125)},
        {"cash": 50_000, "leverage": Decimal(20), "margin": MarginMode.ISOLATED},
    ],
    ids=["cross", "isolated"],
)
def test_v21_the_liquidation_price(side, expected, how):
    found, _ = margin(LINEAR, side, 1_000, 60_000_000, **how)
    price = found.liquidation_price() / 1000
    assert f"{float(price):.3f}" == expected
    low, high = found.band()
    trigger = low if side > 0 else high
    assert trigger == (57_228_915 if side > 0 else 62_749_004)


def equity_less_maintenance(units, side, lots, entry, price, backing, tiers):
    """By definition, in exact fractions."""
    q = Fraction(lots, 10**units.qty_decimals)
    entry, price = Fraction(entry), Fraction(price)
    if units.contract_usd is None:
        profit, value, face = side * q * (price - entry), q * price, q * price
    else:
        face = q * Fraction(units.contract_usd)
        profit, value = side * (face / entry - face / price), face / price
    (bracket,) = [b for b in brackets_of(tiers) if b.holds(face)][:1]
    cum = bracket.cum if units.contract_usd is None else bracket.cum / price
    return backing + profit - (bracket.rate * value - cum)


@pytest.mark.parametrize("units", [LINEAR, COIN], ids=["linear", "inverse"])
@pytest.mark.parametrize("side", [1, -1])
@pytest.mark.parametrize("lots", [1_000, 9_000, 77_000])
@pytest.mark.parametrize("leverage", [3, 20, 50])
@pytest.mark.parametrize("mode", list(MarginMode))
def test_at_the_liquidation_price_the_backing_is_the_maintenance_margin(
    units, side, lots, leverage, mode
):
    tiers = shipped_tiers("ANYUSDT")
    value = Fraction(lots, 1000) * 500 if units is LINEAR else Fraction(lots * 100, 500)
    cash = value / leverage
    cash = Decimal(cash.numerator) / Decimal(cash.denominator)
    found, account = margin(
        units, side, lots, 500_000, cash, leverage=Decimal(leverage), margin=mode
    )
    found = Margin(account, SimConfig(leverage=Decimal(leverage), margin=mode, tiers=(tiers,)))
    price = found.liquidation_price()
    assert price is not None
    left = equity_less_maintenance(units, side, lots, 500, price / 1000, found.backing(), tiers)
    assert abs(left) < Fraction(1, 10**15)
    ended, fee = found.close_out()
    before = account.settled
    account.book(-side, lots, ended, fee)
    lost = before - account.settled
    assert 0 <= cash_of(found, before, mode, value, leverage) - lost < Fraction(1, 10**7)
    assert fee >= 0


def cash_of(found, before, mode, value, leverage):
    return value / leverage if mode is MarginMode.ISOLATED else before


def test_a_long_without_leverage_is_never_liquidated():
    found, _ = margin(LINEAR, 1, 1_000, 60_000_000, 60_000)
    assert found.liquidation_price() is None
    assert found.band()[0] < 0


def test_maintenance_is_continuous_from_tier_to_tier():
    brackets = brackets_of(shipped_tiers("BTCUSDT"))
    assert [float(b.cum) for b in brackets[:4]] == [0, 50, 800, 11_300]
    for lower, upper in pairwise(brackets):
        edge = lower.up_to
        assert edge == upper.above
        assert lower.rate * edge - lower.cum == upper.rate * edge - upper.cum


def refusal(side, lots, *, position=0, working=(), leverage="1", short=True, market=MarketType.UM):
    units = replace(LINEAR, market=market, price_decimals=0, qty_decimals=0)
    config = SimConfig(
        fees=FREE, cash=Decimal(1_000), leverage=Decimal(leverage), allow_short=short
    )
    account = Account(units, Decimal(1_000), FREE)
    if position:
        account.book((position > 0) - (position < 0), abs(position), 100, 0)
    return Margin(account, config).refusal(side, lots, 100, 100, working)


@pytest.mark.parametrize(
    ("asked", "why"),
    [
        ({"side": 1, "lots": 10}, ""),
        ({"side": 1, "lots": 11}, "margin"),
        ({"side": -1, "lots": 11}, "margin"),
        ({"side": 1, "lots": 11, "leverage": "1.1"}, ""),
        ({"side": 1, "lots": 5, "position": 6}, "margin"),
        ({"side": 1, "lots": 4, "position": 6}, ""),
        ({"side": -1, "lots": 16, "position": 6}, ""),  # ends 10 short
        ({"side": -1, "lots": 17, "position": 6}, "margin"),
        ({"side": 1, "lots": 4, "working": [(1, 6, 100), (-1, 9, 100)]}, ""),
        ({"side": 1, "lots": 5, "working": [(1, 6, 100)]}, "margin"),
        ({"side": -1, "lots": 6, "position": 6, "short": False}, ""),
        ({"side": -1, "lots": 7, "position": 6, "short": False}, "nothing, or not as much"),
        ({"side": -1, "lots": 6, "position": 6, "short": False, "working": [(-1, 1, 100)]},
         "nothing, or not as much"),
        ({"side": 1, "lots": 11, "market": MarketType.SPOT}, "not enough cash"),
    ],
)  # fmt: skip
def test_what_an_account_can_carry(asked, why):
    found = refusal(**asked)
    assert (why in found) if why else found == ""


UM = TapeId("binance", MarketType.UM, Kind.AGG_TRADES, "BTCUSDT")


def test_tiers_come_with_their_dates_from_the_configuration():
    tables = [
        {"market": "um", "since": "1970-01-03", "tiers": [[1000, 1], [0, 5]]},
        {"market": "um", "symbol": "btcusdt", "since": "1970-01-02", "tiers": [[0, 2.5]]},
        {"market": "cm", "tiers": [[0, 50]]},
    ]
    first, later = read_tiers(tables, UM, "file")
    assert first == shipped_tiers("BTCUSDT")
    assert later == TierTable(DAY_US, (Tier(None, Decimal("0.025")),))
    _, other = read_tiers(tables, replace(UM, symbol="ETHUSDT"), "file")
    assert other.time == 2 * DAY_US
    assert other.tiers == (Tier(Decimal(1000), Decimal("0.01")), Tier(None, Decimal("0.05")))


@pytest.mark.parametrize(
    "table",
    [
        {"market": "um"},
        {"market": "um", "tiers": []},
        {"market": "um", "tiers": [[10, 5], [0, 1]]},
        {"market": "um", "tiers": [[10, 1], [5, 2], [0, 3]]},
        {"market": "um", "tiers": [[0, 100]]},
        {"market": "um", "tiers": [[0, 1]], "since": "never"},
        {"market": "um", "tiers": [[0, 1]], "more": 1},
        {"market": "usdm", "tiers": [[0, 1]]},
        7,
    ],
)
def test_tiers_that_cannot_be(table):
    with pytest.raises(UsageError, match=r"(?s)\[\[margin\]\] 2.*Write it as"):
        read_tiers([{"market": "um", "tiers": [[0, 1]]}, table], UM, "file")


@pytest.mark.parametrize("leverage", [0, -1, 126])
def test_leverage_has_bounds(leverage):
    with pytest.raises(UsageError, match="leverage"):
        SimConfig(leverage=Decimal(leverage))


@given(
    st.sampled_from([1, -1]), st.integers(1, 10**7), st.integers(1, 10**9),
    st.integers(1, 10**9), st.sampled_from(["BTCUSDT", "X"]), st.integers(0, 10**8),
)  # fmt: skip
def test_the_band_in_integers_is_that_of_the_exact_price(side, lots, price, cash, symbol, fee):
    config = replace(SimConfig(fees=FREE, cash=Decimal(cash)), tiers=(shipped_tiers(symbol),))
    account = Account(LINEAR, Decimal(cash), FREE)
    account.book(side, lots, price, fee)
    account.book(-side, lots // 3 or 1, price + 7, 0)
    if account.position == 0:
        return
    found = Margin(account, config)
    exact = found.liquidation_price()
    low, high = found.band()
    if exact is None:
        assert (low, high) == NO_BAND
    elif account.position > 0:
        assert (low, high) == (floor(exact), NEVER)
    else:
        assert (low, high) == (-NEVER, ceil(exact))
