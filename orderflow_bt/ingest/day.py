"""One day's road from an archive into the lake: fetch, verify, parse, clean, store."""

from __future__ import annotations

import datetime as dt
import os
import threading
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

import filelock

from orderflow_bt.errors import ChecksumError, LakeError, MissingDayError, OrderflowError
from orderflow_bt.ingest.brought import Brought, joined, names_of, origin_of
from orderflow_bt.ingest.clean_series import clean_series
from orderflow_bt.ingest.compare import misses_fewer
from orderflow_bt.ingest.discover import LATEST
from orderflow_bt.ingest.results import DayResult
from orderflow_bt.ingest.rows import SortedRows
from orderflow_bt.ingest.stream import (
    DayFacts,
    FetchedTable,
    WrittenDay,
    lay_aside,
    write_in_pieces,
    write_sorted,
)
from orderflow_bt.series import SeriesId
from orderflow_bt.store import DayInfo, Origin, SeriesInfo, SeriesStore
from orderflow_bt.store.rules import tick_on

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from contextlib import AbstractContextManager
    from pathlib import Path

    from orderflow_bt.archive import Exchange, Fetched, Source
    from orderflow_bt.store import Lake
    from orderflow_bt.types import TapeId

_LOCK_POLL_S = 0.2

# Rows are parsed and packed by at most as many threads as there are cores: more would only hold
# more days in memory. Waiting for the network is not limited by this.
_CORES = threading.BoundedSemaphore(os.cpu_count() or 1)


class StoppedError(Exception):
    """The user wants to stop; nothing is wrong."""


@dataclass(frozen=True, slots=True)
class Road:
    """How days come into the lake; one value serves every thread.

    Attributes:
        accept_bad_checksum: Store a day whose checksum does not match or is not published.
        keep_raw: Keep the file as it came, below the lake's ``raw/``.
        now: The moment that decides whether an absent day may still be published.
        on_bytes: Told the size of every piece that arrives.
        newest: The newest day that the source lists, where it lists.
        stop: Set to end every thread at its next step.
    """

    lake: Lake
    exchange: Exchange
    source: Source
    accept_bad_checksum: bool
    keep_raw: bool
    now: dt.datetime
    on_bytes: Callable[[int], None]
    newest: Callable[[TapeId | SeriesId], dt.date | None]
    stop: threading.Event

    def bring(self, tape: TapeId | SeriesId, date: dt.date) -> DayResult:
        """Store one day unless it is there.

        Raises:
            StoppedError: ``stop`` was set; nothing of the day is left.
        """
        try:
            with self._locked(tape, date):
                if info := stored_info(self.lake, tape, date):
                    return DayResult(tape, date, "present", info=info)
                return DayResult(tape, date, "stored", info=self._store(tape, date))
        except MissingDayError as error:
            if late := self._late(tape, date, error.where):
                return DayResult(tape, date, "not_published", error=late)
            absent = MissingDayError(
                f"the archive has no file of {date} for {tape}",
                where=error.where,
                fix="Check the symbol, --market and --kind; if it traded then, the exchange has "
                "lost or not listed the day",
            )
            return DayResult(tape, date, "missing", error=absent)
        except OrderflowError as error:
            return DayResult(tape, date, "failed", error=error)

    def _late(self, tape: TapeId | SeriesId, date: dt.date, where: str) -> MissingDayError | None:
        """Why a day that is not there may still come, or None where it should be there."""
        published_by = _published_by(tape, date, self.exchange)
        if self.now < published_by:
            return MissingDayError(
                f"{date} is not published yet",
                where=where,
                fix=f"The exchange publishes days by {published_by:%Y-%m-%d}; ask again then",
            )
        if self.now < published_by + LATEST:
            newest = self.newest(tape)
            if newest is not None and newest < date:
                return MissingDayError(
                    f"{date} is not published yet: the exchange is late, its newest day is "
                    f"{newest}",
                    where=where,
                    fix="Ask again later",
                )
        return None

    def _locked(self, tape: TapeId | SeriesId, date: dt.date) -> AbstractContextManager[object]:
        """Hold the day's lock; another process that stores it is waited for."""
        return self._wait_for(self.lake.lock(tape, date))

    def _wait_for(self, lock: filelock.BaseFileLock) -> AbstractContextManager[object]:
        while True:
            try:
                return lock.acquire(timeout=_LOCK_POLL_S)
            except filelock.Timeout:
                self._check_stop(0)

    def _check_stop(self, size: int) -> None:
        if self.stop.is_set():
            raise StoppedError
        self.on_bytes(size)

    def _daily_paths(self, tape: TapeId | SeriesId, date: dt.date) -> Sequence[str]:
        """Where the archive has a day, or a piece of a series."""
        if isinstance(tape, SeriesId):
            return self.exchange.series_paths(tape, date)
        return self.exchange.day_paths(tape, date)

    def _store(self, tape: TapeId | SeriesId, date: dt.date) -> DayInfo | SeriesInfo:
        paths = self._daily_paths(tape, date)
        parts = [
            self.lake.incoming_path(tape, date, f".{number}.zip.part" if number else ".zip.part")
            for number in range(len(paths))
        ]
        try:
            brought = self._brought(paths, parts)
            info = self._stored(tape, date, brought)
            if self.keep_raw:
                for file, part, path in zip(brought.files, parts, paths, strict=True):
                    self._keep(file, part, path)
        except OSError as error:
            raise LakeError(
                f"the day cannot be written: {error.strerror or error}",
                where=str(self.lake.root),
                fix="Free some space or give another folder with --data",
            ) from error
        finally:
            for part in parts:
                part.unlink(missing_ok=True)
        return info

    def _verified(self, path: str, part: Path) -> tuple[Fetched, str]:
        """The file and how its checksum fared; a mismatch is asked for once more.

        Raises:
            ChecksumError: It does not match, or none is published, and this is not accepted.
        """
        for _ in range(2):
            fetched = self.source.fetch(path, part, self._check_stop)
            checksum_path = self.exchange.checksum_path(path)
            text = self.source.read_text(checksum_path) if checksum_path else None
            if text is None:
                if checksum_path is None or self.accept_bad_checksum:
                    return fetched, "absent"
                raise ChecksumError(
                    "the archive has the file but no checksum of it",
                    where=f"{fetched.url}.CHECKSUM",
                    fix="Ask again later, or store it unverified with --accept-bad-checksum",
                )
            try:
                expected = self.exchange.expected_sha256(text, path)
            except ChecksumError:
                if self.accept_bad_checksum:
                    return fetched, "mismatch"
                raise
            if fetched.sha256 == expected:
                return fetched, "verified"
        if self.accept_bad_checksum:
            return fetched, "mismatch"
        raise ChecksumError(
            f"the file's SHA-256 is {fetched.sha256[:16]}… and should be {expected[:16]}… "
            "(fetched twice)",
            where=fetched.url,
            fix="Ask again later, or store it as it is with --accept-bad-checksum",
        )

    def _brought(self, paths: Sequence[str], parts: Sequence[Path]) -> Brought:
        """Fetch and verify the files of a day."""
        verified = [self._verified(*places) for places in zip(paths, parts, strict=True)]
        return Brought([fetched.path for fetched, _ in verified], *joined(verified))

    def _stored(
        self,
        tape: TapeId | SeriesId,
        date: dt.date,
        brought: Brought,
        before: DayInfo | SeriesInfo | None = None,
    ) -> DayInfo | SeriesInfo:
        """Parse fetched files and store their day, unless fewer trades are missing ``before``."""
        with _CORES:
            self._check_stop(0)
            if isinstance(tape, SeriesId):
                return self._parsed_series(tape, date, brought, before)
            return self._parsed(tape, date, brought, before)

    def _parsed(
        self, tape: TapeId, date: dt.date, brought: Brought, before: DayInfo | SeriesInfo | None
    ) -> DayInfo | SeriesInfo:
        name = names_of(brought.fetched)
        table = FetchedTable(self.exchange, brought.files, tape, name)
        facts = DayFacts(tape, date, name, tick_on(self.lake, tape, date))

        def check_stop() -> None:
            self._check_stop(0)

        with self.lake.day_writer(tape, date) as writer:
            day = write_in_pieces(table, facts, writer, check_stop)
            if day is None:
                with SortedRows(self.lake.incoming) as rows:
                    form = lay_aside(table, partial(rows.add, date=date), check_stop)
                    day = write_sorted(rows.of(date), facts, form, writer.write)
            self._check_stop(0)
            origin = origin_of(brought.fetched, brought.checksum, day.form)
            info = day_info(self.lake, facts, day, origin)
            if before is not None and misses_fewer(before, info):
                return before
            return self.lake.publish_day(writer, info)

    def _parsed_series(
        self,
        series: SeriesId,
        piece: dt.date,
        brought: Brought,
        before: DayInfo | SeriesInfo | None,
    ) -> DayInfo | SeriesInfo:
        name = names_of(brought.fetched)
        parsed = self.exchange.read_series(brought.files, series, name)
        columns, quality = clean_series(parsed, series, piece, name)
        self._check_stop(0)
        info = SeriesInfo(
            tape=series,
            date=piece,
            path=SeriesStore(self.lake).path(series, piece),
            bytes=0,
            decimals=parsed.decimals,
            time_unit=parsed.time_unit,
            origin=origin_of(brought.fetched, brought.checksum, parsed),
            quality=quality,
        )
        if before is not None and misses_fewer(before, info):
            return before
        return SeriesStore(self.lake).write(columns, info)

    def _keep(self, fetched: Path, part: Path, path: str) -> None:
        """Put a raw file where the archive has it, below the lake's ``raw/``."""
        if fetched != part:
            part.write_bytes(fetched.read_bytes())
        with part.open("rb") as file:
            os.fsync(file.fileno())
        self.lake.publish_raw(part, path)


def day_info(lake: Lake, facts: DayFacts, day: WrittenDay, origin: Origin) -> DayInfo:
    """The metadata of a day that is about to be stored."""
    return DayInfo(
        tape=facts.tape,
        date=facts.date,
        path=lake.day_path(facts.tape, facts.date),
        bytes=0,
        price_decimals=day.price_decimals,
        qty_decimals=day.qty_decimals,
        tick_decimals=day.tick_decimals,
        time_unit=day.time_unit,
        first_time=day.times_us[0],
        last_time=day.times_us[1],
        origin=origin,
        quality=day.quality,
    )


def stored_info(lake: Lake, tape: TapeId | SeriesId, date: dt.date) -> DayInfo | SeriesInfo | None:
    """What the lake says of a stored day, of a tape or of a series; None where it has it not."""
    if isinstance(tape, SeriesId):
        return SeriesStore(lake).info(tape, date)
    return lake.day(tape, date)


def _published_by(tape: TapeId | SeriesId, date: dt.date, archive: Exchange) -> dt.datetime:
    """When a day that is not there may be called missing."""
    end, delay = date + dt.timedelta(days=1), archive.publication_delay
    if isinstance(tape, SeriesId) and tape.is_monthly:
        end, delay = tape.piece_end(date), archive.monthly_delay
    return dt.datetime(end.year, end.month, end.day, tzinfo=dt.UTC) + delay
