"""A person's round trips as a journal keeps them, and a journal done again on a player."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from orderflow_bt.errors import OrderflowError

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from orderflow_bt.replay.engine.actions import Recorded
    from orderflow_bt.replay.engine.player import Player
    from orderflow_bt.replay.practice.chain import Entry
    from orderflow_bt.replay.practice.journal import Journal
    from orderflow_bt.sim import Session
    from orderflow_bt.sim.trips import RoundTrip
    from orderflow_bt.strategy import Fill

# Kinds of lines that say where the person stood when they were written.
_WRITTEN_WHERE_ONE_STANDS = frozenset({"action", "ask", "answer", "fill", "leave", "note"})
_OF_FILL = ("price", "qty", "trade_id")


def write_trips(journal: Journal, player: Player) -> list[Entry]:
    """Write the round trips that ended and are not in the journal yet, over all attempts.

    Call it after each advance in which something was filled.

    Returns:
        The new entries.
    """
    known = {entry["key"] for entry in journal.entries if entry["kind"] == "trip"}
    row, time, attempt = player.row, player.now, player.attempt
    return [
        journal.write("trip", row=row, time=time, attempt=attempt, **facts)
        for facts in trips_of(player.session, player.line)
        if facts["key"] not in known
    ]


def trips_of(session: Session, line: Sequence[Recorded]) -> list[dict[str, Any]]:
    """The round trips of a session that ended, ready for JSON.

    Args:
        session: A person's, or a strategy's.
        line: What the person did in it.
    """
    acted = {made.order: made for made in line if made.order is not None}
    fills = [fill for fill, _ in session.trips.fills]
    of_trip: dict[int, list[Fill]] = {}
    for fill, number in session.trips.fills:
        of_trip.setdefault(number, []).append(fill)
    found = []
    for trip in session.trips.done:
        own = of_trip.get(trip.id, [])
        opening = _opening(trip, fills)
        made = None
        if opening is not None:
            order = session.broker.orders[opening.order_id]
            made = acted.get(order.id)
            if made is None and order.parent_id is not None:
                made = acted.get(order.parent_id)
        found.append(
            trip_facts(trip, own)
            | {
                "key": _key(trip, own),
                "reason": str(made.action.get("reason", "")) if made else "",
                "hindsight": bool(made.hindsight) if made else False,
                "entry_row": made.row if made else None,
            }
        )
    return found


def trip_facts(trip: RoundTrip, fills: Sequence[Fill]) -> dict[str, Any]:
    """A round trip ready for JSON: prices as texts, excursions in ticks and in R.

    Args:
        trip: Ended.
        fills: Its fills.
    """
    worst, best = excursions_in_r(trip)
    takers = [fill.slippage_ticks for fill in fills if fill.liquidity == "taker"]
    return {
        "side": trip.side,
        "qty": trip.qty,
        "entry_time": trip.entry_time,
        "exit_time": trip.exit_time,
        "entry": str(trip.entry_price),
        "exit": str(trip.exit_price),
        "stop": trip.stop_price,
        "target": trip.target_price,
        "r": None if trip.r_multiple is None else round(trip.r_multiple, 6),
        "gross_r": round(float(trip.gross_pnl / trip.risk), 6) if trip.risk else None,
        "mae_ticks": trip.mae_ticks,
        "mfe_ticks": trip.mfe_ticks,
        "mae_r": None if worst is None else round(worst, 4),
        "mfe_r": None if best is None else round(best, 4),
        "net": str(trip.net_pnl),
        "gross": str(trip.gross_pnl),
        "fees": str(trip.fees),
        "risk": None if trip.risk is None else str(trip.risk),
        "slippage_ticks": sum(takers) / len(takers) if takers else 0.0,
        "exit_role": trip.exit_role,
        "spans_gap": trip.spans_gap,
    }


def excursions_in_r(trip: RoundTrip) -> tuple[float | None, float | None]:
    """The worst and the best of a round trip in multiples of its risk; None where it has none."""
    worst, best = (
        float(money / trip.risk) if trip.risk and money is not None else None
        for money in (trip.mae_money, trip.mfe_money)
    )
    return worst, best


def follow(entries: Iterable[Entry], player: Player) -> None:
    """Do again what a journal holds: the same actions at the same rows, going back as then.

    Args:
        entries: Of the journal, in order.
        player: A new one on the same window, with the same assumptions.

    Raises:
        OrderflowError: An action does not give the order that it gave then, or the tape is not the
            one that the journal was written on.
    """
    for entry in entries:
        if "row" not in entry:
            continue
        if entry["row"] > player.row:
            player.seek(entry["row"])
        _refuse_other_tape(entry, player)
        if entry["kind"] == "seek":
            player.seek(entry["to"])
        elif entry["kind"] == "action":
            order = player.act(entry["action"])
            if order != entry.get("order"):
                raise OrderflowError(
                    f"line {entry['n'] + 1} of the journal gave order {entry.get('order')}, now"
                    f" {order}",
                    fix="The journal belongs to another window, or to other assumptions",
                )


def _refuse_other_tape(entry: Entry, player: Player) -> None:
    """See that the clock and a fill are what they were; behind the last trade the clock goes on."""
    if entry["kind"] not in _WRITTEN_WHERE_ONE_STANDS or entry["row"] != player.row:
        return
    fills = player.session.broker.fills
    number = entry.get("fill")
    filled = fills[number] if number is not None and number < len(fills) else None
    if (not player.at_end and entry.get("time", player.now) != player.now) or (
        filled is not None and any(entry.get(name) != getattr(filled, name) for name in _OF_FILL)
    ):
        raise OrderflowError(
            f"line {entry['n'] + 1} of the journal was written on another tape: the lake's days"
            " have changed since",
            fix="Bring back the days that were practised on, or begin another practice;"
            " orderflow-bt practice shows what the journal holds",
        )


def _opening(trip: RoundTrip, fills: Iterable[Fill]) -> Fill | None:
    """The fill that began it; a reversal's is booked with the round trip that it closed."""
    times = (trip.entry_time, trip.side)
    return next((fill for fill in fills if (fill.time, fill.side) == times), None)


def _key(trip: RoundTrip, fills: Sequence[Fill]) -> str:
    """The same for the same round trip in a later attempt, whatever came after it."""
    parts = [(fill.order_id, fill.trade_id, fill.price, fill.qty) for fill in fills]
    return f"{trip.side} {trip.entry_time} {trip.exit_time} {trip.qty} {parts}"
