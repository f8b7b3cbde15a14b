"""Detectors beside bars and trades: who hears what when, and what an event of a trade may meet."""

from __future__ import annotations

from typing import ClassVar

import pytest

from orderflow_bt import Bar, BarSpec, Detector, Event, Strategy, param, time_bars
from orderflow_bt.errors import PluginError
from orderflow_bt.testing import Tape


def event(known_at, price, kind="seen", name="heard"):
    return Event(known_at, name, kind, 1, "confirmed", price, price, price, 1.0)


class Heard(Detector):
    """Writes down what it is given, and reports every trade of 7 lots and every bar."""

    name: ClassVar[str] = "heard"
    bars: BarSpec = param(time_bars("1m"), help="bars")

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self.log = []

    @property
    def lookback(self):
        return 0

    def on_bar(self, bar: Bar):
        self.log.append(("bar", bar.close))
        yield event(bar.close_time, bar.close, "bar")

    def on_footprint(self, footprint):
        self.log.append(("rows", len(footprint.cells)))
        return ()

    def on_trades(self, trades):
        for row in range(trades.rows):
            self.log.append(("trade", int(trades.price[row])))
            if trades.qty[row] == 7:
                yield row, event(int(trades.time[row]), int(trades.price[row]), "seven")


TAPE = Tape("B 100 1 | S 101 7 | +0us S 102 1 | +1m B 103 7 | +5s B 104 1 | +2m B 105 7")
LOG = [
    ("trade", 100), ("trade", 101), ("trade", 102), ("bar", 102), ("rows", 3),
    ("trade", 103), ("trade", 104), ("bar", 104), ("rows", 2), ("bar", 104), ("rows", 0),
    ("trade", 105),
]  # fmt: skip
EVENTS = [("seven", 101), ("bar", 102), ("seven", 103), ("bar", 104), ("bar", 104), ("seven", 105)]


@pytest.mark.parametrize("chunks", [(), (1,), (3,), (1, 2, 3, 4, 5), (2, 4)])
def test_trades_and_bars_come_in_the_order_of_knowing_wherever_the_tape_is_cut(chunks):
    detector = Heard()
    events = TAPE.events(detector, chunks=chunks)
    assert detector.log == LOG
    assert [(e.kind, e.price) for e in events] == EVENTS
    assert [e.id for e in events] == list(range(len(EVENTS)))
    assert [e.known_at for e in events] == sorted(e.known_at for e in events)


class BuyOnSeven(Strategy):
    def detectors(self):
        return [Heard()]

    def on_event(self, event, market, broker):
        if event.kind == "seven" and market.position.is_flat and not broker.working:
            assert market.now == event.known_at
            assert market.last == event.price
            broker.market(1, 1)


@pytest.mark.parametrize("chunks", [(), (2,), (1, 2, 3)])
def test_an_order_because_of_a_trade_meets_the_next_one_even_at_its_time(chunks):
    run = TAPE.run(BuyOnSeven, chunks=chunks)
    assert run.fills[0].time == TAPE.trades.time[2] == TAPE.trades.time[1]
    assert run.fills[0].trade_id == 3


class Late(Heard):
    def on_trades(self, trades):
        return [(0, event(int(trades.time[0]) + 1, 1))]


class Wrong(Heard):
    def on_bar(self, bar):
        return [event(bar.open_time, 1)]


@pytest.mark.parametrize("kind", [Late, Wrong])
def test_a_detector_that_dates_an_event_wrongly_is_told(kind):
    with pytest.raises(PluginError, match="gave an event"):
        TAPE.events(kind())
