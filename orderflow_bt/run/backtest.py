"""Backtests: the tape once through for all of them, each under all three fill policies."""

from __future__ import annotations

import gc
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from orderflow_bt.errors import PluginError, UsageError
from orderflow_bt.run.running import Running
from orderflow_bt.run.workers import can_fork, side_by_side

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path

    from orderflow_bt.run.request import Request
    from orderflow_bt.sim.shared import Shared
    from orderflow_bt.store import Lake

_YOUNG = 20_000  # new objects at which the collector looks for rings among them


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
    (result,) = backtests(lake, [(request, folder)], progress=progress)
    if isinstance(result, PluginError):
        raise result
    return result


def backtests(
    lake: Lake,
    asked: Sequence[tuple[Request, Path]],
    *,
    progress: Callable[[int, int], None] | None = None,
    workers: int = 1,
) -> list[dict[str, Any] | PluginError]:
    """Several runs on one tape and window, the tape once through for all of them.

    Each is what it would be alone. One that fails leaves the others to go on. Bars and events that
    several of those ask for whose reading begins on the same day are made once. Where the lake's
    cache holds all that they read, there is little to share: they may run side by side.

    Args:
        lake: Where the days are stored.
        asked: What to run, and the run folder to make, at least one.
        progress: Called with (trades read, trades in all).
        workers: The most processes to run them on; `workers.processors` says how many help.

    Returns:
        For each run its metrics, or the error of its plugin.

    Raises:
        CoverageError: Days or trades are missing and a request does not accept that.
        UsageError: A parameter is wrong, or the requests differ in tape or window.
    """
    first = asked[0][0]
    if any((r.tape, r.start, r.end) != (first.tape, first.start, first.end) for r, _ in asked):
        raise UsageError("runs of one pass share their tape and their window")
    beside: dict[tuple[dt.date, ...], Shared] = {}
    runs = [Running(lake, request, beside, folder.parent) for request, folder in asked]
    folders = [folder for _, folder in asked]
    tell = progress or _say_nothing
    if min(workers, len(runs)) > 1 and can_fork() and all(run.is_kept for run in runs):
        return _run_side_by_side(lake, runs, folders, tell, workers)
    return _run_in_one_pass(lake, runs, folders, tell)


def _say_nothing(done: int, total: int) -> None:
    """Of how far it is."""


def _run_side_by_side(
    lake: Lake,
    runs: Sequence[Running],
    folders: Sequence[Path],
    tell: Callable[[int, int], None],
    workers: int,
) -> list[dict[str, Any] | PluginError]:
    """As many passes at a time, the runs dealt to them."""
    passes = min(workers, len(runs))
    total, shares = _rows(runs), [0.0] * passes

    def run(
        number: int, say: Callable[[float], None]
    ) -> list[dict[str, Any] | PluginError]:  # pragma: no cover - in another process
        mine = slice(number, None, passes)
        return _run_in_one_pass(lake, runs[mine], folders[mine], lambda done, of: say(done / of))

    def hear(number: int, far: float) -> None:
        shares[number] = far
        tell(int(total * min(shares)), total)

    results: list[Any] = [None] * len(runs)
    with spared():
        for number, made in enumerate(side_by_side(passes, run, hear)):
            results[number::passes] = made
    return results


def _run_in_one_pass(
    lake: Lake,
    runs: Sequence[Running],
    folders: Sequence[Path],
    tell: Callable[[int, int], None],
) -> list[dict[str, Any] | PluginError]:
    """All runs through the same pieces of the tape."""
    days = sorted({date for run in runs for date in run.days})
    total, done = _rows(runs), 0
    unit = runs[0].instrument
    units = (unit.price_decimals, unit.qty_decimals)
    failed: dict[int, PluginError] = {}
    with spared():
        for piece in lake.read_pieces(runs[0].tape, days, *units, keep=True):
            for number, run in enumerate(runs):
                if number not in failed:
                    try:
                        run.feed(piece)
                    except PluginError as error:
                        failed[number] = run.keep(error, folders[number])
            if len(failed) == len(runs):
                break
            done += piece.trades.rows
            tell(done, total)
    results: list[dict[str, Any] | PluginError] = []
    with spared():  # what the tape made is walked no more either
        for number, run in enumerate(runs):
            try:
                results.append(failed.get(number) or run.finish(folders[number]))
            except PluginError as error:
                results.append(run.keep(error, folders[number]))
    return results


def _rows(runs: Sequence[Running]) -> int:
    """Trades of all days that any of them reads."""
    return sum({date: day.rows for run in runs for date, day in run.days.items()}.values())


@contextmanager
def spared() -> Iterator[None]:
    """Spare the collector from walking, again and again, bars and what was there before them."""
    usual = gc.get_threshold()
    gc.freeze()
    gc.set_threshold(_YOUNG, *usual[1:])
    try:
        yield
    finally:
        gc.set_threshold(*usual)
        gc.unfreeze()
