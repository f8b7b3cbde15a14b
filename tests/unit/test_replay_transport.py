"""Steps, jumps, pauses and the pacer: rows that a slow look at the whole tape finds too."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
from replay_lakes import (
    MIDNIGHT,
    ONE_MINUTE,
    TAPE,
    demo_lake,
    lake_of,
    some_detectors,
)

from orderflow_bt.detectors import PocRetest
from orderflow_bt.errors import UsageError
from orderflow_bt.replay.engine.pauses import PAUSES, Pauses
from orderflow_bt.replay.engine.player import Player
from orderflow_bt.replay.engine.scout import Scout, Wanted
from orderflow_bt.replay.engine.transport import Pacer, back, jump, target
from orderflow_bt.replay.engine.window import open_window
from orderflow_bt.sim import SimConfig
from orderflow_bt.types import DAY_US, HOUR_US, MINUTE_US, SECOND_US, MarketType

CONFIG = replace(SimConfig.for_market(MarketType.UM), leverage=None, cash=10**9)
AT_ONCE = replace(CONFIG, entry_latency=0, cancel_latency=0, trigger_latency=0, response_latency=0)


@pytest.fixture(scope="module")
def simulated(tmp_path_factory):
    return demo_lake(tmp_path_factory.mktemp("replay"), days=2, per_day=6_000)


@pytest.fixture
def window(simulated):
    return open_window(*simulated, MIDNIGHT + DAY_US, MIDNIGHT + 2 * DAY_US, warmup=DAY_US)


def player_on(window, detectors=(), config=CONFIG):
    return Player(window, bars=ONE_MINUTE, detectors=detectors, config=config)


def player_of(tmp_path, rows, **options):
    lake = lake_of(tmp_path / "lake", rows)
    window = open_window(lake, TAPE, MIDNIGHT, MIDNIGHT + DAY_US, warmup=0, accept_gaps=True)
    return Player(window, bars=ONE_MINUTE, config=options.get("config", CONFIG))


@pytest.fixture(scope="module")
def known(simulated):
    """Rows behind the trades that made each bar, and each event, known: one trade at a time."""
    window = open_window(*simulated, MIDNIGHT + DAY_US, MIDNIGHT + 2 * DAY_US, warmup=DAY_US)
    player = player_on(window, some_detectors())
    bars, events = [], []
    while not player.at_end:
        (piece,) = player.advance(player.row + 1).slices
        for moment in piece.moments:
            bars += [player.row for closed in moment.bars if closed.spec == ONE_MINUTE]
            events += [(player.row, event) for event in moment.events]
    return bars, events


def test_steps_of_trades_prices_clusters_and_minutes(tmp_path):
    second = SECOND_US
    rows = [
        (0, 100, 1, 1), (0, 101, 2, 1), (0, 101, 1, -1), (second, 101, 1, -1),
        (2 * second, 101, 5, 1), (70 * second, 102, 1, 1), (300 * second, 102, 1, 1),
        (301 * second, 99, 1, -1),
    ]  # fmt: skip
    player = player_of(tmp_path, rows)
    assert target(player, "trade") == 1
    assert target(player, "trade", 3) == 3
    assert target(player, "trade", 99) == 8
    assert target(player, "cluster") == 2  # two buys of one time, rising
    assert target(player, "cluster", 2) == 3
    assert target(player, "price") == 2  # before the first trade any price is the first
    assert target(player, "minute") == 5
    player.advance(3)
    assert target(player, "price") == 6  # the 102 of row 5
    assert target(player, "price", 2) == 8
    player.seek(5)
    assert target(player, "minute") == 6
    player.seek(6)
    assert target(player, "minute") == 8  # the minute of the next trade, silence or not
    assert target(player, "bar") == 7
    player.seek(7)
    assert target(player, "bar") == 8  # no bar closes any more
    player.seek(8)
    assert [target(player, by) for by in ("trade", "price", "cluster", "bar", "minute")] == [8] * 5
    for by, count in (("second", 1), ("trade", 0)):
        with pytest.raises(UsageError, match="steps"):
            target(player, by, count)
        with pytest.raises(UsageError, match="steps back"):
            back(player, by, count)


def test_bars_forward_and_back(window, known):
    player = player_on(window)
    closes = sorted({row for row in known[0] if row > window.first})
    for expected in closes[:5]:
        player.seek(target(player, "bar"))
        assert player.row == expected
    assert target(player, "bar", 7) == closes[11]
    player.seek(closes[20] + 3)
    assert back(player) == closes[20]
    assert back(player, count=4) == closes[17]
    player.seek(back(player))
    assert back(player) == closes[19]
    player.seek(window.first)
    assert back(player) == window.first


def test_jumps(window, known):
    detectors = some_detectors()
    _, events = known
    player = player_on(window, detectors)
    ahead = [(row, event) for row, event in events if row > window.first]
    assert jump(player, "next_event") == ahead[0][0]
    player.advance(ahead[0][0])
    zones = [
        row for row, event in ahead if event.detector == "imbalance_zones" and row > player.row
    ]
    assert jump(player, "next_event", frozenset(["imbalance_zones"])) == zones[0]
    created = [r for r, e in ahead if e.state == "created" and r > player.row]
    assert jump(player, "next_event", frozenset(["imbalance_zones:created"])) == created[0]
    assert jump(player, "next_event", frozenset(["of nothing"])) is None
    assert jump(player, "next_order_event") is None
    at_eight = window.row_at(MIDNIGHT + DAY_US + 8 * HOUR_US)
    assert jump(player, "next_session") == at_eight
    player.seek(at_eight + 10)
    assert jump(player, "previous_session") == at_eight
    player.seek(at_eight)
    assert jump(player, "previous_session") == window.first
    assert jump(player, "furthest") == at_eight + 10
    player.seek(window.rows)
    assert jump(player, "next_session") is None
    with pytest.raises(UsageError, match="no jump leads to"):
        jump(player, "yesterday")


def test_the_next_event_is_exact_wherever_one_asks_and_whatever_was_asked_before(window, known):
    _, events = known
    rows = np.array(sorted({row for row, _ in events}))
    player = player_on(window, some_detectors())
    scout, rng = Scout(player), np.random.default_rng(1)
    for _ in range(20):
        player.seek(int(rng.integers(window.first, window.rows)))
        after = rows[rows > player.row]
        expected = int(after[0]) if after.size else None
        stop = player.row + int(rng.integers(1, 600))
        assert scout.next(Wanted(events=frozenset("*"))) == expected
        near = expected if expected is not None and expected <= stop else None
        assert scout.next(Wanted(events=frozenset("*")), stop) == near


def test_a_search_can_be_ended(window):
    player = player_on(window)
    scout = Scout(player)
    inner = window.trades

    def ending(first, stop):
        scout.stop = True
        return inner(first, stop)

    window.trades = ending
    assert scout.next(Wanted(lots=10**12)) is None
    assert scout.stop


def orders_heard(window, config, actions):
    """Rows at which the person hears of something, passing single trades."""
    player = player_on(window, config=config)
    rows = []
    for row, action in actions:
        while player.row < row:
            heard = player.advance(player.row + 1).happenings
            rows += [player.row] * bool(heard)
        player.act(action)
    while not player.at_end:
        heard = player.advance(player.row + 1).happenings
        rows += [player.row] * bool(heard)
    return rows


@pytest.mark.parametrize("config", [CONFIG, AT_ONCE], ids=["latency", "at once"])
def test_pausing_at_ones_orders_stops_where_they_are_heard_of(window, config):
    first, last = window.first, window.trades(window.first, window.first + 1).price[0]
    price = int(last)
    actions = [
        (
            first + 5,
            {"do": "market", "side": 1, "qty": 3, "stop": price - 40, "target": price + 40},
        ),
        (first + 900, {"do": "limit", "side": -1, "qty": 2, "price": price + 15}),
    ]
    expected = orders_heard(window, config, actions)
    player, stops = player_on(window, config=config), []
    pauses = Pauses(player)
    pauses.set({"orders": True})
    for row, action in [*actions, (window.rows, None)]:
        while player.row < row:
            goal = min(player.row + 500, row)
            stop = pauses.within(player.row, goal)
            player.advance(goal if stop is None else stop)
            stops += [player.row] * (stop is not None)
        if action:
            player.act(action)
    assert stops == expected
    assert len(stops) >= 3
    assert pauses.reason == "your order"


@pytest.mark.parametrize("config", [CONFIG, AT_ONCE], ids=["latency", "at once"])
def test_of_an_orders_fills_the_first_and_the_last_pause(window, config):
    price = int(window.trades(window.first, window.first + 1).price[0])
    large = {"do": "limit", "side": 1, "qty": 5_000, "price": price}
    slow = player_on(window, config=config)
    slow.act(large)
    heard = [slow.advance(slow.row + 1).happenings for _ in range(window.rows - window.first)]
    fills = slow.session.broker.fills
    ends = {fills[0].id, fills[-1].id}
    expected = [
        window.first + k + 1
        for k, found in enumerate(heard)
        if any(one.fill is None or one.fill.id in ends for one in found)
    ]
    assert len(fills) > 2
    assert slow.session.broker.orders[0].status == "filled"
    player = player_on(window, config=config)
    player.act(large)
    pauses = Pauses(player)
    pauses.set({"orders": True})
    assert [row for row, _ in run_paused(player, pauses)] == expected


def run_paused(player, pauses, step=700):
    stops = []
    while not player.at_end:
        goal = min(player.row + step, player.window.rows)
        stop = pauses.within(player.row, goal)
        player.advance(goal if stop is None else stop)
        stops += [(player.row, pauses.reason)] if stop is not None else []
    return stops


def test_pauses_stop_exactly_on_the_trade(window, known):
    _, events = known
    for pause, words in {
        "absorption": ("absorption", "candidate"),
        "volume_spike": ("volume_spike", "confirmed"),
        "touch": ("imbalance_zones", "retested"),
    }.items():
        player = player_on(window, some_detectors())
        pauses = Pauses(player)
        pauses.set({pause: True})
        expected = {
            row for row, e in events if (e.detector, e.state) == words and row > window.first
        }
        assert [row for row, _ in run_paused(player, pauses)] == sorted(expected)
    assert expected

    player = player_on(window)
    pauses = Pauses(player)
    pauses.set({"big_trade": 2_000_000})
    qty = window.trades(window.first, window.rows).qty
    pauses.set({"big_trade": int(np.sort(qty)[-5])})
    large = np.flatnonzero(qty >= np.sort(qty)[-5]) + window.first + 1
    assert run_paused(player, pauses) == [(row, "a big trade") for row in large.tolist()]


def test_pauses_at_levels_after_trades_and_at_bars(window, known):
    player = player_on(window)
    prices = window.trades(window.first, window.rows).price
    level = int(np.median(prices))
    pauses = Pauses(player)
    pauses.set({"levels": [[level - 1, level + 1]]})
    place = np.sign((prices > level + 1).astype(int) - (prices < level - 1))
    expected = [
        window.first + k + 1
        for k in range(1, len(prices))
        if place[k] != place[k - 1] and (place[k] == 0 or place[k - 1] != 0)
    ]
    assert [row for row, _ in run_paused(player, pauses)] == expected
    assert expected

    player = player_on(window)
    pauses = Pauses(player)
    pauses.set({"trades": 300})
    assert run_paused(player, pauses)[:2] == [
        (window.first + 300, "as many trades"),
        (window.first + 600, "as many trades"),
    ]
    pauses.set({"trades": 0, "bar": True})
    assert pauses.facts() == {"bar": True}
    player = player_on(window)
    pauses = Pauses(player)
    pauses.set({"bar": True})
    closes = [row for row in known[0] if row > window.first]
    assert [row for row, _ in run_paused(player, pauses)] == sorted(set(closes))


def test_what_no_pause_can_be(window):
    player = player_on(window)
    pauses = Pauses(player)
    for wrong in (
        {"moon": True}, {"bar": 1}, {"trades": True}, {"trades": -1}, {"big_trade": "x"},
        {"levels": 5}, {"levels": [[2, 1]]}, {"levels": [True, [1.5, 2]]},
    ):  # fmt: skip
        with pytest.raises(UsageError):
            pauses.set(wrong)
    with pytest.raises(UsageError, match="'absorption' listens to absorption, which is not on"):
        pauses.set({"absorption": True})
    assert pauses.facts() == {}
    assert pauses.within(player.row, player.row + 50) is None
    with pytest.raises(UsageError, match="the cursor stands at"):
        pauses.within(0, 5)
    for name in PAUSES:
        player.show(detectors=[*some_detectors(), PocRetest()])
        value = {"levels": [5], "trades": 3}.get(name, True)
        pauses.set({name: value})
        pauses.set({name: False if value is True else type(value)()})


def test_the_pacer_lets_trades_come_at_their_time(tmp_path):
    rows = [(k * SECOND_US, 100, 1, 1) for k in range(10)] + [(MINUTE_US * 30, 100, 1, 1)]
    window = player_of(tmp_path, rows).window
    pacer = Pacer(window)
    pacer.begin(1, 50.0)
    assert pacer.due(50.0) == 1
    assert pacer.wait(50.25) == pytest.approx(0.75)
    assert pacer.due(50.99) == 1
    assert pacer.due(51.0) == 2
    pacer.speed = 2.0  # from now on
    assert pacer.due(51.5) == 3
    assert pacer.clock() == MIDNIGHT + 2 * SECOND_US
    assert pacer.due(52.5) == 5
    pacer.speed = 0.25
    assert pacer.due(53.5) == 5
    assert pacer.due(56.5) == 6
    pacer.speed = 100.0
    assert pacer.due(56.6) == 10  # and then half an hour of silence
    assert pacer.wait(56.6) == 0
    assert pacer.due(56.65) == 11
    assert pacer.skipped == 1791 * SECOND_US - 11 * SECOND_US
    assert pacer.last_skip == (MIDNIGHT + 20 * SECOND_US, MIDNIGHT + 1800 * SECOND_US)
    assert pacer.wait(60) == math.inf
    pacer.begin(0, 0.0)
    assert pacer.due(0.0) == 1
    pacer.speed = math.inf
    assert (pacer.wait(0), pacer.due(0.0)) == (0, 11)
    for speed in (0, -1, 2_000, math.nan, -math.inf):
        with pytest.raises(UsageError, match="a speed of"):
            pacer.speed = speed
