"""Real windows on a replay's screen: what the page holds is the tape, whatever its decimals."""

from __future__ import annotations

import datetime as dt
import json
from decimal import Decimal

import numpy as np
import pytest
from replay_page import Page, decode

from orderflow_bt.archive import open_source
from orderflow_bt.detectors import BigTrades, DeltaDivergence, ImbalanceZones
from orderflow_bt.ingest import download
from orderflow_bt.replay.engine.player import Player
from orderflow_bt.replay.engine.window import open_window
from orderflow_bt.replay.screen.picture import ClientView
from orderflow_bt.replay.screen.screen import open_picture
from orderflow_bt.sim import SimConfig
from orderflow_bt.store import Lake
from orderflow_bt.types import DAY_US, MINUTE_US, Kind, MarketType, TapeId, time_bars

pytestmark = pytest.mark.real

D = dt.date
TAPES = {
    "LTCUSDT": [D(2025, 6, 21)],
    "XRPETH": [D(2019, 10, 11), D(2019, 10, 12)],
    "BTCUSDT": [D(2023, 4, 5)],
}


def replayed(lake, symbol, *, blind):
    """A player at the end of its window, with its picture and what a page was sent on the way."""
    tape = TapeId("binance", MarketType.SPOT, Kind.AGG_TRADES, symbol)
    midnight = (TAPES[symbol][-1] - D(1970, 1, 1)).days * DAY_US
    span = midnight, midnight + DAY_US
    whole = open_window(lake, tape, *span, warmup=0, accept_gaps=True)
    start = whole.time_of(0) + 2 * MINUTE_US
    window = open_window(lake, tape, start, span[1], warmup=2 * DAY_US, accept_gaps=True)
    bars = time_bars("1m")
    picture = open_picture(window, bars, blind=blind, title=symbol)
    seen = [ImbalanceZones(bars), DeltaDivergence(bars), BigTrades(clusters=500)]
    player = Player(window, bars=bars, detectors=seen, config=SimConfig(), listeners=[picture])
    client, frames = ClientView(), []
    frames.append(picture.frame(client, {}))
    while not player.at_end:
        player.advance(player.row + 257)
        frames.append(picture.frame(client, {}))
    return player, picture, frames


@pytest.fixture(scope="module")
def lake(real_mirror, tmp_path_factory):
    lake = Lake(tmp_path_factory.mktemp("lake"))
    source = open_source(str(real_mirror))
    for symbol, days in TAPES.items():
        tape = TapeId("binance", MarketType.SPOT, Kind.AGG_TRADES, symbol)
        assert {r.status for r in download(lake, tape, days, source)} == {"stored"}
    return lake


@pytest.mark.parametrize("symbol", TAPES)
def test_screen_shows_the_tape(lake, symbol):
    player, picture, frames = replayed(lake, symbol, blind=False)
    page = Page(picture.hello()["row_size"])
    for frame in frames:
        page.fold(frame)
    trades = player.window.trades(0, player.window.rows)
    unit = player.window.instrument
    first = page.bars[0]["open_time"]
    shown = trades.time >= first
    qty = 10.0**unit.qty_decimals
    bars = [*page.bars, page.forming]
    assert len(page.bars) < 4_000
    assert sum(bar["volume"] for bar in bars) * qty == pytest.approx(trades.qty[shown].sum())
    delta = (trades.qty * trades.side)[shown].sum()
    assert sum(bar["delta"] for bar in bars) * qty == pytest.approx(delta, abs=0.01)
    cells = sum(sum(bar["bid"]) + sum(bar["ask"]) for bar in bars)
    assert cells * qty == pytest.approx(trades.qty[shown].sum())
    assert page.state["last"] == trades.price[-1]
    assert max(bar["high"] for bar in bars) == trades.price[shown].max()
    day = trades.time // DAY_US == trades.time[-1] // DAY_US
    today = sum(map(sum, page.profile.values())) + page.forming["volume"]
    assert today * qty == pytest.approx(trades.qty[day].sum())
    last = Decimal(int(page.state["last"])).scaleb(-picture.hello()["price_decimals"])
    if symbol == "XRPETH":
        assert picture.hello()["price_decimals"] == 8
        assert Decimal("0.001") < last < Decimal("0.002")
    if symbol == "LTCUSDT":
        assert page.state["gap_count"] == len(page.state["gaps"]) > 10
        assert any(bar["status"] == 2 for bar in page.bars)
    if symbol == "BTCUSDT":
        assert Decimal(27_000) < last < Decimal(30_000)


@pytest.mark.parametrize("symbol", TAPES)
def test_blind_screen_hides_the_tape(lake, symbol):
    player, picture, frames = replayed(lake, symbol, blind=True)
    hello = json.dumps(picture.hello())
    states = [decode(frame)["state"] for frame in frames]
    text = hello + json.dumps(states)
    for word in (symbol, symbol[:3], *(str(day) for day in TAPES[symbol]), 'price_decimals": 8'):
        assert word not in text
    page = Page(picture.hello()["row_size"])
    for frame in frames:
        page.fold(frame)
    traded = np.median([bar["volume"] for bar in page.bars if bar["n_rows"]])
    assert 0.05 < traded < 20  # of the usual volume
    assert abs(page.bars[-1]["close_time"]) < 2 * DAY_US
    assert (
        picture.lens.units_of(page.state["last"])
        == player.window.trades(player.row - 1, player.row).price[-1]
    )
