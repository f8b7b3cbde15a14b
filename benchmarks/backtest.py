"""A backtest from the lake to its result: trades a second, and memory.

One strategy of bars and brackets on a simulated market, all three fill policies in the same pass,
5-minute bars with footprints; reading, decoding and the run folder included.
"""

from __future__ import annotations

import datetime as dt
import resource
import tempfile
import time
from pathlib import Path

from cases import parser_of

from orderflow_bt.run import Request, backtest
from orderflow_bt.sim import SimConfig
from orderflow_bt.strategy.registry import load_strategy
from orderflow_bt.synth import SimulatedMarket, store_market
from orderflow_bt.types import DAY_US, MarketType


def main() -> None:
    parser = parser_of(__doc__)
    parser.add_argument("--days", type=int, default=7)
    parser.add_argument("--trades-per-day", type=int, default=300_000)
    parser.add_argument("--reps", type=int, default=3)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        market = SimulatedMarket(
            seed=1, start=dt.date(2026, 1, 5), days=options.days,
            trades_per_day=options.trades_per_day,
        )  # fmt: skip
        lake, tape = store_market(market, folder / "lake")
        start = (market.start - dt.date(1970, 1, 1)).days * DAY_US
        request = Request(
            name="delta_divergence", strategy=load_strategy("delta_divergence"), parameters={},
            tape=tape, start=start + DAY_US, end=start + options.days * DAY_US,
            config=SimConfig.for_market(MarketType.UM),
        )  # fmt: skip
        backtest(lake, request, folder / "warm")
        seconds = []
        for number in range(options.reps):
            began = time.perf_counter()
            metrics = backtest(lake, request, folder / f"run-{number}")
            seconds.append(time.perf_counter() - began)
        rows = metrics["trades_read"]
        best, peak = sorted(seconds)[len(seconds) // 2], resource.getrusage(resource.RUSAGE_SELF)
        print(
            f"{rows:,} trades, {metrics['fills']:,} fills, three policies: median {best:.2f} s,"
            f" {rows / best / 1e6:.1f} M trades/s, peak {peak.ru_maxrss / 1024:.0f} MiB"
        )


if __name__ == "__main__":
    main()
