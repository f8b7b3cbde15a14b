"""The verified files of a day, taken together as what the stored day came from."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING

from orderflow_bt.archive import Fetched
from orderflow_bt.store import Origin

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from orderflow_bt.archive import ParsedSeries
    from orderflow_bt.ingest.stream import FileForm

_BETWEEN = ", "  # several addresses


@dataclass(frozen=True, slots=True)
class Brought:
    """The verified files of a day.

    Attributes:
        files: Where they are.
        fetched: What they are together: addresses, sizes and digests.
        checksum: How the worst of their checksums fared.
    """

    files: list[Path]
    fetched: Fetched
    checksum: str


def names_of(fetched: Fetched) -> str:
    """What an error calls the files."""
    return _BETWEEN.join(url.rsplit("/", 1)[-1] for url in fetched.url.split(_BETWEEN))


def joined(brought: Sequence[tuple[Fetched, str]]) -> tuple[Fetched, str]:
    """The files of a day as one origin: addresses side by side, a digest of the digests."""
    if len(brought) == 1:
        return brought[0]
    files = [fetched for fetched, _ in brought]
    checks = [checksum for _, checksum in brought]
    worst = next((word for word in ("mismatch", "absent") if word in checks), "verified")
    together = "\n".join(file.sha256 for file in files)
    return Fetched(
        path=files[0].path,
        url=_BETWEEN.join(file.url for file in files),
        bytes=sum(file.bytes for file in files),
        sha256=hashlib.sha256(together.encode()).hexdigest(),
        etag=_BETWEEN.join(file.etag for file in files if file.etag),
        last_modified=files[-1].last_modified,
    ), worst


def origin_of(fetched: Fetched, checksum: str, parsed: FileForm | ParsedSeries) -> Origin:
    """Where a day that is about to be stored came from."""
    return Origin(
        url=fetched.url,
        sha256=fetched.sha256,
        checksum=checksum,
        bytes=fetched.bytes,
        etag=fetched.etag,
        last_modified=fetched.last_modified,
        header=parsed.header,
        ignored=parsed.ignored,
    )
