"""Where an archive's files come from: the exchange, a mirror, or a folder laid out like it."""

from __future__ import annotations

import hashlib
import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Protocol
from urllib.parse import urlsplit

from orderflow_bt.archive.listing import Listing
from orderflow_bt.errors import MissingDayError, TransferError, UsageError

if TYPE_CHECKING:
    from collections.abc import Callable

READ_BYTES = 1 << 18


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


class FolderSource:
    """A folder laid out like the archive, holding ``data/spot/daily/…``."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.url = root.resolve().as_uri()

    def fetch(self, path: str, target: Path, on_bytes: Callable[[int], None]) -> Fetched:  # noqa: ARG002 - the file is read where it lies
        """Hash the file in place; see `Source`.

        Raises:
            MissingDayError: There is no such file.
            TransferError: It cannot be read.
        """
        file_path = self.root / path
        digest = hashlib.sha256()
        size = 0
        try:
            with file_path.open("rb") as file:
                while piece := file.read(READ_BYTES):
                    digest.update(piece)
                    size += len(piece)
                    on_bytes(len(piece))
        except FileNotFoundError:
            raise MissingDayError("the archive has no such file", where=str(file_path)) from None
        except OSError as error:
            raise TransferError(
                f"cannot be read: {error.strerror}", where=str(file_path)
            ) from error
        return Fetched(file_path, f"{self.url}/{path}", size, digest.hexdigest())

    def read_text(self, path: str) -> str | None:
        """The file's text; see `Source`.

        Raises:
            TransferError: It cannot be read.
        """
        try:
            return (self.root / path).read_text("utf-8", "replace")
        except FileNotFoundError:
            return None
        except OSError as error:
            raise TransferError(f"cannot be read: {error.strerror}", where=path) from error

    def probe(self, path: str) -> Probe | None:
        """The file's size; see `Source`.

        Raises:
            TransferError: It cannot be looked at.
        """
        try:
            size = (self.root / path).stat().st_size
        except (FileNotFoundError, NotADirectoryError):
            return None
        except OSError as error:
            raise TransferError(f"cannot be read: {error.strerror}", where=path) from error
        return Probe(f"{self.url}/{path}", size)

    def list_folder(self, folder: str) -> Listing:
        """The folder's content; see `Source`.

        Raises:
            TransferError: It cannot be read.
        """
        try:
            with os.scandir(self.root / folder) as entries:
                found = [(entry.name, entry.is_dir()) for entry in entries]
        except (FileNotFoundError, NotADirectoryError):
            return Listing((), ())
        except OSError as error:
            raise TransferError(f"cannot be read: {error.strerror}", where=folder) from error
        return Listing(
            tuple(sorted(name for name, is_folder in found if not is_folder)),
            tuple(sorted(name for name, is_folder in found if is_folder)),
        )

    def close(self) -> None:
        """Nothing is held."""


def open_source(text: str, listing: str | None = None) -> Source:
    """A source from what a user writes: an ``http(s)://`` address, or a folder.

    Args:
        text: What the user wrote.
        listing: The address that lists, as an S3 bucket does, what an address has; by default that
            address itself is asked.

    Raises:
        UsageError: Neither an address that can be fetched from nor a folder with ``data/`` in it.
    """
    scheme = urlsplit(text).scheme.lower()
    if scheme in ("http", "https"):
        from orderflow_bt.archive.http import HttpSource  # noqa: PLC0415 - folders need no requests

        return HttpSource(text, listing or text)
    root = Path(urlsplit(text).path) if scheme == "file" else Path(text)
    if "://" in text and scheme != "file":
        raise UsageError(
            f"{text!r} cannot be fetched from",
            where="--source",
            fix="Give an http or https address, or a folder",
        )
    if not (root / "data").is_dir():
        raise UsageError(
            f"{text!r} is not a folder laid out like the archive: it has no data/ in it",
            where="--source",
            fix="Give the folder that holds data/spot/daily/… or data/futures/um/daily/…",
        )
    return FolderSource(root)
