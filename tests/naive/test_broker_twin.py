"""The broker against its slow twin on random tapes and random orders."""

from __future__ import annotations

import os
import random
from dataclasses import replace
from decimal import Decimal

import hypothesis.strategies as st
import numpy as np
import pytest
from broker_twin import Twin
from hypothesis import HealthCheck, given, settings

from orderflow_bt.instruments import Fees, Instrument
from orderflow_bt.sim import FillPolicy, LatencySample, Reference, SimConfig, StopFill
from orderflow_bt.testing.tape import Script, run_trades
from orderflow_bt.types import MarketType, Trades

EXAMPLES = int(os.environ.get("ORDERFLOW_BT_EXAMPLES", "400"))
START = 1_704_067_200_000_000
MIDDLE = 1_000
LATENCIES = st.sampled_from([0, 0, 1, 100, 1_000, 50_000])
NEARBY = st.integers(-4, 4)
STEPS = st.one_of(st.just(0), st.sampled_from([1, 99, 100, 1_000, 50_000]), st.integers(1, 120_000))


@st.composite
def tapes(draw, max_trades=40):
    """Trades (time, price, qty, side): bursts of one time, one-sided runs, jumps, silences."""
    sides = st.sampled_from(
        draw(st.sampled_from([(1, -1), (1, -1), (1, 1, 1, -1), (-1, -1, -1, 1)]))
    )
    moves = draw(
        st.sampled_from([(0, 0, 1, -1), (0, 1, -1, 2, -2, 5, -5), (0, 0, 0, 0, 1, -1, 40, -40)])
    )
    sizes = draw(st.sampled_from([(1, 2), (1, 3, 6, 10), (1, 5, 100)]))
    steps = draw(st.sampled_from([STEPS, STEPS, st.sampled_from([0, 0, 1]), st.just(1_000)]))
    time, price = START, MIDDLE
    trades = []
    for _ in range(draw(st.integers(2, max_trades))):
        time += draw(steps)
        price += draw(st.sampled_from(moves))
        trades.append((time, price, draw(st.sampled_from(sizes)), draw(sides)))
    return trades


@st.composite
def actions(draw, near):  # noqa: C901 - a list of what there is
    """One thing a strategy may do when the price is ``near``."""
    name = draw(st.sampled_from(
        ["market", *3 * ["limit"], "stop", "trailing_stop", "if_touched", *2 * ["bracket"],
         "cancel", *2 * ["replace"], "cancel_all", "close"]
    ))  # fmt: skip
    if name == "cancel":
        return name, draw(st.integers(0, 30))
    if name == "replace":
        change = {}
        for what, values in (("qty", st.integers(0, 15)), ("price", NEARBY), ("limit", NEARBY)):
            if draw(st.booleans()):
                value = draw(values)
                change[what] = value if what == "qty" else near + value
        return name, draw(st.integers(0, 30)), change
    if name in ("cancel_all", "close"):
        return (name,)
    ticket = {"side": draw(st.sampled_from([1, -1])), "qty": draw(st.integers(1, 12))}
    if name != "market":
        ticket["expires"] = draw(st.none() | LATENCIES | st.integers(0, 200_000))
        ticket["cancel_at"] = draw(st.none() | st.integers(near - 5, near + 5))
        if draw(st.integers(0, 5)) == 0:
            ticket["until"] = START + draw(st.integers(0, 500_000))
    if name == "bracket":
        side, entry = ticket["side"], near + draw(st.integers(-4, 4))
        ticket["stop"] = entry - side * draw(st.integers(1, 6))
        ticket["target"] = entry + side * draw(st.integers(1, 6))
        kind = draw(st.sampled_from(["stop_entry", "limit_entry", None]))
        if kind:
            ticket[kind] = entry
        if draw(st.booleans()):
            ticket["trail"] = draw(st.integers(1, 6))
            ticket["target"] = draw(st.sampled_from([None, ticket["target"]]))
        return name, ticket
    ticket["reduce_only"] = draw(st.booleans())
    if name == "trailing_stop":
        ticket["trail"] = draw(st.integers(1, 6))
        ticket["price"] = draw(st.none() | NEARBY.map(lambda away: near + away))
    elif name != "market":
        ticket["price"] = near + draw(st.integers(-4, 4))
    if name in ("stop", "if_touched"):
        ticket["limit"] = draw(st.none() | NEARBY.map(lambda away: near + away))
    if name == "limit":
        how = draw(st.sampled_from([None, None, "post_only", "immediate", "fill_or_kill"]))
        if how:
            ticket[how] = True
    elif draw(st.booleans()):
        ticket["worst"] = near + draw(st.integers(-4, 4))
    return name, ticket


@st.composite
def scripts(draw, trades, most=12):
    script = {}
    for _ in range(draw(st.integers(1, most))):
        number = draw(st.integers(0, len(trades) - 1))
        script.setdefault(number, []).append(draw(actions(trades[number][1])))
    return script


RULES = st.fixed_dictionaries({
    "entry": LATENCIES, "cancel": LATENCIES, "trigger": LATENCIES,
    "policy": st.sampled_from(["touch", "queue", "queue", "queue", "through"]),
    "through_ticks": st.integers(1, 2),
    "queue": st.sampled_from(["visits:5", "visits:2", "visits:1", "last_visit", "zero", "const:7"]),
    "slippage": st.integers(0, 2),
    "participation": st.sampled_from([Decimal(1), Decimal("0.5"), Decimal("0.25")]),
    "min_notional": st.sampled_from([0, 0, 3_000]),
    "max_wait": st.sampled_from([0, 500, 2_000, 60_000_000]),
    "window": st.sampled_from([3, 10, 20_000]),
    "bps": st.sampled_from([Decimal(0), Decimal(0), Decimal(7), Decimal("12.5")]),
    "half_spread": st.sampled_from([False, False, True]),
    "impact": st.sampled_from([Decimal(0), Decimal(0), Decimal("0.8"), Decimal(3)]),
    "reference": st.sampled_from(["cross", "cross", "next_print", "next_same_side"]),
    "same_side_wait": st.sampled_from([0, 1_000, 50_000]),
    "stop_at_trigger": st.sampled_from([False, False, True]),
    "decay": st.sampled_from([None, None, Decimal(5), Decimal(400)]),
    "sample": st.none() | st.none() | st.tuples(st.integers(1, 5_000), st.integers(0, 5_000)),
    "max_open": st.sampled_from([200, 200, 3]),
})  # fmt: skip


def act(action, broker):
    """Tell the broker what the script says."""
    name, *given = action
    if name == "cancel":
        if broker.orders:
            broker.cancel(given[0] % len(broker.orders))
    elif name == "replace":
        if broker.orders:
            order = broker.orders[given[0] % len(broker.orders)]
            broker.replace(order.id, **allowed(order, given[1]))
    elif name in ("cancel_all", "close"):
        getattr(broker, name)()
    elif name == "bracket":
        ticket = dict(given[0])
        broker.bracket(ticket.pop("side"), ticket.pop("qty"), **ticket)
    else:
        ticket = dict(given[0])
        first = [ticket.pop("price")] if "price" in ticket and name != "trailing_stop" else []
        getattr(broker, name)(ticket.pop("side"), ticket.pop("qty"), *first, **ticket)


def allowed(order, change):
    """What of a change the broker takes: the rest is a mistake it raises for."""
    barred = {
        "qty": order.parent_id is not None,
        "price": order.kind == "market",
        "limit": order.limit_price is None,
    }
    return {what: value for what, value in change.items() if not barred[what]}


def columns(trades):
    time, price, qty, side = zip(*trades, strict=True)
    numbers = np.arange(1, len(trades) + 1, dtype=np.int64)
    return Trades(
        numbers, np.array(time, np.int64), np.array(price, np.int64), np.array(qty, np.int64),
        np.array(side, np.int8), np.ones(len(trades), np.int32),
    )  # fmt: skip


def config_of(rules):
    return replace(
        SimConfig(fees=Fees(Decimal(2), Decimal(5)), leverage=None),
        entry_latency=rules["entry"], cancel_latency=rules["cancel"],
        trigger_latency=rules["trigger"], response_latency=0,
        fills=FillPolicy(rules["policy"]), through_ticks=rules["through_ticks"],
        queue=rules["queue"], slippage_ticks=rules["slippage"],
        participation=rules["participation"], max_wait=rules["max_wait"],
        slippage_bps=rules["bps"], half_spread=rules["half_spread"], impact=rules["impact"],
        reference=Reference(rules["reference"]), same_side_wait=rules["same_side_wait"],
        stop_fill=StopFill.TRIGGER_PRICE if rules["stop_at_trigger"] else StopFill.MARKET,
        queue_decay=rules["decay"] or Decimal(0), max_open_orders=rules["max_open"],
        latency_sample=rules["sample"] and LatencySample(*rules["sample"]),
    )  # fmt: skip


class _Several:
    """The actions of one trade, as one step of a `Script`."""

    def __init__(self, several):
        self.several = several

    def __call__(self, market, broker):
        for action in self.several:
            act(action, broker)


def assert_same(trades, script, rules, tick=1, lot=1):
    end = trades[-1][0] + 1_000_000
    config = config_of(rules)
    if rules["sample"]:
        rules = rules | {"delay": config.delay}
    twin = Twin(trades, rules, tick, lot)
    orders, fills = twin.run(script, end)
    instrument = Instrument(
        "random", MarketType.UM, "TWIN", 0, 0, tick_size=tick, lot_size=lot,
        min_notional=Decimal(rules["min_notional"]),
    )  # fmt: skip
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("orderflow_bt.sim.config.QUEUE_WINDOW", rules["window"])
        run = run_trades(
            columns(trades), instrument, Script({n: _Several(a) for n, a in script.items()}),
            config=config, end=end,
        )  # fmt: skip
    assert [
        (
            f.order_id,
            f.time,
            f.trade_id - 1,
            f.price,
            f.qty,
            f.liquidity,
            f.rule,
            f.ahead,
            f.slippage_ticks,
            f.reference,
            f.spread_ticks,
            f.bps_ticks,
            f.impact_ticks,
        )
        for f in run.fills
    ] == [tuple(f.values()) for f in fills]
    assert [
        (o.id, o.side, o.price, o.qty, o.status, o.done_time, o.filled_qty, o.ahead)
        for o in run.orders
    ] == [
        (o["id"], o["side"], o["price"], o["qty"], o["status"], o["done"], o["filled"], o["ahead"])
        for o in orders
    ]
    assert run.session.account.position == twin.position


@st.composite
def cases(draw, max_trades=40, most=12):
    trades = draw(tapes(max_trades))
    return trades, draw(scripts(trades, most)), draw(RULES)


@settings(deadline=None, max_examples=EXAMPLES, suppress_health_check=list(HealthCheck))
@given(cases())
def test_fills_and_ends_equal_the_twin(case):
    assert_same(*case)


@settings(deadline=None, max_examples=EXAMPLES, suppress_health_check=list(HealthCheck))
@given(cases(), st.sampled_from([2, 3, 10]), st.sampled_from([1, 2, 5]))
def test_fills_and_ends_equal_the_twin_off_the_grid(case, tick, lot):
    assert_same(*case, tick, lot)


def crowded(seed):
    """Many orders on a narrow tape: they meet on the same trades, and ends meet beginnings."""
    luck = random.Random(seed)
    wide = luck.choice([1, 2, 4])
    latencies = [0, 0, 1_000, luck.choice([500, 1_000, 3_000])]
    time, price, trades, script = START, MIDDLE, [], {}
    for number in range(luck.choice([20, 60])):
        time += luck.choice([0, 0, 500, 1_000, 1_000, 1_000, 5_000])
        price += luck.choice([0, 0, 1, -1, wide, -wide])
        price += (MIDDLE - price) // 4
        trades.append((time, price, luck.choice([1, 2, 3, 8]), luck.choice([1, -1])))
        script[number] = [crowded_action(luck, price) for _ in range(luck.choice([0, 0, 1, 1, 2]))]
    rules = {
        "entry": luck.choice(latencies), "cancel": luck.choice(latencies),
        "trigger": luck.choice(latencies),
        "policy": luck.choice(["touch", "queue", "queue", "through"]), "through_ticks": 1,
        "queue": luck.choice(["visits:5", "visits:2", "last_visit", "zero", "const:3"]),
        "slippage": luck.choice([0, 1]),
        "participation": luck.choice([Decimal(1), Decimal(1), Decimal("0.5")]),
        "min_notional": 0, "max_wait": luck.choice([0, 1_000, 5_000]),
        "window": luck.choice([5, 20_000]),
        "bps": luck.choice([Decimal(0), Decimal(9)]), "half_spread": luck.random() < 0.2,
        "impact": luck.choice([Decimal(0), Decimal(2)]),
        "reference": luck.choice(["cross", "cross", "next_print", "next_same_side"]),
        "same_side_wait": luck.choice([0, 2_000]), "stop_at_trigger": luck.random() < 0.2,
        "decay": luck.choice([None, Decimal(100)]),
        "sample": luck.choice([None, None, (1_500, 1_500)]), "max_open": luck.choice([200, 5]),
    }  # fmt: skip
    return trades, script, rules


def crowded_action(luck, near):
    name = luck.choice([
        *4 * ["bracket"], "market", "limit", "limit", "stop", "trailing_stop", "if_touched",
        "cancel", "replace", "replace", "close",
    ])  # fmt: skip
    if name == "replace":
        values = {"qty": luck.randint(0, 12), "price": near + luck.randint(-3, 3),
                  "limit": near + luck.randint(-3, 3)}  # fmt: skip
        change = {what: value for what, value in values.items() if luck.random() < 0.5}
        return name, luck.choice([luck.randint(0, 60), -luck.randint(1, 9)]), change
    if name == "cancel":
        return luck.choice(
            [(name, luck.randint(0, 60)), (name, -luck.randint(1, 9)), ("cancel_all",)]
        )
    if name == "close":
        return (name,)
    side = luck.choice([1, -1])
    ticket = {"side": side, "qty": luck.randint(1, 9)}
    if name != "market":
        ticket["expires"] = luck.choice([None, None, 0, 1_000, 4_000, 20_000])
        ticket["cancel_at"] = luck.choice([None, None, None, near, near + 3, near - 3])
    if name == "bracket":
        entry = near + luck.randint(-2, 2)
        ticket["stop"] = entry - side * luck.randint(1, 3)
        ticket["target"] = entry + side * luck.randint(1, 3)
        kind = luck.choice(["stop_entry", "limit_entry", "limit_entry", None])
        if kind:
            ticket[kind] = entry
        if luck.random() < 0.4:
            ticket["trail"] = luck.randint(1, 4)
            ticket["target"] = luck.choice([None, ticket["target"]])
        return name, ticket
    ticket["reduce_only"] = luck.random() < 0.3
    if name == "trailing_stop":
        ticket["trail"] = luck.randint(1, 4)
    elif name != "market":
        ticket["price"] = near + luck.randint(-2, 2)
    if name in ("stop", "if_touched") and luck.random() < 0.4:
        ticket["limit"] = near + luck.randint(-2, 2)
    if name == "limit":
        how = luck.choice([None, None, "post_only", "immediate", "fill_or_kill"])
        if how:
            ticket[how] = True
    elif luck.random() < 0.2:
        ticket["worst"] = near + luck.randint(-2, 2)
    return name, ticket


@pytest.mark.parametrize("first", range(0, 2 * EXAMPLES, 100))
def test_crowds_of_orders_equal_the_twin(first):
    for seed in range(first, first + 100):
        try:
            assert_same(*crowded(seed))
        except AssertionError as error:
            error.add_note(f"crowded({seed})")
            raise
