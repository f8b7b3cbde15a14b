"""One clock over all days of a run: it never goes back, and stops before the end."""

from __future__ import annotations

import numpy as np
import pytest

from orderflow_bt.run.clock import clocked
from orderflow_bt.types import Trades


def trades(*times):
    time = np.array(times, np.int64)
    others = (np.arange(len(time), dtype=dtype) for dtype in ("i8", "i8", "i8", "i1", "i4"))
    number, *rest = others
    return Trades(number, time, *rest)


def lived(end, *chunks):
    return [part.time.tolist() for part in clocked(iter(chunks), end)]


@pytest.mark.parametrize(
    ("end", "passed"),
    [
        (0, []),
        (1, []),
        (3, [[1, 2]]),
        (4, [[1, 2, 3]]),
        (5, [[1, 2, 3], [4, 4]]),
        (6, [[1, 2, 3], [4, 4, 5]]),
        (9, [[1, 2, 3], [4, 4, 5]]),
    ],
)
def test_trades_pass_until_the_end(end, passed):
    assert lived(end, trades(1, 2, 3), trades(4, 4, 5)) == passed


def test_nothing_is_asked_for_behind_the_end():
    def chunks():
        yield trades(1, 5)
        raise AssertionError("read on")

    assert [part.rows for part in clocked(chunks(), 3)] == [1]


def test_the_clock_stands_still_where_a_day_begins_before_the_other_ended():
    assert lived(9, trades(1, 6), trades(4, 5, 7), trades(8, 8)) == [[1, 6], [6, 6, 7], [8, 8]]
    assert lived(6, trades(1, 5), trades(4, 4)) == [[1, 5], [5, 5]]
    assert lived(6, trades(1, 5), trades(4, 7)) == [[1, 5], [5]]


def test_a_piece_without_trades_is_passed_over():
    assert lived(9, trades(), trades(1), trades()) == [[1]]
