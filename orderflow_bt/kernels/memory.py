"""Arrays by their addresses: a call with nine arrays costs four times one with a record of them.

Whoever passes an address keeps the array alive, contiguous and of the type that is looked at.
"""

from __future__ import annotations

import ctypes
from typing import TYPE_CHECKING, Any

import numpy as np
from numba import carray  # type: ignore[attr-defined] # public, but not in its __all__
from numba.core import cgutils, types
from numba.extending import intrinsic, overload

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray


def address_of(array: NDArray[Any]) -> int:
    """Where a contiguous array's first value lies."""
    assert array.flags.c_contiguous
    return int(array.ctypes.data)


def int64s(address: int, count: int) -> NDArray[np.int64]:
    """The ``count`` int64 from ``address`` on."""
    return np.ctypeslib.as_array((ctypes.c_int64 * int(count)).from_address(int(address)))


def int8s(address: int, count: int) -> NDArray[np.int8]:
    """The ``count`` int8 from ``address`` on."""
    return np.ctypeslib.as_array((ctypes.c_int8 * int(count)).from_address(int(address)))


@intrinsic
def _pointer(_context: Any, address: Any) -> Any:
    """An integer as a pointer."""

    def generate(_target: Any, builder: Any, _signature: Any, arguments: Any) -> Any:
        return builder.inttoptr(arguments[0], cgutils.voidptr_t)

    return types.voidptr(address), generate


_at: Any = _pointer  # numba gives the context by itself


@overload(int64s, strict=False)
def _int64s(address: Any, count: Any) -> Callable[..., Any]:  # noqa: ARG001 - their types
    return lambda address, count: carray(_at(address), (count,), np.int64)


@overload(int8s, strict=False)
def _int8s(address: Any, count: Any) -> Callable[..., Any]:  # noqa: ARG001 - their types
    return lambda address, count: carray(_at(address), (count,), np.int8)
