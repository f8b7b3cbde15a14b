"""Orders and fills that nobody changes any more leave memory and are found as if they had not."""

from __future__ import annotations

import tracemalloc

import numpy as np
import pytest

from orderflow_bt.kernels import orders as k
from orderflow_bt.kernels.records import CHUNK
from orderflow_bt.run.spool import Spool
from orderflow_bt.sim.state import Chunks, KernelState

WIDTH = 18


def filled(chunks, *, before=0):
    """As many chunks as there is room for more, each row with its number."""
    first = chunks.room
    for _ in range(before):
        chunks.grow()
    for number in range(first, chunks.room):
        chunks.row(number)[0] = number
        chunks.row(number)[WIDTH - 1] = -number


def test_rows_are_found_wherever_they_lie(tmp_path):
    chunks = Chunks(KernelState(), k.AT_FILL_LOG, WIDTH)
    filled(chunks, before=5)
    whole = chunks.rows(0, chunks.room).copy()
    chunks.shelve(Spool(tmp_path))
    chunks.put_away(4 * CHUNK - 1, {1})
    filled(chunks, before=20)  # the addresses move
    for number in (0, CHUNK - 1, CHUNK, 3 * CHUNK - 1, 3 * CHUNK, 5 * CHUNK - 1):
        assert chunks.row(number).tolist() == whole[number].tolist()
        assert chunks.array(number).tolist() == whole[number].tolist()
    assert np.array_equal(chunks.rows(0, 5 * CHUNK), whole)
    assert np.array_equal(chunks.rows(2 * CHUNK - 3, 2 * CHUNK + 3), whole[2 * CHUNK - 3 :][:6])
    parts = list(chunks.blocks(5 * CHUNK - 7))
    assert np.array_equal(np.concatenate(parts), whole[:-7])
    assert [len(part) for part in parts] == [CHUNK] * 4 + [CHUNK - 7]


def test_what_is_put_away_cannot_be_changed(tmp_path):
    chunks = Chunks(KernelState(), k.AT_FILL_LOG, WIDTH)
    filled(chunks, before=3)
    chunks.shelve(Spool(tmp_path))
    chunks.put_away(3 * CHUNK, {1})
    chunks.row(CHUNK)[0] = 7
    with pytest.raises(TypeError, match="read-only"):
        chunks.row(0)[0] = 7
    assert chunks.rows(0, 3 * CHUNK)[[0, CHUNK], 0].tolist() == [0, 7]


def test_without_a_shelf_all_stays():
    chunks = Chunks(KernelState(), k.AT_FILL_LOG, WIDTH)
    filled(chunks, before=2)
    chunks.put_away(2 * CHUNK)
    chunks.row(0)[0] = 7
    assert chunks.row(0)[0] == 7


def test_many_rows_take_the_memory_of_few(tmp_path):
    tracemalloc.start()
    try:
        chunks = Chunks(KernelState(), k.AT_FILL_LOG, WIDTH)
        chunks.shelve(Spool(tmp_path))
        for _ in range(60):
            chunks.grow()
            chunks.put_away(chunks.room - CHUNK)
        held = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert held < 8 << 20  # all of them are 34 MiB
