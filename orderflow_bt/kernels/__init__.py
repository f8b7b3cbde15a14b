"""Numba kernels: arrays and scalars in, arrays out; no I/O, no classes."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

# Who is told that a kernel begins to be compiled, which takes seconds; those kept on the disk are
# loaded and not told of. It stands here so that nobody needs numba to ask for it.
on_compile: list[Callable[[], None]] = []
