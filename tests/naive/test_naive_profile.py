"""Profiles, value areas, naked levels and averages against their twins, in any cutting."""

from __future__ import annotations

import itertools
from fractions import Fraction

import hypothesis.strategies as st
import numpy as np
from hypothesis import given, settings
from naive_bars import naive_poc
from naive_profile import naive_return, naive_rows, naive_twap, naive_value_area, naive_vwap
from random_tapes import as_trades, tapes

from orderflow_bt.flow import NakedLevels, ProfileBuilder, SessionProfiles, TradingSession
from orderflow_bt.flow.auction import InitialBalance
from orderflow_bt.flow.averages import Twap, Vwap
from orderflow_bt.flow.profile import NakedLevel
from orderflow_bt.kernels import profile as kernels

some_tapes = tapes().filter(bool)
cuttings = st.lists(st.integers(0, 60), max_size=5)


def pieces(rows, cuts):
    trades = as_trades(rows)
    edges = [0, *sorted(min(cut, len(rows)) for cut in cuts), len(rows)]
    return [trades.slice(a, b) for a, b in itertools.pairwise(edges)]


@settings(max_examples=60)
@given(some_tapes, st.sampled_from([1, 3, 10]), cuttings)
def test_a_profile_holds_every_trade_and_finds_its_point_of_control(rows, row_size, cuts):
    builder = ProfileBuilder(row_size)
    for piece in pieces(rows, cuts):
        builder.add(piece)
    profile = builder.profile()
    expected = naive_rows(rows, row_size)
    assert {row[0]: row[1:] for row in profile.cells.tolist()} == expected
    assert profile.poc == naive_poc({price: c[0] + c[1] for price, c in expected.items()})
    assert profile.known_at == rows[-1][1]


@settings(max_examples=60)
@given(some_tapes, st.sampled_from([1, 3, 10]), st.sampled_from([1, 2, 5]), cuttings)
def test_cells_of_parts_add_up_to_the_profile_of_the_whole(rows, row_size, times, cuts):
    parts = []
    for piece in pieces(rows, cuts):
        part = ProfileBuilder(row_size)
        part.add(piece)
        parts.append(part.profile().cells if part else np.zeros((0, 5), np.int64))
    builder = ProfileBuilder(row_size * times)
    builder.add_cells(*parts)
    cells = builder.profile().cells.tolist()
    assert {row[0]: row[1:] for row in cells} == naive_rows(rows, row_size * times)


@settings(max_examples=120)
@given(
    st.lists(st.integers(0, 9), min_size=1, max_size=14),
    st.data(),
    st.integers(1, 3),
    st.booleans(),
    st.booleans(),
    st.sampled_from([(70, 100), (682, 1000), (1, 1), (1, 100)]),
)
def test_value_areas_equal_the_twin(volumes, data, step, tie_up, whole, share):
    poc = data.draw(st.integers(0, len(volumes) - 1))
    found = kernels.value_area(np.array(volumes), poc, *share, step, int(tie_up), int(whole))
    expected = naive_value_area(
        dict(enumerate(volumes)), poc, share=Fraction(*share), step=step, tie_up=tie_up, whole=whole
    )
    assert found == expected


@settings(max_examples=60)
@given(some_tapes, st.integers(-60, 60), st.integers(1, 30), st.booleans(), cuttings)
def test_naked_levels_end_where_the_twin_says(rows, shift, height, cross, cuts):
    prices = [row[2] for row in rows]
    low = prices[0] + shift
    levels = NakedLevels(cross_counts=cross, live=[NakedLevel("poc", low, low + height, 0)])
    visits, fed = [], 0
    for piece in pieces(rows, cuts):
        visits += [(fed + visit.row, visit.time) for visit in levels.feed(piece)]
        fed += piece.rows
    expected = naive_return(prices, prices[0], low, low + height, cross=cross)
    assert visits == ([] if expected is None else [(expected, rows[expected][1])])
    assert bool(levels.live) == (expected is None)


@settings(max_examples=60)
@given(some_tapes, cuttings, st.integers(0, 10**8))
def test_averages_are_exact_and_the_cutting_does_not_matter(rows, cuts, wait):
    vwap, twap = Vwap(), Twap()
    for piece in pieces(rows, cuts):
        vwap.feed(piece)
        twap.feed(piece)
    expected = naive_vwap(rows)
    assert (vwap.value, vwap.variance) == (expected or (None, None))
    now = rows[-1][1] + wait
    assert twap.at(now) == naive_twap(rows, now)


@settings(max_examples=60)
@given(some_tapes, cuttings, st.sampled_from(["00:01-00:03/UTC", "00:02-00:01/UTC"]))
def test_sessions_are_profiled_apart_in_any_cutting(rows, cuts, hours):
    session = TradingSession.parse(hours)
    expected = {}
    for row in rows:
        if bounds := session.at(row[1]):
            expected.setdefault(bounds, []).append(row)
    profiles, balance = SessionProfiles(1, session), InitialBalance(session, minutes=1)
    final = []
    for piece in pieces(rows, cuts):
        final += profiles.feed(piece)
        balance.feed(piece)
        if piece.rows:
            now = int(piece.time[-1])
            bounds = session.at(now)
            so_far = [row for row in expected.get(bounds, []) if row[0] <= piece.id[-1]]
            early = [row for row in so_far if row[1] < bounds[0] + 60_000_000]
            found = balance.at(now)
            assert (found and found[:2]) == (
                (max(r[2] for r in early), min(r[2] for r in early)) if early else None
            )
    final += profiles.close_until(2**62)
    assert [profile.known_at for profile in final] == [end for _, end in expected]
    for profile, inside in zip(final, expected.values(), strict=True):
        assert {row[0]: row[1:] for row in profile.cells.tolist()} == naive_rows(inside, 1)
