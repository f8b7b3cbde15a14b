"""Cross margin over several symbols, against a twin that walks trade by trade."""

from __future__ import annotations

import os
from dataclasses import replace
from decimal import Decimal
from fractions import Fraction

import hypothesis.strategies as st
import numpy as np
import pytest
from hypothesis import example, given, settings
from test_portfolio_order import (
    CONFIG,
    SECOND,
    SETTINGS,
    UNITS,
    Trader,
    cuttings,
    fundings,
    outcome,
    pieces,
    tape,
)

from orderflow_bt import param
from orderflow_bt.instruments import Fees
from orderflow_bt.sim import Session
from orderflow_bt.sim.portfolio import AccountEnds, Portfolio
from orderflow_bt.sim.tiers import MarginMode, Tier, TierTable
from orderflow_bt.testing.tape import MIDNIGHT_2024, run_trades

EXAMPLES = int(os.environ.get("ORDERFLOW_BT_EXAMPLES", "12"))
TIERS = TierTable(0, (Tier(Decimal(2_000), Decimal("0.01")), Tier(None, Decimal("0.05"))))
LATER = TierTable(
    MIDNIGHT_2024 + 7 * SECOND,
    (Tier(Decimal(1_000), Decimal("0.02")), Tier(None, Decimal("0.08"))),
)
CROSS = replace(
    CONFIG, margin=MarginMode.CROSS, leverage=Decimal(40), cash=Decimal(400),
    tiers=(TIERS, LATER), fees=Fees(Decimal(1), Decimal(5)),
)  # fmt: skip


class Bold(Trader):
    """Trades as much as it can carry."""

    def look(self, hook, market, broker):
        self.diary.append((market.now, self.seed, hook, market.equity, market.position.qty))
        if self.luck.random() < self.often:
            side = self.luck.choice([1, -1])
            lots = broker.size(40.0, market.last, market.last - side * 500)
            if self.luck.random() < 0.6:
                broker.market(side, max(1, lots // 2))
            else:
                broker.limit(side, max(1, lots // 3), market.last - side * 5, expires=SECOND)


class BoldOnTrades(Bold):
    """And after trades."""

    often: float = param(0.15)

    def on_trade(self, trade, market, broker):
        self.look("trade", market, broker)


def play(kind, tapes, cuts, config=CROSS, **named):
    """A portfolio, as often as it takes; also how often that was."""
    end = max(int(one.time[-1]) for one in tapes) + 2 * SECOND
    doom = None
    for passes in (1, 2):
        diary = []
        traders = [kind(diary, seed=n, **named) for n in range(len(tapes))]
        sessions = [
            Session(trader, units, config, trader.bar_specs(), start=0, funding=fundings())
            for trader, units in zip(traders, UNITS, strict=False)
        ]
        portfolio = Portfolio(sessions, doom)
        read = [
            pieces(one, units, trader, cut, end)
            for one, units, trader, cut in zip(tapes, UNITS, traders, cuts, strict=False)
        ]
        try:
            portfolio.run(read, end)
        except AccountEnds as found:
            doom = found.doom
            continue
        return portfolio, diary, passes, doom
    raise AssertionError("an account ends once")


def maintenance(value):
    """Slice by slice, each at its own rate, as an income tax; of the tiers of a time."""

    def at(time):
        due = below = Fraction(0)
        for tier in (LATER if time >= LATER.time else TIERS).tiers:
            top = value if tier.up_to is None else min(value, Fraction(tier.up_to))
            due += max(Fraction(0), top - below) * Fraction(tier.rate)
            below = top
        return due

    return at


def twin(portfolio, tapes, config=CROSS):
    """(time, symbol, trade id) of the first trade at which all is used up; None: there is none.

    Positions are those of the sessions' fills, but for the liquidations themselves.
    """
    merged = sorted(
        (int(time), m, int(number), int(price))
        for m, one in enumerate(tapes)
        for time, number, price in zip(one.time, one.id, one.price, strict=True)
    )
    sessions = [seat.session for seat in portfolio.seats]
    unit = [10 ** (units.price_decimals + units.qty_decimals) for units in UNITS]
    fills = [[f for f in s.broker.fills if f.role != "liquidation"] for s in sessions]
    paid = [list(s.funding.payments) for s in sessions]
    held, cash, price = [0] * len(tapes), Fraction(config.cash), [0] * len(tapes)
    for time, m, number, traded in merged:
        for other in range(len(tapes)):
            while paid[other] and (paid[other][0].time, other) <= (time, m):
                cash += Fraction(paid[other].pop(0).amount)
        price[m] = traded
        if held[m]:
            worth = [Fraction(h * p, u) for h, p, u in zip(held, price, unit, strict=False)]
            needs = sum(maintenance(abs(value))(time) for value in worth)
            if cash + sum(worth) <= needs:
                return time, m, number
        while fills[m] and fills[m][0].trade_id == number:
            fill = fills[m].pop(0)
            held[m] += fill.side * fill.qty
            cash -= Fraction(fill.side * fill.qty * fill.price, unit[m]) + Fraction(fill.fee)
    return None


@pytest.mark.parametrize("kind", [Bold, BoldOnTrades])
@settings(max_examples=EXAMPLES, **SETTINGS)
@given(st.integers(0, 10**6), st.sampled_from([20, 40]))
@example(17855, 40)  # `on_trade` of the trade that ends it sends an order
def test_the_account_ends_at_the_first_trade_that_leaves_no_margin(kind, seed, leverage):
    tapes = [tape(seed + n) for n in range(3)]
    config = replace(CROSS, leverage=Decimal(leverage))
    portfolio, diary, passes, doom = play(kind, tapes, [(), (), ()], config)
    found = twin(portfolio, tapes, config)
    sessions = [seat.session for seat in portfolio.seats]
    ended = [f for s in sessions for f in s.broker.fills if f.role == "liquidation"]
    assert (passes == 2) == (found is not None) == bool(ended)
    if found is not None:
        time, number, trade = found
        assert (doom.time, doom.number, doom.at + 1) == (time, number, trade)
        assert {f.time for f in ended} == {time}
        assert all(s.account.position == 0 for s in sessions)
        gained = sum(s.account.equity(1) - Fraction(config.cash) for s in sessions)
        assert 0 <= gained + Fraction(config.cash) < Fraction(len(tapes), 10**8)
        for session in sessions:
            for order in session.broker.orders:
                assert order.done_time is not None
                if order.decision_time > time:
                    assert order.status == "rejected"
    whole = outcome(portfolio, diary)
    again, written, *_ = play(kind, tapes, cuttings(3, 80, seed), config)
    assert outcome(again, written) == whole
    every = tuple(range(1, 80))
    again, written, *_ = play(kind, tapes, [every, (), (40,)], config)
    assert outcome(again, written) == whole


@settings(max_examples=EXAMPLES, **SETTINGS)
@given(st.integers(0, 10**6))
@example(457)  # the trade that ends the account is its best
def test_a_symbol_that_trades_alone_is_liquidated_as_without_the_others(seed):
    class Quiet(Bold):
        """Only the second symbol trades."""

        def look(self, hook, market, broker):
            if self.seed == 1:
                super().look(hook, market, broker)

    tapes = [tape(seed + n) for n in range(3)]
    portfolio, *_ = play(Quiet, tapes, [(), (), ()])
    end = max(int(one.time[-1]) for one in tapes) + 2 * SECOND
    alone = run_trades(tapes[1], UNITS[1], Quiet(seed=1), config=CROSS, end=end, funding=fundings())
    session = portfolio.seats[1].session
    assert session.broker.fills == alone.fills
    plain = [replace_why(order) for order in session.broker.orders]
    assert plain == [replace_why(order) for order in alone.orders]
    assert session.trips.done == alone.session.trips.done
    assert session.equity == alone.equity


def replace_why(order):
    return order._replace(why="") if order.role == "liquidation" else order


def steps(times, prices):
    one = tape(0, rows=len(prices))
    return one._replace(
        time=MIDNIGHT_2024 + (np.array(times) * SECOND).astype(np.int64),
        price=np.array(prices, np.int64), qty=np.full(len(prices), 500, np.int64),
    )  # fmt: skip


class Pair(Trader):
    """Both buy after their first trade."""

    def on_bar(self, spec, bar, market, broker):
        """Nothing."""

    def on_trade(self, trade, market, broker):
        if trade.id == 1:
            broker.market(1, 100)
            broker.limit(1, 1, 10)

    def on_fill(self, fill, market, broker):
        """Nothing."""


def test_losses_of_one_symbol_end_the_other_with_it():
    # 1.00 at 100.0 and 10.0 at 10.00, backed by 50: at 52.0 of the first, 2 are left and 1.52
    # needed, at 51.5 1.5 are left and 1.515 needed
    times = [1, 2, 3, 4, 4.5]
    first, second = steps(times, [1_000, 1_000, 900, 520, 515]), steps(times, [1_000] * 5)
    config = replace(
        CROSS, cash=Decimal(50), fees=Fees(Decimal(0), Decimal(0)), slippage_ticks=0,
        tiers=(TierTable(0, (Tier(None, Decimal("0.01")),)),),
    )  # fmt: skip
    portfolio, _, _, doom = play(Pair, [first, second], [(), ()], config)
    assert (doom.time, doom.number, doom.at) == (int(first.time[4]), 0, 4)
    ended = [seat.session.broker.fills[-1] for seat in portfolio.seats]
    # the 1.5 are lost as 0.515 : 1, so at 50.990 and 9.9010, rounded to the entry's side
    assert [(f.role, f.price, f.trade_id, f.fee) for f in ended] == [
        ("liquidation", 510, 5, Decimal("0.00990099")),
        ("liquidation", 991, 4, Decimal("0.09009900")),
    ]
    for seat in portfolio.seats:
        resting = seat.session.broker.orders[1]
        assert (resting.status, resting.why) == ("cancelled", "the position was liquidated")
    # the second symbol first: its trade of that time is past
    portfolio, _, _, doom = play(Pair, [second, first], [(), ()], config)
    assert (doom.number, doom.at) == (1, 4)
    ended = [seat.session.broker.fills[-1] for seat in portfolio.seats]
    assert [(f.price, f.trade_id) for f in ended] == [(991, 5), (510, 5)]


def test_a_plugin_that_raises_behind_the_end_is_not_blamed_for_what_never_was():
    class Late(Pair):
        """Fails where it would hold on after the end."""

        def on_bar(self, spec, bar, market, broker):
            if market.now > MIDNIGHT_2024 + 5 * SECOND and not market.position.is_flat:
                raise ValueError("held on")

    times = [1, 2, 3, 4, 4.5, 8]
    first = steps(times, [1_000, 1_000, 900, 520, 515, 515])
    config = replace(CROSS, cash=Decimal(50), fees=Fees(Decimal(0), Decimal(0)), slippage_ticks=0)
    _, _, passes, _ = play(Late, [first, steps(times, [1_000] * 6)], [(), ()], config)
    assert passes == 2
