"""What becomes known, in the order of knowing, whether it is kept as columns or looked at."""

from __future__ import annotations

import copy
import pickle

import numpy as np
import pytest

from orderflow_bt.flow import events as ev
from orderflow_bt.flow.events import NO_EVENTS
from orderflow_bt.sim.declared import readings_of
from orderflow_bt.sim.moments import Moments
from orderflow_bt.strategy import Strategy
from orderflow_bt.testing import Tape
from orderflow_bt.types import BarSpec

TAPE = Tape("S 100 1 | B 101 2 | +1s B 109 3 | +10ms S 104 1 | +2s S 99 4 | +1500ms B 100 1")


class Reads(Strategy):
    """Reads the bars it is told to."""

    specs = ()

    def bar_specs(self):
        return [BarSpec.parse(text) for text in self.specs]


def known(*specs):
    strategy = Reads()
    strategy.specs = specs
    readings = readings_of(strategy, TAPE.instrument, ids_are_continuous=True)
    return readings.feed(TAPE.trades).moments


@pytest.mark.parametrize(
    "specs", [("1s",), ("renko:2",), ("1s", "2s"), ("renko:2", "1s", "tick:2")]
)
def test_bars_of_one_moment_stand_together(specs):
    moments = known(*specs)
    keys = [(moment.at, moment.time) for moment in moments]
    assert keys == sorted(set(keys))
    assert keys == list(zip(moments.at, moments.time, strict=True))
    closed = [bar for moment in moments for bar in moment.bars]
    assert [bar.bar for bar in closed] == moments.bars
    assert [bar.spec for bar in closed] == moments.specs
    assert all(bar.footprint.bar == bar.bar for bar in closed)
    assert len(closed) > 3
    for spec in map(BarSpec.parse, specs):
        of_bars = [m for m, moment in enumerate(moments) for c in moment.bars if c.spec == spec]
        assert moments.closes_of(spec).tolist() == of_bars


def test_a_trade_that_completes_several_bars_makes_one_moment():
    moments = known("renko:2")
    assert max(len(moment.bars) for moment in moments) > 1


@pytest.mark.parametrize("specs", [("1s",), ("2s",), ("renko:2",), ("range:2",), ("1s", "2s")])
def test_the_price_before_a_moment_is_that_of_the_last_trade(specs):
    moments = known(*specs)
    for spec in map(BarSpec.parse, specs):
        told = moments.last_prices_of(spec)
        assert (told is None) == (not spec.is_time)
        if told is not None:
            rows = moments.rows[moments.closes_of(spec)]
            assert rows.min() > 0
            assert told.tolist() == TAPE.trades.price[rows - 1].tolist()
    assert moments.last_prices_of(None) is moments.last_prices_of(BarSpec.parse("1d")) is None


def test_how_many_are_known_by_a_row_and_a_time():
    moments = known("1s", "tick:2")
    for row in range(8):
        assert moments.count_until(row) == sum(m.at <= row for m in moments)
        for time in moments.time:
            count = sum((m.at, m.time) <= (row, time) for m in moments)
            assert moments.count_until(row, time) == count


def test_nothing_known():
    moments = Moments({}, NO_EVENTS)
    assert not moments
    assert list(moments) == []
    assert moments.closes_of(BarSpec.parse("1s")).tolist() == []
    assert moments.known_at.dtype == moments.rows.dtype == np.int64


def test_all_hear_the_same_event_and_nobody_can_change_it():
    rows = np.zeros((1, ev.DETAILS + 1), np.int64)
    rows[0, ev.DETAILS] = 7
    words = ev.EventWords("seen", ["kind"], ["state"], ["poc"])
    moments = Moments({}, ev.EventColumns(rows, [words]))
    (event,) = moments.heard
    assert moments.heard[0] is event
    assert event.details == {"poc": 7}
    with pytest.raises(TypeError, match=r"take dict\(event.details\)"):
        event.details["poc"] = 8
    for change in (event.details.clear, lambda: event.details.update(poc=8)):
        with pytest.raises(TypeError, match="cannot be changed"):
            change()
    assert pickle.loads(pickle.dumps(event)) == copy.deepcopy(event) == event


def test_a_closed_bar_has_one_footprint_that_nobody_can_write_to():
    moments = known("1s", "2s")
    for spec in map(BarSpec.parse, ("1s", "2s")):
        bars = moments.bars_of(spec)
        assert moments.known_of(spec)[-1] == len(bars) > 1
        closed = moments.closed(spec, 1)
        assert closed.bar is bars[1]
        assert (
            closed.footprint is moments.closed(spec, 1).footprint is moments.footprints_of(spec)[1]
        )
        with pytest.raises(ValueError, match="read-only"):
            closed.footprint.cells[0, 1] = 5
        alone = closed.footprint.cells.base  # not a view of other bars' cells
        assert isinstance(alone, bytes)
        assert len(alone) == closed.footprint.cells.nbytes
        again = pickle.loads(pickle.dumps(closed))
        assert not again.footprint.cells.flags.writeable
