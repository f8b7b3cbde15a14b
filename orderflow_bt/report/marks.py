"""What was seen and done, as a footprint's picture is told of it."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class EventMark:
    """A detector's event. Prices in price units, time in microseconds UTC."""

    known_at: int
    low: float
    high: float
    direction: int
    text: str


@dataclass(frozen=True, slots=True)
class Marks:
    """One round trip. Prices in price units (averages may be fractions), times in µs UTC.

    Attributes:
        side: +1 long, -1 short.
        entry_time: First entry fill.
        entry: Average entry price.
        exit_time: Last exit fill, or None while open.
        exit: Average exit price, or None while open.
        stop: Price of the protective stop, or None.
        target: Price of the target, or None.
        result: Such as ``+2.00 R``; empty where unknown.
        is_win: Colours the result.
        event: What the entry answered, or None.
    """

    side: int
    entry_time: int
    entry: float
    exit_time: int | None = None
    exit: float | None = None
    stop: float | None = None
    target: float | None = None
    result: str = ""
    is_win: bool = False
    event: EventMark | None = None

    @property
    def prices(self) -> list[float]:
        """Every price that the picture should show if it can."""
        found = [self.entry, self.exit, self.stop, self.target]
        if self.event is not None:
            found += [self.event.low, self.event.high]
        return [price for price in found if price is not None]
