"""Files of klines, funding rates and metrics on this machine into the lake."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from orderflow_bt.archive import exchange
from orderflow_bt.archive.local import open_table
from orderflow_bt.errors import OrderflowError, UsageError
from orderflow_bt.ingest.clean_series import clean_series
from orderflow_bt.ingest.local import ImportResult, ImportStatus, digest_of
from orderflow_bt.store import Origin, SeriesInfo, SeriesStore

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from orderflow_bt.series import SeriesId
    from orderflow_bt.store import Lake


def import_series(
    lake: Lake, series: SeriesId, paths: Sequence[Path], *, replace: bool = False
) -> Iterator[ImportResult]:
    """Store the days (months of what is published by the month) that files hold.

    A file's name must give its day, as the exchange's do: rows of another day in it are dropped
    and counted, as in a download.

    Args:
        lake: Where to.
        series: What the files hold.
        paths: The files: zip, gzip or text.
        replace: Store a day anew if the lake has it from another file.

    Raises:
        LakeError: The lake cannot be written to.
    """
    archive = exchange(series.exchange)
    store = SeriesStore(lake)
    for path in dict.fromkeys(paths):
        name = re.sub(r"\.csv(\.gz)?$", ".zip", path.name)
        piece = archive.date_in(series, name, monthly=series.is_monthly)
        try:
            if piece is None:
                raise UsageError(
                    f"the name {path.name!r} does not tell a day of {series}",
                    fix=f"Name it {series.symbol}-{series.interval or series.kind.value}"
                    f"-2024-01-31.csv",
                )
            table = open_table(path)
            sha256, checksum = digest_of(archive, path)
            parsed = archive.read_series_table(table, series, path.name)
            columns, quality = clean_series(parsed, series, piece, path.name)
            info = SeriesInfo(
                tape=series,
                date=piece,
                path=store.path(series, piece),
                bytes=0,
                decimals=parsed.decimals,
                time_unit=parsed.time_unit,
                origin=Origin(
                    url=f"import:{path.name}",
                    sha256=sha256,
                    checksum=checksum,
                    bytes=path.stat().st_size,
                    header=parsed.header,
                    ignored=parsed.ignored,
                ),
                quality=quality,
            )
            with lake.lock(series, piece):
                before = store.info(series, piece)
                if before is not None and before.origin.sha256 == sha256:
                    yield ImportResult("present", piece, (path.name,), before)
                elif before is not None and not replace:
                    yield ImportResult("kept", piece, (path.name,), before)
                else:
                    stored = store.write(columns, info)
                    status: ImportStatus = "replaced" if before is not None else "stored"
                    yield ImportResult(status, piece, (path.name,), stored)
        except OrderflowError as error:
            yield ImportResult("failed", piece, (path.name,), error=error)
