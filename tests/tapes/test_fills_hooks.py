"""When a strategy hears of things, in which order, and what it may not do."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

import pytest
from tape_words import MS, after, config, ends, send, told

from orderflow_bt import Detector, Event, param, time_bars
from orderflow_bt.errors import PluginError
from orderflow_bt.sim import Readings, Session
from orderflow_bt.strategy import Strategy
from orderflow_bt.testing.tape import MIDNIGHT_2024, PLAIN, Tape
from orderflow_bt.types import BarSpec


class Bell(Detector):
    """An event at every close."""

    name = "bell"
    bars: BarSpec = param(time_bars("1s"))

    @property
    def lookback(self):
        return 0

    def on_bar(self, bar):
        yield Event(bar.close_time, "bell", "ring", 1, "confirmed", 1, 1, 1, 1.0)


class Diary(Strategy):
    """Writes down every hook with its time; sends an order at first sight."""

    fast: BarSpec = param(time_bars("1s"))
    slow: BarSpec = param(time_bars("2s"))

    def __init__(self, *given, **named):
        super().__init__(*given, **named)
        self.diary = []

    def detectors(self):
        return [Bell()]

    def write(self, market, word):
        self.diary.append(((market.now - MIDNIGHT_2024) // MS, word))

    def on_fill(self, fill, market, broker):
        self.write(market, "fill")

    def on_order(self, order, market, broker):
        self.write(market, f"order {order.status}")

    def on_bar(self, spec, bar, market, broker):
        self.write(market, f"bar {spec}")

    def on_event(self, event, market, broker):
        self.write(market, "event")

    def on_timer(self, market, broker):
        self.write(market, "timer")

    def on_trade(self, trade, market, broker):
        self.write(market, f"trade {trade.id}")
        if trade.id == 1:
            broker.market(1, 1)
            broker.timer(MIDNIGHT_2024 + 2000 * MS)


def test_hooks_of_one_instant_have_their_order():
    diary = Diary()
    tape = Tape("B 100 1 | +1s B 100 9 | +1s B 101 1 | +1ms B 102 1", start=MIDNIGHT_2024)
    tape.run(diary, config=config(entry_latency=1, response_latency=1000))
    assert diary.diary == [
        (0, "trade 1"),
        (1000, "bar 1s"), (1000, "event"), (1000, "trade 2"),
        # accepted at 1 ms, heard at 1001
        (1001, "order working"),
        # the fill of trade 2, heard at 2000, before the bars that close there
        (2000, "fill"), (2000, "bar 1s"), (2000, "bar 2s"), (2000, "event"), (2000, "timer"),
        (2000, "trade 3"),
        (2001, "trade 4"),
    ]  # fmt: skip


def test_without_response_latency_a_fill_is_heard_before_its_trade():
    diary = Diary()
    Tape("B 100 1 | B 100 9").run(diary)
    assert diary.diary == [
        (0, "trade 1"), (0, "order working"), (1, "fill"), (1, "trade 2"),
    ]  # fmt: skip


def test_a_timer_of_the_past_rings_at_once_and_before_the_next_trade():
    class Late(Diary):
        def on_trade(self, trade, market, broker):
            self.write(market, f"trade {trade.id}")
            if trade.id == 1:
                broker.timer(MIDNIGHT_2024 - 5)

    late = Late()
    Tape("B 100 1 | +0us B 100 9").run(late)
    assert late.diary == [(0, "trade 1"), (0, "timer"), (0, "trade 2")]


def test_timers_ring_between_trades_and_after_the_last():
    class Alarm(Strategy):
        def __init__(self):
            super().__init__()
            self.rang = []

        def on_trade(self, trade, market, broker):
            if trade.id == 1:
                for time in (7, 3, 3, 50):
                    broker.timer(MIDNIGHT_2024 + time * MS)

        def on_timer(self, market, broker):
            self.rang.append((market.now - MIDNIGHT_2024) // MS)

    alarm = Alarm()
    Tape("B 100 1 | +5ms B 100 9").run(alarm, end=MIDNIGHT_2024 + 20 * MS)
    assert alarm.rang == [3, 3, 7]


def test_arrivals_come_before_expiries_of_the_same_time():
    heard = []

    class Listener(Strategy):
        def on_trade(self, trade, market, broker):
            if trade.id == 1:
                broker.limit(1, 1, 50, expires=5 * MS)
            if trade.id == 2:
                broker.limit(1, 1, 51)

        def on_order(self, order, market, broker):
            heard.append((order.id, order.status))

    Tape("B 100 1 | +2ms B 100 9 | +9ms B 100 9").run(Listener(), config=config(entry_latency=3))
    assert heard == [(0, "working"), (1, "working"), (0, "expired")]


def test_a_strategy_that_answers_itself_for_ever_is_stopped():
    class Loop(Strategy):
        def on_trade(self, trade, market, broker):
            broker.timer(market.now)

        def on_timer(self, market, broker):
            broker.timer(market.now)

    with pytest.raises(PluginError, match="Loop keeps answering itself while time stands still"):
        Tape("B 100 1 | B 100 9").run(Loop())


def test_an_answer_to_a_fill_leaves_after_the_response():
    class Answer(Strategy):
        def on_trade(self, trade, market, broker):
            if trade.id == 1:
                broker.market(1, 1)

        def on_fill(self, fill, market, broker):
            if fill.id == 0:
                broker.market(-1, 1)

    # decided 0, arrives 10, fills 10 (trade 2), heard 20, arrives 30
    tape = Tape("B 100 1 | +10ms B 101 9 | +19ms B 102 9 | +1ms B 103 9")
    run = tape.run(Answer(), config=config(latency=10))
    assert told(run) == ["trade 2: buy 1 at 101, took", "trade 4: sell 1 at 103, took"]
    assert run.orders[1].decision_time == MIDNIGHT_2024 + 20 * MS


def test_a_notice_between_two_arrivals_is_heard_between_them():
    class Chain(Strategy):
        def __init__(self):
            super().__init__()
            self.heard = []

        def on_trade(self, trade, market, broker):
            if trade.id == 1:
                broker.limit(1, 1, 50)
            if trade.id == 2:
                broker.limit(1, 1, 51)

        def on_order(self, order, market, broker):
            self.heard.append((order.id, (market.now - MIDNIGHT_2024) // MS))
            if order.id == 0:
                broker.market(1, 1)

    # arrivals at 10 and 16; the first is heard at 13, its answer arrives at 23
    chain = Chain()
    run = Tape("B 100 1 | +6ms B 100 9 | +16ms B 101 9 | +1ms B 102 9").run(
        chain, config=config(entry_latency=10, response_latency=3)
    )
    assert chain.heard == [(0, 13), (1, 19)]
    assert told(run) == ["trade 4: buy 1 at 102, took"]


def test_orders_are_disabled_during_the_warm_up():
    class Eager(Strategy):
        def __init__(self):
            super().__init__()
            self.ids = []

        def on_trade(self, trade, market, broker):
            self.ids.append(broker.market(1, 1))
            self.ids.append(broker.bracket(1, 1, stop=90, target=110))
            broker.cancel(self.ids[0])

    tape = Tape("B 100 9 | B 100 9 | B 100 9")
    eager = Eager()
    readings = Readings([], [], ids_are_continuous=True, row_size=1)
    session = Session(eager, tape.instrument, PLAIN, [], start=MIDNIGHT_2024 + 1 * MS)
    session.feed(readings.feed(tape.trades))
    assert eager.ids == [-1, -1, 0, 1, 4, 5]  # a bracket has two legs
    assert [fill.order_id for fill in session.broker.fills] == [0, 1]


# -- nonsense ---------------------------------------------------------------------------------


def raises(step):
    with pytest.raises(PluginError) as caught:
        Tape("B 100 1 | B 100 9").run(after(2, step))
    return caught.value


@pytest.mark.parametrize(
    ("step", "what"),
    [
        (send("market", 2, 1), "side is \\+1 or -1, not 2"),
        (send("market", 1.0, 1), "side is \\+1 or -1, not 1.0"),
        (send("market", True, 1), "side is \\+1 or -1, not True"),
        (send("market", 1, 0.5), "quantity is a non-negative integer, not 0.5"),
        (send("market", 1, -1), "quantity is a non-negative integer, not -1"),
        (send("limit", 1, 1, 99.5), "price is a non-negative integer, not 99.5"),
        (send("limit", 1, 1, 99, expires=-1), "expires is a non-negative integer, not -1"),
        (send("stop", 1, 1, 99, cancel_at=0.1), "cancel_at is a non-negative integer"),
        (send("bracket", 1, 1, stop=101, target=99), "between its stop and its target"),
        (send("bracket", 1, 1, stop=101, target=110, limit_entry=100), "between its stop"),
        (send("bracket", -1, 1, stop=99, target=90, stop_entry=100), "between its stop"),
        (send("bracket", 1, 1, stop=90, target=110, stop_entry=1, limit_entry=1), "one entry"),
        (send("cancel", 7), "no order 7"),
        (lambda market, _: market.bars(BarSpec.parse("5m")), "5m were not declared"),
    ],
)
def test_nonsense_is_named_with_hook_line_and_time(step, what):
    error = raises(step)
    assert error.what.startswith("Script.on_trade: ")
    with pytest.raises(PluginError, match=what):
        raise error
    assert ".py:" in error.where
    assert "broker.py" not in error.where
    assert "at 2024-01-01T00:00:00.001000Z" in error.where


def test_a_strategy_that_raises_is_named_with_hook_line_and_time():
    error = raises(lambda market, broker: 1 // (market.last - 100))
    assert error.what.startswith("Script.on_trade raised ZeroDivisionError")
    assert error.where.startswith("test_fills_hooks.py:")
    assert error.where.endswith("at 2024-01-01T00:00:00.001000Z")


def test_what_a_strategy_passes_wrongly_points_at_its_own_line():
    error = raises(lambda market, broker: broker.bracket(1, 1, target=5))
    assert error.what.startswith("Script.on_trade raised TypeError")
    assert error.where.startswith("test_fills_hooks.py:")


def test_a_detector_that_raises_is_named_too():
    class Broken(Bell):
        def on_bar(self, bar):
            raise ValueError("no")

    class Uses(Strategy):
        def detectors(self):
            return [Broken()]

    with pytest.raises(PluginError) as caught:
        Tape("B 100 1 | +1s B 100 9").run(Uses())
    assert caught.value.what == "Broken.on_bar raised ValueError: no"
    assert "at 2024-01-01T00:00:01.000000Z" in caught.value.where


@pytest.mark.parametrize(
    ("hook", "given", "what"),
    [
        ("detectors", None, r"Odd\.detectors: it returned None\. Return a list"),
        ("detectors", [Bell], r"Odd\.detectors: it returned .* no Detector\. Make one: Bell\(…\)"),
        ("bar_specs", ["5m"], r"Odd\.bar_specs: it returned '5m', which is no BarSpec"),
    ],
)
def test_what_a_strategy_declares_wrongly_is_named(hook, given, what):
    odd = type("Odd", (Strategy,), {hook: lambda self: given})
    with pytest.raises(PluginError, match=what):
        Tape("B 100 1").run(odd())


def test_what_a_detector_gives_wrongly_is_named():
    class Odd(Bell):
        def on_bar(self, bar):
            return ["ring"]

    with pytest.raises(PluginError, match="bell gave 'ring', which is no Event"):
        Tape("B 100 1 | +1s B 100 9").events(Odd())


def test_what_a_detector_is_handed_is_a_read_only_copy_of_no_more_than_the_piece():
    seen = []

    class Looks(Bell):
        def on_trades(self, trades):
            seen.append(("trades", trades.rows, trades.price.base, trades.price.flags.writeable))
            return ()

        def on_footprint(self, footprint):
            seen.append(("cells", len(footprint.cells.base), footprint.cells.flags.writeable))
            return ()

    Tape("B 100 1 | B 101 1 | +1s B 100 9 | +1s B 100 9").events(Looks())
    assert seen == [
        ("trades", 2, None, False), ("cells", 2, False),
        ("trades", 1, None, False), ("cells", 1, False), ("trades", 1, None, False),
    ]  # fmt: skip


def test_a_footprint_in_a_hook_leads_to_no_later_bar():
    seen = []

    class Looks(Strategy):
        bars: BarSpec = param(time_bars("1s"))

        def on_bar(self, spec, bar, market, broker):
            cells = market.footprint(spec)[-1].cells
            seen.append((len(cells.base) // cells[0].nbytes, cells.flags.writeable))

    Tape("B 100 1 | B 101 1 | +1s B 100 9 | +1s B 100 9").run(Looks())
    assert seen == [(2, False), (1, False)]


# -- rejections -------------------------------------------------------------------------------


def test_an_order_under_the_minimum_value_is_rejected_and_heard_of():
    class Small(Diary):
        def on_trade(self, trade, market, broker):
            if trade.id == 1:
                broker.market(1, 4)
                broker.limit(1, 5, 100)
                broker.limit(-1, 1, 100, reduce_only=True)
                broker.bracket(1, 4, stop=90, target=110)

    tape = Tape("B 100 1 | +5ms B 101 9")
    tape.instrument = replace(tape.instrument, min_notional=Decimal(500))
    small = Small()
    run = tape.run(small, config=config(response_latency=1))
    assert [o.split(", ")[1].split(":")[0] for o in ends(run)] == [
        "rejected",
        "working",
        "cancelled",  # nothing to reduce
        "rejected",
    ]
    assert len(run.orders) == 4  # a rejected bracket has no legs
    assert run.orders[0].why == "worth less than the exchange's minimum of 500"
    assert small.diary[:2] == [(1, "order rejected"), (1, "order rejected")]


def test_quantities_are_rounded_down_to_the_lot():
    tape = Tape("B 100 1 | B 100 9")
    tape.instrument = replace(tape.instrument, lot_size=3)
    run = tape.run(after(1, send("market", 1, 8), send("market", 1, 2)))
    assert ends(run) == [
        "entry market filled 6 of 6, filled",
        "entry market filled 0 of 0, rejected: the quantity rounds to nothing",
    ]


def test_the_window_has_a_first_and_a_last_hook():
    class Framed(Diary):
        def on_start(self, market, broker):
            self.write(market, f"start, last {market.last}")
            broker.market(1, 1)

        def on_end(self, market, broker):
            self.write(market, f"end, holding {market.position.qty}")
            broker.close()

        def on_trade(self, trade, market, broker):
            self.write(market, f"trade {trade.id}")

    framed = Framed()
    run = Tape("B 100 5 | B 101 5").run(framed)
    assert framed.diary == [
        (0, "start, last 0"), (0, "order working"), (0, "fill"), (0, "trade 1"), (1, "trade 2"),
        (1, "end, holding 1"),
    ]  # fmt: skip
    assert len(run.orders) == 1, "what is sent at the end goes nowhere"


def test_the_window_starts_behind_the_warm_up_and_before_its_first_bar():
    class Framed(Diary):
        def on_start(self, market, broker):
            self.write(market, f"start, last {market.last}")

        def on_trade(self, trade, market, broker):
            self.write(market, f"trade {trade.id}")

    tape = Tape("B 100 1 | +1s B 101 1 | +1s B 102 1", start=MIDNIGHT_2024)
    framed = Framed(slow=time_bars("5s"))
    readings = Readings(
        framed.bar_specs(), [], ids_are_continuous=True, row_size=1, instrument=tape.instrument
    )
    session = Session(
        framed, tape.instrument, PLAIN, readings.specs, start=MIDNIGHT_2024 + 1000 * MS
    )
    session.feed(readings.feed(tape.trades))
    assert framed.diary == [
        (0, "trade 1"), (1000, "start, last 100"), (1000, "bar 1s"), (1000, "trade 2"),
        (2000, "bar 1s"), (2000, "trade 3"),
    ]  # fmt: skip
