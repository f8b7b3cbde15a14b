"""Real windows replayed by somebody who wanders about them: the batch run, to the last fill."""

from __future__ import annotations

import datetime as dt

import numpy as np
import pytest
from replay_lakes import known_of, slices_whole, some_detectors
from replay_wander import CONFIG, Notes, assert_equal_sessions, in_batch, wander

from orderflow_bt.archive import open_source
from orderflow_bt.ingest import download
from orderflow_bt.replay.engine.player import Player
from orderflow_bt.replay.engine.window import open_window
from orderflow_bt.store import Lake
from orderflow_bt.types import DAY_US, MINUTE_US, BarSpec, Kind, MarketType, TapeId

pytestmark = pytest.mark.real

D = dt.date
WINDOWS = {
    "LTCUSDT": (MarketType.SPOT, [D(2025, 6, 21)], "1m"),
    "XRPETH": (MarketType.SPOT, [D(2019, 10, 11), D(2019, 10, 12)], "5m"),
    "BTCUSDT": (MarketType.SPOT, [D(2023, 4, 5)], "tick:200"),
}


@pytest.mark.parametrize("symbol", WINDOWS)
def test_a_wandering_replay_is_the_batch_run(real_mirror, tmp_path, symbol):
    market, days, bars = WINDOWS[symbol]
    lake, tape = Lake(tmp_path), TapeId("binance", market, Kind.AGG_TRADES, symbol)
    stored = download(lake, tape, days, open_source(str(real_mirror)))
    assert {result.status for result in stored} == {"stored"}
    midnight = (days[-1] - D(1970, 1, 1)).days * DAY_US
    whole = open_window(lake, tape, midnight, midnight + DAY_US, warmup=0, accept_gaps=True)
    start = whole.time_of(whole.first) + 2 * MINUTE_US
    window = open_window(lake, tape, start, midnight + DAY_US, warmup=DAY_US, accept_gaps=True)
    spec, rng, notes = BarSpec.parse(bars), np.random.default_rng(5), Notes()
    player = Player(
        window, bars=spec, detectors=some_detectors(spec), config=CONFIG, listeners=[notes]
    )
    wander(player, rng, 100)
    player.seek(window.rows)
    player.finish()
    assert known_of(notes.slices) == known_of(slices_whole(window, spec, some_detectors(spec)))
    batch = in_batch(window, player.line, CONFIG, spec)
    assert_equal_sessions(player.session, batch)
    assert [(h.time, h.fill, h.order) for h in notes.heard] == batch.strategy.heard
    assert player.session.broker.fills
