"""A run under way: its readings, its sessions under the fill policies, what it writes down."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from orderflow_bt.errors import PluginError
from orderflow_bt.run.context import find_context
from orderflow_bt.run.folder import keep_failed, write_run
from orderflow_bt.run.funding import find_funding
from orderflow_bt.run.grid import conditions_of
from orderflow_bt.run.inputs import code_of
from orderflow_bt.run.marks import find_marks
from orderflow_bt.run.reader import Reader
from orderflow_bt.run.record import RunRecord
from orderflow_bt.run.recorder import MARKING_BARS, Recorder
from orderflow_bt.run.spool import Spool
from orderflow_bt.run.window import find_window
from orderflow_bt.sim import FillPolicy, Session
from orderflow_bt.sim.declared import lookback_of, readings_of, series_of
from orderflow_bt.sim.kept import FlowCache
from orderflow_bt.sim.shared import Shared
from orderflow_bt.store import resolve_instrument

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Iterable, Iterator, Mapping

    from orderflow_bt.run.grid import Condition
    from orderflow_bt.run.request import Request
    from orderflow_bt.sim.readings import Slice
    from orderflow_bt.sim.trips import RoundTrip
    from orderflow_bt.store import Lake, Piece
    from orderflow_bt.strategy import Strategy


class Running:
    """A run under way: its readings, its sessions, what it writes down.

    Args:
        lake: Where the days are stored.
        request: What to run.
        beside: What runs fed beside this one share, by the days they read.
        home: On whose disk lies what is put aside meanwhile; None: in memory.
    """

    def __init__(
        self,
        lake: Lake,
        request: Request,
        beside: dict[tuple[dt.date, ...], Shared] | None = None,
        home: Path | None = None,
    ) -> None:
        self._request, self._lake, self.tape = request, lake, request.tape
        self._strategy = request.strategy(**request.parameters)
        self._lookback = lookback_of(self._strategy)
        self._window = find_window(
            lake,
            request.tape,
            request.start,
            request.end,
            lookback=self._lookback,
            accept_gaps=request.accept_gaps,
        )
        self.dates = self._window.dates
        self.days = {day.date: day for day in (*self._window.warmup, *self._window.days)}
        self.instrument = resolve_instrument(
            lake, request.tape, [day.date for day in self._window.days]
        )
        self._funding = find_funding(lake, request.tape, request.start, request.end)
        self._marks = find_marks(
            lake,
            request.tape,
            request.start,
            request.end,
            request.config,
            accept_gaps=request.accept_gaps,
        )
        self._context = find_context(
            lake,
            request.tape,
            series_of(self._strategy),
            self.dates,
            accept=request.accept_gaps,
        )
        self._sources = self._context.sources()
        shared = None if beside is None else beside.setdefault(tuple(self.days), Shared())
        self._reader = self._new_reader(shared)
        self._code = code_of(request.strategy)
        self._spool = None if home is None else Spool(home)
        chosen = request.config.fills
        self._main = self._session(self._strategy, chosen)
        self._sessions = {chosen: self._main}
        self._compared = {name: self._session(other, chosen) for name, other in self._variants()}
        self._grid: list[tuple[Condition, Session]] = []
        specs = self._reader.readings.specs
        self._recorder = Recorder(specs[0] if specs else None, request.start, self._spool)
        self._everyone = [self._main, *self._compared.values()]
        if not self._reader.readings.is_kept:
            self._begin_others()

    @property
    def is_kept(self) -> bool:
        """Whether the lake's cache holds all that it reads, of a lake in a folder."""
        unit, root = self.instrument, self._lake.root
        return (
            isinstance(root, Path)
            and self._reader.readings.is_kept
            and self._lake.keeps(self.tape, self.dates, unit.price_decimals, unit.qty_decimals)
        )

    @property
    def can_be_kept(self) -> bool:
        """Whether `is_kept` will be true when all has been read once, if the cache has room."""
        return isinstance(self._lake.root, Path) and self._reader.readings.can_be_kept

    def _new_reader(self, shared: Shared | None = None) -> Reader:
        request = self._request
        kept = FlowCache.of(self._lake, list(self.days.values()), request.end, self.instrument)
        readings = readings_of(
            self._strategy,
            self.instrument,
            ids_are_continuous=request.tape.ids_are_continuous,
            number_from=request.start,
            fallback=MARKING_BARS,
            kept=kept,
            shared=shared,
        )
        return Reader(readings, self.days, request.end)

    def _variants(self) -> Iterator[tuple[str, Strategy]]:
        """What the strategy asks to be compared with, but itself."""
        request = self._request
        for name, changes in request.strategy.comparisons.items():
            other = request.strategy(**{**request.parameters, **changes})
            if other.parameters() != self._strategy.parameters():
                yield name, other

    def _session(
        self, strategy: Strategy, policy: FillPolicy, under: Condition | None = None
    ) -> Session:
        request = self._request
        session = Session(
            strategy,
            self.instrument,
            replace(request.config, fills=policy) if under is None else under.config,
            self._reader.readings.specs,
            start=request.start if under is None else under.start,
            funding=self._funding.rows,
            context=self._sources,
            marks=self._marks.prices,
        )
        if self._spool is not None:
            session.shelve(self._spool)
        return session

    def read(self, piece: Piece) -> Slice | None:
        """What becomes known in the next piece of the tape; None of a day before the warm-up."""
        return self._reader.read(piece)

    def close(self) -> Slice | None:
        """What becomes known when the clock reaches the end; all that can be is kept then."""
        return self._reader.close()

    def feed(self, piece: Piece) -> None:
        """Live through the next piece of the tape; one of a day before the warm-up is not ours."""
        known = self.read(piece)
        if known is not None:
            self._live_through(known)
            if len(self._sessions) < len(FillPolicy) and len(self._main.broker.orders):
                self._catch_up(piece)

    def _begin_others(self) -> list[Session]:
        """Sessions under the fill policies that have none yet, and of the grid."""
        request = self._request
        missing = [policy for policy in FillPolicy if policy not in self._sessions]
        begun = [self.session_under(policy) for policy in missing]
        for condition in conditions_of(request) if request.grid else []:
            session = self._main
            if (condition.config, condition.start) != (request.config, request.start):
                strategy = request.strategy(**request.parameters)
                session = self._session(strategy, request.config.fills, condition)
                begun.append(session)
            self._grid.append((condition, session))
        self._everyone += begun
        return begun

    def _catch_up(self, last: Piece) -> None:
        """Begin the other fill policies and let them live through all that has been.

        Until a strategy has sent an order they cannot differ. What they read again is kept.
        """
        self._sources = self._context.sources()  # from their beginning
        begun, reader = self._begin_others(), self._new_reader()
        self._refuse_other_files(reader.readings.files)
        for piece in self._pieces(date for date in self.dates if date <= last.day.date):
            known = reader.read(piece)
            if known is not None:
                for session in begun:
                    session.feed(known)
            if (piece.day.date, piece.first) == (last.day.date, last.first):
                break
        reader.readings.close()

    def _refuse_other_files(self, files: Mapping[str, str]) -> None:
        for path, digest in self._reader.readings.files.items():
            if files.get(path) != digest:
                raise PluginError(
                    "the file has changed since the run began", where=path, fix="Run it again"
                )

    def _pieces(self, dates: Iterable[dt.date]) -> Iterator[Piece]:
        units = (self.instrument.price_decimals, self.instrument.qty_decimals)
        return self._lake.read_pieces(self._request.tape, dates, *units, keep=True)

    def slices(self) -> Iterator[Slice]:
        """The whole tape for one who feeds it to a session elsewhere, each piece when asked for."""
        for piece in self._pieces(self.dates):
            known = self._reader.read(piece)
            if known is not None:
                self._recorder.hear(known)
                yield known
                self._recorder.observe(known)
        known = self._reader.close()
        if known is not None:
            self._recorder.hear(known)
            yield known
            self._recorder.observe(known)

    def session_under(self, policy: FillPolicy) -> Session:
        """Its session under one fill policy, from before the first trade where it is new."""
        if policy not in self._sessions:
            request = self._request
            strategy = request.strategy(**request.parameters)
            self._sessions[policy] = self._session(strategy, policy)
        return self._sessions[policy]

    def _live_through(self, piece: Slice) -> None:
        self._recorder.hear(piece)
        for session in self._everyone:
            session.feed(piece)
        self._recorder.observe(piece)

    def finish(self, folder: Path) -> dict[str, Any]:
        """Let the clock reach the end and write the run folder; its metrics."""
        end, known = self._request.end, self.close()
        if known is not None:
            self._live_through(known)
        still_open = [session.finish(end) for session in self._everyone]
        return write_run(self.record(still_open[0]), folder).metrics

    def keep(self, error: PluginError, folder: Path) -> PluginError:
        """Write what a run had that ends with an error; the error, which says where."""
        kept = keep_failed(self.record(self._main.still_open()), error, folder)
        told = f"What the run had until then: {kept}"
        fix = f"{error.fix}. {told}" if error.fix else told
        return PluginError(error.what, where=error.where, fix=fix)

    def record(self, still_open: RoundTrip | None) -> RunRecord:
        """All that is written down of the run."""
        return RunRecord(
            self._request, self._window, self._funding, self._marks, self._context,
            self.instrument, self._strategy, self._main, still_open, self._recorder, self._lake,
            {policy.value: self._sessions.get(policy, self._main) for policy in FillPolicy},
            self._lookback, self._code, self._reader.readings.files, self._compared,
            simulated_market=self._lake.simulated,
            grid=self._grid,
        )  # fmt: skip
