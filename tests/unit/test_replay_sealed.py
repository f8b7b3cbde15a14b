"""A blind desk: nothing that a page is sent tells symbol, date, time of day or price level."""

from __future__ import annotations

import datetime as dt
import json
from dataclasses import replace

import numpy as np
import pytest
from replay_lakes import DAY, MIDNIGHT, TAPE, lake_of, random_day
from replay_page import decode

from orderflow_bt.replay.desk.messages import read_message
from orderflow_bt.replay.desk.opening import Plan, open_desk
from orderflow_bt.replay.practice.blind import Start
from orderflow_bt.sim import SimConfig
from orderflow_bt.types import DAY_US, HOUR_US, MarketType, time_bars

CONFIG = replace(SimConfig.for_market(MarketType.UM), leverage=None, cash=10**9)
SHIFT_DAYS = 400
SHIFT_PRICE = 123_450  # whole rows: detectors count theirs from price 0


def traffic(folder, *, days=0, price=0):
    """All that a page is sent in a short practice, as text and as frames, and its prices."""
    rng = np.random.default_rng(8)
    rows = [random_day(rng, 900, price=10_000 + price, span=6 * HOUR_US) for _ in range(2)]
    lake = lake_of(folder / "lake", *rows, first=DAY + dt.timedelta(days=days))
    midnight = MIDNIGHT + days * DAY_US
    start = Start(TAPE, midnight + DAY_US + HOUR_US, midnight + DAY_US + 4 * HOUR_US, 5,
                  next(iter(lake.days(TAPE))))  # fmt: skip
    plan = Plan(TAPE, start.start, start.end, time_bars("1m"), CONFIG, warmup=DAY_US, blind=start)
    desk = open_desk(lake, plan, folder / "practice")
    said, view = [desk.hello()], desk.view()
    frames = [desk.frame(view)]
    unit = desk.lens.qty(1)
    for command in (
        {"do": "step", "by": "bar", "count": 3},
        {"do": "order", "action": {"do": "market", "side": 1, "qty": unit, "reason": "breakout"}},
        {"do": "step", "by": "trade", "count": 40},
        {"do": "order", "action": {"do": "limit", "side": 1, "qty": unit, "price": -2_000}},
        {"do": "note", "text": "quiet", "tags": []},
        {"do": "step", "by": "minute", "count": 9},
        {"do": "order", "action": {"do": "close"}},
        {"do": "step", "by": "trade", "count": 5},
        {"do": "order", "action": {"do": "market", "side": 1, "qty": unit, "stop": -2_500}},
        {"do": "step", "by": "trade", "count": 5},
        {"do": "order", "action": {"do": "close"}},
        {"do": "step", "by": "trade", "count": 5},
        {"do": "scores"},
        {"do": "journal"},
        {"do": "step", "by": "bar", "count": 5},
        {"do": "back", "by": "bar", "count": 2},
        {"do": "bars", "spec": "5m"},
        {"do": "step", "by": "bar", "count": 6},
        {"do": "strategies", "name": "delta_divergence", "on": True},
    ):
        said.append(desk.handle(read_message(json.dumps(command))))
        while desk.mover.seeking:
            desk.work(0.0)
        frames.append(desk.frame(view))
        said.append(desk.hello())
    assert any(trip.r_multiple for trip in desk.player.session.trips.done)
    prices = desk.player.window.trades(0, desk.player.window.rows).price
    desk.close()
    return json.dumps(said), frames, prices


@pytest.fixture(scope="module")
def here(tmp_path_factory):
    return traffic(tmp_path_factory.mktemp("here"))


@pytest.fixture(scope="module")
def elsewhere(tmp_path_factory):
    folder = tmp_path_factory.mktemp("elsewhere")
    return traffic(folder, days=SHIFT_DAYS, price=SHIFT_PRICE)


def without_code(text):
    """The challenge code and the seal of the data stand for the day's content."""
    told = json.loads(text)
    for one in told:
        one.pop("challenge", None)
        one.get("honesty", {}).pop("hash", None)
    return told


def test_another_price_and_date_give_the_same_traffic(here, elsewhere):
    assert without_code(here[0]) == without_code(elsewhere[0])
    same = [one == other for one, other in zip(here[1], elsewhere[1], strict=True)]
    assert same == [True] * 20


def test_words_and_prices_are_not_sent(here):
    said, frames, prices = here
    states = [decode(frame)["state"] for frame in frames]
    text = said + json.dumps(states)
    for word in (TAPE.symbol, TAPE.exchange, str(DAY.year), "USD", "00:00", f"{DAY}"):
        assert word not in text
    lowest, highest = int(prices.min()), int(prices.max())
    assert lowest > 9_000
    for frame in map(decode, frames):
        for bar in filter(None, [*frame["closed"], frame["forming"]]):
            assert bar["high"] < lowest / 2
            assert abs(bar["close_time"]) < 2 * DAY_US
        for mark in frame["marks"]:
            assert mark["high"] < lowest / 2
            assert abs(mark["known_at"]) < 2 * DAY_US
    assert highest < 50_000
