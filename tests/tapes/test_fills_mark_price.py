"""Liquidation on the exchange's mark price, on text tapes and against a minute-by-minute twin."""

from __future__ import annotations

import os
from dataclasses import replace
from decimal import Decimal
from fractions import Fraction

import hypothesis.strategies as st
from hypothesis import HealthCheck, given, settings
from mark_days import Typed, flat, random_marks, random_tape
from tape_words import ends, steps, told

from orderflow_bt import Strategy, param, time_bars
from orderflow_bt.instruments import Instrument
from orderflow_bt.sim.funding import Funding
from orderflow_bt.sim.tiers import MarginMode, Tier, TierTable
from orderflow_bt.testing.tape import MIDNIGHT_2024, PLAIN, Tape, run_trades
from orderflow_bt.types import MINUTE_US, MarketType

EXAMPLES = int(os.environ.get("ORDERFLOW_BT_EXAMPLES", "25"))
FLAT = TierTable(0, (Tier(None, Decimal("0.004")),))
CROSS = replace(PLAIN, cash=Decimal(3_000), leverage=Decimal(25), tiers=(FLAT,))


def buy(qty):
    return lambda market, broker: broker.market(1, qty)


def play(text, marks, script=None, config=CROSS, start=MIDNIGHT_2024 + 1_000, **more):
    """Long 1 at 60 000 with 3 000: liquidated at 57 228.916."""
    tape = Tape(text, start=start)
    return run_trades(
        tape.trades, tape.instrument, steps(script or {1: buy(1)}), config=config,
        marks=Typed(marks, decimals=0), **more,
    )  # fmt: skip


FALL = "B 60000 1 | B 60000 1 | S 57000 1 | +59s S 60000 1 | +60s S 60000 1 | +60s S 60000 9"


def test_a_last_price_beyond_it_does_nothing_where_the_mark_holds():
    run = play(FALL, {m: flat(60_000) for m in range(5)})
    assert told(run) == ["trade 2: buy 1 at 60000, took"]
    run = play(FALL, {})
    assert told(run)[-1] == "trade 3: sell 1 at 57000, liquidated"


def test_the_open_counts_where_a_minute_begins():
    run = play(FALL, {m: flat(60_000) for m in range(5)} | {2: (57_228, 60_000, 57_000, 60_000)})
    assert told(run)[-1] == "trade 5: sell 1 at 57000, liquidated"  # the last trade before it
    assert run.fills[-1].time == MIDNIGHT_2024 + 2 * MINUTE_US
    assert run.session.account.equity(60_000) == 0
    assert ends(run)[-1].endswith("what backed the position was used up at the mark price")
    run = play(FALL, {m: flat(60_000) for m in range(5)} | {2: (57_229, 60_000, 57_229, 60_000)})
    assert len(run.fills) == 1


def test_extremes_count_where_the_minute_ends_for_what_was_held_all_through_it():
    dip = (60_000, 60_000, 57_228, 60_000)
    calm = {m: flat(60_000) for m in range(5)}
    run = play(FALL, calm | {1: dip})
    assert run.fills[-1].time == MIDNIGHT_2024 + 2 * MINUTE_US
    run = play(FALL, calm | {0: dip})  # bought in that minute: nobody knows whether before the dip
    assert len(run.fills) == 1
    run = play(FALL, calm | {0: (60_000, 60_000, 57_000, 57_228)})  # but its close counts
    assert run.fills[-1].time == MIDNIGHT_2024 + MINUTE_US
    assert told(run)[-1] == "trade 4: sell 1 at 57000, liquidated"


def test_where_no_minute_is_known_the_last_price_is_tested():
    text = "B 60000 1 | B 60000 1 | +70s S 57000 1 | +60s S 57000 1 | +60s S 60000 1"
    run = play(text, {0: flat(60_000), 1: flat(60_000), 3: flat(60_000)})
    assert told(run)[-1] == "trade 4: sell 1 at 57000, liquidated"
    run = play(text, {0: flat(60_000), 1: flat(60_000), 2: flat(60_000)})
    assert len(run.fills) == 1


def test_orders_end_with_the_position():
    def bracket(market, broker):
        broker.bracket(1, 1, stop=50_000, target=70_000)
        broker.limit(1, 1, 1_000)

    calm = {m: flat(60_000) for m in range(5)} | {2: flat(57_000)}
    run = play(FALL, calm, {1: bracket})
    assert [text.partition(" filled")[2] for text in ends(run)] == [
        " 1 of 1, filled",
        " 0 of 1, cancelled: the position was liquidated",
        " 0 of 1, cancelled: the position was liquidated",
        " 0 of 1, cancelled: the position was liquidated",
        " 1 of 1, filled: what backed the position was used up at the mark price",
    ]


def test_a_funding_of_the_same_time_comes_behind_the_mark():
    funding = [Funding(MIDNIGHT_2024 + 2 * MINUTE_US, Decimal("0.01"), 8, Decimal(60_000))]
    calm = {m: flat(57_500) for m in range(5)}  # 600 are paid: then it is liquidated at 57 831
    run = play(FALL, calm, funding=funding, end=MIDNIGHT_2024 + 4 * MINUTE_US)
    assert run.fills[-1].time == MIDNIGHT_2024 + 3 * MINUTE_US


def test_the_tape_need_not_trade_for_it():
    text = "B 60000 1 | B 60000 1 | +70s S 60000 1 | #9 +600s S 60000 1 | +60s S 60000 1"
    calm = {m: flat(60_000) for m in range(20)} | {7: flat(57_000)}
    run = play(text, calm)
    assert run.fills[-1].time == MIDNIGHT_2024 + 7 * MINUTE_US
    assert run.fills[-1].trade_id == 3


class Busy(Strategy):
    """Trades something at bar closes, told which."""

    bars = param(time_bars("30s"))

    def __init__(self, script):
        super().__init__()
        self.script, self.count = script, 0

    def on_bar(self, spec, bar, market, broker):
        side, lots, resting = self.script[self.count % len(self.script)]
        self.count += 1
        if resting:
            broker.bracket(
                side, lots, limit_entry=market.last - side * resting, stop=market.last - side * 90,
                target=market.last + side * 60,
            )  # fmt: skip
        elif lots:
            broker.market(side, lots)


@settings(max_examples=EXAMPLES, deadline=None, suppress_health_check=list(HealthCheck))
@given(
    st.integers(0, 10**6),
    st.lists(
        st.tuples(st.sampled_from([1, -1]), st.integers(0, 400), st.sampled_from([0, 0, 7])),
        min_size=1, max_size=8,
    ),
    st.sampled_from(list(MarginMode)),
    st.sampled_from([2, 5, 20]),
    st.lists(st.integers(1, 59), max_size=4, unique=True),
)  # fmt: skip
def test_positions_end_where_the_definition_says(seed, script, mode, leverage, cuts):
    trades = random_tape(seed, 60)
    candles = random_marks(trades, seed)
    units = Instrument("x", MarketType.UM, "X", 1, 1)
    config = replace(
        PLAIN, cash=Decimal(900), leverage=Decimal(leverage), margin=mode, tiers=(FLAT,)
    )
    end = int(trades.time[-1]) + MINUTE_US

    def play(chunks):
        return run_trades(
            trades, units, Busy(script), config=config, chunks=chunks, end=end,
            marks=Typed(candles, decimals=3),
        )  # fmt: skip

    run = play(())
    assert run.fills == play(tuple(sorted(cuts))).fills
    assert run.fills == play(tuple(range(1, 60))).fills
    assert [f.time for f in run.fills] == sorted(f.time for f in run.fills)
    must = expected(trades, candles, run.fills, leverage, mode)
    assert [f.time for f in run.fills if f.role == "liquidation" and by_mark(run, f)] == must


def by_mark(run, fill):
    return run.orders[fill.order_id].why.endswith("mark price")


def expected(trades, candles, fills, leverage, mode):
    """Minute by minute: when the mark price takes the position that those fills made."""
    found = []
    edges = range(MIDNIGHT_2024, int(trades.time[-1]) + MINUTE_US + 1, MINUTE_US)
    for edge in edges:
        minute = (edge - MIDNIGHT_2024) // MINUTE_US
        before = [f for f in fills if f.time < edge]
        position, ledger, entered = book(before)
        if not position:
            continue
        changed = any(f.time >= edge - MINUTE_US for f in before)
        prices = []
        if minute - 1 in candles:
            _, high, low, close = candles[minute - 1]
            prices += [close] if changed else [high, low]
        if minute in candles:
            prices.append(candles[minute][0])
        for price in prices:
            value = Fraction(abs(position) * price, 10 * 1_000)
            profit = (1 if position > 0 else -1) * (value - entered)
            cash = 900 + ledger + (1 if position > 0 else -1) * entered
            backing = entered / leverage if mode is MarginMode.ISOLATED else cash
            if backing + profit <= value * Fraction(4, 1000):
                found.append(edge)
                break
    return found


def book(fills):
    position, ledger, entered = 0, Fraction(0), Fraction(0)
    for f in fills:
        worth = Fraction(f.qty * f.price, 100)
        ledger -= f.side * worth + Fraction(f.fee)
        closing = min(f.qty, abs(position)) if f.side * position < 0 else 0
        if closing:
            entered -= entered * closing / abs(position)
        entered += Fraction((f.qty - closing) * f.price, 100)
        position += f.side * f.qty
    return position, ledger, entered
