"""The golden-file kit of an exchange module: a day in, every promise of the protocol checked.

See ``docs/venues.md``.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING

from orderflow_bt.archive import open_source, register
from orderflow_bt.errors import ArchiveError, ChecksumError
from orderflow_bt.ingest import download
from orderflow_bt.store import DayInfo, Lake
from orderflow_bt.types import DAY_US

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from orderflow_bt.archive import Exchange
    from orderflow_bt.ingest import DayResult
    from orderflow_bt.types import TapeId

_EPOCH = dt.date(1970, 1, 1)


@dataclass(frozen=True, slots=True)
class VenueDay:
    """A day as the exchange publishes it, and the trades that a person has read in it.

    Attributes:
        exchange: The module to check.
        tape: Whose day.
        date: The UTC day.
        files: Every file of it by its path below the archive's root, checksums among them. A few
            dozen rows cut from a real file are enough.
        trades: The day's trades in order of id: id, price and quantity as texts, microseconds
            UTC, side of the aggressor (+1 or -1).
    """

    exchange: Exchange
    tape: TapeId
    date: dt.date
    files: Mapping[str, bytes]
    trades: Sequence[tuple[int, str, str, int, int]]


def check_venue(day: VenueDay, folder: Path) -> DayInfo:
    """Download the day from a folder in every way it can go, and compare.

    Args:
        day: What to check.
        folder: An empty folder to work in.

    Returns:
        What the lake says of the day.

    Raises:
        AssertionError: The exchange module breaks a promise; the message says which.
    """
    archive = day.exchange
    register(archive)
    paths = list(archive.day_paths(day.tape, day.date))
    for path in paths:
        _require(path in day.files, f"day_paths names {path!r}, which is not among the files")
        clean = ".." not in path.split("/") and not path.startswith("/")
        _require(clean, f"{path!r} leaves the archive's folder")
    info = _check_stored(day, folder)
    for number, path in enumerate(paths):
        absent = {name: raw for name, raw in day.files.items() if name != path}
        result = _download(day, absent, folder / f"absent-{number}")
        _require(result.status == "missing", f"without {path} the day is {result.status}")
        cut = dict(day.files) | {path: day.files[path][: len(day.files[path]) // 2]}
        result = _download(day, cut, folder / f"cut-{number}")
        refused = isinstance(result.error, ArchiveError)
        _require(refused, f"half of {path} is {result.status}, not refused: {result.error}")
        if archive.checksum_path(path) is not None:
            _check_checksum(archive, path)
    return info


def _check_stored(day: VenueDay, folder: Path) -> DayInfo:
    result = _download(day, day.files, folder / "whole")
    _require(result.status == "stored", f"the day is {result.status}: {result.error}")
    lake = Lake(folder / "whole" / "lake")
    info = lake.day(day.tape, day.date)
    if info is None:
        raise AssertionError("the day is not in the lake")
    found = [
        (number, Decimal(price).scaleb(-info.price_decimals), Decimal(qty), time, side)
        for chunk in lake.read(day.tape, day.date, info.price_decimals, info.qty_decimals)
        for number, price, qty, time, side in zip(
            *(column.tolist() for column in (chunk.id, chunk.price, chunk.qty, chunk.time)),
            chunk.side.tolist(),
            strict=True,
        )
    ]
    unit = Decimal(1).scaleb(info.qty_decimals)
    wanted = [(n, Decimal(p), Decimal(q) * unit, time, side) for n, p, q, time, side in day.trades]
    for read, true in zip(found, wanted, strict=False):
        _require(read == true, f"read {read} (quantity in lots) where the file says {true}")
    _require(len(found) == len(wanted), f"{len(found)} trades are read of {len(wanted)}")
    start = (day.date - _EPOCH).days * DAY_US
    inside = all(start <= trade[3] < start + DAY_US for trade in found)
    _require(inside, "trades of another UTC day are among them")
    again = _download(day, day.files, folder / "whole")
    _require(again.status == "present", "the same download again is not told from the first")
    return info


def _check_checksum(archive: Exchange, path: str) -> None:
    for text in ("", "<html>", "0" * 63, f"{'0' * 64}  another-file\n"):
        try:
            archive.expected_sha256(text, path)
        except ChecksumError:
            continue
        raise AssertionError(f"{text!r} is taken for a checksum of {path}")


def _download(day: VenueDay, files: Mapping[str, bytes], folder: Path) -> DayResult:
    (folder / "archive" / "data").mkdir(parents=True, exist_ok=True)
    for path, raw in files.items():
        target = folder / "archive" / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(raw)
    (result,) = download(
        Lake(folder / "lake"),
        day.tape,
        [day.date],
        open_source(str(folder / "archive")),
        now=dt.datetime(day.date.year + 2, 1, 1, tzinfo=dt.UTC),
    )
    return result


def _require(holds: object, otherwise: str) -> None:
    if not holds:
        raise AssertionError(otherwise)
