"""Readings of stored days in the cache: mapped where a day was read before, else made and kept.

What is kept of a day is named by a hash of all that it follows from: the day's content, the code
and the parameters, and the past. Bars know their past by the state they come in with, which is the
same wherever reading began once a day was read whole; detectors by the days read before.
"""

from __future__ import annotations

import hashlib
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from orderflow_bt.flow.batch import BarBatch
from orderflow_bt.kernels._jit import kernel_hash
from orderflow_bt.store.decoded import PIECE_ROWS, content_hash

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from orderflow_bt.flow.bars import BarStream
    from orderflow_bt.instruments import Instrument
    from orderflow_bt.store import Cache, DayInfo
    from orderflow_bt.store.arrays import ArrayFile
    from orderflow_bt.store.cache import KeepLater
    from orderflow_bt.types import BarSpec, Trades

SHELF = "flow"
_SOURCES = (
    "flow", "detectors", "sim/watch.py", "sim/readings.py", "sim/shared.py", "sim/detecting.py",
    "store/quality.py", "parameters.py", "types.py",
)  # fmt: skip


@cache
def code_hash() -> str:
    """Hash of the sources that bars and events of this program follow from."""
    root = Path(__file__).parent.parent
    digest = hashlib.sha256(kernel_hash().encode())
    for name in _SOURCES:
        path = root / name
        for source in sorted(path.glob("*.py")) if path.is_dir() else [path]:
            digest.update(f"{source.name}\n".encode())
            digest.update(source.read_bytes())
    return digest.hexdigest()


def units_text(instrument: Instrument) -> str:
    """What of an instrument decides its readings."""
    return (
        f"{instrument.price_decimals} {instrument.qty_decimals} {instrument.tick_size}"
        f" {instrument.lot_size} {instrument.contract_usd}"
    )


def can_keep(spec: BarSpec) -> bool:
    """Whether bars follow from trades and code alone: trading sessions ask the system's clock."""
    return spec.is_time or spec.anchor in ("day", "start")


def bars_made_of(
    stream: BarStream, instrument: Instrument, *, continuous: bool, keep_cells: bool
) -> str:
    """Everything but the trades that the bars of a stream follow from."""
    cells = "cells" if keep_cells else "none"
    common = f"{code_hash()} {units_text(instrument)}"
    return f"bars {common} {stream.spec} {stream.row_size} {continuous} {cells}"


class DayInput:
    """A stored day as it is about to be read.

    Args:
        day: Which.
        end: Where reading ends, microseconds UTC, if it may end before the day does.

    Attributes:
        text: What tells its trades from any others.
    """

    def __init__(self, day: DayInfo, end: int | None = None) -> None:
        self.day = day
        cut = 0 if end is None or day.last_time < end else end
        self.text = f"{content_hash(day)} {cut} {PIECE_ROWS}"

    def name(self, key: str) -> str:
        """What something read from the day is called in the cache."""
        return f"{self.day.tape.label}-{self.day.date}-{key[:24]}"


def chain(before: str, *texts: str) -> str:
    """The hash of a past and what came next."""
    return hashlib.sha256("\n".join((before, *texts)).encode()).hexdigest()


class Recording:
    """Arrays that grow by pieces, and where each piece ended."""

    def __init__(self) -> None:
        self.rows = 0  # of the day
        self.stops: list[tuple[int, int]] = []  # rows of the day, rows of what is kept
        self.count = 0

    def end_piece(self, rows: int, count: int) -> None:
        """Note a piece of that many trades, in which so much was found."""
        self.rows += rows
        self.count += count
        self.stops.append((self.rows, self.count))

    @property
    def matrix(self) -> NDArray[np.int64]:
        """int64 [pieces, 2]."""
        return np.array(self.stops, np.int64).reshape(-1, 2)


class Served:
    """A kept file, given out by the pieces it was made in."""

    def __init__(self, file: ArrayFile) -> None:
        with file:
            self.arrays: dict[str, NDArray[Any]] = file.map_rows(
                {name: (0, file.rows(name)) for name in file.names}
            )
        self.facts = file.facts
        self._stops: list[list[int]] = self.arrays["stops"].tolist()
        self._next = 0

    def take(self, rows: int) -> tuple[int, slice]:
        """First trade of the next piece of ``rows`` trades, and which of what is kept is of it."""
        first, begin = self._stops[self._next - 1] if self._next else (0, 0)
        stop, end = self._stops[self._next]
        assert stop - first == rows, "pieces of a stored day are always cut alike"
        self._next += 1
        return first, slice(begin, end)


class KeptBars:
    """A `BarStream` over stored days, which maps the bars of days that are kept.

    `begin_day`, then `feed` with each of the day's pieces (`Lake.read_pieces`), then the next day.

    Args:
        stream: Fresh.
        stored: Where days are kept.
        later: Keeps them.
        made_of: Everything but the trades that the bars follow from.
    """

    def __init__(self, stream: BarStream, stored: Cache, later: KeepLater, made_of: str) -> None:
        self._stream = stream
        self._cache = stored
        self._later = later
        self._made_of = made_of
        self._past: tuple[NDArray[np.int64], NDArray[np.int64]] | None = None  # not yet restored
        self._served: Served | None = None
        self._recording: Recording | None = None
        self._batches: list[BarBatch] = []
        self._name = ""

    @property
    def spec(self) -> BarSpec:
        """How it cuts."""
        return self._stream.spec

    def begin_day(self, day: DayInput) -> None:
        """The next piece is the first of that day."""
        self._end_day()
        state, rows = self._past or self._stream.snapshot()
        past = hashlib.sha256(state.tobytes() + rows.tobytes()).hexdigest()
        self._name = day.name(chain(self._made_of, past, day.text))
        file = self._cache.get(SHELF, self._name)
        if file is not None:
            self._served = Served(file)
        else:
            self._recording = Recording()

    def note_losses(self, ids: Sequence[int]) -> None:
        """As of `BarStream`."""
        self._stream.note_losses(ids)

    def feed(self, trades: Trades) -> BarBatch:
        """The bars that the next trades close."""
        if self._served is not None:
            first, kept = self._served.take(trades.rows)
            return _batch(self._served.arrays, first, kept, self._stream.row_size)
        self._go_live()
        batch = self._stream.feed(trades)
        if self._recording is not None:
            self._batches.append(_shifted(batch, self._recording.rows))
            self._recording.end_piece(trades.rows, len(batch))
        return batch

    def whole_day(self) -> BarBatch | None:
        """All bars of the day that has begun, if they are kept; then nothing is fed of it."""
        if self._served is None:
            return None
        return _batch(self._served.arrays, 0, slice(0, None), self._stream.row_size)

    def mark_gap(self) -> None:
        """As of `BarStream`, between two days."""
        self._end_day()
        self._go_live()
        self._stream.mark_gap()

    def close_until(self, time_us: int) -> BarBatch:
        """As of `BarStream`; no day is fed any more."""
        self._end_day()
        self._go_live()
        return self._stream.close_until(time_us)

    def _go_live(self) -> None:
        if self._past is not None:
            self._stream.restore(*self._past)
            self._past = None

    def _end_day(self) -> None:
        if self._served is not None:
            self._past = self._served.arrays["state"], self._served.arrays["rows"]
        elif (
            self._recording is not None and self._batches and not self._cache.has(SHELF, self._name)
        ):
            state, rows = self._stream.snapshot()
            batch = BarBatch.concat(self._batches)
            arrays = {
                "bars": batch.bars, "at": batch.at, "cells": batch.cells,
                "cell_start": batch.cell_start, "stops": self._recording.matrix,
                "state": state, "rows": rows,
            }  # fmt: skip
            facts = {"bars": str(self.spec)}
            self._later.submit(self._cache.keep, SHELF, self._name, arrays, facts)
        self._served = self._recording = None
        self._batches = []


def _shifted(batch: BarBatch, rows: int) -> BarBatch:
    return BarBatch(
        batch.bars, batch.at + rows, batch.known_at, batch.cells, batch.cell_start, batch.row_size
    )


def _batch(
    arrays: Mapping[str, NDArray[np.int64]], first: int, kept: slice, row_size: int
) -> BarBatch:
    bars = arrays["bars"][kept]
    starts = arrays["cell_start"][kept.start : kept.start + len(bars) + 1]
    cells = arrays["cells"][starts[0] : starts[-1]]
    return BarBatch(
        bars, arrays["at"][kept] - first, bars[:, 1].copy(), cells, starts - starts[0], row_size
    )
