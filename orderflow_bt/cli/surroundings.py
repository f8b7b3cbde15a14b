"""What a terminal, a locale and a system may do to a program, and how it goes on in words."""

from __future__ import annotations

import codecs
import errno
import os
import signal
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from orderflow_bt.errors import OrderflowError, UsageError
from orderflow_bt.interrupts import insist, must_wait

if TYPE_CHECKING:
    from collections.abc import Sequence
    from types import FrameType

TERMINATED = 143
_PLAIN = {"\u2212": "-", "\u2013": "-", "\u2026": "...", "\u00d7": "x", "\u00a0": " "}
_FIXES = {
    errno.ENOSPC: "Free some space",
    errno.EDQUOT: "Free some space",
    errno.EFBIG: "Allow larger files, or write less",
    errno.EROFS: "Give a folder that can be written",
    errno.EACCES: "Give a place that you may use",
    errno.EPERM: "Give a place that you may use",
    errno.ENOENT: "Make the folder first, or give another",
    errno.ENOTDIR: "Give a folder",
}


class Terminated(KeyboardInterrupt):
    """The system asked the program to end: as Ctrl-C, so that nothing half-written is left."""


def settle_in(words: Sequence[str]) -> None:
    """Make the best of the terminal and its locale; hear what asks the program to end.

    Args:
        words: Of the command line.

    Raises:
        UsageError: A word of it is no text in this locale.
    """
    codecs.register_error("plain", _plain)
    for name in ("stdout", "stderr"):
        if getattr(sys, name) is None:  # closed by whoever started this: what is said goes nowhere
            nowhere = Path(os.devnull).open("w", encoding="utf-8")  # noqa: SIM115 - to the end
            setattr(sys, name, nowhere)
    for stream in (sys.stdout, sys.stderr):
        reconfigure = getattr(stream, "reconfigure", None)
        if reconfigure is not None and stream.errors == "strict":
            reconfigure(errors="plain")
    sys.stderr.reconfigure(errors="plain")  # type: ignore[union-attr] # unless somebody took it
    signal.signal(signal.SIGTERM, _end)
    if signal.getsignal(signal.SIGINT) is signal.default_int_handler:  # and is not ignored
        signal.signal(signal.SIGINT, _end)
    insist(lambda end: signal.SIGTERM if isinstance(end, Terminated) else signal.SIGINT)
    for word in words:
        if not word.isascii() and any("\ud800" <= letter <= "\udfff" for letter in word):
            raise UsageError(
                f"{word!a} is no text in this locale",
                fix="Set LC_ALL=C.UTF-8, or PYTHONUTF8=1",
            )


def let_go() -> None:
    """All is done: who asks the program to end from now on just ends it, with nothing to say."""
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_DFL)


def in_words(error: OSError) -> OrderflowError:
    """What the system refused, as it is said to a person."""
    where = error.filename if isinstance(error.filename, str) else ""
    what = error.strerror or str(error)
    fix = _FIXES.get(error.errno or 0, "")
    return OrderflowError(f"the system refused it: {what}", where=where, fix=fix)


def _plain(error: UnicodeError) -> tuple[str, int]:
    """Signs that a terminal lacks by those that it has: a minus stays one."""
    if not isinstance(error, UnicodeEncodeError):
        raise error
    text = error.object[error.start : error.end]
    return "".join(_PLAIN.get(sign, "?") for sign in text), error.end


def _end(number: int, frame: FrameType | None) -> None:
    if not must_wait(number, frame):
        raise Terminated if number == signal.SIGTERM else KeyboardInterrupt
