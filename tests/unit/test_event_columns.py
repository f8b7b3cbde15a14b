"""Events as columns: nothing of an event is lost, and one is made only when it is looked at."""

from __future__ import annotations

from typing import ClassVar

import numpy as np
import pytest

from orderflow_bt import Detector, Event
from orderflow_bt.errors import PluginError
from orderflow_bt.flow import events as ev
from orderflow_bt.testing import Tape

FIRST = Event(5, "mine", "a", 1, "new", 10, 9, 11, 0.1 + 0.2, details={"size": 7})
SECOND = Event(6, "mine", "b", -1, "old", -3, -3, -3, 1e300, True, {"size": -1, "since": 2**62}, 4)


def test_packed_events_come_back_as_they_were():
    words = ev.EventWords("mine")
    one, two = words.pack([(1, 0, FIRST)]), words.pack([(2, 60, SECOND)])
    assert one.shape[1] < two.shape[1]  # a detail was new
    both = ev.EventColumns(ev.stack([one, two]), [words])
    assert list(both) == both == [FIRST, SECOND]
    assert both[1] == SECOND
    assert both[:1] == [FIRST]
    assert both.rows[:, ev.AT].tolist() == [1, 2]
    assert both.rows[:, ev.BARS].tolist() == [0, 60]
    assert both.strength.tolist() == [FIRST.strength, SECOND.strength]
    assert both.since(6) == [SECOND]
    assert ev.EventColumns.concat([both[:1], both[1:]]) == both
    assert not ev.EventColumns.concat([])


class Every(Detector):
    """Every trade, as told."""

    name: ClassVar[str] = "every"
    told: ClassVar[dict] = {}

    @property
    def lookback(self):
        return 0

    def on_trades(self, trades):
        given = {"detector": "every", "price": 1, "details": {}} | self.told
        for row, time in enumerate(trades.time.tolist()):
            yield row, Event(time, given["detector"], "k", 1, "s", given["price"], 1, 1, 1.0,
                             details=given["details"])  # fmt: skip


@pytest.mark.parametrize(
    "told", [{"price": 1.5}, {"details": {"x": 0.5}}, {"details": {"x": 2**63}}, {"detector": "y"}]
)
def test_what_columns_cannot_hold_is_refused(told, monkeypatch):
    monkeypatch.setattr(Every, "told", told)
    with pytest.raises(PluginError, match="every gave an event"):
        Tape("B 1 1").events(Every())


def test_numpy_integers_are_integers(monkeypatch):
    monkeypatch.setattr(Every, "told", {"details": {"x": np.int64(3)}})
    (event,) = Tape("B 1 1").events(Every())
    assert event.details == {"x": 3}
    assert type(event.details["x"]) is int
