"""Where a lake's files lie: a folder of this machine, or an object store (`store.objects`)."""

from __future__ import annotations

import os
import urllib.parse
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, Protocol, TypeAlias, TypeVar

import pyarrow as pa

from orderflow_bt.errors import LakeError, first_line
from orderflow_bt.store.local_files import LocalFiles

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from orderflow_bt.store.objects import ObjectPath

T = TypeVar("T")
U = TypeVar("U")
StoredPath: TypeAlias = "Path | ObjectPath"  # str() of it is what a person calls the file


class Files(Protocol):
    """The files of a lake, by keys such as ``exchange=binance/market=um/…/part.parquet``.

    A file is written under a local name and appears in the lake whole, or not at all.

    Attributes:
        root: What a person calls the lake: its folder, or its URL.
        workers: How many files are best asked for at a time.
    """

    root: Path | str
    workers: int

    @property
    def incoming(self) -> Path:
        """A folder of this machine for files that are not whole, and for locks; made if absent.

        Raises:
            LakeError: It cannot be made.
        """

    def parts(self) -> list[Path]:
        """The files in ``incoming`` that are not whole, in order; nothing is made."""

    def path(self, key: str) -> StoredPath:
        """Where a file lies, whether or not it is there; see `open_stored`."""

    def find(self, pattern: str) -> Iterator[str]:
        """The keys that match a pattern, whose parts are names, with ``*`` for any text."""

    def exists(self, key: str) -> bool:
        """Whether a file is there."""

    def publish(self, part: Path, key: str) -> None:
        """Put a whole local file in its place, in one step; ``part`` is gone then.

        Raises:
            LakeError: The store does not take it. A local folder raises ``OSError``.
        """


def open_files(root: Path | str) -> Files:
    """The files of a lake, given as a folder or as a URL.

    Raises:
        UsageError: The URL is not one of a lake.
    """
    if isinstance(root, Path) or "://" not in root:
        return LocalFiles(Path(root))
    url = urllib.parse.urlsplit(root)
    if url.scheme == "file":
        return LocalFiles(Path(urllib.parse.unquote(url.path)))
    from orderflow_bt.store.objects import ObjectFiles  # noqa: PLC0415 - loads an object client

    return ObjectFiles(root)


def open_stored(path: StoredPath) -> pa.NativeFile:
    """Open a file of a lake for reading anywhere in it.

    Raises:
        FileNotFoundError: It is not there.
        LakeError: The object store cannot be asked.
        OSError: It cannot be opened.
    """
    return pa.memory_map(os.fspath(path)) if isinstance(path, Path) else path.open()


def read_tail(path: StoredPath, length: int) -> tuple[bytes, int]:
    """The last bytes of a file of a lake, as many as asked for or as there are; and its size.

    Raises:
        FileNotFoundError: It is not there.
        LakeError: The object store cannot be asked.
        OSError: It cannot be read.
    """
    if not isinstance(path, Path):
        with path.open() as file:
            size = file.size()
            return file.read_at(min(size, length), max(0, size - length)), size
    with path.open("rb", buffering=0) as opened:
        size = os.fstat(opened.fileno()).st_size
        opened.seek(max(0, size - length))
        return opened.read(length), size


def stamp_of(path: StoredPath) -> tuple[int, ...] | None:
    """What changes when a file of this machine does, None where it is not there or not of it.

    Raises:
        OSError: It cannot be asked for.
    """
    if not isinstance(path, Path):
        return None
    try:
        status = path.stat()
    except (FileNotFoundError, NotADirectoryError):
        return None
    return status.st_size, status.st_mtime_ns, status.st_ctime_ns, status.st_ino


def written_ns(path: StoredPath) -> int:
    """When a file of a lake was written, in nanoseconds since 1970, as exactly as is known.

    Raises:
        LakeError: The object store cannot be asked.
        OSError: It is not there.
    """
    return path.stat().st_mtime_ns if isinstance(path, Path) else path.written_ns()


def read_stored(path: StoredPath) -> bytes | None:
    """The content of a small file, or None where it is not there.

    Raises:
        LakeError: The object store cannot be asked.
        OSError: It cannot be read.
    """
    try:
        with open_stored(path) as file:
            content: bytes = file.read()
            return content
    except FileNotFoundError:
        return None


def side_by_side(function: Callable[[T], U], items: Sequence[T], workers: int) -> Iterator[U]:
    """What a function gives for each item, in order, asked for by so many threads."""
    if workers == 1 or len(items) < 2:
        yield from map(function, items)
        return
    with ThreadPoolExecutor(min(workers, len(items)), "ask") as threads:
        yield from threads.map(function, items)


def unreadable(path: StoredPath, error: Exception, what: str, fix: str) -> LakeError:
    """A library's error over a stored file as ours: the file is damaged, or out of reach."""
    if not isinstance(path, Path) and (failure := path.files.failure(error)):
        return failure
    return LakeError(f"{what}: {first_line(error)}", where=str(path), fix=fix)
