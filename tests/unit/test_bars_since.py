"""What a strategy asks of the bars since a moment."""

from __future__ import annotations

from orderflow_bt.sim.market import Bars
from orderflow_bt.types import MINUTE_US, Bar, BarStatus


def bar(number, price, volume):
    quote = price * volume
    return Bar(
        number * MINUTE_US, (number + 1) * MINUTE_US, price, price, price, price, volume, 0,
        quote >> 32, quote & 0xFFFF_FFFF, 1, 1, 0, 0, 0, 0, price, int(BarStatus.OK),
    )  # fmt: skip


BARS = Bars([bar(0, 100, 9), bar(1, 200, 1), bar(2, 203, 3), bar(3, 7_000_000_000, 0)])


def test_the_weighted_price_counts_bars_opened_since_then():
    assert BARS.vwap_since(MINUTE_US) == 202  # (200 + 3 x 203) / 4 = 202.25
    assert BARS.vwap_since(MINUTE_US + 1) == 203
    assert BARS.vwap_since(0) == 131  # 1,709 / 13 = 131.46
    assert Bars([bar(0, 10, 1), bar(1, 11, 1)]).vwap_since(0) == 11  # 10.5
    assert BARS.vwap_since(3 * MINUTE_US) is None


def test_bars_are_counted_that_closed_after_a_moment():
    assert [BARS.count_since(k * MINUTE_US) for k in (0, 1, 3, 4)] == [4, 3, 1, 0]
