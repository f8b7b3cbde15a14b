"""A paused simulation as bytes: taken up by another process, and what cannot be saved is named."""

from __future__ import annotations

import subprocess
import sys

import pytest

from orderflow_bt.errors import OrderflowError, PluginError
from orderflow_bt.sim import Session, restore, snapshot
from orderflow_bt.sim.declared import readings_of
from orderflow_bt.strategy import Strategy
from orderflow_bt.strategy.registry import load_strategy
from orderflow_bt.testing import PLAIN, Tape

TAPE = Tape("B 100 5 | +1m B 101 5 | S 99 5 | +1m B 103 5 | S 98 5 | +1m B 104 9")
PLUGIN = """
from orderflow_bt import BarSpec, Strategy, param, time_bars

class Counts(Strategy):
    bars: BarSpec = param(time_bars("1m"))

    def __init__(self, *given, **named):
        super().__init__(*given, **named)
        self.closes = []

    def on_bar(self, spec, bar, market, broker):
        self.closes.append(bar.close)
        if market.position.is_flat:
            broker.market(1, len(self.closes))
        else:
            broker.close()
"""
RESUME = """
import sys
from pathlib import Path
from orderflow_bt.sim import restore
from orderflow_bt.testing import Tape

readings, (session,) = restore(Path(sys.argv[1]).read_bytes())
trades = Tape(sys.argv[2]).trades
session.feed(readings.feed(trades.slice(3, trades.rows)))
session.finish(int(trades.time[-1]))
print(session.strategy.closes, [tuple(map(str, fill)) for fill in session.broker.fills])
"""


def paused(strategy, rows=3):
    readings = readings_of(strategy, TAPE.instrument, ids_are_continuous=True)
    session = Session(strategy, TAPE.instrument, PLAIN, readings.specs, start=0)
    session.feed(readings.feed(TAPE.trades.slice(0, rows)))
    return readings, session


def test_another_process_takes_it_up(tmp_path):
    file = tmp_path / "counts.py"
    file.write_text(PLUGIN)
    cls = load_strategy(str(file))
    readings, session = paused(cls())
    saved = tmp_path / "paused"
    saved.write_bytes(snapshot(readings, session))
    text = "B 100 5 | +1m B 101 5 | S 99 5 | +1m B 103 5 | S 98 5 | +1m B 104 9"
    line = [sys.executable, "-c", RESUME, str(saved), text]
    told = subprocess.run(line, capture_output=True, text=True, check=True).stdout
    session.feed(readings.feed(TAPE.trades.slice(3, TAPE.trades.rows)))
    session.finish(int(TAPE.trades.time[-1]))
    fills = [tuple(map(str, fill)) for fill in session.broker.fills]
    assert told.strip() == f"{session.strategy.closes} {fills}"
    assert len(fills) == 3

    file.write_text(PLUGIN + "\n# changed\n")
    with pytest.raises(OrderflowError, match=r"counts\.py is not the one the snapshot was made"):
        restore(saved.read_bytes())


def test_two_sessions_on_one_tape_stay_on_one_tape():
    readings, first = paused(Strategy())
    second = Session(Strategy(), TAPE.instrument, PLAIN, readings.specs, start=0)
    again, (one, other) = restore(snapshot(readings, first, second))
    assert one is not other
    piece = again.feed(TAPE.trades.slice(3, 5))
    one.feed(piece)
    other.feed(piece)
    assert one.last_price == other.last_price == TAPE.price("98")


class KeepsAFile(Strategy):
    def __init__(self):
        super().__init__()
        self.log = (line for line in ())


def test_what_cannot_be_saved_is_named():
    readings, session = paused(KeepsAFile())
    with pytest.raises(PluginError, match=r"KeepsAFile\.log cannot be saved: <generator"):
        snapshot(readings, session)


def test_other_bytes_and_other_versions_are_refused(monkeypatch):
    with pytest.raises(OrderflowError, match="no snapshot"):
        restore(b"PK\x03\x04")
    readings, session = paused(Strategy())
    raw = snapshot(readings, session)
    with pytest.raises(OrderflowError, match="damaged"):
        restore(raw[:-20])
    monkeypatch.setattr("orderflow_bt.__version__", "9.9")
    with pytest.raises(OrderflowError, match=r"another version: 0\.1\.0, here 9\.9"):
        restore(raw)
