"""The exception tree: every failure a user can meet says what, where, and what to do next.

OrderflowError              failed for a stated reason (exit code 1)
├── UsageError              the command, option or parameter is wrong (exit code 2)
├── UnsupportedError        a thing this version does not do, said instead of approximated
├── ArchiveError            an exchange archive could not be used
│   ├── MissingDayError     the archive has no such file
│   ├── TransferError       the file did not arrive whole
│   ├── ChecksumError       its bytes are not the ones the exchange signed
│   └── MalformedError      its content cannot be read
├── LakeError               the lake on disk could not be read or written
├── CoverageError           the lake lacks trades that the window needs
└── PluginError             a strategy or detector broke a rule, or raised
"""

from __future__ import annotations

from functools import partial
from typing import Any

__all__ = [
    "ArchiveError",
    "ChecksumError",
    "CoverageError",
    "LakeError",
    "MalformedError",
    "MissingDayError",
    "OrderflowError",
    "PluginError",
    "TransferError",
    "UnsupportedError",
    "UsageError",
    "first_line",
    "words_of",
]


class OrderflowError(Exception):
    """A failure with a stated reason.

    Args:
        what: What went wrong, in one sentence without a final dot.
        where: File, row, time or option it happened at.
        fix: What the user can do next.
    """

    exit_code = 1

    def __init__(self, what: str, *, where: str = "", fix: str = "") -> None:
        super().__init__(what, where, fix)
        self.what = what
        self.where = where
        self.fix = fix

    def __str__(self) -> str:
        text = self.what + (f" [{self.where}]" if self.where else "")
        return text + (f". {self.fix}" if self.fix else "")

    def __reduce__(self) -> tuple[Any, ...]:
        made_by = partial(type(self), where=self.where, fix=self.fix)
        return made_by, (self.what,)


class UsageError(OrderflowError):
    """The command, option or parameter is wrong."""

    exit_code = 2


class UnsupportedError(OrderflowError):
    """A thing this version does not do; it is refused, never silently approximated."""


class ArchiveError(OrderflowError):
    """An exchange archive could not be used."""


class MissingDayError(ArchiveError):
    """The archive has no file for that day."""


class TransferError(ArchiveError):
    """A file did not arrive whole."""


class ChecksumError(ArchiveError):
    """A file's bytes are not the ones the exchange published a checksum for."""


class MalformedError(ArchiveError):
    """A file's content cannot be read."""


class LakeError(OrderflowError):
    """The lake on disk could not be read or written."""


class CoverageError(OrderflowError):
    """The lake lacks trades that the asked window needs."""


class PluginError(OrderflowError):
    """A strategy or detector broke a rule of its interface, or raised."""


_LONGEST = 1_000  # letters of somebody else's message


def words_of(error: BaseException) -> str:
    """What somebody else's error is and says, as any terminal and file can take it."""
    try:
        text = str(error)
    except Exception as of_text:  # noqa: BLE001 - somebody else's code, that makes the text
        text = f"(its text raises {type(of_text).__name__})"
    if len(text) > _LONGEST:
        text = text[:_LONGEST] + "\u2026"
    shown = (c if c.isprintable() or c == "\n" else ascii(c)[1:-1] for c in text)
    return f"{type(error).__name__}: {''.join(shown)}"


def first_line(error: Exception) -> str:
    """The first line of a library's message, which may go on for several."""
    return (str(error).splitlines() or [type(error).__name__])[0]
