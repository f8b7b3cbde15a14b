"""What an account was worth at bar closes is kept as numbers: a row is made when somebody looks."""

from __future__ import annotations

import pickle
import tracemalloc
from decimal import Decimal
from fractions import Fraction

import numpy as np
import pytest

from orderflow_bt.instruments import Fees, Instrument
from orderflow_bt.run import tables
from orderflow_bt.run.columns import EquityColumns
from orderflow_bt.sim.account import Account
from orderflow_bt.sim.marks import Marks
from orderflow_bt.sim.state import KernelState
from orderflow_bt.types import MINUTE_US, MarketType

BARS = 20_000
A_PIECE = 1_000


def marks():
    units = Instrument("binance", MarketType.UM, "BTCUSDT", 1, 3)
    account = Account(units, Decimal(10_000), Fees(Decimal(0), Decimal(0)))
    return Marks(account, Decimal(10_000), KernelState())


def live(followed, bars=BARS):
    """Another cash and position before every second bar close, in pieces."""
    for first in range(0, bars, A_PIECE):
        time = np.arange(first, first + A_PIECE) * MINUTE_US
        for close in range(first, first + A_PIECE, 2):
            followed._held.note(close, close * 10**9, close % 7 - 3)
        followed.close_bars(time, 400_000 + time // MINUTE_US % 97)
    return followed


def test_many_bar_closes_are_kept_in_few_bytes():
    followed = marks()
    tracemalloc.start()
    try:
        live(followed)
        held = tracemalloc.get_traced_memory()[0]
    finally:
        tracemalloc.stop()
    assert held < 48 * BARS  # time and price, and 24 bytes where cash or position changed


def test_writing_them_keeps_columns_and_no_rows():
    followed = live(marks())
    taken = EquityColumns()
    tracemalloc.start()
    try:
        rows = sum(piece.num_rows for piece in tables.equity_pieces(followed.blocks(), taken))
        held, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert rows == BARS == len(taken.time)
    assert held < 64 * BARS
    assert peak < held + 5_000_000  # a piece of rows


def test_rows_made_one_by_one_are_those_that_are_kept():
    followed = live(marks(), 4_000)
    rows = list(followed.since(0))
    assert followed.rows == rows
    assert len(rows) == 4_000
    assert list(followed.since(3_990)) == rows[3_990:]
    assert list(followed.since(4_000)) == []
    later = live(pickle.loads(pickle.dumps(followed)), 0)
    later.close_bars(np.array([10**12]), np.array([400_000]))
    assert later.rows[:-1] == rows
    assert later.rows[-1].position == rows[-1].position


@pytest.mark.parametrize("large", [Fraction(10**16, 3), 10**19, -(10**19)])
def test_cash_that_fits_no_int64_is_kept_too(large):
    followed = marks()
    followed._held.note(1, large, 2)
    followed._held.note(1, large + 1, 3)
    followed._held.note(3, 5, 0)
    cash, held = followed._held.between(1, 5)
    assert cash.tolist() == [large + 1, large + 1, 5, 5]
    assert held.tolist() == [3, 3, 0, 0]
    followed._held.note(3, large, 1)
    followed._held.note(3, 7, 4)
    assert [one.tolist() for one in followed._held.between(4, 5)] == [[7], [4]]
