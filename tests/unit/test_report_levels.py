"""Levels that a picture draws: from when they are known until something ends them."""

from __future__ import annotations

from typer.testing import CliRunner

from orderflow_bt import time_bars
from orderflow_bt.cli import app
from orderflow_bt.flow import BarStream
from orderflow_bt.report import levels
from orderflow_bt.report.impact import moves
from orderflow_bt.report.levels import balances, clusters, unfinished
from orderflow_bt.testing import Tape
from orderflow_bt.types import DAY_US, HOUR_US, MINUTE_US, BarStatus


def footprints(text, bars="1m"):
    tape = Tape(text)
    stream = BarStream(time_bars(bars), ids_are_continuous=True)
    batches = [stream.feed(tape.trades), stream.close_until(int(tape.trades.time[-1]) + DAY_US)]
    rows = [batch.footprint(k) for batch in batches for k in range(len(batch))]
    while not len(rows[-1]):  # nothing traded behind the last
        rows.pop()
    return rows, tape


def test_an_unfinished_high_stands_until_it_is_reached():
    rows, tape = footprints(
        "B 101 1 | S 101 1 | S 100 1 | +1m S 100 1 | B 100 1 | +1m B 102 1 | +1m S 101 1"
    )
    highs = [level for level in unfinished(rows) if level.side > 0]
    first = highs[0]
    assert tape.instrument.price(first.low) == 101
    assert first.start == rows[0].bar.close_time
    assert first.end == rows[2].bar.close_time  # 102 goes through it


def test_an_unfinished_low_that_is_never_reached_stands_to_the_end():
    rows, tape = footprints("B 101 1 | S 100 1 | B 100 1 | +1m B 101 1 | +1m B 102 1")
    (low,) = (level for level in unfinished(rows) if level.side < 0)
    assert tape.instrument.price(low.low) == 100
    assert low.end == rows[-1].bar.close_time


def test_the_first_hour_is_a_box_from_its_end_to_the_end_of_the_day():
    rows, tape = footprints(
        "B 100 1 | +10m S 98 1 | +40m B 103 1 | +20m B 110 1 | +30m S 90 1", "10m"
    )
    (box,) = balances(rows)
    low, high = (tape.instrument.price(price) for price in (box.low, box.high))
    assert (low, high) == (98, 103)
    assert box.start == rows[0].bar.open_time // DAY_US * DAY_US + HOUR_US
    assert box.end == rows[-1].bar.close_time
    assert balances(rows[1:]) == []  # the day's beginning is not in the picture


def test_a_row_of_unusual_volume_is_a_cluster(monkeypatch):
    monkeypatch.setattr(levels, "HISTORY", 5)
    quiet = " | +1m ".join(["B 100 5 | S 99 5"] * 6)
    rows, tape = footprints(f"{quiet} | +1m B 100 500 | S 99 1")
    found = clusters(rows)[-1]
    assert tape.instrument.price(found.low) == 100
    assert found.end - found.start == MINUTE_US


def test_moves_are_of_closes_and_leave_holes_out():
    rows, _ = footprints("B 100 5 | +1m B 103 2 | +1m S 101 4")
    bars = [row.bar for row in rows]
    delta, move = moves(bars)
    assert delta == [bars[1].delta, bars[2].delta]
    assert move == [bars[1].close - bars[0].close, bars[2].close - bars[1].close]
    assert move[0] > 0 > move[1]
    assert moves([bars[0], bars[1]._replace(status=BarStatus.GAP), bars[2]]) == ([], [])


def test_grouped_rows_are_refused(tmp_path):
    line = ["plot", "levels", "X", "--from", "2024-01-01", "--to", "2024-01-01"]
    told = CliRunner().invoke(
        app, [*line, "--ticks-per-row", "5", "--out", str(tmp_path / "x.png")]
    )
    assert told.exit_code == 2
    assert "one tick high" in told.stderr
