"""The journal of a practice: everything that was done, in a file that only grows.

Each line is on the disk before the next is made, and carries a hash of the line before it. What it
holds is in ``docs/practice.md``.
"""

from __future__ import annotations

import contextlib
import datetime as dt
import os
from typing import TYPE_CHECKING, Any, Self

import filelock

from orderflow_bt.errors import OrderflowError, UsageError
from orderflow_bt.replay.practice.chain import Entry, Head, Lines, seal
from orderflow_bt.replay.practice.journal_file import (
    FILE,
    HEAD,
    TORN,
    VERSION,
    is_revealed,
    read_folder,
    refuse_edited,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path
    from types import TracebackType

_LOCK = "journal.lock"
KINDS = frozenset({
    "start", "recovered", "action", "fill", "trip", "ask", "answer", "leave", "truth", "note",
    "seek", "detectors", "strategies", "reveal", "end",
})  # fmt: skip
_OVER = frozenset({"action", "fill", "trip", "ask", "answer", "truth"})  # none after the reveal


def practice_folder(root: Path, label: str) -> Path:
    """A new folder's name below ``root``: when it begins, and a word. It is not made yet."""
    moment = dt.datetime.now(dt.UTC).strftime("%Y%m%dT%H%M%SZ")
    folder, number = root / f"{moment}-{label}", 1
    while folder.exists():
        number += 1
        folder = root / f"{moment}-{label}-{number}"
    return folder


class Journal:
    """A journal that is being written; `Journal.open` begins one or goes on with one.

    Attributes:
        folder: Where it lies.
        entries: All of it, oldest first, as dictionaries.
    """

    def __init__(
        self,
        folder: Path,
        lock: filelock.BaseFileLock,
        handle: int,
        head: int,
        found: Lines,
        *,
        clock: Callable[[], dt.datetime],
    ) -> None:
        self.folder = folder
        self.entries: list[Entry] = list(found.entries)
        self._lock, self._handle, self._head, self._clock = lock, handle, head, clock
        self._last = found.last_hash

    @classmethod
    def open(
        cls,
        folder: Path,
        facts: Mapping[str, Any] | None = None,
        *,
        clock: Callable[[], dt.datetime] = lambda: dt.datetime.now(dt.UTC),
    ) -> Self:
        """Begin a journal, or go on with the one in the folder.

        A last line that was not written to its end is set aside into ``journal.torn``, and the
        journal says so.

        Args:
            folder: The practice folder, made if absent.
            facts: What the first line says of the practice: tape, window, bars, …; ignored where
                the journal has begun.
            clock: Tells the time of the wall.

        Raises:
            UsageError: Another process writes it, or nothing says what a new one is of.
            OrderflowError: It was edited or cut, holds what no journal does, or cannot be written.
        """
        path = folder / FILE
        if facts is None and not path.exists():
            raise UsageError("there is no practice to go on with", where=str(folder))
        try:
            folder.mkdir(parents=True, exist_ok=True)
            lock = filelock.FileLock(folder / _LOCK, thread_local=False)
            lock.acquire(blocking=False)
        except filelock.Timeout:
            raise UsageError(
                "another process is writing this journal",
                where=str(folder),
                fix="Close the other replay of this practice, or begin one in another folder",
            ) from None
        except OSError as error:
            raise OrderflowError(
                f"the practice cannot be written: {error.strerror or error}", where=str(folder)
            ) from error
        try:
            return cls._continue(folder, lock, dict(facts or {}), clock)
        except BaseException:
            lock.release()
            raise

    @classmethod
    def _continue(
        cls,
        folder: Path,
        lock: filelock.BaseFileLock,
        facts: Entry,
        clock: Callable[[], dt.datetime],
    ) -> Self:
        path = folder / FILE
        handle = head = -1
        try:
            handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o644)
            found = read_folder(folder)
            refuse_edited(path, found)
            if found.torn:
                _set_aside(folder, found.torn)
                os.ftruncate(handle, found.size)
                os.fsync(handle)
            head = os.open(folder / HEAD, os.O_WRONLY | os.O_CREAT, 0o644)
            journal = cls(folder, lock, handle, head, found, clock=clock)
            journal._note_head(found.head)
            if not journal.entries:
                journal._append({"kind": "start", "version": VERSION, **facts})
            if found.torn:
                journal._append({"kind": "recovered", "bytes": len(found.torn), "file": TORN})
            _sync_folder(folder)
        except BaseException as error:
            for opened in (handle, head):
                if opened >= 0:
                    os.close(opened)
            if isinstance(error, OSError):
                raise OrderflowError(
                    f"the practice cannot be written: {error.strerror or error}", where=str(folder)
                ) from error
            raise
        return journal

    @property
    def facts(self) -> Entry:
        """What the first line says of the practice."""
        return self.entries[0]

    @property
    def is_revealed(self) -> bool:
        """Whether the practice of this start ended with the reveal."""
        return is_revealed(self.entries)

    def write(
        self,
        kind: str,
        *,
        row: int,
        time: int,
        attempt: int = 0,
        seen: Mapping[str, Any] | None = None,
        **facts: Any,
    ) -> Entry:
        """Add a line; it is on the disk when this returns.

        Args:
            kind: What it tells of, one of `KINDS`.
            row: The next trade that nobody has seen.
            time: Of the last trade that was seen, microseconds UTC.
            attempt: Of the practice.
            seen: What was on screen: ``bar``, the forming bar's number, and ``marks``, ids.
            facts: What else it holds, ready for JSON.

        Returns:
            The entry.

        Raises:
            UsageError: There is no such kind, or the practice ended with the reveal.
            OrderflowError: It cannot be written.
        """
        if kind not in KINDS:
            raise UsageError(f"a journal has no entries of kind {kind!r}")
        if kind in _OVER and self.is_revealed:
            raise UsageError(
                "the practice of this start ended with the reveal",
                where=str(self.folder),
                fix="Begin another one: orderflow-bt replay --blind",
            )
        return self._append(
            {"kind": kind, "row": int(row), "time": int(time), "attempt": int(attempt)}
            | ({"seen": dict(seen)} if seen else {})
            | facts
        )

    def _append(self, content: Entry) -> Entry:
        wall = self._clock().isoformat(timespec="milliseconds").replace("+00:00", "Z")
        entry = {"n": len(self.entries), "wall": wall} | content
        line, self_hash = seal(entry, self._last)
        try:
            size = os.fstat(self._handle).st_size
            try:
                written = 0
                while written < len(line):
                    written += os.write(self._handle, line[written:])
                os.fsync(self._handle)
            except OSError:
                os.ftruncate(self._handle, size)  # a full disk leaves no half of a line
                raise
        except OSError as error:
            raise OrderflowError(
                f"the journal cannot be written: {error.strerror or error}",
                where=str(self.folder / FILE),
                fix="Free some space; what was written before is kept",
            ) from error
        self._last = self_hash
        self.entries.append(entry)
        self._note_head(Head(len(self.entries), self_hash))
        return entry

    def _note_head(self, head: Head) -> None:
        """It lags behind what was written, where it must; never is it ahead."""
        with contextlib.suppress(OSError):
            os.lseek(self._head, 0, os.SEEK_SET)
            os.write(self._head, head.packed())

    def close(self) -> None:
        """Let go of the file; another process may go on with it."""
        if self._handle >= 0:
            os.close(self._handle)
            os.close(self._head)
            self._handle = -1
            self._lock.release()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        _kind: type[BaseException] | None,
        _error: BaseException | None,
        _where: TracebackType | None,
    ) -> None:
        self.close()


def _set_aside(folder: Path, torn: bytes) -> None:
    handle = os.open(folder / TORN, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
    try:
        os.write(handle, torn + b"\n")
        os.fsync(handle)
    finally:
        os.close(handle)


def _sync_folder(folder: Path) -> None:
    """Make the names in a folder last; systems that cannot open folders do it themselves."""
    if not hasattr(os, "O_DIRECTORY"):  # pragma: no cover - Windows
        return
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
