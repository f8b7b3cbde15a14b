"""What several readings of one tape make alike, made once: bars, events, stretches of tape.

Readings that begin at the same trade and are fed the same pieces in turn have equal bars and equal
events of equal detectors. Whoever asks first has a piece read; the others get what was found. A
long piece is read for all of them together, on two threads.
"""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor, wait
from typing import TYPE_CHECKING, Any, TypeVar

from orderflow_bt.detectors.base import is_shipped, reads
from orderflow_bt.flow.events import NO_EVENTS
from orderflow_bt.flow.kept import KeptBars
from orderflow_bt.sim.detecting import read_one

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Callable, Sequence
    from concurrent.futures import Future

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
LONG_PIECE = 1 << 16  # trades from which a second thread is worth its switch


class Shared:
    """One per tape and first day; `Readings` that are given it share what they can.

    Every one of them is fed the same `Trades` objects, one after the other before the next piece.

    Attributes:
        pool: What detectors share among themselves (`Detector.share_readings`).
    """

    def __init__(self) -> None:
        self.pool: dict[type, object] = {}
        self._made: dict[object, Any] = {}
        self._streams: list[OnceBars] = []
        self._sources: list[tuple[Source, OnceBars | None]] = []  # with the bars that each reads
        self._turn = 0  # the latest that was read for everyone
        self._helper: ThreadPoolExecutor | None = None  # a thread, while there are long pieces

    def __getstate__(self) -> dict[str, Any]:
        return self.__dict__ | {"_helper": None}

    def close(self) -> None:
        """Let the other thread end: no long piece follows."""
        if self._helper is not None:
            self._helper.shutdown()
            self._helper = None

    def bars(self, key: object, make: Callable[[], BarStream | KeptBars]) -> OnceBars:
        """The stream of a specification, new where nobody asked for it before."""

        def begin() -> OnceBars:
            self._streams.append(OnceBars(make()))
            return self._streams[-1]

        return self._of(("bars", key), begin)

    def tape(self, key: object, make: Callable[[], TapeBuffer]) -> OnceTape:
        """The buffer of the tape."""
        return self._of(("tape", key), lambda: OnceTape(make()))

    def source(
        self,
        detector: Detector,
        options: str,
        bars: OnceBars | None,
        make: Callable[[Detector], Source],
    ) -> Source:
        """What reads a detector: one for all that are equal, as far as this program can tell."""
        if not is_shipped(detector) or not detector.follows_from_tape:
            return make(detector)
        kind, parameters = type(detector), json.dumps(detector.parameters(), sort_keys=True)

        def begin() -> Source:
            self._sources.append((make(detector), bars))
            return self._sources[-1][0]

        return self._of(("detector", kind, parameters, options), begin)

    def _of(self, key: object, make: Callable[[], T]) -> T:
        if key not in self._made:
            self._made[key] = make()
        found: T = self._made[key]
        return found

    def begin_day(
        self, turn: int, date: dt.date, lost: Sequence[int], kept: DayInput | None
    ) -> None:
        """The piece of the next turn is the first of a day, which lacks trades before some ids."""
        for stream in self._streams:
            stream.begin_day(turn, lost, kept)
        for source, _ in self._sources:
            source.begin_day(turn, date)

    def read(self, turn: int, trades: Trades, gaps: NDArray[np.int64]) -> None:
        """Read a long piece for everyone; a short one is left to who asks.

        Detectors of trades alone are read on another thread than bars and the detectors of bars:
        kernels hold no lock, and neither group sees what the other does.
        """
        if turn == self._turn or trades.rows < LONG_PIECE:
            return
        self._turn = turn
        aside = [source for source, _ in self._sources if source.is_aside and not source.is_kept]
        beside = self._begin_beside(aside, turn, trades, gaps) if aside else None
        try:
            for stream in self._streams:
                stream.feed(turn, trades)
            for source, bars in self._sources:
                if source not in aside:
                    source.read(turn, trades, None if bars is None else bars.made, gaps)
        finally:
            if beside is not None:
                wait([beside])
        if beside is not None:
            beside.result()

    def _begin_beside(
        self, sources: Sequence[Source], turn: int, trades: Trades, gaps: NDArray[np.int64]
    ) -> Future[None]:
        """Begin to read detectors of trades alone on the other thread."""

        def read_each() -> None:
            for source in sources:
                source.read(turn, trades, None, gaps)

        self._helper = self._helper or ThreadPoolExecutor(1, "detectors")
        return self._helper.submit(read_each)


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
        is_aside: Whether a kernel of it reads trades alone.
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
        self.is_aside = detector.bars is None and reads(detector, "read")
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

    def read(
        self, turn: int, trades: Trades, bars: BarBatch | None, gaps: NDArray[np.int64]
    ) -> NDArray[np.int64]:
        """What the piece of that turn makes known, read by who asks first.

        Args:
            turn: Its number.
            trades: The piece.
            bars: Those that it reads and that closed in the piece.
            gaps: Rows of the piece before which trades are missing, ascending.
        """
        if turn != self._turn:
            if self.kept is not None and self.kept.is_whole:
                self.made = self.kept.take(trades.rows)
            else:
                self.made = read_one(self.detector, self.words, trades, bars, gaps)
                if self.kept is not None:
                    self.kept.record(trades.rows, self.made)
            self._turn = turn
        return self.made
