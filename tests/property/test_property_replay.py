"""One engine: however a replay is paced, paused, cut and taken back, it is the batch run."""

from __future__ import annotations

import json
from dataclasses import replace

import hypothesis.strategies as st
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from replay_lakes import (
    MIDNIGHT,
    ONE_MINUTE,
    TAPE,
    known_of,
    lake_of,
    random_day,
    slices_whole,
    some_detectors,
)

from orderflow_bt.replay.actions import perform
from orderflow_bt.replay.dump import Dump
from orderflow_bt.replay.headless import Step, run_headless
from orderflow_bt.replay.listener import Listener
from orderflow_bt.replay.scene import Scene
from orderflow_bt.replay.window import open_window
from orderflow_bt.sim import Session, SimConfig
from orderflow_bt.strategy import Strategy
from orderflow_bt.types import DAY_US, HOUR_US, MINUTE_US, BarSpec, MarketType

CONFIG = replace(SimConfig.for_market(MarketType.UM), leverage=None, cash=10**9)
SHORT = replace(CONFIG, entry_latency=0, cancel_latency=0, trigger_latency=0, response_latency=0)


class Notes(Listener):
    """Keeps all that passed as it stands, going back included."""

    def __init__(self):
        self.slices, self.heard, self.kept = [], [], {}

    def passed(self, passed):
        assert passed.stop - passed.first == sum(piece.trades.rows for piece in passed.slices)
        self.slices += passed.slices
        self.heard += passed.happenings

    def rewound(self, player):
        self.slices, self.heard = [], []

    def snapshot(self):
        number = str(len(self.kept)).encode()
        self.kept[number] = (list(self.slices), list(self.heard))
        return number

    def restore(self, raw):
        slices, heard = self.kept[raw]
        self.slices, self.heard = list(slices), list(heard)


class Repeats(Strategy):
    """Does the same as a person did, after the same trades."""

    def __init__(self, actions, first):
        super().__init__()
        self.todo, self.row = {}, 0
        for made in actions:
            self.todo.setdefault(made.row, []).append(made.action)
        self.first, self.session, self.heard = first, None, []

    def on_start(self, market, broker):
        for action in self.todo.pop(self.first, []):
            perform(dict(action), self.session)

    def on_trade(self, trade, market, broker):
        self.row += 1
        for action in self.todo.pop(self.row, []) if self.row != self.first else []:
            perform(dict(action), self.session)

    def on_fill(self, fill, market, broker):
        self.heard.append((market.now, fill, broker.orders[fill.order_id]))

    def on_order(self, order, market, broker):
        self.heard.append((market.now, None, order))


def in_batch(window, actions, config):
    """A session that did the same in one pass over whole days."""
    strategy = Repeats(actions, window.first)
    session = Session(strategy, window.instrument, config, [ONE_MINUTE], start=window.start)
    strategy.session = session
    for piece in slices_whole(window, ONE_MINUTE, []):
        session.feed(piece)
    session.finish(window.end)
    assert not strategy.todo
    return session


def assert_equal_sessions(ours, batch):
    assert ours.broker.orders == batch.broker.orders
    assert ours.broker.fills == batch.broker.fills
    assert ours.trips.done == batch.trips.done
    assert ours.still_open() == batch.still_open()
    assert ours.equity == batch.equity
    assert ours.account.ledger == batch.account.ledger
    assert ours.max_drawdown == batch.max_drawdown


def some_action(rng, session):
    """Any action that a person may think of, sane or not."""
    last, side = session.last_price or 10_000, int(rng.choice([-1, 1]))
    qty, away = int(rng.integers(1, 30)), int(rng.integers(-15, 15))
    price, beyond = last + away, int(rng.integers(1, 25))
    choices = [
        {"do": "market", "side": side, "qty": qty, "reason": "felt like it"},
        {"do": "limit", "side": side, "qty": qty, "price": price},
        {"do": "stop", "side": side, "qty": qty, "price": price},
        {"do": "stop_limit", "side": side, "qty": qty, "price": price, "limit": price + 2},
        {"do": "trailing", "side": side, "qty": qty, "trail": beyond, "reduce_only": True},
        {"do": "bracket", "side": side, "qty": qty, "stop": price - side * beyond,
         "target": price + side * beyond, "entry": "limit", "price": price},
        {"do": "market", "side": side, "qty": qty, "stop": last - side * beyond},
        {"do": "cancel_all"},
        {"do": "close"},
    ]  # fmt: skip
    if session.broker.orders:
        order = session.broker.orders[int(rng.integers(len(session.broker.orders)))]
        choices.append({"do": "cancel", "order": order.id})
        if order.kind == "limit" and order.parent_id is None:
            choices.append({"do": "replace", "order": order.id, "price": price, "qty": qty})
    return choices[int(rng.integers(len(choices)))]


def told_in(path):
    """Lines of a dump, without what tells by which way one came there."""
    lines = [json.loads(line) for line in path.read_text().splitlines()]
    for line in lines:
        for name in ("attempt", "hindsight"):
            if "action" in line:
                del line[name]
    return [line for line in lines if "attempt" not in line and "totals" not in line]


def wander(player, rng, moves):
    """Advance, act, go back and forth, at random."""
    window = player.window
    for _ in range(moves):
        what = rng.random()
        if what < 0.45:
            player.advance(player.row + int(rng.choice([1, 2, 7, 40, 300])))
        elif what < 0.75 and player.session.trading:
            player.act(some_action(rng, player.session))
        elif what < 0.9:
            player.seek(int(rng.integers(window.first, player.row + 1)))
        elif what < 0.95:
            player.seek(min(player.row + int(rng.integers(1, 400)), window.rows))
        elif player.at_end:
            player.finish()


@pytest.fixture
def few_trades_apart(monkeypatch):
    """Checkpoints, cuts and pieces of a size that short tapes cross many times."""
    monkeypatch.setattr("orderflow_bt.replay.player.EVERY_ROWS", 37)
    monkeypatch.setattr("orderflow_bt.replay.checkpoints.MOST", 5)


@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    seed=st.integers(0, 2**32 - 1), latency=st.booleans(), early=st.booleans(),
    minutes=st.sampled_from([0, 0, 20, 50]),
    bars=st.sampled_from(["1m", "tick:13", "volume:400", "range:9"]),
)  # fmt: skip
def test_a_wandering_replay_is_the_batch_run(
    tmp_path_factory, few_trades_apart, seed, latency, early, minutes, bars
):
    rng = np.random.default_rng(seed)
    counts = rng.integers(30, 500, 2).tolist()
    late = random_day(rng, counts[0], begin=DAY_US - HOUR_US, lose=0.01)
    lake = lake_of(tmp_path_factory.mktemp("lake"), late, random_day(rng, counts[1], lose=0.01))
    config, spec = (CONFIG if latency else SHORT), BarSpec.parse(bars)
    earliest = MIDNIGHT + DAY_US - (HOUR_US if early else 0)
    start = min(earliest + minutes * MINUTE_US, lake.days(TAPE)[1].last_time)
    end = MIDNIGHT + DAY_US + 70 * MINUTE_US
    window = open_window(lake, TAPE, start, end, warmup=DAY_US, accept_gaps=True)
    notes = Notes()
    detectors = {plugin.name: plugin for plugin in some_detectors(spec)}
    scene = Scene(window, spec, detectors, {}, config)
    dump = Dump(window.lake.root / "wandered", scene)
    player = scene.player([notes, dump])
    wander(player, rng, 60)
    left = [list(attempt.fills) for attempt in player.attempts]
    player.seek(window.rows)
    player.finish()
    assert known_of(notes.slices) == known_of(slices_whole(window, spec, some_detectors(spec)))
    batch = in_batch(window, player.line, config)
    if spec == ONE_MINUTE:
        assert_equal_sessions(player.session, batch)
    else:
        assert player.session.broker.fills == batch.broker.fills
    assert [(h.time, h.fill, h.order) for h in notes.heard] == batch.strategy.heard
    assert notes.heard == player.heard
    assert [list(attempt.fills) for attempt in player.attempts] == left
    assert [made for made in player.actions if made in player.line] == list(player.line)
    dump.close(player)
    script = [Step(made.row, made.action, None, "") for made in player.line]
    run_headless(scene, window.lake.root / "straight", script=script)
    assert told_in(window.lake.root / "wandered") == told_in(window.lake.root / "straight")
