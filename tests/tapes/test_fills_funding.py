"""Funding on text tapes: who pays, and what the clock decides."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

from tape_words import steps

from orderflow_bt.instruments import Instrument
from orderflow_bt.sim.account import Account
from orderflow_bt.sim.funding import Funding
from orderflow_bt.strategy import Strategy
from orderflow_bt.testing.tape import MIDNIGHT_2024, PLAIN, Tape
from orderflow_bt.types import MarketType

NOON = MIDNIGHT_2024 + 10_000  # ten milliseconds into the tape
RATE = Decimal("0.0001")


def at_noon(mark=None, rate=RATE, hours=8):
    return [Funding(NOON, rate, hours, mark)]


def buy(qty):
    return lambda market, broker: broker.market(1, qty)


def sell(qty):
    return lambda market, broker: broker.market(-1, qty)


def test_v16_a_long_pays_its_value_at_the_mark():
    tape = Tape("B 59000 2 | B 59000 2 | +20ms B 59000 1")
    run = tape.run(steps({1: buy(2)}), funding=at_noon(Decimal(60_000)))
    (payment,) = run.session.funding.payments
    assert payment.amount == Decimal("-12.00")
    assert payment.mark_source == "mark"
    assert run.session.account.funding_paid == 12
    assert run.still_open.funding == -12
    assert run.still_open.net_pnl == -12


def test_a_short_receives_and_a_negative_rate_turns_it_round():
    tape = Tape("S 59000 2 | S 59000 2 | +20ms S 59000 1")
    run = tape.run(steps({1: sell(2)}), funding=at_noon(Decimal(60_000)))
    assert run.session.funding.payments[0].amount == 12
    run = tape.run(steps({1: sell(2)}), funding=at_noon(Decimal(60_000), -RATE))
    assert run.session.funding.payments[0].amount == -12


def test_v17_a_position_opened_by_the_first_trade_at_the_time_pays_nothing():
    tape = Tape("B 100 2 | +10ms B 100 2 | B 100 2")
    run = tape.run(steps({1: buy(2)}), funding=at_noon(Decimal(100)))
    assert run.fills[0].time == NOON
    assert run.session.funding.payments == []


def test_v17_a_position_closed_by_the_first_trade_at_the_time_has_paid():
    tape = Tape("B 100 2 | B 100 2 | +9ms S 100 2 | B 100 1")
    run = tape.run(steps({1: buy(2), 2: sell(2)}), funding=at_noon(Decimal(100)))
    assert run.fills[1].time == NOON
    assert [payment.amount for payment in run.session.funding.payments] == [Decimal("-0.02")]
    assert run.round_trips[0].funding == Decimal("-0.02")


def test_without_a_mark_the_last_trade_before_it_counts_and_says_so():
    tape = Tape("B 100 2 | B 110 2 | +9ms B 500 1")
    run = tape.run(steps({1: buy(2)}), funding=at_noon())
    (payment,) = run.session.funding.payments
    assert (payment.mark, payment.mark_source) == (110, "last_trade")


def test_a_shift_moves_the_look_at_the_position():
    tape = Tape("B 100 2 | +10ms B 100 2 | B 100 2")
    for shift, payments in ((-1, 0), (0, 0), (1, 1)):
        config = replace(PLAIN, funding_shift=shift)
        run = tape.run(steps({1: buy(2)}), config=config, funding=at_noon(Decimal(100)))
        assert len(run.session.funding.payments) == payments


def test_v20_inverse_contracts_pay_in_the_coin():
    coin = Instrument("x", MarketType.CM, "X", 1, 0, contract_usd=Decimal(100))
    account = Account(coin, Decimal(1), PLAIN.fees)
    account.book(1, 100, 480_000, 0)
    assert account.funding(Decimal(50_000), RATE) == Decimal("-0.00002")


class Looker(Strategy):
    """Writes down the equity it sees at a timer set for the funding's very time."""

    def __init__(self):
        super().__init__()
        self.seen = []

    def on_trade(self, trade, market, broker):
        if trade.id == 1:
            broker.market(1, 1)
            broker.timer(NOON)

    def on_timer(self, market, broker):
        self.seen.append((market.now, market.equity))


def test_funding_comes_before_everything_else_of_its_time():
    looker = Looker()
    Tape("B 100 2 | B 100 2 | +9ms B 100 1").run(looker, funding=at_noon(Decimal(100)))
    assert looker.seen == [(NOON, Decimal("9999.99"))]
