"""Days of a tape into the lake, several at a time; asked again, it does nothing."""

from __future__ import annotations

import contextlib
import datetime as dt
import threading
from typing import TYPE_CHECKING

from orderflow_bt.archive import exchange
from orderflow_bt.ingest.day import stored_info
from orderflow_bt.ingest.discover import NewestPublished
from orderflow_bt.ingest.month import MonthRoad, to_repair
from orderflow_bt.ingest.parallel import in_parallel
from orderflow_bt.ingest.results import DayResult, NoProgress
from orderflow_bt.series import SeriesId

if TYPE_CHECKING:
    from collections.abc import Sequence

    from orderflow_bt.archive import Source
    from orderflow_bt.ingest.results import Progress
    from orderflow_bt.store import Lake
    from orderflow_bt.types import TapeId


def download(
    lake: Lake,
    tape: TapeId | SeriesId,
    dates: Sequence[dt.date],
    source: Source,
    *,
    workers: int = 4,
    accept_bad_checksum: bool = False,
    keep_raw: bool = False,
    repair: bool = False,
    progress: Progress | None = None,
    now: dt.datetime | None = None,
) -> list[DayResult]:
    """Bring the days of a tape that the lake does not have yet.

    A day without a file of its own is taken out of its month's. A day that fails does not keep the
    others from being stored. Days that are stored already are not asked for. Interrupted
    (``KeyboardInterrupt``), it leaves no part of a day behind.

    Args:
        lake: Where to.
        tape: Whose days: a tape, or a series.
        dates: Which.
        source: Where from.
        workers: Days on their way at a time.
        accept_bad_checksum: Store a day whose checksum does not match or is not published; its
            metadata says so.
        keep_raw: Keep the exchange's files too, below the lake's ``raw/``.
        repair: Compare stored days that lack trades, or hold zero quantities, with the copies in
            their month's files, and keep of each the one that lacks less.
        progress: Is told how it goes.
        now: The moment that decides whether an absent day may still be published.

    Returns:
        A result for each date, in the order of ``dates``; for a series that is published by the
        month, one for each month.

    Raises:
        UnsupportedError: The exchange's archive is not known.
        LakeError: The lake cannot be written to.
    """
    progress = progress or NoProgress()
    archive = exchange(tape.exchange)
    results: dict[dt.date, DayResult] = {}
    absent = []
    wanted = pieces(tape, dates)
    for date in wanted:
        if info := stored_info(lake, tape, date):
            results[date] = DayResult(tape, date, "present", info=info)
        else:
            absent.append(date)
    if not repair:
        for result in results.values():
            progress.finished(result)
    lake.sweep()
    if not absent and not repair:
        return [results[date] for date in wanted]
    road = MonthRoad(
        lake=lake,
        exchange=archive,
        source=source,
        accept_bad_checksum=accept_bad_checksum,
        keep_raw=keep_raw,
        now=now or dt.datetime.now(dt.UTC),
        on_bytes=progress.received,
        newest=NewestPublished(archive, source),
        stop=threading.Event(),
    )

    def bring(date: dt.date) -> DayResult:
        return road.bring(tape, date)

    with contextlib.closing(in_parallel(bring, road, absent, workers)) as finished:
        for result in finished:
            results[result.date] = result
            if result.status != "missing" and not repair:
                progress.finished(result)
    again = {date for date in absent if results[date].status == "missing"}
    if repair:
        again |= set(to_repair(lake, tape, wanted))
    with contextlib.closing(road.bring_days(tape, sorted(again))) as from_months:
        for result in from_months:
            if result.status != "present" or results[result.date].status == "missing":
                results[result.date] = result
    for date in wanted if repair else sorted(again):
        progress.finished(results[date])
    return [results[date] for date in wanted]


def pieces(tape: TapeId | SeriesId, dates: Sequence[dt.date]) -> list[dt.date]:
    """What is stored in one piece: the days, each once; for some series, their months."""
    if isinstance(tape, SeriesId):
        return tape.pieces(list(dates))
    return list(dict.fromkeys(dates))
