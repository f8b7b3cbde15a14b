"""Limit orders: taking on arrival, resting, the three policies, the volume ahead."""

from __future__ import annotations

import pytest
from tape_words import MS, after, config, ends, send, steps, told

from orderflow_bt.testing.tape import MIDNIGHT_2024, Tape

V7 = "B 101 1 | S 100 6 | B 100 3 | S 100 7 | S 99.9 1 | S 100 4"


def test_v7_the_queue_is_eaten_before_the_order():
    tape = Tape(V7.replace("100 ", "100.0 ").replace("101 ", "101.0 "))
    run = tape.run(after(1, send("limit", 1, 5, 1000)), config=config(queue="const:10"))
    assert told(run) == [
        "trade 4: buy 3 at 100.0, queue",
        "trade 5: buy 1 at 100.0, through",
        "trade 6: buy 1 at 100.0, queue",
    ]
    assert [f.ahead for f in run.fills] == [4, 0, 0]
    assert [f.liquidity for f in run.fills] == ["maker"] * 3


@pytest.mark.parametrize(
    ("policy", "expected"),
    [
        ("touch", ["trade 2: buy 5 at 100.0, touch"]),
        ("through", ["trade 5: buy 1 at 100.0, through"]),
    ],
)
def test_the_bounds_of_the_same_tape(policy, expected):
    tape = Tape(V7.replace("100 ", "100.0 ").replace("101 ", "101.0 "))
    script = after(1, send("limit", 1, 5, 1000))
    assert told(tape.run(script, config=config(queue="const:10"), fills=policy)) == expected


def test_through_asks_for_as_many_ticks_as_it_is_told():
    tape = Tape("B 101 1 | S 99 9 | S 98 9")
    script = after(1, send("limit", 1, 5, 100))
    run = tape.run(script, config=config(through_ticks=2), fills="through")
    assert told(run) == ["trade 3: buy 5 at 100, through"]


def test_v8_one_budget_for_all_own_orders():
    both = after(1, send("limit", 1, 3, 1000), send("limit", 1, 4, 1000))
    run = Tape("B 101.0 1 | S 100.0 6 | S 99.9 2").run(both, config=config(queue="const:2"))
    assert told(run) == [
        "trade 2: buy 3 at 100.0, queue",
        "trade 2: buy 1 at 100.0, queue",
        "trade 3: buy 2 at 100.0, through",
    ]
    assert ends(run)[1] == "entry limit filled 3 of 4, working"


def test_nobody_is_ahead_any_more_once_price_traded_through_even_if_others_took_the_trade():
    both = after(1, send("limit", 1, 3, 100), send("limit", 1, 4, 100))
    run = Tape("B 101 1 | S 99 3 | S 100 4").run(both, config=config(queue="const:9"))
    assert told(run) == ["trade 2: buy 3 at 100, through", "trade 3: buy 4 at 100, queue"]
    assert run.fills[1].ahead == 0


def test_the_better_price_fills_first():
    both = after(1, send("limit", 1, 3, 99), send("limit", 1, 3, 100))
    run = Tape("B 101 1 | S 99 4").run(both)
    assert told(run) == ["trade 2: buy 3 at 100, through", "trade 2: buy 1 at 99, queue"]


def test_v9_a_buyer_never_fills_a_resting_buy():
    tape = Tape("B 101 1 | B 100 9 | B 99 9")
    assert told(tape.run(after(1, send("limit", 1, 5, 100)), fills="touch")) == []


def test_a_resting_sell_is_filled_by_buyers_only():
    tape = Tape("S 99 1 | S 100 9 | B 100 2 | B 101 9")
    assert told(tape.run(after(1, send("limit", -1, 5, 100)))) == [
        "trade 3: sell 2 at 100, queue",
        "trade 4: sell 3 at 100, through",
    ]


# -- the volume ahead -------------------------------------------------------------------------

VISITS = "S 100 4 | S 100 2 | S 99 7 | S 100 1 | B 100 50 | S 100 2 | S 99 8 | S 100 9"


@pytest.mark.parametrize(
    ("queue", "level", "ahead"),
    [
        ("visits:5", 100, 6),  # visits to 100: 6, 3, 9; upper median 6
        ("visits:2", 100, 9),  # 3, 9: the upper of two
        ("last_visit", 100, 9),
        ("last_visit", 99, 8),
        ("visits:5", 98, 7),  # never visited: of all five visits 6, 7, 3, 8, 9
        ("zero", 100, 0),
        ("const:13", 100, 13),
    ],
)
def test_the_volume_ahead(queue, level, ahead):
    script = after(8, send("limit", 1, 1, level))
    run = Tape(VISITS + " | B 101 1").run(script, config=config(queue=queue))
    assert run.orders[0].ahead == ahead


def test_a_visit_is_not_broken_by_the_other_side():
    # S100x1, B100x50, S100x2 above are one visit of 3: the list of visits is 6, 7, 3, 8, 9.
    run = Tape(VISITS + " | B 101 1").run(
        after(6, send("limit", 1, 1, 100)), config=config(queue="last_visit")
    )
    assert run.orders[0].ahead == 3


def test_nobody_is_ahead_of_an_order_that_improves_the_quote():
    run = Tape("B 103 1 | S 100 9 | S 100 9").run(
        after(2, send("limit", 1, 1, 101)), config=config(queue="const:50")
    )
    assert run.orders[0].ahead == 0


def test_volume_ahead_is_read_when_the_order_arrives():
    script = after(1, send("limit", 1, 1, 100))
    run = Tape("S 100 4 | S 99 1 | S 100 6 | +50ms S 100 1").run(
        script, config=config(queue="last_visit", entry_latency=20)
    )
    assert run.orders[0].ahead == 6
    assert run.orders[0].arrival_time == MIDNIGHT_2024 + 20 * MS


# -- taking -----------------------------------------------------------------------------------


def test_a_buy_at_the_ask_takes_and_the_rest_rests():
    tape = Tape("B 100 1 | B 100 2 | +0us B 100 1 | B 100 9 | S 100 9")
    run = tape.run(after(1, send("limit", 1, 5, 100)))
    assert told(run) == [
        "trade 2: buy 2 at 100, took",
        "trade 3: buy 1 at 100, took",
        "trade 5: buy 2 at 100, queue",
    ]


def test_the_rest_of_a_taking_order_rests_behind_the_volume_there():
    tape = Tape("S 100 4 | B 101 1 | B 101 2 | B 102 9 | S 101 7 | S 101 3")
    run = tape.run(after(2, send("limit", 1, 5, 101)), config=config(queue="visits:5"))
    assert told(run) == ["trade 3: buy 2 at 101, took", "trade 5: buy 3 at 101, queue"]
    assert run.orders[0].ahead == 0  # above the bid of 100
    tape = Tape("S 100 4 | B 100 1 | B 100 2 | S 100 7 | S 100 3 | S 100 9")
    run = tape.run(after(2, send("limit", 1, 5, 100)), config=config(queue="const:8"))
    # The bid was pushed to 99 by the buyer at 100, so the rest improves on it.
    assert run.orders[0].ahead == 0


def test_a_taking_limit_never_pays_more_than_its_limit():
    tape = Tape("B 100 1 | B 100 2 | B 102 9")
    run = tape.run(after(1, send("limit", 1, 2, 101)), config=config(slippage_ticks=5))
    assert [(f.price, f.slippage_ticks) for f in run.fills] == [(101, 1)]


def test_a_taking_limit_gets_nothing_from_trades_beyond_it():
    tape = Tape("B 100 1 | B 102 9 | +0us B 100 9 | B 100 9")
    assert told(tape.run(after(1, send("limit", 1, 2, 101)))) == []  # the ask is 102 by then


def test_an_order_that_takes_only_by_the_quotes_of_its_arrival():
    tape = Tape("B 100 1 | B 103 9 | S 102 1 | S 101 9")
    run = tape.run(after(1, send("limit", 1, 2, 101)), config=config(entry_latency=2))
    assert told(run) == ["trade 4: buy 2 at 101, queue"]


def test_post_only_is_rejected_where_it_would_take():
    tape = Tape("B 100 1 | B 100 9 | S 99 9")
    run = tape.run(
        after(1, send("limit", 1, 2, 100, post_only=True), send("limit", 1, 2, 99, post_only=True))
    )
    assert ends(run) == [
        "entry limit filled 0 of 2, rejected: post-only, but it would have taken",
        "entry limit filled 2 of 2, filled",
    ]


def test_immediate_or_cancel_takes_from_one_time_only():
    tape = Tape("B 101 1 | B 100 1 | +0us B 100 2 | B 100 9")
    run = tape.run(after(1, send("limit", 1, 5, 101, immediate=True)))
    assert told(run) == ["trade 2: buy 1 at 101, took", "trade 3: buy 2 at 100, took"]
    assert ends(run) == ["entry limit filled 3 of 5, cancelled: immediate-or-cancel: the rest"]
    assert run.orders[0].done_time == MIDNIGHT_2024 + 1 * MS + 1


def test_immediate_or_cancel_takes_whatever_the_quotes_say():
    tape = Tape("B 101 1 | B 99 2 | B 99 9")
    assert ends(tape.run(after(1, send("limit", 1, 5, 100, immediate=True)))) == [
        "entry limit filled 0 of 5, cancelled: immediate-or-cancel: the rest"
    ]  # the ask before trade 2 is 101
    tape = Tape("S 100 1 | S 99 2 | S 99 9")
    run = tape.run(after(1, send("limit", 1, 5, 100, immediate=True)))
    assert told(run) == ["trade 2: buy 2 at 99, took"]  # no ask is known


# -- ends -------------------------------------------------------------------------------------


def test_an_order_expires_before_any_matching_at_that_time():
    script = after(1, send("limit", 1, 2, 100, expires=2 * MS))
    run = Tape("B 101 1 | S 100 1 | S 100 9").run(script)
    assert told(run) == ["trade 2: buy 1 at 100, queue"]
    assert ends(run) == ["entry limit filled 1 of 2, expired"]
    assert run.orders[0].done_time == MIDNIGHT_2024 + 2 * MS


@pytest.mark.parametrize(("expires", "status"), [(4, "expired"), (5, "expired"), (6, "filled")])
def test_an_order_may_expire_on_its_way(expires, status):
    script = after(1, send("limit", 1, 2, 100, expires=expires * MS))
    run = Tape("B 101 1 | +5ms S 100 2").run(script, config=config(entry_latency=5))
    assert run.orders[0].status == status


def test_fills_that_reach_the_exchange_before_the_cancel_count():
    script = steps({1: send("limit", 1, 9, 100), 2: send("cancel", 0)})
    run = Tape("B 101 1 | B 101 1 | S 100 2 | +8ms S 100 3 | +1ms S 100 4").run(
        script, config=config(cancel_latency=10)
    )
    assert told(run) == ["trade 3: buy 2 at 100, queue", "trade 4: buy 3 at 100, queue"]
    assert ends(run) == ["entry limit filled 5 of 9, cancelled"]
    assert run.orders[0].done_time == MIDNIGHT_2024 + 11 * MS


def test_an_order_cancelled_at_once_arrives_and_ends():
    script = after(1, send("limit", 1, 9, 100), send("cancel", 0))
    run = Tape("B 101 1 | +10ms S 100 2").run(script, config=config(latency=10))
    assert told(run) == []
    assert ends(run) == ["entry limit filled 0 of 9, cancelled"]
    assert run.orders[0].arrival_time == run.orders[0].done_time == MIDNIGHT_2024 + 10 * MS


@pytest.mark.parametrize(
    ("cancel_at", "tape", "done"),
    [
        (103, "B 101 1 | B 102 1 | B 103 1 | +9ms S 100 2 | +1ms S 100 2", 12),  # reached
        (103, "B 101 1 | B 102 1 | B 105 1 | +9ms S 100 2 | +1ms S 100 2", 12),  # jumped over
        (101, "B 101 1 | B 102 1 | B 102 1 | +8ms S 100 2 | +1ms S 100 2", 11),  # price is there
        (101, "B 103 1 | B 102 1 | B 101 1 | +9ms S 100 2 | +1ms S 100 2", 12),  # from above
    ],
)
def test_a_watched_price_sends_a_cancel_that_takes_its_time(cancel_at, tape, done):
    script = after(1, send("limit", 1, 9, 100, cancel_at=cancel_at))
    run = Tape(tape).run(script, config=config(cancel_latency=10))
    assert told(run) == ["trade 4: buy 2 at 100, queue"]
    assert run.orders[0].status == "cancelled"
    assert run.orders[0].done_time == MIDNIGHT_2024 + done * MS


def test_expiry_cancel_and_arrival_at_one_microsecond():
    script = after(1, send("limit", 1, 9, 100, expires=5 * MS), send("cancel", 0))
    run = Tape("B 101 1 | +5ms S 100 2").run(
        script, config=config(entry_latency=5, cancel_latency=5)
    )
    assert ends(run) == ["entry limit filled 0 of 9, cancelled"]
    assert run.orders[0].arrival_time == MIDNIGHT_2024 + 5 * MS


# -- tickets ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("kind", "side", "asked", "sent"),
    [
        ("limit", 1, 1007, 1005),
        ("limit", -1, 1007, 1010),
        ("stop", 1, 1007, 1010),
        ("stop", -1, 1007, 1005),
        ("limit", 1, 1005, 1005),
    ],
)
def test_prices_are_rounded_to_the_tick_and_never_ask_for_more(kind, side, asked, sent):
    run = Tape("B 100.0 1 | B 100.5 1", tick="0.5").run(after(1, send(kind, side, 1, asked)))
    assert run.orders[0].price == sent


def test_a_cancel_that_comes_after_the_fill_changes_nothing_and_is_counted_once():
    script = steps({1: send("limit", 1, 5, 100), 2: send("cancel", 0), 4: send("cancel", 0)})
    run = Tape("B 101 1 | S 100 2 | S 100 9 | B 101 1 | S 100 9").run(
        script, config=config(cancel_latency=2)
    )
    assert told(run) == ["trade 2: buy 2 at 100, queue", "trade 3: buy 3 at 100, queue"]
    assert ends(run) == ["entry limit filled 5 of 5, filled"]
    assert run.session.account.position == 5
