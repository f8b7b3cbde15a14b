"""One-minute footprints: ours beside polars making the same cell columns, on a tape made here.

    python benchmarks/footprint.py [--rows 4000000] [--rounds 7] [--kinds]

``--kinds`` times bars of activity instead, each beside one-minute bars of the same tape.

All give bid, ask and both counts for each bar and price. Ours also makes the bars (with delta
extremes, quote volume, point of control) and dense rows, on one core; polars uses all it finds.
Rounds alternate, so that what else the machine does meets all alike.
"""

from __future__ import annotations

import os
import statistics
import time

import numpy as np
from cases import parser_of

from orderflow_bt.flow import BarStream
from orderflow_bt.instruments import Instrument
from orderflow_bt.types import DAY_US, MINUTE_US, SECOND_US, BarSpec, MarketType, Trades

CHUNK = 1 << 20  # as the lake delivers


def make_tape(rows: int, seed: int = 7) -> Trades:
    """A walk in bursts, about 1.5 million trades a day, prices near 60,000.0 in steps of 0.1."""
    rng = np.random.default_rng(seed)
    gaps = rng.exponential(0.19 * SECOND_US, rows) * (rng.random(rows) < 0.3)
    side = np.where(np.cumsum(rng.random(rows) > 0.75) & 1, 1, -1)
    moves = (rng.random(rows) < 0.25) * rng.geometric(0.12, rows) * side
    moves = np.where(rng.random(rows) < 0.62, moves, -moves)
    price = 600_000 + np.cumsum(moves - np.rint(moves.mean())) + (side > 0)
    qty = np.maximum(1, np.exp(rng.normal(np.log(15), 1.5, rows))).astype(np.int64)
    return Trades(
        np.arange(1, rows + 1),
        1_704_067_200 * SECOND_US + np.cumsum(gaps).astype(np.int64),
        price.astype(np.int64),
        qty,
        side.astype(np.int8),
        (1 + rng.poisson(0.3, rows)).astype(np.int32),
    )


UNITS = Instrument("made", MarketType.UM, "HERE", 1, 3)
# as many bars as there are minutes, more or less
KINDS = (
    "1m", "tick:1000", "tick:1300,fills", "volume:45", "dollar:2700000", "delta:10", "range:400",
    "reversal:300,100", "renko:300",
)  # fmt: skip


def ours(tape: Trades, spec: str = "1m") -> tuple[int, int]:
    """Seconds are the caller's; returns rows of cells, and volume."""
    stream = BarStream(BarSpec.parse(spec), ids_are_continuous=True, instrument=UNITS)
    cells = volume = 0
    for start in range(0, tape.rows, CHUNK):
        batch = stream.feed(tape.slice(start, min(start + CHUNK, tape.rows)))
        cells += batch.cells.shape[0]
        volume += int(batch.bars[:, 6].sum())
    last = stream.close_until(int(tape.time[-1]) + (MINUTE_US if spec == "1m" else DAY_US))
    return cells + last.cells.shape[0], volume + int(last.bars[:, 6].sum())


def polars_queries(tape: Trades):
    """The same cells as lazy group-bys, unsorted and sparse, by name; and the engine of each.

    The plain ones group by bar and price, as anybody would write it: products taken before, or a
    row for each side, on the engine that is faster with it. Bars and prices packed into one key,
    which fits this tape's prices, group twice as fast; the cells come out under that key.
    """
    import polars as pl

    frame = pl.DataFrame(
        {"time": tape.time, "price": tape.price, "qty": tape.qty, "side": tape.side}
        | {"fills": tape.fills}
    ).lazy()
    bar, sell = pl.col("time") // MINUTE_US, pl.col("side") < 0
    products = {"bid": pl.col("qty") * sell, "bid_count": pl.col("fills") * sell}
    sums = pl.col("qty", "fills", *products).sum()  # the ask's are what remains
    key = (bar * (1 << 32) + pl.col("price")).alias("key")
    by_price = frame.with_columns(bar=bar, **products).group_by("bar", "price").agg(sums)
    by_side = frame.group_by(bar.alias("bar"), "price", "side").agg(pl.col("qty", "fills").sum())
    by_key = frame.with_columns(key, **products).group_by("key").agg(sums)
    return {
        "polars, by price": (by_price, "auto"),
        "polars, by side": (by_side, "streaming"),
        "polars, one key": (by_key, "auto"),
    }


def time_kinds(tape: Trades, rounds: int) -> None:
    """Every bar kind in turn, the best of its rounds."""
    best = dict.fromkeys(KINDS, float("inf"))
    bars = {}
    for spec in KINDS:
        ours(tape.slice(0, 1000), spec)
    for _ in range(rounds):
        for spec in KINDS:
            begin = time.perf_counter()
            bars[spec], volume = ours(tape, spec)
            best[spec] = min(best[spec], time.perf_counter() - begin)
            assert volume == int(tape.qty.sum())
    for spec, seconds in best.items():
        rate, share = tape.rows / seconds / 1e6, best["1m"] / seconds
        print(f"{spec:18} {rate:7.1f} M trades/s  {share:5.2f} of 1m  {bars[spec]:,} rows")


def main() -> None:
    parser = parser_of(__doc__)
    parser.add_argument("--rows", type=int, default=4_000_000)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--kinds", action="store_true")
    options = parser.parse_args()
    tape = make_tape(options.rows)
    if options.kinds:
        time_kinds(tape, options.rounds)
        return
    queries = polars_queries(tape)
    names = ["ours", *queries]
    ours(tape.slice(0, 1000))
    wall: dict[str, list[float]] = {name: [] for name in names}
    cpu: dict[str, list[float]] = {name: [] for name in names}
    traded = {}
    for number in range(options.rounds + 1):
        for name in names:
            begin, begin_cpu = time.perf_counter(), time.process_time()
            if name == "ours":
                cells, volume = ours(tape)
            else:
                query, engine = queries[name]
                result = query.collect(engine=engine)
            took, took_cpu = time.perf_counter() - begin, time.process_time() - begin_cpu
            if number:  # the first round warms up
                wall[name].append(took)
                cpu[name].append(took_cpu)
            if name != "ours":
                traded[name] = len(result)
                assert volume == int(result["qty"].sum())
    print(f"{options.rows:,} trades, {cells:,} dense rows, {traded}")
    for name in names:
        cores = 1 if name == "ours" else os.cpu_count()
        ratios = [theirs / mine for theirs, mine in zip(wall[name], wall["ours"], strict=True)]
        print(
            f"{name:18} best {options.rows / min(wall[name]) / 1e6:6.1f} M trades/s on {cores} "
            f"cores, {options.rows / min(cpu[name]) / 1e6:6.1f} a core; "
            f"ours is faster {min(wall[name]) / min(wall['ours']):.2f} times at best, "
            f"{statistics.median(ratios):.2f} in the median round"
        )


if __name__ == "__main__":
    main()
