"""One engine: however a replay is paced, paused, cut and taken back, it is the batch run."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

import hypothesis.strategies as st
import numpy as np
import pytest
from hypothesis import HealthCheck, assume, given, settings
from mark_days import store_marks
from replay_lakes import (
    DAY,
    MIDNIGHT,
    ONE_MINUTE,
    TAPE,
    demo_lake,
    known_of,
    lake_of,
    random_day,
    slices_whole,
    some_detectors,
)
from replay_wander import (
    CONFIG,
    SHORT,
    Notes,
    assert_equal_sessions,
    in_batch,
    some_action,
    told_in,
    wander,
)

from orderflow_bt.replay.engine.dump import Dump
from orderflow_bt.replay.engine.headless import Step, run_headless
from orderflow_bt.replay.engine.pauses import Pauses
from orderflow_bt.replay.engine.player import Player
from orderflow_bt.replay.engine.scene import Scene
from orderflow_bt.replay.engine.window import open_window
from orderflow_bt.sim import End, FillPolicy, GapPolicy, TriggerOn
from orderflow_bt.types import DAY_US, HOUR_US, MINUTE_US, BarSpec


@pytest.fixture
def few_trades_apart(monkeypatch):
    """Checkpoints, cuts and pieces of a size that short tapes cross many times."""
    monkeypatch.setattr("orderflow_bt.replay.engine.player.EVERY_ROWS", 37)
    monkeypatch.setattr("orderflow_bt.replay.engine.checkpoints.MOST", 5)


@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    seed=st.integers(0, 2**32 - 1), latency=st.booleans(), early=st.booleans(),
    minutes=st.sampled_from([0, 0, 20, 50]),
    bars=st.sampled_from(["1m", "tick:13", "volume:400", "range:9"]),
    changes=st.sampled_from([
        {}, {}, {"gap_policy": GapPolicy.FLATTEN_AFTER}, {"gap_policy": GapPolicy.CANCEL_ORDERS},
        {"end": End.CLOSE}, {"fills": FillPolicy.TOUCH}, {"leverage": Decimal(4), "cash": 9_000},
    ]),
)  # fmt: skip
def test_a_wandering_replay_is_the_batch_run(
    tmp_path_factory, few_trades_apart, seed, latency, early, minutes, bars, changes
):
    rng = np.random.default_rng(seed)
    counts = rng.integers(30, 500, 2).tolist()
    late = random_day(rng, counts[0], begin=DAY_US - HOUR_US, lose=0.01)
    lake = lake_of(tmp_path_factory.mktemp("lake"), late, random_day(rng, counts[1], lose=0.01))
    config, spec = replace(CONFIG if latency else SHORT, **changes), BarSpec.parse(bars)
    earliest = MIDNIGHT + DAY_US - (HOUR_US if early else 0)
    start = min(earliest + minutes * MINUTE_US, lake.days(TAPE)[1].last_time)
    end = MIDNIGHT + DAY_US + 70 * MINUTE_US
    window = open_window(lake, TAPE, start, end, warmup=DAY_US, accept_gaps=True)
    check(window, spec, config, rng)


@settings(max_examples=6, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    seed=st.integers(0, 2**32 - 1),
    changes=st.sampled_from([
        {"trigger_on": TriggerOn.MARK},
        {"leverage": Decimal(20), "cash": 9_000},
        {"leverage": Decimal(9), "cash": 9_000, "trigger_on": TriggerOn.MARK},
    ]),
)  # fmt: skip
def test_a_replay_by_the_mark_price_is_the_batch_run(
    tmp_path_factory, few_trades_apart, seed, changes
):
    rng = np.random.default_rng(seed)
    lake = lake_of(tmp_path_factory.mktemp("lake"), random_day(rng, 300, lose=0.01))
    walk = 10_000 + np.cumsum(rng.choice([-9, 0, 9], (4, 70)), axis=1)
    low, first, last, high = np.sort(walk * 10**3 + rng.integers(0, 10**4, (4, 70)), axis=0)
    store_marks(lake, TAPE, DAY, np.stack([first, high, low, last]), decimals=3)
    start, end = MIDNIGHT + 10 * MINUTE_US, MIDNIGHT + 70 * MINUTE_US
    window = open_window(lake, TAPE, start, end, warmup=DAY_US, accept_gaps=True)
    assume(window.first < window.rows)
    check(window, ONE_MINUTE, replace(SHORT, **changes), rng)


def check(window, spec, config, rng, moves=60):
    """Wander about a window, and compare all there is with the batch run."""
    notes, detectors = Notes(), {plugin.name: plugin for plugin in some_detectors(spec)}
    scene = Scene(window, spec, detectors, {}, config)
    folder = window.lake.root
    dump = Dump(folder / "wandered", scene)
    dump.begin()
    player = scene.player([notes, dump])
    wander(player, rng, moves)
    left = [list(attempt.fills) for attempt in player.attempts]
    player.seek(window.rows)
    player.finish()
    assert known_of(notes.slices) == known_of(slices_whole(window, spec, some_detectors(spec)))
    batch = in_batch(window, player.line, config, spec)
    assert_equal_sessions(player.session, batch)
    assert [(h.time, h.fill, h.order) for h in notes.heard] == batch.strategy.heard
    assert notes.heard == player.heard
    assert [list(attempt.fills) for attempt in player.attempts] == left
    assert [made for made in player.actions if made in player.line] == list(player.line)
    dump.close(player)
    script = [Step(made.row, made.action, None, "") for made in player.line]
    run_headless(scene, folder / "straight", script=script)
    assert told_in(folder / "wandered") == told_in(folder / "straight")
    return player


@pytest.mark.parametrize("seed", [1, 2])
def test_a_wandering_replay_of_a_market_is_the_batch_run(tmp_path, few_trades_apart, seed):
    lake, tape = demo_lake(tmp_path, days=2, per_day=10_000, seed=seed)
    start = MIDNIGHT + DAY_US + 9 * HOUR_US
    window = open_window(lake, tape, start, start + 6 * HOUR_US, warmup=DAY_US)
    player = check(window, ONE_MINUTE, CONFIG, np.random.default_rng(seed), moves=120)
    assert len(player.attempts) > 3
    assert sum(len(attempt.fills) for attempt in player.attempts) > 3


def test_nothing_that_is_shown_depends_on_what_comes_later(tmp_path, few_trades_apart):
    rng = np.random.default_rng(8)
    rows = random_day(rng, 600)
    cut = 350
    # another future from trade `cut` on: as many trades, elsewhere
    after = [(time + 7, 20_000 - price, qty + 1, -side) for time, price, qty, side in rows[cut:]]
    shown = []
    for name, day in (("one", rows), ("other", [*rows[:cut], *after])):
        lake = lake_of(tmp_path / name, day)
        window = open_window(lake, TAPE, MIDNIGHT, MIDNIGHT + DAY_US, warmup=0)
        notes, told = Notes(), []
        player = Player(
            window, bars=ONE_MINUTE, detectors=some_detectors(), config=CONFIG, listeners=[notes]
        )
        pauses, rng = Pauses(player), np.random.default_rng(9)
        pauses.set({"orders": True, "bar": True, "volume_spike": True, "levels": [10_000]})
        while player.row < cut:
            stop = min(cut, player.row + int(rng.integers(1, 30)))
            found = pauses.within(player.row, stop)
            player.advance(stop if found is None else found)
            told.append((player.row, pauses.reason, player.now, player.session.market.equity))
            if rng.random() < 0.5:
                player.act(some_action(rng, player.session))
            if rng.random() < 0.1:
                player.seek(player.row - int(rng.integers(0, 20)))
        shown.append(
            (told, known_of(notes.slices), notes.heard, player.actions, player.attempts,
             player.session.broker.orders, player.session.equity)
        )  # fmt: skip
    assert shown[0] == shown[1]
