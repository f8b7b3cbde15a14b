"""The picture of a player over a stored tape: wherever the cursor went, what is there is shown."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from replay_lakes import MIDNIGHT, TAPE, lake_of, random_day, some_detectors
from replay_page import Page

from orderflow_bt.flow import BarStream, ProfileBuilder, auto_ticks_per_row, regroup
from orderflow_bt.replay.engine.player import Player
from orderflow_bt.replay.engine.window import open_window
from orderflow_bt.replay.screen.history import KEEP
from orderflow_bt.replay.screen.picture import ClientView
from orderflow_bt.replay.screen.screen import open_picture
from orderflow_bt.sim import SimConfig
from orderflow_bt.types import DAY_US, HOUR_US, BarSpec, MarketType, time_bars

CONFIG = replace(SimConfig.for_market(MarketType.UM), leverage=None, cash=10**9)


@pytest.fixture(scope="module")
def window(tmp_path_factory):
    """Two days after a day of warm-up, in which trades are lost."""
    rng = np.random.default_rng(5)
    late = random_day(rng, 300, begin=DAY_US - HOUR_US, lose=0.01)
    days = [late, *(random_day(rng, count, lose=0.01) for count in (500, 400))]
    lake = lake_of(tmp_path_factory.mktemp("lake"), *days)
    start = MIDNIGHT + DAY_US
    return open_window(lake, TAPE, start, start + 2 * DAY_US, warmup=DAY_US, accept_gaps=True)


def playing(window, spec, **options):
    picture = open_picture(window, spec, **options)
    player = Player(
        window,
        bars=time_bars("1m"),
        detectors=some_detectors(),
        config=CONFIG,
        listeners=[picture],
    )
    return player, picture


def page_of(picture):
    page = Page(picture.hello()["row_size"])
    page.fold(picture.frame(ClientView(), {}))
    return page


@pytest.mark.parametrize(
    ("spec", "blind"), [("1m", False), ("5m", True), ("tick:30", True), ("volume:500@start", False)]
)
def test_seeks_show_what_playing_there_shows(window, spec, blind):
    rng = np.random.default_rng(11)
    spec = BarSpec.parse(spec)
    player, picture = playing(window, spec, blind=blind)
    client, page = ClientView(), Page(picture.hello()["row_size"])
    for _ in range(7):
        row = int(rng.integers(window.first, window.rows + 1))
        player.seek(row)
        page.fold(picture.frame(client, {}))
        other, straight = playing(window, spec, blind=blind)
        other.advance(row)
        assert picture.row == row
        assert page.shown(KEEP) == page_of(straight).shown(KEEP)
    player.seek(window.rows)
    player.finish()
    page.fold(picture.frame(client, {}))
    assert page.forming is None or not spec.is_time
    assert page.state["gaps"]
    gaps = [bar for bar in page.bars if bar["status"] == 2]
    assert gaps


def test_bars_are_the_players(window):
    """Where the player makes the same bars, they are the same; one clock, one tape."""
    player, picture = playing(window, time_bars("1m"), ticks_per_row=1)
    known = [
        closed.bar
        for cut in [player.advance(window.rows)]
        for piece in cut.slices
        for moment in piece.moments
        for closed in moment.bars
    ]
    page = page_of(picture)
    shown = page.bars[-len(known) :]
    assert len(known) > 100
    for bar, truth in zip(shown, known[-len(shown) :], strict=True):
        for name in ("open_time", "close_time", "high", "low", "volume", "delta", "poc", "status"):
            assert bar[name] == getattr(truth, name)


def test_warmup_chooses_rows_and_units(window):
    _, picture = playing(window, time_bars("5m"))
    stream = BarStream(time_bars("5m"), ids_are_continuous=True)
    warm = stream.feed(window.trades(0, window.first)).tolist()
    assert picture.view.ticks_per_row == auto_ticks_per_row(warm) > 1
    _, hidden = playing(window, time_bars("5m"), blind=True)
    page = page_of(hidden)
    volumes = sorted(bar["volume"] for bar in page.bars if bar["n_rows"])
    assert volumes[len(volumes) // 2] == pytest.approx(1, rel=0.2)
    assert page.state["last"] == 0
    assert page.bars[-1]["open_time"] <= 0
    assert window.tape.symbol not in str((hidden.hello(), page.state, page.marks))


def test_blind_levels_are_of_all_before_the_start(window):
    player, picture = playing(window, time_bars("5m"), blind=True, ticks_per_row=3)
    origin, touched = picture.lens.origin, []
    warm = page_of(picture)
    assert len(warm.state["levels"]) <= 5
    stream = BarStream(time_bars("5m"), ids_are_continuous=True)
    batch = stream.feed(window.trades(0, window.first + 1))
    profile = ProfileBuilder(3)
    for bar in range(len(batch)):
        cells = batch.bar_cells(bar).copy()
        cells[:, 0] -= origin
        profile.add_cells(regroup(cells, 3))
    player.advance(window.first + 1)
    area = profile.profile().value_area()
    cells = profile.profile().cells
    wanted = {"poc": area.poc, "value_high": area.vah, "value_low": area.val,
              "high": cells[-1, 0], "low": cells[0, 0]}  # fmt: skip
    levels = {level["kind"]: level for level in page_of(picture).state["levels"]}
    assert levels
    for kind, level in levels.items():
        assert (level["price"], level["since"]) == (wanted[kind], 0)
    before = set(levels)
    player.seek(window.rows)
    left = {level["kind"] for level in page_of(picture).state["levels"]}
    prices = window.trades(window.first, window.rows).price - origin
    for kind in before:
        inside = (prices >= wanted[kind]) & (prices < wanted[kind] + 3)
        if inside.any():
            touched.append(kind)
            assert kind not in left
    assert touched
