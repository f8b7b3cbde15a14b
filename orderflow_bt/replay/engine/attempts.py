"""Attempts: what a person did between one going back and the next. None of it is ever changed."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from orderflow_bt.replay.engine.actions import Recorded
    from orderflow_bt.sim import Session
    from orderflow_bt.sim.trips import RoundTrip
    from orderflow_bt.strategy import Fill, Order


class Attempt(NamedTuple):
    """An attempt that was left.

    Attributes:
        number: From 0.
        since: Row at which it began: where one had gone back to; 0 of the first.
        left: Row at which it was left.
        actions: All of its line: what it inherited, then its own.
        orders: As they stood when it was left.
        fills: All of its line.
        trips: Round trips that had ended.
        still_open: The position under way, valued at the last price seen; None when flat.
    """

    number: int
    since: int
    left: int
    actions: list[Recorded]
    orders: list[Order]
    fills: list[Fill]
    trips: list[RoundTrip]
    still_open: RoundTrip | None


def attempt_of(
    session: Session, number: int, since: int, left: int, line: list[Recorded]
) -> Attempt:
    """An attempt as it stands when it is left."""
    return Attempt(
        number, since, left, list(line), list(session.broker.orders), list(session.broker.fills),
        list(session.trips.done), session.still_open(),
    )  # fmt: skip


def taken_by(line: list[Recorded], row: int) -> int:
    """How many actions of a line were taken at or before a row."""
    count = len(line)
    while count and line[count - 1].row > row:
        count -= 1
    return count
