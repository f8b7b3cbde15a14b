"""A comparison with strategies in words and rows, for terminal and page."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from orderflow_bt.replay.practice.compare import PERSON
from orderflow_bt.replay.practice.review import stamp
from orderflow_bt.stats.verdict import count

if TYPE_CHECKING:
    from orderflow_bt.replay.practice.review import Practice

HEADER = ("who", "trips", "R each", "95 % between", "net", "fees", "shared entries")
SHOWN = 20  # round trips of a strategy that are listed


def party_rows(found: dict[str, Any]) -> list[tuple[str, ...]]:
    """A row of `HEADER` for the person and for each strategy.

    Args:
        found: By `replay.compare.compare`.
    """
    rows: list[tuple[str, ...]] = []
    for name, party in found["parties"].items():
        scores = party["scores"]
        interval = scores["expectancy_interval"]
        rows.append(
            (
                name,
                str(scores["round_trips"]),
                signed(scores["expectancy_r"]),
                "" if interval is None else f"{signed(interval[0])} to {signed(interval[1])}",
                signed(party["net"]),
                f"{party['fees']:,.2f}",
                "" if name == PERSON else str(found["shared"][name]),
            )
        )
    return rows


def missed_rows(found: dict[str, Any], practice: Practice) -> dict[str, list[tuple[str, ...]]]:
    """What each strategy took and the person did not: time, side, R, command that opens it."""
    return {
        name: [
            (
                stamp(trip["entry_time"]),
                "long" if trip["side"] > 0 else "short",
                f"{signed(trip['r'])} R" if trip["r"] is not None else "",
                practice.opens(trip["entry_time"]),
            )
            for trip in trips[:SHOWN]
        ]
        for name, trips in found["missed"].items()
        if trips
    }


def notes(found: dict[str, Any]) -> list[str]:
    """What is to be said of it: too few to judge, and what chance makes."""
    told = []
    if not found["enough"]:
        own = found["parties"][PERSON]["scores"]["round_trips"]
        told.append(f"Too few to judge: {count(own, 'round trip')} of yours.")
    if found["chance"]:
        net, drawn = found["chance"]["net"], found["chance"]["random_time"]
        told.append(
            "Your sides, sizes, holding times and costs from random moments make"
            f" {signed(drawn['low'])} to {signed(drawn['high'])} in 95 of 100 tries."
            f" Yours made {signed(net)}; {100 * drawn['p_value']:.0f} % of tries did as well."
        )
    return told


def signed(value: float | None) -> str:
    """``+1,204.50``, with a true minus; nothing where there is no number."""
    if value is None:
        return ""
    return f"{value:+,.2f}".replace("-", "\u2212") if round(value, 2) else "0.00"
