"""Inferred quotes, market orders, the order of things, money: docs/fills.md by example."""

from __future__ import annotations

from decimal import Decimal

from tape_words import MS, after, config, ends, send, steps, told

from orderflow_bt.instruments import Fees
from orderflow_bt.strategy import Strategy
from orderflow_bt.testing.tape import MIDNIGHT_2024, Script, Tape
from orderflow_bt.types import BarSpec


def test_v1_quotes_follow_from_trades():
    seen = []

    def note(market, _):
        seen.append((market.inferred_bid, market.inferred_ask))

    Tape("B 100.0 1 | S 99.9 1 | S 99.7 1 | S 100.2 1").run(Script(dict.fromkeys(range(4), note)))
    assert seen == [(None, 1000), (999, 1000), (997, 1000), (1002, 1003)]


def test_a_bid_off_the_grid_is_pushed_only_when_the_ask_reaches_it():
    seen = []

    def note(market, _):
        seen.append((market.inferred_bid, market.inferred_ask))

    tape = Tape("S 100 1 | B 105 1 | B 100 1 | B 95 1", tick="10")
    tape.run(Script(dict.fromkeys(range(4), note)))
    assert seen == [(100, None), (100, 105), (90, 100), (90, 95)]


class BuyAtClose(Strategy):
    """Buys one at the first bar's close."""

    def bar_specs(self):
        return [BarSpec.parse("1s")]

    def on_bar(self, spec, bar, market, broker):
        if len(market.bars(spec)) == 1:
            broker.market(1, 1)


def test_v2_latency_counts_from_the_close_of_the_bar():
    tape = Tape("B 99 9 | +1s B 100 9 | +49ms B 101 9 | +1ms B 102 9", start=MIDNIGHT_2024)
    run = tape.run(BuyAtClose, config=config(entry_latency=50))
    assert told(run) == ["trade 4: buy 1 at 102, took"]
    assert run.orders[0].decision_time == MIDNIGHT_2024 + 1000 * MS


def test_a_trade_at_the_close_of_a_bar_fills_an_order_decided_there():
    tape = Tape("B 99 9 | +1s B 100 9 | B 101 9")
    assert told(tape.run(BuyAtClose)) == ["trade 2: buy 1 at 100, took"]


def test_v3_a_decision_fills_on_the_next_trade_of_the_same_time():
    tape = Tape("#7 B 100 5 | #8 +0us B 101 5 | B 102 5")
    assert told(tape.run(after(1, send("market", 1, 1)))) == ["trade 8: buy 1 at 101, took"]


def test_v4_a_buy_pays_the_ask_when_a_seller_trades_next():
    run = Tape("B 100.0 1 | S 99.9 5").run(after(1, send("market", 1, 2)))
    assert told(run) == ["trade 2: buy 2 at 100.0, took"]


def test_a_sell_gets_the_bid_when_a_buyer_trades_next():
    run = Tape("S 100.0 1 | B 100.1 5").run(after(1, send("market", -1, 2)))
    assert told(run) == ["trade 2: sell 2 at 100.0, took"]


def test_v6_participation_spreads_an_order_over_trades():
    tape = Tape("B 100.0 1 | B 100.0 4 | B 100.1 8 | B 100.2 20")
    run = tape.run(after(1, send("market", 1, 5)), config=config(participation=Decimal("0.25")))
    assert [(f.price, f.qty) for f in run.fills] == [(1000, 1), (1001, 2), (1002, 2)]
    spent = sum(f.price * f.qty for f in run.fills)
    assert Decimal(spent).scaleb(-1) / 5 == Decimal("100.12")


def test_a_trade_too_large_for_a_product_still_fills():
    tape = Tape("B 1 1 | B 1 5000000000000000000")
    run = tape.run(after(1, send("market", 1, 7)), config=config(participation=Decimal("0.5")))
    assert told(run) == ["trade 2: buy 7 at 1, took"]


def test_slippage_is_paid_against_the_order_and_told_by_itself():
    tape = Tape("B 100 1 | B 100 9 | S 100 9")
    both = after(1, send("market", 1, 2), send("market", -1, 2))
    run = tape.run(both, config=config(slippage_ticks=2))
    # Before trade 2 no bid was known, so the sell's reference is the trade itself.
    assert [(f.price, f.slippage_ticks) for f in run.fills] == [(102, 2), (98, 2)]


def test_slippage_counts_exchange_ticks():
    tape = Tape("B 100.0 1 | B 100.0 9", tick="0.5")
    run = tape.run(after(1, send("market", 1, 2)), config=config(slippage_ticks=1))
    assert [(f.price, f.slippage_ticks) for f in run.fills] == [(1005, 1)]


def test_taking_orders_share_a_trade_in_order_of_arrival():
    run = Tape("B 100 1 | B 100 5 | B 101 5").run(
        after(1, send("market", 1, 4), send("market", -1, 4))
    )
    assert told(run) == [
        "trade 2: buy 4 at 100, took",
        "trade 2: sell 1 at 100, took",
        "trade 3: sell 3 at 101, took",
    ]


def test_takers_leave_resting_orders_what_they_did_not_use():
    script = after(1, send("limit", 1, 9, 100), send("market", -1, 4))
    run = Tape("B 101 1 | S 100 6").run(script)
    assert told(run) == ["trade 2: sell 4 at 100, took", "trade 2: buy 2 at 100, queue"]


def test_v14_reducing_and_reversing_uses_the_average_entry():
    script = steps({1: send("market", 1, 2), 2: send("market", 1, 1), 3: send("market", -1, 4)})
    run = Tape("B 90 9 | B 100 2 | B 103 1 | S 105 9").run(script)
    (trip,) = run.round_trips
    assert (trip.entry_price, trip.exit_price, trip.gross_pnl) == (101, 105, 12)
    assert run.still_open.side == -1
    assert (run.still_open.qty, run.still_open.entry_price) == (1, 105)
    assert run.session.account.position == -1


def test_v15_fees_by_liquidity():
    tape = Tape("B 60000.0 0.1 | B 60000.0 0.5 | B 60600.0 0.5")
    script = steps({1: send("market", 1, 5), 2: send("limit", -1, 5, 60_600)})
    run = tape.run(script, config=config(fees=Fees(Decimal(2), Decimal(5))))
    assert [(f.liquidity, f.fee) for f in run.fills] == [("taker", 15), ("maker", Decimal("6.06"))]
    assert run.round_trips[0].net_pnl == Decimal("278.94")


def test_v22_an_open_position_is_valued_at_the_last_price_and_is_no_round_trip():
    run = Tape("B 100 1 | B 100 1 | B 104 1").run(after(1, send("market", 1, 1)))
    assert run.round_trips == []
    assert run.still_open.is_open
    assert run.still_open.net_pnl == 4
    assert run.session.account.equity(104) == 10_000 + 4


def test_a_market_order_that_meets_no_trade_stays_working():
    assert ends(Tape("B 100 1").run(after(1, send("market", 1, 1)))) == [
        "entry market filled 0 of 1, sent"
    ]


def test_r_is_measured_from_the_price_that_a_market_entry_saw():
    tape = Tape("B 100 9 | S 99 9 | +400ms B 96 9 | +1s B 96 9 | +1s S 95 9 | +1s S 94 9")

    def enter(_, broker):
        broker.bracket(1, 1, stop=95, target=120)

    (trip,) = tape.run(after(1, enter), config=config(entry_latency=500)).round_trips
    assert (trip.entry_price, trip.exit_price, trip.stop_price) == (96, 94, 95)
    assert (trip.risk, trip.r_multiple) == (5, -0.4)  # from 100, not from 96: then it would be -2
