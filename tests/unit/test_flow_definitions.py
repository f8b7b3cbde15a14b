"""The worked examples of docs/readings, number by number."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest

from orderflow_bt.flow import BarStream, ZeroPolicy, diagonal, horizontal
from orderflow_bt.report.grid import stacks
from orderflow_bt.types import MINUTE_US, Trades, time_bars


def tape(*rows, start=0, step=1_000_000):
    """Trades (price, signed quantity), one second apart."""
    n = len(rows)
    return Trades(
        np.arange(1, n + 1),
        start + step * np.arange(n),
        np.array([price for price, _ in rows], dtype=np.int64),
        np.array([abs(q) for _, q in rows], dtype=np.int64),
        np.array([1 if q > 0 else -1 for _, q in rows], dtype=np.int8),
        np.ones(n, dtype=np.int32),
    )


def one_bar(trades, row_size=1):
    stream = BarStream(time_bars("1m"), ids_are_continuous=True, ticks_per_row=row_size)
    assert len(stream.feed(trades)) == 0
    batch = stream.close_until(MINUTE_US)
    assert len(batch) == 1
    return batch.footprint(0)


def rows_as_tape(rows):
    """{row: (bid, ask)} as trades that leave exactly these cells; one at the low and the high."""
    trades = []
    for row, (bid, ask) in rows.items():
        trades += [(row, -bid)] if bid else []
        trades += [(row, ask)] if ask else []
    return tape(*trades)


EX1 = {104: (0, 12), 103: (2, 30), 102: (4, 24), 101: (6, 18), 100: (20, 1)}
EX2 = {100: (0, 5), 101: (0, 15), 102: (9, 40), 103: (0, 0), 104: (0, 30)}


def marked(footprint, flags):
    buy, sell = flags
    return set(footprint.prices[buy].tolist()), set(footprint.prices[sell].tolist())


@pytest.mark.parametrize(
    ("price", "row"), [(999, 99), (1000, 100), (1005, 100), (1015, 101), (1009, 100), (-1, -1)]
)
def test_rows_are_floored(price, row):
    footprint = one_bar(tape((price, 1)), row_size=10)
    assert footprint.cells.tolist() == [[row * 10, 0, 1, 0, 1]]
    assert footprint.bar.poc == row * 10
    assert footprint.row_of(price) == 0


def test_running_delta_counts_its_zero():
    bar = one_bar(tape((100, 5), (100, -2), (100, -6), (100, 4))).bar
    assert (bar.delta, bar.max_delta, bar.min_delta, bar.volume) == (1, 5, -3, 17)
    assert round(100 * bar.delta / bar.volume, 3) == 5.882
    assert one_bar(tape((100, 5), (100, 2))).bar.min_delta == 0


def test_aggressive_sells_fill_the_bid_column():
    footprint = one_bar(tape((100, -3)))
    assert (footprint.bid.tolist(), footprint.ask.tolist()) == ([3], [0])
    assert footprint.bar.delta == -3


def test_imbalances_of_the_first_example():
    footprint = one_bar(rows_as_tape(EX1))
    cells = footprint.cells
    assert marked(footprint, footprint.imbalances((3, 1), 10)) == ({102, 103, 104}, set())
    assert marked(footprint, footprint.imbalances((10, 1), 10)) == (set(), set())
    assert marked(footprint, horizontal(cells, (3, 1), 10)) == ({101, 102, 103, 104}, {100})
    assert marked(footprint, horizontal(cells, (10, 1), 10)) == ({103, 104}, {100})
    assert stacks(footprint.imbalances((3, 1), 10)[0]) == [(2, 5)]
    bar = footprint.bar
    assert (bar.delta, bar.volume, bar.poc) == (53, 117, 103)
    assert round(100 * bar.delta / bar.volume, 3) == 45.299
    ratios = [Fraction(EX1[row][1], EX1[row - 1][0]) for row in (102, 103, 104)]
    assert ratios == [Fraction(24, 6), Fraction(30, 4), Fraction(12, 2)]


def test_an_untraded_row_breaks_a_stack():
    footprint = one_bar(rows_as_tape(EX2))
    assert footprint.cells.tolist()[3] == [103, 0, 0, 0, 0]
    buy, sell = footprint.imbalances((3, 1), 10)
    assert marked(footprint, (buy, sell)) == ({101, 102, 104}, set())
    assert stacks(buy) == []
    assert stacks(buy, least=2) == [(1, 3)]


def test_the_poc_tie_goes_to_the_heavier_side():
    volumes = {100: 10, 101: 30, 102: 20, 103: 30, 104: 5}
    footprint = one_bar(rows_as_tape({row: (0, v) for row, v in volumes.items()}))
    assert (footprint.bar.poc, footprint.poc_row) == (101, 1)
    volumes[104] = 20
    assert one_bar(rows_as_tape({row: (0, v) for row, v in volumes.items()})).bar.poc == 103


@pytest.mark.parametrize(
    ("volumes", "poc"),
    [
        ([9, 1, 9, 1, 1], 102),  # nearest the middle
        ([5, 5], 100),  # both sides equal: lower row
        ([4, 9, 9, 4], 101),
        ([1, 9, 9, 4], 102),
        ([9, 0, 0, 0, 9], 100),
        ([7, 7, 7, 7, 7], 102),
    ],
)
def test_the_poc_tie_chain(volumes, poc):
    cells = {100 + k: (v, 0) for k, v in enumerate(volumes)}
    assert one_bar(rows_as_tape(cells)).bar.poc == poc


@pytest.mark.parametrize(
    ("zero", "strong", "expected"),
    [
        (ZeroPolicy.COUNT, 10, True),
        (ZeroPolicy.COUNT, 9, False),  # still needs the minimum
        (ZeroPolicy.SKIP, 10, False),
        (ZeroPolicy.AS_ONE, 29, False),
        (ZeroPolicy.AS_ONE, 30, True),
    ],
)
def test_what_an_empty_partner_means(zero, strong, expected):
    cells = np.array([[100, 0, 5, 0, 1], [101, 0, strong, 0, 1]])
    buy, _ = diagonal(cells, (30, 1), 10, zero)
    assert buy.tolist() == [False, expected]


def test_nothing_traded_is_never_an_imbalance():
    buy, sell = diagonal(np.zeros((4, 5), dtype=np.int64), (3, 1), 0)
    assert not buy.any()
    assert not sell.any()


def test_ratios_compare_exactly_where_floats_and_products_would_not():
    big = 2**61
    cells = np.array([[0, big // 3, 0, 1, 1], [1, 0, big, 1, 1]])
    for strong in (big // 3 * 3 - 1, big // 3 * 3):
        cells[1, 2] = strong
        assert diagonal(cells, (3, 1))[0][1] == (strong >= 3 * (big // 3))
    cells[0, 1], cells[1, 2] = 2**31 + 1, 2**62
    expected = 2**62 * (2**31 - 1) >= (2**31 + 1) * 2**31
    assert diagonal(cells, (2**31, 2**31 - 1))[0][1] == expected
