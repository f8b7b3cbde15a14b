"""Files on this machine into the lake, by the road that downloaded ones take."""

from __future__ import annotations

import hashlib
from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np

from orderflow_bt.archive import exchange
from orderflow_bt.archive.local import ReadableTable, open_table
from orderflow_bt.errors import ChecksumError, LakeError, OrderflowError
from orderflow_bt.ingest.day import day_info
from orderflow_bt.ingest.rows import SortedRows
from orderflow_bt.ingest.stream import DayFacts, FileForm, lay_aside, write_sorted
from orderflow_bt.store import Origin, read_columns
from orderflow_bt.store.rules import tick_on
from orderflow_bt.store.schema import COLUMN_NAMES, columns_of

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from orderflow_bt.archive import Exchange, ParsedDay
    from orderflow_bt.archive.local import Table
    from orderflow_bt.archive.stream import RowStream
    from orderflow_bt.ingest.rows import DayRows
    from orderflow_bt.ingest.shelf import Units
    from orderflow_bt.store import DayInfo, Lake, SeriesInfo
    from orderflow_bt.types import Kind, TapeId

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


@dataclass(frozen=True, slots=True)
class _File:
    """A file, and the day that its name tells."""

    path: Path
    date: dt.date | None
    checksum: str
    sha256: str
    bytes: int


@dataclass(frozen=True, slots=True)
class _LocalTable:
    """A file of trades on this machine; see `ingest.stream.Table`."""

    archive: Exchange
    tape: TapeId
    path: Path

    def stream(self, decimals: tuple[int, int]) -> RowStream | None:
        """Its rows in pieces."""
        return self.archive.stream_table(self._open(), self.tape, self.path.name, decimals)

    def whole(self) -> ParsedDay:
        """All of its rows."""
        return self.archive.read_table(self._open(), self.tape, self.path.name)

    def _open(self) -> Table:
        return ReadableTable(open_table(self.path), self.path.name)


def import_files(
    lake: Lake, tape: TapeId, paths: Sequence[Path], *, replace: bool = False
) -> Iterator[ImportResult]:
    """Store the days that files hold, in order of the files.

    A file whose name gives a day, as the exchange's daily files do, is that day's: rows of another
    day in it are counted and kept, as in a download. Any other file is split into UTC days. Rows
    of one day from several files are put together before they are sorted and checked. A file whose
    ``.CHECKSUM`` lies beside it is verified. Rows wait on disk, below the lake, so that memory
    does not grow with the files.

    Args:
        lake: Where to.
        tape: Whose rows the files hold.
        paths: The files: zip, gzip or text.
        replace: Store a day anew if the lake has it with another content.

    Raises:
        LakeError: The lake cannot be written to.
    """
    archive = exchange(tape.exchange)
    lake.sweep()
    files: list[_File] = []
    for path in dict.fromkeys(paths):
        try:
            files.append(_opened(archive, path))
        except OrderflowError as error:
            yield ImportResult("failed", None, (path.name,), error=error)
    for group in _groups(files):
        yield from _import(lake, tape, archive, group, replace=replace)


def _opened(archive: Exchange, path: Path) -> _File:
    """What is known of a file before its rows are used."""
    open_table(path)
    sha256, checksum = digest_of(archive, path)
    named = archive.tape_in(path.name)
    return _File(path, named[2] if named else None, checksum, sha256, path.stat().st_size)


def _groups(files: Sequence[_File]) -> list[list[_File]]:
    """Files that may hold rows of one day; of one that names no day, that may be any."""
    if not all(file.date for file in files):
        return [list(files)]
    groups: dict[dt.date | None, list[_File]] = defaultdict(list)
    for file in files:
        groups[file.date].append(file)
    return list(groups.values())


def _import(
    lake: Lake, tape: TapeId, archive: Exchange, files: Sequence[_File], *, replace: bool
) -> Iterator[ImportResult]:
    """Lay the files' rows aside, then store the days one after the other."""
    sources: dict[dt.date, list[tuple[_File, FileForm]]] = defaultdict(list)
    broken: set[dt.date] = set()
    with SortedRows(lake.incoming) as rows:
        for file in files:
            touched: dict[dt.date, None] = {}

            def take(
                columns: NDArray[np.int64],
                units: Units,
                file: _File = file,
                touched: dict[dt.date, None] = touched,
            ) -> None:
                touched.update(dict.fromkeys(rows.add(columns, units, file.date)))

            try:
                form = lay_aside(_LocalTable(archive, tape, file.path), take, lambda: None)
            except OrderflowError as error:
                yield ImportResult("failed", file.date, (file.path.name,), error=error)
                # Without this file's rows its days would be stored with holes.
                broken.update(touched, {file.date} if file.date else ())
                continue
            except OSError as error:
                raise LakeError(
                    f"rows cannot be laid aside: {error.strerror or error}",
                    where=str(lake.incoming),
                    fix="Free some space or give another folder with --data",
                ) from error
            for date in touched:
                sources[date].append((file, form))
        for date in rows.dates():
            if date not in broken:
                yield _store(lake, tape, date, rows.of(date), sources[date], replace=replace)


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


def _store(
    lake: Lake,
    tape: TapeId,
    date: dt.date,
    rows: DayRows,
    sources: Sequence[tuple[_File, FileForm]],
    *,
    replace: bool,
) -> ImportResult:
    names = tuple(file.path.name for file, _ in sources)
    try:
        form = FileForm(
            header=all(form.header for _, form in sources),
            ignored=tuple(name for _, form in sources for name in form.ignored),
        )
        facts = DayFacts(tape, date, ", ".join(names), tick_on(lake, tape, date))
        with lake.lock(tape, date), lake.day_writer(tape, date) as writer:
            before = lake.day(tape, date)
            seen = ContentDigest(tape.kind)

            def write(columns: NDArray[np.int64]) -> None:
                writer.write(columns)
                if before:
                    seen.add(columns)

            day = write_sorted(rows, facts, form, write)
            info = day_info(lake, facts, day, _origin([file for file, _ in sources], form))
            if before and _is_same(before, info, seen):
                return ImportResult("present", date, names, before)
            if before and not replace:
                return ImportResult("kept", date, names, before)
            stored = lake.publish_day(writer, info)
        return ImportResult("replaced" if before else "stored", date, names, stored)
    except OrderflowError as error:
        return ImportResult("failed", date, names, error=error)


def _origin(files: Sequence[_File], form: FileForm) -> Origin:
    """Told by the names alone: where a file lies on somebody's machine is nobody's business."""
    digests = [file.sha256 for file in files]
    together = hashlib.sha256("\n".join(digests).encode()).hexdigest()
    verified = all(file.checksum == "verified" for file in files)
    return Origin(
        url="import:" + ",".join(file.path.name for file in files),
        sha256=digests[0] if len(files) == 1 else together,
        checksum="verified" if verified else "absent",
        bytes=sum(file.bytes for file in files),
        header=form.header,
        ignored=form.ignored,
    )


class ContentDigest:
    """Of the columns of a day, however they are cut into pieces."""

    def __init__(self, kind: Kind) -> None:
        self._digests = {name: hashlib.sha256() for name in columns_of(kind)}

    def add(self, columns: NDArray[np.int64]) -> None:
        """The next rows, int64 ``[COLUMNS, rows]``."""
        for name, digest in self._digests.items():
            digest.update(np.ascontiguousarray(columns[COLUMN_NAMES.index(name)]).data)

    @property
    def values(self) -> list[str]:
        """A digest a column."""
        return [digest.hexdigest() for digest in self._digests.values()]


def _is_same(before: DayInfo, info: DayInfo, seen: ContentDigest) -> bool:
    """Whether a stored day holds the same rows in the same units."""
    units = [
        (day.rows, day.price_decimals, day.qty_decimals, day.time_unit) for day in (before, info)
    ]
    if units[0] != units[1]:
        return False
    stored = ContentDigest(before.tape.kind)
    names = columns_of(before.tape.kind)
    for batch in read_columns(before, names):
        columns = np.zeros((len(COLUMN_NAMES), batch["id"].size), np.int64)
        for name in names:
            columns[COLUMN_NAMES.index(name)] = batch[name]
        stored.add(columns)
    return stored.values == seen.values
