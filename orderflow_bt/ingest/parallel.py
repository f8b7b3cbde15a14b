"""Days worked on by several threads, given up together."""

from __future__ import annotations

import queue
import threading
import time
from typing import TYPE_CHECKING, TypeVar

from orderflow_bt.ingest.day import Road, StoppedError

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Callable, Generator, Sequence

_STOP_WAIT_S = 3.0
_POLL_S = 0.2

T = TypeVar("T")


def in_parallel(
    step: Callable[[dt.date], T], road: Road, dates: Sequence[dt.date], workers: int
) -> Generator[T, None, None]:
    """Do a step for each day on threads of their own; results come as they are done.

    Interrupted, or where a step raises, what is on its way is given up, by ``road.stop`` and by
    closing its source.
    """
    wanted: queue.SimpleQueue[dt.date] = queue.SimpleQueue()
    for date in dates:
        wanted.put(date)
    done: queue.SimpleQueue[tuple[T] | BaseException] = queue.SimpleQueue()

    def work() -> None:
        while not road.stop.is_set():
            try:
                done.put((step(wanted.get_nowait()),))
            except (queue.Empty, StoppedError):
                return
            except BaseException as error:  # noqa: BLE001 - raised again in the caller's thread
                done.put(error)
                return

    # Daemons: a thread that waits for a silent server does not keep the program from ending.
    threads = [
        threading.Thread(target=work, name=f"download-{n}", daemon=True)
        for n in range(min(max(1, workers), len(dates)))
    ]
    try:
        for thread in threads:
            thread.start()
        for _ in dates:
            yield _next(done)
    except BaseException:
        # Interrupted, or a defect: what is on its way is given up.
        road.stop.set()
        road.source.close()
        raise
    finally:
        deadline = time.monotonic() + _STOP_WAIT_S
        for thread in threads:
            thread.join(max(0.0, deadline - time.monotonic()))


def _next(done: queue.SimpleQueue[tuple[T] | BaseException]) -> T:
    while True:
        try:
            result = done.get(timeout=_POLL_S)  # short, so that Ctrl-C is heard on every system
        except queue.Empty:
            continue
        if isinstance(result, BaseException):
            raise result
        return result[0]
