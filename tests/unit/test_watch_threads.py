"""Detectors read side by side see what they see one after the other."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest

from orderflow_bt.detectors.registry import installed, load_detector
from orderflow_bt.errors import PluginError
from orderflow_bt.sim import Readings, watch
from orderflow_bt.types import Trades

ROWS = 30_000
SMALL = {
    "absorption": {"min_volume": 60}, "taker_clusters": {"quantile": 0.0},
    "big_trades": {"clusters": 200}, "iceberg_like": {"clusters": 100},
    "volume_spike": {"window": 10}, "tape_speed": {"window": 10, "floor": 0},
    "absorption_bar": {"window": 10},
}  # fmt: skip


def tape():
    rng = np.random.default_rng(4)
    return Trades(
        np.arange(ROWS), 1_704_067_200_000_000 + np.cumsum(rng.integers(0, 3, ROWS)) * 700_000,
        5_000 + np.cumsum(rng.integers(-1, 2, ROWS)), rng.integers(1, 40, ROWS),
        np.repeat(rng.choice([-1, 1], ROWS // 3), 3).astype(np.int8), np.ones(ROWS, np.int32),
    )  # fmt: skip


def seen(least, monkeypatch):
    monkeypatch.setattr(watch, "LONG_PIECE", least)
    made = [load_detector(name)(**SMALL.get(name, {})) for name in installed()]
    readings = Readings((), made, ids_are_continuous=True, row_size=1)
    trades = tape()
    cuts = (0, 7_000, 7_001, 20_000, ROWS)
    parts = [readings.feed(trades.slice(a, b)).events for a, b in pairwise(cuts)]
    return [event for part in parts for event in part]


def test_side_by_side_is_one_after_the_other(monkeypatch):
    alone = seen(ROWS + 1, monkeypatch)
    assert len({event.detector for event in alone}) >= 6
    assert seen(1, monkeypatch) == alone


def test_an_error_on_the_other_thread_is_raised_here(monkeypatch):
    monkeypatch.setattr(watch, "LONG_PIECE", 1)
    big, bars = load_detector("big_trades")(), load_detector("volume_spike")()

    def broken(*_):
        raise PluginError("broken")

    monkeypatch.setattr(type(big), "read", broken)
    readings = Readings((), [big, bars], ids_are_continuous=True, row_size=1)
    with pytest.raises(PluginError, match="broken"):
        readings.feed(tape())
