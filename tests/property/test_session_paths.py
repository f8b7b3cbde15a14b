"""What a kernel books and tells in short is what books and notices do step by step."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

import hypothesis.strategies as st
import pytest
from hypothesis import given, settings
from session_actors import (
    EXAMPLES,
    SECOND,
    SETTINGS,
    Actor,
    Deaf,
    Listener,
    assert_equal,
    assumptions,
    fundings,
    outcome,
    random_tape,
)

from orderflow_bt.instruments import Instrument
from orderflow_bt.kernels import orders as k
from orderflow_bt.sim import End, LatencyTable, SimConfig
from orderflow_bt.sim.margin import Margin
from orderflow_bt.sim.order_desk import OrderDesk
from orderflow_bt.sim.tiers import Tier, TierTable
from orderflow_bt.strategy import Strategy
from orderflow_bt.testing.tape import run_trades
from orderflow_bt.types import MarketType

chosen = OrderDesk.choose_clerk


def by_hand(desk):
    """Every fill is booked by the books."""
    chosen(desk)
    desk.count_by_hand()


@pytest.mark.parametrize("kind", [Actor, Listener, Deaf])
@settings(max_examples=2 * EXAMPLES, **SETTINGS)
@given(st.integers(0, 10**6), assumptions())
def test_the_clerk_books_what_the_books_do(kind, seed, config):
    trades = random_tape(seed, 200)
    end = int(trades.time[-1]) + 3 * SECOND
    config = replace(config, end=End.CLOSE if seed % 3 == 0 else End.MARK)
    expected = outcome(kind(seed=seed), trades, config, end=end)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(OrderDesk, "choose_clerk", by_hand)
        assert_equal(outcome(kind(seed=seed), trades, config, end=end), expected)


@settings(max_examples=2 * EXAMPLES, **SETTINGS)
@given(st.integers(0, 10**6), assumptions())
def test_fills_are_heard_in_turn_as_one_by_one(seed, config):
    """A table of delays is looked up for each message; the same delay for all is a constant."""
    trades = random_tape(seed, 200)
    config = replace(config, latency_sample=None)
    legs = (config.entry_latency, config.cancel_latency, config.trigger_latency,
            config.response_latency)  # fmt: skip
    expected = outcome(Listener(seed=seed), trades, config)
    table = replace(config, latency_table=LatencyTable(daily=True, starts=(0,), rows=(legs,)))
    assert_equal(outcome(Listener(seed=seed), trades, table), expected)


TIERS = TierTable(
    0,
    tuple(
        Tier(n and Decimal(n), Decimal(r)) for n, r in ((40, "0.01"), (90, "0.1"), (None, "0.3"))
    ),
)


@pytest.mark.parametrize("kind", [Listener, Deaf])
@settings(max_examples=2 * EXAMPLES, **SETTINGS)
@given(st.integers(0, 10**6), assumptions(), st.sampled_from([1, 3, 10, 40]), st.booleans())
def test_a_wire_tells_no_liquidation_and_hides_none(kind, seed, config, leverage, shipped):
    trades = random_tape(seed, 200)
    tiers = () if shipped else (TIERS, TIERS._replace(time=int(trades.time[90])))
    config = replace(config, cash=Decimal(20), leverage=Decimal(leverage), tiers=tiers)
    expected = outcome(kind(seed=seed), trades, config)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Margin, "rule", lambda *_: (k.ASKED, 0, 0))
        assert_equal(outcome(kind(seed=seed), trades, config), expected)


LARGE = Instrument("large", MarketType.UM, "LARGE", 9, 9)  # 10**18 units of one


@pytest.mark.parametrize("cash", ["1", "1.15", "4", "100"])
@settings(max_examples=EXAMPLES, **SETTINGS)
@given(st.integers(0, 10**6))
def test_money_beyond_64_bits_is_counted_as_exactly(cash, seed):
    trades = random_tape(seed, 200)
    trades = trades._replace(qty=trades.qty * 10**12)
    config = SimConfig(cash=Decimal(cash), leverage=None).with_latency(0)
    done = []
    for forced in (False, True):
        with pytest.MonkeyPatch.context() as patch:
            if forced:
                patch.setattr(OrderDesk, "choose_clerk", by_hand)
            strategy = Whale(seed=seed)
            run = run_trades(trades, LARGE, strategy, config=config, funding=fundings(trades))
            account = run.session.account
            done.append(
                (run.orders, run.fills, run.round_trips, run.still_open, run.equity, strategy.diary,
                 account.ledger, account.basis, account.fees_paid, run.session.max_drawdown)
            )  # fmt: skip
    assert done[0] == done[1]


class Whale(Listener):
    """As the listener, with quantities that no exchange has seen."""

    on_order = Strategy.on_order

    def act(self, hook, market, broker):
        self.diary.append((hook, market.position, market.equity))
        if self.luck.random() < 0.5 and market.last:
            qty = self.luck.choice([1, 10**9, 10**12, 7 * 10**13])
            broker.market(self.luck.choice([1, -1]), qty)
