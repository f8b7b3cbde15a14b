"""Where trades are known to be missing: bars say GAP and events that span it say so."""

from __future__ import annotations

import datetime as dt
from itertools import pairwise
from types import SimpleNamespace

import pytest

from orderflow_bt.detectors import Absorption, IcebergLike, TakerClusters
from orderflow_bt.flow import BarStream
from orderflow_bt.sim import Readings
from orderflow_bt.store.quality import Gap, Quality
from orderflow_bt.testing import Tape, read_events
from orderflow_bt.types import BarStatus, time_bars

LEVEL = {"rows": 1, "beyond": 1, "back": 3, "back_atr": 0, "min_volume": 100}
FIRST = "B 100 40 | +10s B 100 35 | +10s"
LAST = "B 100 50 | +1s S 99 1 | +1s S 97 1"


def test_an_event_whose_window_spans_a_hole_says_so():
    for hole, spans in (("", False), ("#900 ", True)):
        candidate, confirmed = Tape(f"{FIRST[:-4]} {hole}+10s {LAST}").events(Absorption(**LEVEL))
        assert (candidate.spans_gap, confirmed.spans_gap) == (spans, spans)


def test_a_hole_before_the_window_is_none_of_its():
    tape = Tape(f"S 90 1 | #50 +5m S 90 1 | #51 +100s {FIRST} {LAST}")
    assert [e.spans_gap for e in tape.events(Absorption(**LEVEL))] == [False, False]


@pytest.mark.parametrize("chunks", [(), (2,), (3,), (1, 2, 3, 4, 5)])
def test_a_hole_between_pieces_is_seen_wherever_the_tape_is_cut(chunks):
    tape = Tape(f"{FIRST[:-4]} #900 +10s {LAST}")
    found = read_events(tape.trades, tape.instrument, Absorption(**LEVEL), chunks=chunks)
    assert [e.spans_gap for e in found] == [True, True]


def day(*losses, date=dt.date(2024, 1, 1), first_id=1):
    gaps = tuple(Gap(n - 1, n, 0, 0) for n in losses)
    return SimpleNamespace(
        date=date, first_id=first_id, quality=Quality(9, 1, 9, gap_list=(*gaps, Gap(3, 7, 0, 0)))
    )


def test_only_losses_that_ids_do_not_show_are_named():
    assert day(5, 9).quality.fill_losses == [5, 9]


SPOT = Tape("B 100 1 | +40s B 101 1 | +40s B 102 1 | +40s B 103 1 | +70s B 104 1 | +70s B 105 1")


@pytest.mark.parametrize("cuts", [(), (3,), (1, 2, 3, 4, 5)])
@pytest.mark.parametrize("spec", ["1m", "tick:2"])
def test_a_loss_of_fills_marks_bars_as_a_hole_of_ids_does(spec, cuts):
    holed = SPOT.trades._replace(id=SPOT.trades.id + (SPOT.trades.id >= 4) * 10)
    found = []
    for trades, losses in ((SPOT.trades, [4]), (holed, [])):
        stream = BarStream(time_bars(spec) if spec == "1m" else time_bars("1m").parse(spec),
                           ids_are_continuous=True)  # fmt: skip
        stream.note_losses(losses)
        edges = pairwise([0, *cuts, trades.rows])
        bars = [bar for a, b in edges for bar in stream.feed(trades.slice(a, b)).tolist()]
        found.append(bars)
    assert found[0] == found[1]
    assert BarStatus.GAP in {bar.status for bar in found[0]}


def test_a_cluster_does_not_reach_across_a_loss_of_fills():
    tape = Tape("B 100 1 | +0us B 101 1 | +0us B 102 1 | +1s S 90 1")
    for losses, levels in (((), [3]), ((3,), [2, 1])):
        readings = Readings(
            (), [TakerClusters(min_levels=1, quantile=0), IcebergLike()],
            ids_are_continuous=True, row_size=1,
        )  # fmt: skip
        readings.begin_day(day(*losses))
        found = [e for e in readings.see(tape.trades) if e.detector == "taker_clusters"]
        assert [e.details["levels"] for e in found] == levels


def test_a_missing_day_is_a_gap_even_where_ids_say_nothing():
    trades = SPOT.trades
    readings = Readings((time_bars("1m"),), [], ids_are_continuous=False, row_size=1)
    readings.begin_day(day())
    readings.feed(trades.slice(0, 3))
    readings.begin_day(day(date=dt.date(2024, 1, 3), first_id=4))
    piece = readings.feed(trades.slice(3, 6))
    assert [gap[:2] for gap in piece.gaps] == [tuple(trades.time[2:4].tolist())]
    assert BarStatus.GAP in {c.bar.status for m in piece.moments for c in m.bars}
