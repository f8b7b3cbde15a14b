"""A person who wanders about a replay, and the batch run that their doings are compared with."""

from __future__ import annotations

import json
from dataclasses import replace

from replay_lakes import slices_whole

from orderflow_bt.replay.engine.actions import perform
from orderflow_bt.replay.engine.listener import Listener
from orderflow_bt.run.marks import find_marks
from orderflow_bt.sim import Session, SimConfig
from orderflow_bt.strategy import Strategy
from orderflow_bt.types import MarketType, time_bars

ONE_MINUTE = time_bars("1m")
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

    def rewound(self, row):
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


def in_batch(window, actions, config, bars=ONE_MINUTE):
    """A session that did the same in one pass over whole days."""
    strategy = Repeats(actions, window.first)
    stretch = (window.lake, window.tape, window.start, window.end)
    marks = find_marks(*stretch, config, accept_gaps=True).prices
    session = Session(strategy, window.instrument, config, [bars], start=window.start, marks=marks)
    strategy.session = session
    for piece in slices_whole(window, bars, []):
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
