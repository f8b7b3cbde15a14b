"""What several readings of one tape make alike, made once: bars, events, stretches of tape.

Readings that begin at the same trade and are fed the same pieces in turn have equal bars and equal
events of equal detectors. Whoever asks first has a piece read; the others get what was found.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, TypeVar

from orderflow_bt.detectors.base import is_shipped, reads
from orderflow_bt.flow.events import NO_EVENTS
from orderflow_bt.flow.kept import KeptBars

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Callable, Sequence

    import numpy as np
    from numpy.typing import NDArray

    from orderflow_bt.detectors import Detector
    from orderflow_bt.flow import BarBatch, BarStream
    from orderflow_bt.flow.kept import DayInput
    from orderflow_bt.sim.buffer import Stretch, TapeBuffer
    from orderflow_bt.sim.kept import KeptEvents
    from orderflow_bt.store import Piece
    from orderflow_bt.types import Trades

T = TypeVar("T")


class Shared:
    """One per tape and first day; `Readings` that are given it share what they can.

    Every one of them is fed the same `Trades` objects, one after the other before the next piece.

    Attributes:
        pool: What detectors share among themselves (`Detector.share_readings`).
    """

    def __init__(self) -> None:
        self.pool: dict[type, object] = {}
        self._made: dict[object, Any] = {}

    def bars(self, key: object, make: Callable[[], BarStream | KeptBars]) -> OnceBars:
        """The stream of a specification, new where nobody asked for it before."""
        return self._of(("bars", key), lambda: OnceBars(make()))

    def tape(self, key: object, make: Callable[[], TapeBuffer]) -> OnceTape:
        """The buffer of the tape."""
        return self._of(("tape", key), lambda: OnceTape(make()))

    def source(
        self, detector: Detector, options: str, make: Callable[[Detector], Source]
    ) -> Source:
        """What reads a detector: one for all that are equal, as far as this program can tell."""
        if not is_shipped(detector) or not detector.follows_from_tape:
            return make(detector)
        kind, parameters = type(detector), json.dumps(detector.parameters(), sort_keys=True)
        return self._of(("detector", kind, parameters, options), lambda: make(detector))

    def _of(self, key: object, make: Callable[[], T]) -> T:
        if key not in self._made:
            self._made[key] = make()
        found: T = self._made[key]
        return found


class _Once:
    """Makes something of each piece at its turn, once. A pickle leaves out the piece in hand."""

    _turn = 0

    def _is_new(self, turn: int) -> bool:
        """Whether nobody has asked at this turn: readings count theirs alike."""
        before, self._turn = self._turn, turn
        return turn != before

    def __getstate__(self) -> dict[str, Any]:
        return {name: value for name, value in vars(self).items() if name != "made"}


class OnceBars(_Once):
    """A stream that closes the bars of a piece once."""

    def __init__(self, stream: BarStream | KeptBars) -> None:
        self._stream = stream
        self._begun = 0  # turn before which the latest day began
        self.made: BarBatch

    def begin_day(self, turn: int, lost: Sequence[int], kept: DayInput | None) -> None:
        """The piece of the next turn is the first of a day, which lacks trades before some ids."""
        if turn != self._begun:
            self._begun = turn
            self._stream.note_losses(lost)
            if kept is not None and isinstance(self._stream, KeptBars):
                self._stream.begin_day(kept)

    def feed(self, turn: int, trades: Trades) -> BarBatch:
        """The bars that the next piece closes."""
        if self._is_new(turn):
            self.made = self._stream.feed(trades)
        return self.made

    def close_until(self, turn: int, time: int) -> BarBatch:
        """The bars that the clock closes."""
        if self._is_new(turn):
            self.made = self._stream.close_until(time)
        return self.made


class OnceTape(_Once):
    """A buffer that takes up a piece once."""

    def __init__(self, buffer: TapeBuffer) -> None:
        self._buffer = buffer
        self.made: list[Stretch]

    def append(self, turn: int, trades: Trades, piece: Piece | None = None) -> list[Stretch]:
        """As of `TapeBuffer`."""
        if self._is_new(turn):
            self.made = self._buffer.append(trades, piece)
        return self.made


class Source(_Once):
    """A detector as it is read: live, or from the days that are kept.

    Args:
        detector: Fresh.
        tick: The exchange's price step, in price units.
        pool: What the detectors of a reading share.
        kept: What keeps its events, if anything.

    Attributes:
        is_aside: Whether it shares a reading: such are read on another thread than the rest.
        made: What the piece in hand made known, not numbered. Nobody may write to them.
    """

    def __init__(
        self,
        detector: Detector,
        tick: int,
        pool: dict[type, object],
        kept: KeptEvents | None = None,
    ) -> None:
        self.detector = detector
        self.words = detector.words()
        self.kept = kept
        self.is_aside = reads(detector, "share_readings") and reads(detector, "read")
        self._begun = 0
        self.made = NO_EVENTS.rows
        detector.share_readings(pool)
        detector.begin(tick)

    @property
    def is_kept(self) -> bool:
        """Whether every day is kept, and so the detector need not read at all."""
        return self.kept is not None and self.kept.is_whole

    def begin_day(self, turn: int, date: dt.date | None) -> None:
        """The piece of the next turn is the first of a day; None: the clock alone goes on."""
        if self.kept is not None and turn != self._begun:
            self._begun = turn
            self.kept.begin_day(date, self.words)

    def end_day(self) -> None:
        """No day follows."""
        if self.kept is not None:
            self.kept.end_day(self.words)

    def is_read(self, turn: int) -> bool:
        """Whether somebody has had the piece of that turn read."""
        return turn == self._turn

    def note(self, turn: int, trades: Trades, rows: NDArray[np.int64]) -> None:
        """Remember what a piece made known, as long as it is in hand."""
        self._turn, self.made = turn, rows
        if self.kept is not None and not self.kept.is_whole:
            self.kept.record(trades.rows, rows)
