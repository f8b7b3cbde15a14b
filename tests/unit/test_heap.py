"""Memory that nothing uses is given back."""

from __future__ import annotations

import ctypes
import sys
from pathlib import Path

import pytest

from orderflow_bt import heap

MIB = 1 << 20


def resident():
    lines = Path("/proc/self/status").read_text(encoding="utf-8").splitlines()
    (line,) = [line for line in lines if line.startswith("RssAnon:")]
    return int(line.split()[1]) * 1024


def _library():
    library = ctypes.CDLL(None)
    malloc, free = library.malloc, library.free
    malloc.restype, malloc.argtypes = ctypes.c_void_p, [ctypes.c_size_t]
    free.restype, free.argtypes = None, [ctypes.c_void_p]
    return malloc, free


@pytest.mark.skipif(
    heap._TRIM is None or sys.platform != "linux", reason="the C library is not GNU's"
)
def test_small_blocks_below_one_that_stays_are_given_back():
    heap.give_back()
    malloc, free = _library()
    blocks = [malloc(100_000) for _ in range(2000)]  # too small to be mapped on their own
    for block in blocks:
        ctypes.memset(block, 1, 100_000)
    stays = malloc(100_000)  # what lies below it cannot shrink the heap
    for block in blocks:
        free(block)
    before = resident()
    heap.give_back()
    given = before - resident()
    free(stays)
    assert given > 100 * MIB


def test_another_c_library_is_left_alone(monkeypatch):
    monkeypatch.setattr(heap, "_TRIM", None)
    heap.give_back()
