"""Liquidations against their definition, trade by trade, on random tapes."""

from __future__ import annotations

import os
from dataclasses import replace
from decimal import Decimal
from fractions import Fraction

import hypothesis.strategies as st
import numpy as np
from hypothesis import HealthCheck, assume, given, settings
from ledger_twin import Ledger, price_of, value

from orderflow_bt.instruments import Fees, Instrument
from orderflow_bt.sim import SimConfig
from orderflow_bt.sim.funding import Funding
from orderflow_bt.sim.tiers import MarginMode, Tier, TierTable
from orderflow_bt.testing.tape import Script, run_trades
from orderflow_bt.types import MarketType, Trades

EXAMPLES = int(os.environ.get("ORDERFLOW_BT_EXAMPLES", "100"))
START = 1_704_067_200_000_000
LINEAR = Instrument("x", MarketType.UM, "X", 1, 1)
COIN = Instrument("x", MarketType.CM, "X", 1, 0, contract_usd=Decimal(10))
TIERS = ((Fraction(500), Fraction(1, 100)), (Fraction(2_000), Fraction(4, 100)),
         (None, Fraction(15, 100)))  # fmt: skip
TABLE = TierTable(
    0,
    tuple(
        Tier(None if up_to is None else Decimal(int(up_to)), Decimal(str(float(rate))))
        for up_to, rate in TIERS
    ),
)


def maintenance(units, price, lots):
    """Slice by slice, each at its own rate, as an income tax."""
    amount = Fraction(lots, 10**units.qty_decimals)
    face = amount * (price if units.contract_usd is None else Fraction(units.contract_usd))
    due, below = Fraction(0), Fraction(0)
    for up_to, rate in TIERS:
        top = face if up_to is None else min(face, up_to)
        due += max(Fraction(0), top - below) * rate
        below = up_to
        if up_to is None or face <= up_to:
            break
    return due if units.contract_usd is None else due / price


@st.composite
def tapes(draw):
    luck = np.random.default_rng(draw(st.integers(0, 10**6)))
    rows = draw(st.integers(10, 120))
    moves = luck.choice([-30, -8, -2, 0, 2, 8, 30], rows)
    price = np.maximum(300, 1_000 + np.cumsum(moves)).astype(np.int64)
    steps = luck.choice([0, 1_000, 100_000], rows)
    return Trades(
        np.arange(1, rows + 1, dtype=np.int64),
        START + np.cumsum(steps).astype(np.int64),
        price,
        luck.integers(1, 4_000, rows).astype(np.int64),
        luck.choice([-1, 1], rows).astype(np.int8),
        np.ones(rows, np.int32),
    )


ORDERS = st.lists(
    st.tuples(st.integers(0, 100), st.sampled_from([1, -1]), st.integers(1, 900)), max_size=6
)


@settings(max_examples=EXAMPLES, deadline=None, suppress_health_check=list(HealthCheck))
@given(
    tapes(),
    ORDERS,
    st.sampled_from([LINEAR, COIN]),
    st.sampled_from(list(MarginMode)),
    st.sampled_from([2, 5, 20, 60]),
    st.lists(st.integers(1, 119), max_size=4, unique=True),
)
def test_a_position_is_liquidated_where_its_backing_is_its_maintenance(
    trades, orders, units, mode, leverage, cuts
):
    cash = Decimal(600) if units is LINEAR else Decimal(6)
    config = replace(
        SimConfig(fees=Fees(Decimal("0.5"), Decimal(5)), cash=cash),
        leverage=Decimal(leverage), margin=mode, tiers=(TABLE,), entry_latency=0,
        response_latency=0, queue="zero", slippage_ticks=0,
    )  # fmt: skip
    script = {}
    for number, side, lots in orders:
        script.setdefault(number, []).append((side, lots))

    def step(todo):
        return lambda market, broker: [broker.market(side, lots) for side, lots in todo]

    plan = {number: step(todo) for number, todo in script.items()}
    funding = [Funding(START + 250_001, Decimal("0.01"), 8, None)]
    chunks = tuple(sorted(cut for cut in cuts if cut < trades.rows))
    run = run_trades(trades, units, Script(plan), config=config, funding=funding, chunks=chunks)
    assume(run.fills)
    fills = {}
    for fill in run.fills:
        fills.setdefault(fill.trade_id, []).append(fill)
    payments = list(run.session.funding.payments)
    ledger = Ledger(units, cash)
    entered = Fraction(0)  # value of the position at its entry
    for number, time, ticks in zip(trades.id.tolist(), trades.time.tolist(), trades.price.tolist(),
                                   strict=True):  # fmt: skip
        while payments and payments[0].time <= time:
            ledger.fund(payments[0].rate, payments.pop(0).mark)
        here = fills.get(number, [])
        price = price_of(units, ticks)
        held = ledger.position
        if held:
            side = 1 if held > 0 else -1
            now = value(units, price, abs(held))
            profit = side * (now - entered) * (1 if units.contract_usd is None else -1)
            backing = (
                entered / leverage
                if mode is MarginMode.ISOLATED
                else (ledger.equity(ticks) - profit)
            )
            must = backing + profit <= maintenance(units, price, abs(held))
            assert must == any(fill.role == "liquidation" for fill in here)
            if must:
                assert len(here) == 1
                before = ledger.equity(ticks) - profit
        for fill in here:
            closing = min(fill.qty, abs(ledger.position)) if fill.side * ledger.position < 0 else 0
            if closing:
                entered -= entered * closing / abs(ledger.position)
            entered += value(units, price_of(units, fill.price), fill.qty - closing)
            ledger.trade(fill.side, fill.qty, fill.price, fill.fee)
            if fill.role == "liquidation":
                assert ledger.position == 0
                assert 0 <= ledger.cash - (before - backing) < Fraction(1, 10**7)
    assert run.session.account.equity(int(trades.price[-1])) == ledger.equity(int(trades.price[-1]))
