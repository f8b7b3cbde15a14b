"""The engine beside hftbacktest and nautilus_trader, on the same trades in the same run.

    python benchmarks/engine.py [--tape FOLDER] [--peers PYTHON] [--rounds 3] [--long]

Every engine trades one idea on one-minute bars with fees, latency and a queue: market orders by the
z-score of the minute's delta. Ours reads the lake; the peers have their data in memory. Further
cases of ours: days and flow out of the cache with a bracket every 50 bars, a strategy that acts on
every fill, a whole backtest with many of them, two processes. ``--long`` repeats the days ten
times: time per trade and memory.

Peers run under ``--peers`` (or ORDERFLOW_BT_PEERS), the interpreter that has them, as their pins
clash with ours; one that is not installed is left out. Each line: the best of the rounds; CPU
seconds are those of all threads, and what to compare where the machine has other work.
"""

from __future__ import annotations

import argparse
import datetime as dt
import gc
import json
import os
import subprocess
import sys
import tempfile
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
from cases import case, parser_of, peak_mib
from ingest import tape_lake

from orderflow_bt import BarSpec, Strategy, param, time_bars

HERE = Path(__file__).resolve().parent
BARS = 20


class ByScore(Strategy):
    """Long above one standard deviation of the last minutes' deltas, short below minus one."""

    bars: BarSpec = param(time_bars("1m"))

    def __init__(self, *given, **named):
        super().__init__(*given, **named)
        self.ring, self.held = [], 0

    def on_bar(self, _spec, bar, _market, broker):
        ring = self.ring
        ring.append(bar.delta)
        if len(ring) > BARS:
            del ring[0]
        if len(ring) < BARS:
            return
        mean = sum(ring) / BARS
        spread = (sum(x * x for x in ring) / BARS - mean * mean) ** 0.5
        score = (bar.delta - mean) / spread if spread > 0 else 0.0
        want = 1 if score > 1 else -1 if score < -1 else self.held
        if want != self.held:
            broker.market(1 if want > self.held else -1, 10 * abs(want - self.held))
            self.held = want


class Brackets(Strategy):
    """A market entry with stop and target every 50 bars, if flat."""

    bars: BarSpec = param(time_bars("1m"))
    count = 0

    def on_bar(self, _spec, bar, market, broker):
        self.count += 1
        if self.count % 50 == 0 and market.position.is_flat and not broker.working:
            side = 1 if bar.delta > 0 else -1
            stop, target = bar.close - 200 * side, bar.close + 300 * side
            broker.bracket(side, 10, stop=stop, target=target)


class Flips(Strategy):
    """Turns its position round with every order that filled."""

    bars: BarSpec = param(time_bars("1m"))
    filled = 0

    def on_bar(self, _spec, _bar, market, broker):
        if market.position.is_flat and not broker.working:
            broker.market(1, 10)

    def on_fill(self, fill, _market, broker):
        self.filled += fill.qty
        if self.filled == (10 if fill.order_id == 0 else 20):
            self.filled = 0
            broker.market(-fill.side, 20)


class Idle(Strategy):
    """Looks as the one that turns round does, and never trades."""

    bars: BarSpec = param(time_bars("1m"))

    def on_bar(self, _spec, _bar, market, broker):
        if not market.position.is_flat or broker.working:
            raise AssertionError("nothing was sent")


class Bursts(Strategy):
    """Ten turns of a small position after every bar."""

    bars: BarSpec = param(time_bars("1m"))
    left = 0

    def on_bar(self, _spec, _bar, market, broker):
        self.left = 10
        if not broker.working:
            broker.market(-1 if market.position.qty > 0 else 1, 10)

    def on_fill(self, fill, _market, broker):
        self.left -= 1
        if self.left > 0:
            broker.market(-fill.side, 10)


STRATEGIES = {
    "score": ByScore, "brackets": Brackets, "flips": Flips, "idle": Idle, "bursts": Bursts,
}  # fmt: skip


def live(lake, name, *, cached):
    """One session over every day of the lake, from the files to its fills, trips and equity."""
    from orderflow_bt.instruments import Fees
    from orderflow_bt.run.clock import clocked_pieces
    from orderflow_bt.sim import Session, SimConfig
    from orderflow_bt.sim.declared import readings_of
    from orderflow_bt.sim.kept import FlowCache
    from orderflow_bt.store import resolve_instrument
    from orderflow_bt.types import DAY_US, MarketType

    if not cached:
        lake.cache = None
    (tape,) = lake.tapes()
    days = lake.days(tape)
    dates = [day.date for day in days]
    units = resolve_instrument(lake, tape, dates)
    start = (dates[0] - dt.date(1970, 1, 1)).days * DAY_US
    end = (dates[-1] - dt.date(1970, 1, 1)).days * DAY_US + DAY_US
    strategy = STRATEGIES[name]()
    config = SimConfig.for_market(MarketType.UM)
    assert isinstance(config.fees, Fees)
    readings = readings_of(
        strategy, units, ids_are_continuous=True, number_from=start,
        kept=FlowCache.of(lake, days, end, units),
    )  # fmt: skip
    session = Session(strategy, units, config, readings.specs, start=start)
    rows = 0
    pieces = lake.read_pieces(tape, dates, units.price_decimals, units.qty_decimals, keep=cached)
    for piece in clocked_pieces(pieces, end):
        if piece.first == 0:
            readings.begin_day(piece.day)
        session.feed(readings.feed(piece.trades, piece))
        rows += piece.trades.rows
        nothing = piece.trades.slice(0, 0)
    session.feed(readings.close_until(end, nothing))
    session.finish(end)
    return rows, session


def whole_case(root, name):
    """A whole backtest under three fill policies, its run folder written: time and memory."""
    from orderflow_bt.run import Request, backtest
    from orderflow_bt.sim import SimConfig
    from orderflow_bt.store import Lake
    from orderflow_bt.types import DAY_US, MarketType

    lake = Lake(Path(root))
    (tape,) = lake.tapes()
    days = lake.days(tape)
    start, last = ((day.date - dt.date(1970, 1, 1)).days * DAY_US for day in (days[0], days[-1]))
    request = Request(
        name=name, strategy=STRATEGIES[name], parameters={}, tape=tape, start=start,
        end=last + DAY_US, config=replace(SimConfig.for_market(MarketType.UM), leverage=None),
    )  # fmt: skip
    wall, cpu = time.perf_counter(), time.process_time()
    with tempfile.TemporaryDirectory() as folder:
        metrics = backtest(lake, request, Path(folder) / "run")
    times = [(time.perf_counter() - wall, time.process_time() - cpu)]
    note = f"{metrics['orders']:,} orders, {metrics['fills']:,} fills each"
    rows, fills = metrics["trades_read"], metrics["fills"]
    return {"rows": rows, "best": times, "note": note, "fills": fills, "peak": peak_mib()}


def our_case(root, name, how, rounds):
    """Best wall and CPU seconds of a case, in this process."""
    from orderflow_bt.run.backtest import spared
    from orderflow_bt.store import Lake

    if how == "backtest":
        return whole_case(root, name)
    times, note, rows = [], "", 0
    for number in range(rounds + 1):
        gc.collect()
        wall, cpu = time.perf_counter(), time.process_time()
        with spared():  # as in a backtest
            rows, session = live(Lake(Path(root)), name, cached=how == "cached")
        if number:
            times.append((time.perf_counter() - wall, time.process_time() - cpu))
        fills = len(session.broker.fills)
        note = f"{len(session.broker.orders)} orders, {fills} fills"
        del session
    return {"rows": rows, "best": times, "note": note, "fills": fills, "peak": peak_mib()}


def ours(*words):
    """Run a case of this script in a process of its own."""
    return case(HERE / "engine.py", *words)


def told(label, found):
    """Print a line; (trades a wall second, trades a CPU second), or None."""
    if "missing" in found:
        print(f"{label:44} not installed")
        return None
    if "failed" in found:
        print(f"{label:44} failed: {found['failed']}")
        return None
    wall, cpu = (min(column) for column in zip(*found["best"], strict=True))
    rates = found["rows"] / wall, found["rows"] / cpu
    peak = f", peak {found['peak']:.0f} MiB" if "peak" in found else ""
    print(
        f"{label:44} {rates[0] / 1e6:8.2f} M trades/s, {rates[1] / 1e6:8.2f} a CPU second"
        f"   ({found['note']}{peak})",
        flush=True,
    )
    return rates


def ratio(label, ours_, theirs):
    if ours_ and theirs:
        wall, cpu = (a / b for a, b in zip(ours_, theirs, strict=True))
        print(f"  {label}: {wall:.1f} times by the clock, {cpu:.1f} by CPU time")


def write_long(source_root, target_root, times):
    """A lake with the days of another, repeated on later dates with later ids."""
    from orderflow_bt.store import Lake
    from orderflow_bt.store.reader import read_columns
    from orderflow_bt.store.schema import COLUMN_NAMES, TIME_FACTORS
    from orderflow_bt.types import DAY_US

    source, lake = Lake(Path(source_root)), Lake(Path(target_root))
    (tape,) = source.tapes()
    days = source.days(tape)
    for turn in range(times):
        ids = turn * (days[-1].quality.last_id - days[0].quality.first_id + 1)
        micros = turn * len(days) * DAY_US
        for day in days:
            parts = list(read_columns(day, COLUMN_NAMES))
            columns = {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}
            matrix = np.stack([columns[name] for name in COLUMN_NAMES]).astype(np.int64)
            for name in ("id", "first_id", "last_id"):
                matrix[COLUMN_NAMES.index(name)] += ids
            matrix[COLUMN_NAMES.index("time")] += micros // TIME_FACTORS[day.time_unit]
            quality = replace(
                day.quality, first_id=day.quality.first_id + ids, last_id=day.quality.last_id + ids
            )
            info = replace(
                day,
                date=day.date + dt.timedelta(days=turn * len(days)),
                quality=quality,
                first_time=day.first_time + micros,
                last_time=day.last_time + micros,
            )
            with lake.lock(tape, info.date):
                lake.write_day(matrix, info)


def export(root, file):
    """The lake's trades as plain columns, for the peers."""
    from orderflow_bt.store import Lake, resolve_instrument

    lake = Lake(Path(root))
    lake.cache = None
    (tape,) = lake.tapes()
    dates = [day.date for day in lake.days(tape)]
    units = resolve_instrument(lake, tape, dates)
    chunks = list(lake.read_days(tape, dates, units.price_decimals, units.qty_decimals))
    np.savez(
        file,
        **{
            name: np.concatenate([getattr(chunk, name) for chunk in chunks])
            for name in ("time", "price", "qty", "side")
        },
    )


def compare(root, folder, options):
    columns = folder / "columns.npz"
    export(root, columns)
    rounds = options.rounds
    peers = {
        name: told(f"{name}, data in memory", case(
            HERE / "engine_peers.py", name, columns, rounds, python=options.peers
        ))
        for name in ("hftbacktest", "nautilus_trader")
    }  # fmt: skip
    lake = told(
        "ours, from the lake, nothing cached", ours("--case", root, "score", "lake", rounds)
    )
    cached = told("ours, days and bars cached", ours("--case", root, "score", "cached", rounds))
    brackets = told(
        "ours, cached, a bracket every 50 bars", ours("--case", root, "brackets", "cached", rounds)
    )
    for name, theirs in peers.items():
        ratio(f"from the lake beside {name}", lake, theirs)
        ratio(f"cached beside {name}", cached, theirs)
        ratio(f"brackets, cached, beside {name}", brackets, theirs)
    found = ours("--case", root, "flips", "cached", rounds)
    idle = ours("--case", root, "idle", "cached", rounds)
    if told("ours, acting on every fill", found) and told("ours, the same without an order", idle):
        tell_of_fills(found, idle)
    told("ours, a backtest, ten fills a bar", ours("--case", root, "bursts", "backtest", 1))
    two_processes(root, rounds)


def tell_of_fills(found, idle):
    """What a fill costs: the whole run shared out, and what the run takes beyond one without."""
    fills = found["fills"]
    for label, less in (("the whole run by its fills", 0), ("beyond the run without any", 1)):
        wall, cpu = (
            (min(full) - less * min(empty)) / fills * 1e6
            for full, empty in zip(
                zip(*found["best"], strict=True), zip(*idle["best"], strict=True), strict=True
            )
        )
        print(f"  a fill, {label}: {wall:.1f} µs, CPU {cpu:.1f}")


def two_processes(root, rounds):
    """Runs a second by one process, and by two at once."""
    command = [sys.executable, str(HERE / "engine.py"), "--case", root, "brackets", "cached", "9"]

    def rate(processes):
        best = 0.0
        for _ in range(rounds):
            started = [
                subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
                for _ in range(processes)
            ]
            outputs = [process.communicate()[0] for process in started]
            times = [json.loads(text.splitlines()[-1])["best"] for text in outputs]
            best = max(best, sum(len(each) / sum(wall for wall, _ in each) for each in times))
        return best

    one, two = rate(1), rate(2)
    print(f"two processes: {two / one:.2f} times one ({one:.1f} and {two:.1f} runs a second)")


def long_run(root, folder):
    write_long(root, folder / "long", 10)
    for name, label in ((root, "these days"), (folder / "long", "ten times as many")):
        for how in ("lake", "cached"):
            told(f"{label}, {how}", ours("--case", name, "brackets", how, 1))


def main() -> None:
    parser = parser_of(__doc__)
    parser.add_argument("--tape", help="folder of days as the exchange publishes them")
    parser.add_argument("--peers", default=os.environ.get("ORDERFLOW_BT_PEERS", sys.executable))
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--long", action="store_true")
    parser.add_argument("--case", nargs=4, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.case:
        root, name, how, rounds = options.case
        print(json.dumps(our_case(root, name, how, int(rounds))))
        return
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        root = tape_lake(folder, options.tape)
        if options.long:
            long_run(root, folder)
        else:
            compare(root, folder, options)


if __name__ == "__main__":
    main()
