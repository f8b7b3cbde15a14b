"""Does a shipped strategy make anything where there is nothing to make?

Runs every shipped strategy on simulated markets without any edge, one a seed, without costs, and
prints the mean result of a round trip from mid to mid (what the hidden mid did between the fills,
without spread, queue, slippage and fees), in R, with its 95 % interval over markets. Zero should
lie inside: otherwise a strategy sees the future, or the broker gives something away.

    python benchmarks/placebo.py --seeds 100 [--keep placebo.jsonl]

``--keep`` writes each market's results to a file as they come, and takes up from there: what it
holds of other code, days or trades is left alone and not used.
"""

from __future__ import annotations

import hashlib
import json
import time
from concurrent.futures import ProcessPoolExecutor, as_completed
from multiprocessing import get_context
from pathlib import Path

import numpy as np
from cases import parser_of

WARMUP_DAYS = 4  # a trend of four-hour bars takes that long to be known
MORE_SETUPS = {"delta_divergence": {"location": "any", "aim": "r"}}


def one_seed(seed: int, days: int, trades_per_day: int) -> dict[str, list[float]]:
    """Every strategy's round trips on one placebo market, in R from mid to mid."""
    from orderflow_bt.strategy.registry import installed, load_strategy
    from orderflow_bt.synth import SimulatedMarket
    from orderflow_bt.testing import try_out

    market = SimulatedMarket(seed=seed, days=days, trades_per_day=trades_per_day, placebo=True)
    strategies = {name: load_strategy(name)(**MORE_SETUPS.get(name, {})) for name in installed()}
    trials = try_out(market, strategies, warmup_days=WARMUP_DAYS)
    return {
        name: [trade.mid_r for trade in trial.trades if trade.mid_r is not None]
        for name, trial in trials.items()
    }


def interval(per_seed: list[list[float]], share: float = 0.95) -> tuple[float, float, float]:
    """Mean of all results and its interval: whole markets are drawn, with replacement."""
    sums = np.array([sum(results) for results in per_seed])
    counts = np.array([len(results) for results in per_seed])
    drawn = np.random.default_rng(1).integers(0, len(sums), (10_000, len(sums)))
    means = sums[drawn].sum(axis=1) / np.maximum(counts[drawn].sum(axis=1), 1)
    low, high = np.quantile(means, ((1 - share) / 2, (1 + share) / 2))
    return sums.sum() / max(1, counts.sum()), low, high


def code() -> str:
    """Hash of everything that a result depends on."""
    root = Path(__file__).resolve().parents[1]
    digest = hashlib.sha256()
    for source in sorted([*root.glob("orderflow_bt/**/*.py"), *root.glob("strategies/*.py")]):
        digest.update(source.read_bytes())
    return digest.hexdigest()[:16]


def main() -> None:
    """Run the seeds that are not kept yet and print a table."""
    parser = parser_of(__doc__)
    parser.add_argument("--seeds", type=int, default=10)
    parser.add_argument("--days", type=int, default=14)
    parser.add_argument("--trades", type=int, default=40_000)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--keep", type=Path, help="file of results, one market a line")
    asked = parser.parse_args()
    setting = {"code": code(), "days": asked.days, "trades": asked.trades}
    done: dict[int, dict[str, list[float]]] = {}
    if asked.keep and asked.keep.exists():
        for line in asked.keep.read_text(encoding="utf-8").splitlines():
            kept = json.loads(line)
            if kept["setting"] == setting and kept["seed"] <= asked.seeds:
                done[kept["seed"]] = kept["found"]
    began, before = time.perf_counter(), len(done)
    with ProcessPoolExecutor(asked.workers, mp_context=get_context("spawn")) as pool:
        jobs = {
            pool.submit(one_seed, seed, asked.days, asked.trades): seed
            for seed in range(1, asked.seeds + 1)
            if seed not in done
        }
        for job in as_completed(jobs):
            done[jobs[job]] = job.result()
            if asked.keep:
                line = {"seed": jobs[job], "setting": setting, "found": job.result()}
                with asked.keep.open("a", encoding="utf-8") as file:
                    file.write(json.dumps(line) + "\n")
    seeds = [done[seed] for seed in sorted(done)]
    took = time.perf_counter() - began
    print(f"{len(seeds)} placebo markets of {asked.days} days of {asked.trades:,} trades, no fees,"
          f" mid to mid; {len(seeds) - before} of them run in {took:.0f} s\n")  # fmt: skip
    print("| strategy | round trips | mean R | 95 % interval |")
    print("| --- | ---: | ---: | ---: |")
    for name in seeds[0]:
        mean, low, high = interval([seed[name] for seed in seeds])
        trips = sum(len(seed[name]) for seed in seeds)
        figures = f"{trips:,} | {mean:+.3f} | {low:+.3f} to {high:+.3f}"
        print(f"| {name} | {figures} |".replace("-", "\N{MINUS SIGN}"))


if __name__ == "__main__":
    main()
