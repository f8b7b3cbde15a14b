"""The bar that shows a download on a terminal."""

from __future__ import annotations

import datetime as dt
import threading
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING

from rich.console import Console
from rich.progress import (
    BarColumn,
    FileSizeColumn,
    MofNCompleteColumn,
    Progress,
    TextColumn,
    TransferSpeedColumn,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from orderflow_bt.ingest import DayResult

_FETCHED = ("stored", "repaired", "failed")


class TerminalProgress:
    """Days done of all days, rows stored, bytes a second, and the time that is left.

    Args:
        days: How many there are.
        shown: Draws the days.
        received: Draws the bytes.
        clock: Tells seconds.
    """

    def __init__(
        self,
        days: int,
        shown: Progress,
        received: Progress,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._days = shown
        self._bytes = received
        self._clock = clock
        self._lock = threading.Lock()
        self._start: float | None = None
        self._left = days
        self._fetched = 0
        self._rows = 0
        self._day_task = shown.add_task("days", total=days, rows="0 rows", left="")
        self._byte_task = received.add_task("received", total=None)

    def received(self, size: int) -> None:
        """So many more bytes have arrived."""
        with self._lock:
            if self._start is None:
                self._start = self._clock()
        self._bytes.advance(self._byte_task, size)

    def finished(self, result: DayResult) -> None:
        """A day is done."""
        with self._lock:
            self._left -= 1
            if result.status in _FETCHED:
                self._fetched += 1
            if result.status in ("stored", "repaired") and result.info:
                self._rows += result.info.rows
            rows, left = f"{self._rows:,} rows", self.time_left()
        name = f"{result.tape.symbol} {result.date}"
        self._days.update(self._day_task, description=name, rows=rows, left=left)
        self._days.advance(self._day_task)
        if result.error:  # why is said once, in the end
            text = f"{name} {result.status.replace('_', ' ')}"
            self._days.console.print(text, markup=False, highlight=False)

    def time_left(self) -> str:
        """How long the other days will take at the pace of those that were fetched.

        Days that were there before took no time, and tell nothing of it.
        """
        if self._start is None or not self._fetched or self._left <= 0:
            return ""
        seconds = (self._clock() - self._start) / self._fetched * self._left
        return f"{dt.timedelta(seconds=round(seconds))} left"


@contextmanager
def terminal_progress(days: int) -> Iterator[TerminalProgress]:
    """Draw on stderr while a download runs; the bar is gone when it ends."""
    from rich.console import Group
    from rich.live import Live

    console = Console(stderr=True)
    shown = Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("{task.fields[rows]}"),
        TextColumn("{task.fields[left]}"),
        console=console,
    )
    received = Progress(
        TextColumn("{task.description}"), FileSizeColumn(), TransferSpeedColumn(), console=console
    )
    with Live(Group(shown, received), console=console, transient=True, refresh_per_second=8):
        yield TerminalProgress(days, shown, received)
