"""A replay of stored days: how long it opens, how fast it goes, what memory it takes, going back.

python benchmarks/replay.py --data LAKE --symbol BTCUSDT --date 2024-01-04 [--days 2] [--bars 1m]

Without a lake, of a simulated market. The process that measures finds compiled kernels, and the
days in the lake's cache; with ``--cold`` it decodes their files instead.
"""

from __future__ import annotations

import datetime as dt
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

from cases import parser_of

if TYPE_CHECKING:
    import argparse

DETECTORS = ("imbalance_zones", "delta_divergence", "big_trades", "absorption", "volume_spike")


def resident() -> float:
    """MiB that the process holds now, without what it has mapped of files."""
    fields = dict(line.split(":") for line in Path("/proc/self/status").read_text().splitlines())
    return int(fields["RssAnon"].split()[0]) / 1024


def measure(options: argparse.Namespace) -> None:
    """Open, play to the end, go back."""
    began = time.perf_counter()
    from orderflow_bt.replay.engine.scene import open_scene
    from orderflow_bt.replay.engine.transport import back
    from orderflow_bt.sim import SimConfig
    from orderflow_bt.store import Lake
    from orderflow_bt.types import DAY_US, BarSpec, Kind, MarketType, TapeId

    loaded = time.perf_counter()
    lake = Lake(options.data, cache_limit=0 if options.cold else 20_000_000_000)
    tape = TapeId("binance", MarketType(options.market), Kind.AGG_TRADES, options.symbol)
    start = (dt.date.fromisoformat(options.date) - dt.date(1970, 1, 1)).days * DAY_US
    scene = open_scene(
        lake, tape, start, start + options.days * DAY_US, bars=BarSpec.parse(options.bars),
        config=SimConfig.for_market(tape.market), detectors=DETECTORS,
        warmup=round(options.warmup * 3600e6),
    )  # fmt: skip
    player, window = scene.player(), scene.window
    player.advance(player.row + 1)
    opened = time.perf_counter()
    print(
        f"opens in {opened - began:.2f} s ({loaded - began:.2f} of it loading the program):"
        f" {window.rows - window.first:,} trades to play, {window.first:,} of warm-up,"
        f" {resident():.0f} MiB"
    )
    ends = [window.row_at(start + (k + 1) * DAY_US) for k in range(options.days)]
    for number, end in enumerate(ends, 1):
        row, began = player.row, time.perf_counter()
        player.seek(end)
        took = time.perf_counter() - began
        print(f"day {number}: {(end - row) / took / 1e6:.2f} M trades/s, {resident():.0f} MiB")
    for count, words in ((1, "a bar"), (1, "a bar again"), (30, "30 bars"), (600, "600 bars")):
        began = time.perf_counter()
        player.seek(back(player, "bar", count))
        print(f"back by {words}: {time.perf_counter() - began:.3f} s")
    began = time.perf_counter()
    player.seek(window.first)
    print(f"back to the beginning: {time.perf_counter() - began:.3f} s")


def simulate(folder: Path, options: argparse.Namespace) -> str:
    """Make a lake of as many days and the one before; whose trades it holds."""
    from orderflow_bt.synth import SimulatedMarket, store_market

    market = SimulatedMarket(
        seed=1, start=dt.date.fromisoformat(options.date) - dt.timedelta(days=1),
        days=options.days + 1, trades_per_day=options.trades_per_day,
    )  # fmt: skip
    store_market(market, folder)
    return market.symbol


def main() -> None:
    parser = parser_of(__doc__)
    parser.add_argument("--data", default="")
    parser.add_argument("--symbol", default="BTCUSDT")
    parser.add_argument("--market", default="um")
    parser.add_argument("--date", default="2026-01-06")
    parser.add_argument("--trades-per-day", type=int, default=500_000, help="of a simulated market")
    parser.add_argument("--days", type=int, default=1)
    parser.add_argument("--bars", default="1m")
    parser.add_argument("--warmup", type=float, default=24.0, help="hours")
    parser.add_argument("--cold", action="store_true", help="without the lake's cache")
    options = parser.parse_args()
    if "REPLAY_MEASURES" in os.environ:
        measure(options)
        return
    with tempfile.TemporaryDirectory() as folder:
        line = [sys.executable, *sys.argv]
        if not options.data:
            line += ["--data", folder, "--symbol", simulate(Path(folder), options)]
        for _ in range(2):  # the first one compiles and fills the cache
            done = subprocess.run(
                line, env=os.environ | {"REPLAY_MEASURES": "1"},
                check=True, text=True, capture_output=True,
            )  # fmt: skip
        print(done.stdout, end="")


if __name__ == "__main__":
    main()
