"""Tables of a run made column by column, against the same made row by row."""

from __future__ import annotations

from bisect import bisect_right
from decimal import Decimal
from fractions import Fraction

import hypothesis.strategies as st
import numpy as np
import pytest
from hypothesis import given, settings

from orderflow_bt.flow import events as ev
from orderflow_bt.flow.events import EventWords
from orderflow_bt.instruments import Fees, Instrument
from orderflow_bt.run import tables
from orderflow_bt.run.columns import EquityColumns, OrderCounts
from orderflow_bt.run.recorder import Recorder
from orderflow_bt.sim.account import Account
from orderflow_bt.sim.marks import Marks
from orderflow_bt.sim.rounding import money
from orderflow_bt.sim.shelf import MANY
from orderflow_bt.sim.state import KernelState
from orderflow_bt.types import MINUTE_US, MarketType

UNITS = {
    "linear": Instrument("x", MarketType.UM, "X", 1, 2),
    "linear, more than eight decimals": Instrument("x", MarketType.UM, "X", 7, 3),
    "coin": Instrument("x", MarketType.CM, "X", 1, 0, contract_usd=Decimal(10)),
}
CASH = {
    "a little": Decimal("10000.00000001"),
    "of many decimals": Decimal("3.0000000000000000005"),
    "more than an int64 holds": Decimal(10**12),
}
CHANGES = st.lists(
    st.tuples(st.integers(0, 60), st.integers(-9, 9), st.fractions(-50, 50, max_denominator=7)),
    max_size=9,
)


@pytest.mark.parametrize("cash", CASH)
@pytest.mark.parametrize("units", UNITS)
@given(CHANGES, st.lists(st.integers(1, 10**6), min_size=1, max_size=60))
@settings(max_examples=15, deadline=None)
def test_equity(units, cash, changes, prices):
    account = Account(UNITS[units], CASH[cash], Fees(Decimal(0), Decimal(0)))
    marks = Marks(account, CASH[cash], KernelState())
    stands = [(0, account.ledger, 0)]
    for close, position, moved in sorted(changes):
        by = moved * account.scale if account.instrument.is_inverse else int(moved * account.scale)
        stands.append((close, stands[-1][1] + by, position))
        marks._held.note(*stands[-1])
    time = np.arange(len(prices)) * MINUTE_US
    marks.close_bars(time[:20], np.array(prices[:20]))
    marks.close_bars(time[20:], np.array(prices[20:], np.int64))

    rows = []
    for close, price in enumerate(prices):
        at = bisect_right([since for since, _, _ in stands], close) - 1
        _, ledger, position = stands[at]
        worth = Fraction(account.unit) * (Fraction(position, price) if position else 0)
        if not account.instrument.is_inverse:
            worth = -Fraction(account.unit) * position * price
        rows.append((int(time[close]), money((ledger - worth) / account.scale), position, price))
    taken = EquityColumns()
    pieces = list(tables.equity_pieces(marks.blocks(), taken))
    assert [tuple(row.values()) for piece in pieces for row in piece.to_pylist()] == rows
    assert marks.rows == rows
    assert taken.equity.tolist() == [float(equity) for _, equity, _, _ in rows]
    assert (taken.time.tolist(), taken.price.tolist()) == (time.tolist(), prices)


def some_events(rng, count):
    """Rows of events, and what their numbers mean."""
    words = [
        EventWords("one", ["up", "down"], ["born"]),
        EventWords("zwei\nLinien", ["ü"], ["born", "tot", ""]),
    ]
    rows = np.zeros((count, ev.DETAILS), np.int64)
    rows[:, ev.ID] = np.arange(count)
    rows[:, ev.KNOWN_AT] = np.sort(rng.integers(0, 10**15, count))
    rows[:, ev.SOURCE] = source = rng.integers(0, 2, count)
    rows[:, ev.KIND] = rng.integers(0, 2, count) * (source == 0)
    rows[:, ev.STATE] = rng.integers(0, 3, count) * source
    for column in (ev.DIRECTION, ev.PRICE, ev.PRICE_LOW, ev.PRICE_HIGH):
        rows[:, column] = rng.integers(-(2**40), 2**40, count)
    rows[:, ev.STRENGTH] = rng.normal(1, 9, count).view(np.int64)
    rows[:, ev.SPANS_GAP] = rng.integers(0, 2, count)
    return rows, words


@pytest.mark.parametrize("count", [0, 1, 3 * MANY // 2])
@pytest.mark.parametrize("share", [0.0, 0.5, 1.0])
def test_events(count, share):
    rng = np.random.default_rng(count)
    rows, words = some_events(rng, count)
    recorder = Recorder(None, 0)
    recorder.words = words
    for part in np.array_split(rows, 5):
        recorder.events.add(part)
    why = ["too late", "spread\nof 3 ticks", "", "order"]
    numbers = rng.permutation(count)[: int(share * count)].tolist()
    skipped = {number: why[number % 4] for number in [*numbers, count + 7, -1]}
    orders = OrderCounts()
    ordered = set()
    for some in np.array_split(rng.integers(0, max(count, 1), count // 2), 3):
        ids = [int(number) for number in some] + [ev.ABSENT]
        ordered.update(ids)
        words_of = ["sent"] * len(ids)
        orders.take({"event_id": ids, "status": words_of, "why": words_of, "parent_id": ids})

    expected = []
    for row in rows.tolist():
        of, number = words[row[ev.SOURCE]], row[ev.ID]
        expected.append((
            number, row[ev.KNOWN_AT], of.detector, of.kinds[row[ev.KIND]], row[ev.DIRECTION],
            of.states[row[ev.STATE]], row[ev.PRICE_LOW], row[ev.PRICE_HIGH], row[ev.PRICE],
            float(np.int64(row[ev.STRENGTH]).view(np.float64)), bool(row[ev.SPANS_GAP]),
            skipped.get(number) or ("order" if number in ordered else ""),
        ))  # fmt: skip
    pieces = tables.events_pieces(recorder, orders, skipped)
    assert [tuple(row.values()) for piece in pieces for row in piece.to_pylist()] == expected
