"""What is read from closed bars, and from sessions, against its twins; however it is cut."""

from __future__ import annotations

from itertools import pairwise

import naive_readings as naive
import numpy as np
import pytest
from detector_reading import of_bars, of_footprints
from hypothesis import given, settings
from hypothesis import strategies as st
from random_tapes import as_trades

from orderflow_bt.detectors import (
    AbsorptionBar,
    Exhaustion,
    ImbalanceZones,
    TapeSpeed,
    VolumeSpike,
)
from orderflow_bt.flow import (
    CausalMinimum,
    ClusterSearch,
    Cvd,
    Footprint,
    InitialBalance,
    TradingSession,
    UnfinishedAuctions,
)
from orderflow_bt.types import HOUR_US, MINUTE_US, Bar, time_bars

many = settings(max_examples=60, deadline=None)


@st.composite
def bar_lists(draw, most=60, size=HOUR_US):
    """Closed bars, one after another, some without trades, sizes small or beyond 32 bits."""
    unit = draw(st.sampled_from([1, 10, 10**12]))
    numbers, found, price = st.integers(0, 12), [], 100
    for n in range(draw(st.integers(0, most))):
        volume = draw(numbers) * unit
        buys = draw(st.integers(0, 12)) * volume // 12
        close = price + draw(st.integers(-3, 3))
        found.append(
            Bar(
                n * size, (n + 1) * size, price, max(price, close), min(price, close), close,
                volume, buys, 0, 0, draw(numbers), 1, 0, 0, 0, 0, price, 0,
            )
        )  # fmt: skip
        price = close
    return found


@st.composite
def footprints(draw, most=40, row=1):
    """Dense rows of a bar after another, one unit high."""
    volumes, found = st.integers(0, 9), []
    for n in range(draw(st.integers(0, most))):
        low = draw(st.integers(-9, 9)) * row
        cells = np.array(
            [(low + k, draw(volumes), draw(volumes), 1, 1) for k in range(draw(st.integers(1, 9)))],
            np.int64,
        )
        high, volume = low + len(cells) - 1, int(cells[:, 1:3].sum())
        bar = Bar(
            n, n + 1, low, high, low, high, volume, int(cells[:, 2].sum()), 0, 0, 1, 1, 0, 0, 0, 0,
            low, 0,
        )  # fmt: skip
        found.append(Footprint(bar, 1, cells))
    return found


cuts = st.lists(st.integers(0, 60), max_size=3)


def cut(read, make, items, where):
    """Events of one piece; checked to be those of several."""
    whole = read(make(), *items) if items else []
    detector, parts = make(), []
    for start, stop in pairwise(sorted({0, len(items), *(n for n in where if n < len(items))})):
        parts += read(detector, *items[start:stop])
    assert parts == whole
    return whole


@many
@given(bar_lists(), cuts, st.sampled_from(["plain", "log", "mad"]), st.integers(2, 9),
       st.sampled_from([0, 5]), st.booleans())  # fmt: skip
def test_spikes(bars, where, scale, window, floor, by_day):
    least = 1.37
    parameters = {"bars": time_bars("1h"), "window": window, "least": least, "scale": scale,
                  "floor": floor}  # fmt: skip
    if by_day:
        window = 2
        parameters |= {"against": "minute_of_day", "days": 2}
    times = [bar.open_time for bar in bars]
    for kind, values in (
        (VolumeSpike, [bar.volume for bar in bars]),
        (TapeSpeed, [bar.count for bar in bars]),
    ):
        twin = naive.spikes(
            values, times, window=window, least=least, scale=scale, floor=floor,
            day_slots=24 * by_day,
        )  # fmt: skip
        events = cut(of_bars, lambda kind=kind: kind(**parameters), bars, where)
        assert [e.known_at // HOUR_US - 1 for e in events] == [n for n, _ in twin]
        assert [e.strength for e in events] == pytest.approx([z / least for _, z in twin])


@many
@given(bar_lists(), cuts, st.integers(2, 9), st.sampled_from([0.1, 0.5]))
def test_absorbed_bars(bars, where, window, share):
    def make():
        return AbsorptionBar(bars=time_bars("1h"), window=window, least=0.71, quantile=share)

    twin = naive.absorbed_bars(bars, window=window, least=0.71, share=share)
    events = cut(of_bars, make, bars, where)
    found = [(e.known_at // HOUR_US - 1, e.kind) for e in events]
    assert found == [(n, kind) for n, kind, _ in twin]
    assert [e.strength for e in events] == pytest.approx([z / 0.71 for *_, z in twin])


@many
@given(footprints(), cuts, st.sampled_from(["fading", "thin"]), st.integers(2, 4),
       st.integers(0, 60), st.integers(1, 3))  # fmt: skip
def test_exhaustion(shapes, where, kind, rows, share, height):
    def make():
        return Exhaustion(kind=kind, rows=rows, share=share, ticks_per_row=height)

    twin = [
        (shape.bar.close_time, direction)
        for shape in shapes
        for direction in naive.exhausted(
            shape.cells.tolist(), row_size=height, rows=rows, kind=kind, share=share
        )
    ]
    events = cut(of_footprints, make, shapes, where)
    assert [(e.known_at, e.direction) for e in events] == twin


@many
@given(footprints(), cuts, st.integers(1, 3), st.sampled_from([1.5, 3.0]), st.integers(0, 60))
def test_zones_are_made_as_their_twin_makes_them(shapes, where, least, ratio, share):
    def make():
        return ImbalanceZones(least=least, ratio=ratio, share=share, age=10_000)

    minimum, twin = CausalMinimum(), []
    for shape in shapes:
        twin += [
            (shape.bar.close_time, *zone)
            for zone in naive.zone_rows(
                shape.cells.tolist(), ratio=ratio, least=least, minimum=minimum.value, share=share
            )
        ]
        minimum.push(shape.cells)
    events = cut(of_footprints, make, shapes, where)
    found = [(e.known_at, e.direction, e.price_low, e.price_high) for e in events]
    assert found == twin


@many
@given(bar_lists(), st.integers(1, 5))
def test_cumulative_delta_resets(bars, rolling):
    session = TradingSession.parse("09:30-16:00/America/New_York")

    def session_of(bar):
        return max(edge for edge in session.edges(bar.open_time, bar.open_time)
                   if edge <= bar.open_time)  # fmt: skip

    for cvd, twin in (
        (Cvd(), naive.cvd_bars(bars)),
        (Cvd(rolling=rolling), naive.cvd_bars(bars, rolling=rolling)),
        (Cvd(session), naive.cvd_bars(bars, session_of=session_of)),
    ):
        assert [(c.open, c.close) for c in map(cvd.push, bars)] == twin


walk = st.lists(st.integers(-3, 3), max_size=40)


@many
@given(footprints(most=8), walk, st.integers(0, 5))
def test_auctions(shapes, steps, least):
    prices = np.cumsum([0, *steps]).tolist()
    tape = as_trades([(n, n, price, 1, 1, 1) for n, price in enumerate(prices)])
    auctions, levels = UnfinishedAuctions(least=least), []
    for shape in shapes:
        high, low = naive.unfinished(shape.cells.tolist(), least)
        expected = [(shape.bar.high, 1)] * high + [(shape.bar.low, -1)] * low
        assert [(level.price, level.side) for level in auctions.push(shape)] == expected
        levels += expected
    when = [naive.resolved(prices, price, side) for price, side in levels]
    ends = sorted(n for n in when if n is not None)
    assert [row for _, row in auctions.feed(tape)] == ends
    assert len(auctions.live) == when.count(None)


@many
@given(footprints(most=12), st.integers(1, 3), st.integers(1, 2), st.integers(1, 4),
       st.sampled_from([(1, 2), (9, 10)]))  # fmt: skip
def test_volume_clusters(shapes, rows, bars, history, share):
    search = ClusterSearch(rows, bars, quantile=share, history=history)
    found = [(n, c.price_low) for n, shape in enumerate(shapes) for c in search.push(shape)]
    cells = [shape.cells.tolist() for shape in shapes]
    twin = naive.clusters(cells, rows=rows, bars=bars, share=share[0] / share[1], history=history)
    assert found == twin


@many
@given(st.lists(st.tuples(st.integers(0, 40), st.integers(-5, 5)), min_size=1, max_size=40), cuts)
def test_the_initial_balance(steps, where):
    time, price, tape = 0, 100, []
    for minutes, move in steps:
        time, price = time + minutes * MINUTE_US, price + move
        tape.append((time, price))
    trades = as_trades([(n, t, p, 1, 1, 1) for n, (t, p) in enumerate(tape)])
    session = TradingSession.parse("01:00-03:00/UTC")
    balance = InitialBalance(session, minutes=30)
    for start, stop in pairwise(sorted({0, len(tape), *(n for n in where if n < len(tape))})):
        balance.feed(trades.slice(start, stop))
        now = tape[stop - 1][0]
        bounds = session.at(now)
        seen = balance.at(now)
        twin = None
        if bounds is not None:
            twin = naive.initial_balance(tape[:stop], bounds[0], 30 * MINUTE_US, now)
        assert (seen and (seen.high, seen.low, seen.known_at)) == twin
