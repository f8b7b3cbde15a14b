"""A lake's files in a folder of this machine."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from orderflow_bt.errors import LakeError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

INCOMING = ".incoming"


class LocalFiles:
    """The files of a lake in a folder of this machine.

    Args:
        root: The folder; made when the first file is written.
    """

    workers = 1

    def __init__(self, root: Path) -> None:
        self.root: Path | str = root
        self._root = root

    @property
    def incoming(self) -> Path:
        """Within the lake, so that publishing is a renaming."""
        return made_folder(self._root / INCOMING)

    def parts(self) -> list[Path]:
        """The files in ``incoming`` that are not whole."""
        return sorted((self._root / INCOMING).glob("*.part"))

    def path(self, key: str) -> Path:
        """Where a file lies."""
        return self._root / key

    def find(self, pattern: str) -> Iterator[str]:
        """The keys that match a pattern."""
        for path in self._root.glob(pattern):
            yield path.relative_to(self._root).as_posix()

    def exists(self, key: str) -> bool:
        """Whether a file is there."""
        return (self._root / key).exists()

    def publish(self, part: Path, key: str) -> None:
        """Give a synced file its final name, and make the name last through a power cut."""
        path = self._root / key
        path.parent.mkdir(parents=True, exist_ok=True)
        part.replace(path)
        if os.name == "posix":
            folder = os.open(path.parent, os.O_RDONLY)
            try:
                os.fsync(folder)
            finally:
                os.close(folder)


def made_folder(folder: Path) -> Path:
    """A folder, made if absent.

    Raises:
        LakeError: It cannot be made.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise LakeError(
            f"the lake's folder cannot be written: {error.strerror}",
            where=str(folder),
            fix="Give another folder with --data, or set ORDERFLOW_BT_DATA",
        ) from error
    return folder
