"""A folder of files that can be made again, of bounded size; what was not used longest goes first.

Whatever is kept here is named by a hash of all it was made from, so that nothing in it is ever out
of date. A file is there and whole, or not there: it is written under another name, synced and
renamed. A folder that cannot be written is no reason to fail: work goes on without it.
"""

from __future__ import annotations

import logging
import os
import shutil
import threading
import time
import uuid
from collections import deque
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import platformdirs

from orderflow_bt.store.arrays import STAMP, ArrayFile, ArrayWriter, DamagedError, room_for

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from concurrent.futures import Future

    from numpy.typing import NDArray

FOLDER = ".cache"  # in the lake's
LIMIT = 20_000_000_000
_SUFFIX = ".arrays"
_RECOUNT = 10.0  # seconds after which other processes' files are counted too
_AHEAD = 1  # thing that waits to be kept
_PART = ".part"
_ABANDONED = 3600  # seconds since the last write to a part that nobody finished
_STARTED = time.time()  # what was used since is in use: this process does not evict it

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Entry:
    """A kept file.

    Attributes:
        shelf: Which kind of thing: ``days`` or ``flow``.
        name: Of the file, without its suffix.
        used: When it was last read or made, seconds since 1970.
    """

    shelf: str
    name: str
    path: Path
    bytes: int
    used: float


class Cache:
    """Keeps arrays by shelf and name.

    Args:
        folder: Made when the first file is kept.
        limit: The most bytes it may hold; never more than half of what the disk has free besides.
    """

    def __init__(self, folder: Path, limit: int = LIMIT) -> None:
        self.folder = folder
        self.limit = limit
        self._off = False
        # As last counted, and what was asked for since: counting looks at every file.
        self._held = 0
        self._room_counted = 0
        self._counted = float("-inf")
        self._lock = threading.Lock()

    @classmethod
    def beside(cls, root: Path, limit: int = LIMIT) -> Cache:
        """The cache of a lake: a hidden folder in it.

        Where the lake cannot be written, the user's cache folder, which all such lakes share.
        """
        if root.exists() and not os.access(root, os.W_OK):
            return cls(user_folder(), limit)
        return cls(root / FOLDER, limit)

    def get(self, shelf: str, name: str) -> ArrayFile | None:
        """A kept file, open, or None. One that is damaged is deleted."""
        path = self._path(shelf, name)
        try:
            found = ArrayFile(path)
        except FileNotFoundError:
            return None
        except DamagedError as error:
            log.info("%s: made again", error)
            with suppress(OSError):
                path.unlink()
            return None
        except OSError as error:
            self.give_up(error)
            return None
        with suppress(OSError):  # of a folder that is read only, nothing is evicted either
            os.utime(path, (time.time(), STAMP))
        return found

    def part(
        self, shelf: str, name: str, shapes: Mapping[str, tuple[Any, tuple[int, ...]]]
    ) -> Part | None:
        """To keep arrays of these shapes; None where there is no room, or no folder to write in.

        Whoever asks ends with `Part.keep` or `Part.discard`.
        """
        if self._off:
            return None
        try:
            if self._make_room(room_for(shapes)):
                return Part(self, self._path(shelf, name), shapes)
        except OSError as error:
            self.give_up(error)
        return None

    def has(self, shelf: str, name: str) -> bool:
        """Whether a file is kept; it may yet be damaged."""
        return self._path(shelf, name).exists()

    def keep(
        self, shelf: str, name: str, arrays: Mapping[str, NDArray[Any]], facts: Mapping[str, Any]
    ) -> None:
        """Keep whole arrays."""
        shapes = {key: (values.dtype, values.shape) for key, values in arrays.items()}
        part = self.part(shelf, name, shapes)
        if part is not None:
            for key, values in arrays.items():
                part.put(key, values)
            part.keep(facts)
            part.discard()

    def entries(self) -> list[Entry]:
        """Every kept file, the longest unused first."""
        found = []
        for path in self.folder.glob(f"*/*{_SUFFIX}"):
            try:
                status = path.stat()
            except OSError:  # another process evicted it
                continue
            name = path.name.removesuffix(_SUFFIX)
            found.append(Entry(path.parent.name, name, path, status.st_size, status.st_atime))
        return sorted(found, key=lambda entry: (entry.used, entry.name))

    def room(self) -> int:
        """The most bytes it may hold now."""
        held = sum(entry.bytes for entry in self.entries())
        return self._room(held)

    def check(self) -> list[str]:
        """Read every kept file whole; deletes those that are damaged and returns their names."""
        damaged = []
        for entry in self.entries():
            try:
                with ArrayFile(entry.path) as file:
                    file.check()
            except FileNotFoundError:  # evicted by another process
                continue
            except DamagedError:
                damaged.append(f"{entry.shelf}/{entry.name}")
                entry.path.unlink(missing_ok=True)
        return damaged

    def clear(self) -> int:
        """Delete every kept file; returns the bytes they had.

        Raises:
            OSError: One cannot be deleted.
        """
        freed = 0
        for entry in self.entries():
            entry.path.unlink(missing_ok=True)
            freed += entry.bytes
        self._sweep(0)
        return freed

    def _path(self, shelf: str, name: str) -> Path:
        return self.folder / shelf / f"{name}{_SUFFIX}"

    def _room(self, held: int) -> int:
        folder = self.folder
        while not folder.exists():
            folder = folder.parent
        return min(self.limit, (held + shutil.disk_usage(folder).free) // 2)

    def _make_room(self, needed: int) -> bool:
        """Evict until that many bytes fit; whether they do.

        What this process has used is left alone: a period longer than the cache is kept in part,
        instead of each day driving out the one that will be wanted next.
        """
        with self._lock:
            self._held += needed
            recent = time.monotonic() - self._counted < _RECOUNT
            if recent and self._held <= self._room_counted:
                return True
        self._sweep(_ABANDONED)
        entries = self.entries()
        held = sum(entry.bytes for entry in entries)
        room = self._room(held)
        idle = [entry for entry in entries if entry.used < _STARTED]
        self._count(held + needed, room)
        if held + needed - sum(entry.bytes for entry in idle) > room:
            return False
        for entry in idle:
            if held + needed <= room:
                break
            with suppress(OSError):  # evicted by another process, or open where that forbids it
                entry.path.unlink()
                held -= entry.bytes
        self._count(held + needed, room)
        return held + needed <= room

    def _count(self, held: int, room: int) -> None:
        with self._lock:
            self._held, self._room_counted, self._counted = held, room, time.monotonic()

    def _sweep(self, seconds: float) -> None:
        """Delete parts of processes that were killed."""
        for path in self.folder.glob(f"*/*{_PART}"):
            with suppress(OSError):
                if time.time() - path.stat().st_mtime >= seconds:
                    path.unlink()

    def give_up(self, error: OSError) -> None:
        """Keep nothing more, and say so once."""
        with self._lock:
            said, self._off = self._off, True
        if not said:
            reason = error.strerror or error
            log.warning("warning: going on without the cache in %s: %s", self.folder, reason)


class KeepLater:
    """Keeps things one after the other on a thread of its own, while work goes on."""

    def __init__(self) -> None:
        self._pool = ThreadPoolExecutor(1, "keep")
        self._waiting: deque[Future[None]] = deque()

    def submit(self, keep: Callable[..., None], *arguments: Any) -> None:
        """Call ``keep`` soon; waits while much is waiting."""
        self._waiting.append(self._pool.submit(keep, *arguments))
        if len(self._waiting) > _AHEAD:
            self._waiting.popleft().result()

    def close(self) -> None:
        """Wait until all is kept."""
        self._pool.shutdown()
        for future in self._waiting:
            future.result()


class Part:
    """A file on its way into the cache. No method raises `OSError`: the cache gives up instead."""

    def __init__(
        self, cache: Cache, path: Path, shapes: Mapping[str, tuple[Any, tuple[int, ...]]]
    ) -> None:
        self._cache = cache
        self._path = path
        path.parent.mkdir(parents=True, exist_ok=True)
        self._part = path.with_name(f"{path.name}.{os.getpid()}-{uuid.uuid4().hex[:8]}{_PART}")
        self._file = self._part.open("wb")
        self._writer: ArrayWriter | None = ArrayWriter(self._file, shapes)

    def put(self, name: str, values: Any) -> None:
        """Append the next values of an array."""
        if self._writer is not None:
            try:
                self._writer.put(name, values)
            except OSError as error:
                self._fail(error)

    def keep(self, facts: Mapping[str, Any]) -> None:
        """Sync the file and put it in its place."""
        if self._writer is None:
            return
        try:
            self._writer.finish(facts, self._path)
            self._file.close()
            os.utime(self._part, (time.time(), STAMP))
            self._part.replace(self._path)
            self._writer = None
        except OSError as error:
            self._fail(error)

    def discard(self) -> None:
        """Delete what was written and not kept."""
        with suppress(OSError):  # what a full disk did not take is flushed again, and fails again
            self._file.close()
        if self._writer is not None:
            self._writer = None
            with suppress(OSError):
                self._part.unlink(missing_ok=True)

    def _fail(self, error: OSError) -> None:
        self.discard()
        self._cache.give_up(error)


def user_folder() -> Path:
    """Where the cache of a lake lies that cannot hold its own."""
    root = os.environ.get("ORDERFLOW_BT_CACHE_DIR") or platformdirs.user_cache_dir("orderflow_bt")
    return Path(root) / "lake"


def parse_limit(text: str) -> int:
    """Bytes of a size such as ``20GB``; 0 for ``off``.

    Raises:
        ValueError: It is neither.
    """
    text = text.strip().lower()
    if text == "off":
        return 0
    for unit, size in (("tb", 10**12), ("gb", 10**9), ("mb", 10**6)):
        if text.endswith(unit):
            number = float(text.removesuffix(unit))
            if 0 < number < float("inf"):
                return int(number * size)
    raise ValueError(text)
