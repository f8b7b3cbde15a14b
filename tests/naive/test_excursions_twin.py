"""How far round trips went, against their definition: every trade, what was held then, by hand."""

from __future__ import annotations

import os
from dataclasses import replace
from decimal import Decimal
from fractions import Fraction

import hypothesis.strategies as st
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from ledger_twin import price_of, value

from orderflow_bt.instruments import Fees, Instrument
from orderflow_bt.kernels.records import CHANGE_FIELDS
from orderflow_bt.sim import Reference
from orderflow_bt.sim.account import Account
from orderflow_bt.sim.excursions import Excursions
from orderflow_bt.sim.funding import Funding
from orderflow_bt.testing.tape import PLAIN, Script, Tape, run_trades
from orderflow_bt.types import MarketType, Trades

EXAMPLES = int(os.environ.get("ORDERFLOW_BT_EXAMPLES", "30"))
START = 1_704_067_200_000_000
LINEAR = Instrument("x", MarketType.UM, "X", 1, 2, tick_size=5)
COIN = Instrument("x", MarketType.CM, "X", 1, 0, contract_usd=Decimal(10))
ORDERS = st.lists(
    st.tuples(
        st.integers(0, 60), st.sampled_from([1, -1]), st.integers(1, 9), st.booleans()
    ),
    max_size=14,
)  # fmt: skip


def excursions(trades, fills, units):
    """(ticks against, ticks for, money against, money for) of each round trip, the open one too.

    A trade counts for what was held before it; what reduces a position counts at its own price.
    """
    sense = -1 if units.is_inverse else 1
    held, worth = 0, Fraction(0)  # lots, and what they cost
    found, meets = [], []
    for number, price in zip(trades.id.tolist(), trades.price.tolist(), strict=True):
        meets.append((number, 0, price, None))
    meets += [(fill.trade_id, 1 + fill.id, fill.price, fill) for fill in fills]
    now = None

    def see(ticks):
        nonlocal now
        side = 1 if held > 0 else -1
        average = (
            worth / value(units, Fraction(1), abs(held)) if sense > 0
            else value(units, Fraction(1), abs(held)) / worth
        )  # fmt: skip
        far = side * (price_of(units, ticks) - average) * 10**units.price_decimals
        made = side * sense * (value(units, price_of(units, ticks), abs(held)) - worth)
        now[0], now[1] = min(now[0], far), max(now[1], far)
        now[2], now[3] = min(now[2], made), max(now[3], made)

    for _, _, price, fill in sorted(meets, key=lambda met: met[:2]):
        if fill is None:
            if held:
                see(price)
            continue
        lots = fill.side * fill.qty
        if held and lots * held < 0:
            see(price)
            kept = max(0, abs(held) - abs(lots))
            worth = worth * kept / abs(held)
            after = held + lots
            if after * held <= 0:
                found.append(now)
                now, worth = None, Fraction(0)
            held = after
            if held and now is None:
                now = [Fraction(0)] * 4
                worth = value(units, price_of(units, price), abs(held))
            continue
        if not held:
            now = [Fraction(0)] * 4
        worth += value(units, price_of(units, price), abs(lots))
        held += lots
    if held:
        found.append(now)
    return [
        (round(one[0] / units.tick_size), round(one[1] / units.tick_size),
         round(one[2] * 10**8), round(one[3] * 10**8))
        for one in found  # Python rounds half to even
    ]  # fmt: skip


@settings(max_examples=EXAMPLES, deadline=None, suppress_health_check=list(HealthCheck))
@given(
    st.integers(0, 10**6), ORDERS, st.sampled_from([LINEAR, COIN]),
    st.lists(st.integers(1, 69), max_size=4, unique=True),
)  # fmt: skip
def test_excursions_are_of_what_was_held_then(seed, orders, units, cuts):
    luck = np.random.default_rng(seed)
    price = 5 * np.maximum(60, 200 + np.cumsum(luck.choice([-20, -4, -1, 0, 1, 4, 20], 70)))
    trades = Trades(
        np.arange(1, 71, dtype=np.int64),
        START + np.cumsum(luck.choice([0, 1_000, 400_000_000], 70)).astype(np.int64),
        price.astype(np.int64), luck.integers(1, 7, 70).astype(np.int64),
        luck.choice([-1, 1], 70).astype(np.int8), np.ones(70, np.int32),
    )  # fmt: skip
    script = {}
    for row, side, lots, resting in orders:
        script.setdefault(row, []).append((side, lots, resting))

    def step(todo):
        def send(market, broker):
            for side, lots, resting in todo:
                if resting:
                    broker.limit(side, lots, market.last - 10 * side)
                else:
                    broker.market(side, lots)

        return send

    plan = {row: step(todo) for row, todo in script.items()}
    funding = [Funding(START + 400_500_000, Decimal("0.01"), 8, None)]
    config = replace(PLAIN, cash=Decimal(10**6), leverage=None)
    chunks = tuple(sorted(cuts))
    run = run_trades(trades, units, Script(plan), config=config, funding=funding, chunks=chunks)
    trips = [*run.round_trips, *([run.still_open] if run.still_open else [])]
    told = [(t.mae_ticks, t.mfe_ticks, t.mae_money, t.mfe_money) for t in trips]
    expected = excursions(trades, run.fills, units)
    assert [(a, b, int(c.scaleb(8)), int(d.scaleb(8))) for a, b, c, d in told] == expected


def test_an_averaged_position_is_measured_at_the_average_of_each_moment():
    run = Tape(
        "S 100.0 1 | B 100.0 1 | S 90.0 1 | B 90.0 3 | S 85.5 1 | B 103.5 4 | S 103.5 4",
        start=START,
    ).run(Script({
        0: lambda _, b: b.market(1, 1),
        2: lambda _, b: b.market(1, 3),
        5: lambda _, b: b.market(-1, 4),
    }), config=replace(PLAIN, reference=Reference.NEXT_PRINT))  # fmt: skip
    (trip,) = run.round_trips
    # 10.0 against 1 at 100.0; then 4 at 92.5: 7.0 against, but four times as much money
    assert (trip.mae_ticks, trip.mae_money) == (-100, Decimal(-28))
    assert (trip.mfe_ticks, trip.mfe_money) == (110, Decimal(44))


def test_what_was_sold_on_the_way_counts_no_longer():
    run = Tape("S 100 1 | B 100 2 | B 110 1 | S 110 1 | B 118 1 | S 101 9 | S 101 9").run(
        Script({
            0: lambda _, b: b.market(1, 2),
            2: lambda _, b: b.market(-1, 1),
            4: lambda _, b: b.market(-1, 1),
        })
    )  # fmt: skip
    (trip,) = run.round_trips
    assert (trip.mfe_ticks, trip.mfe_money) == (18, Decimal(20))  # 2 x 10, then 1 x 18


def changes_of(steps):
    """Changes as a session notes them: (position after, price, what it did)."""
    rows = np.zeros((len(steps), CHANGE_FIELDS), np.int64)
    rows[:, 6] = [after for after, *_ in steps]
    rows[:, 2] = [price for _, price, _ in steps]
    rows[:, 1] = [did for *_, did in steps]
    return rows


@pytest.mark.parametrize("size", [1, 10**3, 10**9, 10**14])
def test_a_position_that_is_never_flat_is_followed_for_ever_and_at_any_size(size):
    luck = np.random.default_rng(size % 97)
    account = Account(LINEAR, Decimal(10), Fees(Decimal(0), Decimal(0)))
    followed, held, average = Excursions(account), 10 * size, Fraction(10_000)
    followed.follow(changes_of([(held, 10_000, 4)]), np.array([(2**62, -(2**62))]))
    least = Fraction(0)
    for _ in range(120):
        price = int(luck.integers(9_000, 11_000))
        low = min(price, int(luck.integers(8_000, 9_000)))
        least = min(least, (low - average) * held)
        after = held + int(luck.integers(1, 9)) * size if held <= 10 * size else 3 * size
        did = 0 if after > held else 1
        if not did:
            average = (average * held + price * (after - held)) / after
        followed.follow(changes_of([(after, price, did)]), np.array([(low, price)]))
        held = after
        exact = least / 1000
        told = followed.under_way(2**62, -(2**62))[2]
        if abs(exact) < 9 * 10**10:  # its money fits; fractions that are too long are cut
            assert abs(told - exact * 10**8) <= 1 + 20 * size * Fraction(10**5, 2**20)
            assert told <= 0
        else:
            assert told == -(2**63)
    assert followed.under_way(2**62, -(2**62))[0] < 0
