"""Arrays that a kernel looks at by their addresses are those that were given."""

from __future__ import annotations

import numpy as np
import pytest

from orderflow_bt.kernels._jit import kernel
from orderflow_bt.kernels.memory import address_of, int8s, int64s


@kernel
def sums(wide, n_wide, narrow, n_narrow):
    total = 0
    for value in int64s(wide, n_wide):
        total += value
    for value in int8s(narrow, n_narrow):
        total += value
    return total


@kernel
def write(wide, count):
    rows = int64s(wide, count).reshape((count // 2, 2))
    rows[-1, 1] = 7


def test_a_kernel_reads_and_writes_where_the_arrays_lie():
    wide, narrow = np.arange(6, dtype=np.int64) << 40, np.array([1, -1, -1], np.int8)
    assert sums(address_of(wide), 6, address_of(narrow), 3) == (15 << 40) - 1
    assert sums(address_of(wide), 2, address_of(narrow), 0) == 1 << 40
    write(address_of(wide), 6)
    assert wide[5] == 7
    assert int64s(address_of(wide), 6).tolist() == wide.tolist()
    assert int8s(address_of(narrow), 3).tolist() == [1, -1, -1]


def test_strided_arrays_have_no_address():
    with pytest.raises(AssertionError):
        address_of(np.arange(6)[::2])
