"""Detectors' events as marks on the chart: each with its life as known at the cursor.

A zone that is created, armed and retested is one mark whose state changes; a divergence is a mark
of its own. What links the events of one life is said by the detectors' own details.
"""

from __future__ import annotations

from collections import deque
from dataclasses import fields
from itertools import islice, takewhile
from math import isfinite
from operator import attrgetter
from typing import TYPE_CHECKING, Any, NamedTuple

from orderflow_bt.flow.events import Event

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from orderflow_bt.replay.screen.lens import Lens

MOST = 400  # marks that a page is given
_LIVES = {  # details that are the same in every event of one life
    "imbalance_zones": ("made_at",),
    "absorption": ("since", "row"),
    "poc_retest": ("day",),
}
_BY_AREA = {"imbalance_zones"}  # lives that begin together are told apart by their prices
_ENDED = frozenset({"invalidated", "broken", "expired", "accepted"})
_VALUES = attrgetter(*(field.name for field in fields(Event)))
_POINTS = ("pivot1_time", "pivot1_price", "pivot2_time", "pivot2_price")


class Mark(NamedTuple):
    """What has become of one thing that a detector saw.

    Attributes:
        id: Its number, in the order in which marks became known.
        event: The latest of its events.
        since: When the first was known, microseconds UTC.
        until: When it ended; None while it counts.
        version: Number of the change that made it so.
    """

    id: int
    event: Event
    since: int
    until: int | None
    version: int


class SavedMarks(NamedTuple):
    """Marks as of a moment, as plain values: objects are slow to pickle."""

    marks: list[tuple[Any, ...]]
    gone: list[tuple[int, int]]
    forgotten: int
    version: int
    next_id: int


class MarkBook:
    """Marks as of the cursor: all that still count, and the latest of those that do not.

    Attributes:
        version: How many changes there were.
    """

    def __init__(self) -> None:
        self.version = 0
        # by life or number, in the order of their last change
        self._counting: dict[object, Mark] = {}
        self._over: dict[object, Mark] = {}
        self._gone: deque[tuple[int, int]] = deque()  # (version, id) of marks dropped
        self._forgotten = 0  # version up to which it is not known any more what was dropped
        self._next_id = 0

    def add(self, events: Iterable[Event]) -> None:
        """Events have become known."""
        for event in events:
            self.version += 1
            key = _life(event)
            old = None
            if key is not None:
                old = self._counting.pop(key, None) or self._over.pop(key, None)
            number, since, until = self._next_id, event.known_at, None
            if old is not None:
                number, since, until = old.id, old.since, old.until
            else:
                self._next_id += 1
            if event.state in _ENDED:
                until = event.known_at
            self._put(Mark(number, event, since, until, self.version), key)
            if len(self._counting) + len(self._over) > MOST:
                self._drop()

    def _put(self, mark: Mark, key: object) -> None:
        if key is None or mark.until is not None:
            self._over[mark.id if key is None else key] = mark
        else:
            self._counting[key] = mark

    def _drop(self) -> None:
        """Drop the mark that changed longest ago; ones that still count last."""
        marks = self._over or self._counting
        dropped = marks.pop(next(iter(marks)))
        self._gone.append((self.version, dropped.id))
        if len(self._gone) > 2 * MOST:
            self._forgotten = self._gone.popleft()[0]

    def latest(self, count: int) -> list[int]:
        """Ids of the marks that changed last and still count, oldest change first."""
        return [mark.id for mark in islice(reversed(self._counting.values()), count)][::-1]

    def changed(self, since: int) -> tuple[list[Mark], list[int]] | None:
        """Marks changed after version ``since``, and ids of those dropped; None: too long ago."""
        if 0 < since < self._forgotten:
            return None
        found: list[Mark] = []
        for marks in (self._counting, self._over):
            late = takewhile(lambda mark: mark.version > since, reversed(marks.values()))
            found += late
        found.sort(key=attrgetter("version"))
        return found, [number for version, number in self._gone if version > since]

    def snapshot(self) -> SavedMarks:
        """All of it, to be pickled."""
        marks = sorted([*self._counting.values(), *self._over.values()], key=attrgetter("version"))
        plain = [(*mark[:1], *mark[2:], *_VALUES(mark.event)) for mark in marks]
        return SavedMarks(plain, [*self._gone], self._forgotten, self.version, self._next_id)

    def restore(self, saved: SavedMarks) -> None:
        """Go back to where `snapshot` was taken."""
        marks, gone, self._forgotten, self.version, self._next_id = saved
        self._counting, self._over = {}, {}
        for number, since, until, version, *values in marks:
            event = Event(*values)
            self._put(Mark(number, event, since, until, version), _life(event))
        self._gone = deque(gone)


def _life(event: Event) -> tuple[object, ...] | None:
    """What the events of one life have in common; None where an event stands for itself."""
    names = _LIVES.get(event.detector)
    if names is None:
        return None
    area = (event.price_low, event.price_high) if event.detector in _BY_AREA else ()
    return event.detector, event.kind, *(event.details.get(name) for name in names), *area


def describe(mark: Mark, lens: Lens, row_size: int) -> dict[str, Any]:
    """A mark as the page gets it; ``row_size`` is of the rows on screen, in price units."""
    event = mark.event
    low, high = _edges(event, lens, row_size)
    shown: dict[str, Any] = {
        "id": mark.id,
        "detector": event.detector,
        "kind": event.kind,
        "direction": event.direction,
        "state": event.state,
        "known_at": lens.time(event.known_at),
        "from": lens.time(mark.since),
        "low": lens.price(low),
        "high": lens.price(high),
        "strength": round(event.strength, 3) if isfinite(event.strength) else None,
        "text": text_of(event, lens),
        "invalid": mark.until is not None,
    }
    if mark.until is not None:
        shown["until"] = lens.time(mark.until)
    if event.spans_gap:
        shown["spans_gap"] = True
    if all(name in event.details for name in _POINTS):
        first, start, second, end = (event.details[name] for name in _POINTS)
        shown["points"] = [
            [lens.time(first), lens.price(start)],
            [lens.time(second), lens.price(end)],
        ]
    return shown


def _edges(event: Event, lens: Lens, row_size: int) -> tuple[int, int]:
    """Its lowest and highest price.

    An area of whole rows is moved to the rows that a blind lens shows: its own are counted from
    price 0, and would tell the last digits of the price.
    """
    low, high = event.price_low, event.price_high
    if lens.blind and high > low and low % row_size == 0 == high % row_size:
        moved = (low - lens.origin + row_size // 2) // row_size * row_size + lens.origin
        return moved, moved + high - low
    return low, high


def text_of(event: Event, lens: Lens) -> str:
    """A few words for a mark: what it is, and how much."""
    words = _TEXTS.get(event.detector)
    if words is None:
        return f"{event.detector.replace('_', ' ')}: {event.kind} {event.state}"
    return words(event, lens)


def _qty(event: Event, lens: Lens, name: str = "qty") -> str:
    value = abs(lens.qty(event.details.get(name, 0)))
    for size, letter in ((1e9, "B"), (1e6, "M"), (1e3, "k")):
        if value >= size:
            return f"{value / size:.3g}{letter}"
    return f"{value:.3g}"


def _sides(direction: int) -> tuple[str, str]:
    """Who is behind a move up or down, and who is not."""
    return ("buyers", "sellers") if direction > 0 else ("sellers", "buyers")


def _zone(event: Event, _lens: Lens) -> str:
    side = "buy" if event.direction > 0 else "sell"
    rows = event.details.get("rows", 0)
    what = f"stacked {side} imbalance" if event.kind == "stack" else f"{side} imbalance"
    return f"{what}, {rows} row{'s' * (rows != 1)}: {event.state}"


def _absorption(event: Event, _lens: Lens) -> str:
    return f"{_sides(event.direction)[1]} absorbed: {event.state}"


def _absorption_bar(event: Event, lens: Lens) -> str:
    verb = "absorbed" if event.kind == "absorbed" else "slowed"
    return f"{_sides(event.direction)[1]} {verb}, delta {_qty(event, lens, 'delta')}"


def _divergence(event: Event, _lens: Lens) -> str:
    lean = "bullish" if event.direction > 0 else "bearish"
    return f"{lean} delta divergence" + ("" if event.kind == "regular" else f" ({event.kind})")


def _poc(event: Event, _lens: Lens) -> str:
    return f"POC of a session before: {event.state}"


def _taker(event: Event, lens: Lens) -> str:
    side = "buy" if event.direction > 0 else "sell"
    levels = event.details.get("levels", 0)
    across = f" through {levels} prices" if levels > 1 else ""
    name = "sweep" if event.kind == "sweep" else "cluster" if event.kind == "cluster" else "trade"
    big = "big " if event.kind == "big" else ""
    return f"{big}{side} {name}, {_qty(event, lens)}{across}"


def _iceberg(event: Event, lens: Lens) -> str:
    return f"looks like hidden size: {_qty(event, lens)} of {_sides(event.direction)[1]} held"


def _spike(event: Event, lens: Lens) -> str:
    return f"volume spike, {_qty(event, lens, 'volume')}"


def _speed(event: Event, _lens: Lens) -> str:
    return f"fast tape, {event.details.get('count', 0)} fills"


def _exhaustion(event: Event, _lens: Lens) -> str:
    end = "low" if event.direction > 0 else "high"
    return f"{_sides(event.direction)[1]} dry up at the {end} ({event.kind})"


def _alert(event: Event, _lens: Lens) -> str:
    return f"alert: {event.kind}"


_TEXTS: dict[str, Callable[[Event, Lens], str]] = {
    "imbalance_zones": _zone,
    "absorption": _absorption,
    "absorption_bar": _absorption_bar,
    "delta_divergence": _divergence,
    "poc_retest": _poc,
    "taker_clusters": _taker,
    "big_trades": _taker,
    "iceberg_like": _iceberg,
    "volume_spike": _spike,
    "tape_speed": _speed,
    "exhaustion": _exhaustion,
    "alerts": _alert,
}
