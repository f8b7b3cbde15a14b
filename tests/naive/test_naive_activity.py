"""The kernel of activity bars against its slow twin, whole and in pieces, on random tapes."""

from __future__ import annotations

import itertools
from decimal import Decimal

import hypothesis.strategies as st
import numpy as np
from hypothesis import given, settings
from naive_activity import DAY, naive_activity, naive_renko
from random_tapes import as_trades, tapes

from orderflow_bt.flow import BarStream
from orderflow_bt.flow.sessions import TradingSession
from orderflow_bt.instruments import Instrument
from orderflow_bt.types import BarSpec, MarketType

UNITS = Instrument("random", MarketType.UM, "CHUNK", 0, 0)
NEVER = 2**63 - 1
HOURS = "00:01-00:03/UTC"  # cuts every tape that lasts some minutes


def edge_of(anchor):
    if anchor == "day":
        return lambda time: (time // DAY + 1) * DAY
    if anchor == "start":
        return lambda _: NEVER
    session = TradingSession.parse(anchor)
    return lambda time: min(edge for edge in session.edges(time, time) if edge > time)


@st.composite
def rules(draw):
    """(kind, size, pull, specification)"""
    kind = draw(
        st.sampled_from(
            ["tick", "fills", "volume", "dollar", "delta", "range", "reversal", "renko"]
        )
    )
    size = draw(st.sampled_from([1, 2, 3, 5, 17, 40, 100]))
    pull = draw(st.sampled_from([1, 2, 6])) if kind == "reversal" else 0
    anchor = draw(st.sampled_from(["day", "start", HOURS]))
    name, unit = ("tick", "fills") if kind == "fills" else (kind, "trades")
    amounts = (Decimal(size),) + ((Decimal(pull),) if pull else ())
    if kind == "dollar":
        size *= 3_000
        amounts = (Decimal(size),)
    return kind, size, pull, BarSpec(name, 0, amounts, unit, anchor)


def cut(rows, spec, row_size, pieces, *, continuous):
    """Everything a stream gives, fed in pieces and closed by the clock."""
    stream = BarStream(
        spec, ids_are_continuous=continuous, ticks_per_row=row_size, instrument=UNITS
    )
    trades = as_trades(rows)
    edges = [0, *sorted(pieces), trades.rows]
    batches, at = [], []
    for start, stop in itertools.pairwise(edges):
        batches.append(stream.feed(trades.slice(start, stop)))
        at += (start + batches[-1].at).tolist()
        if len(batches[-1]):  # nothing is given out before it can be known
            assert batches[-1].known_at[-1] <= trades.time[stop - 1]
    batches.append(stream.close_until(NEVER))
    at += (trades.rows + batches[-1].at).tolist()
    bars = [bar for batch in batches for bar in batch.tolist()]
    cells = [batch.bar_cells(k).tolist() for batch in batches for k in range(len(batch))]
    for batch in batches:
        assert np.array_equal(batch.known_at, batch.bars[:, 1])
    return list(zip(bars, cells, at, strict=True))


@settings(max_examples=150)
@given(tapes(), rules(), st.sampled_from([1, 3]), st.booleans(), st.data())
def test_activity_bars_equal_the_naive_twin_however_the_tape_is_cut(
    rows, rule, row_size, continuous, data
):
    kind, size, pull, spec = rule
    if kind == "renko":
        rows = [(k, *row[1:]) for k, row in enumerate(rows)]
        expected = naive_renko(rows, size, row_size, edge_of=edge_of(spec.anchor))
    else:
        expected = naive_activity(
            rows, kind, size, pull, row_size, continuous=continuous, edge_of=edge_of(spec.anchor)
        )
    assert cut(rows, spec, row_size, [], continuous=continuous) == expected
    pieces = data.draw(st.lists(st.integers(0, len(rows)), max_size=5))
    for cuts in (pieces, range(len(rows))):
        assert cut(rows, spec, row_size, cuts, continuous=continuous) == expected


@settings(max_examples=60)
@given(tapes(), rules(), st.sampled_from([1, 7]))
def test_bars_and_cells_hold_every_trade_once(rows, rule, row_size):
    out = cut(rows, rule[3], row_size, [], continuous=True)
    cells = [cell for _, bar_cells, _ in out for cell in bar_cells]
    buys = sum(row[3] for row in rows if row[4] > 0)
    sells = sum(row[3] for row in rows if row[4] < 0)
    assert (sum(cell[1] for cell in cells), sum(cell[2] for cell in cells)) == (sells, buys)
    assert sum(bar.volume for bar, _, _ in out) == buys + sells
    assert sum(bar.buy_volume for bar, _, _ in out) == buys
    assert sum(bar.quote_volume for bar, _, _ in out) == sum(row[2] * row[3] for row in rows)
    assert sum(bar.trades for bar, _, _ in out) == len(rows)
    fills = sum(row[5] for row in rows)
    assert sum(bar.count for bar, _, _ in out) == fills == sum(sum(c[3:]) for c in cells)


@settings(max_examples=60)
@given(tapes().filter(lambda rows: len(rows) > 1), rules(), st.data())
def test_a_days_bars_do_not_depend_on_where_reading_began(rows, rule, data):
    k = data.draw(st.integers(1, len(rows) - 1))
    midnight = rows[k][1]
    rows = [(n, DAY + row[1] - midnight, *row[2:]) for n, row in enumerate(rows)]
    spec = rule[3]._replace(anchor="day")
    both = cut(rows, spec, 1, [], continuous=True)
    first = next(n for n, row in enumerate(rows) if row[1] >= DAY)
    alone = cut(rows[first:], spec, 1, [], continuous=True)
    assert [(bar, cells, at - first) for bar, cells, at in both if bar.open_time >= DAY] == alone
