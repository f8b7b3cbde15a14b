"""What detectors find of a simulated market's planted situations, and how fast they read.

    python benchmarks/detectors.py [--days 12] [--trades 100000] [--seed 7] [--speed-rows 4000000]

*Found* is the share of planted situations of a kind for which an event of its direction was known
near the moment the situation could be known, at its prices. *Right* is the share of a detector's
events that belong to a planted situation of that kind; the others are what a free market shows by
itself. Beside them: events a day on the market and on the placebo, which has nothing planted.
"""

from __future__ import annotations

import datetime as dt
import time

import numpy as np
from cases import parser_of
from footprint import CHUNK, make_tape

from orderflow_bt.detectors import Absorption, DeltaDivergence, ImbalanceZones, PocRetest
from orderflow_bt.detectors.registry import installed, load_detector
from orderflow_bt.sim import Readings
from orderflow_bt.synth import SimulatedMarket
from orderflow_bt.types import DAY_US, MINUTE_US, SECOND_US

# kind, detector, parameters, the state that says it, seconds around known_at, price units around
PLANTED = [
    ("delta_divergence", DeltaDivergence, {}, "confirmed", (-1, 1), 0),
    ("absorption", Absorption, {}, "confirmed", (-60, 60), 2),
    ("imbalance_retest", ImbalanceZones, {}, "retested", (-120, 120), 0),
    (
        "imbalance_retest",
        ImbalanceZones,
        {"source": "cells", "ratio": 10.0},
        "retested",
        (-120, 120),
        0,
    ),
    ("imbalance_retest", ImbalanceZones, {"least": 5}, "retested", (-120, 120), 0),
    ("poc_retest", PocRetest, {}, "touch", (-1, 1), 0),
]


def detectors():
    """One of each installed detector, by name, with its defaults."""
    return {name: load_detector(name)() for name in installed()}


def read(days, found):
    """Events of every detector in ``found`` over days of trades, as columns."""
    readings = Readings(
        (), list(found.values()), ids_are_continuous=True, row_size=1, only_events=True
    )
    for trades in days:
        yield readings.see(trades)


def belongs(event, situation, seconds, around):
    """Whether an event tells of a planted situation."""
    before, after = (second * SECOND_US for second in seconds)
    return (
        event.direction == situation.direction
        and before <= event.known_at - situation.known_at <= after
        and event.price_low <= situation.price_high + around
        and event.price_high >= situation.price_low - around
    )


def recall(options):
    """Print what is found of what is planted."""
    market, placebo = (
        SimulatedMarket(
            seed=options.seed, days=options.days, trades_per_day=options.trades, placebo=nothing
        )
        for nothing in (False, True)
    )
    days = options.days
    print(f"{days} days of {options.trades:,} trades, seed {options.seed}, from the second day on")
    print("| planted | detector | state | planted | found | right | a day | a day on the placebo |")
    print("| --- | --- | --- | ---: | ---: | ---: | ---: | ---: |")
    for kind, make, parameters, state, seconds, around in PLANTED:
        events, chance = (
            [
                event
                for events in read((day.trades for day in tape), {kind: make(**parameters)})
                for event in events
                if event.state == state and event.known_at >= DAY_US + first_moment(tape)
            ]
            for tape in (market, placebo)
        )
        since = DAY_US + MINUTE_US + first_moment(market)
        planted = [s for s in market.situations if s.kind == kind and s.start_time >= since]
        seen = sum(any(belongs(e, s, seconds, around) for e in events) for s in planted)
        right = sum(any(belongs(e, s, seconds, around) for s in planted) for e in events)
        label = " ".join([make.name, *(f"{name}={value}" for name, value in parameters.items())])
        print(
            f"| {kind} | {label} | {state} | {len(planted)} | {seen / len(planted):.0%} |"
            f" {right / max(1, len(events)):.0%} | {len(events) / (days - 1):.1f} |"
            f" {len(chance) / (days - 1):.1f} |"
        )


def first_moment(market):
    """Its first midnight, microseconds."""
    return int((market.start - dt.date(1970, 1, 1)).days) * DAY_US


def speed(options):
    """Print how fast detectors read, alone and together, bars and footprints included."""
    tape = make_tape(options.speed_rows)
    chunks = [tape.slice(n, min(n + CHUNK, tape.rows)) for n in range(0, tape.rows, CHUNK)]
    classes = {name: load_detector(name) for name in installed()}
    names = list(classes)
    warm = [tape.slice(0, 20_000)]
    print(f"\n{tape.rows:,} trades, {(tape.time[-1] - tape.time[0]) / DAY_US:.1f} days\n")
    print("| detectors | M trades/s | a core | events |")
    print("| --- | ---: | ---: | ---: |")
    for chosen in [[name] for name in names] + [names]:
        best, core, count = np.inf, np.inf, 0
        list(read(warm, {name: classes[name]() for name in chosen}))
        for _ in range(options.rounds):
            made = {name: classes[name]() for name in chosen}
            begin, used = time.perf_counter(), time.process_time()
            count = sum(len(events) for events in read(chunks, made))
            best = min(best, time.perf_counter() - begin)
            core = min(core, time.process_time() - used)
        label = chosen[0] if len(chosen) == 1 else f"all {len(chosen)} together"
        print(
            f"| {label} | {tape.rows / best / 1e6:.1f} | {tape.rows / core / 1e6:.1f} |"
            f" {count:,} |",
            flush=True,
        )


def main() -> None:
    parser = parser_of(__doc__)
    parser.add_argument("--days", type=int, default=12)
    parser.add_argument("--trades", type=int, default=100_000)
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--speed-rows", type=int, default=4_000_000)
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    if options.days:
        recall(options)
    if options.speed_rows:
        speed(options)


if __name__ == "__main__":
    main()
