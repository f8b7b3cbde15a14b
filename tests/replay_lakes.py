"""Real lakes of a few random or simulated trades, and what a batch run makes of them."""

from __future__ import annotations

import datetime as dt

import numpy as np

from orderflow_bt.detectors import (
    Absorption,
    BigTrades,
    DeltaDivergence,
    ImbalanceZones,
    VolumeSpike,
)
from orderflow_bt.sim import Readings
from orderflow_bt.store import DayInfo, Gap, Lake, Origin, Quality
from orderflow_bt.synth import SimulatedMarket, store_market
from orderflow_bt.types import DAY_US, Kind, MarketType, TapeId, time_bars

TAPE = TapeId("binance", MarketType.UM, Kind.AGG_TRADES, "ABCUSDT")
DAY = dt.date(2024, 1, 2)
MIDNIGHT = 1_704_153_600_000_000
ONE_MINUTE = time_bars("1m")


def lake_of(root, *days, first=DAY):
    """A lake with the given trades of consecutive days, as (time of day, price, qty, side) rows.

    A trade's id follows the one before it; a row of None loses one.
    """
    lake, number = Lake(root), 1
    for k, rows in enumerate(days):
        midnight = MIDNIGHT + (first - DAY).days * DAY_US + k * DAY_US
        columns = []
        for row in rows:
            number += 1
            if row is not None:
                time, price, qty, side = row
                columns.append((number, price, qty, 3 * number, 3 * number, midnight + time, side))
        _store(lake, np.array(columns, np.int64).T, first + dt.timedelta(days=k))
    return lake


def _store(lake, matrix, date):
    ids = matrix[0]
    holes = np.flatnonzero(np.diff(ids) > 1)
    gaps = tuple(
        Gap(*map(int, (ids[k], ids[k + 1], matrix[5, k], matrix[5, k + 1]))) for k in holes
    )
    lost = int(ids[-1] - ids[0] + 1 - len(ids))
    quality = Quality(
        len(ids), int(ids[0]), int(ids[-1]), gaps=len(gaps), missing_ids=lost, gap_list=gaps
    )
    lake.write_day(
        matrix,
        DayInfo(
            TAPE, date, lake.day_path(TAPE, date), 0, 1, 0, 1, "us",
            int(matrix[5].min()), int(matrix[5].max()),
            Origin("file:///x.zip", "0" * 64, "verified", 7), quality,
        ),
    )  # fmt: skip


def random_day(rng, count, *, begin=0, price=10_000, span=3_600_000_000, lose=0.0):
    """Rows of a day for `lake_of`: bursts, silences, jumps, and trades that are lost."""
    steps = rng.choice([0, 1, 40_000, 900_000, 1_000_000, 30_000_000], count)
    times = begin + np.sort(np.cumsum(steps) % span)
    prices = price + np.cumsum(rng.choice([-12, -1, -1, 0, 0, 0, 1, 1, 12], count))
    qty = rng.integers(1, 60, count) * rng.choice([1, 1, 1, 20], count)
    sides = rng.choice([-1, 1], count)
    rows = list(zip(times.tolist(), prices.tolist(), qty.tolist(), sides.tolist(), strict=True))
    lost = rng.random(count) < lose
    return [None if gone and 0 < k < count - 1 else row
            for k, (row, gone) in enumerate(zip(rows, lost, strict=True))]  # fmt: skip


def demo_lake(root, *, days=2, per_day=20_000, seed=3):
    """A simulated market, downloaded, and its tape."""
    market = SimulatedMarket(seed=seed, start=DAY, days=days, trades_per_day=per_day)
    return store_market(market, root / "lake")


def some_detectors(bars=ONE_MINUTE):
    """One of each kind: of bars, of footprints, of trades."""
    return [
        ImbalanceZones(bars), BigTrades(), DeltaDivergence(bars), VolumeSpike(bars), Absorption(),
    ]  # fmt: skip


def slices_whole(window, bars, detectors):
    """What readings make of a window's days that are fed a piece at a time, as a run feeds them."""
    instrument = window.instrument
    readings = Readings(
        [bars], detectors, ids_are_continuous=True, row_size=instrument.tick_size,
        number_from=window.start, instrument=instrument,
    )  # fmt: skip
    nothing = None
    for cut in window.pieces(0, window.rows, most=1 << 30):
        if cut.first == 0:
            readings.begin_day(cut.day)
        nothing = cut.trades.slice(0, 0)
        yield readings.feed(cut.trades)
    yield readings.close_until(window.end, nothing)


def known_of(slices):
    """Bars with their levels, and events, in order, as plain tuples."""
    bars, events = [], []
    for piece in slices:
        for moment in piece.moments:
            for closed in moment.bars:
                footprint = closed.footprint
                cells = (footprint.row_size, footprint.cells.tolist())
                bars.append((moment.time, str(closed.spec), tuple(closed.bar), cells))
            events += [(moment.time, repr(event)) for event in moment.events]
    return bars, events
