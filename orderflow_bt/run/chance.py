"""A run beside what chance would have made of it: `stats.chance` on the run's own trades."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING, Any

import numpy as np

from orderflow_bt.stats import chance
from orderflow_bt.types import MarketType

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from orderflow_bt.run.folder import RunRecord

_LEAST = 2  # round trips; of one, a coin says nothing


def chance_of(record: RunRecord, slippage: Sequence[float]) -> dict[str, Any]:
    """What random sides, random times and holding would have made; empty for too few round trips.

    Args:
        record: The run.
        slippage: Money lost by slippage, of each fill.
    """
    session = record.session
    closed = [trip for trip in record.trips if not trip.is_open]
    marks = _marks(record)
    if len(closed) < _LEAST or marks is None:
        return {}
    lost: Mapping[int, float] = defaultdict(float)
    trip_of_fill = session.broker.fills.columns()["round_trip"].tolist()
    for trip, money in zip(trip_of_fill, slippage, strict=True):
        lost[trip] += money  # type: ignore[index] # a default dictionary
    unit = session.instrument
    per_lot = 10.0**-unit.qty_decimals * float(unit.contract_usd or 1)
    slipped = np.array([lost[trip.id] for trip in closed])
    trades = chance.Trades(
        side=np.array([trip.side for trip in closed], np.int8),
        entry=np.array([trip.entry_time for trip in closed], np.int64),
        exit=np.array([trip.exit_time for trip in closed], np.int64),
        size=np.array([trip.qty * per_lot for trip in closed], np.float64),
        gross=np.array([float(trip.gross_pnl) for trip in closed]) + slipped,
        costs=np.array([float(trip.fees) for trip in closed]) + slipped,
    )
    request = record.request
    found = chance.against_chance(
        trades, marks, start=request.start, end=request.end, seed=request.config.seed
    )
    taker = float(session.config.fees.taker_bps) / 10_000
    held = chance.buy_and_hold(marks, float(session.config.cash), taker)
    return {**found, "buy_and_hold": {"mean": held}}


def _marks(record: RunRecord) -> chance.Marks | None:
    rows = [row for row in record.session.equity if row.price > 0]
    if not rows:
        return None
    unit = record.session.instrument
    return chance.Marks(
        np.array([row.time for row in rows], np.int64),
        np.array([row.price for row in rows], np.float64) * 10.0**-unit.price_decimals,
        is_inverse=record.request.tape.market is MarketType.CM,
    )
