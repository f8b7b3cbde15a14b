"""Does a shipped strategy make anything where there is nothing to make?

Runs every shipped strategy on simulated markets without any edge, one a seed, without costs, and
prints the mean result of a round trip from mid to mid (between the first buy and the first sell
after each fill: what the price did, without spread, queue, slippage and fees), in R, with its 95 %
interval over markets. Zero should lie inside: otherwise a strategy sees the future,
or the broker gives something away.

    python benchmarks/placebo.py --seeds 100
"""

from __future__ import annotations

import argparse
import tempfile
from concurrent.futures import ProcessPoolExecutor
from decimal import Decimal
from multiprocessing import get_context
from pathlib import Path

import numpy as np
import polars as pl

DAYS = 8
NO_LEVELS = {"delta_divergence": {"location": "any", "aim": "r"}}  # more setups to judge by


def one_seed(seed: int) -> dict[str, list[float]]:
    """Every strategy's round trips on one placebo market, in R before slippage."""
    from orderflow_bt.frames import trades
    from orderflow_bt.instruments import Fees
    from orderflow_bt.run import Request, backtests
    from orderflow_bt.sim import SimConfig
    from orderflow_bt.strategy.registry import installed, load_strategy
    from orderflow_bt.synth import example_tape
    from orderflow_bt.types import DAY_US

    tape = example_tape(days=DAYS, placebo=True, seed=seed)
    config = SimConfig(fees=Fees(Decimal(0), Decimal(0)))
    found = {}
    with tempfile.TemporaryDirectory() as home:
        names = list(installed())
        asked = [
            (
                Request(
                    name, load_strategy(name), NO_LEVELS.get(name, {}), tape.id,
                    tape.start + 2 * DAY_US, tape.end, config,
                ),
                Path(home) / name,
            )
            for name in names
        ]  # fmt: skip
        backtests(tape.lake, asked)
        mids = _mids(trades(tape))
        for name in names:
            found[name] = _results(Path(home) / name, mids)
    return found


def _mids(trades: pl.DataFrame) -> pl.DataFrame:
    """Trade ids with the middle of the first buy and the first sell after each trade.

    Inferred quotes would not do: the far one is as old as the last trade on its side.
    """
    price = trades["price"].cast(pl.Float64)
    seen = pl.DataFrame({"trade_id": trades["id"], "price": price, "buy": trades["side"] > 0})
    later = pl.col("price").shift(-1)
    bought = pl.when(pl.col("buy").shift(-1)).then(later).backward_fill()
    sold = pl.when(~pl.col("buy").shift(-1)).then(later).backward_fill()
    return seen.select("trade_id", mid=(bought + sold) / 2)


def _results(folder: Path, mids: pl.DataFrame) -> list[float]:
    """Closed round trips from mid to mid, in R."""
    unit = pl.read_json(folder / "manifest.json")["instrument"][0]
    lot = 10.0 ** -unit["qty_decimals"]
    fills = pl.read_parquet(folder / "fills.parquet").join(mids, on="trade_id")
    moved = fills.group_by("round_trip").agg(
        money=-(pl.col("side") * pl.col("qty") * pl.col("mid")).sum() * lot
    )
    trips = pl.read_parquet(folder / "round_trips.parquet").filter(~pl.col("is_open"))
    joined = trips.join(moved, left_on="id", right_on="round_trip")
    return (joined["money"] / joined["risk"].cast(pl.Float64)).drop_nulls().to_list()


def main() -> None:
    """Run the seeds on two processes and print a row a strategy."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seeds", type=int, default=10)
    parser.add_argument("--workers", type=int, default=2)
    asked = parser.parse_args()
    with ProcessPoolExecutor(asked.workers, mp_context=get_context("spawn")) as pool:
        seeds = list(pool.map(one_seed, range(1, asked.seeds + 1)))
    print(f"{asked.seeds} placebo markets of {DAYS} days, no fees, mid to mid")
    print(f"{'strategy':<18}{'round trips':>12}{'mean R':>9}   95 % interval")
    for name in seeds[0]:
        per_seed = [seed[name] for seed in seeds]
        everything = np.array([r for results in per_seed for r in results])
        if everything.size < 2:
            print(f"{name:<18}{everything.size:>12}")
            continue
        sums = np.array([sum(results) for results in per_seed])
        counts = np.array([len(results) for results in per_seed])
        rng = np.random.default_rng(1)
        drawn = rng.integers(0, len(seeds), (10_000, len(seeds)))  # whole markets, with replacement
        means = sums[drawn].sum(axis=1) / np.maximum(counts[drawn].sum(axis=1), 1)
        low, high = np.quantile(means, (0.025, 0.975))
        print(
            f"{name:<18}{everything.size:>12}{everything.mean():>+9.3f}   {low:+.3f} to {high:+.3f}"
        )


if __name__ == "__main__":
    main()
