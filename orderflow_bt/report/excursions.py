"""How far round trips went for and against, and what entries cost beyond their plan."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from typing import Any

    from orderflow_bt.report.folder import Row


def _made(trip: Row, here: float, there: float, unit: Mapping[str, Any]) -> float:
    """Money that the trip's quantity makes when price moves from ``here`` to ``there``."""
    size = trip["side"] * trip["qty"] * 10.0 ** -unit["qty_decimals"]
    if unit["contract_usd"] is None:
        return float(size * (there - here))
    return float(size * float(unit["contract_usd"]) * (1 / here - 1 / there))


def in_r(trip: Row, money: float) -> float | None:
    """Money as a multiple of what the trip's stop put at risk; None without a stop."""
    return money / float(trip["risk"]) if trip["risk"] else None


def excursions(trip: Row, unit: Mapping[str, Any]) -> dict[str, float | None]:
    """``mae_money``, ``mfe_money``, ``mae_r`` and ``mfe_r`` of a round trip."""
    entry = float(trip["entry_price"])
    step = trip["side"] * unit["tick_size"] * 10.0 ** -unit["price_decimals"]
    found: dict[str, float | None] = {}
    for name in ("mae", "mfe"):
        money = _made(trip, entry, entry + step * trip[f"{name}_ticks"], unit)
        found |= {f"{name}_money": money, f"{name}_r": in_r(trip, money)}
    return found


def shortfall(trips: Sequence[Row], unit: Mapping[str, Any]) -> tuple[float, float] | None:
    """What entries cost beyond the prices that were planned: money in all, R a round trip.

    The planned price is a limit's or stop's own, or the last trade's when a market order was sent.
    None where no round trip has a stop, from which the plan is measured.
    """
    lost, multiples = 0.0, []
    for trip in trips:
        if trip["risk"] and trip["stop_price"] is not None:
            stop = trip["stop_price"] * 10.0 ** -unit["price_decimals"]
            beyond = _made(trip, stop, float(trip["entry_price"]), unit) - float(trip["risk"])
            lost += beyond
            multiples.append(beyond / float(trip["risk"]))
    return (lost, sum(multiples) / len(multiples)) if multiples else None
