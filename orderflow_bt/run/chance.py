"""A run beside what chance would have made of it: `stats.chance` on the run's own trades."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from orderflow_bt.stats import chance
from orderflow_bt.types import MarketType

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from orderflow_bt.run.columns import EquityColumns, TripColumns
    from orderflow_bt.run.record import RunRecord

_LEAST = 2  # round trips; of one, a coin says nothing


class Joint(NamedTuple):
    """A symbol's share in what chance makes of a portfolio.

    Attributes:
        net: Money of its closed round trips before funding.
        round_trips: How many they are.
        draws: float64 [draws] by null, as `stats.chance.by_day` gives them.
        held: Money of the starting cash held in it over the window.
    """

    net: float
    round_trips: int
    draws: dict[str, NDArray[np.float64]]
    held: float


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
    request, marks = record.request, _marks(record, equity)
    trades = _trades(record, trips, lost)
    if trades.entry.size < _LEAST or marks is None:
        return {}
    found = chance.against_chance(
        trades, marks, start=request.start, end=request.end, seed=request.config.seed
    )
    return {**found, "buy_and_hold": {"mean": _held(record, marks)}}


def joint_of(
    record: RunRecord, trips: TripColumns, equity: EquityColumns, lost: NDArray[np.float64]
) -> Joint | None:
    """What chance makes of a symbol's round trips, to be added to that of others.

    Args:
        record: The run of a symbol.
        trips: Its round trips.
        equity: Its account at bar closes.
        lost: Money lost by slippage in each round trip, by id.
    """
    request, marks = record.request, _marks(record, equity)
    trades = _trades(record, trips, lost)
    if marks is None:
        return None
    if not trades.entry.size:
        return Joint(0.0, 0, {}, _held(record, marks))
    drawn = chance.by_day(
        trades, marks, start=request.start, end=request.end, seed=request.config.seed
    )
    net = float((trades.gross - trades.costs).sum())
    return Joint(net, trades.entry.size, drawn, _held(record, marks))


def chance_together(joint: Sequence[Joint]) -> dict[str, Any]:
    """What chance makes of a portfolio: draws of all symbols added up; empty for too few.

    Args:
        joint: Of each symbol that has prices.
    """
    traded = [one for one in joint if one.round_trips]
    if sum(one.round_trips for one in traded) < _LEAST:
        return {}
    net = sum(one.net for one in traded)
    found: dict[str, Any] = {
        name: chance.summary(np.sum([one.draws[name] for one in traded], axis=0), net)
        for name in traded[0].draws
    }
    return {**found, "net": net, "buy_and_hold": {"mean": sum(o.held for o in joint) / len(joint)}}


def _held(record: RunRecord, marks: chance.Marks) -> float:
    config = record.session.config
    return chance.buy_and_hold(marks, float(config.cash), float(config.fees.taker_bps) / 10_000)


def _trades(record: RunRecord, trips: TripColumns, lost: NDArray[np.float64]) -> chance.Trades:
    closed, unit = ~trips["is_open"], record.session.instrument
    per_lot = 10.0**-unit.qty_decimals * float(unit.contract_usd or 1)
    slipped = lost[trips["id"][closed]]
    return chance.Trades(
        side=trips["side"][closed].astype(np.int8),
        entry=trips["entry_time"][closed],
        exit=trips["exit_time"][closed],
        size=trips["qty"][closed] * per_lot,
        gross=trips["gross_pnl"][closed] + slipped,
        costs=trips["fees"][closed] + slipped,
    )


def _marks(record: RunRecord, equity: EquityColumns) -> chance.Marks | None:
    known = equity.price > 0
    if not known.any():
        return None
    return chance.Marks(
        equity.time[known],
        equity.price[known].astype(np.float64) * 10.0**-record.instrument.price_decimals,
        is_inverse=record.request.tape.market is MarketType.CM,
    )
