"""Another tool's footprint numbers, reached by stating how it rounds."""

from __future__ import annotations

import csv
from decimal import Decimal

import numpy as np
import pytest

from orderflow_bt.flow import BarStream
from orderflow_bt.types import Trades, time_bars

pytestmark = pytest.mark.real

# freqtrade's own expectations: scale, rows, then first and last row as
# (price, sells' count, sells, buys' count, buys).
EXPECTED = [
    ("0.05", 23, ("1666.20", 32, "197.512", 26, "88.98"), ("1667.30", 3, "50.659", 44, "108.21")),
    ("1", 2, ("1666", 111, "710.98", 85, "763.70"), ("1667", 362, "2377.439", 442, "2715.849")),
]


@pytest.fixture(scope="module")
def trades(real_data):
    with (real_data / "freqtrade/orderflow/public_trades_list.csv").open() as file:
        rows = list(csv.DictReader(file))
    return Trades(
        np.arange(len(rows), dtype=np.int64),
        np.array([int(row["timestamp"]) * 1000 for row in rows], np.int64),
        np.array([int(Decimal(row["price"]) * 100) for row in rows], np.int64),
        np.array([int(Decimal(row["amount"]) * 1000) for row in rows], np.int64),
        np.array([1 if row["side"] == "buy" else -1 for row in rows], np.int8),
        np.ones(len(rows), np.int32),
    )


@pytest.mark.parametrize(("scale", "count", "first", "last"), EXPECTED)
def test_its_rows_are_ours_with_prices_rounded_to_the_nearest(trades, scale, count, first, last):
    """It rounds prices to the nearest multiple, half to even; ours floor: round first."""
    size = int(Decimal(scale) * 100)
    low, rest = np.divmod(trades.price, size)
    up = (2 * rest > size) | ((2 * rest == size) & (low % 2 == 1))
    rounded = trades._replace(price=(low + up) * size)
    stream = BarStream(time_bars("1h"), ids_are_continuous=True, ticks_per_row=size)
    stream.feed(rounded)
    batch = stream.close_until(int(trades.time[-1]) + 3_600_000_000)
    cells = batch.bar_cells(0)
    assert len(cells) == count
    for at, (price, sells, sold, buys, bought) in ((0, first), (-1, last)):
        assert cells[at].tolist() == [
            int(Decimal(price) * 100), int(Decimal(sold) * 1000), int(Decimal(bought) * 1000),
            sells, buys,
        ]  # fmt: skip
    assert int(cells[:, 1:3].sum()) == int(trades.qty.sum())
