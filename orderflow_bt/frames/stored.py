"""A tape in the hand that lies in the lake: a window of stored days."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from orderflow_bt.errors import UsageError
from orderflow_bt.flow.columns import IMBALANCE_WINDOW
from orderflow_bt.flow.window import BarWindow
from orderflow_bt.frames.arrow import EXACT, Styles, to_polars
from orderflow_bt.run.clock import clocked
from orderflow_bt.run.events import EventWindow
from orderflow_bt.run.window import find_window
from orderflow_bt.store import Lake, resolve_instrument
from orderflow_bt.types import DAY_US, Kind, MarketType, TapeId

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

    import pyarrow as pa

    from orderflow_bt.detectors import Detector
    from orderflow_bt.flow import BarBatch
    from orderflow_bt.flow.events import EventColumns
    from orderflow_bt.instruments import Instrument
    from orderflow_bt.types import BarSpec, Trades


@dataclass(frozen=True, slots=True)
class StoredTape:
    """A window of a stored tape. Made by `open_tape`; nothing is read until something is asked."""

    lake: Lake
    id: TapeId
    start: int
    end: int

    def __str__(self) -> str:
        first, last = (np.datetime64(t, "us") for t in (self.start, self.end))
        return f"{self.id} from {first}Z to {last}Z"

    @property
    def styles(self) -> Styles:
        """Everything of a stored tape is exact."""
        return EXACT

    def give(self, table: pa.Table) -> Any:
        """Results of a stored tape are polars tables."""
        return to_polars(table)

    def bars(
        self, spec: BarSpec, ticks_per_row: int | None, *, cells: bool
    ) -> tuple[Instrument, Iterable[tuple[BarBatch, range]]]:
        """Units, and bars by the batch with those that lie in the window."""
        window = BarWindow(
            self.lake,
            self.id,
            spec,
            self.start,
            self.end,
            ticks_per_row=ticks_per_row,
            keep_cells=cells,
            context_bars=IMBALANCE_WINDOW if cells else 0,
        )
        return window.instrument, window

    def events(self, detector: Detector) -> tuple[Instrument, Iterable[EventColumns]]:
        """Units, and what a detector sees in the window."""
        window = EventWindow(self.lake, self.id, detector, self.start, self.end)
        return window.instrument, window

    def trades(self) -> tuple[Instrument, Iterator[Trades]]:
        """Units, and the window's trades by the piece."""
        window = find_window(self.lake, self.id, self.start, self.end, lookback=0, accept_gaps=True)
        unit = resolve_instrument(self.lake, self.id, [day.date for day in window.days])
        units = (unit.price_decimals, unit.qty_decimals)
        return unit, self._inside(self.lake.read_days(self.id, window.dates, *units))

    def _inside(self, pieces: Iterator[Trades]) -> Iterator[Trades]:
        for piece in clocked(pieces, self.end):
            yield piece.slice(int(piece.time.searchsorted(self.start)), piece.rows)


def open_tape(
    symbol: str,
    start: str | dt.date | dt.datetime,
    end: str | dt.date | dt.datetime,
    *,
    market: str = "um",
    kind: str = "aggTrades",
    exchange: str = "binance",
    lake: str | Path = "data",
) -> StoredTape:
    """Name a window of the lake, for `bars`, `footprint`, `events` and `trades`.

    Args:
        symbol: As the exchange writes it.
        start: First day or moment, UTC: a date, a datetime, or ISO text of either.
        end: Last day (inclusive), or the moment at which the window ends.
        market: ``spot``, ``um`` or ``cm``.
        kind: ``aggTrades`` or ``trades``.
        exchange: Whose tape.
        lake: The lake's folder, or its URL.

    Raises:
        UsageError: An argument is not one of those, or the window is empty.
    """
    try:
        tape = TapeId(exchange, MarketType(market), Kind(kind), symbol.upper())
    except ValueError as error:
        raise UsageError(
            str(error), fix="Markets: spot, um, cm; kinds: aggTrades, trades"
        ) from None
    first, last = moment(start), moment(end, last=True)
    if last <= first:
        raise UsageError(f"the window from {start} to {end} is empty")
    return StoredTape(Lake(lake), tape, first, last)


def moment(when: str | dt.date | dt.datetime, *, last: bool = False) -> int:
    """A day or a time as microseconds UTC; ``last`` takes a whole day, to its end.

    Raises:
        UsageError: The text is neither.
    """
    if isinstance(when, str):
        try:
            day = len(when) == len("2024-01-31")
            when = dt.date.fromisoformat(when) if day else dt.datetime.fromisoformat(when)
        except ValueError:
            raise UsageError(f"{when!r} is not a day or a time", fix="Write 2024-01-31") from None
    if isinstance(when, dt.datetime):
        aware = when if when.tzinfo else when.replace(tzinfo=dt.UTC)
        return (aware - dt.datetime(1970, 1, 1, tzinfo=dt.UTC)) // dt.timedelta(microseconds=1)
    return ((when - dt.date(1970, 1, 1)).days + last) * DAY_US
