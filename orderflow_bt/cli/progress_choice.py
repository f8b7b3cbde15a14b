"""How a long transfer is shown: a bar on a terminal, lines elsewhere, nothing if quiet."""

from __future__ import annotations

import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING

import typer

from orderflow_bt.cli import options
from orderflow_bt.cli.words import count_text, size_text
from orderflow_bt.series import SeriesId

if TYPE_CHECKING:
    from collections.abc import Iterator

    from orderflow_bt.ingest import DayResult, Progress


@contextmanager
def progress_of(days: int) -> Iterator[Progress]:
    """A bar on a terminal, a line a day elsewhere, nothing if the user wants quiet."""
    from orderflow_bt.ingest import NoProgress

    if options.settings.quiet:
        yield NoProgress()
    elif sys.stderr.isatty():
        from orderflow_bt.cli.progress import terminal_progress

        with terminal_progress(days) as bar:
            yield bar
    else:
        yield _Lines()


class _Lines:
    """One plain line a day, for logs."""

    def received(self, size: int) -> None:
        """Nothing is said before a day is done."""

    def finished(self, result: DayResult) -> None:
        """Say what became of a day."""
        text = f"{result.date} {result.tape.symbol} {result.status.replace('_', ' ')}"
        if result.info:
            row = "row" if isinstance(result.tape, SeriesId) else "trade"
            text += f", {count_text(result.info.rows, row)}, {size_text(result.info.bytes)}"
        typer.echo(text, err=True)  # why a day did not come is said once, in the end
