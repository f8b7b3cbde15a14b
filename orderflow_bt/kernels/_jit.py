"""How every kernel is compiled: one policy, one cache.

* ``nogil``: a kernel never touches Python objects, so reading ahead can go on beside it.
* ``fastmath`` and ``parallel`` stay off: the same input gives the same bits.
* The on-disk cache lives in a folder keyed by the sources of *all* kernels and the versions of
  numba and numpy: numba alone does not notice an edit in a function that a kernel calls.
  ``ORDERFLOW_BT_CACHE_DIR`` moves it; where nothing can be written, kernels compile in memory.
"""

from __future__ import annotations

import hashlib
import os
import tempfile
from functools import cache
from pathlib import Path
from types import FunctionType
from typing import TYPE_CHECKING, Any, TypeVar, cast

import numba
import numpy as np
import platformdirs
from numba.core import event

from orderflow_bt.kernels import on_compile

if TYPE_CHECKING:
    from collections.abc import Callable

F = TypeVar("F", bound="Callable[..., object]")


@cache
def kernel_hash() -> str:
    """Hash of every kernel's source and of the compilers: changes when a result could."""
    digest = hashlib.sha256(f"numba {numba.__version__} numpy {np.__version__}".encode())
    for source in sorted(Path(__file__).parent.glob("*.py")):
        digest.update(source.name.encode())
        digest.update(source.read_bytes())
    return digest.hexdigest()[:16]


@cache
def cache_folder() -> str | None:
    """Where compiled kernels are kept, or None where no folder can be written."""
    root = os.environ.get("ORDERFLOW_BT_CACHE_DIR") or platformdirs.user_cache_dir("orderflow_bt")
    folder = Path(root) / "kernels" / kernel_hash()
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            return str(folder)
    except OSError:
        return None


class _Teller(event.Listener):
    """Tells whoever asked that something is being compiled."""

    def on_start(self, event: object) -> None:
        """It begins."""
        del event
        for told in on_compile:
            told()

    def on_end(self, event: object) -> None:
        """It is over."""


event.register("numba:compile", _Teller())  # type: ignore[no-untyped-call] # numba has no types


def kernel(function: F) -> F:
    """Compile ``function`` with the project's policy."""
    return _compiled(function, is_part=False)


def part(function: F) -> F:
    """As `kernel`, for what a larger kernel consists of: its code goes into that one.

    Handing on five arrays costs more than a part does that has little to do: apart, the parts of
    the matching kernel would take a strategy that acts on every fill a quarter longer.
    """
    return _compiled(function, is_part=True)


def _compiled(function: F, *, is_part: bool) -> F:
    folder = cache_folder()
    config: Any = numba.config
    if folder is None or config.DISABLE_JIT:
        return cast("F", numba.njit(nogil=True, forceinline=is_part)(function))
    before = config.CACHE_DIR
    config.CACHE_DIR = folder  # read once, when the dispatcher is made
    try:
        return cast("F", numba.njit(nogil=True, forceinline=is_part, cache=True)(function))
    finally:
        config.CACHE_DIR = before


def exact(function: F) -> F:
    """A kernel's source as plain Python, with that of the kernels it calls: for any integers."""
    source: Any = getattr(function, "py_func", function)
    names = {
        name: exact(value) if hasattr(value, "py_func") else value
        for name in source.__code__.co_names
        if (value := source.__globals__.get(name)) is not None
    }
    return cast("F", FunctionType(source.__code__, names, source.__name__))
