"""Attempts to get more out of a desk than the cursor has passed, or to make it lose something."""

from __future__ import annotations

import errno
import json
import os
import re
import time
from dataclasses import replace

import numpy as np
import pytest
from practice_market import plan_of, practice_lake
from replay_lakes import MIDNIGHT, TAPE, lake_of
from replay_page import decode

from orderflow_bt.errors import OrderflowError, UsageError
from orderflow_bt.replay.desk.messages import Message, read_message
from orderflow_bt.replay.desk.opening import Plan, open_desk
from orderflow_bt.replay.practice.blind import Start
from orderflow_bt.sim import SimConfig
from orderflow_bt.types import HOUR_US, MINUTE_US, BarSpec, MarketType, time_bars

CONFIG = replace(SimConfig.for_market(MarketType.UM), leverage=None, cash=10**9)


@pytest.fixture(scope="module")
def market(tmp_path_factory):
    return practice_lake(tmp_path_factory.mktemp("attacked"), trades_per_day=4_000)


@pytest.fixture
def desk(market, tmp_path):
    made = open_desk(market[0], plan_of(market[1]), tmp_path / "practice")
    yield made
    made.close()


def ask(desk, do, **fields):
    answer = desk.handle(Message(do=do, fields=fields))
    while desk.mover.seeking:
        desk.work(time.monotonic())
    return answer


# What tells the time of day ----------------------------------------------------------------------


def blind_desk(folder, *, hours, before):
    """A blind start eight hours and more after midnight; the tape begins ``before`` trades ago."""
    rng = np.random.default_rng(9)
    since = 5 * HOUR_US + hours * HOUR_US
    times = since + np.sort(rng.integers(0, 7 * HOUR_US, 2_500))
    prices = 10_000 + np.cumsum(rng.choice([-2, -1, 0, 1, 2], times.size))
    qty, sides = rng.integers(1, 60, times.size), rng.choice([-1, 1], times.size)
    rows = list(zip(*(c.tolist() for c in (times, prices, qty, sides)), strict=True))
    early = np.linspace(0, since - 10 * MINUTE_US, before).astype(np.int64).tolist()
    lake = lake_of(folder / "lake", [*((at, 9_999, 30, 1) for at in early), *rows])
    begin = MIDNIGHT + since + 3 * HOUR_US
    start = Start(TAPE, begin, begin + 2 * HOUR_US, 5, next(iter(lake.days(TAPE))))
    plan = Plan(
        TAPE, begin, start.end, time_bars("1m"), CONFIG, detectors=("absorption",), blind=start
    )
    return open_desk(lake, plan, folder / "practice")


def shown_by(desk):
    """Frames and words of a short blind practice, and when its first bar opened."""
    view, sent = desk.view(), []
    frames = [desk.frame(view)]
    for do, fields in (
        ("step", {"by": "bar", "count": 3}),
        ("order", {"action": {"do": "market", "side": 1, "qty": 100 * desk.lens.qty(1)}}),
        ("seek", {"row": 900}),
        ("bars", {"spec": "5m"}),
        ("back", {"by": "bar", "count": 2}),
        ("bars", {"spec": "1m"}),
        ("journal", {}),
    ):
        sent.append(ask(desk, do, **fields))
        frames.append(desk.frame(view))
    desk.close()
    return json.dumps(sent), frames, decode(frames[0])["closed"][0]["open_time"]


def test_the_history_of_a_blind_start_does_not_begin_at_midnight(tmp_path):
    one = shown_by(blind_desk(tmp_path / "one", hours=0, before=40))
    other = shown_by(blind_desk(tmp_path / "other", hours=6, before=700))
    assert one[2] == -2 * HOUR_US
    assert one == other


@pytest.mark.parametrize("spec", ["volume:100", "dollar:100000", "delta:50"])
def test_bars_of_an_amount_would_tell_how_much_is_traded(tmp_path, spec):
    desk = blind_desk(tmp_path, hours=0, before=40)
    with pytest.raises(UsageError, match="tell how much"):
        ask(desk, "bars", spec=spec)
    desk.close()


@pytest.mark.parametrize(
    ("do", "fields"),
    [
        ("order", {"action": {"do": "bracket", "side": 1, "qty": 1, "stop": 40, "target": -40}}),
        ("order", {"action": {"do": "limit", "side": 1, "qty": 1, "price": 2.0**53}}),
        ("order", {"action": {"do": "limit", "side": 1, "qty": 1, "price": 1, "until": -(2**53)}}),
        ("order", {"action": {"do": "market", "side": 1, "qty": 2.0**53}}),
        ("pauses", {"levels": [[40, -40]]}),
    ],
)
def test_what_is_refused_names_no_price_and_no_time(tmp_path, do, fields):
    desk = blind_desk(tmp_path, hours=0, before=40)
    with pytest.raises(UsageError) as refused:
        ask(desk, do, **fields)
    error = refused.value
    assert not re.search(r"\d\d", error.what + error.where + error.fix)
    desk.close()


# What tells the future ---------------------------------------------------------------------------


def test_to_hear_that_nothing_comes_one_goes_to_the_end(desk):
    with pytest.raises(UsageError, match="no order or position"):
        ask(desk, "jump", to="next_order_event")
    row = desk.player.row
    ask(desk, "order", action={"do": "limit", "side": 1, "qty": 10, "price": 10})
    ask(desk, "step", by="minute", count=1)  # it is heard that it was accepted
    assert row < desk.player.row < desk.player.window.rows
    ask(desk, "jump", to="next_order_event")  # it is never filled
    assert desk.player.furthest == desk.player.row == desk.player.window.rows


# What breaks -------------------------------------------------------------------------------------


def test_an_action_on_a_full_disk_is_written_as_soon_as_it_can_be(desk, market, monkeypatch):
    ask(desk, "step", by="bar", count=2)
    full = OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    def refuse(_handle):
        raise full

    with monkeypatch.context() as patched:
        patched.setattr("orderflow_bt.replay.practice.journal.os.fsync", refuse)
        with pytest.raises(OrderflowError, match="cannot be written"):
            ask(desk, "order", action={"do": "market", "side": 1, "qty": 0.05})
        with pytest.raises(OrderflowError, match="cannot be written"):
            ask(desk, "step", by="minute", count=1)
        assert [e["kind"] for e in desk.notebook.journal.entries] == ["start"]
    ask(desk, "step", by="minute", count=1)
    kinds = [entry["kind"] for entry in desk.notebook.journal.entries]
    assert kinds[:2] == ["start", "action"]
    session, row = desk.player.session, desk.player.row
    orders, fills = list(session.broker.orders), list(session.broker.fills)
    assert len(orders) == 1
    folder = desk.notebook.journal.folder
    desk.close()
    again = open_desk(market[0], plan_of(market[1]), folder)
    assert again.player.row == row
    assert list(again.player.session.broker.orders) == orders
    assert list(again.player.session.broker.fills) == fills
    again.close()


def test_a_page_names_no_file_to_be_run(desk, tmp_path):
    (tmp_path / "mine.py").write_text(f"open({str(tmp_path / 'ran')!r}, 'w')")
    for command in ("strategies", "detectors"):
        with pytest.raises(UsageError, match="there is no"):
            ask(desk, command, name=str(tmp_path / "mine.py"), on=True)
    assert not (tmp_path / "ran").exists()


def test_an_id_that_cannot_be_sent_back_is_refused():
    with pytest.raises(UsageError, match="id of a message"):
        read_message('{"id": "\\ud800", "do": "play"}')
    assert read_message('{"id": "ä", "do": "play"}').id == "ä"


def test_bars_longer_than_any_tape_are_refused():
    with pytest.raises(UsageError, match="too long"):
        BarSpec.parse("9999999999999999999999d")
