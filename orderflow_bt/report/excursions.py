"""How far round trips went for and against, and what entries cost beyond their plan."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

    from orderflow_bt.report.folder import Row, Rows


def _made(trip: Row, here: float, there: float, unit: Mapping[str, Any]) -> float:
    """Money that the trip's quantity makes when price moves from ``here`` to ``there``."""
    size = trip["side"] * trip["qty"] * 10.0 ** -unit["qty_decimals"]
    if unit["contract_usd"] is None:
        return float(size * (there - here))
    return float(size * float(unit["contract_usd"]) * (1 / here - 1 / there))


def in_r(trip: Row, money: float | None) -> float | None:
    """Money as a multiple of what the trip's stop put at risk; None without a stop."""
    return money / float(trip["risk"]) if trip["risk"] and money is not None else None


def excursions(trip: Row, unit: Mapping[str, Any]) -> dict[str, float | None]:
    """``mae_money``, ``mfe_money``, ``mae_r`` and ``mfe_r`` of a round trip.

    A run folder of an earlier version holds no money: then the ticks are of the average entry.
    """
    entry = float(trip["entry_price"])
    step = trip["side"] * unit["tick_size"] * 10.0 ** -unit["price_decimals"]
    found: dict[str, float | None] = {}
    for name in ("mae", "mfe"):
        if f"{name}_money" in trip:
            kept = trip[f"{name}_money"]
            money = None if kept is None else float(kept)
        else:
            money = _made(trip, entry, entry + step * trip[f"{name}_ticks"], unit)
        found |= {f"{name}_money": money, f"{name}_r": in_r(trip, money)}
    return found


def shortfall(trips: Rows, unit: Mapping[str, Any]) -> tuple[float, float] | None:
    """What entries cost beyond the prices that were planned: money in all, R a round trip.

    The planned price is a limit's or stop's own, or the last trade's when a market order was sent.
    None where no round trip has a stop, from which the plan is measured.
    """
    names = ("risk", "stop_price", "entry_price", "side", "qty")
    risk, stop, entry, side, lots = (trips.floats(name) for name in names)
    known = (risk > 0) & np.isfinite(stop)
    if not known.any():
        return None
    planned = stop[known] * 10.0 ** -unit["price_decimals"]
    size = (side * lots)[known] * 10.0 ** -unit["qty_decimals"]
    if unit["contract_usd"] is None:
        met = size * (entry[known] - planned)
    else:
        met = size * float(unit["contract_usd"]) * (1 / planned - 1 / entry[known])
    beyond = met - risk[known]
    return float(beyond.sum()), float((beyond / risk[known]).mean())
