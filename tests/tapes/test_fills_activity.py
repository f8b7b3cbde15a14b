"""Strategies on bars of activity: which trade may fill what a bar's close decided."""

from __future__ import annotations

import pytest

from orderflow_bt import param, time_bars
from orderflow_bt.strategy import Strategy
from orderflow_bt.testing import Tape
from orderflow_bt.testing.tape import MIDNIGHT_2024
from orderflow_bt.types import BarSpec


class BuyFirstClose(Strategy):
    """A market order at the first close; a diary of every hook."""

    bars: BarSpec = param(BarSpec.parse("tick:2"))

    def __init__(self, *given, **named):
        super().__init__(*given, **named)
        self.diary = []

    def on_bar(self, spec, bar, market, broker):
        self.diary.append((f"bar {spec}", bar.close, market.now - MIDNIGHT_2024, market.last))
        if not broker.orders:
            broker.market(1, 1)


class Everything(BuyFirstClose):
    slow: BarSpec = param(time_bars("1s"))

    def on_trade(self, trade, market, broker):
        self.diary.append(("trade", trade.price, market.now - MIDNIGHT_2024, market.last))
        if len(self.diary) == 1:
            broker.timer(MIDNIGHT_2024 + 1_000_000)

    def on_fill(self, fill, market, broker):
        self.diary.append(("fill", fill.price, market.now - MIDNIGHT_2024, market.last))

    def on_timer(self, market, broker):
        self.diary.append(("timer", 0, market.now - MIDNIGHT_2024, market.last))


TWO_AT_ONCE = "B 100 5 | B 101 5 | +0us B 102 5 | B 103 5"


def test_the_completing_trade_fills_nothing_and_the_next_one_may():
    """Latency 0: trades 2 and 3 share a time; bar 1 is complete with trade 2."""
    fills = Tape(TWO_AT_ONCE).run(BuyFirstClose).fills
    assert [fill.price for fill in fills] == [102]


@pytest.mark.parametrize(
    ("spec", "prices", "filled"),
    [
        ("volume:10", "B 100 5 | B 101 5 | B 102 5", 102),
        ("dollar:1005", "B 100 5 | B 101 5 | B 102 5", 102),
        ("delta:10", "B 100 5 | B 101 5 | B 102 5", 102),
        ("renko:1", "B 100 5 | B 101 5 | B 102 5", 102),
        ("reversal:2,1", "B 100 5 | B 102 5 | B 101 5 | B 103 5", 103),
        ("range:3", "B 100 5 | B 103 5 | B 104 5 | B 105 5", 105),  # 104 made it known
    ],
)
def test_each_kind_decides_at_the_trade_that_made_its_bar_known(spec, prices, filled):
    fills = Tape(prices).run(BuyFirstClose(bars=spec)).fills
    assert [fill.price for fill in fills] == [filled]


def test_a_bar_that_midnight_closes_is_known_before_the_new_days_first_trade():
    run = Tape("B 100 5 | +24h B 104 5 | B 105 5").run(BuyFirstClose(bars="tick:9"))
    assert [fill.price for fill in run.fills] == [104]


@pytest.mark.parametrize("chunks", [(), (1,), (2,), (1, 2, 3)])
def test_hooks_of_one_instant_run_in_their_order(chunks):
    """At 1 s: the time bar, then the timer, then the trade, its tick bar, and its on_trade."""
    text = "B 100 5 | +1s B 101 5 | +0us S 102 5 | +0us B 103 5"
    strategy = Everything()
    Tape(text).run(strategy, chunks=chunks)
    second = 1_000_000
    assert strategy.diary == [
        ("trade", 100, 0, 100),
        ("bar 1s", 100, second, 100),
        ("timer", 0, second, 100),
        ("fill", 101, second, 101),
        ("bar tick:2", 101, second, 101),
        ("trade", 101, second, 101),
        ("trade", 102, second, 102),
        ("bar tick:2", 103, second, 103),
        ("trade", 103, second, 103),
    ]
