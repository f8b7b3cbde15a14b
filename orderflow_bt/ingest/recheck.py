"""Has the source published a stored day anew? Then it takes the place of the stored one."""

from __future__ import annotations

import contextlib
import datetime as dt
import threading
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from orderflow_bt.archive import exchange
from orderflow_bt.errors import ChecksumError, LakeError, MissingDayError, OrderflowError
from orderflow_bt.ingest.day import stored_info
from orderflow_bt.ingest.discover import NewestPublished
from orderflow_bt.ingest.month import MonthRoad
from orderflow_bt.ingest.parallel import in_parallel
from orderflow_bt.ingest.results import DayResult, NoProgress

if TYPE_CHECKING:
    from collections.abc import Sequence

    from orderflow_bt.archive import Source
    from orderflow_bt.ingest.results import Progress
    from orderflow_bt.series import SeriesId
    from orderflow_bt.store import DayInfo, Lake, Origin, SeriesInfo
    from orderflow_bt.types import TapeId

_REST = "rest:"  # the address of a day that came from there whole, before it was published

RecheckStatus = Literal["same", "changed", "kept", "gone", "unchecked", "failed"]


@dataclass(frozen=True, slots=True)
class RecheckResult:
    """What asking for a stored day again has shown.

    Attributes:
        status: ``same`` file as before; ``changed``, and replaced; ``kept``: published anew, but
            the stored copy lacks fewer trades; ``gone`` from the source, and kept; ``unchecked``:
            it was not made from the archive's file of that day; ``failed``.
        before: The stored day as it was.
        after: As it is now.
        error: Why it failed.
    """

    tape: TapeId | SeriesId
    date: dt.date
    status: RecheckStatus
    before: DayInfo | SeriesInfo | None = None
    after: DayInfo | SeriesInfo | None = None
    error: OrderflowError | None = None


def recheck(
    lake: Lake,
    tape: TapeId | SeriesId,
    dates: Sequence[dt.date],
    source: Source,
    *,
    workers: int = 4,
    accept_bad_checksum: bool = False,
    progress: Progress | None = None,
) -> list[RecheckResult]:
    """Ask a source whether it still has the files that stored days were made from.

    A file counts as changed if its published checksum is another than that of the stored day's
    file, or, at the same address, if its ETag or size is. A day is replaced in one step; one whose
    new file cannot be read stays as it is.

    Args:
        lake: Whose days.
        tape: Of what.
        dates: Which; those that are not stored are passed over.
        source: Who is asked.
        workers: Days asked for at a time.
        accept_bad_checksum: Take a new file whose checksum does not match or is not published.
        progress: Is told what arrives and which days are done.

    Returns:
        A result for each stored day, in order.
    """
    told = progress or NoProgress()
    archive = exchange(tape.exchange)
    road = RecheckRoad(
        lake=lake,
        exchange=archive,
        source=source,
        accept_bad_checksum=accept_bad_checksum,
        keep_raw=False,
        now=dt.datetime.now(dt.UTC),
        on_bytes=told.received,
        newest=NewestPublished(archive, source),
        stop=threading.Event(),
    )
    lake.sweep()
    wanted = [date for date in dates if stored_info(lake, tape, date)]
    results: list[RecheckResult] = []

    def step(date: dt.date) -> RecheckResult:
        return road.recheck(tape, date)

    with contextlib.closing(in_parallel(step, road, wanted, workers)) as finished:
        for result in finished:
            results.append(result)
            told.finished(_as_day(result))
    return sorted(results, key=lambda result: result.date)


class RecheckRoad(MonthRoad):
    """How a stored day is compared with what the source has now."""

    __slots__ = ()

    def recheck(self, tape: TapeId | SeriesId, date: dt.date) -> RecheckResult:
        """Compare one stored day, and replace it if its file has changed.

        Raises:
            StoppedError: ``stop`` was set.
        """
        before = None
        try:
            with self._locked(tape, date):
                before = stored_info(self.lake, tape, date)
                if before is None:
                    return RecheckResult(tape, date, "unchecked")
                paths = self._paths(tape, date, before.origin)
                path = paths[0]
                if before.origin.url.startswith(_REST):
                    if self.source.probe(path) is None:
                        return RecheckResult(tape, date, "unchecked", before, before)
                    return self._replace(tape, date, path, before)
                if len(paths) > 1 or _name(path) != _name(before.origin.url):
                    return RecheckResult(tape, date, "unchecked", before, before)
                if not self._has_changed(path, before.origin):
                    return RecheckResult(tape, date, "same", before, before)
                if before.origin.span == "daily":
                    return self._replace(tape, date, path, before)
            brought = next(iter(list(self.bring_days(tape, [date]))), None)
        except MissingDayError:
            return RecheckResult(tape, date, "gone", before, before)
        except OrderflowError as error:
            return RecheckResult(tape, date, "failed", before, before, error)
        if brought is None:
            return RecheckResult(tape, date, "gone", before, before)
        if brought.error:
            return RecheckResult(tape, date, "failed", before, before, brought.error)
        status: RecheckStatus = "changed" if brought.status == "repaired" else "kept"
        return RecheckResult(tape, date, status, before, brought.info)

    def _paths(self, tape: TapeId | SeriesId, date: dt.date, origin: Origin) -> Sequence[str]:
        if origin.span == "monthly":
            return self.exchange.month_paths(tape, date)
        return self._daily_paths(tape, date)

    def _has_changed(self, path: str, origin: Origin) -> bool:
        """Whether the source's file is another than the one that was stored.

        Raises:
            MissingDayError: It has none.
        """
        self._check_stop(0)
        found = self.source.probe(path)
        if found is None:
            raise MissingDayError("the archive has no such file any more", where=path)
        checksum_path = self.exchange.checksum_path(path)
        text = self.source.read_text(checksum_path) if checksum_path else None
        if text is not None:
            with contextlib.suppress(ChecksumError):
                if self.exchange.expected_sha256(text, path) != origin.sha256:
                    return True
        if found.bytes is not None and found.bytes != origin.bytes:
            return True
        is_there = found.url == origin.url  # elsewhere the same file has another ETag
        return is_there and bool(found.etag and origin.etag) and found.etag != origin.etag

    def _replace(
        self, tape: TapeId | SeriesId, date: dt.date, path: str, before: DayInfo | SeriesInfo
    ) -> RecheckResult:
        part = self.lake.incoming_path(tape, date, ".zip.part")
        try:
            brought = self._brought([path], [part])
            if brought.fetched.sha256 == before.origin.sha256:
                return RecheckResult(tape, date, "same", before, before)
            after = self._stored(tape, date, brought, before)
        except OSError as error:
            raise LakeError(
                f"the day cannot be written: {error.strerror or error}",
                where=str(self.lake.root),
                fix="Free some space or give another folder with --data",
            ) from error
        finally:
            part.unlink(missing_ok=True)
        status: RecheckStatus = "kept" if after is before else "changed"
        return RecheckResult(tape, date, status, before, after)


def _name(path: str) -> str:
    return path.rsplit("/", 1)[-1]


def _as_day(result: RecheckResult) -> DayResult:
    """For progress, which is told of days."""
    status = {"changed": "stored", "failed": "failed"}.get(result.status, "present")
    return DayResult(result.tape, result.date, status, info=result.after, error=result.error)  # type: ignore[arg-type] # three of the words that there are
