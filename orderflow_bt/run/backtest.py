"""One backtest: the tape once through, under all three fill policies, into a run folder."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from orderflow_bt.errors import PluginError
from orderflow_bt.run.clock import clocked_pieces
from orderflow_bt.run.folder import RunRecord, keep_failed, write_run
from orderflow_bt.run.funding import find_funding
from orderflow_bt.run.recorder import Recorder
from orderflow_bt.run.window import find_window
from orderflow_bt.sim import FillPolicy, Session
from orderflow_bt.sim.declared import lookback_of, readings_of
from orderflow_bt.sim.kept import FlowCache
from orderflow_bt.store import resolve_instrument
from orderflow_bt.types import time_bars

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from orderflow_bt.sim import SimConfig
    from orderflow_bt.sim.readings import Slice
    from orderflow_bt.sim.trips import RoundTrip
    from orderflow_bt.store import Lake
    from orderflow_bt.strategy import Strategy
    from orderflow_bt.types import TapeId

MARKING_BARS = time_bars("1h")  # on which equity is marked where a strategy reads no bars


@dataclass(frozen=True, slots=True)
class Request:
    """What to run.

    Attributes:
        name: What the strategy is called: folder and reports use it.
        strategy: Its class.
        parameters: By name; texts are converted.
        tape: Whose trades.
        start: First moment at which orders are enabled, microseconds UTC.
        end: End, exclusive.
        config: Assumptions of the simulation.
        accept_gaps: Whether to run over missing days and days with defects.
    """

    name: str
    strategy: type[Strategy]
    parameters: Mapping[str, Any]
    tape: TapeId
    start: int
    end: int
    config: SimConfig
    accept_gaps: bool = False


def backtest(
    lake: Lake,
    request: Request,
    folder: Path,
    *,
    progress: Callable[[int, int], None] | None = None,
) -> dict[str, Any]:
    """Run a strategy over stored days and write its run folder; returns its metrics.

    Args:
        lake: Where the days are stored.
        request: What to run.
        folder: The run folder to make; it must not exist.
        progress: Called with (trades read, trades in all).

    Raises:
        CoverageError: Days or trades are missing and the request does not accept that.
        UsageError: A parameter is wrong.
        PluginError: The strategy raised, or broke a rule; what the run had until then is kept in a
            folder of its own, ``FOLDER.failed``.
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
    instrument = resolve_instrument(lake, request.tape, [day.date for day in window.days])
    funding = find_funding(lake, request.tape, request.start, request.end)
    readings = readings_of(
        strategy,
        instrument,
        ids_are_continuous=request.tape.ids_are_continuous,
        number_from=request.start,
        fallback=MARKING_BARS,
        kept=FlowCache.of(lake, (*window.warmup, *window.days), request.end, instrument),
    )
    sessions = {
        policy: Session(
            strategy if policy is request.config.fills else request.strategy(**request.parameters),
            instrument,
            replace(request.config, fills=policy),
            readings.specs,
            start=request.start,
            funding=funding.rows,
        )
        for policy in FillPolicy
    }
    main = sessions[request.config.fills]
    recorder = Recorder(main, readings.specs[0] if readings.specs else None)
    everyone = [main, *(session for session in sessions.values() if session is not main)]

    def live_through(piece: Slice) -> None:
        for session in everyone:
            session.feed(piece)
        recorder.observe(piece)

    def record(still_open: RoundTrip | None) -> RunRecord:
        return RunRecord(
            request, window, funding, instrument, strategy, main, still_open, recorder,
            {policy.value: session for policy, session in sessions.items()},
            simulated_market=lake.simulated,
        )  # fmt: skip

    total, done = sum(day.rows for day in (*window.warmup, *window.days)), 0
    units = (instrument.price_decimals, instrument.qty_decimals)
    nothing = None
    pieces = lake.read_pieces(request.tape, window.dates, *units, keep=True)
    try:
        for piece in clocked_pieces(pieces, request.end):
            nothing = piece.trades.slice(0, 0)
            if piece.first == 0:
                readings.begin_day(piece.day.date)
            live_through(readings.feed(piece.trades))
            if progress:
                done += piece.trades.rows
                progress(done, total)
        if nothing is not None:
            live_through(readings.close_until(request.end, nothing))
        still_open = [session.finish(request.end) for session in everyone]
    except PluginError as error:
        kept = keep_failed(record(main.still_open()), error, folder)
        told = f"What the run had until then: {kept}"
        raise PluginError(
            error.what, where=error.where, fix=f"{error.fix}. {told}" if error.fix else told
        ) from error
    return write_run(record(still_open[0]), folder)
