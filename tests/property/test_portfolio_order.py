"""Several symbols with one cash account: one order of time, however tapes are cut."""

from __future__ import annotations

import os
import random
from dataclasses import replace
from decimal import Decimal
from fractions import Fraction
from itertools import pairwise

import hypothesis.strategies as st
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings

from orderflow_bt import BarSpec, Strategy, param, time_bars
from orderflow_bt.errors import PluginError
from orderflow_bt.instruments import Fees, Instrument
from orderflow_bt.sim import Readings, Session, SimConfig
from orderflow_bt.sim.funding import Funding
from orderflow_bt.sim.portfolio import Portfolio
from orderflow_bt.sim.tiers import MarginMode
from orderflow_bt.testing.tape import MIDNIGHT_2024, run_trades
from orderflow_bt.types import MarketType, Trades

EXAMPLES = int(os.environ.get("ORDERFLOW_BT_EXAMPLES", "15"))
UNITS = [Instrument("x", MarketType.UM, f"S{n}USDT", 1 + n % 2, 2 - n % 2) for n in range(3)]
SECOND = 1_000_000
CONFIG = replace(
    SimConfig(fees=Fees(Decimal(1), Decimal(5)), cash=Decimal(5_000)),
    entry_latency=SECOND // 10, response_latency=SECOND // 5, queue="zero",
    leverage=Decimal(3), margin=MarginMode.ISOLATED,
)  # fmt: skip


def tape(seed, rows=80):
    luck = np.random.default_rng(seed)
    steps = luck.choice([0, 1, SECOND // 20, SECOND // 2], rows)
    return Trades(
        np.arange(1, rows + 1, dtype=np.int64),
        MIDNIGHT_2024 + np.cumsum(steps).astype(np.int64) // 1_000 * 1_000,
        1_000 + np.cumsum(luck.choice([-12, -1, 0, 1, 12], rows)).astype(np.int64),
        luck.integers(1, 500, rows).astype(np.int64),
        luck.choice([-1, 1], rows).astype(np.int8),
        np.ones(rows, np.int32),
    )


class Trader(Strategy):
    """Trades a share of the equity at random, and writes down what it sees."""

    bars: BarSpec = param(time_bars("1s"))
    seed: int = param(0)
    often: float = param(0.4)

    def __init__(self, diary=None, **named):
        super().__init__(**named)
        self.luck = random.Random(self.seed)
        self.diary = [] if diary is None else diary

    def look(self, hook, market, broker):
        self.diary.append((market.now, self.seed, hook, market.equity, market.position.qty))
        if self.luck.random() < self.often:
            side = self.luck.choice([1, -1])
            lots = broker.size(1.0, market.last, market.last - side * 500)
            if self.luck.random() < 0.6:
                broker.market(side, max(1, lots // 2))
            else:
                broker.limit(side, max(1, lots // 3), market.last - side * 5, expires=SECOND)

    def on_bar(self, spec, bar, market, broker):
        self.look("bar", market, broker)

    def on_fill(self, fill, market, broker):
        self.look("fill", market, broker)


class OnTrades(Trader):
    """And after trades."""

    often: float = param(0.15)

    def on_trade(self, trade, market, broker):
        self.look("trade", market, broker)


def pieces(trades, units, strategy, cuts, end):
    readings = Readings(
        strategy.bar_specs(), [], ids_are_continuous=True, row_size=1, instrument=units
    )
    for start, stop in pairwise([0, *cuts, trades.rows]):
        yield readings.feed(trades.slice(start, stop))
    yield readings.close_until(end, trades.slice(0, 0))


def fundings():
    return [Funding(MIDNIGHT_2024 + n * SECOND, Decimal("0.001"), 8, None) for n in (2, 5, 9)]


def play(kind, tapes, cuts, config=CONFIG, often=None):
    diary = []
    named = {} if often is None else {"often": often}
    traders = [kind(diary, seed=n, **named) for n in range(len(tapes))]
    end = max(int(one.time[-1]) for one in tapes) + 2 * SECOND
    sessions = [
        Session(trader, units, config, trader.bar_specs(), start=0, funding=fundings())
        for trader, units in zip(traders, UNITS, strict=False)
    ]
    portfolio = Portfolio(sessions)
    portfolio.run(
        [
            pieces(one, units, trader, cut, end)
            for one, units, trader, cut in zip(tapes, UNITS, traders, cuts, strict=False)
        ],
        end,
    )
    return portfolio, diary


def outcome(portfolio, diary):
    sessions = [seat.session for seat in portfolio.seats]
    return (
        [session.broker.orders for session in sessions],
        [session.broker.fills for session in sessions],
        [session.trips.done for session in sessions],
        [session.account.ledger for session in sessions],
        portfolio.equity,
        diary,
    )


def cuttings(count, rows, seed):
    luck = random.Random(seed)
    return [tuple(sorted(luck.sample(range(1, rows), luck.randint(0, 12)))) for _ in range(count)]


SETTINGS = {"deadline": None, "suppress_health_check": list(HealthCheck)}


@pytest.mark.parametrize("kind", [Trader, OnTrades])
@settings(max_examples=EXAMPLES, **SETTINGS)
@given(st.integers(0, 10**6))
def test_cutting_the_tapes_changes_nothing(kind, seed):
    tapes = [tape(seed + n) for n in range(3)]
    whole = outcome(*play(kind, tapes, [(), (), ()]))
    assert any(whole[1])
    assert outcome(*play(kind, tapes, cuttings(3, 80, seed))) == whole
    every = tuple(range(1, 80))
    assert outcome(*play(kind, tapes, [every, (), (40,)])) == whole


@settings(max_examples=EXAMPLES, **SETTINGS)
@given(st.integers(0, 10**6))
def test_hooks_run_in_one_order_of_time_and_see_the_equity_of_that_moment(seed):
    tapes = [tape(seed + n) for n in range(3)]
    portfolio, diary = play(OnTrades, tapes, cuttings(3, 80, seed))
    order = [(time, number) for time, number, *_ in diary]
    assert order == sorted(order)
    sessions = [seat.session for seat in portfolio.seats]
    for time, number, _, equity, _ in diary:
        true = Fraction(CONFIG.cash)
        for other, (session, one) in enumerate(zip(sessions, tapes, strict=True)):
            if other == number:
                continue
            units = session.instrument
            last = time if other < number else time - 1
            unit = 10 ** (units.price_decimals + units.qty_decimals)
            fills = [f for f in session.broker.fills if f.time <= last]
            seen = one.time <= last
            price = int(one.price[seen][-1]) if seen.any() else 0
            held = sum(f.side * f.qty for f in fills)
            true += sum(-Fraction(f.side * f.qty * f.price, unit) - Fraction(f.fee) for f in fills)
            true += Fraction(held * price, unit)
            true += sum(Fraction(p.amount) for p in session.funding.payments if p.time <= last)
        others = true - Fraction(CONFIG.cash)
        mine = own_equity(sessions[number], tapes[number], time)
        assert any(Fraction(equity) == round_8(value + others) for value in mine)


def own_equity(session, one, time):
    """Its equity at a time, wherever among the trades of that very time the hook stood."""
    units = session.instrument
    unit = 10 ** (units.price_decimals + units.qty_decimals)
    rows = np.flatnonzero(one.time <= time)
    candidates = range(max(0, int(np.searchsorted(one.time, time)) - 1), len(rows))
    for row in candidates:
        fills = [f for f in session.broker.fills if f.trade_id <= int(one.id[row])]
        held = sum(f.side * f.qty for f in fills)
        cash = Fraction(session.config.cash)
        cash += sum(-Fraction(f.side * f.qty * f.price, unit) - Fraction(f.fee) for f in fills)
        cash += sum(Fraction(p.amount) for p in session.funding.payments if p.time <= time)
        yield cash + Fraction(held * int(one.price[row]), unit)


def round_8(value):
    return Fraction(round(value * 10**8), 10**8)


@settings(max_examples=EXAMPLES, **SETTINGS)
@given(st.integers(0, 10**6))
def test_a_symbol_that_trades_alone_does_what_it_does_without_the_others(seed):
    class Quiet(Trader):
        """Only the second symbol's trades."""

        def look(self, hook, market, broker):
            if self.seed == 1:
                super().look(hook, market, broker)

    tapes = [tape(seed + n) for n in range(3)]
    portfolio, _ = play(Quiet, tapes, [(), (), ()])
    end = max(int(one.time[-1]) for one in tapes) + 2 * SECOND
    alone = run_trades(
        tapes[1], UNITS[1], Quiet(seed=1), config=CONFIG, end=end, funding=fundings()
    )
    session = portfolio.seats[1].session
    assert session.broker.orders == alone.orders
    assert session.broker.fills == alone.fills
    assert session.equity == alone.equity


def test_the_others_positions_take_from_what_can_be_opened():
    tapes = [tape(1), tape(2)]
    portfolio, _ = play(Trader, tapes, [(), ()], replace(CONFIG, leverage=Decimal(1)), often=0.9)
    reasons = {order.why for seat in portfolio.seats for order in seat.session.broker.orders}
    assert "not enough margin at leverage 1" in reasons


def test_a_plugin_that_raises_ends_every_session():
    class Faulty(Trader):
        """Fails in the second symbol's third bar."""

        def on_bar(self, spec, bar, market, broker):
            if self.seed == 1 and len(market.bars(self.bars)) == 3:
                raise ValueError("three")

    with pytest.raises(PluginError, match=r"Faulty\.on_bar raised ValueError: three"):
        play(Faulty, [tape(n) for n in range(3)], [(), (), ()])
