"""Days out of monthly files: where no daily file exists, or where the daily one lacks trades."""

from __future__ import annotations

from dataclasses import replace
from itertools import groupby
from typing import TYPE_CHECKING

import filelock

from orderflow_bt.errors import (
    LakeError,
    MissingDayError,
    OrderflowError,
)
from orderflow_bt.ingest.brought import origin_of
from orderflow_bt.ingest.clean_series import clean_series
from orderflow_bt.ingest.compare import lacks_less
from orderflow_bt.ingest.day import Road, day_info, stored_info
from orderflow_bt.ingest.results import DayResult
from orderflow_bt.ingest.rows import SortedRows
from orderflow_bt.ingest.series_days import SeriesDays
from orderflow_bt.ingest.stream import DayFacts, FetchedTable, lay_aside, write_sorted
from orderflow_bt.series import SeriesId
from orderflow_bt.store import DayInfo, SeriesInfo, SeriesStore, broken_borders
from orderflow_bt.store.rules import tick_on

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Generator, Iterable, Iterator, Sequence
    from pathlib import Path

    from orderflow_bt.archive import Fetched, ParsedSeries
    from orderflow_bt.ingest.results import Status
    from orderflow_bt.ingest.rows import DayRows
    from orderflow_bt.ingest.stream import FileForm
    from orderflow_bt.store import Lake, Origin
    from orderflow_bt.types import TapeId


class MonthRoad(Road):
    """How days come out of the file of their month.

    A month is fetched once for all of its wanted days. Its rows are laid aside by UTC day.
    """

    __slots__ = ()

    def bring_days(
        self, tape: TapeId | SeriesId, dates: Sequence[dt.date]
    ) -> Generator[DayResult, None, None]:
        """Store the days that monthly files hold, one after the other; nothing for others.

        A stored day is replaced only by a copy that lacks less.
        """
        if isinstance(tape, SeriesId) and tape.is_monthly:
            return
        for _, group in groupby(sorted(dates), key=lambda date: date.replace(day=1)):
            days = list(group)
            paths = self.exchange.month_paths(tape, days[0])
            if paths:
                yield from self._bring_month(tape, days, paths[0])

    def _bring_month(
        self, tape: TapeId | SeriesId, days: Sequence[dt.date], path: str
    ) -> Generator[DayResult, None, None]:
        stem = f"{tape.label}-{days[0]:%Y-%m}-month"
        part = self.lake.incoming / f"{stem}.zip.part"
        try:
            with self._wait_for(filelock.FileLock(self.lake.incoming / f"{stem}.lock")):
                fetched, checksum = self._verified(path, part)
                if isinstance(tape, SeriesId):
                    yield from self._series_days(tape, days, fetched, checksum)
                else:
                    yield from self._tape_days(tape, days, fetched, checksum, part)
                if self.keep_raw:
                    self._keep(fetched.path, part, path)
        except MissingDayError:
            return
        except OrderflowError as error:
            for date in days:
                yield DayResult(tape, date, "failed", error=error)
        except OSError as error:
            full = LakeError(
                f"the month cannot be written: {error.strerror or error}",
                where=str(self.lake.root),
                fix="Free some space or give another folder with --data",
            )
            for date in days:
                yield DayResult(tape, date, "failed", error=full)
        finally:
            part.unlink(missing_ok=True)

    def _tape_days(
        self,
        tape: TapeId,
        days: Sequence[dt.date],
        fetched: Fetched,
        checksum: str,
        part: Path,
    ) -> Generator[DayResult, None, None]:
        """Lay the month's rows aside, then store the wanted days one after the other."""
        name = _name(fetched)
        table = FetchedTable(self.exchange, [fetched.path], tape, name)
        with SortedRows(self.lake.incoming, frozenset(days)) as rows:
            form = lay_aside(table, rows.add, lambda: self._check_stop(0))
            if not self.keep_raw:
                part.unlink(missing_ok=True)
            origin = replace(origin_of(fetched, checksum, form), span="monthly")
            for date in days:
                if date not in rows.dates():
                    yield _absent(tape, date, fetched)
                    continue
                facts = DayFacts(tape, date, name, tick_on(self.lake, tape, date))
                try:
                    yield self._tape_day(facts, rows.of(date), form, origin)
                except OrderflowError as error:
                    yield DayResult(tape, date, "failed", error=error)

    def _tape_day(
        self, facts: DayFacts, rows: DayRows, form: FileForm, origin: Origin
    ) -> DayResult:
        tape, date = facts.tape, facts.date
        with self._locked(tape, date), self.lake.day_writer(tape, date) as writer:
            day = write_sorted(rows, facts, form, writer.write)
            info = day_info(self.lake, facts, day, origin)
            stored = self.lake.day(tape, date)
            if stored is not None and not lacks_less(info, stored):
                return DayResult(tape, date, "present", info=stored)
            status: Status = "stored" if stored is None else "repaired"
            return DayResult(tape, date, status, info=self.lake.publish_day(writer, info))

    def _stoppable(self, pieces: Iterable[ParsedSeries]) -> Iterator[ParsedSeries]:
        for piece in pieces:
            self._check_stop(0)
            yield piece

    def _series_days(
        self,
        series: SeriesId,
        days: Sequence[dt.date],
        fetched: Fetched,
        checksum: str,
    ) -> Generator[DayResult, None, None]:
        name = _name(fetched)
        pieces = self.exchange.stream_series([fetched.path], series, name)
        laid = SeriesDays(series, self._stoppable(pieces), frozenset(days), name)
        store = SeriesStore(self.lake)
        for date in days:
            self._check_stop(0)
            try:
                parsed = laid.of(date)
                if parsed is None:
                    yield _absent(series, date, fetched)
                    continue
                columns, quality = clean_series(parsed, series, date, name)
                info = SeriesInfo(
                    tape=series,
                    date=date,
                    path=store.path(series, date),
                    bytes=0,
                    decimals=parsed.decimals,
                    time_unit=parsed.time_unit,
                    quality=quality,
                    origin=replace(origin_of(fetched, checksum, parsed), span="monthly"),
                )
                with self._locked(series, date):
                    stored = store.info(series, date)
                    if stored is not None and not lacks_less(info, stored):
                        result = DayResult(series, date, "present", info=stored)
                    else:
                        status: Status = "stored" if stored is None else "repaired"
                        kept = store.write(columns, info)
                        result = DayResult(series, date, status, info=kept)
            except OrderflowError as error:
                result = DayResult(series, date, "failed", error=error)
            yield result


def to_repair(lake: Lake, tape: TapeId | SeriesId, dates: Sequence[dt.date]) -> list[dt.date]:
    """The stored days of ``dates`` that lack trades or rows, or hold zero quantities."""
    infos = [info for date in dates if (info := stored_info(lake, tape, date))]
    found = set()
    for info in infos:
        if isinstance(info, SeriesInfo):
            lacking = info.quality.missing > 0
        else:
            quality = info.quality
            lacking = bool(quality.gaps or quality.zero_quantity or quality.conflicts)
        if lacking:
            found.add(info.date)
    days = [info for info in infos if isinstance(info, DayInfo)]
    for border in broken_borders(sorted(days, key=lambda day: day.date)):
        found |= {border.before, border.after}
    return sorted(found)


def _absent(tape: TapeId | SeriesId, date: dt.date, fetched: Fetched) -> DayResult:
    error = MissingDayError(
        f"neither a file of its own nor the month's holds {date} of {tape}",
        where=fetched.url,
        fix="If it traded then, the exchange has lost the day",
    )
    return DayResult(tape, date, "missing", error=error)


def _name(fetched: Fetched) -> str:
    return fetched.url.rsplit("/", 1)[-1]
