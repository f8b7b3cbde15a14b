"""Stops, brackets and reduce-only orders: their triggers, their lives, who shrinks whom."""

from __future__ import annotations

from tape_words import MS, after, config, ends, send, steps, told

from orderflow_bt.testing.tape import MIDNIGHT_2024, Tape


def test_v10_the_trade_that_triggers_a_stop_does_not_fill_it():
    run = Tape("S 99.5 1 | S 99.2 9 | S 98.9 9 | S 98.7 9").run(after(1, send("stop", -1, 1, 990)))
    assert told(run) == ["trade 4: sell 1 at 98.7, took"]


def test_v11_a_gap_fills_at_prices_after_it():
    run = Tape("S 99.5 1 | S 95.0 9 | S 94.8 9").run(after(1, send("stop", -1, 1, 990)))
    assert told(run) == ["trade 3: sell 1 at 94.8, took"]


def test_a_stop_pays_the_trigger_latency():
    run = Tape("B 100 1 | B 101 9 | +4ms B 102 9 | +1ms B 103 9").run(
        after(1, send("stop", 1, 1, 101)), config=config(trigger_latency=5)
    )
    assert told(run) == ["trade 4: buy 1 at 103, took"]


def test_a_stop_does_not_see_trades_before_its_arrival():
    run = Tape("B 100 1 | B 101 9 | B 100 9 | B 101 9 | B 102 9").run(
        after(1, send("stop", 1, 1, 101)), config=config(entry_latency=2)
    )
    assert told(run) == ["trade 5: buy 1 at 102, took"]


def test_a_triggered_stop_takes_from_trade_to_trade():
    run = Tape("B 100 1 | B 101 9 | S 101 2 | S 99 2").run(after(1, send("stop", 1, 3, 101)))
    assert told(run) == ["trade 3: buy 2 at 101, took", "trade 4: buy 1 at 102, took"]


def test_a_triggered_stop_can_still_be_cancelled():
    script = steps({1: send("stop", 1, 3, 101), 2: send("cancel", 0)})
    run = Tape("B 100 1 | B 101 9 | +2ms B 101 2 | +3ms B 101 9").run(
        script, config=config(cancel_latency=5)
    )
    assert ends(run) == ["entry stop filled 2 of 3, cancelled"]


# -- brackets ---------------------------------------------------------------------------------

ENTRY = send("bracket", 1, 6, stop=97, target=105, stop_entry=101)


def test_a_bracket_entered_by_a_stop_and_closed_by_its_target():
    run = Tape("B 100 1 | B 101 9 | B 102 9 | B 105 9 | B 106 9").run(after(1, ENTRY))
    # Trade 3 fills the entry; the target rests from then on, and has nobody ahead.
    assert told(run) == ["trade 3: buy 6 at 102, took", "trade 4: sell 6 at 105, queue"]
    assert ends(run) == [
        "entry stop filled 6 of 6, filled",
        "stop stop filled 0 of 6, cancelled: the other leg filled",
        "target limit filled 6 of 6, filled",
    ]
    (trip,) = run.round_trips
    assert (trip.stop_price, trip.target_price, trip.exit_role) == (97, 105, "target")


def test_a_bracket_closed_by_its_stop():
    run = Tape("B 100 1 | B 101 9 | B 102 9 | S 96 9 | S 95 9").run(after(1, ENTRY))
    assert told(run) == ["trade 3: buy 6 at 102, took", "trade 5: sell 6 at 95, took"]
    assert ends(run)[1:] == [
        "stop stop filled 6 of 6, filled",
        "target limit filled 0 of 6, cancelled: the other leg filled",
    ]


def test_legs_do_not_exist_on_the_trade_that_fills_the_entry():
    script = after(1, send("bracket", 1, 2, stop=99, target=105, limit_entry=100))
    run = Tape("B 101 1 | S 95 9 | S 96 9 | S 96 9").run(script)
    # Trade 2 fills the entry far below the stop; the stop triggers on trade 3.
    assert told(run) == ["trade 2: buy 2 at 100, through", "trade 4: sell 2 at 96, took"]


def test_a_target_that_price_has_passed_takes():
    script = after(1, send("bracket", 1, 2, stop=95, target=102))
    run = Tape("B 100 1 | S 103 1 | B 104 9 | S 103 9").run(script, config=config(entry_latency=2))
    assert told(run) == ["trade 3: buy 2 at 104, took", "trade 4: sell 2 at 103, took"]


def test_legs_grow_with_every_fill_of_the_entry():
    script = after(1, send("bracket", 1, 6, stop=97, target=103, limit_entry=100))
    run = Tape("B 101 1 | S 100 2 | S 100 1 | B 103 9").run(script)
    assert told(run)[2:] == ["trade 4: sell 3 at 103, queue"]
    assert ends(run) == [
        "entry limit filled 3 of 6, working",
        "stop stop filled 0 of 3, cancelled: the other leg filled",
        "target limit filled 3 of 3, filled",
    ]


def test_the_fill_of_one_leg_shrinks_the_other():
    script = after(1, send("bracket", 1, 6, stop=97, target=103))
    run = Tape("B 100 1 | B 101 9 | B 103 2 | S 97 9 | S 96 9").run(script)
    assert told(run) == [
        "trade 2: buy 6 at 101, took",
        "trade 3: sell 2 at 103, queue",
        "trade 5: sell 4 at 96, took",
    ]
    assert ends(run)[1:] == [
        "stop stop filled 4 of 6, filled: the other leg filled",
        "target limit filled 2 of 6, cancelled: the other leg filled",
    ]


def test_an_entry_cancelled_after_a_part_leaves_its_legs_at_that_part():
    script = steps(
        {1: send("bracket", 1, 6, stop=97, target=103, limit_entry=100), 2: send("cancel", 0)}
    )
    run = Tape("B 101 1 | S 100 2 | S 100 9 | B 103 9").run(script)
    assert told(run) == ["trade 2: buy 2 at 100, queue", "trade 4: sell 2 at 103, queue"]
    assert ends(run)[0] == "entry limit filled 2 of 6, cancelled"


def test_an_entry_that_never_fills_takes_its_legs_along():
    entry = send("bracket", 1, 6, stop=97, target=103, limit_entry=100, expires=2 * MS)
    run = Tape("B 101 1 | B 101 1 | S 100 9").run(after(1, entry))
    assert ends(run) == [
        "entry limit filled 0 of 6, expired",
        "stop stop filled 0 of 0, cancelled: its entry ended unfilled",
        "target limit filled 0 of 0, cancelled: its entry ended unfilled",
    ]


def test_a_part_that_fills_after_the_target_did_has_its_stop():
    script = after(1, send("bracket", 1, 6, stop=97, target=103, limit_entry=100))
    run = Tape("B 101 1 | S 100 2 | B 103 9 | S 100 4 | S 97 9 | S 96 9").run(script)
    assert told(run) == [
        "trade 2: buy 2 at 100, queue",
        "trade 3: sell 2 at 103, queue",
        "trade 4: buy 4 at 100, queue",
        "trade 6: sell 4 at 96, took",
    ]
    assert ends(run) == [
        "entry limit filled 6 of 6, filled",
        "stop stop filled 4 of 6, filled: the other leg filled",
        "target limit filled 2 of 6, cancelled: the other leg filled",
    ]
    assert run.session.account.position == 0


def test_a_part_that_fills_after_the_position_was_closed_by_hand_has_its_stop():
    script = steps(
        {
            1: send("bracket", 1, 6, stop=97, target=103, limit_entry=100),
            2: send("close"),
        }
    )
    run = Tape("B 101 1 | S 100 2 | B 101 9 | S 100 4 | S 97 9 | S 96 9").run(script)
    assert told(run) == [
        "trade 2: buy 2 at 100, queue",
        "trade 3: sell 2 at 100, took",
        "trade 4: buy 4 at 100, queue",
        "trade 6: sell 4 at 96, took",
    ]


def test_the_last_part_of_an_entry_has_its_stop_even_if_the_target_fills_on_that_very_trade():
    script = after(1, send("bracket", -1, 3, stop=105, target=98))
    run = Tape("S 100 1 | S 100 2 | S 97 9 | B 105 9 | B 106 9").run(script)
    assert told(run) == [
        "trade 2: sell 2 at 100, took",
        "trade 3: sell 1 at 97, took",  # the rest of the entry
        "trade 3: buy 2 at 98, through",  # the target of its first part
        "trade 5: buy 1 at 106, took",
    ]
    assert run.session.account.position == 0


def test_a_leg_cancelled_by_request_stays_cancelled():
    script = steps(
        {
            1: send("bracket", 1, 6, stop=97, target=103, limit_entry=100),
            2: send("cancel", 2),
        }
    )
    run = Tape("B 101 1 | S 100 2 | S 100 2 | B 104 9").run(script)
    assert told(run) == ["trade 2: buy 2 at 100, queue", "trade 3: buy 2 at 100, queue"]
    assert ends(run)[2] == "target limit filled 0 of 2, cancelled"
    assert ends(run)[1] == "stop stop filled 0 of 4, working"


def test_a_leg_cancelled_before_its_entry_fills_ends_when_the_request_arrives():
    script = after(
        1, send("bracket", 1, 2, stop=97, target=103, limit_entry=100), send("cancel", 2)
    )
    run = Tape("B 101 1 | +9ms S 100 2 | B 104 9").run(script, config=config(cancel_latency=5))
    assert told(run) == ["trade 2: buy 2 at 100, queue"]
    assert run.orders[2].status == "cancelled"
    assert run.orders[2].done_time == MIDNIGHT_2024 + 5 * MS


def test_two_brackets_at_once_keep_to_their_own_size():
    both = after(
        1,
        send("bracket", 1, 2, stop=97, target=103),
        send("bracket", 1, 3, stop=96, target=104),
    )
    run = Tape("B 100 1 | B 100 9 | B 103 9 | S 97 9 | S 96 9 | S 95 9").run(both)
    assert told(run) == [
        "trade 2: buy 2 at 100, took",
        "trade 2: buy 3 at 100, took",
        "trade 3: sell 2 at 103, queue",
        "trade 6: sell 3 at 95, took",
    ]


def test_an_entry_that_closes_the_position_leaves_no_legs():
    script = steps({1: send("market", -1, 2), 2: send("bracket", 1, 2, stop=97, target=103)})
    run = Tape("S 100 1 | S 100 9 | B 100 9 | B 103 9").run(script)
    assert run.session.account.position == 0
    assert ends(run)[2:] == [
        "stop stop filled 0 of 2, cancelled: no position left to reduce",
        "target limit filled 0 of 2, cancelled: no position left to reduce",
    ]


# -- reduce-only ------------------------------------------------------------------------------


def test_v13_reduce_only_orders_never_trade_more_than_the_position():
    script = steps(
        {
            1: send("market", 1, 2),
            2: lambda _, broker: [
                broker.limit(-1, 2, 102, reduce_only=True),
                broker.limit(-1, 1, 102, reduce_only=True),
            ],
        }
    )
    run = Tape("B 100 1 | B 100 2 | B 102 5").run(script)
    assert told(run) == ["trade 2: buy 2 at 100, took", "trade 3: sell 2 at 102, queue"]
    assert ends(run)[1:] == [
        "exit limit filled 2 of 2, filled",
        "exit limit filled 0 of 1, cancelled: no position left to reduce",
    ]


def test_a_reduce_only_order_is_clipped_and_its_rest_ends():
    script = steps({1: send("market", 1, 2), 2: send("market", -1, 5, reduce_only=True)})
    run = Tape("B 100 1 | B 100 2 | B 101 9").run(script)
    assert ends(run)[1] == "exit market filled 2 of 5, cancelled: no position left to reduce"
    assert run.session.account.position == 0


def test_a_reduce_only_order_without_a_position_ends_when_it_is_reached():
    run = Tape("B 100 1 | B 100 2 | B 102 9").run(
        after(1, send("limit", -1, 1, 102, reduce_only=True))
    )
    assert ends(run) == ["exit limit filled 0 of 1, cancelled: no position left to reduce"]
    assert run.orders[0].done_time == MIDNIGHT_2024 + 2 * MS


def test_close_sells_what_is_held_and_nothing_when_flat():
    seen = []
    script = steps(
        {
            1: lambda _, broker: [seen.append(broker.close()), broker.market(1, 3)],
            2: lambda _, broker: seen.append(broker.close()),
        }
    )
    run = Tape("B 100 1 | B 100 9 | B 101 9").run(script)
    assert seen == [None, 1]
    assert told(run)[1] == "trade 3: sell 3 at 101, took"


# -- many orders ------------------------------------------------------------------------------


def test_hundreds_of_orders_on_one_trade():
    """Every one of them fills, grows its legs, and is told of: the tables grow in step."""
    many = [send("bracket", 1, 1, stop=90, target=110, limit_entry=100) for _ in range(100)]
    run = Tape("B 101 1 | S 99 1000 | B 111 40 | S 90 1 | S 89 1000").run(after(1, *many))
    assert len(run.orders) == 300
    assert len(run.fills) == 100 + 40 + 60
    assert run.session.account.position == 0
    assert {o.status for o in run.orders} == {"filled", "cancelled"}


def test_orders_outlive_the_compaction_of_the_table():
    script = {
        1: send("bracket", 1, 6, stop=97, target=103, limit_entry=100),
        2: send("cancel", 0),  # after a part of 2
    }
    for n in range(3, 12):
        script[n] = lambda _, broker: [broker.limit(1, 1, 50, expires=1) for _ in range(9)]
    quiet = " | ".join("B 101 1" for _ in range(10))
    run = Tape(f"B 101 1 | S 100 2 | {quiet} | B 103 9").run(steps(script))
    assert told(run) == ["trade 2: buy 2 at 100, queue", "trade 13: sell 2 at 103, queue"]
    assert len(run.orders) == 3 + 81
    assert {o.status for o in run.orders[3:]} == {"expired"}
    assert len(run.session.broker.matrix) == 32
