"""Strategies that do everything at random on random tapes, and all that such a session tells."""

from __future__ import annotations

import os
import random
from dataclasses import replace
from decimal import Decimal

import hypothesis.strategies as st
import numpy as np
from hypothesis import HealthCheck

from orderflow_bt import BarSpec, param, time_bars
from orderflow_bt.instruments import Fees, Instrument
from orderflow_bt.sim import (
    FillPolicy,
    GapPolicy,
    LatencySample,
    Reference,
    SimConfig,
)
from orderflow_bt.sim.funding import Funding
from orderflow_bt.sim.tiers import MarginMode
from orderflow_bt.strategy import Strategy
from orderflow_bt.testing.tape import MIDNIGHT_2024, run_trades
from orderflow_bt.types import MarketType, Trades

EXAMPLES = int(os.environ.get("ORDERFLOW_BT_EXAMPLES", "25"))
UNITS = Instrument("random", MarketType.UM, "CHUNK", 1, 2)
SECOND = 1_000_000
SPECS = st.sampled_from(["1s", "1s", "tick:3", "tick:1", "range:3", "renko:2", "delta:0.5"])
SETTINGS = {"deadline": None, "suppress_health_check": list(HealthCheck)}


def random_tape(seed, rows, pause=SECOND // 5, start_price=10_000):
    """A random walk with bursts of equal times, jumps, silences and a few lost trades."""
    luck = np.random.default_rng(seed)
    gaps = luck.choice(
        [0, 0, 1, pause // 10, pause, 10 * pause], rows, p=[0.2, 0.1, 0.1, 0.3, 0.28, 0.02]
    )
    moves = luck.choice(
        [-40, -2, -1, 0, 1, 2, 40], rows, p=[0.003, 0.1, 0.2, 0.394, 0.2, 0.1, 0.003]
    )
    ids = np.cumsum(luck.choice([1, 3], rows, p=[0.995, 0.005]))
    return Trades(
        ids.astype(np.int64),
        MIDNIGHT_2024 + np.cumsum(gaps).astype(np.int64),
        start_price + np.cumsum(moves).astype(np.int64),
        luck.integers(1, 60, rows).astype(np.int64),
        luck.choice([-1, 1], rows).astype(np.int8),
        np.ones(rows, np.int32),
    )


HOWS = ("post_only", "immediate", "fill_or_kill")


class Actor(Strategy):
    """Does something at random in every hook; its luck follows the order in which hooks run."""

    fast: BarSpec = param(time_bars("1s"))
    slow: BarSpec = param(time_bars("5s"))
    seed: int = param(0)
    often: float = param(0.5)

    def __init__(self, *given, **named):
        super().__init__(*given, **named)
        self.luck = random.Random(self.seed)
        self.diary = []
        self.acted_at = self.acted_before = None
        self.changed = set()  # orders it asked to change

    def detectors(self):
        from orderflow_bt.detectors import DeltaDivergence

        return [DeltaDivergence(self.fast, min_bars=1, left=1, right=1)]

    def act(self, hook, market, broker):  # noqa: C901 - a list of what there is
        self.diary.append((hook, market.now, market.last, market.inferred_bid, market.position.qty))
        if self.luck.random() > self.often or market.now == self.acted_at == self.acted_before:
            return  # twice at one instant is enough: answers to answers would never end
        if market.last == 0:
            return  # nothing has traded: there is no price to act at
        self.acted_before, self.acted_at = self.acted_at, market.now
        side, qty = self.luck.choice([1, -1]), self.luck.randint(1, 90)
        price = market.last + self.luck.randint(-5, 5)
        expires = self.luck.choice([None, 0, 1, SECOND // 3, 5 * SECOND])
        cancel_at = self.luck.choice([None, None, market.last, price + 7, price - 7])
        before = len(broker.orders)
        match self.luck.randint(0, 14):
            case 0 | 1:
                broker.market(side, qty, reduce_only=self.luck.random() < 0.3)
            case 2 | 3:
                broker.limit(
                    side, qty, price, expires=expires, cancel_at=cancel_at,
                    **self.luck.choice([{}, {}, *({how: True} for how in HOWS)]),
                )  # fmt: skip
            case 4:
                broker.stop(side, qty, price, expires=expires, cancel_at=cancel_at)
            case 5 | 6:
                kind = self.luck.choice([{}, {"stop_entry": price}, {"limit_entry": price}])
                near, far = price - 6 * side, price + 6 * side
                broker.bracket(side, qty, stop=near, target=far, expires=expires, **kind)
            case 7:
                broker.close()
            case 8:
                kind = self.luck.choice(["stop", "if_touched"])
                limit = self.luck.choice([None, price + self.luck.randint(-3, 3)])
                getattr(broker, kind)(side, qty, price, limit=limit, worst=price + 4 * side)
            case 9:
                until = market.now + self.luck.choice([0, 1, SECOND, 20 * SECOND])
                broker.trailing_stop(side, qty, self.luck.randint(1, 6), until=until)
            case 10:
                broker.bracket(side, qty, stop=market.last - 6 * side, trail=3, expires=expires)
            case 11 | 12 if broker.working:
                self.change(self.luck.choice(broker.working), price, broker)
            case 13:
                broker.timer(market.now + self.luck.choice([0, 1, SECOND // 7, 2 * SECOND]))
            case _:
                if self.luck.random() < 0.5:
                    broker.cancel_all()
                elif before:
                    broker.cancel(self.luck.randrange(before))

    def change(self, order, price, broker):
        self.changed.add(order.id)
        qty = None if order.parent_id is not None else self.luck.choice([None, 1, 30, 90])
        price = None if order.kind == "market" else self.luck.choice([None, price])
        broker.replace(order.id, qty=qty, price=price)

    def on_start(self, market, broker):
        self.diary.append(("start", market.now))
        broker.market(self.luck.choice([1, -1]), 40)
        broker.timer(market.now + SECOND // 7)

    def on_end(self, market, broker):
        self.act(("end",), market, broker)

    def on_fill(self, fill, market, broker):
        self.act(("fill", fill), market, broker)

    def on_order(self, order, market, broker):
        self.act(("order", order), market, broker)

    def on_bar(self, spec, bar, market, broker):
        self.act(("bar", spec, bar), market, broker)

    def on_event(self, event, market, broker):
        self.act(("event", event), market, broker)

    def on_timer(self, market, broker):
        self.act(("timer",), market, broker)


class Watcher(Actor):
    """As the actor, and acts on trades too."""

    often: float = param(0.1)

    def on_trade(self, trade, market, broker):
        self.act(("trade", trade), market, broker)


class Listener(Actor):
    """As the actor, but hears of its orders by their fills alone: these a kernel keeps in turn."""

    often: float = param(0.8)
    on_order = Strategy.on_order


class Deaf(Actor):
    """As the actor, but hears of none of its orders."""

    on_order = Strategy.on_order
    on_fill = Strategy.on_fill


KINDS = [Actor, Watcher, Listener, Deaf]


@st.composite
def assumptions(draw):
    latencies = st.sampled_from([0, 0, 1, SECOND // 10, SECOND])
    cash, leverage = draw(st.sampled_from([(100_000, None), (100_000, 1), (30, 60), (15, 125)]))
    return replace(
        SimConfig(fees=Fees(Decimal("-0.5"), Decimal(5)), cash=Decimal(cash)),
        leverage=None if leverage is None else Decimal(leverage),
        margin=draw(st.sampled_from(list(MarginMode))),
        fills=FillPolicy(draw(st.sampled_from(["touch", "queue", "through"]))),
        queue=draw(st.sampled_from(["visits:5", "last_visit", "const:30"])),
        entry_latency=draw(latencies),
        cancel_latency=draw(latencies),
        trigger_latency=draw(latencies),
        response_latency=draw(latencies),
        participation=draw(st.sampled_from([Decimal(1), Decimal("0.3")])),
        max_wait=draw(st.sampled_from([0, SECOND, 60 * SECOND])),
        queue_decay=draw(st.sampled_from([Decimal(0), Decimal(0), Decimal(2)])),
        latency_sample=draw(st.none() | st.none() | st.just(LatencySample(SECOND // 5, SECOND))),
        half_spread=draw(st.booleans()),
        slippage_bps=draw(st.sampled_from([Decimal(0), Decimal("2.5")])),
        impact=draw(st.sampled_from([Decimal(0), Decimal("0.8")])),
        reference=draw(st.sampled_from(list(Reference))),
        gap_policy=draw(st.sampled_from(list(GapPolicy))),
        max_open_orders=draw(st.sampled_from([200, 4])),
    )


def fundings(trades):
    """Funding at round times, at a trade's own time, and before the tape begins."""
    first, last = int(trades.time[0]), int(trades.time[-1])
    times = {first - 5, first, int(trades.time[trades.rows // 2]), last + SECOND}
    times |= set(range(first // SECOND * SECOND, last, 3 * SECOND))
    rates = (Decimal("0.0001"), Decimal("-0.00031"))
    marks = (None, Decimal(1003), Decimal("998.12345678"))
    return [Funding(time, rates[k % 2], 8, marks[k % 3]) for k, time in enumerate(sorted(times))]


def outcome(strategy, trades, config, chunks=(), end=None, funding=None):
    """Everything a run says."""
    funding = fundings(trades) if funding is None else funding
    run = run_trades(
        trades, UNITS, strategy, config=config, chunks=chunks, end=end, funding=funding
    )
    return {
        "orders": run.orders,
        "fills": run.fills,
        "round trips": run.round_trips,
        "still open": run.still_open,
        "events": run.events,
        "skipped": dict(run.skipped),
        "equity": run.equity,
        "funding": run.session.funding.payments,
        "drawdown": run.session.max_drawdown,
        "diary": getattr(strategy, "diary", None),
    }


def assert_equal(found, expected):
    for name, value in expected.items():
        assert found[name] == value, name
