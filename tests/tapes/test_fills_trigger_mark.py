"""Stops that the exchange's mark price triggers, on text tapes and against a plain definition."""

from __future__ import annotations

import os
from dataclasses import replace
from decimal import Decimal

import numpy as np
import pytest
from mark_days import Typed, flat, random_marks, random_tape
from tape_words import ends, steps, told

from orderflow_bt import BarSpec, Strategy, param, time_bars
from orderflow_bt.instruments import Instrument
from orderflow_bt.sim import GapPolicy, TriggerOn, restore, snapshot
from orderflow_bt.sim.declared import readings_of
from orderflow_bt.sim.session import Session
from orderflow_bt.testing.tape import MIDNIGHT_2024, PLAIN, Script, Tape, run_trades
from orderflow_bt.types import MINUTE_US, MarketType

EXAMPLES = int(os.environ.get("ORDERFLOW_BT_EXAMPLES", "60"))
ON_MARK = replace(PLAIN, trigger_on=TriggerOn.MARK)
CALM = {m: flat(1_000) for m in range(9)}
WALK = "B 1000 1 | B 1000 1 | S 990 1 | +59s S 1000 9 | +60s S 1000 9 | +60s S 1000 9"


def play(text, marks, script, config=ON_MARK, **more):
    tape = Tape(text, start=MIDNIGHT_2024 + 1_000)
    marks = Typed(marks, decimals=0)
    return run_trades(
        tape.trades, tape.instrument, steps(script), config=config, marks=marks,
        **{"end": MIDNIGHT_2024 + 6 * MINUTE_US} | more,
    )  # fmt: skip


def stop(side, price, **more):
    return lambda market, broker: broker.stop(side, 1, price, **more)


def triggers(run):
    """Minutes since midnight at which orders were triggered, and what became of them."""
    return [
        (None if o.trigger_time is None else (o.trigger_time - MIDNIGHT_2024) / MINUTE_US)
        for o in run.orders
    ]


def test_the_last_price_triggers_nothing_where_the_mark_holds():
    run = play(WALK, CALM, {1: stop(-1, 995)})
    assert triggers(run) == [None]
    assert told(play(WALK, CALM, {1: stop(-1, 995)}, PLAIN))[0].startswith("trade 4: sell 1")


@pytest.mark.parametrize(
    ("order", "candle", "edge"),
    [
        (stop(-1, 995), (1_000, 1_000, 995, 1_000), 2),  # the low, known where its minute ends
        (stop(-1, 994), (1_000, 1_000, 995, 1_000), None),
        (stop(1, 1_005), (1_000, 1_005, 1_000, 1_000), 2),
        (stop(1, 1_006), (1_000, 1_005, 1_000, 1_000), None),
        (stop(-1, 995), (995, 1_000, 995, 1_000), 1),  # its open, where it begins
        (lambda _, b: b.if_touched(1, 1, 995), (1_000, 1_000, 995, 1_000), 2),
        (lambda _, b: b.if_touched(-1, 1, 1_005), (1_000, 1_005, 1_000, 1_000), 2),
    ],
)
def test_a_candle_counts_when_it_is_known(order, candle, edge):
    run = play(WALK, CALM | {1: candle}, {1: order})
    assert triggers(run) == [edge]
    if edge == 2:  # the first trade behind the minute's end
        assert [f.trade_id for f in run.fills] == [6]


def test_extremes_count_for_orders_that_waited_all_through_the_minute():
    dip = (1_000, 1_000, 990, 1_000)
    assert triggers(play(WALK, CALM | {0: dip}, {1: stop(-1, 995)})) == [None]
    assert triggers(play(WALK, CALM | {0: (1_000, 1_000, 990, 994)}, {1: stop(-1, 995)})) == [1]


def test_a_changed_price_counts_from_its_change_on():
    dip = (1_000, 1_000, 990, 1_000)

    def change(_, broker):
        broker.replace(0, price=995)

    script = {1: stop(-1, 900), 5: change}  # in the second minute
    assert triggers(play(WALK, CALM | {1: dip, 2: flat(1_000)}, script)) == [None]
    assert triggers(play(WALK, CALM | {1: flat(1_000), 2: dip}, script)) == [3]


def test_the_order_leaves_one_trigger_latency_behind_the_edge():
    late = replace(ON_MARK, trigger_latency=30_000_000)
    text = "B 1000 1 | B 1000 1 | +60s S 1000 1 | +60s S 998 1 | +29s S 997 1 | +1s S 996 1"
    run = play(text, CALM | {1: (1_000, 1_000, 995, 1_000)}, {1: stop(-1, 995)}, late)
    assert told(run) == ["trade 6: sell 1 at 996, took"]
    assert run.orders[0].trigger_time == MIDNIGHT_2024 + 2 * MINUTE_US


def test_a_stop_limit_goes_to_its_limit():
    dip = {1: (1_000, 1_000, 995, 1_000)}
    run = play(WALK + " | B 1001 5", CALM | dip, {1: stop(-1, 995, limit=1_001)})
    assert triggers(run) == [2]
    assert told(run) == ["trade 7: sell 1 at 1001, queue"]


def trail(side, distance, **more):
    return lambda market, broker: broker.trailing_stop(side, 1, distance, **more)


@pytest.mark.parametrize(
    ("first", "second", "edge", "price"),
    [
        # it begins at 990, behind the latest mark known; the high moves it to 1,020
        ((1_000, 1_030, 1_000, 1_030), (1_030, 1_030, 1_020, 1_025), 3, 1_020),
        ((1_000, 1_030, 1_000, 1_030), (1_030, 1_030, 1_021, 1_025), None, 1_020),
        # a low is tested by the stop as it stood before: nobody knows which came first
        ((1_000, 1_030, 990, 1_030), flat(1_030), 2, 990),
        ((1_000, 1_030, 991, 1_030), flat(1_030), None, 1_020),
        # but the close comes behind the high
        ((1_000, 1_030, 1_000, 1_020), flat(1_030), 2, 1_020),
        ((1_000, 1_030, 1_000, 1_021), flat(1_030), None, 1_020),
    ],
)
def test_a_trailing_stop_follows_the_mark(first, second, edge, price):
    late = {m: flat(1_025) for m in range(3, 9)}
    run = play(WALK, CALM | late | {1: first, 2: second}, {1: trail(-1, 10)})
    assert triggers(run) == [edge]
    order = run.orders[0] if edge else run.session.broker.working[0]
    assert order.price == price


def test_marks_between_two_price_units_do_not_trigger_a_price_they_did_not_reach():
    tape = Tape(WALK, start=MIDNIGHT_2024 + 1_000)

    def ran(low, **more):
        marks = Typed({m: flat(100_000) for m in range(9)} | {1: (100_000, 100_000, low, 100_000)},
                      decimals=2)  # fmt: skip
        return run_trades(
            tape.trades, tape.instrument, steps({1: more.pop("order", stop(-1, 995))}),
            config=ON_MARK, marks=marks,
        )  # fmt: skip

    assert triggers(ran(99_501)) == [None]
    assert triggers(ran(99_500)) == [2]
    trailing = ran(99_999, order=trail(-1, 2))  # 999.99 moves nothing; 1,000 held it at 998
    assert trailing.session.broker.working[0].price == 998


def test_where_no_minute_is_known_the_last_price_triggers():
    known = {0: flat(1_000), 3: flat(1_000)}
    run = play(WALK + " | +60s S 990 1 | S 990 1", known, {1: stop(-1, 995)})
    assert triggers(run) == [None]
    text = "B 1000 1 | B 1000 1 | +60s S 1000 1 | +60s S 990 1 | S 989 1"
    run = play(text, known, {1: stop(-1, 995)})
    assert told(run) == ["trade 5: sell 1 at 989, took"]


def test_it_triggers_where_trades_are_missing_and_fills_behind_the_hole():
    text = "B 1000 1 | B 1000 1 | +60s S 1000 1 | #9 +300s S 980 1 | S 979 1"
    fall = CALM | {3: flat(990)}
    run = play(text, fall, {1: stop(-1, 995)})
    assert triggers(run) == [3]
    assert told(run) == ["trade 9: sell 1 at 980, took"]
    limit = play(text + " | B 996 1", fall, {1: stop(-1, 995, limit=996)})
    assert told(limit) == ["trade 11: sell 1 at 996, queue"]
    gone = replace(ON_MARK, gap_policy=GapPolicy.CANCEL_ORDERS)
    assert ends(play(text, fall, {1: stop(-1, 995)}, gone)) == [
        "entry stop filled 0 of 1, cancelled: trades are missing"
    ]


def test_a_brackets_stop_waits_for_the_mark_too():
    def bracket(market, broker):
        broker.bracket(1, 1, stop=995, target=1_050)

    run = play(WALK, CALM | {1: (1_000, 1_000, 990, 1_000)}, {1: bracket})
    assert told(run) == ["trade 2: buy 1 at 1000, took", "trade 6: sell 1 at 1000, took"]
    assert [f.role for f in run.fills] == ["entry", "stop"]


# -- against a plain definition, minute by minute -------------------------------------------------

MIDDLE = 1_000_000  # of prices that are mirrored


def case(seed):
    """A random tape with marks, and orders that wait: (kind, side, offset, changed to)."""
    luck = np.random.default_rng(seed)
    trades = random_tape(seed, 60)
    candles = random_marks(trades, seed)
    script = {}
    for _ in range(int(luck.integers(1, 6))):
        kind = ("stop", "trailing_stop", "if_touched")[luck.integers(3)]
        side, offset = int(luck.choice([1, -1])), int(luck.integers(1, 40))
        script.setdefault(int(luck.integers(0, 50)), []).append((kind, side, offset))
    delay = int(luck.choice([0, 100_000, 45_000_000]))
    return trades, candles, script, replace(ON_MARK, entry_latency=delay, trigger_latency=delay)


def placing(todo, sense=1):
    def step(market, broker):
        for kind, side, offset in todo:
            if kind == "trailing_stop":
                broker.trailing_stop(sense * side, 1, offset)
            else:
                away = side if kind == "stop" else -side
                getattr(broker, kind)(sense * side, 1, market.last + sense * away * offset)

    return step


def ran(trades, candles, script, config, *, sense=1, chunks=()):
    units = Instrument("x", MarketType.UM, "X", 1, 0)
    plan = {row: placing(todo, sense) for row, todo in script.items()}
    end = int(trades.time[-1]) + 3 * MINUTE_US
    return run_trades(
        trades, units, Script(plan), config=config, chunks=chunks, end=end,
        marks=Typed(candles, decimals=3),
    )  # fmt: skip


def expected(order, trades, candles, script):
    """When an order is triggered: all that it meets, in order of time."""
    meets = []  # (time, rank, low, high, moves by itself)
    for minute in range(int(trades.time[-1] - MIDNIGHT_2024) // MINUTE_US + 4):
        edge = MIDNIGHT_2024 + minute * MINUTE_US
        if edge > trades.time[-1] + 3 * MINUTE_US or edge <= order.arrival_time:
            continue
        if minute - 1 in candles:
            _, high, low, close = candles[minute - 1]
            if order.arrival_time <= edge - MINUTE_US:
                meets.append((edge, 0, low, high))
            meets.append((edge, 1, close, close))
        if minute in candles:
            meets.append((edge, 2, candles[minute][0], candles[minute][0]))
    for row, time in enumerate(trades.time.tolist()):
        known = (time - MIDNIGHT_2024) // MINUTE_US in candles
        if not known and time >= order.arrival_time and row > sent_at(order, script):
            price = int(trades.price[row]) * 100
            meets.append((time, 3, price, price))
    level = None if order.kind == "trailing_stop" else 100 * order.price
    distance = 100 * (order.trail or 0)
    if order.kind == "trailing_stop":
        level = start_of(order, candles) + order.side * distance
    up = (order.side > 0) == (order.kind != "if_touched")
    for time, _, low, high in sorted(meets, key=lambda met: met[:2]):
        if (high >= level) if up else (low <= level):
            return time, level
        if distance:
            best = low if order.side > 0 else high
            whole = -(-best // 100) if order.side > 0 else best // 100  # outwards
            behind = 100 * whole + order.side * distance
            level = min(level, behind) if order.side > 0 else max(level, behind)
    return None, level


def start_of(order, candles):
    """The latest mark known when it arrives, the open of its minute; None where there is none."""
    minute = (order.arrival_time - MIDNIGHT_2024) // MINUTE_US
    if minute in candles:
        price = candles[minute][0]
        return 100 * (-(-price // 100) if order.side > 0 else price // 100)
    return None


def sent_at(order, script):
    """The row after which it was decided."""
    rows = [row for row, todo in sorted(script.items()) for _ in todo]
    return rows[order.id]


@pytest.mark.parametrize("first", range(0, EXAMPLES, 20))
def test_orders_are_triggered_where_the_definition_says(first):
    found = 0
    for seed in range(first, first + 20):
        trades, candles, script, config = case(seed)
        run = ran(trades, candles, script, config)
        for order in run.orders:
            if order.kind == "trailing_stop" and start_of(order, candles) is None:
                continue  # it starts behind a trade: which one is the last price's affair
            if order.arrival_time is None or order.status == "rejected":
                continue
            when, _ = expected(order, trades, candles, script)
            assert order.trigger_time == when, (seed, order)
            found += when is not None
    assert found > 10


@pytest.mark.parametrize("first", range(0, EXAMPLES, 20))
def test_neither_chunks_nor_a_mirror_change_what_is_triggered(first):
    for seed in range(first, first + 20):
        trades, candles, script, config = case(seed)
        run = ran(trades, candles, script, config)
        assert ran(trades, candles, script, config, chunks=tuple(range(1, 60))).orders == run.orders
        turned = trades._replace(price=MIDDLE - trades.price, side=-trades.side)
        mirrored = {
            minute: (100 * MIDDLE - o, 100 * MIDDLE - low, 100 * MIDDLE - high, 100 * MIDDLE - c)
            for minute, (o, high, low, c) in candles.items()
        }
        back = ran(turned, mirrored, script, config, sense=-1)
        assert [o.trigger_time for o in back.orders] == [o.trigger_time for o in run.orders]
        assert [(f.time, f.qty, -f.side, MIDDLE - f.price) for f in back.fills] == [
            (f.time, f.qty, f.side, f.price) for f in run.fills
        ]


def test_a_snapshot_goes_on_as_if_it_had_not_been():
    for seed in range(8):
        trades, candles, script, config = case(seed)
        whole = ran(trades, candles, script, config)
        strategy = Scripted(script)
        units = Instrument("x", MarketType.UM, "X", 1, 0)
        readings = readings_of(strategy, units, ids_are_continuous=True)
        session = Session(
            strategy, units, config, readings.specs, start=0, marks=Typed(candles, decimals=3)
        )
        for row in range(trades.rows):
            session.feed(readings.feed(trades.slice(row, row + 1)))
            if row % 7 == 0:
                readings, (session,) = restore(snapshot(readings, session))
        end = int(trades.time[-1]) + 3 * MINUTE_US
        session.feed(readings.close_until(end, trades.slice(0, 0)))
        session.finish(end)
        assert list(session.broker.orders) == whole.orders
        assert list(session.broker.fills) == whole.fills


class Scripted(Script):
    """A script of plain values, which can be saved."""

    def __init__(self, script):
        super().__init__({})
        self.script, self.row = script, -1

    def on_trade(self, trade, market, broker):
        self.row += 1
        placing(self.script.get(self.row, []))(market, broker)


class AtBars(Strategy):
    """Sends what stands for each bar, and hears of nothing else: minutes may be passed over."""

    bars: BarSpec = param(time_bars("5m"))

    def __init__(self, script):
        super().__init__()
        self.script, self.count = script, -1

    def on_bar(self, spec, bar, market, broker):
        self.count += 1
        if self.count % 7 == 6:
            broker.cancel_all()
        placing(self.script.get(self.count, []))(market, broker)


class AtBarsAndTrades(AtBars):
    """The same, but no trade and no minute is passed over."""

    def on_trade(self, trade, market, broker):
        assert trade.price > 0


@pytest.mark.parametrize("first", range(0, EXAMPLES, 20))
def test_minutes_that_are_passed_over_change_nothing(first):
    found = 0
    for seed in range(first, first + 20):
        trades, candles, script, config = case(seed)
        script = {row // 3: todo for row, todo in script.items()}
        units = Instrument("x", MarketType.UM, "X", 1, 0)
        config = replace(config, leverage=Decimal(3), cash=Decimal(900))
        runs = [
            run_trades(
                trades, units, kind(script), config=config, chunks=chunks,
                marks=Typed(candles, decimals=3), end=int(trades.time[-1]) + 3 * MINUTE_US,
            )
            for kind, chunks in ((AtBars, ()), (AtBars, (9, 10, 40)), (AtBarsAndTrades, ()))
        ]  # fmt: skip
        assert runs[0].orders == runs[1].orders == runs[2].orders, seed
        assert runs[0].fills == runs[1].fills == runs[2].fills, seed
        found += sum(order.trigger_time is not None for order in runs[0].orders)
    assert found > 10
