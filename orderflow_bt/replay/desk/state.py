"""The desk's small facts as the page gets them: account, orders, fills and round trips.

Everything goes through the lens. Where it hides the price level, money is left out and results in R
are before fees: fees are a share of the price, and would tell it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from orderflow_bt.kernels.orders import CANCEL_AT, NEVER
from orderflow_bt.replay.practice.trips import excursions_in_r

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from orderflow_bt.instruments import Instrument
    from orderflow_bt.replay.engine.actions import Recorded
    from orderflow_bt.replay.screen.lens import Lens
    from orderflow_bt.sim import Session
    from orderflow_bt.sim.broker import SimBroker
    from orderflow_bt.sim.trips import RoundTrip
    from orderflow_bt.strategy import Fill, Order

Facts = dict[str, Any]


def working(session: Session, lens: Lens) -> list[Facts]:
    """Orders that can still fill; a bracket's entry tells its stop and target too.

    One whose cancel is on its way to the exchange is in the state ``cancel sent``.
    """
    orders, broker = session.broker.working, session.broker
    legs: dict[int, dict[str, float | None]] = {}
    for order in orders:
        if order.parent_id is not None and order.price is not None:
            legs.setdefault(order.parent_id, {})[order.role] = lens.price(order.price)
    return [
        {
            "id": order.id,
            "type": order.kind,
            "role": order.role,
            "side": order.side,
            "qty": lens.qty(order.qty),
            "price": _price(order.price, lens),
            "limit": _price(order.limit_price, lens),
            "trail": None if order.trail is None else order.trail / lens.step,
            "stop": legs.get(order.id, {}).get("stop"),
            "target": legs.get(order.id, {}).get("target"),
            "filled": lens.qty(order.filled_qty),
            "state": "cancel sent" if _is_leaving(broker, order.id) else order.status,
            "parent": order.parent_id,
        }
        for order in orders
    ]


def _is_leaving(broker: SimBroker, order: int) -> bool:
    row = broker.row_of(order)
    return row is not None and int(broker.matrix[row, CANCEL_AT]) < NEVER


def child_of(orders: Sequence[Order], parent: int, role: str) -> int | None:
    """The order of a bracket that is its stop or target."""
    return next((o.id for o in orders if o.parent_id == parent and o.role == role), None)


def filled(fills: Sequence[Fill], lens: Lens) -> list[Facts]:
    """Fills of the attempt, oldest first."""
    return [
        {
            "id": fill.id,
            "order": fill.order_id,
            "time": lens.time(fill.time),
            "price": lens.price(fill.price),
            "qty": lens.qty(fill.qty),
            "side": fill.side,
            "role": fill.role,
            "rule": fill.rule,
        }
        for fill in fills
    ]


def trips_of(session: Session, line: Sequence[Recorded], lens: Lens) -> list[Facts]:
    """Round trips of the attempt, oldest first, the one under way included."""
    under_way = session.still_open()
    trips = [*session.trips.done, *([under_way] if under_way else [])]
    if not trips:
        return []
    entries: dict[int, int] = {}  # first order of each trip
    for fill, trip_id in session.trips.fills:
        entries.setdefault(trip_id, fill.order_id)
    asked = {made.order: made for made in line if made.order is not None}
    return [_trip(trip, asked.get(entries.get(trip.id, -1)), session.instrument, lens)
            for trip in trips]  # fmt: skip


def r_of(trip: RoundTrip, lens: Lens) -> float | None:
    """What a trip made in multiples of its risk; before fees where the lens is blind."""
    if not lens.blind:
        return trip.r_multiple
    return float(trip.gross_pnl / trip.risk) if trip.risk else None


def _trip(trip: RoundTrip, made: Recorded | None, units: Instrument, lens: Lens) -> Facts:
    scale = 10**units.price_decimals
    entry = float(trip.entry_price) * scale
    worst, best = excursions_in_r(trip)
    return {
        "id": trip.id,
        "side": trip.side,
        "qty": lens.qty(trip.qty),
        "entry_time": lens.time(trip.entry_time),
        "exit_time": None if trip.is_open else lens.time(trip.exit_time),
        "entry": _level(entry, lens),
        "exit": None if trip.exit_price is None else _level(float(trip.exit_price) * scale, lens),
        "stop": _price(trip.stop_price, lens),
        "target": _price(trip.target_price, lens),
        "r": _rounded(r_of(trip, lens)),
        "mae_r": _rounded(worst),
        "mfe_r": _rounded(best),
        "exit_role": None if trip.is_open else trip.exit_role,
        "reason": made.action.get("reason", "") if made else "",
        "hindsight": bool(made and made.hindsight),
    }


def account_of(session: Session, lens: Lens) -> Facts:
    """What is held, and what it is worth."""
    position, units = session.market.position, session.instrument
    under_way = session.still_open()
    results = [r for trip in session.trips.done if (r := r_of(trip, lens)) is not None]
    average = position.average_price
    facts: Facts = {
        "position": lens.qty(position.qty),
        "average": None if average is None
        else _level(float(average) * 10**units.price_decimals, lens),
        "open_r": None if under_way is None else _rounded(r_of(under_way, lens)),
        "realized_r": _rounded(sum(results)),
        "unit": "R" if lens.blind else units.currency,
    }  # fmt: skip
    if not lens.blind:
        account = session.account
        facts["equity"] = round(float(account.equity(session.last_price)), 8)
        facts["cash"] = round(float(account.settled), 8)
    return facts


def account_facts(units: Instrument, lens: Lens) -> Facts:
    """What stays as it is: the currency, and what a unit of price is worth a unit of volume."""
    if lens.blind:
        return {"unit": "R"}
    facts: Facts = {"unit": units.currency}
    if not units.is_inverse:
        facts["point"] = lens.step * lens.unit / 10 ** (units.price_decimals + units.qty_decimals)
    return facts


def strategies_of(
    names: Sequence[str], watched: Mapping[str, Session], failed: Mapping[str, Any], lens: Lens
) -> list[Facts]:
    """Each strategy, whether it runs beside, and what it made in R."""
    found = []
    for name in names:
        facts: Facts = {"name": name, "on": name in watched}
        if name in watched:
            trips = watched[name].trips.done
            results = [r for trip in trips if (r := r_of(trip, lens)) is not None]
            facts |= {"r": _rounded(sum(results)), "trips": len(trips)}
        if name in failed:
            # what a plugin says names the market's time
            facts["failed"] = "told after the reveal" if lens.blind else failed[name].what
        found.append(facts)
    return found


def _price(units: int | None, lens: Lens) -> float | None:
    return None if units is None else lens.price(units)


def _level(units: float, lens: Lens) -> float:
    """An average, which lies between prices."""
    return round((units - lens.origin) / lens.step, 4)


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, 4)
