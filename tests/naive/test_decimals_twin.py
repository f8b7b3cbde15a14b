"""Whole numbers as lines of text, against Python's own."""

from __future__ import annotations

import hypothesis.strategies as st
import numpy as np
from hypothesis import given

from orderflow_bt.kernels.decimals import MOST, write_lines

INT64 = st.integers(-(2**63), 2**63 - 1)
ROUND = st.builds(lambda digits, off, sign: sign * (10**digits + off), st.integers(0, 18),
                  st.integers(-1, 1), st.sampled_from([1, -1]))  # fmt: skip


@given(st.lists(st.one_of(st.none(), INT64, ROUND, st.integers(-120, 120)), max_size=40))
def test_they_are_what_str_writes(values):
    known = np.array([value is not None for value in values], np.bool_)
    numbers = np.array([value or 0 for value in values], np.int64)
    lines = np.zeros(MOST * len(values), np.uint8)
    begin = write_lines(numbers, known, lines)
    assert lines[begin:].tobytes().decode() == "".join(f"{value}\n" for value in values)
    assert not lines[:begin].any()
