"""Runs detectors over a piece of tape and its closed bars; gives events in the order of knowing."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple, Protocol

from orderflow_bt.detectors.base import reads
from orderflow_bt.errors import PluginError
from orderflow_bt.sim.guard import guard

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from orderflow_bt.detectors import Detector
    from orderflow_bt.flow import Footprint
    from orderflow_bt.flow.events import Event
    from orderflow_bt.types import Bar, BarSpec, Trades


class Reading(Protocol):
    """A closed bar with its footprint at hand."""

    @property
    def bar(self) -> Bar:
        """The bar."""

    @property
    def footprint(self) -> Footprint:
        """Its footprint, made when asked for."""


class Closed(NamedTuple):
    """A bar that closed: when it is known, before which trade of the piece, and what it is."""

    time: int
    at: int
    spec: BarSpec
    reading: Reading


class Seen(NamedTuple):
    """An event, known at ``time`` before trade ``at`` of the piece; ``size`` of its bars, or 0."""

    time: int
    at: int
    event: Event
    size: int


class Watch:
    """Feeds detectors bars and trades in turn, as each becomes known.

    Args:
        detectors: Each reads the bars of its own ``bars``, and trades.
        tick: The exchange's price step, in price units.
        number_from: Events known earlier belong to the warm-up and get no number.
    """

    def __init__(self, detectors: Sequence[Detector], *, tick: int, number_from: int = 0) -> None:
        self._number_from = number_from
        self._count = 0
        self._detectors = [
            (d, reads(d, "on_bar"), reads(d, "on_footprint"), reads(d, "on_trades"))
            for d in detectors
        ]
        for detector in detectors:
            detector.begin(tick)

    def read(self, trades: Trades, closed: Sequence[Closed]) -> list[Seen]:
        """What becomes known in a piece of tape; ``closed`` stand in the order of knowing."""
        found: list[Seen] = []
        for detector, *hooks in self._detectors:
            found += _of_one(detector, hooks, trades, closed)
        if len(self._detectors) > 1:  # each one's own are in order already; sorting is stable
            found.sort(key=_rank)
        return [self._numbered(seen) for seen in found]

    def _numbered(self, seen: Seen) -> Seen:
        if seen.time < self._number_from:
            return seen
        self._count += 1
        return Seen(seen.time, seen.at, seen.event.numbered(self._count - 1), seen.size)


def _rank(seen: Seen) -> int:
    """Order of knowing as one number (a tuple an event would keep the collector busy)."""
    return (seen.at << 112) + (seen.time << 48) + seen.size


def _of_one(
    detector: Detector, hooks: Sequence[bool], trades: Trades, closed: Sequence[Closed]
) -> Iterable[Seen]:
    """One detector's events, in the order of knowing."""
    on_bar, on_footprint, on_trades = hooks
    cursor = 0
    if detector.bars is not None:
        for item in closed:
            if item.spec != detector.bars:
                continue
            if on_trades and item.at > cursor:
                yield from _traded(detector, trades.slice(cursor, item.at), cursor)
                cursor = item.at
            if on_bar:
                with guard(detector, "on_bar", item.time):
                    events = list(detector.on_bar(item.reading.bar))
                yield from _barred(detector, events, item)
            if on_footprint:
                with guard(detector, "on_footprint", item.time):
                    events = list(detector.on_footprint(item.reading.footprint))
                yield from _barred(detector, events, item)
    if on_trades and cursor < trades.rows:
        rest = trades.slice(cursor, trades.rows) if cursor else trades
        yield from _traded(detector, rest, cursor)


def _barred(detector: Detector, events: list[Event], item: Closed) -> Iterable[Seen]:
    for event in events:
        if event.known_at != item.time:
            raise PluginError(
                f"{detector.name} gave an event known at {event.known_at} for a bar known at"
                f" {item.time}",
                fix="known_at is the bar's close_time",
            )
        yield Seen(item.time, item.at, event, item.spec.size)


def _traded(detector: Detector, trades: Trades, first: int) -> Iterable[Seen]:
    with guard(detector, "on_trades", int(trades.time[0])):
        pairs = list(detector.on_trades(trades))
    before, rows = 0, trades.rows
    for row, event in pairs:
        if not before <= row < rows or event.known_at != int(trades.time[row]):
            raise PluginError(
                f"{detector.name} gave an event of row {row} known at {event.known_at}",
                fix="Give rows of the piece in their order, and known_at the time of that trade",
            )
        before = row
        yield Seen(event.known_at, first + row + 1, event, 0)
