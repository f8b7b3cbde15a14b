"""Jobs that run side by side, each in a process forked for it: what was made before is there.

What comes of a job does not depend on how many run at a time. Whoever asked waits, hears how far
each is, and raises what one of them raised.
"""

from __future__ import annotations

import os
import signal
import sys
import threading
import traceback
import warnings
from contextlib import suppress
from multiprocessing import connection, get_context
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from orderflow_bt.errors import OrderflowError
from orderflow_bt.interrupts import insist, must_wait

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping
    from multiprocessing.connection import Connection
    from multiprocessing.process import BaseProcess
    from types import FrameType

T = TypeVar("T")
_PATIENCE = 20  # seconds in which one that is interrupted clears up
_SILENCE = 60  # seconds after which one that says nothing is looked at
_THREADED = frozenset({"jax", "polars", "sklearn", "tensorflow", "torch"})


def can_fork() -> bool:
    """Whether a fork of this process can work on.

    A thread is not there in the fork, but a lock that it held is. So none of Python's may run, and
    no library may be loaded whose own threads are not begun anew. Those of pyarrow are, and of what
    numpy calculates with; other systems than Linux have libraries of their own that do not survive.
    """
    alone = threading.active_count() == 1
    return sys.platform == "linux" and alone and _THREADED.isdisjoint(sys.modules)


def processors() -> int:
    """How many processes run at a time here."""
    return len(os.sched_getaffinity(0)) if sys.platform == "linux" else os.cpu_count() or 1


def side_by_side(
    jobs: int,
    work: Callable[[int, Callable[[float], None]], T],
    tell: Callable[[int, float], None],
) -> list[T]:
    """Do jobs all at a time, each in a process of its own.

    Args:
        jobs: How many there are; each is known by its number.
        work: Does the job of a number, and says meanwhile how far it is; in its own process.
        tell: Hears a job's number and how far that is.

    Returns:
        What came of each.

    Raises:
        OrderflowError: A process ended before its job, or does nothing any more.
        BaseException: What a job raised; the others are interrupted, and have cleared up.
    """
    made: dict[int, T] = {}
    begun: dict[Connection, tuple[int, BaseProcess]] = {}
    try:
        for number in range(jobs):
            _begin(number, begun, work)
        used: dict[int, int] = {}  # processor time, by process
        while begun:
            heard = connection.wait(list(begun), _SILENCE)
            if not heard:
                used = _look_after([process for _, process in begun.values()], used)
            for ready in heard:
                assert isinstance(ready, connection.Connection)
                number, process = begun[ready]
                far, result, error = _hear(ready)
                if error is not None:
                    raise error
                if far is not None:
                    tell(number, far)
                    continue
                made[number] = result
                process.join()
                del begun[ready]
                ready.close()
    finally:
        _end(begun)
    return [made[number] for number in range(jobs)]


def _begin(
    job: int,
    begun: dict[Connection, tuple[int, BaseProcess]],
    work: Callable[[int, Callable[[float], None]], Any],
) -> None:
    """Begin a job in another process."""
    context = get_context("fork")
    ours, theirs = context.Pipe(duplex=False)
    process = context.Process(target=_do, args=(work, job, theirs, [ours, *begun]))
    with warnings.catch_warnings():
        # that other threads are there: `can_fork` looks whose
        warnings.simplefilter("ignore", DeprecationWarning)
        process.start()
    theirs.close()
    begun[ours] = job, process


def _look_after(processes: Iterable[BaseProcess], before: Mapping[int, int]) -> dict[int, int]:
    """Processor time of each; one that has used none since the look before stands still."""
    used = {p.pid: _used(p.pid) for p in processes if p.pid is not None and p.is_alive()}
    if any(before.get(pid) == ticks for pid, ticks in used.items()):
        raise OrderflowError(
            "a process stands still, as some libraries' threads do after a fork",
            fix="Say --workers 1",
        )
    return used


def _used(pid: int) -> int:
    """Processor time of a process, in the system's ticks."""
    try:
        told = Path(f"/proc/{pid}/stat").read_text(encoding="ascii", errors="replace")
    except OSError:  # it has ended in this instant, which is heard of
        return -1
    user, system = told.rpartition(")")[2].split()[11:13]
    return int(user) + int(system)


def _hear(ready: Connection) -> Any:
    """How far a job is, or what came of it, or what it raised."""
    try:
        return ready.recv()
    except EOFError:
        raise OrderflowError(
            "a process ended in the middle of its run",
            fix="The system may lack memory: say --workers 1",
        ) from None


def _end(begun: dict[Connection, tuple[int, BaseProcess]]) -> None:
    """Interrupt what still runs, and wait until it has cleared up."""
    for _, process in begun.values():
        if process.is_alive() and process.pid is not None:
            with suppress(ProcessLookupError):
                os.kill(process.pid, signal.SIGINT)
    for ours, (_, process) in begun.items():
        process.join(_PATIENCE)
        if process.is_alive():
            process.kill()
            process.join()
        ours.close()


def _do(
    work: Callable[[int, Callable[[float], None]], Any],
    job: int,
    theirs: Connection,
    others: Iterable[Connection],
) -> None:  # pragma: no cover - in another process
    """Do a job and send what comes of it, or what it raises."""
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, _interrupt)
    insist(_once_more)
    for ours in others:
        ours.close()  # else it would not be told that the one who asked is gone
    # Streams of its own: somebody may have held the lock of the old ones at the fork.
    sys.stdout, sys.stderr = (open(n, "w", closefd=False) for n in (1, 2))  # noqa: SIM115 - for good
    with suppress(OSError, KeyboardInterrupt):  # the one who asked is gone, or says so
        try:
            made: tuple[Any, ...] = (
                None,
                work(job, lambda far: theirs.send((far, None, None))),
                None,
            )
        except KeyboardInterrupt:
            raise
        except BaseException as error:  # noqa: BLE001 - the one who asked raises it again
            if not isinstance(error, OrderflowError):
                error.add_note(traceback.format_exc())
            made = None, None, error
        theirs.send(made)


def _interrupt(
    number: int, frame: FrameType | None
) -> None:  # pragma: no cover - in another process
    """Once: what follows must not disturb the clearing up."""
    if must_wait(number, frame):
        return
    for known in (signal.SIGINT, signal.SIGTERM):
        signal.signal(known, _pass_over)
    raise KeyboardInterrupt


def _once_more(dropped: KeyboardInterrupt) -> int:  # pragma: no cover - in another process
    """To be interrupted by what was dropped, which is the once of `_interrupt`."""
    del dropped
    signal.signal(signal.SIGINT, _interrupt)
    return signal.SIGINT


def _pass_over(
    number: int, frame: FrameType | None
) -> None:  # pragma: no cover - in another process
    """Ignore a signal; one that is on its way already cannot be told to be ignored."""
