"""The bar that shows a download on a terminal."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

from rich.console import Console
from rich.progress import (
    BarColumn,
    DownloadColumn,
    MofNCompleteColumn,
    Progress,
    TextColumn,
    TimeElapsedColumn,
    TransferSpeedColumn,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

    from orderflow_bt.ingest import DayResult


class TerminalProgress:
    """Days done of all days, and the bytes that came for them."""

    def __init__(self, days: int, shown: Progress, received: Progress) -> None:
        self._days = shown
        self._bytes = received
        self._day_task = shown.add_task("days", total=days)
        self._byte_task = received.add_task("received", total=None)

    def received(self, size: int) -> None:
        """So many more bytes have arrived."""
        self._bytes.advance(self._byte_task, size)

    def finished(self, result: DayResult) -> None:
        """A day is done."""
        self._days.update(self._day_task, description=f"{result.tape.symbol} {result.date}")
        self._days.advance(self._day_task)
        if result.error:
            text = f"{result.date} {result.status.replace('_', ' ')}: {result.error.what}"
            self._days.console.print(text, markup=False, highlight=False)


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
        TimeElapsedColumn(),
        console=console,
    )
    received = Progress(
        TextColumn("{task.description}"), DownloadColumn(), TransferSpeedColumn(), console=console
    )
    with Live(Group(shown, received), console=console, transient=True, refresh_per_second=8):
        yield TerminalProgress(days, shown, received)
