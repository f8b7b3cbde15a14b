"""Days out of monthly files: where no daily file exists, or where the daily one lacks trades."""

from __future__ import annotations

from dataclasses import replace
from itertools import groupby
from typing import TYPE_CHECKING

import filelock

from orderflow_bt.archive.stream import FinerUnitsError
from orderflow_bt.errors import (
    LakeError,
    MalformedError,
    MissingDayError,
    OrderflowError,
    UnsupportedError,
)
from orderflow_bt.ingest.clean_series import clean_series
from orderflow_bt.ingest.compare import lacks_less
from orderflow_bt.ingest.day import Road, origin_of, stored_info
from orderflow_bt.ingest.results import DayResult
from orderflow_bt.ingest.spill import Spill
from orderflow_bt.ingest.stream import sort_day
from orderflow_bt.series import SeriesId
from orderflow_bt.store import DayInfo, SeriesInfo, SeriesStore, broken_borders

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Generator, Sequence

    from orderflow_bt.archive import Fetched
    from orderflow_bt.ingest.results import Status
    from orderflow_bt.store import Lake
    from orderflow_bt.types import TapeId


class MonthRoad(Road):
    """How days come out of the file of their month.

    A month is fetched once for all of its wanted days. Its rows are spilled by UTC day, packed, in
    the lake's ``.incoming/``, so that no more than a day of them is in memory.
    """

    __slots__ = ()

    def bring_days(
        self, tape: TapeId | SeriesId, dates: Sequence[dt.date]
    ) -> Generator[DayResult, None, None]:
        """Store the days that monthly files hold, one after the other; nothing for others.

        A stored day is replaced only by a copy that lacks less.
        """
        if isinstance(tape, SeriesId) and tape.kind.is_monthly:
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
        spill = Spill(self.lake.incoming, stem, days)
        try:
            with self._wait_for(filelock.FileLock(self.lake.incoming / f"{stem}.lock")):
                fetched, checksum = self._verified(path, part)
                if isinstance(tape, SeriesId):
                    yield from self._series_days(tape, days, fetched, checksum)
                else:
                    self._spill(tape, fetched, spill)
                    if not self.keep_raw:
                        part.unlink(missing_ok=True)
                    for date in days:
                        yield self._tape_day(tape, date, spill, fetched, checksum)
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
            spill.close()

    def _spill(self, tape: TapeId, fetched: Fetched, spill: Spill) -> None:
        """Lay the month's rows aside; from the start again where later ones need finer units."""
        decimals = (0, 0)
        while True:
            rows = self.exchange.stream_day([fetched.path], tape, _name(fetched), decimals)
            if rows is None:
                raise UnsupportedError(
                    "months of this exchange cannot be read in pieces", where=fetched.url
                )
            try:
                for columns in rows.pieces():
                    self._check_stop(0)
                    spill.add(columns, rows)
            except FinerUnitsError as error:
                decimals = error.decimals
                spill.close()
            else:
                return

    def _tape_day(
        self,
        tape: TapeId,
        date: dt.date,
        spill: Spill,
        fetched: Fetched,
        checksum: str,
    ) -> DayResult:
        try:
            parsed = spill.day(date)
            if parsed is None:
                return _absent(tape, date, fetched)
            columns, day = sort_day(parsed, tape, date, _name(fetched))
            origin = replace(origin_of(fetched, checksum, day), span="monthly")
            info = self._day_info(tape, date, day, origin)
            with self._locked(tape, date):
                stored = self.lake.day(tape, date)
                if stored is not None and not lacks_less(info, stored):
                    return DayResult(tape, date, "present", info=stored)
                status: Status = "stored" if stored is None else "repaired"
                return DayResult(tape, date, status, info=self.lake.write_day(columns, info))
        except OrderflowError as error:
            return DayResult(tape, date, "failed", error=error)

    def _series_days(
        self,
        series: SeriesId,
        days: Sequence[dt.date],
        fetched: Fetched,
        checksum: str,
    ) -> Generator[DayResult, None, None]:
        parsed = self.exchange.read_series([fetched.path], series, _name(fetched))
        store = SeriesStore(self.lake)
        for date in days:
            self._check_stop(0)
            try:
                columns, quality = clean_series(parsed, series, date, _name(fetched))
            except MalformedError:
                yield _absent(series, date, fetched)
                continue
            info = SeriesInfo(
                tape=series,
                date=date,
                path=store.path(series, date),
                bytes=0,
                decimals=parsed.decimals,
                time_unit=parsed.time_unit,
                quality=replace(quality, outside=0),  # the month's other days
                origin=replace(origin_of(fetched, checksum, parsed), span="monthly"),
            )
            with self._locked(series, date):
                stored = store.info(series, date)
                if stored is not None and not lacks_less(info, stored):
                    yield DayResult(series, date, "present", info=stored)
                else:
                    status: Status = "stored" if stored is None else "repaired"
                    yield DayResult(series, date, status, info=store.write(columns, info))


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
