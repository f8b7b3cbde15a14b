"""A run beside what chance would have made of it: `stats.chance` on the run's own trades."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from orderflow_bt.stats import chance
from orderflow_bt.types import MarketType

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from orderflow_bt.run.columns import EquityColumns, TripColumns
    from orderflow_bt.run.folder import RunRecord

_LEAST = 2  # round trips; of one, a coin says nothing


def chance_of(
    record: RunRecord, trips: TripColumns, equity: EquityColumns, lost: NDArray[np.float64]
) -> dict[str, Any]:
    """What random sides, random times and holding would have made; empty for too few round trips.

    Args:
        record: The run.
        trips: Its round trips.
        equity: Its account at bar closes.
        lost: Money lost by slippage in each round trip, by id.
    """
    session, request = record.session, record.request
    closed = ~trips["is_open"]
    marks = _marks(record, equity)
    if np.count_nonzero(closed) < _LEAST or marks is None:
        return {}
    unit = session.instrument
    per_lot = 10.0**-unit.qty_decimals * float(unit.contract_usd or 1)
    slipped = lost[trips["id"][closed]]
    trades = chance.Trades(
        side=trips["side"][closed].astype(np.int8),
        entry=trips["entry_time"][closed],
        exit=trips["exit_time"][closed],
        size=trips["qty"][closed] * per_lot,
        gross=trips["gross_pnl"][closed] + slipped,
        costs=trips["fees"][closed] + slipped,
    )
    found = chance.against_chance(
        trades, marks, start=request.start, end=request.end, seed=request.config.seed
    )
    taker = float(session.config.fees.taker_bps) / 10_000
    held = chance.buy_and_hold(marks, float(session.config.cash), taker)
    return {**found, "buy_and_hold": {"mean": held}}


def _marks(record: RunRecord, equity: EquityColumns) -> chance.Marks | None:
    known = equity.price > 0
    if not known.any():
        return None
    return chance.Marks(
        equity.time[known],
        equity.price[known].astype(np.float64) * 10.0**-record.instrument.price_decimals,
        is_inverse=record.request.tape.market is MarketType.CM,
    )
