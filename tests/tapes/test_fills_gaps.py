"""Holes in the tape and its end: what orders, stops and an open position meet there."""

from __future__ import annotations

from decimal import Decimal

import pytest
from tape_words import MS, after, config, ends, send, steps, told

from orderflow_bt import param, time_bars
from orderflow_bt.instruments import Fees
from orderflow_bt.sim import End, GapPolicy
from orderflow_bt.strategy import Strategy
from orderflow_bt.testing.tape import MIDNIGHT_2024, Tape

# Trades 3 to 8 are missing.
HOLED = "B 100 1 | B 100 9 | #9 +60s S 96 9 | S 95 9 | B 101 9"
CUTS = [(), (1, 2, 3, 4), (2,), (3,)]


def at_gap(policy, **changes):
    return config(gap_policy=GapPolicy(policy), **changes)


@pytest.mark.parametrize("cuts", CUTS)
def test_a_stop_fills_at_prices_behind_the_gap(cuts):
    script = steps({1: send("market", 1, 2), 2: send("stop", -1, 2, 99, reduce_only=True)})
    run = Tape(HOLED).run(script, chunks=cuts)
    assert told(run) == ["trade 2: buy 2 at 100, took", "trade 10: sell 2 at 95, took"]
    (trip,) = run.round_trips
    assert trip.spans_gap


@pytest.mark.parametrize("cuts", CUTS)
def test_what_would_arrive_inside_a_gap_arrives_behind_it(cuts):
    run = Tape(HOLED).run(
        steps({2: send("limit", 1, 2, 97)}), config=config(entry_latency=5), chunks=cuts
    )
    assert run.orders[0].arrival_time == MIDNIGHT_2024 + MS + 60_000 * MS
    assert told(run) == ["trade 9: buy 2 at 97, through"]


class Buyer(Strategy):
    """Buys at every close of a 10-second bar and notes when it was accepted."""

    bars = param(time_bars("10s"))

    def on_bar(self, spec, bar, market, broker):
        broker.market(1, 1)


@pytest.mark.parametrize("cuts", CUTS)
def test_an_order_decided_inside_a_gap_arrives_behind_it(cuts):
    run = Tape(HOLED).run(Buyer, config=config(latency=5), chunks=cuts)
    assert [order.decision_time for order in run.orders] == [
        MIDNIGHT_2024 + 10_000 * MS * n for n in range(1, 7)
    ]
    assert {order.arrival_time for order in run.orders[:5]} == {MIDNIGHT_2024 + 60_001 * MS}
    assert all(fill.trade_id >= 9 for fill in run.fills)


@pytest.mark.parametrize("cuts", CUTS)
def test_a_gap_can_cancel_every_order(cuts):
    script = steps({
        1: send("market", 1, 2),
        2: lambda _, broker: [broker.stop(-1, 2, 99, reduce_only=True), broker.limit(1, 1, 97)],
    })  # fmt: skip
    run = Tape(HOLED).run(script, config=at_gap("cancel_orders"), chunks=cuts)
    assert told(run) == ["trade 2: buy 2 at 100, took"]
    assert ends(run)[1:] == [
        "exit stop filled 0 of 2, cancelled: trades are missing",
        "entry limit filled 0 of 1, cancelled: trades are missing",
    ]
    assert run.still_open.spans_gap


@pytest.mark.parametrize("cuts", CUTS)
def test_a_gap_can_have_the_position_closed_behind_it(cuts):
    script = steps({1: send("bracket", 1, 2, stop=90, target=110)})
    run = Tape(HOLED).run(script, config=at_gap("flatten_after", entry_latency=1), chunks=cuts)
    # Trade 9 shows that there is a tape again; the order decided then reaches trade 10.
    assert told(run) == ["trade 2: buy 2 at 100, took", "trade 10: sell 2 at 95, took"]
    (trip,) = run.round_trips
    assert (trip.exit_role, trip.spans_gap) == ("gap", True)
    assert ends(run)[1].endswith("cancelled: trades are missing")


def test_a_silence_without_missing_ids_is_no_gap():
    script = steps({1: send("market", 1, 2), 2: send("stop", -1, 2, 99, reduce_only=True)})
    run = Tape(HOLED.replace("#9 ", "")).run(script, config=at_gap("flatten_after"))
    assert told(run)[1:] == ["trade 4: sell 2 at 95, took"]
    assert not run.round_trips[0].spans_gap


def test_v22_a_position_open_at_the_end_is_marked_or_closed():
    tape = Tape("B 100 1 | B 100 1 | B 104 1")
    script = steps({1: send("market", 1, 1)})
    marked = tape.run(script)
    assert (len(marked.round_trips), marked.still_open.net_pnl) == (0, 4)
    script = steps({1: send("market", 1, 1)})
    closed = tape.run(script, config=config(end=End.CLOSE))
    (trip,) = closed.round_trips
    assert closed.still_open is None
    assert (trip.net_pnl, trip.exit_role) == (4, "end")
    assert told(closed)[1] == "trade 3: sell 1 at 104, end"
    assert ends(closed)[1] == "end market filled 1 of 1, filled"


def test_closing_at_the_end_costs_the_takers_fee():
    tape = Tape("B 100 1 | B 100 1 | B 104 1")
    paid = config(end=End.CLOSE, fees=Fees(Decimal(0), Decimal(100)))
    run = tape.run(after(1, send("market", 1, 1)), config=paid)
    assert [fill.fee for fill in run.fills] == [1, Decimal("1.04")]
    assert run.session.account.equity(104) == Decimal(10_000) + 4 - Decimal("2.04")
    assert (run.equity[-1].position, run.equity[-1].equity) == (0, Decimal("10001.96"))
