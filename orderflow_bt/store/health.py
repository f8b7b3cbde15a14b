"""Is a lake whole: what was left behind, what cannot be read, what its days say of themselves."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, TypeVar

import filelock

from orderflow_bt.errors import LakeError
from orderflow_bt.store.files import side_by_side
from orderflow_bt.store.lake import lock_of
from orderflow_bt.store.series import SeriesStore

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path

    from orderflow_bt.store.lake import Lake
    from orderflow_bt.types import TapeId

T = TypeVar("T")
U = TypeVar("U")


@dataclass(slots=True)
class LakeHealth:
    """What was found in a lake.

    Attributes:
        days: Stored days of tapes that can be read.
        pieces: Stored pieces of series that can be read.
        bytes: Size of both.
        schemas: Days by the version of their schema.
        days_with_defects: Days whose quality record names a defect, by tape.
        leftovers: Files of interrupted downloads that nobody is writing to.
        being_written: Files that another process is writing to now.
        unreadable: What cannot be read, and why.
        simulated: What the lake's marker says was simulated.
    """

    days: int = 0
    pieces: int = 0
    bytes: int = 0
    schemas: Counter[int] = field(default_factory=Counter)
    days_with_defects: Counter[TapeId] = field(default_factory=Counter)
    leftovers: list[Path] = field(default_factory=list)
    being_written: list[Path] = field(default_factory=list)
    unreadable: list[LakeError] = field(default_factory=list)
    simulated: str = ""


def lake_health(lake: Lake) -> LakeHealth:
    """Look at every file of a lake, by its footer alone; nothing is changed."""
    health = LakeHealth()
    _look_at_leftovers(lake, health)
    try:
        health.simulated = lake.simulated
        tapes = lake.tapes()
        series = SeriesStore(lake)
        all_series = series.all()
    except LakeError as error:
        health.unreadable.append(error)
        return health
    workers = lake.files.workers
    for tape in tapes:
        for day in _readable(lake.dates, lake.day, tape, workers, health):
            health.days += 1
            health.bytes += day.bytes
            health.schemas[day.schema] += 1
            health.days_with_defects[tape] += not day.quality.is_clean
    for item in all_series:
        for piece in _readable(series.dates, series.info, item, workers, health):
            health.pieces += 1
            health.bytes += piece.bytes
    return health


def _readable(
    dates: Callable[[T], Sequence[dt.date]],
    info: Callable[[T, dt.date], U | None],
    item: T,
    workers: int,
    health: LakeHealth,
) -> Iterator[U]:
    """What the stored files of a tape or series say; those that cannot be read are noted."""

    def asked(date: dt.date) -> U | LakeError | None:
        try:
            return info(item, date)
        except LakeError as error:
            return error

    try:
        for found in side_by_side(asked, dates(item), workers):
            if isinstance(found, LakeError):
                health.unreadable.append(found)
            elif found is not None:
                yield found
    except LakeError as error:
        health.unreadable.append(error)


def _look_at_leftovers(lake: Lake, health: LakeHealth) -> None:
    for part in lake.files.parts():
        path = lock_of(part)
        if not path.exists():
            health.leftovers.append(part)
            continue
        lock = filelock.FileLock(path, thread_local=False)
        try:
            with lock.acquire(blocking=False):
                health.leftovers.append(part)
        except (filelock.Timeout, OSError):
            health.being_written.append(part)
