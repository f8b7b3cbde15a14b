"""Is a lake whole: what was left behind, what cannot be read, what its days say of themselves."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import filelock

from orderflow_bt.errors import LakeError
from orderflow_bt.store.lake import INCOMING, lock_of
from orderflow_bt.store.series import SeriesStore

if TYPE_CHECKING:
    from pathlib import Path

    from orderflow_bt.store.lake import Lake
    from orderflow_bt.types import TapeId


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
    """

    days: int = 0
    pieces: int = 0
    bytes: int = 0
    schemas: Counter[int] = field(default_factory=Counter)
    days_with_defects: Counter[TapeId] = field(default_factory=Counter)
    leftovers: list[Path] = field(default_factory=list)
    being_written: list[Path] = field(default_factory=list)
    unreadable: list[LakeError] = field(default_factory=list)


def lake_health(lake: Lake) -> LakeHealth:
    """Look at every file of a lake, by its footer alone; nothing is changed."""
    health = LakeHealth()
    _look_at_leftovers(lake, health)
    try:
        tapes = lake.tapes()
        series = SeriesStore(lake)
        all_series = series.all()
    except LakeError as error:
        health.unreadable.append(error)
        return health
    for tape in tapes:
        try:
            dates = lake.dates(tape)
        except LakeError as error:
            health.unreadable.append(error)
            continue
        for date in dates:
            try:
                day = lake.day(tape, date)
            except LakeError as error:
                health.unreadable.append(error)
                continue
            if day:
                health.days += 1
                health.bytes += day.bytes
                health.schemas[day.schema] += 1
                health.days_with_defects[tape] += not day.quality.is_clean
    for item in all_series:
        try:
            pieces = series.dates(item)
        except LakeError as error:
            health.unreadable.append(error)
            continue
        for piece in pieces:
            try:
                info = series.info(item, piece)
            except LakeError as error:
                health.unreadable.append(error)
                continue
            if info:
                health.pieces += 1
                health.bytes += info.bytes
    return health


def _look_at_leftovers(lake: Lake, health: LakeHealth) -> None:
    folder = lake.root / INCOMING
    for part in sorted(folder.glob("*.part")):
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
