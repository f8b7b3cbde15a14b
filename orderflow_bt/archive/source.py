"""What any source of an archive's files offers: the exchange, a mirror, or a folder laid out so."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from orderflow_bt.archive.listing import Listing


@dataclass(frozen=True, slots=True)
class Fetched:
    """A file that arrived whole.

    Attributes:
        path: Where its bytes are: the asked-for target, or the source's own file in a folder.
        url: Where it came from.
        bytes: Its size.
        sha256: Of its bytes, as they arrived.
        etag: As the server said, else empty.
        last_modified: As the server said, else empty.
    """

    path: Path
    url: str
    bytes: int
    sha256: str
    etag: str = ""
    last_modified: str = ""


@dataclass(frozen=True, slots=True)
class Probe:
    """What a source says of a file without giving it.

    Attributes:
        url: Where it is.
        bytes: Its size, where that is told.
        etag: As the server said, else empty.
    """

    url: str
    bytes: int | None
    etag: str = ""


class Source(Protocol):
    """A root below which an archive's paths lead to files. Safe to use from several threads."""

    url: str

    def fetch(self, path: str, target: Path, on_bytes: Callable[[int], None]) -> Fetched:
        """Bring a file, writing it to ``target`` if it is not on this machine already.

        ``on_bytes`` is called with the size of every piece, and may raise to stop the transfer.

        Raises:
            MissingDayError: There is no such file.
            TransferError: It could not be brought whole.
        """

    def read_text(self, path: str) -> str | None:
        """The content of a small file, or None where there is none.

        Raises:
            TransferError: It could not be read.
        """

    def probe(self, path: str) -> Probe | None:
        """What a file is at this moment, or None where there is none.

        Raises:
            TransferError: The source does not say.
        """

    def list_folder(self, folder: str) -> Listing:
        """What lies in a folder; nothing where there is no such folder.

        Raises:
            UnsupportedError: The source cannot list.
            TransferError: The listing could not be read.
        """

    def close(self) -> None:
        """Let go of connections."""
