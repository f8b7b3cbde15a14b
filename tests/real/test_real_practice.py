"""Questions on a real day: what is asked has an answer, and no answer is a safe one."""

from __future__ import annotations

import datetime as dt
from collections import Counter

import numpy as np
import pytest
from practice_tapes import Cursor

from orderflow_bt.archive import open_source
from orderflow_bt.ingest import download
from orderflow_bt.replay.engine.window import open_window
from orderflow_bt.replay.practice.drills import Drills
from orderflow_bt.replay.practice.points import CHOICES
from orderflow_bt.store import Lake
from orderflow_bt.types import DAY_US, HOUR_US, Kind, MarketType, TapeId

pytestmark = pytest.mark.real

TAPE = TapeId("binance", MarketType.SPOT, Kind.AGG_TRADES, "LTCUSDT")
DATE = dt.date(2025, 6, 21)
MIDNIGHT = (DATE - dt.date(1970, 1, 1)).days * DAY_US


@pytest.fixture(scope="module")
def window(real_mirror, tmp_path_factory):
    lake = Lake(tmp_path_factory.mktemp("practice") / "lake")
    download(lake, TAPE, [DATE], open_source(str(real_mirror)))
    return open_window(
        lake, TAPE, MIDNIGHT + 13 * HOUR_US, MIDNIGHT + DAY_US, warmup=HOUR_US, accept_gaps=True
    )


@pytest.mark.parametrize("kind", CHOICES)
def test_questions_of_a_real_day(window, kind):
    cursor = Cursor(window.first)
    drills = Drills(cursor, window, 2)
    numbers = []
    while len(numbers) < 90 and (row := drills.next(kind)) is not None:
        cursor.go(row)
        drills.ask()
        numbers.append(drills.answer(CHOICES[kind][0], 50, 1.0)["id"])
    cursor.go(window.rows)
    drills.told()
    truth = Counter(drills.record(number)["truth"] for number in numbers)
    n = sum(truth[choice] for choice in CHOICES[kind])
    assert n >= 25
    assert truth[None] == 0
    chance = 1 / len(CHOICES[kind])
    margin = 3.5 * np.sqrt(chance * (1 - chance) / n) + 0.1 * (kind == "outcome")
    for choice in CHOICES[kind]:
        assert truth[choice] / n < chance + margin, truth
