"""The account against its slow twin: random fills, fundings and whole sessions."""

from __future__ import annotations

import os
from decimal import Decimal
from fractions import Fraction

import hypothesis.strategies as st
import pytest
from hypothesis import given, settings
from ledger_twin import Ledger

from orderflow_bt.instruments import Fees, Instrument
from orderflow_bt.sim.account import Account
from orderflow_bt.types import MarketType

EXAMPLES = int(os.environ.get("ORDERFLOW_BT_EXAMPLES", "200"))
LINEAR = Instrument("x", MarketType.UM, "X", 2, 3)
COIN = Instrument("x", MarketType.CM, "X", 1, 0, contract_usd=Decimal(100))
STEPS = st.lists(
    st.one_of(
        st.tuples(
            st.sampled_from([1, -1]), st.integers(1, 500), st.integers(1, 10**7), st.booleans()
        ),
        st.tuples(
            st.decimals(Decimal("-0.02"), Decimal("0.02"), places=8),
            st.decimals(Decimal("0.01"), Decimal(100_000), places=8),
        ),
    ),
    max_size=25,
)


@pytest.mark.parametrize("units", [LINEAR, COIN], ids=["linear", "inverse"])
@settings(max_examples=EXAMPLES, deadline=None)
@given(STEPS, st.integers(1, 10**7))
def test_the_account_is_the_ledger(units, steps, last):
    account = Account(units, Decimal(10_000), Fees(Decimal("-0.7"), Decimal("4.5")))
    ledger = Ledger(units, 10_000)
    for step in steps:
        if len(step) == 2:
            rate, mark = step
            amount = account.funding(mark, rate)
            account.pay(amount)
            assert Fraction(amount) == ledger.fund(rate, mark)
        else:
            side, lots, ticks, maker = step
            fee = account.fee(ticks, lots, maker=maker)
            account.book(side, lots, ticks, fee)
            ledger.trade(side, lots, ticks, Fraction(fee, 10**8))
        assert account.position == ledger.position
        assert account.equity(last) == ledger.equity(last)
        assert account.settled + account.unrealized(last) == account.equity(last)
        assert account.basis >= 0
    assert Fraction(account.fees_paid) == ledger.fees
    assert Fraction(account.funding_paid) == -ledger.funding
