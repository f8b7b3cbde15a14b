"""An archive in a folder of this machine, laid out as the exchange's is."""

from __future__ import annotations

import hashlib
import os
from typing import TYPE_CHECKING

from orderflow_bt.archive.listing import Listing
from orderflow_bt.archive.source import Fetched, Probe
from orderflow_bt.errors import MissingDayError, TransferError

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

_READ_BYTES = 1 << 18


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
                while piece := file.read(_READ_BYTES):
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
