"""Marks: one for each life that a detector tells of, as known at the cursor, in bounded number."""

from __future__ import annotations

import hypothesis.strategies as st
import pytest
from hypothesis import given, settings

from orderflow_bt.detectors.registry import installed, load_detector
from orderflow_bt.flow.events import Event
from orderflow_bt.instruments import Instrument
from orderflow_bt.replay.screen import marks
from orderflow_bt.replay.screen.lens import BlindLens, OpenLens
from orderflow_bt.replay.screen.marks import MarkBook, describe
from orderflow_bt.types import MarketType

UNIT = Instrument("text", MarketType.UM, "TAPE", 1, 0)
LENS = OpenLens(UNIT)


def zone(time, state, *, made=5, low=100, high=103):
    details = {"made_at": made, "rows": 3, "retests": 0}
    return Event(time, "imbalance_zones", "stack", 1, state, low, low, high, 1.5, details=details)


def sweep(time, *, qty=12_345):
    details = {"qty": qty, "levels": 4}
    return Event(
        time, "taker_clusters", "sweep", -1, "confirmed", 99, 99, 102, 2.0, details=details
    )


def shown(book, lens=LENS):
    found, _ = book.changed(0)
    return {mark.id: describe(mark, lens, 1) for mark in found}


def test_a_life_is_one_mark():
    book = MarkBook()
    book.add([zone(10, "created"), sweep(11), zone(12, "armed"), zone(12, "created", low=200)])
    book.add([zone(20, "retested"), zone(30, "invalidated")])
    told = shown(book)
    assert [(mark["detector"], mark["state"]) for _, mark in sorted(told.items())] == [
        ("imbalance_zones", "invalidated"),
        ("taker_clusters", "confirmed"),
        ("imbalance_zones", "created"),
    ]
    assert (told[0]["from"], told[0]["known_at"], told[0]["until"]) == (10, 30, 30)
    assert (told[0]["invalid"], told[2]["invalid"], "until" in told[2]) == (True, False, False)
    assert told[0]["text"] == "stacked buy imbalance, 3 rows: invalidated"
    assert told[1]["text"] == "sell sweep, 12.3k through 4 prices"
    assert book.latest(5) == [2]


def test_every_shipped_detector_has_words():
    for name in installed():
        kind = load_detector(name)
        for direction in (1, -1):
            for word in kind.kinds or ("regular",):
                event = Event(1, kind.name, word, direction, "confirmed", 5, 5, 6, 1.0)
                text = marks.text_of(event, LENS)
                assert text
                assert name == "alerts" or not text.startswith(f"{name.replace('_', ' ')}: ")
    own = Event(1, "my_thing", "odd", 1, "seen", 5, 5, 6, float("nan"))
    book = MarkBook()
    book.add([own])
    assert shown(book)[0]["text"] == "my thing: odd seen"
    assert shown(book)[0]["strength"] is None


def test_divergences_carry_their_two_points():
    details = {"pivot1_time": 3, "pivot1_price": 70, "pivot2_time": 9, "pivot2_price": 80}
    event = Event(
        12, "delta_divergence", "hidden", -1, "confirmed", 80, 70, 80, 1.0, details=details
    )
    book = MarkBook()
    book.add([event])
    assert shown(book)[0]["points"] == [[3, 70], [9, 80]]
    assert shown(book)[0]["text"] == "bearish delta divergence (hidden)"
    blind = shown(book, BlindLens(UNIT, price=75, time=10, volume=2))[0]
    assert blind["points"] == [[-7, -5], [-1, 5]]


EVENTS = st.lists(
    st.tuples(
        st.integers(1, 6), st.sampled_from(["created", "armed", "invalidated", "expired", "sweep"])
    ),
    max_size=40,
)


@given(EVENTS, st.data())
@settings(max_examples=80)
def test_dropping_does_not_depend_on_how_events_come(drawn, data):
    events = [
        sweep(time) if state == "sweep" else zone(time, state, made=made)
        for time, (made, state) in enumerate(drawn)
    ]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(marks, "MOST", 4)
        whole, parts, held, since = MarkBook(), MarkBook(), {}, 0
        whole.add(events)
        at = 0
        while at < len(events):
            stop = at + data.draw(st.integers(1, 5))
            parts.add(events[at:stop])
            at = stop
            if data.draw(st.booleans()):  # gone back to here
                saved, parts = parts.snapshot(), MarkBook()
                parts.restore(saved)
            if data.draw(st.booleans()):  # a page is told
                told = parts.changed(since)
                if told is None:
                    held, told = {}, parts.changed(0)
                held |= {mark.id: mark for mark in told[0]}
                for number in told[1]:
                    held.pop(number, None)
                since = parts.version
        assert shown(parts) == shown(whole)
        assert len(shown(whole)) <= 4
        told = parts.changed(since)
        if told is not None:
            held |= {mark.id: mark for mark in told[0]}
            for number in told[1]:
                held.pop(number, None)
            assert {number: describe(mark, LENS, 1) for number, mark in held.items()} == shown(
                whole
            )
        alive = [mark for mark in shown(whole).values() if "until" not in mark]
        assert len([mark for mark in alive if mark["detector"] == "imbalance_zones"]) == len(
            whole.latest(9)
        )
