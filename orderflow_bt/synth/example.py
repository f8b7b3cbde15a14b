"""A tape to learn on: of your own lake where there is one, else of a simulated market."""

from __future__ import annotations

import datetime as dt
import os
import tempfile
from pathlib import Path

from orderflow_bt.frames import StoredTape
from orderflow_bt.store import Lake
from orderflow_bt.synth.market import SimulatedMarket
from orderflow_bt.synth.stored import store_market
from orderflow_bt.types import DAY_US, TapeId

_START = dt.date(2026, 1, 5)
_TRADES_A_DAY = 60_000
_LEAST_DAYS = 2  # one to warm up, one to look at


def example_tape(*, days: int = 4, placebo: bool = False, seed: int = 7) -> StoredTape:
    """Some days of a tape.

    Args:
        days: How many: the last ones stored, or as many simulated ones.
        placebo: Take a simulated market without any edge, whatever is stored.
        seed: Of the simulated market.

    Returns:
        Stored days of the lake that ``ORDERFLOW_BT_DATA`` names (``data`` if it is not set):
        of the first tape with ``days`` whole days in a row, their last; else the longest such row,
        of two days at least. Without one, a simulated market in a temporary folder.
    """
    named = os.environ.get("ORDERFLOW_BT_DATA", "data")
    if not placebo and ("://" in named or Path(named).is_dir()):
        lake = Lake(named)
        best: tuple[TapeId, list[dt.date]] | None = None
        for tape in lake.tapes():
            row = _whole_days(lake, tape, days)
            if len(row) >= _LEAST_DAYS and (best is None or len(row) > len(best[1])):
                best = tape, row
            if len(row) == days:
                break
        if best is not None:
            return _window(lake, best[0], best[1][0], best[1][-1])
    return _simulated(days, placebo=placebo, seed=seed)


def _whole_days(lake: Lake, tape: TapeId, most: int) -> list[dt.date]:
    """The latest of the longest rows of days without a hole, of at most ``most`` days."""
    best: list[dt.date] = []
    row: list[dt.date] = []
    before = 0  # last id of the day before
    for day in lake.days(tape):
        follows = row and (day.date - row[-1]).days == 1
        joined = not tape.ids_are_continuous or day.first_id == before + 1
        whole = not (day.quality.gaps or day.quality.missing_ids or day.quality.missing_fills)
        row = ([*row, day.date] if follows and joined else [day.date])[-most:] if whole else []
        before = day.last_id
        best = row if len(row) >= len(best) else best
    return best


def _simulated(days: int, *, placebo: bool, seed: int) -> StoredTape:
    folder = Path(tempfile.mkdtemp(prefix="orderflow-bt-"))
    market = SimulatedMarket(
        seed=seed, start=_START, days=days, trades_per_day=_TRADES_A_DAY, placebo=placebo
    )
    lake, tape = store_market(market, folder / "lake")
    return _window(lake, tape, market.dates[0], market.dates[-1])


def _window(lake: Lake, tape: TapeId, first: dt.date, last: dt.date) -> StoredTape:
    start, end = ((date - dt.date(1970, 1, 1)).days * DAY_US for date in (first, last))
    return StoredTape(lake, tape, start, end + DAY_US)
