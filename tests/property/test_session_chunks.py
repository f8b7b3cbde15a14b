"""Nothing depends on how a tape is cut or on what comes later: sessions on random tapes."""

from __future__ import annotations

import random
from collections import Counter
from dataclasses import replace
from decimal import Decimal
from fractions import Fraction
from itertools import pairwise

import hypothesis.strategies as st
import pytest
from hypothesis import given, settings
from session_actors import (
    EXAMPLES,
    KINDS,
    SECOND,
    SETTINGS,
    SPECS,
    UNITS,
    assert_equal,
    assumptions,
    fundings,
    outcome,
    random_tape,
)

from orderflow_bt.instruments import Fees
from orderflow_bt.sim import (
    End,
    Session,
    SimConfig,
    restore,
    snapshot,
)
from orderflow_bt.sim.declared import readings_of
from orderflow_bt.strategy import Strategy
from orderflow_bt.testing.tape import MIDNIGHT_2024, run_trades
from strategies.delta_divergence import DeltaDivergenceFade


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
