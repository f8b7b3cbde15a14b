"""What a whole run holds in memory: the pass, its folder and its report, at some days and at many.

    python benchmarks/memory.py [--lake FOLDER] [--times 10] [--strategies brackets,bursts]

Each case runs in a process of its own, which is watched from outside (Linux): ``peak`` is the most
that was resident (VmHWM), ``own`` the most of it that was not of a mapped file, which the system
takes back when it needs room. The lake is measured as it is and, with ``--times``, with its days
repeated that often on later dates.
"""

from __future__ import annotations

import argparse
import datetime as dt
import json
import subprocess
import sys
import tempfile
import time
from dataclasses import replace
from pathlib import Path

from cases import parser_of
from engine import STRATEGIES, write_long
from ingest import tape_lake

OURS = ("delta_divergence", "absorption", "confluence", "imbalance_retest", "poc_retest")
USUAL = ("brackets", "score", "bursts", *OURS)
LOOKS_S = 0.02


def whole(root, name):
    """A backtest under three fill policies, its folder and its report."""
    from orderflow_bt.report.build import build
    from orderflow_bt.run import Request, backtest
    from orderflow_bt.sim import SimConfig
    from orderflow_bt.store import Lake
    from orderflow_bt.strategy.registry import load_strategy
    from orderflow_bt.types import DAY_US, MarketType

    lake = Lake(Path(root))
    (tape,) = lake.tapes()
    days = lake.days(tape)
    start, last = ((day.date - dt.date(1970, 1, 1)).days * DAY_US for day in (days[0], days[-1]))
    request = Request(
        name=name, strategy=STRATEGIES.get(name) or load_strategy(name), parameters={}, tape=tape,
        start=start, end=last + DAY_US,
        config=replace(SimConfig.for_market(MarketType.UM), leverage=None),
    )  # fmt: skip
    with tempfile.TemporaryDirectory() as folder:
        metrics = backtest(lake, request, Path(folder) / "run")
        build(Path(folder) / "run")
    return {key: metrics[key] for key in ("trades_read", "fills", "round_trips", "events")}


def watched(root, name):
    """A case in a process of its own: what it found, and the most it held, MiB."""
    command = [sys.executable, str(Path(__file__).resolve()), "--lake", root, "--case", name]
    found = {"VmHWM": 0.0, "RssAnon": 0.0}
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        status = Path(f"/proc/{process.pid}/status")
        while process.poll() is None:
            lines = status.read_text(encoding="utf-8").splitlines()
            for key, _, value in (line.partition(":") for line in lines):
                if key in found:
                    found[key] = max(found[key], int(value.split()[0]) / 1024)
            time.sleep(LOOKS_S)
        if process.returncode:
            raise SystemExit(f"{name} on {root} failed")
        return json.loads(process.stdout.read().splitlines()[-1]) | found


def table(root, names):
    for name in names:
        watched(root, name)  # compiles, and keeps what days are read into
        found = watched(root, name)
        print(
            f"{found['trades_read'] / 1e6:6.0f} M trades  {name:18} peak {found['VmHWM']:5.0f} MiB,"
            f" own {found['RssAnon']:5.0f}   ({found['fills']:,} fills,"
            f" {found['round_trips']:,} round trips, {found['events']:,} events)",
            flush=True,
        )


def main() -> None:
    parser = parser_of(__doc__)
    parser.add_argument("--lake", help="one tape; else ORDERFLOW_BT_BENCH_TAPE, or simulated days")
    parser.add_argument("--times", type=int, default=0)
    parser.add_argument("--strategies", default=",".join(USUAL))
    parser.add_argument("--case", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.case:
        print(json.dumps(whole(options.lake, options.case)))
        return
    names = options.strategies.split(",")
    with tempfile.TemporaryDirectory() as name:
        folder, root = Path(name), options.lake
        if root is None:
            root = str(tape_lake(folder, None))
        table(root, names)
        if options.times:
            write_long(root, folder / "long", options.times)
            table(str(folder / "long"), names)


if __name__ == "__main__":
    main()
