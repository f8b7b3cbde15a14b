"""Bars on a replay's page, each number from the public readings they are made of."""

from __future__ import annotations

import hypothesis.strategies as st
import numpy as np
from hypothesis import given, settings
from random_tapes import as_trades, tapes
from replay_frames import UNIT, page_of, played

from orderflow_bt.flow import BarStream, CausalMinimum, Profile, diagonal, read_auction, regroup
from orderflow_bt.replay.screen.history import KEEP
from orderflow_bt.types import DAY_US, BarSpec

SPECS = ["10s", "1m", "tick:5", "volume:20@start", "range:6", "delta:9", "renko:40", "reversal:8,3"]


@given(tapes(max_trades=60), st.sampled_from(SPECS), st.integers(1, 4), st.data())
@settings(max_examples=40)
def test_bars_are_those_of_the_project(rows, spec, height, data):
    """Each number of every bar, closed or forming, from the public readings one by one."""
    trades = as_trades(rows)
    if not trades.rows:
        return
    cuts = sorted(data.draw(st.sets(st.integers(0, trades.rows), max_size=4)))
    _, picture = played(trades, cuts, spec=spec, ticks_per_row=height)
    page = page_of(picture)
    stream = BarStream(BarSpec.parse(spec), ids_are_continuous=True, instrument=UNIT)
    footprints = [batch.footprint(k) for batch in [stream.feed(trades)] for k in range(len(batch))]
    footprints += [stream.open_bar().footprint(0)] if len(stream.open_bar()) else []
    shown = page.bars + ([page.forming] if page.forming else [])
    assert len(page.bars) == min(KEEP, len(footprints) - (page.forming is not None))
    shown = {bar["number"]: bar for bar in shown}
    floor, cvd, day = CausalMinimum(), 0, None
    first_day = footprints[0].bar.open_time // DAY_US
    for number, footprint in enumerate(footprints):
        truth = footprint.bar
        if truth.open_time // DAY_US != day:
            cvd, day = 0, truth.open_time // DAY_US
        cvd += truth.delta
        cells = regroup(footprint.cells, height)
        least = floor.value
        floor.push(cells)
        bar = shown.get(number)
        if bar is None:  # longer ago than a page is told
            continue
        for name in ("open_time", "close_time", "open", "high", "low", "close", "volume", "delta",
                     "min_delta", "max_delta", "status"):  # fmt: skip
            assert bar[name] == getattr(truth, name), name
        assert (bar["cvd"], bar["session"]) == (cvd, day - first_day)
        auction = read_auction(footprint)
        assert bar["flags"] == auction.high + 2 * auction.low
        assert bar["n_rows"] == len(cells)
        if len(cells):
            area = Profile(height, cells, 0).value_area()
            assert bar["first_row"] == cells[0, 0]
            assert (bar["value_low"], bar["poc"], bar["value_high"]) == area[:3]
            assert bar["bid"] == cells[:, 1].tolist()
            assert bar["ask"] == cells[:, 2].tolist()
            assert bar["cells"] == lit(cells, least)


def lit(cells, floor):
    buy, sell = diagonal(cells, (3, 1), floor)
    flags = buy * 1 + sell * 2
    for side, bit in ((buy, 4), (sell, 8)):
        for row in range(len(cells) - 2):
            if side[row : row + 3].all():
                flags[row : row + 3] |= bit
    return flags.tolist()


def test_volumes_whose_shares_cannot_be_counted_have_no_area():
    huge = 2**57
    trades = as_trades([(1, 0, 10, huge, 1, 1), (2, 1, 11, 5, -1, 1), (3, 2, 12, 5, 1, 1)])
    _, picture = played(trades, [], ticks_per_row=1)
    bar = page_of(picture).forming
    assert (bar["value_low"], bar["poc"], bar["value_high"]) == (10, 10, 10)
    assert bar["volume"] == np.float64(huge + 10)
