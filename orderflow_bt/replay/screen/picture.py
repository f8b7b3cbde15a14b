"""What is on screen as of the cursor, and what of it each page still lacks.

A `Picture` listens to a player: it is told what the cursor passed and knows nothing else, so
nothing in a frame can depend on a trade that the cursor has not passed.
"""

from __future__ import annotations

import json
import pickle
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from orderflow_bt.errors import UsageError
from orderflow_bt.kernels.quotes import NO_PRICE
from orderflow_bt.replay.engine.listener import Listener
from orderflow_bt.replay.screen.footprints import Footprints, Saved, View
from orderflow_bt.replay.screen.history import KEEP, NO_BARS
from orderflow_bt.replay.screen.ladder import Ladder, Prints
from orderflow_bt.replay.screen.marks import MarkBook, SavedMarks, describe
from orderflow_bt.replay.screen.wire import Content, encode
from orderflow_bt.types import HOUR_US

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from orderflow_bt.instruments import Instrument
    from orderflow_bt.replay.engine.listener import Passed
    from orderflow_bt.replay.screen.lens import Lens
    from orderflow_bt.types import BarSpec, Trades

GROWING = ("fills", "journal")  # lists of the state that only grow: a page gets what is new
MOST_GAPS = 100  # that a page is told of
_LEVELS = {  # kind and words, of a day past and of all before a blind start
    "poc": ("poc", "naked POC", "POC before"),
    "vah": ("value_high", "naked VAH", "VAH before"),
    "val": ("value_low", "naked VAL", "VAL before"),
    "high": ("high", "day's high", "high before"),
    "low": ("low", "day's low", "low before"),
}
_BY_AMOUNT = ("volume", "dollar", "delta")  # cut at amounts of base or quote units
_NOTED = 20  # marks that a journal's line names


class Hole(NamedTuple):
    """Missing trades: the row behind them, and the times before and after."""

    row: int
    start: int
    end: int


@dataclass(slots=True)
class ClientView:
    """What one page has been given.

    Attributes:
        seq: Number of its latest frame; 0 before the first.
        epoch: Of the picture that it shows.
        bar: Number of the next closed bar.
        print: Number of the next taker cluster.
        marks: Version of the marks.
        state: Each key of the state as it was last sent.
        grown: Of each growing list, how many entries it has.
    """

    seq: int = 0
    epoch: int = -1
    bar: int = 0
    print: int = 0
    marks: int = 0
    state: dict[str, str] = field(default_factory=dict)
    grown: dict[str, int] = field(default_factory=dict)


class _Snapshot(NamedTuple):
    row: int
    view: View
    origin: int
    footprints: Saved
    ladder: Any
    prints: Any
    marks: SavedMarks
    holes: list[Hole]
    quotes: tuple[int, int]


class Picture(Listener):
    """Everything on screen; a listener of a player.

    Args:
        instrument: Units of the tape.
        lens: What the page may see of prices, times and volumes.
        view: Bars and row height.
        reread: Gives trades of the tape by row, ``reread(first, stop)``, in pieces: for another
            view, and for going back to before it was chosen.
        title: Of the page; not shown while the lens is blind.

    Attributes:
        row: The next trade that nobody has seen.
        lens: As given, until `look_through` changes it.
    """

    def __init__(
        self,
        instrument: Instrument,
        lens: Lens,
        view: View,
        *,
        reread: Callable[[int, int], Iterable[Trades]],
        title: str = "",
    ) -> None:
        self._instrument = instrument
        self._reread = reread
        self._title = title
        self.lens = lens
        self._epoch = 0
        self._footprints = self._new_footprints(self._allowed(view))
        self.ladder = Ladder()
        self._forget()

    def _forget(self) -> None:
        """Nothing has passed."""
        self.row = 0
        self.ladder = Ladder(self.ladder.seconds)
        self._prints = Prints()
        self._marks = MarkBook()
        self._holes: list[Hole] = []
        self._quotes = (NO_PRICE, NO_PRICE)

    def _new_footprints(self, view: View) -> Footprints:
        return Footprints(
            view,
            self._instrument,
            origin=self.lens.origin,
            start=self.lens.start if self.lens.blind else None,
            since=self.lens.since,
        )

    def _allowed(self, view: View) -> View:
        """A view that tells neither time of day nor units where those are hidden."""
        if not self.lens.blind:
            return view
        if view.spec.size > HOUR_US:
            raise UsageError(
                f"bars of {view.spec} begin at hours that tell the time of day",
                where="a blind replay",
                fix="Take bars of an hour or less",
            )
        if view.spec.is_time:
            return view
        if view.spec.kind in _BY_AMOUNT:
            raise UsageError(
                f"bars of {view.spec} tell how much a volume on the page is",
                where="a blind replay",
                fix="Take bars of time, of trades or of ticks",
            )
        return view._replace(spec=view.spec._replace(anchor="start"))

    @property
    def view(self) -> View:
        """Bars and row height."""
        return self._footprints.view

    # ------------------------------------------------------------- a player's listener

    def passed(self, passed: Passed) -> None:
        """The cursor has passed these trades."""
        row, since = passed.first, self.lens.since
        for piece in passed.slices:
            gaps = np.array([gap.at for gap in piece.gaps], np.int64)
            self._holes += [Hole(row + gap.at, gap.start, gap.end) for gap in piece.gaps]
            self._footprints.feed(piece.trades, gaps)
            self._prints.feed(piece.trades, gaps)
            self.ladder.feed(piece.trades)
            self._marks.add(event for event in piece.events if event.known_at >= since)
            if not piece.trades.rows and piece.moments:  # the clock alone went on
                self._footprints.close_until(piece.moments[-1].time)
            if piece.trades.rows:
                stretch = piece.tape[-1]
                self._quotes = stretch.quotes(stretch.end)
            row += piece.trades.rows
        self.row = row

    def rewound(self, _row: int) -> None:
        """The cursor goes back: pages begin anew."""
        self._forget()
        self._footprints.begin_again()
        self._epoch += 1

    def snapshot(self) -> bytes:
        """Everything as of the cursor, for `restore`."""
        footprints = self._footprints
        saved = _Snapshot(
            self.row,
            footprints.view,
            footprints.origin,
            footprints.snapshot(),
            self.ladder.snapshot(),
            self._prints.snapshot(),
            self._marks.snapshot(),
            list(self._holes),
            self._quotes,
        )
        return pickle.dumps(saved, protocol=5)

    def restore(self, raw: bytes) -> None:
        """Go to where `snapshot` was taken; bars and lens stay as they are now."""
        saved: _Snapshot = pickle.loads(raw)  # noqa: S301 - what this object gave out itself
        self.row, self._holes, self._quotes = saved.row, list(saved.holes), saved.quotes
        self.ladder.restore(saved.ladder)
        self._prints.restore(saved.prints)
        self._marks.restore(saved.marks)
        here = self._footprints
        is_known = saved.footprints.closed <= here.history.known
        if (saved.view, saved.origin) == (here.view, here.origin) and is_known:
            here.restore(saved.footprints)
        else:
            self._read_again(here.view)
        self._epoch += 1

    # ------------------------------------------------------------- what a person changes

    def show(self, spec: BarSpec, ticks_per_row: int | None = None) -> None:
        """Show other bars, or rows of another height; None chooses one for these bars.

        Raises:
            UsageError: The bars do not fit the instrument, the height is not positive, or they
                would tell the time of day or the market's units where those are hidden.
        """
        if ticks_per_row is not None and ticks_per_row < 1:
            raise UsageError(f"rows of {ticks_per_row} ticks", fix="Take 1 or more")
        view = self._allowed(View(spec, ticks_per_row or self.view.ticks_per_row))
        self._read_again(view)
        if ticks_per_row is None:
            fitting = self._footprints.fitting_rows(self._instrument.tick_size)
            if fitting is not None and fitting != view.ticks_per_row:
                self._read_again(view._replace(ticks_per_row=fitting))
        self._epoch += 1

    def look_through(self, lens: Lens) -> None:
        """Show prices, times and volumes through another lens: the reveal."""
        self.lens = lens
        self._read_again(self.view)
        self._epoch += 1

    def _read_again(self, view: View) -> None:
        """Make the bars of a view from the tape up to the cursor."""
        fresh = self._new_footprints(view)
        holes = np.array([hole.row for hole in self._holes], np.int64)
        first = 0
        for trades in self._reread(0, self.row):
            stop = first + trades.rows
            inside = holes[(holes >= first) & (holes < stop)]
            fresh.feed(trades, inside - first)
            first = stop
        self._footprints = fresh

    # ------------------------------------------------------------- what pages are given

    def hello(self) -> dict[str, Any]:
        """What of the picture stays as it is; the rest of the greeting is the server's."""
        row_size = self._footprints.row_size // self.lens.step
        return {
            "hello": 1,
            "title": "" if self.lens.blind else self._title,
            "symbol": None if self.lens.blind else self._instrument.symbol,
            "bars": str(self.view.spec),
            "row_size": row_size,
            "ticks_per_row": self.view.ticks_per_row,
            **self.lens.facts(),
        }

    def seen(self) -> dict[str, Any]:
        """What a journal notes of the screen: number of the forming bar, ids of the last marks."""
        return {"bar": self._footprints.history.count, "marks": self._marks.latest(_NOTED)}

    def gaps(self) -> list[list[float]]:
        """From when to when trades are missing: the latest holes up to the cursor."""
        latest = [hole for hole in self._holes if hole.start >= self.lens.since][-MOST_GAPS:]
        return [[self.lens.time(hole.start), self.lens.time(hole.end)] for hole in latest]

    def frame(
        self, client: ClientView, state: Mapping[str, Any], *, now: int | None = None
    ) -> bytes:
        """What a page lacks; it is taken to have it from now on.

        Args:
            client: What it has been given; changed.
            state: The whole state of the desk: unchanged keys are left out of the frame, and of
                the lists in `GROWING` what was sent before.
            now: What the clock shows, microseconds UTC, if it has gone on since the last trade.
        """
        history = self._footprints.history
        changed = self._marks.changed(client.marks)
        reset = client.epoch != self._epoch or changed is None or history.count - client.bar > KEEP
        if reset:
            client.epoch, client.bar, client.print, client.marks = self._epoch, 0, 0, 0
            client.state.clear()
            client.grown.clear()
            changed = self._marks.changed(0)
        assert changed is not None
        closed = history.latest(client.bar) if history.count > client.bar else NO_BARS
        forming = self._footprints.forming()
        facts = {**state, **self._facts()}
        marks, gone = changed
        if marks:
            facts["marks"] = [
                describe(mark, self.lens, self._footprints.row_size) for mark in marks
            ]
        if gone and not reset:
            facts["marks_gone"] = gone
        content = Content(
            reset=reset,
            state=_changed_state(facts, client),
            closed=closed,
            forming=forming,
            prints=self._prints.latest(client.print),
            open_print=self._prints.open(),
            recent=self.ladder.recent(self._footprints.row_size, now=now, origin=self.lens.origin),
            profile=self._footprints.profile(forming) if reset else _NO_PROFILE,
        )
        client.seq += 1
        client.bar, client.print = history.count, self._prints.count
        client.marks = self._marks.version
        return encode(client.seq, content, self.lens)

    def _facts(self) -> dict[str, Any]:
        """What the picture adds to the state."""
        lens, (bid, ask) = self.lens, self._quotes
        return {
            "last": None if self.ladder.last is None else lens.price(self.ladder.last),
            "bid": None if bid == NO_PRICE else lens.price(bid),
            "ask": None if ask == NO_PRICE else lens.price(ask),
            "recent_seconds": self.ladder.seconds,
            "gaps": self.gaps(),
            "gap_count": sum(hole.start >= lens.since for hole in self._holes),
            "levels": [
                {
                    "price": level.low / lens.step,
                    "kind": _LEVELS[level.kind][0],
                    "since": lens.time(level.known_at),
                    "text": _LEVELS[level.kind][1 + lens.blind],
                }
                for level in self._footprints.levels()
            ],
        }


_NO_PROFILE = np.zeros((0, 3), np.int64)


def _changed_state(facts: Mapping[str, Any], client: ClientView) -> bytes:
    """JSON of what the page does not know yet."""
    parts = []
    for name, value in facts.items():
        if name in GROWING:
            had = client.grown.get(name, 0)
            client.grown[name] = len(value)
            if len(value) <= had:
                continue
            text = _dump(value[had:])
        else:
            text = _dump(value)
            if name not in _ALWAYS and client.state.get(name) == text:
                continue
            client.state[name] = text
        parts.append(f'"{name}":{text}')
    return f"{{{','.join(parts)}}}".encode()


_ALWAYS = ("clock", "marks", "marks_gone")


def _dump(value: object) -> str:
    return json.dumps(value, separators=(",", ":"), allow_nan=False)
