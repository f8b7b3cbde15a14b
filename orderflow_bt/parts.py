"""What is on its way to a name: a hidden file or folder beside it, and what the killed left there.

A part is called ``.NAME.PID-HOST.part``. Whoever writes it holds a lock on it, which the system
opens when the process ends, however it ends. So what is nobody's can be told from what is being
written, and is deleted by the next who writes to the same folder.
"""

from __future__ import annotations

import hashlib
import os
import platform
import re
import shutil
import sys
import time
from contextlib import contextmanager, suppress
from functools import cache
from typing import TYPE_CHECKING

if sys.platform != "win32":  # there nothing is locked, and nothing cleared up
    import fcntl

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_NAME = re.compile(r"\..+\.(\d{1,10})-([0-9a-f]{6})\.part", re.DOTALL)
_LONG_AGO = 24 * 3600  # seconds, behind which a part of another machine is nobody's


def part_of(path: Path) -> Path:
    """What a file or folder is called while this process writes it."""
    return path.with_name(f".{path.name}.{os.getpid()}-{_host()}.part")


@cache
def _host() -> str:
    return hashlib.sha256(platform.node().encode()).hexdigest()[:6]


@contextmanager
def held(part: Path) -> Iterator[None]:
    """While a part that is there is written."""
    handle = _locked(part)
    try:
        yield
    finally:
        if handle is not None:
            os.close(handle)


def left_in(folder: Path) -> list[Path]:
    """Parts in a folder whose writers are gone, by name."""
    if sys.platform == "win32":  # where asking for a process would interrupt it
        return []
    try:
        with os.scandir(folder) as entries:
            names = [entry.name for entry in entries if entry.name.endswith(".part")]
    except OSError:
        return []
    return [folder / name for name in sorted(names) if _is_nobodys(folder / name)]


def clear(folder: Path) -> None:
    """Delete what those who are gone left in a folder; what cannot be deleted stays."""
    for part in left_in(folder):
        if part.is_dir():
            shutil.rmtree(part, ignore_errors=True)
        else:
            with suppress(OSError):
                part.unlink()


def _is_nobodys(part: Path) -> bool:
    named = _NAME.fullmatch(part.name)
    if named is None or part.is_symlink():
        return False
    number, host = named.groups()
    if host == _host():
        if _runs(int(number)):
            return False
    elif time.time() - _written(part) < _LONG_AGO:
        return False
    handle = _locked(part)
    if handle is not None:
        os.close(handle)
    return handle is not None


def _runs(number: int) -> bool:
    """Whether there is a process of that number; another one may have taken it over."""
    try:
        os.kill(number, 0)
    except (ProcessLookupError, OverflowError):
        return False
    except OSError:
        return True
    return True


def _written(part: Path) -> float:
    """When something in it was written last; now, where that cannot be told."""
    try:
        inside = list(part.iterdir()) if part.is_dir() else []
        return max(path.stat().st_mtime for path in (part, *inside))
    except OSError:
        return time.time()


def _locked(part: Path) -> int | None:
    """A handle that locks it; None where somebody else has, or nothing can be locked."""
    if sys.platform == "win32":
        return None
    try:
        handle = os.open(part, os.O_RDONLY | os.O_NONBLOCK)
    except OSError:
        return None
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        os.close(handle)
        return None
    return handle
