"""The picture of a replay: right as of the cursor, whatever came before and however it came."""

from __future__ import annotations

import json

import hypothesis.strategies as st
import numpy as np
import pytest
from hypothesis import given, settings
from random_tapes import as_trades, tapes
from replay_frames import UNIT, TapePlayer, clock, detectors, market, page_of, picture_of, played
from replay_page import Page, decode

from orderflow_bt.detectors import ImbalanceZones, TakerClusters
from orderflow_bt.errors import UsageError
from orderflow_bt.flow import (
    BarStream,
    NakedLevel,
    NakedLevels,
    SessionProfiles,
)
from orderflow_bt.instruments import Instrument
from orderflow_bt.replay.screen import history
from orderflow_bt.replay.screen.history import KEEP
from orderflow_bt.replay.screen.lens import BlindLens, OpenLens
from orderflow_bt.replay.screen.picture import ClientView
from orderflow_bt.types import DAY_US, BarSpec, MarketType, time_bars

SPECS = ["1s", "1m", "tick:5", "volume:20@start", "range:6", "delta:9", "renko:4", "reversal:8,3"]


@given(tapes(max_trades=80), st.sampled_from(SPECS))
def test_open_bar_is_what_would_close(rows, spec):
    trades = as_trades([row for row in rows if row[3] > 0])
    stream = BarStream(BarSpec.parse(spec), ids_are_continuous=True, instrument=UNIT)
    stream.feed(trades)
    (bar,) = stream.open_bar().tolist() or [None]
    if bar is None:
        return
    again = BarStream(stream.spec, ids_are_continuous=True, instrument=UNIT)
    again.restore(*stream.snapshot())
    midnight = (int(trades.time[-1]) // DAY_US + 1) * DAY_US
    closed = again.close_until(bar.close_time if stream.spec.is_time else midnight)
    if not stream.spec.is_time:  # nothing but an edge closes it, and that comes later
        if stream.spec.anchor == "start":
            assert len(closed) == 0
            return
        assert bar.close_time == int(trades.time[-1])
        bar = bar._replace(close_time=int(closed.bars[0, 1]))
    assert closed.bar(0) == bar
    assert np.array_equal(stream.open_bar().bar_cells(0), closed.bar_cells(0))
    before = stream.snapshot()
    stream.open_bar()
    assert all(np.array_equal(a, b) for a, b in zip(before, stream.snapshot(), strict=True))


@given(tapes(max_trades=100), st.data())
@settings(max_examples=40)
def test_cutting_and_folding_change_nothing(rows, data):
    """Trade by trade or at once, one frame or many, skipped or not: the page holds the same."""
    trades = as_trades([(n, *row[1:]) for n, row in enumerate(rows)])
    seen = lambda: [ImbalanceZones(bars=time_bars("1s"), least=2), TakerClusters(quantile=0)]  # noqa: E731 - made twice
    player = TapePlayer(trades, UNIT, seen())
    picture = picture_of(player, UNIT, bars="1s", ticks_per_row=2)
    views = [ClientView() for _ in range(3)]
    pages = [Page(2.0) for _ in views]
    while player.row < trades.rows:
        player.advance(player.row + data.draw(st.integers(1, 9)))
        for k, page in enumerate(pages):
            if k == 0 or data.draw(st.booleans()):
                page.fold(picture.frame(views[k], {"fills": [{"order": 1}] * (player.row // 5)}))
    if not trades.rows:
        return
    state = {"fills": [{"order": 1}] * (player.row // 5)}
    for page, view in zip(pages, views, strict=True):
        page.fold(picture.frame(view, state))
    fresh = Page(2.0)
    fresh.fold(picture.frame(ClientView(), state))
    _, whole = played(trades, [], spec="1s", seen=seen())
    once = Page(2.0)
    once.fold(whole.frame(ClientView(), state))
    for page in [*pages, once]:
        assert page.shown() == fresh.shown()


@pytest.fixture(scope="module")
def simulated():
    return market(20_000)


def with_future(trades, row, rng):
    """The same tape up to a row, and another one from there on."""
    changed = {name: getattr(trades, name).copy() for name in trades._fields}
    rest = trades.rows - row
    changed["price"][row:] += rng.integers(-40, 40, rest)
    changed["qty"][row:] = rng.integers(1, 90_000, rest)
    changed["side"][row:] = rng.choice([-1, 1], rest)
    changed["time"][row:] += 3_600_000_000
    return trades._replace(**changed)


@pytest.mark.parametrize("blind", [False, True])
@pytest.mark.parametrize("spec", ["1m", "tick:60", "range:12"])
def test_no_byte_depends_on_the_future(simulated, spec, blind):
    trades, unit = simulated
    lens = None
    if blind:
        lens = BlindLens(
            unit, price=int(trades.price[2_000]), time=int(trades.time[2_000]), volume=5_000
        )
    for row in (3_000, 7_001):
        other = with_future(trades, row, np.random.default_rng(row))
        sent = []
        for tape in (trades, other):
            player, picture = played(tape.slice(0, 0), [], unit=unit, seen=detectors(), lens=lens)
            player.trades = tape
            player.advance(2_000)
            picture.show(BarSpec.parse(spec))
            client, frames = ClientView(), [json.dumps(picture.hello()).encode()]
            for stop in (2_001, 2_500, row - 1, row):
                player.advance(stop)
                frames.append(picture.frame(client, clock(player, picture.lens)))
            sent.append(frames)
        assert sent[0] == sent[1]


def test_going_back_shows_what_was_there(simulated):
    trades, unit = simulated
    player, picture = played(trades.slice(0, 0), [], unit=unit, seen=detectors())
    player.trades = trades
    client, page = ClientView(), Page(picture.hello()["row_size"])
    saved = {}
    for stop in range(1_000, 9_000, 1_000):
        player.advance(stop)
        page.fold(picture.frame(client, {}))
        saved[stop] = picture.snapshot(), page_of(picture).shown()
    for stop in (8_000, 3_000, 7_000, 1_000):
        raw, then = saved[stop]
        picture.rewound(stop)
        picture.restore(raw)
        page.fold(picture.frame(client, {}))
        assert page.shown() == then == page_of(picture).shown()
    assert picture.row == 1_000
    again = TapePlayer(trades, unit, detectors())
    again.advance(1_000)
    again.listeners.append(picture)
    for stop in range(2_000, 9_000, 1_000):
        again.advance(stop)
        page.fold(picture.frame(client, {}))
        assert page.shown() == saved[stop][1]


def test_other_bars_from_the_start(simulated):
    trades, unit = simulated
    player, picture = played(trades.slice(0, 9_000), [4_000], unit=unit, ticks_per_row=1)
    early = picture.snapshot()
    client, page = ClientView(), Page(1.0)
    page.fold(picture.frame(client, {}))
    for spec, height in (("5m", 3), ("tick:100", 1)):
        picture.show(BarSpec.parse(spec), height)
        assert (picture.hello()["bars"], picture.hello()["row_size"]) == (spec, height)
        assert decode(picture.frame(ClientView(), {}))["reset"]
        _, fresh = played(player.trades, [], spec=spec, ticks_per_row=height, unit=unit)
        page.row_size = float(height)
        page.fold(picture.frame(client, {}))
        assert page.shown() == page_of(fresh).shown()
    picture.restore(early)  # taken when other bars were on screen
    page.fold(picture.frame(client, {}))
    assert page.shown() == page_of(fresh).shown()
    picture.show(BarSpec.parse("5m"))
    heights = sorted(bar["n_rows"] for bar in page_of(picture).bars)
    assert 12 <= heights[len(heights) // 2] <= 20
    with pytest.raises(UsageError, match="rows of 0 ticks"):
        picture.show(BarSpec.parse("5m"), 0)


def test_long_histories_are_kept_and_come_back(simulated, monkeypatch):
    trades, unit = simulated
    monkeypatch.setattr(history, "KEEP", 40)
    monkeypatch.setattr("orderflow_bt.replay.screen.picture.KEEP", 40)
    player, picture = played(trades.slice(0, 0), [], spec="1s", unit=unit)
    player.trades = trades
    client, page = ClientView(), Page(2.0)
    saved, total = [], 0
    for stop in [*range(50, 1_500, 50), 6_000]:
        player.advance(stop)
        frame = picture.frame(client, {})
        page.fold(frame)
        total += len(decode(frame)["closed"])
        saved.append((picture.snapshot(), page_of(picture).shown(40)))
        assert page.shown(40) == saved[-1][1]
    assert len(saved[-1][1]["bars"]) == 40
    for raw, then in [*reversed(saved), saved[20]]:
        picture.restore(raw)
        assert page_of(picture).shown(40) == then


def blind_traffic(trades, unit, first):
    lens = BlindLens(
        unit, price=int(trades.price[first - 1]), time=int(trades.time[first]), volume=4_000
    )
    player = TapePlayer(trades, unit, detectors()[:2])  # the others weigh with the price
    picture = picture_of(player, unit, lens, ticks_per_row=5)
    player.advance(first)
    picture.show(time_bars("1m"))
    client, sent = ClientView(), [json.dumps(picture.hello()).encode()]
    for stop in range(first, 6_000, 250):
        player.advance(stop)
        sent.append(picture.frame(client, clock(player, lens)))
    return picture, sent


def test_blind_hides_symbol_date_and_price(simulated):
    trades, unit = simulated
    moved = trades._replace(price=trades.price + 777_777, time=trades.time - 41 * DAY_US)
    picture, sent = blind_traffic(trades, unit, 3_000)
    _, others = blind_traffic(moved, unit, 3_000)
    assert sent == others
    text = sent[0] + b"".join(json.dumps(decode(frame)["state"]).encode() for frame in sent[1:])
    for word in (unit.symbol, "SIM", "USD", "2024", "01-01"):
        assert word.encode() not in text
    most = max(abs(int(p) - int(trades.price[2_999])) for p in trades.price[:6_000])
    for frame in map(decode, sent[1:]):
        known = frame["state"]
        prices = [known[name] for name in ("last", "bid", "ask") if known.get(name) is not None]
        prices += [mark[name] for mark in frame["marks"] for name in ("low", "high")]
        assert max(map(abs, prices), default=0) <= most
        for bar in [*frame["closed"], frame["forming"]]:
            assert max(abs(bar["low"]), abs(bar["high"])) <= most
            assert abs(bar["open_time"]) < DAY_US
            assert bar["session"] == 0
    assert picture.hello()["symbol"] is None
    with pytest.raises(UsageError, match="4h begin at hours"):
        picture.show(time_bars("4h"))
    picture.show(BarSpec.parse("tick:50"))
    assert str(picture.view.spec) == "tick:50@start"
    picture.show(time_bars("1m"))
    picture.look_through(OpenLens(unit))
    page = page_of(picture)
    assert page.state["last"] == trades.price[picture.row - 1]
    assert page.bars[0]["open_time"] == trades.time[0] // 60_000_000 * 60_000_000
    assert picture.hello()["symbol"] == unit.symbol


def test_lens_goes_both_ways():
    unit = Instrument("text", MarketType.SPOT, "TAPE", 8, 2, tick_size=5)
    for lens in (OpenLens(unit), BlindLens(unit, price=605, time=10**15, volume=333)):
        for price in (5, 605, 1_000_000_000):
            assert lens.units_of(lens.price(price)) == price
        for lots in (0, 1, 332, 10**15):
            assert lens.lots_of(lens.qty(lots)) == lots
        assert lens.moment_of(lens.time(1_704_067_200_000_001)) == 1_704_067_200_000_001
    assert BlindLens(unit, price=605, time=0, volume=1).price(615) == 2.0
    with pytest.raises(UsageError, match="usual volume of 0 lots"):
        BlindLens(unit, price=1, time=0, volume=0)


def test_levels_are_those_of_sessions_past():
    trades, unit = market(3_000, days=3)
    kinds = {"poc": "poc", "vah": "value_high", "val": "value_low", "high": "high", "low": "low"}
    turns = np.flatnonzero(np.diff(trades.time // DAY_US)) + 1
    borders = [int(turn) + k for turn in turns for k in (0, 1, 2, 40, 900)]
    most = 0
    for spec in ("1m", "4h", "tick:50"):
        player, picture = played(trades.slice(0, 0), [], spec=spec, ticks_per_row=5, unit=unit)
        player.trades = trades
        sessions, naked, row = SessionProfiles(5), NakedLevels(), 0
        for stop in (500, *borders, trades.rows):
            player.advance(stop)
            piece = trades.slice(row, stop)
            for final in sessions.feed(piece):
                naked.add(final, edges=True)
                for kind, low in (("high", final.cells[-1, 0]), ("low", final.cells[0, 0])):
                    naked.live.append(NakedLevel(kind, int(low), int(low) + 5, final.known_at))
            naked.feed(piece)
            row = stop
            wanted = [(level.low, kinds[level.kind], level.known_at) for level in naked.live]
            levels = page_of(picture).state["levels"]
            assert [(one["price"], one["kind"], one["since"]) for one in levels] == wanted
            most = max(most, len(wanted))
    assert most > 2


def test_a_market_that_hardly_trades():
    """Two trades an hour, and a week without any: bars are flat, and nothing grows."""
    steps = np.full(60, 1_800_000_000)
    steps[40] = 7 * DAY_US
    times = 1_704_067_200_000_000 + np.cumsum(steps)
    rows = [
        (n, int(time), 50 + n % 7, 1 + n % 3, 1 - 2 * (n % 2), 1) for n, time in enumerate(times)
    ]
    trades = as_trades(rows)
    for lens in (None, BlindLens(UNIT, price=50, time=rows[0][1], volume=2)):
        player, picture = played(trades.slice(0, 0), [], spec="10s", ticks_per_row=1, lens=lens)
        player.trades = trades
        client, page = ClientView(), Page(1.0)
        for stop in range(1, trades.rows + 1):
            player.advance(stop)
            frame = picture.frame(client, {})
            page.fold(frame)
            assert len(frame) < 500_000
        empty = [bar for bar in page.bars[-300:] if bar["status"] == 1]
        assert len(empty) > 290
        for bar in empty:
            assert bar["n_rows"] == bar["volume"] == 0
            assert bar["open"] == bar["close"] == bar["poc"] == bar["value_low"]
        assert page.forming["volume"] == page.open_print["qty"]
        assert page.shown(KEEP) == page_of(picture).shown(KEEP)
    picture.show(BarSpec.parse("1m"))
    assert picture.view.ticks_per_row == 1
