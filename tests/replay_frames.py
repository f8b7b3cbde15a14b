"""A short replay of the simulated market as frames, for tests of what reads them.

``python tests/replay_frames.py FOLDER`` writes ``hello.json`` and ``0001.bin`` … for the page.
"""

from __future__ import annotations

import datetime as dt
import json
import sys
from pathlib import Path
from typing import NamedTuple

import numpy as np
from replay_page import Page

from orderflow_bt.detectors import BigTrades, DeltaDivergence, ImbalanceZones, TakerClusters
from orderflow_bt.instruments import Instrument
from orderflow_bt.replay.engine.listener import Passed
from orderflow_bt.replay.screen.footprints import View
from orderflow_bt.replay.screen.lens import BlindLens, OpenLens
from orderflow_bt.replay.screen.picture import ClientView, Picture
from orderflow_bt.sim.readings import Readings
from orderflow_bt.synth import SimulatedMarket
from orderflow_bt.types import BarSpec, MarketType, Trades, time_bars

UNIT = Instrument("text", MarketType.UM, "TAPE", 1, 0)
DETECTORS = ("imbalance_zones", "delta_divergence", "taker_clusters", "big_trades")


class Recorded(NamedTuple):
    """What two pages were sent, of which the second skips most frames."""

    hello: dict
    frames: list[bytes]
    folded: list[bytes]


class TapePlayer:
    """Readings of a tape in memory, fed to pictures: a player without orders."""

    def __init__(self, trades, instrument, detectors=(), *, continuous=True):
        self.trades, self.row = trades, 0
        self.listeners = []
        self.readings = Readings(
            [],
            list(detectors),
            ids_are_continuous=continuous,
            row_size=instrument.tick_size,
            instrument=instrument,
        )

    def reread(self, first, stop, piece=50_000):
        for start in range(first, stop, piece):
            yield self.trades.slice(start, min(start + piece, stop))

    def advance(self, stop):
        stop = min(stop, self.trades.rows)
        piece = self.readings.feed(self.trades.slice(self.row, stop))
        passed = Passed(self.row, stop, [piece], [])
        self.row = stop
        for listener in self.listeners:
            listener.passed(passed)


def detectors():
    bars = time_bars("1m")
    return [
        ImbalanceZones(bars=bars),
        DeltaDivergence(bars=bars, min_bars=3),
        TakerClusters(clusters=200, quantile=0.95),
        BigTrades(clusters=500, quantile=0.99),
    ]


def market(trades_per_day=200_000, seed=7, days=1):
    """(trades, instrument) of the first days of a simulated market."""
    simulated = SimulatedMarket(seed=seed, days=days, trades_per_day=trades_per_day)
    parts = [day.trades for day in simulated]
    trades = Trades(*(np.concatenate(columns) for columns in zip(*parts, strict=True)))
    instrument = Instrument(
        "binance",
        MarketType.UM,
        simulated.symbol,
        simulated.price_decimals,
        simulated.qty_decimals,
    )
    return trades, instrument


def picture_of(player, instrument, lens=None, *, bars="1m", ticks_per_row=1):
    """A picture that listens to a player."""
    picture = Picture(
        instrument,
        lens or OpenLens(instrument),
        View(time_bars(bars), ticks_per_row),
        reread=player.reread,
        title=f"{instrument.symbol} (simulated)",
    )
    player.listeners.append(picture)
    return picture


def page_of(picture):
    """A page that is given one frame now."""
    page = Page(picture.hello()["row_size"])
    page.fold(picture.frame(ClientView(), {}))
    return page


def played(trades, cuts, *, spec="1m", ticks_per_row=2, seen=(), unit=UNIT, lens=None):
    """A picture after these trades, fed in pieces that end at ``cuts``."""
    player = TapePlayer(trades, unit, seen)
    picture = picture_of(player, unit, lens, ticks_per_row=ticks_per_row)
    picture.show(BarSpec.parse(spec), ticks_per_row)
    for cut in [*cuts, trades.rows]:
        if cut > player.row:
            player.advance(cut)
    return player, picture


def clock(player, lens, speed=100):
    return {
        "clock": {
            "time": lens.time(int(player.trades.time[player.row - 1])),
            "row": player.row,
            "playing": True,
            "speed": speed,
            "at_end": player.row == player.trades.rows,
            "paused_by": None,
            "furthest": True,
            "attempt": 0,
        }
    }


def record(*, frames=200, step=60, warmup=30_000, blind=False, trades_per_day=200_000):
    """Hello and frames of a page that is sent one every ``step`` trades.

    Args:
        frames: How many.
        step: Trades between two.
        warmup: Trades before the first, which is a reset frame.
        blind: Whether symbol, date and price are hidden.
        trades_per_day: Of the simulated market.
    """
    trades, instrument = market(trades_per_day)
    player = TapePlayer(trades, instrument, detectors())
    lens = OpenLens(instrument)
    if blind:
        lens = BlindLens(
            instrument,
            price=int(trades.price[warmup - 1]),
            time=int(trades.time[warmup]),
            volume=20_000,
        )
    picture = picture_of(player, instrument, lens)
    player.advance(warmup)
    picture.show(time_bars("1m"))
    start = dt.date(2024, 1, 1)
    hello = picture.hello() | {
        "bar_specs": ["1m", "5m", "15m", "tick:500"],
        "honesty": {
            "source": "sealed until the reveal" if blind else "simulated market, seed 7",
            "hash": None if blind else "0" * 12,
            "sealed": blind,
            "ticks_per_row": picture.view.ticks_per_row,
            "gaps": [],
            "book": "no resting book in this replay",
            "market": "sealed" if blind else f"{start}",
        },
        "detectors": [{"name": name, "on": True} for name in DETECTORS],
        "strategies": [],
        "speeds": [0.25, 0.5, 1, 2, 5, 10, 50, 100, 500, 1000, "max"],
        "pauses": [],
        "drills": [],
        "challenge": None,
        "palette": "teal-red",
    }
    each, few = ClientView(), ClientView()
    sent = [picture.frame(each, clock(player, lens))]
    folded = [picture.frame(few, clock(player, lens))]
    for number in range(2, frames + 1):
        player.advance(player.row + step)
        sent.append(picture.frame(each, clock(player, lens)))
        if number % 7 == 0 or number == frames:
            folded.append(picture.frame(few, clock(player, lens)))
    return Recorded(hello, sent, folded)


if __name__ == "__main__":
    folder = Path(sys.argv[1])
    folder.mkdir(parents=True, exist_ok=True)
    recorded = record()
    (folder / "hello.json").write_text(json.dumps(recorded.hello))
    for number, frame in enumerate(recorded.frames, start=1):
        (folder / f"{number:04}.bin").write_bytes(frame)
