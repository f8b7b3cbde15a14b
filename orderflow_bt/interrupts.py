"""Interruptions that arrive where Python can raise nothing are said again, until they are heard.

A signal is handled at the next line of Python. While machine code is compiled that is often a
library's callback or the end of an object, where whatever is raised is told on stderr and dropped.
"""

from __future__ import annotations

import os
import sys
import threading
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import FrameType

_SOON = 0.02  # seconds: behind the callback, mostly
_CALLBACKS = ("_raw_object_cache_notify", "_raw_object_cache_getbuffer")  # of llvmlite


def must_wait(number: int, frame: FrameType | None) -> bool:
    """Whether a signal came while compiled code is handed over; it is sent again soon then.

    Raised there, it would be dropped, and the code be lost that the compiler then asks for.
    """
    while frame is not None:
        if frame.f_code.co_name in _CALLBACKS:
            _send_soon(number)
            return True
        frame = frame.f_back
    return False


def insist(number_of: Callable[[KeyboardInterrupt], int]) -> None:
    """Send an interruption that was dropped to this process again.

    Args:
        number_of: The signal that it came of. It is asked in the main thread, where it may set that
            signal's handler first.
    """
    told_before = sys.unraisablehook

    def dropped(what: sys.UnraisableHookArgs) -> None:
        if isinstance(what.exc_value, KeyboardInterrupt):
            _send_soon(number_of(what.exc_value))
        else:
            told_before(what)

    sys.unraisablehook = dropped


def _send_soon(number: int) -> None:
    again = threading.Timer(_SOON, os.kill, (os.getpid(), number))
    again.daemon = True
    again.start()
