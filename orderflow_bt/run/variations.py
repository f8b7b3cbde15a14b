"""A strategy run on its tape and on variations of it: cut, shortened, with its future shuffled."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from orderflow_bt.errors import PluginError
from orderflow_bt.run.clock import clocked
from orderflow_bt.run.context import find_context
from orderflow_bt.run.decisions import Diary, watched
from orderflow_bt.run.funding import find_funding
from orderflow_bt.run.marks import find_marks
from orderflow_bt.run.recorder import MARKING_BARS
from orderflow_bt.run.window import find_window
from orderflow_bt.sim import Session
from orderflow_bt.sim.declared import lookback_of, readings_of, series_of
from orderflow_bt.store import resolve_instrument

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

    from orderflow_bt.instruments import Instrument
    from orderflow_bt.run.kept import Facts
    from orderflow_bt.run.outside import Outside
    from orderflow_bt.run.request import Request
    from orderflow_bt.sim import SimConfig
    from orderflow_bt.sim.context import Source
    from orderflow_bt.sim.funding import Funding
    from orderflow_bt.sim.mark_prices import MarkPrices
    from orderflow_bt.store import Lake
    from orderflow_bt.strategy import Strategy
    from orderflow_bt.types import Trades


@dataclass(frozen=True, slots=True)
class Material:
    """The tape of an audit.

    Attributes:
        instrument: Its units.
        pieces: Gives the tape from its beginning, piece by piece, as often as it is asked. It must
            not read while a hook runs: whatever is read then is held against the strategy.
        ids_are_continuous: Whether a hole in the ids means lost trades.
        start: First moment at which orders are enabled.
        end: Where the clock stops.
        funding: Payments of the window, in order.
        marks: The mark price, where it liquidates.
        context: Gives the series beside the tape from their beginning.
    """

    instrument: Instrument
    pieces: Callable[[], Iterator[Trades]]
    ids_are_continuous: bool
    start: int
    end: int
    funding: Sequence[Funding] = ()
    marks: MarkPrices | None = None
    context: Callable[[], Mapping[str, Source]] = dict


def stored(lake: Lake, request: Request) -> Material:
    """The material of a stored window, with the look-back before it.

    A day is in memory whole before any of it is handed over.

    Raises:
        CoverageError: Days or trades are missing and the request does not accept that.
    """
    strategy = request.strategy(**request.parameters)
    window = find_window(
        lake,
        request.tape,
        request.start,
        request.end,
        lookback=lookback_of(strategy),
        accept_gaps=request.accept_gaps,
    )
    context = find_context(
        lake, request.tape, series_of(strategy), window.dates, accept=request.accept_gaps
    )
    instrument = resolve_instrument(lake, request.tape, [day.date for day in window.days])
    units = (instrument.price_decimals, instrument.qty_decimals)

    def days() -> Iterator[Trades]:
        for date in window.dates:
            yield from list(lake.read(request.tape, date, *units))

    return Material(
        instrument,
        lambda: clocked(days(), request.end),
        request.tape.ids_are_continuous,
        request.start,
        request.end,
        find_funding(lake, request.tape, request.start, request.end).rows,
        find_marks(
            lake, request.tape, request.start, request.end, request.config,
            accept_gaps=request.accept_gaps,
        ).prices,
        context.sources,
    )  # fmt: skip


class Played(NamedTuple):
    """A run: what was written down, its session, and what the strategy raised, if it did."""

    diary: Diary
    session: Session
    raised: str


class Player:
    """Runs the strategy on variations of the tape."""

    def __init__(
        self,
        make: Callable[[], Strategy],
        material: Material,
        config: SimConfig,
        tell: Callable[[str], None],
    ) -> None:
        self.make, self.material, self.config, self.tell = make, material, config, tell
        self._rows = 0

    def reference(self, outside: Outside, facts: Facts) -> tuple[Played, int]:
        """The tape as it is."""

        def noted() -> Iterator[Trades]:
            for trades in self.material.pieces():
                facts.take(trades)
                self._rows += trades.rows
                yield trades

        played = self.play(noted(), self.material.end, Diary(outside=outside), may_raise=True)
        return played, self._rows

    def play(
        self,
        pieces: Iterable[Trades],
        end: int,
        diary: Diary,
        *,
        config: SimConfig | None = None,
        may_raise: bool = False,
    ) -> Played:
        """One run; what the strategy raises ends it."""
        material = self.material
        strategy = watched(self.make(), diary)
        readings = readings_of(
            strategy,
            material.instrument,
            ids_are_continuous=material.ids_are_continuous,
            number_from=material.start,
            fallback=MARKING_BARS,
        )
        session = diary.session = Session(
            strategy,
            material.instrument,
            config or self.config,
            readings.specs,
            start=material.start,
            funding=material.funding,
            marks=material.marks,
            context=material.context(),
        )
        raised = ""
        nothing = None
        try:
            for trades in pieces:
                nothing = trades.slice(0, 0)
                session.feed(readings.feed(trades))
            if nothing is not None:
                session.feed(readings.close_until(end, nothing))
            session.finish(end)
        except PluginError as error:
            if may_raise:
                raise
            raised = error.what
        return Played(diary, session, raised)

    def varied(self, check: str, row: int, time: int, seed: int, detail: int | None) -> Played:
        """The tape that agrees with the true one up to ``row``."""
        pieces = self.material.pieces()
        if check == "prefix":
            return self.play(first_rows(pieces, row), time, Diary(detail_at=detail))
        return self.play(shuffled_behind(pieces, row, seed), time, Diary(detail_at=detail))


def first_rows(pieces: Iterator[Trades], rows: int) -> Iterator[Trades]:
    """The first ``rows`` trades."""
    for trades in pieces:
        yield trades.slice(0, rows)
        rows -= trades.rows
        if rows <= 0:
            return


def cut_at(pieces: Iterator[Trades], edges: list[int]) -> Iterator[Trades]:
    """The same trades, in pieces that end at every edge, each a copy of its own."""
    base = at = 0
    for trades in pieces:
        cursor = 0
        while at < len(edges) and edges[at] <= base + trades.rows:
            stop = edges[at] - base
            at += 1
            if stop > cursor:
                yield _copied(trades.slice(cursor, stop))
                cursor = stop
        if cursor < trades.rows:
            yield _copied(trades.slice(cursor, trades.rows))
        base += trades.rows


def _copied(trades: Trades) -> Trades:
    return trades._replace(**{name: getattr(trades, name).copy() for name in trades._fields})


def shuffled_behind(pieces: Iterator[Trades], row: int, seed: int) -> Iterator[Trades]:
    """The first ``row`` trades, and behind them those of the same piece in another order."""
    for trades in pieces:
        if trades.rows <= row:
            yield trades
            row -= trades.rows
            continue
        order = np.arange(trades.rows)
        np.random.default_rng(seed).shuffle(order[row:])
        yield trades._replace(
            price=trades.price[order],
            qty=trades.qty[order],
            side=trades.side[order],
            fills=trades.fills[order],
        )
        return


def time_of(pieces: Iterator[Trades], row: int) -> int:
    """When the last of the first ``row`` trades was."""
    time = 0
    for trades in pieces:
        if trades.rows:
            time = int(trades.time[min(row, trades.rows) - 1])
        row -= trades.rows
        if row <= 0:
            break
    return time
