"""Files on this machine into the lake, by the road that downloaded ones take."""

from __future__ import annotations

import hashlib
from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np

from orderflow_bt.archive import exchange
from orderflow_bt.archive.local import open_table
from orderflow_bt.errors import ChecksumError, MalformedError, OrderflowError
from orderflow_bt.ingest.clean import clean_day
from orderflow_bt.ingest.split import dates_in, joined, rows_of
from orderflow_bt.kernels import parse
from orderflow_bt.store import DayInfo, Origin, read_columns
from orderflow_bt.store.schema import COLUMN_NAMES, TIME_FACTORS, columns_of

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from orderflow_bt.archive import Exchange, ParsedDay
    from orderflow_bt.store import Lake, SeriesInfo
    from orderflow_bt.types import TapeId

ImportStatus = Literal["stored", "replaced", "present", "kept", "failed"]
_READ_BYTES = 1 << 20


@dataclass(frozen=True, slots=True)
class ImportResult:
    """What became of one day, or of a file that could not be read.

    Attributes:
        status: ``stored`` now; ``replaced`` another content; ``present`` before with the same
            content; ``kept``: the lake's day has another content and was left alone; ``failed``.
        date: The day; None for a file that could not be read.
        files: Names of the files that hold rows of it.
        info: The day as it is in the lake.
        error: Why it failed.
    """

    status: ImportStatus
    date: dt.date | None
    files: tuple[str, ...]
    info: DayInfo | SeriesInfo | None = None
    error: OrderflowError | None = None


@dataclass(slots=True)
class _File:
    """A file, and the days of which it has rows."""

    path: Path
    date: dt.date | None
    checksum: str
    sha256: str
    bytes: int
    dates: list[dt.date]


def import_files(
    lake: Lake, tape: TapeId, paths: Sequence[Path], *, replace: bool = False
) -> Iterator[ImportResult]:
    """Store the days that files hold, in order of the files.

    A file whose name gives a day, as the exchange's daily files do, is that day's: rows of another
    day in it are counted and kept, as in a download. Any other file is split into UTC days. Rows
    of one day from several files are put together before they are sorted and checked. A file whose
    ``.CHECKSUM`` lies beside it is verified.

    In memory are, at most, the largest file and the rows of days that wait for a further file.

    Args:
        lake: Where to.
        tape: Whose rows the files hold.
        paths: The files: zip, gzip or text.
        replace: Store a day anew if the lake has it with another content.

    Raises:
        LakeError: The lake cannot be written to.
    """
    archive = exchange(tape.exchange)
    files: list[_File] = []
    for path in dict.fromkeys(paths):
        try:
            files.append(_opened(archive, tape, path, is_alone=len(paths) == 1))
        except OrderflowError as error:
            yield ImportResult("failed", None, (path.name,), error=error)
    left: dict[dt.date, int] = defaultdict(int)
    for file in files:
        for date in file.dates:
            left[date] += 1
    broken: set[dt.date] = set()
    waiting: dict[dt.date, list[tuple[_File, ParsedDay]]] = defaultdict(list)
    for file in files:
        try:
            parsed = _parsed(archive, tape, file.path)
        except OrderflowError as error:
            yield ImportResult("failed", file.date, (file.path.name,), error=error)
            # Without this file's rows its days would be stored with holes.
            broken.update(file.dates)
            continue
        if file.date is None and not file.dates:
            file.dates = dates_in(parsed)
            left.update(dict.fromkeys(file.dates, 1))
        for date in file.dates:
            part = parsed if file.date else rows_of(parsed, date)
            waiting[date].append((file, part))
            left[date] -= 1
            if date in broken:
                del waiting[date]
            elif not left[date]:
                yield _store(lake, tape, date, waiting.pop(date), replace=replace)


def _opened(archive: Exchange, tape: TapeId, path: Path, *, is_alone: bool) -> _File:
    """What is known of a file before its rows are used; one that stands alone is read only once."""
    open_table(path)
    sha256, checksum = digest_of(archive, path)
    named = archive.tape_in(path.name)
    date = named[2] if named else None
    dates = [date] if date else []
    if not date and not is_alone:
        dates = dates_in(_parsed(archive, tape, path))
    return _File(path, date, checksum, sha256, path.stat().st_size, dates)


def digest_of(archive: Exchange, path: Path) -> tuple[str, str]:
    """A file's SHA-256, and how it fared against a ``.CHECKSUM`` beside it, if there is one.

    Raises:
        ChecksumError: It is not the one that is written there.
    """
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while piece := file.read(_READ_BYTES):
            digest.update(piece)
    sha256 = digest.hexdigest()
    checksum = "absent"
    beside = path.with_name(path.name + ".CHECKSUM")
    if beside.is_file():
        expected = archive.expected_sha256(beside.read_text("utf-8", "replace"), path.name)
        if expected != sha256:
            raise ChecksumError(
                f"the file's SHA-256 is {sha256[:16]}… and should be {expected[:16]}…",
                where=path.name,
                fix="Fetch it again, or take the .CHECKSUM file away to store it unverified",
            )
        checksum = "verified"
    return sha256, checksum


def _parsed(archive: Exchange, tape: TapeId, path: Path) -> ParsedDay:
    try:
        return archive.read_table(open_table(path), tape, path.name)
    except OSError as error:
        raise MalformedError(f"cannot be read: {error.strerror}", where=path.name) from error


def _store(
    lake: Lake,
    tape: TapeId,
    date: dt.date,
    parts: Sequence[tuple[_File, ParsedDay]],
    *,
    replace: bool,
) -> ImportResult:
    names = tuple(file.path.name for file, _ in parts)
    label = ", ".join(names)
    try:
        parsed = joined([part for _, part in parts])
        columns, quality = clean_day(parsed, tape, date, label)
        origin = _origin([file for file, _ in parts], parsed)
        times = columns[parse.TIME]
        factor = TIME_FACTORS[parsed.time_unit]
        info = DayInfo(
            tape=tape,
            date=date,
            path=lake.day_path(tape, date),
            bytes=0,
            price_decimals=parsed.price_decimals,
            qty_decimals=parsed.qty_decimals,
            tick_decimals=parsed.tick_decimals,
            time_unit=parsed.time_unit,
            first_time=int(times.min()) * factor,
            last_time=int(times.max()) * factor,
            origin=origin,
            quality=quality,
        )
        with lake.lock(tape, date):
            before = lake.day(tape, date)
            if before and _is_same(before, info, columns):
                return ImportResult("present", date, names, before)
            if before and not replace:
                return ImportResult("kept", date, names, before)
            stored = lake.write_day(columns, info)
        return ImportResult("replaced" if before else "stored", date, names, stored)
    except OrderflowError as error:
        return ImportResult("failed", date, names, error=error)


def _origin(files: Sequence[_File], parsed: ParsedDay) -> Origin:
    """Told by the names alone: where a file lies on somebody's machine is nobody's business."""
    digests = [file.sha256 for file in files]
    together = hashlib.sha256("\n".join(digests).encode()).hexdigest()
    verified = all(file.checksum == "verified" for file in files)
    return Origin(
        url="import:" + ",".join(file.path.name for file in files),
        sha256=digests[0] if len(files) == 1 else together,
        checksum="verified" if verified else "absent",
        bytes=sum(file.bytes for file in files),
        header=parsed.header,
        ignored=parsed.ignored,
    )


def _is_same(before: DayInfo, info: DayInfo, columns: NDArray[np.int64]) -> bool:
    """Whether a stored day holds the same rows in the same units."""
    units = [
        (day.rows, day.price_decimals, day.qty_decimals, day.time_unit) for day in (before, info)
    ]
    if units[0] != units[1]:
        return False
    names = columns_of(info.tape.kind)
    at = 0
    for batch in read_columns(before, names):
        rows = batch["id"].size
        for name in names:
            row = columns[COLUMN_NAMES.index(name), at : at + rows]
            if not np.array_equal(batch[name], row):
                return False
        at += rows
    return True
