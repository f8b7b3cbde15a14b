"""Nothing depends on how a tape is cut or on what comes later: sessions on random tapes."""

from __future__ import annotations

import os
import random
from collections import Counter
from dataclasses import replace
from decimal import Decimal
from fractions import Fraction
from itertools import pairwise

import hypothesis.strategies as st
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings

from orderflow_bt import BarSpec, param, time_bars
from orderflow_bt.instruments import Fees, Instrument
from orderflow_bt.sim import (
    End,
    FillPolicy,
    GapPolicy,
    LatencySample,
    Reference,
    Session,
    SimConfig,
    restore,
    snapshot,
)
from orderflow_bt.sim.declared import readings_of
from orderflow_bt.sim.funding import Funding
from orderflow_bt.sim.tiers import MarginMode
from orderflow_bt.strategy import Strategy
from orderflow_bt.testing.tape import MIDNIGHT_2024, run_trades
from orderflow_bt.types import MarketType, Trades
from strategies.delta_divergence import DeltaDivergenceFade

EXAMPLES = int(os.environ.get("ORDERFLOW_BT_EXAMPLES", "25"))
UNITS = Instrument("random", MarketType.UM, "CHUNK", 1, 2)
SECOND = 1_000_000


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


def cuts(rows, seed):
    """Three ways to cut a tape: trade by trade, at random, with empty pieces."""
    luck = random.Random(seed)
    some = sorted(luck.choices(range(rows + 1), k=9))
    return [tuple(range(1, rows)), tuple(sorted(set(some))), tuple(some)]


@pytest.fixture(params=[12, 20_000], ids=["forgetful", "mindful"], scope="module")
def window(request):
    """A tape buffer that forgets within a test, and the real one."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("orderflow_bt.sim.config.QUEUE_WINDOW", request.param)
        yield request.param


SPECS = st.sampled_from(["1s", "1s", "tick:3", "tick:1", "range:3", "renko:2", "delta:0.5"])
SETTINGS = {"deadline": None, "suppress_health_check": list(HealthCheck)}


@pytest.mark.parametrize("kind", KINDS)
@settings(max_examples=EXAMPLES, **SETTINGS)
@given(st.integers(0, 10**6), assumptions(), SPECS)
def test_cutting_the_tape_changes_nothing(window, kind, seed, config, fast):
    trades = random_tape(seed, 150)
    end = int(trades.time[-1]) + 3 * SECOND
    config = replace(config, end=End.CLOSE if seed % 3 == 0 else End.MARK)
    whole = outcome(kind(seed=seed, fast=fast), trades, config, end=end)
    for chunks in cuts(trades.rows, seed):
        assert_equal(outcome(kind(seed=seed, fast=fast), trades, config, chunks, end), whole)


@pytest.mark.parametrize("kind", KINDS)
@settings(max_examples=EXAMPLES, **SETTINGS)
@given(st.integers(0, 10**6), assumptions(), st.integers(1, 149), SPECS)
def test_what_comes_later_changes_nothing(window, kind, seed, config, rows, fast):
    trades = random_tape(seed, 150)
    while rows < 150 and trades.time[rows] == trades.time[rows - 1]:
        rows += 1  # a fill-or-kill order is whole or not by all trades of one time
    whole = outcome(kind(seed=seed, fast=fast), trades, config)
    part = outcome(
        kind(seed=seed, fast=fast), trades.slice(0, rows), config, funding=fundings(trades)
    )
    last_id, last_time = trades.id[rows - 1], trades.time[rows - 1]
    assert part["fills"] == [fill for fill in whole["fills"] if fill.trade_id <= last_id]
    for early, late in zip(part["orders"], whole["orders"], strict=False):
        if late.decision_time < last_time:
            assert early[:5] == late[:5]  # a price may trail or be changed later
            assert early.decision_time == late.decision_time
        if late.done_time is not None and late.done_time < last_time:
            assert early == late
    decided = sum(order.decision_time < last_time for order in whole["orders"])
    assert decided == sum(order.decision_time < last_time for order in part["orders"])
    for name in ("round trips", "events", "equity"):
        ended = [row for row in part[name] if _time_of(row) < last_time]
        assert ended == [row for row in whole[name] if _time_of(row) < last_time]


def _time_of(row):
    for name in ("exit_time", "known_at", "time"):
        if hasattr(row, name):
            return getattr(row, name)
    raise AssertionError(row)


@pytest.mark.parametrize("kind", KINDS)
@settings(max_examples=2 * EXAMPLES, **SETTINGS)
@given(st.integers(0, 10**6), assumptions())
def test_books_balance(kind, seed, config):
    trades = random_tape(seed, 200)
    strategy = kind(seed=seed, often=0.3)
    run = run_trades(trades, UNITS, strategy, config=config, funding=fundings(trades))
    account = run.session.account
    row_of = {int(number): row for row, number in enumerate(trades.id)}

    assert account.position == sum(fill.side * fill.qty for fill in run.fills)
    trips = [*run.round_trips, *([run.still_open] if run.still_open else [])]
    assert (run.still_open is None) == (account.position == 0)
    assert account.equity(run.session.last_price) == Fraction(config.cash) + sum(
        Fraction(trip.net_pnl) for trip in trips
    )
    assert account.fees_paid == sum((fill.fee for fill in run.fills), Decimal(0))
    assert account.fees_paid == sum((trip.fees for trip in trips), Decimal(0))
    assert account.funding_paid == -sum((trip.funding for trip in trips), Decimal(0))

    used = Counter()
    filled = Counter()
    for fill in run.fills:
        used[fill.trade_id] += 0 if fill.role == "liquidation" else fill.qty
        filled[fill.order_id] += fill.qty
        order = run.orders[fill.order_id]
        sent = order.decision_time
        own = order.parent_id is None and order.role != "liquidation"
        entry = config.delay("entry", sent, order.id) if own else 0
        assert fill.time >= sent + entry
        assert fill.time == trades.time[row_of[fill.trade_id]]
        bound = order.limit_price or (order.price if order.kind == "limit" else order.worst_price)
        if bound is not None and order.id not in strategy.changed:
            assert order.side * (bound - fill.price) >= 0
        slipped = (fill.spread_ticks, fill.bps_ticks, fill.impact_ticks)
        assert min(slipped) >= 0
        assert sum(slipped) <= fill.slippage_ticks == fill.side * (fill.price - fill.reference)
        if fill.liquidity == "maker":
            assert trades.side[row_of[fill.trade_id]] == -fill.side
    for number, volume in used.items():
        assert volume <= trades.qty[row_of[number]]
    for order in run.orders:
        assert order.filled_qty == filled[order.id] <= order.qty
        assert (order.done_time is None) == (
            order.status in ("sent", "working", "waiting", "triggered")
        )
        if order.parent_id is not None:
            assert order.qty == filled[order.parent_id] or order.status == "cancelled"
    times = [fill.time for fill in run.fills]
    assert times == sorted(times)
    assert run.session.max_drawdown <= 0


class Prompt(Strategy):
    """Sends an order after every trade and remembers after which."""

    def __init__(self):
        super().__init__()
        self.after = {}

    def on_trade(self, trade, market, broker):
        side = 1 if trade.id % 2 else -1
        for number in (broker.market(side, 3), broker.limit(side, 2, trade.price)):
            self.after[number] = trade.id


@settings(max_examples=EXAMPLES, **SETTINGS)
@given(st.integers(0, 10**6), assumptions())
def test_a_decision_never_fills_on_its_own_trade(seed, config):
    prompt = Prompt()
    run = run_trades(random_tape(seed, 100), UNITS, prompt, config=config)
    own = [fill for fill in run.fills if fill.role not in ("gap", "liquidation")]
    assert all(fill.trade_id > prompt.after[fill.order_id] for fill in own)
    assert own


@pytest.mark.parametrize("seed", range(3))
def test_the_shipped_strategy_trades_the_same_however_the_tape_is_cut(window, seed):
    trades = random_tape(seed, 12_000, pause=SECOND // 2)
    config = replace(SimConfig(fees=Fees(Decimal(0), Decimal(0))), slippage_ticks=0)

    def fade():
        return DeltaDivergenceFade(bars="1s", time_stop=12, location="any")

    whole = outcome(fade(), trades, config)
    assert len(whole["round trips"]) >= 3
    assert len(whole["events"]) > len(whole["round trips"])
    for chunks in cuts(trades.rows, seed):
        assert_equal(outcome(fade(), trades, config, chunks), whole)


def told_by(session, still_open):
    """All that a run told, and what the strategy itself wrote down."""
    trips = [*session.trips.done, still_open]
    return (
        list(session.broker.orders), list(session.broker.fills), trips, list(session.equity),
        list(session.events), session.broker.skipped, session.max_drawdown, session.strategy.diary,
    )  # fmt: skip


@pytest.mark.parametrize("kind", KINDS)
@settings(max_examples=max(4, EXAMPLES // 5), **SETTINGS)
@given(st.integers(0, 10**6), assumptions(), SPECS, st.lists(st.integers(0, 120), max_size=4))
def test_a_pause_saved_as_bytes_changes_nothing(window, kind, seed, config, fast, pauses):
    trades = random_tape(seed, 120)
    end = int(trades.time[-1]) + 3 * SECOND
    told = []
    for cut_at in ([], sorted(pauses)):
        strategy = kind(seed=seed, fast=fast)
        readings = readings_of(strategy, UNITS, ids_are_continuous=True)
        session = Session(strategy, UNITS, config, readings.specs, start=MIDNIGHT_2024 + SECOND)
        for start, stop in pairwise([0, *cut_at, trades.rows]):
            session.feed(readings.feed(trades.slice(start, stop)))
            if cut_at:
                readings, (session,) = restore(snapshot(readings, session))
        session.feed(readings.close_until(end, trades.slice(0, 0)))
        still_open = session.finish(end)
        told.append(told_by(session, still_open))
    assert told[0] == told[1]
