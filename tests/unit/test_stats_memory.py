"""Statistics are worked out in blocks: what they hold does not grow with draws times results."""

from __future__ import annotations

import tracemalloc

import numpy as np
import pytest

from orderflow_bt.stats import luck
from orderflow_bt.stats.chance import Marks, Trades, against_chance
from orderflow_bt.types import DAY_US, MINUTE_US

END = 30 * DAY_US
MANY = 50_000
MIB = 1 << 20


def some_trades(count):
    rng = np.random.default_rng(4)
    entry = np.sort(rng.integers(0, END - DAY_US, count))
    leave = np.append(entry[1:], END - DAY_US)
    return Trades(
        rng.choice(np.array([-1, 1], np.int8), count), entry, leave, rng.random(count),
        rng.normal(size=count), rng.random(count),
    )  # fmt: skip


def path():
    time = np.arange(0, END, MINUTE_US)
    return Marks(time, 100 + np.sin(time / DAY_US))


def most_held(work):
    tracemalloc.start()
    try:
        work()
        return tracemalloc.get_traced_memory()[1] / MIB
    finally:
        tracemalloc.stop()


def test_resampling_many_results_holds_few_rows_at_a_time():
    values = np.random.default_rng(1).normal(size=MANY)
    held = most_held(lambda: luck.bootstrap(values, luck.row_sum, seed=1, reps=60, block=3.0))
    assert held < 12  # 60 rows of 50,000 numbers are 23 MiB, and several of them are needed


def test_chance_of_many_trades_holds_few_draws_at_a_time():
    trades, marks = some_trades(MANY), path()
    held = most_held(lambda: against_chance(trades, marks, start=0, end=END, seed=1, reps=42))
    assert held < 48


@pytest.mark.parametrize("block", [1, 700])
def test_the_size_of_a_block_changes_no_draw(monkeypatch, block):
    values = np.random.default_rng(2).normal(size=90) * 0.01
    trades, marks = some_trades(90), path()

    def everything():
        drawn = luck.resamples(values, block=4.0, reps=50, seed=7)
        return (
            np.concatenate(list(drawn)).tolist(),
            luck.bootstrap(values, luck.row_max_drawdown, seed=7, reps=50),
            against_chance(trades, marks, start=0, end=END, seed=7, reps=50),
        )

    usual = everything()
    monkeypatch.setattr(luck, "BLOCK", block)
    assert everything() == usual
