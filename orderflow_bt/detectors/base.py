"""The protocol of a detector: a plugin that reads bars and reports events. It never trades."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, ClassVar

from orderflow_bt.parameters import Parametrised

if TYPE_CHECKING:
    from collections.abc import Iterable

    from orderflow_bt.flow.events import Event
    from orderflow_bt.types import Bar, BarSpec


class Detector(Parametrised, ABC):
    """Turns closed bars into events, in one pass, keeping what state it needs.

    A detector has a parameter ``bars``, the bars it reads, and forgets what is older than its
    `lookback`: where reading begins further back than that must not change what it reports.
    """

    name: ClassVar[str]
    bars: BarSpec

    @property
    @abstractmethod
    def lookback(self) -> int:
        """How much earlier tape it needs before its events can be trusted, in microseconds."""

    @abstractmethod
    def on_bar(self, bar: Bar) -> Iterable[Event]:
        """Read the next closed bar; the events it makes known, ``known_at`` its close."""
