"""A strategy under other latencies, and begun later: what `run --grid` lives through besides."""

from __future__ import annotations

from array import array
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from orderflow_bt.sim.latency import MILLISECOND_US
from orderflow_bt.stats.parts import Results, expectancy_of
from orderflow_bt.types import DAY_US, HOUR_US

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from orderflow_bt.run.columns import TripColumns
    from orderflow_bt.run.request import Request
    from orderflow_bt.sim import Session, SimConfig

LATENCIES_MS = (0, 50, 100, 250, 500, 1000)
LATER_US = (HOUR_US, 6 * HOUR_US, DAY_US)
_LARGEST_CUT = 4  # a later start leaves out no more than one part in so many of the window


@dataclass(frozen=True, slots=True)
class Condition:
    """What one more session of a run lives under.

    Attributes:
        kind: ``latency`` or ``later``.
        size: Milliseconds of every leg, or microseconds by which it begins later.
        config: Assumptions.
        start: First moment at which orders are enabled, microseconds UTC.
    """

    kind: str
    size: int
    config: SimConfig
    start: int


def conditions_of(request: Request) -> list[Condition]:
    """Six latencies of every leg, and later starts that leave most of the window."""
    config, window = request.config, request.end - request.start
    found = [
        Condition("latency", ms, _delayed(config, ms * MILLISECOND_US), request.start)
        for ms in LATENCIES_MS
    ]
    found += [
        Condition("later", by, config, request.start + by)
        for by in LATER_US
        if by * _LARGEST_CUT <= window
    ]
    return found


def _delayed(config: SimConfig, delay: int) -> SimConfig:
    return replace(config, latency_sample=None, latency_table=None).with_latency(delay)


def grid_of(
    sessions: Sequence[tuple[Condition, Session]], main: Session, trips: TripColumns, seed: int
) -> dict[str, list[dict[str, Any]]]:
    """What each condition led to, ready for ``metrics.json``; empty where none was asked for.

    Args:
        sessions: One of each condition, at its end.
        main: The run's own.
        trips: The run's round trips.
        seed: Of the intervals.
    """
    grid: dict[str, list[dict[str, Any]]] = {}
    closed = ~trips["is_open"]
    net, entry = trips["net_pnl"][closed], trips["entry_time"][closed]
    for condition, session in sessions:
        row: dict[str, Any] = (
            {"us": condition.size} if condition.kind == "later" else {"ms": condition.size}
        )
        row |= _made(session, seed)
        if condition.kind == "later":  # the run itself, from then on
            row["same_net"] = float(net[entry >= condition.start].sum())
        else:
            row["is_run"] = condition.config == main.config
        grid.setdefault(condition.kind, []).append(row)
    return grid


def _made(session: Session, seed: int) -> dict[str, Any]:
    """Closed round trips of a session: how many, their net money, and that of one with interval."""
    net = _nets(session.trips.since(0))
    none = np.full(net.size, np.nan)
    found = expectancy_of(Results(net, none, np.zeros(net.size, np.int64)), seed=seed)
    return {
        "round_trips": int(net.size),
        "net_pnl": float(net.sum()),
        "fills": len(session.broker.fills),
        "expectancy": found["expectancy"],
        "expectancy_interval": found["expectancy_interval"],
    }


def _nets(trips: Iterable[Any]) -> np.ndarray[Any, np.dtype[np.float64]]:
    return np.array(array("d", (float(trip.net_pnl) for trip in trips)), np.float64)
