"""Which round trips a report shows, and the footprints around them."""

from __future__ import annotations

from decimal import Decimal
from types import SimpleNamespace

import numpy as np
import pytest

from orderflow_bt.run.columns import Shown, TripColumns
from orderflow_bt.run.gallery import BARS_AFTER, BARS_BEFORE, MOST_BARS, SHOWN, _around, choose
from orderflow_bt.types import MINUTE_US, BarSpec, time_bars


def trip(number, r=0.0, entry=0, left=0, *, is_open=False):
    return SimpleNamespace(
        id=number, r_multiple=r, net_pnl=Decimal(1), entry_time=entry, exit_time=left,
        is_open=is_open,
    )  # fmt: skip


def columns(trips):
    """As a run takes them in."""
    usual = {"side": 1, "qty": 1, "fees": 0, "funding": 0, "gross_pnl": 1, "spans_gap": False}
    for one in trips:
        one.__dict__.update(usual, exit_role="target")
    return TripColumns(trips)


def test_all_where_there_are_few():
    trips = [trip(n, entry=10 * n, left=10 * n + 5) for n in range(SHOWN)]
    assert choose(columns(trips), seed=1) == [
        Shown(n, 10 * n, 10 * n + 5, is_open=False) for n in range(SHOWN)
    ]
    assert choose(columns([]), seed=1) == []


def test_money_ranks_a_round_trip_without_a_stop():
    trips = [trip(n, 0.1 * n) for n in range(20)]
    trips[5].r_multiple, trips[5].net_pnl = None, Decimal("99.5")
    trips[9].r_multiple, trips[9].net_pnl = None, Decimal(-7)
    assert {5, 9} <= {one.id for one in choose(columns(trips), seed=1)}


def test_best_worst_and_median_are_always_shown():
    results = [0.4, -1.0, 2.0, -0.9, 3.5, 0.1, -1.2, 0.2, 0.0, 1.0, 0.3]
    trips = columns([trip(n, r) for n, r in enumerate(results)])
    for seed in range(20):
        shown = choose(trips, seed)
        assert len(shown) == SHOWN
        assert {4, 6, 7} <= {one.id for one in shown}
        assert [one.id for one in shown] == sorted(one.id for one in shown)
    assert choose(trips, 1) == choose(trips, 1)
    assert len({tuple(one.id for one in choose(trips, seed)) for seed in range(20)}) > 5


@pytest.mark.parametrize(
    ("entry", "left", "expected"),
    [
        (20 * MINUTE_US, 22 * MINUTE_US, (20 - BARS_BEFORE, 22 + BARS_AFTER)),
        (20 * MINUTE_US - 1, 20 * MINUTE_US - 1, (19 - BARS_BEFORE, 19 + BARS_AFTER)),
        (0, 1, (0, BARS_AFTER)),
        (20 * MINUTE_US, 90 * MINUTE_US, (20 - BARS_BEFORE, 20 - BARS_BEFORE + MOST_BARS - 1)),
        (98 * MINUTE_US, 99 * MINUTE_US, (98 - BARS_BEFORE, 99)),
    ],
)
def test_bars_from_before_the_entry_to_after_the_exit(entry, left, expected):
    bars = np.zeros((100, 18), np.int64)
    bars[:, 0] = np.arange(100) * MINUTE_US
    bars[:, 1] = bars[:, 0] + MINUTE_US
    assert _around(bars, trip(0, entry=entry, left=left), time_bars("1m")) == expected


def test_an_activity_bar_holds_the_trades_of_its_close():
    bars = np.zeros((10, 18), np.int64)
    bars[:, 0] = np.arange(10) * 100
    bars[:, 1] = bars[:, 0] + 90
    spec = BarSpec.parse("tick:5")
    assert _around(bars, trip(0, entry=490, left=490), spec) == (0, 4 + BARS_AFTER)
    assert _around(bars, trip(0, entry=490, is_open=True), spec) == (0, 9)
