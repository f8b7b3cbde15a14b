"""What a page costs the replay's server: listening to the player, and one frame at each speed.

python benchmarks/replay_frames.py [--trades 2000000] [--per-day 1000000]
"""

from __future__ import annotations

import time
from decimal import Decimal
from statistics import median

import numpy as np
from cases import parser_of

from orderflow_bt.detectors import Absorption, BigTrades, DeltaDivergence, ImbalanceZones
from orderflow_bt.instruments import Instrument
from orderflow_bt.replay.engine.listener import Passed
from orderflow_bt.replay.screen.footprints import View
from orderflow_bt.replay.screen.lens import OpenLens
from orderflow_bt.replay.screen.picture import ClientView, Picture
from orderflow_bt.sim.readings import Readings
from orderflow_bt.synth import SimulatedMarket
from orderflow_bt.types import MarketType, Trades, time_bars

STATE = {"clock": {"time": 0, "row": 0, "playing": True, "speed": 1000}}


def tape(count: int, per_day: int) -> tuple[Trades, Instrument]:
    """So many trades of a busy simulated market."""
    market = SimulatedMarket(
        seed=1, days=-(-count // per_day), trades_per_day=per_day, price=Decimal(40_000)
    )
    days = [day.trades for day in market]
    columns = (np.concatenate(parts)[:count] for parts in zip(*days, strict=True))
    unit = Instrument("binance", MarketType.UM, "SIM", market.price_decimals, market.qty_decimals)
    return Trades(*columns), unit


def play(trades: Trades, unit: Instrument, step: int, *, rows: int) -> dict[str, float]:
    """Milliseconds a step, median and worst, of readings, of listening, of a frame."""
    bars = time_bars("1m")
    seen = [ImbalanceZones(bars), DeltaDivergence(bars), BigTrades(), Absorption()]
    readings = Readings(
        [bars], seen, ids_are_continuous=True, row_size=unit.tick_size, instrument=unit
    )
    picture = Picture(unit, OpenLens(unit), View(bars, rows), reread=lambda _first, _stop: iter(()))
    client, spent, size = ClientView(), {"readings": [], "listen": [], "frame": []}, []
    for first in range(0, trades.rows - step, step):
        begun = time.perf_counter()
        known = readings.feed(trades.slice(first, first + step))
        read = time.perf_counter()
        picture.passed(Passed(first, first + step, [known], []))
        heard = time.perf_counter()
        size.append(len(picture.frame(client, STATE)))
        done = time.perf_counter()
        for name, took in zip(spent, (read - begun, heard - read, done - heard), strict=True):
            spent[name].append(1e3 * took)
    begun = time.perf_counter()
    saved = picture.snapshot()
    found = {"snapshot": 1e3 * (time.perf_counter() - begun), "snapshot kB": len(saved) / 1e3}
    begun = time.perf_counter()
    found["reset kB"] = len(picture.frame(ClientView(), STATE)) / 1e3
    found["reset"] = 1e3 * (time.perf_counter() - begun)
    for name, values in spent.items():
        kept = values[len(values) // 10 :]
        found[name], found[f"{name} worst"] = median(kept), max(kept)
    return found | {"kB": median(size) / 1e3}


def main() -> None:
    """Print a line for each speed."""
    parser = parser_of(__doc__)
    parser.add_argument("--trades", type=int, default=2_000_000)
    parser.add_argument("--per-day", type=int, default=1_000_000)
    parser.add_argument("--rows", type=int, default=20, help="ticks a row")
    options = parser.parse_args()
    trades, unit = tape(options.trades, options.per_day)
    play(trades.slice(0, 20_000), unit, 500, rows=options.rows)  # compile
    for step in (25, 500, 25_000, 200_000):
        part = trades.slice(0, min(trades.rows, 1_000 * step))
        found = play(part, unit, step, rows=options.rows)
        line = "  ".join(f"{name} {value:.2f}" for name, value in found.items())
        print(f"{step:>7} trades a frame: {line}")


if __name__ == "__main__":
    main()
