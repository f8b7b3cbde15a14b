"""What is kept beside the lake: mapping it back against making it again, and how fast a run starts.

    python benchmarks/flow.py [--lake FOLDER] [--days 3] [--trades-per-day 1000000] [--rounds 5]

Columns are decoded or mapped; one-minute bars with footprints, and the events of every built-in
detector, are made from mapped columns or mapped. Mapping alone reads nothing: where it says so, a
value of every page of the result is looked at, made or mapped. Rounds alternate, the best of each
side counts, in CPU time of this process. Then a run of one kept day is started as a process of its
own, from nothing to its first trades, its result, its end.
"""

from __future__ import annotations

import datetime as dt
import os
import resource
import subprocess
import sys
import tempfile
import time
from functools import partial
from pathlib import Path

from cases import parser_of

from orderflow_bt.detectors.registry import installed, load_detector
from orderflow_bt.flow import BarStream
from orderflow_bt.run.clock import Clock
from orderflow_bt.sim import Readings
from orderflow_bt.sim.kept import FlowCache
from orderflow_bt.store import Lake, resolve_instrument
from orderflow_bt.synth import SimulatedMarket, store_market
from orderflow_bt.types import time_bars

START = """
import resource, sys, time
begun = float(sys.argv.pop(1))
from orderflow_bt.cli import main
from orderflow_bt.sim import readings
def told(what):
    used = resource.getrusage(resource.RUSAGE_SELF)
    print(what, time.time() - begun, used.ru_utime + used.ru_stime, file=sys.stderr)
feed = readings.Readings.feed
def first(self, *arguments):
    readings.Readings.feed = feed
    told("trading")
    return feed(self, *arguments)
readings.Readings.feed = first
from orderflow_bt.cli import run
summary = run.print_summary
def print_summary(*arguments):
    summary(*arguments)
    told("result")
run.print_summary = print_summary
main()
told("report")
"""


def simulate(folder: Path, days: int, trades_per_day: int) -> Path:
    market = SimulatedMarket(
        seed=1, start=dt.date(2026, 1, 5), days=days, trades_per_day=trades_per_day
    )
    store_market(market, folder / "lake")
    return folder / "lake"


def look_at(array) -> int:
    """The sum of one value of each page."""
    return int(array.reshape(-1)[:: 4096 // array.itemsize].sum())


class Bench:
    """One tape of a lake, with a cache and without."""

    def __init__(self, root: Path) -> None:
        self.lake, self.bare = Lake(root), Lake(root, cache_limit=0)
        self.tape = self.lake.tapes()[0]
        self.days = self.lake.days(self.tape)
        self.dates = [day.date for day in self.days]
        self.unit = resolve_instrument(self.lake, self.tape, self.dates)
        self.end = self.days[-1].last_time + 1
        self.rows = sum(day.rows for day in self.days)

    def pieces(self, lake: Lake, *, keep: bool = False):
        units = self.unit.price_decimals, self.unit.qty_decimals
        return lake.read_pieces(self.tape, self.dates, *units, keep=keep)

    def columns_decoded(self) -> int:
        return self._sum(self.bare)

    def columns_mapped(self) -> int:
        return self._sum(self.lake)

    def _sum(self, lake: Lake) -> int:
        return sum(look_at(column) for p in self.pieces(lake) for column in p.trades)

    def cache(self, *, kept: bool) -> FlowCache | None:
        return FlowCache.of(self.lake, self.days, self.end, self.unit) if kept else None

    def footprints(self, *, kept: bool, look: bool) -> int:
        """One-minute bars and their cells; from mapped columns either way."""
        cache = self.cache(kept=kept)
        stream = BarStream(
            time_bars("1m"), ids_are_continuous=True, ticks_per_row=self.unit.tick_size
        )
        bars = cache.bars(stream, continuous=True) if cache else stream
        total = 0
        for batch in self.batches(bars, cache):
            total += len(batch.cells)
            if look:
                look_at(batch.cells)
                look_at(batch.bars)
        bars.close_until(self.end)
        if cache:
            cache.close()
        return total

    def batches(self, bars, cache: FlowCache | None):
        """Bars of each day: whole where they are kept, and the tape is then not touched."""
        units = self.unit.price_decimals, self.unit.qty_decimals
        clock = Clock(self.end)
        for date in self.dates:
            if cache:
                bars.begin_day(cache.day(date))
            whole = bars.whole_day() if cache else None
            if whole is not None:
                yield whole
                continue
            for piece in self.lake.read_pieces(self.tape, [date], *units):
                yield bars.feed(clock.pass_on(piece.trades))

    def events(self, *, kept: bool) -> int:
        """How many events the built-in detectors give."""
        readings = Readings(
            (),
            [load_detector(name)() for name in installed()],
            ids_are_continuous=True,
            row_size=self.unit.tick_size,
            instrument=self.unit,
            kept=self.cache(kept=kept),
        )
        clock, count = Clock(self.end), 0
        for piece in self.pieces(self.lake):
            if piece.first == 0:
                readings.begin_day(piece.day)
            count += len(readings.see(clock.pass_on(piece.trades)))
        return count + len(readings.close_until(self.end, piece.trades.slice(0, 0)).events)


def compare(name: str, rows: int, rounds: int, made, mapped) -> None:
    """Seconds of both, alternately; they must give the same."""
    best = {}
    for _ in range(rounds):
        values = set()
        for side, work in (("made", made), ("mapped", mapped)):
            began = time.process_time()
            values.add(work())
            took = time.process_time() - began
            best[side] = min(best.get(side, took), took)
        assert len(values) == 1, f"{name}: kept and made differ"
    speeds = ", ".join(f"{side} {rows / took / 1e6:,.0f} M trades/s" for side, took in best.items())
    print(f"{name:24} {speeds}: {best['made'] / best['mapped']:.1f} x")


def both(work, **options):
    return [partial(work, kept=kept, **options) for kept in (False, True)]


def start(bench: Bench, folder: Path, rounds: int) -> None:
    """A run of the last day, which is kept."""
    day = str(bench.dates[-1])
    line = ["--data", str(bench.lake.root), "--quiet", "run", "delta_divergence"]
    line += [bench.tape.symbol, "--from", day, "--to", day]
    best: dict[str, list[float]] = {}
    for number in range(rounds + 1):
        words = [*line, "--out", str(folder / f"run-{number}")]
        code = [sys.executable, "-c", START, str(time.time()), *words]
        done = subprocess.run(code, check=True, capture_output=True, text=True)
        for told in done.stderr.splitlines() if number else ():
            what, wall, cpu = told.split()
            before = best.get(what, [9e9, 9e9])
            best[what] = [min(before[0], float(wall)), min(before[1], float(cpu))]
    for what, (wall, cpu) in best.items():
        print(f"from process start to {what:8} {wall:.2f} s, {cpu:.2f} s of CPU time")


def main() -> None:
    parser = parser_of(__doc__)
    parser.add_argument("--lake", type=Path, default=os.environ.get("ORDERFLOW_BT_BENCH_LAKE"))
    parser.add_argument("--days", type=int, default=3)
    parser.add_argument("--trades-per-day", type=int, default=1_000_000)
    parser.add_argument("--rounds", type=int, default=5)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        root = options.lake or simulate(folder, options.days, options.trades_per_day)
        bench = Bench(Path(root))
        for _ in bench.pieces(bench.lake, keep=True):
            pass
        bench.footprints(kept=True, look=False)
        bench.events(kept=True)
        works = {
            "columns, looked at": (bench.columns_decoded, bench.columns_mapped),
            "1m footprints": both(bench.footprints, look=False),
            "1m footprints, looked at": both(bench.footprints, look=True),
            "every detector": both(bench.events),
        }
        for name, (made, mapped) in works.items():
            compare(name, bench.rows, options.rounds, made, mapped)
        start(bench, folder, options.rounds)
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
        size = sum(entry.bytes for entry in bench.lake.cache.entries())
        print(f"{bench.rows:,} trades, {size / 1e6:,.0f} MB kept, peak {peak:,.0f} MiB")


if __name__ == "__main__":
    main()
