"""The tapes that the pictures of the readings are drawn from."""

from __future__ import annotations

import numpy as np

from orderflow_bt.flow import BarStream, Footprint
from orderflow_bt.instruments import Instrument
from orderflow_bt.testing import Tape
from orderflow_bt.types import BarSpec, MarketType, Trades

EXAMPLE = {104: (0, 12), 103: (2, 30), 102: (4, 24), 101: (6, 18), 100: (20, 1)}
NO_UNIT = Instrument("x", MarketType.UM, "X", 0, 0)
HOLE = {104: (0, 30), 103: (0, 0), 102: (9, 40), 101: (0, 15), 100: (0, 5)}


def tape_of(cells: dict[int, tuple[int, int]]) -> Trades:
    """A tape of one bar that prints a table of row: (bid, ask)."""
    words = []
    for row, (bid, ask) in cells.items():
        words += [f"S {row} {bid}"] * (bid > 0) + [f"B {row} {ask}"] * (ask > 0)
    return Tape(" | ".join(words)).trades


def footprints_of(trades: Trades, spec: BarSpec) -> list[Footprint]:
    """The closed bars of a tape."""
    stream = BarStream(spec, ids_are_continuous=True)
    end = int(trades.time[-1]) // spec.size * spec.size + spec.size
    batches = [stream.feed(trades), stream.close_until(end)]
    return [batch.footprint(k) for batch in batches for k in range(len(batch))]


def random_tape(seed: int, rows: int, step_us: int) -> Trades:
    """A wandering price whose trades lean the way it goes."""
    rng = np.random.default_rng(seed)
    drift = np.repeat(rng.choice([-1, 1], rows // 40 + 1), 40)[:rows]
    steps = np.where(rng.random(rows) < 0.18, np.where(rng.random(rows) < 0.72, drift, -drift), 0)
    side = np.where(rng.random(rows) < 0.62, drift, -drift).astype(np.int8)
    start = 1_704_103_200_000_000
    return Trades(
        np.arange(rows), start + np.arange(rows) * step_us, 6000 + np.cumsum(steps),
        rng.integers(1, 12, rows), side, np.ones(rows, np.int32),
    )  # fmt: skip
