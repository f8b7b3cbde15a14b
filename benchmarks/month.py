"""A month of a busy symbol: one strategy alone, and all five in one pass over the lake.

Forty-five million simulated trades go through archive files into a lake (a few minutes; with
``--lake`` they stay there and are used again). Then each case runs in a process of its own, each
run with its three fill policies and what it asks to be compared with, its run folder included:
bars, footprints and events made from the tape (``fresh``), then taken from the cache (``cached``).

    python benchmarks/month.py [--days 30] [--trades 1500000] [--lake FOLDER] [--one NAME]
"""

from __future__ import annotations

import argparse
import datetime as dt
import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path

HERE = Path(__file__).resolve()
START = dt.date(2026, 1, 1)


def make(root: Path, days: int, trades_per_day: int) -> None:
    """A lake of a simulated market, by way of the archive's files, a day of them at a time."""
    from orderflow_bt.archive import open_source
    from orderflow_bt.ingest import download
    from orderflow_bt.store import Lake
    from orderflow_bt.synth import SimulatedMarket, write_archive
    from orderflow_bt.types import Kind, MarketType, TapeId

    market = SimulatedMarket(seed=1, start=START, days=days, trades_per_day=trades_per_day)
    tape = TapeId("binance", MarketType.UM, Kind.AGG_TRADES, market.symbol)
    with tempfile.TemporaryDirectory(dir=root.parent) as archive:
        write_archive(market, Path(archive))
        download(Lake(root), tape, market.dates, open_source(archive))


def live(root: Path, names: list[str], *, cached: bool) -> dict[str, float]:
    """Run strategies over the whole lake in one pass; seconds, CPU seconds, trades, peak MiB."""
    from orderflow_bt.run import Request, backtests
    from orderflow_bt.sim import SimConfig
    from orderflow_bt.store import Lake
    from orderflow_bt.strategy.registry import load_strategy
    from orderflow_bt.types import DAY_US, MarketType

    lake = Lake(root)
    if not cached:
        lake.cache = None
    (tape,) = lake.tapes()
    dates = lake.dates(tape)
    epoch = dt.date(1970, 1, 1)
    start, end = (dates[0] - epoch).days * DAY_US, ((dates[-1] - epoch).days + 1) * DAY_US

    def run(start: int, end: int) -> list[dict[str, object]]:
        with tempfile.TemporaryDirectory() as out:
            return backtests(
                lake,
                [
                    (
                        Request(name, load_strategy(name), {}, tape, start, end,
                                SimConfig.for_market(MarketType.UM), accept_gaps=True),
                        Path(out) / name,
                    )
                    for name in names
                ],
            )  # fmt: skip

    run(start, start + DAY_US // 4)  # kernels are compiled
    wall, cpu = time.perf_counter(), time.process_time()
    metrics = run(start, end)
    wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
    status = Path("/proc/self/status").read_text(encoding="utf-8").splitlines()
    peak = next((int(line.split()[1]) / 1024 for line in status if line.startswith("VmHWM")), 0.0)
    return {
        "wall": wall,
        "cpu": cpu,
        "peak": peak,
        "trades": metrics[0]["trades_read"],
        "orders": sum(found["orders"] for found in metrics),
    }


def main() -> None:
    """Make the lake where there is none, run the cases, print times, ratio and memory."""
    from orderflow_bt.strategy.registry import installed

    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--days", type=int, default=30)
    parser.add_argument("--trades", type=int, default=1_500_000)
    parser.add_argument("--lake", type=Path, help="folder to make the lake in, or that has it")
    parser.add_argument("--one", default="", help="the strategy that runs alone; else each")
    parser.add_argument("--case", nargs=3, help=argparse.SUPPRESS)
    asked = parser.parse_args()
    if asked.case:
        root, names, how = asked.case
        print(json.dumps(live(Path(root), names.split(","), cached=how == "cached")))
        return
    with tempfile.TemporaryDirectory() as home:
        root = asked.lake or Path(home) / "lake"
        if not root.exists():
            began = time.perf_counter()
            make(root, asked.days, asked.trades)
            print(f"lake made in {time.perf_counter() - began:.0f} s", flush=True)
        together = ",".join(installed())
        print("| run | how | s | CPU s | M trades/s | peak MiB | orders |")
        print("| --- | --- | ---: | ---: | ---: | ---: | ---: |")
        alone: dict[str, list[float]] = {}
        for how in ("fresh", "cached", "cached"):  # the first cached one fills the cache
            for names in [*([asked.one] if asked.one else installed()), together]:
                done = subprocess.run(
                    [sys.executable, str(HERE), "--case", str(root), names, how],
                    capture_output=True, text=True, check=True,
                )  # fmt: skip
                found = json.loads(done.stdout.splitlines()[-1])
                label = "all in one pass" if names == together else names
                print(
                    f"| {label} | {how} | {found['wall']:.1f} | {found['cpu']:.1f} |"
                    f" {found['trades'] / found['wall'] / 1e6:.1f} | {found['peak']:.0f} |"
                    f" {found['orders']:,} |",
                    flush=True,
                )
                if names == together:
                    slowest, mean = max(alone[how]), sum(alone[how]) / len(alone[how])
                    print(
                        f"\n{how}: {found['cpu'] / mean:.1f} times one alone,"
                        f" {found['cpu'] / slowest:.1f} times the slowest, by CPU time\n"
                    )
                    alone[how] = []
                else:
                    alone.setdefault(how, []).append(found["cpu"])


if __name__ == "__main__":
    main()
