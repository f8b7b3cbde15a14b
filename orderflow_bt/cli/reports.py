"""Reports of one run or of many: drawn here, or on several processes at once."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable
    from concurrent.futures import Future
    from pathlib import Path


class Reports:
    """Builds reports: one here, several on as many processes as there are processors.

    Pictures take longer to draw than many a run takes, and what draws them takes long to load:
    results come first.

    Args:
        count: How many there will be at most.
    """

    def __init__(self, count: int) -> None:
        self._workers = min(count, os.cpu_count() or 1)
        self._under_way: dict[Path, Future[Path]] = {}

    def begin(self, folders: Iterable[Path]) -> None:
        """Begin with those of these run folders, where that is worth processes of their own."""
        if self._workers > 1:
            from concurrent.futures import ProcessPoolExecutor
            from multiprocessing import get_context

            pool = ProcessPoolExecutor(self._workers, mp_context=get_context("spawn"))
            self._under_way |= {folder: pool.submit(build_report, folder) for folder in folders}
            pool.shutdown(wait=False)

    def wait(self, folder: Path) -> None:
        """Have the report of a run folder there."""
        if folder in self._under_way:
            from concurrent.futures.process import BrokenProcessPool

            try:
                self._under_way.pop(folder).result()
            except BrokenProcessPool:  # the system ended it, for want of memory say
                build_report(folder)
        else:
            build_report(folder)


def build_report(folder: Path) -> Path:
    """Build the report of a run folder; its path."""
    from orderflow_bt import report

    return report.build(folder)
