"""What takers pay: reference prices, slippage models and their shares; the queue's decay."""

from __future__ import annotations

import math
from decimal import Decimal

import pytest
from tape_words import after, config, send, told

from orderflow_bt.errors import UsageError
from orderflow_bt.kernels.slippage import square_root_impact
from orderflow_bt.sim import Reference, StopFill
from orderflow_bt.sim.assumptions import parse_slippage
from orderflow_bt.testing.tape import Tape


def costs(run):
    """(reference, price, total, spread, bps, impact) of each fill, slippage in ticks."""
    return [
        (f.reference, f.price, f.slippage_ticks, f.spread_ticks, f.bps_ticks, f.impact_ticks)
        for f in run.fills
    ]


def test_v5_the_square_root_law_rounded_against_us():
    assert square_root_impact(0.8, 10.0, 9.0, 900.0) == pytest.approx(0.8)
    # 900 lots within 16.65 ticks: sigma is high - low over 1.6651, ten ticks.
    steady = " | ".join(["B 100.00 50", "S 116.65 50"] * 9)
    tape = Tape(f"{steady} | B 116.65 99")
    run = tape.run(after(18, send("market", 1, 9)), config=config(impact=Decimal("0.8")))
    assert costs(run) == [(11666, 11746, 80, 0, 0, 80)]  # 0.8 of 100 ticks a unit
    whole = Tape(f"{steady} | B 116.65 99", tick="1")
    run = whole.run(after(18, send("market", 1, 9)), config=config(impact=Decimal("0.8")))
    assert [fill.impact_ticks for fill in run.fills] == [1]  # 0.8 tick, rounded against us


def test_slippage_models_add_up_and_are_told_apart():
    tape = Tape("S 1000 1 | B 1006 1 | B 1006 9")
    run = tape.run(
        after(2, send("market", 1, 2)),
        config=config(slippage_ticks=2, slippage_bps=Decimal(12), half_spread=True),
    )
    # 2 ticks; half of 1000/1006: 3; 12 bps of 1006: 1.2072, which makes 6.2072: 7 ticks.
    assert costs(run) == [(1006, 1013, 7, 3, 2, 0)]
    assert told(run) == ["trade 3: buy 2 at 1013, took"]


def test_parts_round_once_not_each():
    tape = Tape("S 1000 1 | B 1001 1 | B 1001 9")
    run = tape.run(
        after(2, send("market", 1, 2)),
        config=config(slippage_bps=Decimal(4), half_spread=True),
    )
    assert costs(run) == [(1001, 1002, 1, 1, 0, 0)]  # 0.5 + 0.4004 is one tick, not two


def test_a_limit_is_never_exceeded_by_slippage_of_any_kind():
    tape = Tape("S 1000 1 | B 1006 1 | B 1006 9")
    run = tape.run(
        after(2, send("limit", 1, 2, 1009)), config=config(slippage_ticks=2, half_spread=True)
    )
    assert costs(run) == [(1006, 1009, 3, 1, 0, 0)]


def test_v4_next_print_is_the_optimistic_reference():
    tape = Tape("B 100.0 1 | S 99.9 9")
    assert told(tape.run(after(1, send("market", 1, 1)))) == ["trade 2: buy 1 at 100.0, took"]
    run = tape.run(after(1, send("market", 1, 1)), config=config(reference=Reference.NEXT_PRINT))
    assert told(run) == ["trade 2: buy 1 at 99.9, took"]


def test_next_same_side_waits_for_a_trade_of_its_side_then_crosses():
    waits = config(reference=Reference.NEXT_SAME_SIDE, same_side_wait=3_000)
    run = Tape("B 100 1 | S 99 9 | B 101 9").run(after(1, send("market", 1, 1)), config=waits)
    assert told(run) == ["trade 3: buy 1 at 101, took"]
    run = Tape("B 100 1 | S 99 9 | S 98 9 | S 97 9").run(
        after(1, send("market", 1, 1)), config=waits
    )
    assert told(run) == ["trade 4: buy 1 at 100, took"]


def test_a_stop_can_be_filled_at_its_trigger_to_compare_with_bar_tools():
    tape = Tape("S 99.5 1 | S 95.0 9 | S 94.8 9")
    flag = config(stop_fill=StopFill.TRIGGER_PRICE)
    run = tape.run(after(1, send("stop", -1, 1, 990)), config=flag)
    assert told(run) == ["trade 3: sell 1 at 99.0, took"]


def test_slippage_as_text():
    assert parse_slippage("2") == parse_slippage("ticks=2")
    assert parse_slippage("ticks=1, bps=0.5,half_spread,sqrt=0.8") == {
        "slippage_ticks": 1, "slippage_bps": Decimal("0.5"), "half_spread": True,
        "impact": Decimal("0.8"),
    }  # fmt: skip
    for text in ("", "bps", "ticks=1.5", "bps=-1", "spread", "sqrt=nan"):
        with pytest.raises(UsageError, match="is not a slippage model"):
            parse_slippage(text)


def test_the_volume_ahead_can_shrink_by_itself():
    tape = Tape("S 100 1 | +1s S 100 6 | +1s S 100 9")
    order = after(1, send("limit", 1, 5, 100))
    still = tape.run(order, config=config(queue="const:10"))
    assert told(still) == ["trade 3: buy 5 at 100, queue"]
    # exp(-0.6931472) is a half: 5 of the 10 are left after a second, then 6 trade.
    order = after(1, send("limit", 1, 5, 100))
    shrinks = tape.run(order, config=config(queue="const:10", queue_decay=Decimal("0.6931472")))
    assert [(fill.qty, fill.ahead) for fill in shrinks.fills] == [(1, 5), (4, 0)]


def test_what_is_lost_in_many_short_stretches_adds_up():
    def lasting(left, stretches, loss):
        for _ in range(stretches):
            left = left * math.exp(-loss) - 1
        return left

    tape = Tape("S 100 1" + " | +10ms S 100 0.001" * 100 + " | S 100 91.4")
    order = after(1, send("limit", 1, 1_000, 100))  # lots are thousandths
    run = tape.run(order, config=config(queue="const:100000", queue_decay=Decimal("0.1")))
    assert run.fills[0].ahead == math.ceil(lasting(100_000.0, 100, 0.001) * math.exp(-0.0001))
    few = Tape("S 100 1" + " | +100ms S 100 1" * 20 + " | S 100 20")
    run = few.run(after(1, send("limit", 1, 5, 100)),
                  config=config(queue="const:50", queue_decay=Decimal("0.2")))  # fmt: skip
    assert run.fills[0].ahead == math.ceil(lasting(50.0, 20, 0.02) * math.exp(-0.0002)) == 17


def test_visit_median_is_the_long_name_of_visits():
    tape = Tape("S 100 3 | B 101 1 | S 101 2 | S 100 7 | S 102 1 | S 100 9 | S 100 20")
    order = {"qty": 1, "price": 100}
    ahead = {}
    for text in ("visits:2", "visit_median:2", "visit_median:2,4", "visits:9,20"):
        run = tape.run(after(6, send("limit", 1, *order.values())), config=config(queue=text))
        ahead[text] = run.orders[0].ahead
    assert ahead["visits:2"] == ahead["visit_median:2"] == 9
    assert ahead["visits:9,20"] == 7
    with pytest.raises(UsageError, match="is not a queue estimate"):
        config(queue="visit_median:2,0")
