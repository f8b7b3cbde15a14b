"""Detectors with kernels against their twins, however the tape is cut."""

from __future__ import annotations

from itertools import pairwise

import naive_detectors as naive
import numpy as np
import pytest
from detector_reading import of_footprints, of_trades
from hypothesis import given, settings
from hypothesis import strategies as st
from random_tapes import as_trades

from orderflow_bt.detectors import (
    Absorption,
    BigTrades,
    IcebergLike,
    ImbalanceZones,
    PocRetest,
    TakerClusters,
)
from orderflow_bt.detectors.traded import TopQuantile
from orderflow_bt.flow import CausalMinimum, Footprint
from orderflow_bt.kernels import rolling
from orderflow_bt.types import DAY_US, Bar

MINUTE = 60_000_000


@st.composite
def busy_tapes(draw):
    """Few prices, many bursts, sizes that repeat: what these detectors look for."""
    number, time, price = 1, draw(st.integers(0, 3 * MINUTE)), 100
    sides = st.sampled_from(draw(st.sampled_from([(1, -1), (1, 1, 1, -1), (-1,)])))
    rows = []
    for _ in range(draw(st.integers(0, 70))):
        rows.append((number, time, price, draw(st.integers(0, 9)), draw(sides), 1))
        number += draw(st.sampled_from([1] * 15 + [3]))
        time += draw(
            st.sampled_from([0, 0, 1, 900_000, 5_000_000, 20_000_000, MINUTE, 200_000_000])
        )
        price += draw(st.sampled_from([0, 0, 0, 1, -1, 1, -1, 2, -3, 40, -40, 9000]))
    return rows


def pieces(detector, tape, cuts):
    """(row of the tape, event), with the tape cut at ``cuts``."""
    trades, found = as_trades(tape), []
    edges = sorted({0, len(tape), *(cut for cut in cuts if cut < len(tape))})
    for start, stop in pairwise(edges):
        piece = trades.slice(start, stop)
        found += [(start + row, event) for row, event in of_trades(detector, piece)]
    return found


def both_ways(kind, tape, cuts, **parameters):
    """Events in one piece; checked to be the same cut at ``cuts`` and trade by trade."""
    whole = pieces(kind(**parameters), tape, [])
    assert whole == pieces(kind(**parameters), tape, cuts)
    assert whole == pieces(kind(**parameters), tape, range(len(tape)))
    for row, event in whole:
        assert event.known_at == tape[row][1]
        assert event.details["trade_id"] == tape[row][0]
    for n in cuts[:1]:  # what comes later changes nothing before
        assert pieces(kind(**parameters), tape[:n], []) == [e for e in whole if e[0] < n]
    return whole


cuts = st.lists(st.integers(0, 70), max_size=4)


@settings(max_examples=150, deadline=None)
@given(
    busy_tapes(), cuts, st.integers(1, 3), st.integers(0, 2), st.integers(1, 4),
    st.sampled_from([0, 8]), st.sampled_from([0, 60, 100]), st.integers(2, 5),
)  # fmt: skip
def test_absorption(tape, where, rows, beyond, back, least, share, minutes):
    parameters = {
        "window": 30, "rows": rows, "beyond": beyond, "back": back, "back_atr": 0.25,
        "patience": 90, "share": share, "min_volume": least, "minutes": minutes,
    }  # fmt: skip
    found = [
        (row, e.state, e.direction, e.price, e.details["row"], e.details["since"],
         e.details["furthest"], e.details["back"])
        for row, e in both_ways(Absorption, tape, where, quantile=0.7, **parameters)
    ]  # fmt: skip
    assert found == naive.absorption(tape, quantile_of=0.7, **parameters)


@settings(max_examples=100, deadline=None)
@given(busy_tapes(), cuts, st.integers(1, 4))
def test_clusters(tape, where, min_levels):
    found = [
        (row, e.kind, e.direction, e.price, e.details["qty"])
        for row, e in both_ways(TakerClusters, tape, where, min_levels=min_levels, quantile=0)
    ]
    assert found == naive.sweeps(tape, min_levels)


@settings(max_examples=100, deadline=None)
@given(busy_tapes(), cuts, st.sampled_from([0.5, 0.9, 0.99]), st.integers(2, 20))
def test_big_trades(tape, where, share, window):
    events = both_ways(BigTrades, tape, where, quantile=share, clusters=window)
    rows = [(row, e.direction) for row, e in events]
    assert rows == [found[:2] for found in naive.big_trades(tape, share, window)]


@settings(max_examples=150, deadline=None)
@given(busy_tapes(), cuts, st.integers(2, 3), st.sampled_from([0.3, 0.6]), st.integers(2, 9))
def test_iceberg_like(tape, where, hits, share, count):
    parameters = {"hits": hits, "window": 30, "quantile": share, "clusters": count}
    found = [
        (row, e.direction, e.price, e.details["qty"])
        for row, e in both_ways(IcebergLike, tape, where, **parameters)
    ]
    assert found == naive.icebergs(tape, hits, 30, share, count)


def test_the_rolling_quantile_follows_a_rising_market():
    """Every new value is among the largest: what is kept is trimmed again and again."""
    window, chance = TopQuantile(300, 0.95), np.random.default_rng(4)
    values = (np.arange(2500) // 3 * 3 + chance.integers(0, 30, 2500)).tolist()
    for n, value in enumerate(values):
        rolling.push(*window.arrays, window.skip, value)
        assert window.marks[rolling.KEPT] <= 300
        if n >= 299 and n % 11 == 0:
            exact = naive.quantile(values[n - 299 : n + 1], 0.95)
            assert window.marks[rolling.QUANTILE] == exact


@pytest.mark.parametrize("top", [4, 50, 5000, 10**9, 2**62])
def test_the_rolling_median_of_volumes_is_the_median(top):
    chance = np.random.default_rng(5)
    minimum, before = CausalMinimum(window=4), []
    for n in range(120):
        cells = np.zeros((int(chance.choice([0, 1, 3, 9, 400])), 5), np.int64)
        cells[:, 1:3] = chance.integers(0, min(top, 10 ** (n % 19 + 1)), (len(cells), 2))
        sides = sorted(v for part in before[-4:] for v in part.ravel().tolist() if v)
        middle = sides[(len(sides) - 1) // 2 : len(sides) // 2 + 1]
        assert minimum.value == (-(-sum(middle) // len(middle)) if middle else 0)
        minimum.push(cells)
        before.append(cells[:, 1:3])


@pytest.mark.parametrize("kind", [Absorption, TakerClusters, BigTrades, IcebergLike])
def test_more_events_than_there_is_room_for_are_taken_in_parts(kind, monkeypatch):
    chance = np.random.default_rng(6)
    tape, time = [], 0
    for n in range(900):
        time += int(chance.choice([0, 1, 1000]))
        side = int(chance.choice([1, -1]))
        tape.append(
            (n, time, int(100 + chance.integers(-4, 5)), int(chance.integers(1, 9)), side, 1)
        )
    parameters = {
        Absorption: {"min_volume": 5, "share": 0, "beyond": 9, "back": 2},
        TakerClusters: {"min_levels": 1, "quantile": 0},
        BigTrades: {"clusters": 10, "quantile": 0.5},
        IcebergLike: {"clusters": 10, "quantile": 0.1, "hits": 2},
    }[kind]
    whole = pieces(kind(**parameters), tape, [])
    monkeypatch.setattr("orderflow_bt.detectors.traded._ROOM", 5)
    assert len(whole) > 15
    assert pieces(kind(**parameters), tape, []) == whole


@pytest.mark.parametrize("share", [0.5, 0.9, 0.98, 0.999])
@pytest.mark.parametrize("kinds", [3, 50, 10**12])
def test_the_rolling_quantile_is_exact(share, kinds):
    chance = np.random.default_rng(3)
    values = (chance.pareto(1.0, 3000) * chance.choice([1, 30], 3000) + 1).astype(np.int64) % kinds
    values[1500:1800] = 1  # large values all leave
    window = TopQuantile(400, share)
    for n, value in enumerate(values.tolist()):
        rolling.push(*window.arrays, window.skip, value)
        known = int(window.marks[rolling.QUANTILE])
        if n + 1 < 400:
            assert known == rolling.UNKNOWN
        elif n % 7 == 0:
            assert known == naive.quantile(values[n - 399 : n + 1].tolist(), share)


# rows 100 to 104 with buys stacked on 102-104 (bid, ask), and sells stacked on 100-102
BUYS = [(20, 1), (6, 18), (4, 24), (2, 30), (0, 12)]
SELLS = [(12, 0), (30, 2), (24, 4), (18, 6), (1, 20)]


def footprint(sides, low=100):
    cells = np.array([(low + k, b, a, 1, 1) for k, (b, a) in enumerate(sides)], np.int64)
    bar = Bar(0, 300_000_000, low, low + 4, low, low + 2, 1, 1, 0, 0, 1, 1, 0, 0, 0, 0, low, 0)
    return Footprint(bar, 1, cells)


walks = st.lists(st.sampled_from([0, 1, -1, 2, -2, 3, -3, 7, -7]), max_size=120)


@settings(max_examples=150, deadline=None)
@given(walks, cuts, st.sampled_from([1, -1]), st.integers(1, 3), st.integers(1, 6))
def test_zones_live_as_their_twin_does(steps, where, side, most, leave):
    sides, low = (BUYS, 102) if side > 0 else (SELLS, 100)
    prices = (104 + np.cumsum([0, *steps])).tolist()
    tape = [(n, 300_000_000 + n, price, 1, 1, 1) for n, price in enumerate(prices)]
    settings = {"floor": 10, "leave": leave, "retests": most}

    def found(where):
        detector = ImbalanceZones(**settings)
        (created,) = of_footprints(detector, footprint(sides))
        assert (created.direction, created.price_low, created.price_high) == (side, low, low + 3)
        return [(row, event.state) for row, event in pieces(detector, tape, where)]

    twin = naive.zone_life(
        prices, side, low, low + 3, leave=max(3, leave), react=3, room=2, most=most
    )
    assert found([]) == found(where) == found(range(len(tape))) == twin


@settings(max_examples=150, deadline=None)
@given(walks, cuts, st.integers(0, 2), st.integers(1, 3), st.integers(1, 3), st.integers(1, 3))
def test_levels_live_as_their_twin_does(steps, where, touch, back, touches, height):
    rows = (50 + np.cumsum([0, *steps])).tolist()
    day = [(n, n, 50 * height, 5, 1, 1) for n in range(3)]
    next_day = [(3 + n, DAY_US + n, r * height + n % height, 1, 1, 1) for n, r in enumerate(rows)]
    tape = day + next_day
    settings = {"away": 4, "touch": touch, "back": back, "touches": touches}

    def found(where):
        detector = PocRetest(ticks_per_row=height, **settings)
        return [(row - 3, e.state, e.direction) for row, e in pieces(detector, tape, where)]

    twin = naive.level_life(rows, 50, away=4, touch=touch, back=back, touches=touches)
    assert found([]) == found(where) == found(range(len(tape))) == twin
