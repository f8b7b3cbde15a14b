"""A month of a busy symbol: one strategy alone, and all five in one pass over the lake.

Forty-five million simulated trades go through archive files into a lake (a few minutes; with
``--lake`` they stay there and are used again). Then each case runs in a process of its own, each
run with its three fill policies and what it asks to be compared with, its run folder included:
bars, footprints and events made from the tape without a cache (``fresh``), with a cache that is
empty and filled meanwhile, as in somebody's first run (``first``), and taken from it (``cached``).

    python benchmarks/month.py [--days 30] [--trades 1500000] [--lake FOLDER] [--one NAME]

What is kept, or has been read first, is lived through side by side, on as many processes as there
are processors. CPU seconds are those of all processes; the peak is of all of them together, memory
that they share taken once.
"""

from __future__ import annotations

import argparse
import datetime as dt
import json
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from cases import parser_of

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


def live(root: Path, names: list[str], how: str) -> dict[str, float]:
    """Run strategies over the whole lake in one pass; seconds, CPU seconds, trades, orders."""
    from orderflow_bt.run import Request, backtests
    from orderflow_bt.run.workers import processors
    from orderflow_bt.sim import SimConfig
    from orderflow_bt.store import Cache, Lake
    from orderflow_bt.strategy.registry import load_strategy
    from orderflow_bt.types import DAY_US, MarketType

    lake = Lake(root)
    if how == "fresh":
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
                workers=processors(),
            )  # fmt: skip

    with tempfile.TemporaryDirectory(dir=root.parent) as empty:
        if how == "first":
            lake.cache = Cache(Path(empty) / "warm")
        run(start, start + DAY_US // 4)  # kernels are compiled
        if how == "first":
            lake.cache = Cache(Path(empty) / "cache")
        wall, cpu = time.perf_counter(), cpu_seconds()
        metrics = run(start, end)
        wall, cpu = time.perf_counter() - wall, cpu_seconds() - cpu
    return {
        "wall": wall,
        "cpu": cpu,
        "trades": metrics[0]["trades_read"],
        "orders": sum(found["orders"] for found in metrics),
    }


def cpu_seconds() -> float:
    """Of this process and of those that it has waited for."""
    whose = (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)
    return sum(used.ru_utime + used.ru_stime for used in map(resource.getrusage, whose))


def case(root: Path, names: str, how: str) -> dict[str, float]:
    """What `live` measures, in a process of its own, with the peak MiB of it and its children."""
    with subprocess.Popen(
        [sys.executable, str(HERE), "--case", str(root), names, how],
        stdout=subprocess.PIPE, text=True,
    ) as process:  # fmt: skip
        peak = 0.0
        while process.poll() is None:
            peak = max(peak, _held(process.pid))
            time.sleep(0.1)
        assert process.stdout is not None
        told = process.stdout.read()
    if process.returncode:
        sys.exit(process.returncode)
    return {**json.loads(told.splitlines()[-1]), "peak": peak}


def _held(pid: int) -> float:
    """MiB that a process and its children hold: of what several share, each a part."""
    home = Path("/proc") / str(pid)
    try:
        children = (home / "task" / str(pid) / "children").read_text(encoding="ascii").split()
        lines = (home / "smaps_rollup").read_text(encoding="ascii").splitlines()
    except OSError:  # it has ended meanwhile, or this is another system
        return 0.0
    own = next((int(line.split()[1]) for line in lines if line.startswith("Pss:")), 0)
    return own / 1024 + sum(_held(int(child)) for child in children)


def main() -> None:
    """Make the lake where there is none, run the cases, print times, ratio and memory."""
    from orderflow_bt.strategy.registry import installed

    parser = parser_of(__doc__)
    parser.add_argument("--days", type=int, default=30)
    parser.add_argument("--trades", type=int, default=1_500_000)
    parser.add_argument("--lake", type=Path, help="folder to make the lake in, or that has it")
    parser.add_argument("--one", default="", help="the strategy that runs alone; else each")
    parser.add_argument("--case", nargs=3, help=argparse.SUPPRESS)
    asked = parser.parse_args()
    if asked.case:
        root, names, how = asked.case
        print(json.dumps(live(Path(root), names.split(","), how)))
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
        for how in ("fresh", "first", "cached"):
            if how == "cached":
                case(root, together, how)  # fills the cache
            alone: list[dict[str, float]] = []
            for names in [*([asked.one] if asked.one else installed()), together]:
                found = case(root, names, how)
                label = "all in one pass" if names == together else names
                print(
                    f"| {label} | {how} | {found['wall']:.1f} | {found['cpu']:.1f} |"
                    f" {found['trades'] / found['wall'] / 1e6:.1f} | {found['peak']:.0f} |"
                    f" {found['orders']:,} |",
                    flush=True,
                )
                alone.append(found)
            *alone, every = alone
            print(f"\n{how}, all in one pass:")
            for what, unit in (("wall", "the clock"), ("cpu", "CPU time")):
                each = [found[what] for found in alone]
                print(
                    f"  by {unit} {every[what] / max(each):.1f} times the slowest,"
                    f" {every[what] / sum(each):.0%} of one after the other"
                )
            print(flush=True)


if __name__ == "__main__":
    main()
