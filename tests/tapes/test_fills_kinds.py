"""Fill-or-kill, stop-limit, trailing and if-touched orders, price bounds, ends by time, changes."""

from __future__ import annotations

import pytest
from tape_words import MS, after, config, ends, send, steps, told

from orderflow_bt.errors import PluginError
from orderflow_bt.testing.tape import MIDNIGHT_2024, Tape

NOT_WHOLE = "cancelled: fill-or-kill: not to be had whole at once"

# -- fill-or-kill -----------------------------------------------------------------------------


def test_fill_or_kill_takes_its_whole_quantity_from_one_trade():
    run = Tape("B 100 1 | B 100 5 | B 100 9").run(
        after(1, send("limit", 1, 5, 100, fill_or_kill=True))
    )
    assert told(run) == ["trade 2: buy 5 at 100, took"]
    assert ends(run) == ["entry limit filled 5 of 5, filled"]


def test_fill_or_kill_takes_from_every_trade_of_one_time_at_their_prices():
    tape = Tape("B 100 1 | B 100 2 | +0us B 101 2 | +0us B 102 9 | B 100 9")
    run = tape.run(after(1, send("limit", 1, 5, 103, fill_or_kill=True)))
    assert told(run) == [
        "trade 2: buy 2 at 100, took",
        "trade 3: buy 2 at 101, took",
        "trade 4: buy 1 at 102, took",
    ]


@pytest.mark.parametrize("limit", [101, 103])
def test_fill_or_kill_gets_nothing_where_it_cannot_have_all(limit):
    """Too little within the limit, or too little of that time, though the next would do."""
    tape = Tape("B 100 1 | B 100 2 | +0us B 101 2 | +0us B 104 9 | B 100 9")
    run = tape.run(after(1, send("limit", 1, 5, limit, fill_or_kill=True)))
    assert told(run) == []
    assert ends(run) == [f"entry limit filled 0 of 5, {NOT_WHOLE}"]
    assert run.orders[0].done_time == MIDNIGHT_2024 + MS + 1


def test_what_a_fill_or_kill_order_fails_to_use_is_for_the_others():
    both = after(1, send("limit", 1, 9, 100, fill_or_kill=True), send("market", 1, 3))
    run = Tape("B 100 1 | B 100 4 | B 100 9").run(both)
    assert told(run) == ["trade 2: buy 3 at 100, took"]
    assert ends(run)[0] == f"entry limit filled 0 of 9, {NOT_WHOLE}"


def test_a_fill_or_kill_order_that_one_trade_fills_takes_its_turn():
    both = after(1, send("limit", 1, 3, 100, fill_or_kill=True), send("market", 1, 3))
    run = Tape("B 100 1 | B 100 4 | B 100 9").run(both)
    assert told(run)[:2] == ["trade 2: buy 3 at 100, took", "trade 2: buy 1 at 100, took"]


@pytest.mark.parametrize("cuts", [(), (1, 2, 3, 4)])
def test_fill_or_kill_does_not_notice_where_the_tape_is_cut(cuts):
    tape = Tape("B 100 1 | B 100 2 | +0us B 100 2 | +0us B 100 2 | B 100 9")
    run = tape.run(after(1, send("limit", 1, 5, 100, fill_or_kill=True)), chunks=cuts)
    assert [fill.qty for fill in run.fills] == [2, 2, 1]


def test_a_reduce_only_fill_or_kill_order_larger_than_the_position_gets_nothing():
    script = steps({
        1: send("market", 1, 2),
        2: send("limit", -1, 3, 90, fill_or_kill=True, reduce_only=True),
    })  # fmt: skip
    run = Tape("B 100 1 | B 100 2 | S 100 9").run(script)
    assert ends(run)[1] == f"exit limit filled 0 of 3, {NOT_WHOLE}"


# -- stop-limit, if-touched -------------------------------------------------------------------


def test_a_stop_limit_becomes_a_limit_order_after_its_trigger():
    tape = Tape("B 100 1 | B 101 9 | B 103 9 | S 102 2 | S 101 9")
    run = tape.run(after(1, send("stop", 1, 3, 101, limit=102)))
    # Triggered by trade 2; ask 101 <= 102, so it takes, and trade 3 asks too much: it rests.
    assert told(run) == ["trade 4: buy 2 at 102, queue", "trade 5: buy 1 at 102, through"]
    assert run.orders[0].trigger_time == MIDNIGHT_2024 + MS
    assert run.orders[0].limit_price == 102


def test_a_stop_limit_can_miss_where_a_stop_would_not():
    tape = Tape("S 100 1 | S 98 9 | S 95 9 | S 94 9")
    assert told(tape.run(after(1, send("stop", -1, 1, 99)))) == ["trade 3: sell 1 at 95, took"]
    missed = tape.run(after(1, send("stop", -1, 1, 99, limit=98)))
    assert told(missed) == []
    assert ends(missed) == ["entry stop_limit filled 0 of 1, working"]


def test_a_stop_limit_pays_the_trigger_latency():
    tape = Tape("B 100 1 | B 101 9 | +4ms B 101 9 | +1ms B 102 9")
    run = tape.run(
        after(1, send("stop", 1, 1, 101, limit=105)), config=config(trigger_latency=5)
    )  # fmt: skip
    assert told(run) == ["trade 4: buy 1 at 102, took"]


def test_an_if_touched_order_waits_for_a_better_price():
    tape = Tape("B 100 1 | S 98 9 | S 97 9")
    assert told(tape.run(after(1, send("if_touched", 1, 1, 98)))) == ["trade 3: buy 1 at 100, took"]
    tape = Tape("S 100 1 | B 103 9 | B 104 9")
    assert told(tape.run(after(1, send("if_touched", -1, 1, 103)))) == [
        "trade 3: sell 1 at 100, took"
    ]


# -- trailing stops ---------------------------------------------------------------------------


def test_v12_a_trailing_stop_is_tested_with_the_best_price_before_it_moves():
    tape = Tape("B 100 1 | B 103 9 | S 101 9 | S 98 9 | S 97 9")
    run = tape.run(after(1, send("trailing_stop", -1, 1, 5)))
    assert told(run) == ["trade 5: sell 1 at 97, took"]
    (order,) = run.orders
    assert (order.price, order.trigger_time) == (98, MIDNIGHT_2024 + 3 * MS)


def test_a_trailing_buy_stop_mirrors():
    tape = Tape("S 100 1 | S 97 9 | B 99 9 | B 102 9 | B 103 9")
    assert told(tape.run(after(1, send("trailing_stop", 1, 1, 5)))) == [
        "trade 5: buy 1 at 103, took"
    ]


def test_a_trailing_stop_starts_behind_the_last_trade_before_its_arrival():
    tape = Tape("B 100 1 | B 108 9 | +9ms B 104 9 | S 103 9 | S 102 9")
    run = tape.run(after(1, send("trailing_stop", -1, 1, 5)), config=config(entry_latency=5))
    assert told(run) == ["trade 5: sell 1 at 102, took"]


def test_a_trailing_stop_never_moves_away_from_the_market():
    tape = Tape("B 100 1 | S 99 9 | S 98 9 | S 97 9 | S 96 9")
    run = tape.run(after(1, send("trailing_stop", -1, 1, 5, price=97)))
    assert told(run) == ["trade 5: sell 1 at 96, took"]


def test_working_tells_where_a_trailing_stop_stands():
    seen = []
    script = steps({
        1: send("trailing_stop", -1, 1, 5),
        2: lambda _, broker: seen.append(broker.working[0].price),
        3: lambda _, broker: seen.append(broker.working[0].price),
        4: lambda _, broker: seen.append(broker.working[0].price),
    })  # fmt: skip
    Tape("B 100 1 | B 101 9 | B 107 9 | S 105 9").run(script)
    assert seen == [96, 102, 102]


def test_a_bracket_with_a_trailing_stop_and_no_target():
    entry = send("bracket", 1, 2, stop=97, trail=3)
    run = Tape("B 100 1 | B 100 9 | B 102 9 | B 106 9 | S 103 9 | S 102 9").run(after(1, entry))
    # It starts at 97, stays 3 behind: 99 after 102, 103 after 106.
    assert told(run)[1:] == ["trade 6: sell 2 at 102, took"]
    (trip,) = run.round_trips
    assert (trip.stop_price, trip.target_price, trip.exit_role) == (97, None, "stop")


def test_a_trailing_leg_that_goes_live_again_starts_anew():
    entry = send("bracket", 1, 4, stop=95, trail=3, limit_entry=100)
    tape = Tape(
        "B 101 1 | S 100 2 | B 106 9 | S 103 9 | S 103 9"  # sold at 103 from a trail of 106
        " | S 100 2 | S 98 9 | S 97 9 | S 96 9"  # the entry's rest: from 100 again, stop 97
    )
    assert told(tape.run(after(1, entry))) == [
        "trade 2: buy 2 at 100, queue",
        "trade 5: sell 2 at 103, took",
        "trade 6: buy 2 at 100, queue",
        "trade 9: sell 2 at 96, took",
    ]


# -- bounds and ends --------------------------------------------------------------------------


def test_a_market_order_takes_nothing_beyond_its_worst_price():
    tape = Tape("B 100 1 | B 100 2 | B 101 2 | B 103 9 | B 100 9")
    run = tape.run(after(1, send("market", 1, 9, worst=102)))
    assert told(run) == ["trade 2: buy 2 at 100, took", "trade 3: buy 2 at 101, took"]
    assert ends(run) == [
        "entry market filled 4 of 9, cancelled: the market went beyond its worst price"
    ]


def test_a_stop_has_a_worst_price_too():
    run = Tape("S 100 1 | S 98 9 | S 94 9").run(after(1, send("stop", -1, 1, 99, worst=95)))
    assert ends(run) == [
        "entry stop filled 0 of 1, cancelled: the market went beyond its worst price"
    ]


def test_an_order_lives_until_its_time_and_that_trade_is_too_late():
    order = send("limit", 1, 5, 99, until=MIDNIGHT_2024 + 2 * MS)
    run = Tape("B 100 1 | S 99 2 | S 99 9").run(after(1, order))
    assert told(run) == ["trade 2: buy 2 at 99, queue"]
    assert run.orders[0].done_time == MIDNIGHT_2024 + 2 * MS
    assert ends(run) == ["entry limit filled 2 of 5, expired"]


def test_an_order_whose_time_is_over_is_rejected():
    run = Tape("B 100 1 | S 99 2").run(after(1, send("limit", 1, 5, 99, until=MIDNIGHT_2024)))
    assert ends(run) == ["entry limit filled 0 of 5, rejected: its time was over when it was sent"]


# -- changes ----------------------------------------------------------------------------------


def queued(change, text="S 100 1 | S 100 4 | S 100 9", **latencies):
    """A buy of 5 at 100 with 3 ahead, changed after trade 1; what then fills."""
    script = steps({
        1: lambda _, broker: [broker.limit(1, 5, 100), broker.replace(0, **change)],
    })  # fmt: skip
    return Tape(text).run(script, config=config(queue="const:3", **latencies))


def test_less_keeps_the_place_in_the_queue():
    run = queued({"qty": 4})
    assert told(run) == ["trade 2: buy 1 at 100, queue", "trade 3: buy 3 at 100, queue"]
    assert run.orders[0].qty == 4


@pytest.mark.parametrize("change", [{"qty": 6}, {"price": 99}])
def test_more_or_another_price_queues_anew(change):
    """Trade 2 eats the 3 ahead, then the change arrives: 3 ahead again."""
    script = steps({1: send("limit", 1, 5, 100), 2: send("replace", 0, **change)})
    tape = Tape("S 100 1 | S 100 3 | +9ms S 99 0 | S 99 4 | S 99 9".replace("S 99 0", "B 101 1"))
    run = tape.run(script, config=config(queue="const:3"))
    assert run.orders[0].arrival_time == MIDNIGHT_2024 + MS
    assert run.orders[0].ahead == 3
    if "price" in change:
        assert told(run) == ["trade 4: buy 1 at 99, queue", "trade 5: buy 4 at 99, queue"]
    else:
        assert told(run) == ["trade 4: buy 4 at 100, through", "trade 5: buy 2 at 100, through"]


def test_a_change_pays_latency_and_what_fills_first_counts():
    script = steps({1: send("limit", 1, 5, 100), 2: send("replace", 0, price=98)})
    tape = Tape("B 101 1 | +9ms S 101 1 | +4ms S 100 2 | +1ms S 100 9 | S 98 9")
    run = tape.run(script, config=config(entry_latency=5))
    assert told(run) == ["trade 3: buy 2 at 100, queue", "trade 5: buy 3 at 98, queue"]


def test_a_change_to_no_more_than_was_filled_ends_the_order():
    script = steps({1: send("limit", 1, 5, 100), 2: send("replace", 0, qty=2)})
    run = Tape("B 101 1 | S 100 3 | S 100 9").run(script)
    assert ends(run) == ["entry limit filled 3 of 5, cancelled: changed to no more than was filled"]


def test_a_change_makes_a_limit_order_take_and_a_post_only_one_end():
    for post_only, expected in (
        (False, "entry limit filled 5 of 5, filled"),
        (True, "entry limit filled 0 of 5, cancelled: post-only, but it would have taken"),
    ):
        script = steps({
            1: send("limit", 1, 5, 100, post_only=post_only),
            2: send("replace", 0, price=101),
        })  # fmt: skip
        assert ends(Tape("B 101 1 | B 101 3 | B 101 9").run(script)) == [expected]


def test_changes_arrive_in_their_order_and_not_before_their_order():
    script = steps({
        1: lambda _, broker: [
            broker.limit(1, 5, 100), broker.replace(0, price=99), broker.replace(0, price=98),
        ],
    })  # fmt: skip
    run = Tape("B 101 1 | +9ms S 99 2 | S 98 9").run(script, config=config(entry_latency=5))
    assert told(run) == ["trade 3: buy 5 at 98, queue"]


def test_the_stop_of_a_bracket_can_be_moved_before_and_after_it_lives():
    script = steps({
        1: lambda _, broker: [broker.bracket(1, 2, stop=95, target=110),
                              broker.replace(1, price=97)],
        3: send("replace", 1, price=99),
    })  # fmt: skip
    run = Tape("B 100 1 | B 100 9 | B 102 9 | S 99 9 | S 98 9").run(script)
    assert told(run)[1:] == ["trade 5: sell 2 at 98, took"]
    assert run.orders[1].price == 99


@pytest.mark.parametrize(
    ("step", "what"),
    [
        (send("replace", 3, price=99), "no order 3 to change"),
        (lambda _, b: b.replace(b.market(1, 1), price=9), "no price to change"),
        (lambda _, b: b.replace(b.limit(1, 1, 9), limit=9), "no limit behind a trigger"),
        (lambda _, b: b.replace(b.bracket(1, 1, stop=9) + 1, qty=2), "as large as"),
        (send("trailing_stop", 1, 1, 0), "at least one price unit"),
        (send("limit", 1, 1, 9, post_only=True, fill_or_kill=True), "choose one"),
        (send("market", 1, 1, price=9), "no 'price'"),
        (send("market", 1, 10**18), "beyond belief"),
        (send("limit", 1, 1, float("nan")), "not nan"),
        (send("limit", 1, 1, "9"), "not '9'"),
    ],
)
def test_what_makes_no_sense_is_said(step, what):
    with pytest.raises(PluginError, match=what):
        Tape("B 100 1 | B 100 1").run(after(1, step))
