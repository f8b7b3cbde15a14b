"""Events of stored days in the cache: a detector whose days are all kept need not read them."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from orderflow_bt.detectors.base import is_shipped
from orderflow_bt.flow.events import AT, NO_EVENTS, stack
from orderflow_bt.flow.kept import (
    SHELF,
    DayInput,
    KeptBars,
    Recording,
    Served,
    bars_made_of,
    can_keep,
    chain,
    code_hash,
    units_text,
)
from orderflow_bt.store.cache import KeepLater

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Sequence

    import numpy as np
    from numpy.typing import NDArray

    from orderflow_bt.detectors import Detector
    from orderflow_bt.flow.bars import BarStream
    from orderflow_bt.flow.events import EventWords
    from orderflow_bt.instruments import Instrument
    from orderflow_bt.store import Cache, DayInfo, Lake


class FlowCache:
    """The readings of one run over stored days, as far as they can be kept.

    Args:
        stored: Where they are kept.
        days: The days that are read, in order.
        end: Where reading ends, microseconds UTC.
        instrument: Units of the tape.
    """

    def __init__(
        self,
        stored: Cache,
        days: Sequence[DayInfo],
        end: int,
        instrument: Instrument,
    ) -> None:
        self._cache = stored
        self._later = KeepLater()
        self._end = end
        self._inputs = {
            day.date: DayInput(day, end) for day in days if day.rows and day.first_time < end
        }
        self._unit = instrument

    @classmethod
    def of(
        cls, lake: Lake, days: Sequence[DayInfo], end: int, instrument: Instrument
    ) -> FlowCache | None:
        """The lake's, if it has a cache."""
        return None if lake.cache is None else cls(lake.cache, days, end, instrument)

    def close(self) -> None:
        """Wait until all is kept."""
        self._later.close()

    def day(self, date: dt.date) -> DayInput:
        """A day as it is about to be read."""
        return self._inputs[date]

    def bars(self, stream: BarStream, *, continuous: bool) -> BarStream | KeptBars:
        """A stream with cells that keeps its days, if it can."""
        if not can_keep(stream.spec):
            return stream
        made_of = bars_made_of(stream, self._unit, continuous=continuous, keep_cells=True)
        return KeptBars(stream, self._cache, self._later, made_of)

    def events(self, detector: Detector, options: str) -> KeptEvents | None:
        """What keeps a detector's events; None for one whose code this program does not know."""
        if (
            not is_shipped(detector)
            or not detector.follows_from_tape
            or (detector.bars is not None and not can_keep(detector.bars))
        ):
            return None
        parameters = json.dumps(detector.parameters(), sort_keys=True)
        common = f"{code_hash()} {units_text(self._unit)}"
        made_of = f"events {common} {type(detector).__qualname__} {parameters} {options}"
        names = {}
        past = made_of
        for date, day in self._inputs.items():
            past = chain(past, day.text)
            names[date] = day.name(past)
        last = chain(past, f"clock {self._end}")
        closing = list(self._inputs.values())[-1].name(last) if names else ""
        return KeptEvents(self._cache, self._later, names, closing)


class KeptEvents:
    """Rows of one detector's events, kept by the day.

    Attributes:
        is_whole: Whether every day is kept, and so the detector need not read at all.
    """

    def __init__(
        self, stored: Cache, later: KeepLater, names: dict[dt.date, str], closing: str
    ) -> None:
        self._cache = stored
        self._later = later
        self._names = names
        self._closing = closing
        files = [stored.get(SHELF, name) for name in (*names.values(), closing)] if names else []
        self.is_whole = bool(files) and all(file is not None for file in files)
        # Mapped at once: nobody can take a day away any more.
        found = [Served(file) for file in files if file is not None]
        self._days = dict(zip((*names, None), found, strict=True)) if self.is_whole else {}
        self._served: Served | None = None
        self._recording: Recording | None = None
        self._parts: list[NDArray[np.int64]] = []
        self._name = ""

    def begin_day(self, date: dt.date | None, words: EventWords) -> None:
        """The next piece is the first of that day; None: the clock alone goes on."""
        self.end_day(words)
        if self.is_whole:
            self._served = self._days[date]
            facts = self._served.facts
            words.kinds[:], words.states[:] = facts["kinds"], facts["states"]
            words.details[:] = facts["details"]
        else:
            self._name = self._names[date] if date else self._closing
            self._recording = Recording()

    def take(self, rows: int) -> NDArray[np.int64]:
        """The events of the next piece of that many trades."""
        assert self._served is not None
        first, kept = self._served.take(rows)
        if kept.start == kept.stop:
            return NO_EVENTS.rows
        found: NDArray[np.int64] = self._served.arrays["events"][kept].copy()
        found[:, AT] -= first
        return found

    def record(self, rows: int, found: NDArray[np.int64]) -> None:
        """Note the events of a piece that the detector has read."""
        if self._recording is not None:
            found = found.copy()
            found[:, AT] += self._recording.rows
            self._parts.append(found)
            self._recording.end_piece(rows, len(found))

    def end_day(self, words: EventWords) -> None:
        """Nothing more of that day comes."""
        if (
            self._recording is not None
            and self._recording.stops
            and not self._cache.has(SHELF, self._name)
        ):
            arrays = {"events": stack(self._parts), "stops": self._recording.matrix}
            facts = {
                "detector": words.detector, "kinds": list(words.kinds),
                "states": list(words.states), "details": list(words.details),
            }  # fmt: skip
            self._later.submit(self._cache.keep, SHELF, self._name, arrays, facts)
        self._served = self._recording = None
        self._parts = []
