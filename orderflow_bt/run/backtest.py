"""Backtests: the tape once through for all of them, each under all three fill policies."""

from __future__ import annotations

import gc
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any

from orderflow_bt.errors import PluginError, UsageError
from orderflow_bt.heap import give_back
from orderflow_bt.run.running import Running
from orderflow_bt.run.workers import can_fork, side_by_side

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path

    from orderflow_bt.run.request import Request
    from orderflow_bt.sim.shared import Shared
    from orderflow_bt.store import Lake, Piece

    Tell = Callable[[int, int], None]

_YOUNG = 20_000  # new objects at which the collector looks for rings among them
_KEPT = 40  # bytes of a trade in the cache, with what is read of it


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
    several of those ask for whose reading begins on the same day are made once. Where there may be
    several processes, and the lake's cache can hold all that is read, that comes first; then the
    runs go on side by side.

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
    runs = _begin(lake, asked)
    folders = [folder for _, folder in asked]
    tell = progress or _say_nothing
    if min(workers, len(runs)) > 1 and can_fork():
        if not all(run.is_kept for run in runs) and _can_keep(lake, runs):
            tell = _read_first(lake, runs, tell)
            runs = _begin(lake, asked)
            give_back()
        if all(run.is_kept for run in runs):
            return _run_side_by_side(lake, runs, folders, tell, workers)
    return _run_in_one_pass(lake, runs, folders, tell)


def _begin(lake: Lake, asked: Sequence[tuple[Request, Path]]) -> list[Running]:
    """Runs before their first trade, which share what they read."""
    beside: dict[tuple[dt.date, ...], Shared] = {}
    return [Running(lake, request, beside, folder.parent) for request, folder in asked]


def _can_keep(lake: Lake, runs: Sequence[Running]) -> bool:
    """Whether all that the runs read can be kept, and there is room for it."""
    if lake.cache is None or not all(run.can_be_kept for run in runs):
        return False
    return _rows(runs) * _KEPT <= lake.cache.room()


def _read_first(lake: Lake, runs: Sequence[Running], tell: Tell) -> Tell:
    """Have all that the runs read kept, and nothing lived through; how to tell of what follows.

    Reading is work for kernels, which two threads do side by side; living is work for Python, of
    which no two threads of a process do any at a time.
    """
    total, done = _rows(runs), 0
    with spared(), suppress(PluginError):  # whose it is, the pass that follows will tell
        for piece in _pieces(lake, runs):
            for run in runs:
                run.read(piece)
            done += piece.trades.rows
            tell(done, 2 * total)
        for run in runs:
            run.close()
    return lambda further, _: tell(total + further, 2 * total)


def _say_nothing(done: int, total: int) -> None:
    """Of how far it is."""


def _run_side_by_side(
    lake: Lake,
    runs: Sequence[Running],
    folders: Sequence[Path],
    tell: Tell,
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
    tell: Tell,
) -> list[dict[str, Any] | PluginError]:
    """All runs through the same pieces of the tape."""
    total, done = _rows(runs), 0
    failed: dict[int, PluginError] = {}
    with spared():
        for piece in _pieces(lake, runs):
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


def _pieces(lake: Lake, runs: Sequence[Running]) -> Iterator[Piece]:
    """The tape, from the first day that any of them reads."""
    days = sorted({date for run in runs for date in run.days})
    unit = runs[0].instrument
    units = unit.price_decimals, unit.qty_decimals
    return lake.read_pieces(runs[0].tape, days, *units, keep=True)


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
