"""A simulated market in a lake, and a desk over it: what replay tests and the page's makers share.

``python tests/practice_market.py [--port N] [--blind] [--bars 1m] [--hour H]`` serves the real page
over it and prints the address; Ctrl-C ends it.
"""

from __future__ import annotations

import argparse
import datetime as dt
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from orderflow_bt.replay.desk.opening import Plan, open_desk
from orderflow_bt.replay.desk.server import PracticeServer
from orderflow_bt.replay.practice.blind import draw_start
from orderflow_bt.sim import SimConfig
from orderflow_bt.store.lake import SIMULATED
from orderflow_bt.synth import SimulatedMarket, store_market
from orderflow_bt.types import DAY_US, HOUR_US, BarSpec, TapeId

if TYPE_CHECKING:
    from orderflow_bt.store import Lake

START = dt.date(2026, 1, 5)
START_US = (START - dt.date(1970, 1, 1)).days * DAY_US


def practice_days(*, days=1, trades_per_day=20_000, seed=7) -> SimulatedMarket:
    """The days that are practised on."""
    return SimulatedMarket(seed=seed, start=START, days=days, trades_per_day=trades_per_day)


def practice_lake(folder: Path, **days) -> tuple[Lake, TapeId]:
    """A lake of the `practice_days`, and their tape."""
    (folder / "data").mkdir(parents=True, exist_ok=True)
    (folder / "data" / SIMULATED).write_text("Patterns of order flow are planted in it.")
    return store_market(practice_days(**days), folder / "data")


def plan_of(tape: TapeId, *, hours=(8.0, 24.0), bars="1m", **more) -> Plan:
    """A practice on the first day, between two hours."""
    start, end = (START_US + round(hour * HOUR_US) for hour in hours)
    return Plan(tape, start, end, BarSpec.parse(bars), SimConfig.for_market(tape.market), **more)


def blind_plan(lake: Lake, *, seed=3, bars="1m") -> Plan:
    """A practice on a start that was drawn."""
    start = draw_start(lake, seed)
    config = SimConfig.for_market(start.tape.market)
    return Plan(start.tape, start.start, start.end, BarSpec.parse(bars), config, blind=start)


def main() -> None:
    options = argparse.ArgumentParser()
    options.add_argument("--port", type=int, default=0)
    options.add_argument("--blind", action="store_true")
    options.add_argument("--bars", default="1m")
    options.add_argument("--hour", type=float, default=8.0)
    options.add_argument("--trades", type=int, default=200_000)
    given = options.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        lake, tape = practice_lake(folder, trades_per_day=given.trades)
        plan = plan_of(tape, hours=(given.hour, 24.0), bars=given.bars)
        if given.blind:
            plan = blind_plan(lake, bars=given.bars)
        desk = open_desk(lake, plan, folder / "practice")
        server = PracticeServer(desk, port=given.port)
        try:
            server.run(lambda: print(server.address, flush=True))
        except KeyboardInterrupt:
            pass
        finally:
            desk.close()


if __name__ == "__main__":
    main()
