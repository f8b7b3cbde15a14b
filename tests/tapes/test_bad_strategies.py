"""Strategies that ask for too much: a clear end, or a clear no, in reasonable time."""

from __future__ import annotations

import threading
from collections import Counter
from dataclasses import replace
from decimal import Decimal

import numpy as np
import pytest

from orderflow_bt.errors import PluginError
from orderflow_bt.instruments import Instrument
from orderflow_bt.sim import OffTick, SimConfig
from orderflow_bt.strategy import Strategy
from orderflow_bt.testing.tape import MIDNIGHT_2024, PLAIN, Tape, run_trades
from orderflow_bt.types import DAY_US, MarketType, Trades

RICH = replace(SimConfig(), cash=Decimal(10**9))


def day_of(rows):
    """A day's tape of that many trades."""
    luck = np.random.default_rng(1)
    return Trades(
        np.arange(1, rows + 1, dtype=np.int64),
        MIDNIGHT_2024 + np.linspace(0, DAY_US - 1, rows).astype(np.int64),
        100_000 + np.cumsum(luck.choice([-1, 0, 1], rows)).astype(np.int64),
        luck.integers(1, 60, rows).astype(np.int64),
        luck.choice([-1, 1], rows).astype(np.int8),
        np.ones(rows, np.int32),
    )


class Restless(Strategy):
    """Calls itself at a fixed pace and does something each time."""

    pause = 1

    def on_start(self, market, broker):
        broker.timer(market.now)

    def on_timer(self, market, broker):
        broker.timer(market.now + self.pause)
        if market.last:  # something has traded
            self.act(market, broker)

    def act(self, market, broker):
        pass


def run(strategy, rows=2_000):
    units = Instrument("x", MarketType.UM, "DAY", 1, 3)
    return run_trades(day_of(rows), units, strategy(), config=RICH)


def test_timers_without_end_are_ended():
    with pytest.raises(PluginError, match="called more than 100,000 times within a second"):
        run(Restless)


def test_timers_at_one_instant_are_ended():
    class Stuck(Restless):
        pause = 0

    with pytest.raises(PluginError, match="keeps answering itself while time stands still"):
        run(Stuck)


def test_very_many_orders_keep_a_small_table():
    class Spammer(Restless):
        pause = DAY_US // 20_000

        def act(self, market, broker):
            broker.cancel(broker.limit(1, 1, market.last - 50))

    done = run(Spammer)
    assert Counter(order.status for order in done.orders) == {"cancelled": len(done.orders)}
    assert len(done.orders) > 19_900
    assert len(done.session.broker.matrix) == 32


def test_more_open_orders_than_an_exchange_takes_are_rejected():
    class Hoarder(Restless):
        pause = DAY_US // 1_000

        def act(self, market, broker):
            broker.limit(1, 1, market.last - 5_000)

    done = run(Hoarder)
    assert Counter((order.status, order.why) for order in done.orders) == {
        ("working", ""): 200,
        ("rejected", "more than 200 open orders"): len(done.orders) - 200,
    }


def test_a_million_lots_get_what_is_traded_and_give_up():
    class Whale(Strategy):
        def on_start(self, market, broker):
            broker.market(1, 1_000_000)

    done = run(Whale)
    (order,) = done.orders
    assert (order.status, order.why) == ("expired", "not filled in time by what was traded")
    assert order.done_time - order.arrival_time == RICH.max_wait
    bought = {fill.trade_id: fill.qty for fill in done.fills}
    traded = dict(zip(day_of(2_000).id.tolist(), day_of(2_000).qty.tolist(), strict=True))
    assert bought == {number: traded[number] for number in bought}


@pytest.mark.parametrize(
    "ask",
    [
        lambda b: b.market(1, float("nan")),
        lambda b: b.market(1, "5"),
        lambda b: b.limit(1, 5, None),
        lambda b: b.limit(1, 5, -3),
        lambda b: b.limit(0, 5, 100),
        lambda b: b.stop(1, 10**30, 100),
        lambda b: b.limit(1, 5, 2**63),
        lambda b: b.timer("noon"),
        lambda b: b.timer(float("inf")),
        lambda b: b.size(float("nan"), 100, 90),
        lambda b: b.cancel("all"),
        lambda b: b.replace(0.5, qty=1),
        lambda b: b.bracket(1, 5, stop=90, target=float("nan")),
        lambda b: b.trailing_stop(1, 5, -1),
    ],
)
def test_what_is_no_number_ends_the_run_with_the_hook_and_the_line(ask):
    class Broken(Strategy):
        def on_trade(self, trade, market, broker):
            ask(broker)

    with pytest.raises(PluginError) as caught:
        Tape("B 100 1 | B 100 1").run(Broken)
    assert caught.value.what.startswith("Broken.on_trade")
    assert "test_bad_strategies.py:" in caught.value.where


def test_a_price_off_the_tick_is_rounded_or_the_order_rejected():
    class OffGrid(Strategy):
        def on_start(self, market, broker):
            broker.limit(1, 1, 1003)

    tape = Tape("B 100.5 1 | B 100.5 1", tick="0.5")
    assert [order.price for order in tape.run(OffGrid).orders] == [1000]
    (order,) = tape.run(OffGrid, config=replace(PLAIN, off_tick=OffTick.REJECT)).orders
    assert (order.status, order.why) == ("rejected", "a price is off the exchange's tick of 0.5")


class Threaded(Restless):
    """Asks the broker from a thread, and waits for the answer or does not."""

    pause = 3_600_000_000
    waits, ask = True, staticmethod(lambda broker: broker.market(1, 5))

    def __init__(self):
        super().__init__()
        self.raised = []

    def act(self, market, broker):
        def work():
            try:
                self.ask(broker)
            except PluginError as error:
                self.raised.append(str(error))

        thread = threading.Thread(target=work, name="mine")
        thread.start()
        if self.waits:
            thread.join()
        else:
            self.thread = thread

    def on_end(self, market, broker):
        if not self.waits:
            self.thread.join()


ASKED = {
    "market": lambda broker: broker.market(1, 5),
    "limit": lambda broker: broker.limit(1, 5, 90_000),
    "bracket": lambda broker: broker.bracket(1, 5, stop=90_000),
    "close": lambda broker: broker.cancel(0),
    "replace": lambda broker: broker.replace(0, price=90_000),
    "timer": lambda broker: broker.timer(0),
}


@pytest.mark.parametrize("waits", [True, False])
@pytest.mark.parametrize("name", ASKED)
def test_a_thread_of_ones_own_is_refused_and_ends_the_run(name, waits):
    kind = type("Threaded", (Threaded,), {"ask": staticmethod(ASKED[name]), "waits": waits})
    strategy = kind()
    with pytest.raises(
        PluginError, match="Threaded asked the broker from a thread of its own"
    ) as told:
        run(lambda: strategy)
    assert "test_bad_strategies.py:" in told.value.where
    assert "in mine" in told.value.where
    assert "Ask it in hooks" in told.value.fix
    assert strategy.raised


def test_a_thread_that_works_for_a_hook_is_welcome():
    class Asks(Restless):
        pause = 3_600_000_000

        def act(self, market, broker):
            found = []
            thread = threading.Thread(target=lambda: found.append(5))
            thread.start()
            thread.join()
            broker.market(1, found[0])

    assert len(run(Asks).orders) == 23
