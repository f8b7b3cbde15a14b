"""Liquidation on text tapes."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

import pytest
from tape_words import ends, steps, told

from orderflow_bt.sim.tiers import MarginMode, Tier, TierTable
from orderflow_bt.testing.tape import PLAIN, Tape
from orderflow_bt.types import SECOND_US

FLAT = TierTable(0, (Tier(None, Decimal("0.004")),))
CROSS = replace(PLAIN, cash=Decimal(3_000), leverage=Decimal(25), tiers=(FLAT,))
ISOLATED = replace(
    PLAIN, cash=Decimal(9_000), leverage=Decimal(20), margin=MarginMode.ISOLATED, tiers=(FLAT,)
)
FALL = "B 60000 1 | B 60000 1 | S 57229 1 | S 57228 1 | S 50000 1 | S 61000 9"


def buy(qty):
    return lambda market, broker: broker.market(1, qty)


def test_v21_the_first_trade_beyond_it_takes_what_backed_the_position():
    run = Tape(FALL).run(steps({1: buy(1)}), config=CROSS)
    assert told(run) == [
        "trade 2: buy 1 at 60000, took",
        "trade 4: sell 1 at 57000, liquidated",
    ]
    assert run.session.account.equity(61_000) == 0
    (trip,) = run.round_trips
    assert trip.exit_role == "liquidation"
    assert trip.net_pnl == -3_000


def test_isolated_margin_is_all_that_is_lost():
    run = Tape(FALL).run(steps({1: buy(1)}), config=ISOLATED)
    assert told(run)[-1] == "trade 4: sell 1 at 57000, liquidated"
    assert run.session.account.equity(61_000) == 6_000


def test_a_short_is_liquidated_above():
    rise = "S 60000 1 | S 60000 1 | B 62749 1 | B 62750 1 | S 60000 1"
    run = Tape(rise).run(steps({1: lambda market, broker: broker.market(-1, 1)}), config=ISOLATED)
    assert told(run)[-1] == "trade 4: buy 1 at 63000, liquidated"


def test_orders_end_with_the_position_and_before_they_could_fill():
    def bracket(market, broker):
        broker.bracket(1, 1, stop=50_000, target=70_000)

    def bid(market, broker):
        broker.limit(1, 1, 57_228)

    run = Tape(FALL).run(steps({1: bracket, 2: bid}), config=replace(CROSS, leverage=Decimal(125)))
    assert ends(run) == [
        "entry market filled 1 of 1, filled",
        "stop stop filled 0 of 1, cancelled: the position was liquidated",
        "target limit filled 0 of 1, cancelled: the position was liquidated",
        "entry limit filled 0 of 1, cancelled: the position was liquidated",
        "liquidation market filled 1 of 1, filled: what backed the position was used up",
    ]


def test_an_order_the_account_cannot_carry_is_rejected_with_its_reason():
    run = Tape(FALL).run(steps({1: buy(2)}), config=CROSS)
    assert ends(run) == ["entry market filled 0 of 2, rejected: not enough margin at leverage 25"]


def test_what_is_being_cancelled_no_longer_needs_margin():
    def replace_it(market, broker):
        broker.cancel(0)
        broker.limit(1, 1, 59_001)

    first = {1: lambda market, broker: broker.limit(1, 1, 59_000)}
    config = replace(CROSS, leverage=Decimal(20))
    run = Tape(FALL).run(steps({**first, 2: replace_it}), config=config)
    assert [order.status for order in run.orders][:2] == ["cancelled", "filled"]
    run = Tape(FALL).run(steps({**first, 2: lambda m, b: b.limit(1, 1, 59_001)}), config=config)
    assert run.orders[1].status == "rejected"


@pytest.mark.parametrize("chunks", [(), (1, 2, 3, 4, 5), (3,)])
def test_new_tiers_hold_from_their_time_on(chunks):
    tape = Tape("B 60000 1 | B 60000 1 | S 57300 1 | +1s S 57300 1 | S 57300 9")
    half = int(tape.trades.time[2]) + SECOND_US // 2
    stricter = TierTable(half, (Tier(None, Decimal("0.01")),))
    run = tape.run(steps({1: buy(1)}), config=replace(CROSS, tiers=(FLAT, stricter)), chunks=chunks)
    assert told(run)[-1] == "trade 4: sell 1 at 57000, liquidated"
