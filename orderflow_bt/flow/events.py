"""What a detector saw, and when it could first be known."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping


@dataclass(frozen=True, slots=True)
class Event:
    """One observation of a detector.

    Attributes:
        known_at: Microseconds UTC; nothing the event says needs data after it.
        detector: The detector's name.
        kind: What was seen, such as ``regular``.
        direction: What it implies for price: +1 up, -1 down.
        state: Stage of its life, such as ``confirmed``.
        price: The price it is about, in price units.
        price_low: Lower edge of the area it is about.
        price_high: Upper edge.
        strength: How far beyond its threshold, 1 being just at it.
        spans_gap: Whether trades are missing in what it was read from.
        details: Further integers, named by the detector's documentation.
        id: Its number in the run, given by the session.
    """

    known_at: int
    detector: str
    kind: str
    direction: int
    state: str
    price: int
    price_low: int
    price_high: int
    strength: float
    spans_gap: bool = False
    details: Mapping[str, int] = field(default_factory=dict)
    id: int = -1

    def numbered(self, number: int) -> Event:
        """The same event with its number in the run."""
        return Event(
            self.known_at, self.detector, self.kind, self.direction, self.state, self.price,
            self.price_low, self.price_high, self.strength, self.spans_gap, self.details, number,
        )  # fmt: skip
