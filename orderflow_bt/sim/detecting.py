"""One detector's events of a piece of tape: of its kernels, or of its hooks and then checked."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from math import isfinite
from numbers import Real
from typing import TYPE_CHECKING, Any

from orderflow_bt.detectors.base import reads
from orderflow_bt.errors import PluginError
from orderflow_bt.flow.batch import NO_BARS
from orderflow_bt.flow.events import NO_EVENTS, Event
from orderflow_bt.sim.guard import guard

if TYPE_CHECKING:
    from collections.abc import Iterator

    import numpy as np
    from numpy.typing import NDArray

    from orderflow_bt.detectors import Detector
    from orderflow_bt.flow import BarBatch
    from orderflow_bt.flow.events import EventWords
    from orderflow_bt.types import Bar, Trades

Pair = tuple[int, int, "Event"]  # row before which it is known, size of its bars or 0, event


def read_one(
    detector: Detector,
    words: EventWords,
    trades: Trades,
    batch: BarBatch | None,
    gaps: NDArray[np.int64],
) -> NDArray[np.int64]:
    """One detector's events, in the order of knowing."""
    if reads(detector, "read"):
        return detector.read(trades, NO_BARS if batch is None else batch, gaps)
    name, pairs = detector.name, list(_hooked(detector, trades, batch))
    if not pairs:
        return NO_EVENTS.rows
    for _, _, event in pairs:
        if event.detector != name:
            raise PluginError(
                f"{name} gave an event of {event.detector!r}", fix="Name its events self.name"
            )
    try:
        return words.pack(pairs)
    except (TypeError, OverflowError) as error:
        raise PluginError(
            f"{name} gave an event with a number that is no integer of 64 bits: {error}",
            fix="Give times, prices, direction and details as int; strength is a float",
        ) from error


def _hooked(detector: Detector, trades: Trades, batch: BarBatch | None) -> Iterator[Pair]:
    """Events of a detector's hooks, trades and bars in turn."""
    on_trades = reads(detector, "on_trades")
    cursor = 0
    if batch is not None:
        assert detector.bars is not None
        size = detector.bars.size
        on_bar, on_footprint = reads(detector, "on_bar"), reads(detector, "on_footprint")
        bars = batch.tolist() if on_bar or on_footprint else []
        for k, (bar, at) in enumerate(zip(bars, batch.at.tolist(), strict=False)):
            if on_trades and at > cursor:
                yield from _traded(detector, trades.slice(cursor, at), cursor)
                cursor = at
            known = bar.close_time
            if on_bar:
                with guard(detector, "on_bar", known):
                    events = _listed(detector.on_bar(bar))
                for event in events:
                    yield at, size, _barred(detector, event, bar)
            if on_footprint:
                with guard(detector, "on_footprint", known):
                    footprint = batch.footprint(k)
                    footprint = replace(footprint, cells=footprint.cells.copy())
                    events = _listed(detector.on_footprint(footprint))
                for event in events:
                    yield at, size, _barred(detector, event, bar)
    if on_trades and cursor < trades.rows:
        rest = trades.slice(cursor, trades.rows) if cursor else trades
        yield from _traded(detector, rest, cursor)


def _barred(detector: Detector, event: Event, bar: Bar) -> Event:
    _check_is_event(detector, event)
    if event.known_at != bar.close_time:
        raise PluginError(
            f"{detector.name} gave an event known at {event.known_at} for a bar known at"
            f" {bar.close_time}",
            fix="known_at is the bar's close_time",
        )
    return event


def _sealed(trades: Trades) -> Trades:
    """A read-only copy: a view would lead to the trades behind the piece."""
    sealed = trades._replace(**{name: getattr(trades, name).copy() for name in trades._fields})
    for column in sealed:
        column.flags.writeable = False
    return sealed


def _check_is_event(detector: Detector, event: object) -> None:
    if not isinstance(event, Event):
        raise PluginError(f"{detector.name} gave {event!r}, which is no Event")
    strength: object = event.strength
    is_number = isinstance(strength, Real) and isfinite(strength)
    if event.direction not in (-1, 0, 1) or not is_number:
        raise PluginError(
            f"{detector.name} gave an event of direction {event.direction!r} and strength"
            f" {event.strength!r}",
            fix="A direction is +1, -1, or 0 for none; a strength is a finite number",
        )


def _listed(given: object) -> list[Any]:
    """What a hook of a detector gave, as a list."""
    if isinstance(given, Iterable):
        return list(given)
    raise PluginError(
        f"it gave {given!r} where events are asked for",
        fix="Yield events, or return a list of them: an empty one where there is nothing",
    )


def _pair(given: Any) -> tuple[int, Event]:
    """What `on_trades` gave for one event."""
    if isinstance(given, tuple) and len(given) == 2:
        return given
    raise PluginError(
        f"it gave {given!r} where a row and its event are asked for", fix="Yield row, event"
    )


def _traded(detector: Detector, trades: Trades, first: int) -> Iterator[Pair]:
    with guard(detector, "on_trades", int(trades.time[0])):
        pairs = [_pair(given) for given in _listed(detector.on_trades(_sealed(trades)))]
    before, rows = 0, trades.rows
    for row, event in pairs:
        _check_is_event(detector, event)
        if not before <= row < rows or event.known_at != int(trades.time[row]):
            raise PluginError(
                f"{detector.name} gave an event of row {row} known at {event.known_at}",
                fix="Give rows of the piece in their order, and known_at the time of that trade",
            )
        before = row
        yield first + row + 1, 0, event
