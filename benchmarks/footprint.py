"""One-minute footprints: ours beside polars making the same cell columns, on a tape made here.

    python benchmarks/footprint.py [--rows 4000000] [--rounds 7] [--kinds]

``--kinds`` times bars of activity instead, each beside one-minute bars of the same tape.

Both give bid, ask and both counts for each bar and price. Ours also makes the bars (with delta
extremes, quote volume, point of control) and dense rows, on one core; polars uses all it finds.
Rounds alternate, so that what else the machine does meets both alike; the best round counts.
"""

from __future__ import annotations

import argparse
import os
import time

import numpy as np

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


def polars_query(tape: Trades):
    """The same cells as a lazy group-by, unsorted and sparse."""
    import polars as pl

    frame = pl.DataFrame(
        {"time": tape.time, "price": tape.price, "qty": tape.qty, "side": tape.side}
        | {"fills": tape.fills}
    )
    buy, sell = pl.col("side") > 0, pl.col("side") < 0
    return (
        frame.lazy()
        .group_by((pl.col("time") // MINUTE_US).alias("bar"), "price")
        .agg(
            bid=(pl.col("qty") * sell).sum(),
            ask=(pl.col("qty") * buy).sum(),
            bid_count=(pl.col("fills") * sell).sum(),
            ask_count=(pl.col("fills") * buy).sum(),
        )
    )


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
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rows", type=int, default=4_000_000)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--kinds", action="store_true")
    options = parser.parse_args()
    tape = make_tape(options.rows)
    if options.kinds:
        time_kinds(tape, options.rounds)
        return
    query = polars_query(tape)
    ours(tape.slice(0, 1000))
    best = {"ours": float("inf"), "polars": float("inf")}
    for _ in range(options.rounds):
        begin = time.perf_counter()
        cells, volume = ours(tape)
        middle = time.perf_counter()
        result = query.collect()
        end = time.perf_counter()
        best["ours"] = min(best["ours"], middle - begin)
        best["polars"] = min(best["polars"], end - middle)
    assert volume == int((result["bid"] + result["ask"]).sum())
    print(f"{options.rows:,} trades, {cells:,} dense rows, {len(result):,} traded cells")
    for name, cores in (("ours", 1), ("polars", os.cpu_count())):
        print(f"{name:7} {options.rows / best[name] / 1e6:7.1f} M trades/s  ({cores} cores)")
    print(f"ratio   {best['polars'] / best['ours']:7.2f}")


if __name__ == "__main__":
    main()
