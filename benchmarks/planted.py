"""Do the shipped strategies find what they are for? On simulated markets, where that is known.

Each strategy trades markets with its kind of situation planted, and placebos, without costs. A
situation is *traded* if a round trip was entered because of an event of its direction, at its
prices, from its beginning to ten minutes after it could be known; *declined* if the strategy wrote
down a reason to pass over such an event; else *missed*. R is counted from mid to mid. Half of what
is planted comes true, so what is made on plants was put there; elsewhere (outside every planted
situation, whatever its kind) and on the placebo there is nothing to make.

    python benchmarks/planted.py [--seeds 6] [--days 14] [--trades 60000] [--workers 2]
"""

from __future__ import annotations

import datetime as dt
from collections import Counter
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from typing import NamedTuple

import numpy as np
from cases import parser_of

HIT_RATE = 0.5
ENOUGH = 50  # trades to speak of a mean
WARMUP_DAYS = 4  # a trend of four-hour bars takes that long to be known
CONFLUENCES = 4.0  # a day; the other kinds have the market's defaults
# label: strategy, kind of situation that it is for, parameters
ASKED = {
    "delta_divergence": ("delta_divergence", "delta_divergence", {}),
    "delta_divergence location=any": ("delta_divergence", "delta_divergence", {"location": "any"}),
    "absorption": ("absorption", "absorption", {}),
    "imbalance_retest": ("imbalance_retest", "imbalance_retest", {}),
    "poc_retest": ("poc_retest", "poc_retest", {}),
    "confluence": ("confluence", "confluence", {}),
}


class Seen(NamedTuple):
    """What one strategy did on one market and on one placebo."""

    responses: Counter[str]
    on_plants: list[float]
    off_plants: list[float]
    placebo: list[float]


def one_seed(seed: int, days: int, trades_per_day: int) -> dict[str, Seen]:
    """Every strategy on one market, and on the placebo of the same seed."""
    from orderflow_bt.strategy.registry import load_strategy
    from orderflow_bt.synth import SimulatedMarket
    from orderflow_bt.testing import try_out
    from orderflow_bt.types import DAY_US, MINUTE_US

    market, nothing = (
        SimulatedMarket(
            seed=seed, days=days, trades_per_day=trades_per_day, hit_rate=HIT_RATE,
            confluences_per_day=CONFLUENCES, placebo=placebo,
        )
        for placebo in (False, True)
    )  # fmt: skip
    done, chance = (
        try_out(
            tape,
            {label: load_strategy(name)(**given) for label, (name, _, given) in ASKED.items()},
            warmup_days=WARMUP_DAYS,
        )
        for tape in (market, nothing)
    )
    since = ((market.start - dt.date(1970, 1, 1)).days + WARMUP_DAYS) * DAY_US + MINUTE_US
    everything = market.situations
    found = {}
    for label, (_, kind, _) in ASKED.items():
        plants = [s for s in everything if s.kind == kind and s.start_time >= since]
        on, off = [], []
        for trade in done[label].trades:
            if trade.mid_r is None:
                continue
            if any(trade.answers(plant) for plant in plants):
                on.append(trade.mid_r)
            elif not any(s.start_time <= trade.decided_at <= s.end_time for s in everything):
                off.append(trade.mid_r)
        found[label] = Seen(
            Counter(done[label].response(plant) for plant in plants), on, off,
            [trade.mid_r for trade in chance[label].trades if trade.mid_r is not None],
        )  # fmt: skip
    return found


def row(label: str, seen: list[Seen], days: int) -> str:
    """A row of the table."""
    total: Counter[str] = sum((each.responses for each in seen), Counter())
    planted = total.total()
    traded, missed = total.pop("traded", 0), total.pop("missed", 0)
    why = "; ".join(f"{count} {reason}" for reason, count in total.most_common(2))
    cells = [label, planted, f"{traded} ({traded / max(1, planted):.0%})", why or "–", missed]
    for results in (
        [r for each in seen for r in each.on_plants],
        [r for each in seen for r in each.off_plants],
        [r for each in seen for r in each.placebo],
    ):
        cells.append(f"{len(results) / days:.1f}")
        if len(results) < ENOUGH:
            cells.append("too few")
            continue
        error = np.std(results, ddof=1) / len(results) ** 0.5
        cells.append(f"{np.mean(results):+.2f} ± {1.96 * error:.2f}".replace("-", "\N{MINUS SIGN}"))
    return "| " + " | ".join(map(str, cells)) + " |"


def main() -> None:
    """Run the seeds and print the table."""
    parser = parser_of(__doc__)
    parser.add_argument("--seeds", type=int, default=6)
    parser.add_argument("--days", type=int, default=14)
    parser.add_argument("--trades", type=int, default=60_000)
    parser.add_argument("--workers", type=int, default=2)
    asked = parser.parse_args()
    with ProcessPoolExecutor(asked.workers, mp_context=get_context("spawn")) as pool:
        jobs = [
            pool.submit(one_seed, seed, asked.days, asked.trades)
            for seed in range(1, asked.seeds + 1)
        ]
        seeds = [job.result() for job in jobs]
    days = asked.seeds * (asked.days - WARMUP_DAYS)
    print(
        f"{asked.seeds} markets of {asked.days} days of {asked.trades:,} trades, {WARMUP_DAYS} to"
    )
    print("warm up; trades a day, and R from mid to mid with its 95 % interval\n")
    print("| strategy | planted | traded | declined | missed | on plants | R | elsewhere | R"
          " | placebo | R |")  # fmt: skip
    print("| --- | ---: | ---: | --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: |")
    for label in ASKED:
        print(row(label, [seed[label] for seed in seeds], days))


if __name__ == "__main__":
    main()
