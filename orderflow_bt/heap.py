"""Memory that nothing uses any more: given back to the system, for what comes next is another work.

Allocators keep what was let go, in pieces that the next work may find too small. A long run ends
with works of which each needs a lot once: tables, numbers, pictures. Without this each adds to the
peak what the one before it left.
"""

from __future__ import annotations

import ctypes

import pyarrow as pa


def give_back() -> None:
    """Have Arrow, and the C library where it is GNU's, give the system what they hold unused."""
    pa.default_memory_pool().release_unused()
    if _TRIM is not None:
        _TRIM(0)


def _find_trim() -> ctypes._NamedFuncPointer | None:
    try:
        return getattr(ctypes.CDLL(None), "malloc_trim", None)
    except (OSError, TypeError):  # no library by no name: Windows
        return None


_TRIM = _find_trim()
