"""The player: attempts, hindsight, strategies beside a person, checkpoints, rows of a window."""

from __future__ import annotations

import datetime as dt
import json
from dataclasses import replace
from decimal import Decimal

import numpy as np
import pyarrow.parquet as pq
import pytest
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
from replay_wander import in_batch
from typer.testing import CliRunner

from orderflow_bt import BarSpec, param
from orderflow_bt.cli import app
from orderflow_bt.detectors import BigTrades, VolumeSpike
from orderflow_bt.errors import CoverageError, PluginError, UsageError
from orderflow_bt.replay.engine.actions import checked
from orderflow_bt.replay.engine.checkpoints import Checkpoint, Checkpoints
from orderflow_bt.replay.engine.headless import read_script, run_headless
from orderflow_bt.replay.engine.listener import Listener
from orderflow_bt.replay.engine.player import Player
from orderflow_bt.replay.engine.scene import Scene, open_scene
from orderflow_bt.replay.engine.window import open_window
from orderflow_bt.replay.practice.journal import Journal
from orderflow_bt.run import Request, backtest
from orderflow_bt.sim import GapPolicy, LiquidateOn, SimConfig, TriggerOn
from orderflow_bt.sim.tiers import MarginMode
from orderflow_bt.store import Lake, decoded
from orderflow_bt.strategy import Strategy
from orderflow_bt.types import DAY_US, HOUR_US, MINUTE_US, Bar, BarStatus, MarketType

CONFIG = replace(SimConfig.for_market(MarketType.UM), leverage=None, cash=10**9)
END = MIDNIGHT + 2 * DAY_US


@pytest.fixture(scope="module")
def simulated(tmp_path_factory):
    return demo_lake(tmp_path_factory.mktemp("player"), days=2, per_day=8_000)


@pytest.fixture
def window(simulated):
    return open_window(*simulated, MIDNIGHT + DAY_US, END, warmup=DAY_US)


class Follows(Listener):
    def __init__(self):
        self.slices, self.rewinds = [], []

    def passed(self, passed):
        self.slices += passed.slices

    def rewound(self, row):
        self.slices = []
        self.rewinds.append(row)


def test_what_was_done_stays_when_one_goes_back(window):
    follower = Follows()
    player = Player(window, bars=ONE_MINUTE, config=CONFIG, listeners=[follower])
    first = window.first
    player.advance(first + 100)
    player.act({"do": "market", "side": 1, "qty": 5, "reason": "a hunch"})
    player.advance(first + 300)
    player.act({"do": "close"})
    player.advance(first + 500)
    assert (player.attempt, player.session.account.position) == (0, 0)
    fills = list(player.session.broker.fills)
    assert [fill.side for fill in fills] == [1, -1]
    player.seek(first + 450)  # nothing is undone by that
    assert player.attempt == 0
    assert player.session.broker.fills == fills
    player.seek(first + 200)  # the closing is
    assert (player.attempt, player.begun_at) == (1, first + 200)
    assert player.session.account.position == 5
    (left,) = player.attempts
    assert (left.number, left.since, left.left) == (0, 0, first + 450)
    assert left.fills == fills
    assert [trip.qty for trip in left.trips] == [5]
    assert [made.action["do"] for made in player.line] == ["market"]
    player.act({"do": "close"})
    player.advance(first + 499)
    player.act({"do": "market", "side": -1, "qty": 2})
    player.advance(first + 500)
    player.act({"do": "cancel_all"})
    told = [(made.attempt, made.hindsight) for made in player.actions]
    assert told == [(0, False), (0, False), (1, True), (1, True), (1, False)]
    player.seek(first + 400)  # an order is on its way
    assert player.attempt == 2
    assert player.attempts[0] is left
    assert [made.action["do"] for made in player.line] == ["market", "close"]
    assert len(player.actions) == 5
    assert player.furthest == first + 500


def test_going_back_with_a_position_begins_an_attempt(window):
    player = Player(window, bars=ONE_MINUTE, config=CONFIG)
    player.act({"do": "market", "side": 1, "qty": 5})  # at the very first row
    player.advance(window.first + 200)
    player.seek(window.first + 190)
    assert player.attempt == 1
    assert player.attempts[0].still_open.qty == 5
    assert player.session.broker.orders[0].decision_time == window.start


def test_nothing_before_the_practice_and_nothing_behind_its_end(window):
    player = Player(window, bars=ONE_MINUTE, config=CONFIG)
    player.seek(0)
    assert player.row == window.first
    with pytest.raises(UsageError, match="not at its end"):
        player.finish()
    player.seek(10**9)
    assert (player.row, player.at_end) == (window.rows, True)
    player.finish()
    assert player.now == window.end
    assert player.finish().slices == []
    with pytest.raises(UsageError, match="no orders are taken"):
        player.act({"do": "market", "side": 1, "qty": 1})
    player.seek(window.rows - 1)
    player.act({"do": "market", "side": 1, "qty": 1})


@pytest.mark.parametrize(
    ("action", "words"),
    [
        ({}, "None is no action"),
        ({"do": "buy"}, "'buy' is no action"),
        ({"do": "market", "side": 1}, "needs 'qty'"),
        ({"do": "market", "side": 2, "qty": 1}, "a side is"),
        ({"do": "market", "side": 1, "qty": 0}, "at least 1"),
        ({"do": "market", "side": 1, "qty": 1.5}, "an integer"),
        ({"do": "market", "side": 1, "qty": True}, "an integer"),
        ({"do": "market", "side": 1, "qty": 1, "price": 5}, "has no 'price'"),
        ({"do": "limit", "side": 1, "qty": 1, "price": 5, "post_only": 1}, "true or false"),
        ({"do": "limit", "side": 1, "qty": 1, "price": 5, "target": 6}, "goes with a stop"),
        ({"do": "bracket", "side": 1, "qty": 1, "stop": 5, "entry": "moon"}, "entered by"),
        ({"do": "bracket", "side": 1, "qty": 1, "stop": 5, "entry": "stop"}, "entered by stop"),
        ({"do": "bracket", "side": 1, "qty": 1, "stop": 5, "price": 4}, "must lie between"),
        ({"do": "limit", "side": 1, "qty": 1, "price": 5, "stop": 4, "post_only": True}, "never"),
        ({"do": "cancel", "order": 7}, "there is no order 7"),
    ],
)
def test_what_can_only_be_a_mistake_is_refused(window, action, words):
    player = Player(window, bars=ONE_MINUTE, config=CONFIG)
    with pytest.raises(UsageError, match=words):
        player.act(action)
    assert player.actions == []
    assert player.session.broker.orders == []


def test_notes_of_an_action_stay_with_it():
    action = {"do": "cancel_all", "reason": "bored", "tags": ["a"], "note": None}
    assert checked(action) == {"do": "cancel_all", "reason": "bored", "tags": ["a"]}


class Trades(Strategy):
    """Fades every volume spike, and is out again three bars later."""

    bars: BarSpec = param(ONE_MINUTE)

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self.out_at = 0

    def detectors(self):
        return [VolumeSpike(self.bars), BigTrades(clusters=500)]

    def on_event(self, event, market, broker):
        if market.position.is_flat and not broker.working:
            broker.market(-event.direction or 1, 5, reason=event)

    def on_fill(self, fill, market, broker):
        broker.timer(market.now + 3 * MINUTE_US)

    def on_timer(self, market, broker):
        broker.close()


def test_a_strategy_switched_on_in_the_middle_is_its_backtest(simulated, tmp_path):
    lake, tape = simulated
    start = MIDNIGHT + DAY_US
    config = SimConfig.for_market(MarketType.UM)
    request = Request("trades", Trades, {}, tape, start, END, config)
    metrics = backtest(lake, request, tmp_path / "run")
    window = open_window(lake, tape, start, END, warmup=0)  # less than the strategy wants
    assert window.first == 0
    player = Player(window, bars=ONE_MINUTE, config=config)
    player.seek(3_000)
    player.watch("trades", Trades())
    player.seek(1_000)
    player.seek(5_000)
    player.unwatch("trades")
    player.watch("trades", Trades())
    player.seek(4_000)
    player.seek(window.rows)
    player.finish()
    session = player.watched["trades"]
    told = pq.read_table(tmp_path / "run" / "fills.parquet").to_pylist()
    assert len(told) == len(session.broker.fills) == metrics["fills"] > 20
    names = ("time", "trade_id", "qty", "order_id", "ahead")
    for row, fill in zip(told, session.broker.fills, strict=True):
        assert [row[name] for name in names] == [getattr(fill, name) for name in names]
    orders = pq.read_table(tmp_path / "run" / "orders.parquet").to_pylist()
    assert [row["event_id"] for row in orders] == [o.event_id for o in session.broker.orders]
    equity = pq.read_table(tmp_path / "run" / "equity.parquet").to_pylist()
    assert [row["equity"] for row in equity] == [row.equity for row in session.equity]


class Protected(Trades):
    """The same, with a stop that only the mark price comes to."""

    def on_fill(self, fill, market, broker):
        super().on_fill(fill, market, broker)
        if fill.role == "entry":
            far = market.last - fill.side * market.last // 4
            broker.stop(-fill.side, fill.qty, far, reduce_only=True)


def test_a_replay_stops_and_liquidates_by_the_mark_as_its_run_does(tmp_path):
    lake, tape = demo_lake(tmp_path, days=2, per_day=4_000)
    start, luck = MIDNIGHT + DAY_US, np.random.default_rng(1)
    window = open_window(lake, tape, start, END, warmup=0)
    middle = int(window.trades(window.first, window.first + 1).price[0])
    far = luck.choice([0, 0, middle // 2], 1440)
    candles = np.stack([np.full(1440, middle) + sign * far for sign in (0, 1, -1, 0)])
    store_marks(lake, tape, DAY + dt.timedelta(days=1), candles,
                decimals=window.instrument.price_decimals)  # fmt: skip
    for name, changes in (
        ("stops", {"trigger_on": TriggerOn.MARK}),
        ("liquidations", {"leverage": Decimal(5), "margin": MarginMode.ISOLATED}),
        ("neither", {"liquidate_on": LiquidateOn.LAST, "leverage": Decimal(5)}),
    ):
        config = replace(SimConfig.for_market(MarketType.UM), **changes)
        request = Request("protected", Protected, {}, tape, start, END, config)
        metrics = backtest(lake, request, tmp_path / name)
        player = Player(window, bars=ONE_MINUTE, config=config)
        player.watch("protected", Protected())
        player.seek(window.rows)
        player.finish()
        broker = player.watched["protected"].broker
        told = pq.read_table(tmp_path / name / "fills.parquet").to_pylist()
        assert [(row["time"], row["price"], row["role"]) for row in told] == [
            (fill.time, fill.price, fill.role) for fill in broker.fills
        ]
        stopped = sum(order.trigger_time is not None for order in broker.orders)
        assert (stopped > 0) == (name == "stops")
        assert (metrics["liquidations"] > 0) == (name == "liquidations")


class Raises(Strategy):
    """Raises at its third trade, and cannot be saved."""

    def __init__(self, patience):
        super().__init__()
        self.left, self.never_saved = patience, (n for n in ())

    def __deepcopy__(self, memo):
        return Raises(self.left)

    def on_trade(self, trade, market, broker):
        self.left -= 1
        if self.left == 0:
            raise ValueError("enough")


def test_a_strategy_that_raises_is_switched_off_and_the_rest_goes_on(window):
    player = Player(window, bars=ONE_MINUTE, config=CONFIG)
    player.advance(window.first + 10)
    with pytest.raises(PluginError, match="enough"):
        player.watch("raises", Raises(5))  # in its past
    player.watch("raises", Raises(50))
    player.seek(window.first + 5)  # it cannot be saved, and is begun anew
    assert "raises" in player.watched
    player.advance(window.first + 60)
    assert player.row == window.first + 60
    assert player.watched == {}
    assert "enough" in str(player.failed["raises"])
    with pytest.raises(UsageError, match="has a name"):
        player.watch("", Raises(9))


def test_detectors_and_bars_that_are_shown_later_have_their_past(window):
    follower = Follows()
    player = Player(window, bars=ONE_MINUTE, config=CONFIG)
    player.advance(window.first + 700)
    player.act({"do": "market", "side": 1, "qty": 3})
    player.advance(window.first + 900)
    fills = list(player.session.broker.fills)
    player.follow(follower)
    player.show(detectors=some_detectors())
    player.show(detectors=some_detectors())
    assert follower.rewinds == [0, 0, 0]
    assert player.session.broker.fills == fills
    assert player.attempt == 0
    player.seek(window.rows)
    player.finish()
    player.show()  # at the end too
    assert known_of(follower.slices) == known_of(slices_whole(window, ONE_MINUTE, some_detectors()))


def test_checkpoints_are_bounded_and_closest_at_the_cursor():
    kept = Checkpoints(most=8)
    for row in range(0, 100_000, 100):
        kept.add(Checkpoint(row, 0, 0, 0, {"": b"x"}, []))
    rows = [found.row for found in kept]
    assert len(kept) == 8
    assert rows[0] == 0
    assert rows[-2:] == [99_800, 99_900]
    widths = np.diff(rows)
    assert list(widths) == sorted(widths, reverse=True)
    assert kept.nearest(99_899).row == 99_800
    assert kept.nearest(-1) is None
    kept.add(Checkpoint(99_900, 1, 0, 0, {"": b"yy"}, []))
    assert (len(kept), kept.nearest(10**9).bytes) == (8, 2)
    kept.drop_after(99_850)
    assert [found.row for found in kept][-1] == 99_800


@pytest.mark.parametrize("cache", [0, 10**9], ids=["decoded", "kept"])
def test_any_row_of_a_window_is_what_the_day_holds(tmp_path, monkeypatch, cache):
    monkeypatch.setattr(decoded, "PIECE_ROWS", 128)
    monkeypatch.setattr("orderflow_bt.replay.engine.window.PIECE_ROWS", 128)
    rng = np.random.default_rng(4)
    lake_of(
        tmp_path, random_day(rng, 700, begin=DAY_US - HOUR_US, span=HOUR_US + 5),
        random_day(rng, 500),
    )  # fmt: skip
    lake = Lake(tmp_path, cache_limit=cache)
    start, end = MIDNIGHT + DAY_US + MINUTE_US, MIDNIGHT + DAY_US + 50 * MINUTE_US
    window = open_window(lake, TAPE, start, end, warmup=HOUR_US)
    whole = [piece.trades for piece in lake.read_pieces(TAPE, [d.date for d in window.days], 1, 0)]
    times = np.maximum.accumulate(np.concatenate([trades.time for trades in whole]))
    ids = np.concatenate([trades.id for trades in whole])
    assert window.rows == np.searchsorted(times, end)
    assert window.first == np.searchsorted(times, start)
    for _ in range(200):
        row, count = int(rng.integers(window.rows)), int(rng.integers(1, 400))
        piece = window.trades(row, row + count)
        stop = min(row + count, window.rows)
        assert piece.id.tolist() == ids[row:stop].tolist()
        assert piece.time.tolist() == times[row:stop].tolist()
        at = int(times[row] + rng.integers(-1, 2))
        assert window.row_at(at) == min(np.searchsorted(times, at), window.rows)
        assert window.time_of(row) == times[row]
    assert window.time_of(window.rows) == end
    assert window.row_of_day(window.days[1].date) == 700
    assert window.trades(5, 5).rows == 0
    with pytest.raises(UsageError, match="has no row"):
        window.time_of(-1)
    window.close()
    assert window.time_of(3) == times[3]


def test_days_that_are_missing_are_told_as_in_a_run(tmp_path):
    rng = np.random.default_rng(6)
    lake = lake_of(tmp_path, *(random_day(rng, 200, begin=DAY_US - HOUR_US) for _ in range(3)))
    lake.day_path(TAPE, DAY + dt.timedelta(days=1)).unlink()
    with pytest.raises(CoverageError, match="1 of 3 days"):
        open_window(lake, TAPE, MIDNIGHT, MIDNIGHT + 3 * DAY_US, warmup=0)
    window = open_window(lake, TAPE, MIDNIGHT, MIDNIGHT + 3 * DAY_US, warmup=0, accept_gaps=True)
    assert window.coverage["missing_days"] == ["2024-01-03"]
    assert window.rows == 400
    bars, follower = BarSpec.parse("4h"), Follows()
    player = Player(
        window, bars=bars, detectors=some_detectors(bars), config=CONFIG, listeners=[follower]
    )
    player.seek(230)
    player.seek(190)
    player.seek(400)
    player.finish()
    assert known_of(follower.slices) == known_of(slices_whole(window, bars, some_detectors(bars)))
    lost = [bar for _, _, bar, _ in known_of(follower.slices)[0] if bar[Bar._fields.index("status")]
            == BarStatus.GAP]  # fmt: skip
    assert len(lost) > 5


@pytest.mark.parametrize("policy", GapPolicy)
def test_an_order_at_the_start_that_lies_inside_a_gap_is_the_one_of_a_run(tmp_path, policy):
    before = (DAY_US - 50_000_000, 10_000, 5, 1)
    after = [None, (61_000_000, 9_990, 50, -1), (62_000_000, 10_000, 5, 1)]
    lake, start = lake_of(tmp_path, [before], after), MIDNIGHT + DAY_US
    window = open_window(lake, TAPE, start, start + HOUR_US, warmup=DAY_US, accept_gaps=True)
    config = replace(CONFIG, gap_policy=policy)
    player = Player(window, bars=ONE_MINUTE, config=config)
    player.act({"do": "limit", "side": 1, "qty": 3, "price": 9_995})
    player.seek(window.rows)
    player.finish()
    batch = in_batch(window, player.line, config)
    assert player.session.broker.orders == batch.broker.orders
    assert [order.status for order in batch.broker.orders] == ["filled"]


def test_a_window_without_trades_is_refused(tmp_path):
    lake = lake_of(tmp_path, [(5, 100, 1, 1), (9, 100, 1, 1)])
    with pytest.raises(CoverageError, match="no trade of"):
        open_window(lake, TAPE, MIDNIGHT + 10, MIDNIGHT + 100, warmup=0)
    with pytest.raises(CoverageError, match="has no day"):
        open_window(lake, TAPE, END, END + 1, warmup=0)
    with pytest.raises(UsageError, match="a window from"):
        open_window(lake, TAPE, MIDNIGHT, MIDNIGHT, warmup=0)


def test_the_command_writes_the_same_bytes_at_any_pace(simulated, tmp_path):
    lake, tape = simulated
    script = tmp_path / "script.jsonl"
    window = open_window(lake, tape, END - 10 * MINUTE_US, END, warmup=DAY_US)
    row = window.first
    script.write_text(
        "".join(
            json.dumps(line) + "\n"
            for line in (
                {"n": 0, "kind": "note", "text": "passed over"},
                {"row": row, "action": {"do": "market", "side": 1, "qty": 2}},
                {"kind": "action", "row": row + 3, "action": {"do": "close"}, "order": 1},
                {"kind": "seek", "row": row + 4, "to": row + 1},
                {"row": row + 2, "action": {"do": "market", "side": 1, "qty": 1}},
            )
        )
    )
    line = [
        "--data", str(lake.root), "replay", tape.symbol, "--date", "2024-01-03", "--time", "23:50",
        "--headless", "--detector", "imbalance_zones,least=2", "--detector", "big_trades",
        "--strategy", "delta_divergence", "--script", str(script),
    ]  # fmt: skip
    told = []
    for speed in ("max", "1000"):
        out = tmp_path / speed
        done = CliRunner().invoke(app, [*line, "--speed", speed, "--dump", str(out)])
        assert done.exit_code == 0, done.output
        told.append(out.read_bytes())
        assert not out.with_name(f"{speed}.part").exists()
    assert told[0] == told[1]
    lines = [json.loads(text) for text in told[0].splitlines()]
    assert lines[0]["detectors"]["imbalance_zones,least=2"]["bars"] == "1m"
    assert [entry["action"] for entry in lines if "action" in entry][-1]["qty"] == 1
    assert [entry["attempt"] for entry in lines if "left" in entry] == [0]
    totals = lines[-1]["totals"]
    assert (totals["attempts"], totals["actions"], totals["bars"]) == (2, 2, 11)
    assert {
        "row": row,
        "time": window.start,
        "attempt": 0,
        "hindsight": False,
        "id": 0,
    }.items() <= {
        k: v
        for entry in lines
        if "action" in entry
        for k, v in entry.items()
        if entry["row"] == row
    }.items()


def test_a_journal_is_a_script(window, tmp_path):
    facts = {"tape": {"symbol": "X"}, "window": {}, "bars": "1m"}
    player = Player(window, bars=ONE_MINUTE, config=CONFIG)
    with Journal.open(tmp_path / "practice", facts) as journal:
        for move, what in (
            (50, {"do": "market", "side": 1, "qty": 3, "reason": "absorbed"}),
            (70, {"do": "close"}),
            (300, -200), (10, {"do": "limit", "side": -1, "qty": 2, "price": 9_000}), (400, None),
        ):  # fmt: skip
            player.advance(player.row + move)
            at = {"row": player.row, "time": player.now, "attempt": player.attempt}
            if isinstance(what, dict):
                journal.write("action", **at, action=what, order=player.act(what))
            elif what is not None:
                journal.write("seek", **at, to=player.row + what)
                player.seek(player.row + what)
            journal.write("note", **at, text="so it was")
    player.seek(window.rows)
    player.finish()
    scene = Scene(window, ONE_MINUTE, {}, {}, CONFIG)
    file = tmp_path / "practice" / "journal.jsonl"
    file.write_text(file.read_text() + '{"kind": "act')  # the machine went off
    run_headless(scene, tmp_path / "dump", script=read_script(file))
    lines = [json.loads(line) for line in (tmp_path / "dump").read_text().splitlines()]
    fills = [line["fill"]["id"] for line in lines if "fill" in line]
    assert fills == [fill.id for fill in player.session.broker.fills]
    assert lines[-1]["totals"]["equity"] == str(player.session.market.equity)
    assert [line["hindsight"] for line in lines if "action" in line] == [
        made.hindsight for made in player.line
    ]
    assert len(fills) > 1


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("nonsense", "no JSON"),
        ("[1]", "no object"),
        ('{"row": 5}', "needs row"),
        ('{"row": "a", "to": 5}', "needs row"),
        ('{"row": 5, "to": 1, "action": {}}', "needs row"),
    ],
)
def test_what_no_script_can_hold(tmp_path, text, words):
    script = tmp_path / "script"
    script.write_text("\n" + text + "\n")
    with pytest.raises(UsageError, match=words) as error:
        read_script(script)
    assert error.value.where == f"{script}:2"
    with pytest.raises(UsageError, match="cannot be read"):
        read_script(tmp_path / "nothing")


def test_what_the_command_refuses_leaves_nothing(simulated, tmp_path):
    lake, tape = simulated
    script, out = tmp_path / "script", tmp_path / "dump"
    line = ["--data", str(lake.root), "replay", tape.symbol, "--date", "2024-01-03",
            "--headless", "--dump", str(out)]  # fmt: skip
    for text, words in (
        ('{"row": 1, "action": {"do": "close"}}', "the script asks for row 1"),
        ('{"row": 99999999, "to": 5}', "the script asks for row 99999999"),
        ('{"row": 15000, "action": {"do": "fly"}}', "'fly' is no action"),
    ):
        script.write_text(text)
        done = CliRunner().invoke(app, [*line, "--script", str(script)])
        assert done.exit_code == 2
        assert words in done.output
        assert list(tmp_path.iterdir()) == [script]
    for more, words in (
        (["--speed", "fast"], "is no speed"),
        (["--speed", "2000"], "a speed of 2000"),
        (["--detector", "big_trades,oops"], "not name=value"),
        (["--detector", "bog_trades"], "Did you mean"),
        (["--bars", "7x"], "bar specification"),
        (["--time", "25:00"], "is no time of day"),
        (["--date", "2025-01-01"], "has no day"),
    ):
        done = CliRunner().invoke(app, [*line, *more])
        assert done.exit_code != 0
        assert words in done.output.replace("\n", " ")
    assert not out.exists()


def test_a_scene_reads_as_far_back_as_its_detectors_look(simulated):
    lake, tape = simulated
    scene = open_scene(
        lake, tape, MIDNIGHT + DAY_US, END, bars=ONE_MINUTE, config=CONFIG, warmup=0,
        detectors=["big_trades"],
    )  # fmt: skip
    assert scene.window.days[0].date == DAY
    assert scene.player().row == scene.window.first > 0
