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

_SOON = 0.02  # seconds: behind the callback, mostly


def insist(number_of: Callable[[KeyboardInterrupt], int]) -> None:
    """Send an interruption that was dropped to this process again.

    Args:
        number_of: The signal that it came of. It is asked in the main thread, where it may set that
            signal's handler first.
    """
    told_before = sys.unraisablehook

    def dropped(what: sys.UnraisableHookArgs) -> None:
        if isinstance(what.exc_value, KeyboardInterrupt):
            again = threading.Timer(_SOON, os.kill, (os.getpid(), number_of(what.exc_value)))
            again.daemon = True
            again.start()
        else:
            told_before(what)

    sys.unraisablehook = dropped
