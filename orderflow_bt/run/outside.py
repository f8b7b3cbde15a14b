"""Notices what is read while a strategy's own code runs: files and connections."""

from __future__ import annotations

import os
import sys
import sysconfig
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, NamedTuple

from orderflow_bt.kernels._jit import cache_folder

if TYPE_CHECKING:
    from collections.abc import Iterator


_CODE = (".py", ".pyc", ".so", ".nbi", ".nbc", ".pyi", ".pth", ".toml", ".egg-link")
_LIBRARIES = (
    *{sysconfig.get_path("stdlib"), sys.prefix, sys.base_prefix, cache_folder() or sys.prefix},
    "/proc", "/dev", "/sys",
)  # fmt: skip


class Source(NamedTuple):
    """Something outside that a strategy used: in which hook, at what market time, and what."""

    hook: str
    time: int
    what: str


class Outside:
    """Collects what is opened while a strategy's own code runs.

    Python's own opening of files and connections is seen everywhere; bytes that compiled readers
    take (`pyarrow`, `duckdb`) are counted where the system tells (Linux).

    Attributes:
        sources: What was used, each thing once.
    """

    def __init__(self, *, count_bytes: bool = False) -> None:
        self.sources: list[Source] = []
        self._seen: set[str] = set()
        self._now: tuple[str, int] | None = None
        self._asked = 0  # bytes that asking how many were read has taken itself
        self._io = _open_counter() if count_bytes else None

    @contextmanager
    def building(self, what: str) -> Iterator[None]:
        """While the strategy is imported or constructed."""
        _install()
        self._now = (what, 0)
        _ACTIVE.append(self)
        try:
            yield
        finally:
            _ACTIVE.remove(self)
            self._now = None

    @contextmanager
    def inside(self, hook: str, time: int) -> Iterator[None]:
        """While a hook runs, at a market time."""
        _install()
        self._now = (hook, time)
        before, threads = self._bytes(others_first=True)
        _ACTIVE.append(self)
        try:
            yield
        finally:
            _ACTIVE.remove(self)
            after, same = self._bytes(others_first=False)
            if after > before and same == threads and not self.sources:
                self.add("files that no Python call opened")
            self._now = None

    def add(self, what: str) -> None:
        """Note a thing once."""
        if self._now is not None and what not in self._seen:
            self._seen.add(what)
            self.sources.append(Source(*self._now, what))

    def _bytes(self, *, others_first: bool) -> tuple[int, set[int]]:
        """Bytes that this thread and compiled libraries have read, and the other Python threads.

        What other Python threads read meanwhile is not the hook's doing, and an ``open`` of theirs
        is heard of anyway. Counted first before a hook and last behind it, they never make it more.
        """
        if self._io is None:
            return 0, set()
        own = threading.get_native_id()
        numbers = (thread.native_id for thread in threading.enumerate())
        found = {number for number in numbers if number is not None and number != own}
        theirs = sum(map(self._of_thread, found)) if others_first else 0
        asked = self._asked
        total = self._count(self._io) - asked
        return total - (theirs if others_first else sum(map(self._of_thread, found))), found

    def _of_thread(self, number: int) -> int:
        try:
            file = os.open(f"/proc/self/task/{number}/io", os.O_RDONLY)
        except OSError:  # it has ended
            return 0
        try:
            return self._count(file)
        finally:
            os.close(file)

    def _count(self, file: int) -> int:
        text = os.pread(file, 512, 0)
        self._asked += len(text)
        return int(text.split()[1])

    def close(self) -> None:
        """Give the counter back."""
        if self._io is not None:
            os.close(self._io)
            self._io = None


_ACTIVE: list[Outside] = []
_IS_INSTALLED: list[bool] = []


def _install() -> None:
    """Python's audit hooks stay for good: this one looks only while somebody is active."""
    if not _IS_INSTALLED:
        _IS_INSTALLED.append(True)
        sys.addaudithook(_heard)


def _heard(event: str, arguments: tuple[Any, ...]) -> None:
    if not _ACTIVE:
        return
    if event == "open":
        path, _, flags = arguments
        is_read = not (isinstance(flags, int) and flags & os.O_ACCMODE == os.O_WRONLY)
        if is_read and isinstance(path, str | bytes | os.PathLike) and not _is_code(path):
            _ACTIVE[-1].add(f"the file {os.fsdecode(path)}")
    elif event in ("socket.connect", "sqlite3.connect", "subprocess.Popen"):
        _ACTIVE[-1].add(f"{event} {arguments[-1] if event == 'socket.connect' else arguments[0]}")


def _is_code(path: str | bytes | os.PathLike[str]) -> bool:
    text = os.fsdecode(path)
    return text.endswith(_CODE) or os.path.abspath(text).startswith(_LIBRARIES)  # noqa: PTH100 - a Path here would be made inside every open()


def _open_counter() -> int | None:
    try:
        return os.open("/proc/self/io", os.O_RDONLY)
    except OSError:
        return None
