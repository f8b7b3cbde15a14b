"""Detectors read side by side see what they see one after the other."""

from __future__ import annotations

import threading
import time
from itertools import pairwise

import numpy as np
import pytest

from orderflow_bt.detectors.base import reads
from orderflow_bt.detectors.registry import installed, load_detector
from orderflow_bt.errors import PluginError
from orderflow_bt.flow.events import NO_EVENTS
from orderflow_bt.sim import Readings, shared
from orderflow_bt.types import Trades, time_bars

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
    monkeypatch.setattr(shared, "LONG_PIECE", least)
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


@pytest.mark.parametrize("least", [1, ROWS + 1])
def test_readings_that_share_see_what_each_sees_alone(monkeypatch, least):
    """Whoever asks first has a long piece read for all; who asks later finds their own in it."""
    names = sorted(installed())
    groups = [names[::2], names[1::3], ["big_trades", "absorption", "delta_divergence"], []]
    trades, cuts = tape(), (0, 9_000, 9_002, ROWS)

    def readings_of(names, together=None):
        made = [load_detector(name)(**SMALL.get(name, {})) for name in names]
        specs = [time_bars("3m")] if len(names) % 2 else ()
        return Readings(specs, made, ids_are_continuous=True, row_size=1, shared=together)

    def told(piece):
        bars = {spec: batch.bars.tolist() for spec, batch in piece.moments._batches.items()}
        return list(piece.events), bars

    monkeypatch.setattr(shared, "LONG_PIECE", ROWS + 1)
    alone = [
        [told(one.feed(trades.slice(a, b))) for a, b in pairwise(cuts)]
        for one in map(readings_of, groups)
    ]
    monkeypatch.setattr(shared, "LONG_PIECE", least)
    together = shared.Shared()
    some = [readings_of(names, together) for names in groups]
    found = [[told(one.feed(piece)) for one in some] for piece in
             (trades.slice(a, b) for a, b in pairwise(cuts))]  # fmt: skip
    assert [list(turns) for turns in zip(*found, strict=True)] == alone
    assert any(events for turns in alone for events, _ in turns)


def test_an_error_on_the_other_thread_is_raised_here(monkeypatch):
    monkeypatch.setattr(shared, "LONG_PIECE", 1)
    big, bars = load_detector("big_trades")(), load_detector("volume_spike")()

    def broken(*_):
        raise PluginError("broken")

    monkeypatch.setattr(type(big), "read", broken)
    readings = Readings((), [big, bars], ids_are_continuous=True, row_size=1)
    with pytest.raises(PluginError, match="broken"):
        readings.feed(tape())


def test_the_other_thread_is_gone_when_nothing_more_is_read(monkeypatch):
    """A process in which it stayed could not be forked any more."""
    monkeypatch.setattr(shared, "LONG_PIECE", 1)
    readings = Readings((), [load_detector("big_trades")()], ids_are_continuous=True, row_size=1)
    trades, before = tape(), set(threading.enumerate())
    readings.feed(trades)
    (helper,) = set(threading.enumerate()) - before
    readings.close_until(int(trades.time[-1]) + 1, trades.slice(0, 0))
    assert not helper.is_alive()


def test_nobody_reads_on_while_the_other_thread_does(monkeypatch):
    monkeypatch.setattr(shared, "LONG_PIECE", 1)
    big, spikes = load_detector("big_trades")(), load_detector("volume_spike")()
    is_read = threading.Event()

    def slow(*_):
        time.sleep(0.05)
        is_read.set()
        return NO_EVENTS.rows

    def broken(*_):
        raise PluginError("broken")

    monkeypatch.setattr(type(big), "read", slow)
    monkeypatch.setattr(type(spikes), "read", broken)
    readings = Readings((), [big, spikes], ids_are_continuous=True, row_size=1)
    with pytest.raises(PluginError, match="broken"):
        readings.feed(tape())
    assert is_read.is_set()


def test_whoever_shares_a_reading_is_read_on_the_same_thread():
    """What they share is one object: two threads must not read into it."""
    made = [load_detector(name)() for name in installed()]
    sharing = [one for one in made if reads(one, "share_readings")]
    assert len(sharing) >= 2
    pool = {}
    assert all(shared.Source(one, 1, pool).is_aside for one in sharing)
