"""Orders, fills and round trips as numbers give back what was put in."""

from __future__ import annotations

from decimal import Decimal

from orderflow_bt.sim import logs
from orderflow_bt.sim.trips import Plan, _packed, _Trip, _unpacked
from orderflow_bt.strategy.api import Fill, Order

ORDER = Order(0, None, "limit", "entry", 1, 5, 100, 7, 9, None, "working", 2, 3, "", -1, trail=4)


def test_orders_that_ended_are_packed_and_can_be_looked_at_and_changed():
    log = logs.OrderLog()
    count = 2 * logs.CHUNK + 5
    for number in range(count):
        ended = number % 3 > 0
        row = list(ORDER._replace(id=number, status="filled" if ended else "working"))
        log.add(row)
    expected = list(log)
    assert expected[4] == ORDER._replace(id=4, status="filled")
    packed = log.pack()
    assert packed == [number for number in range(count) if number % 3 > 0]
    assert list(log) == expected
    assert log == expected
    assert log[-1] == expected[-1]
    assert log[5:8] == expected[5:8]
    log.row(4)[logs.WHY] = "changed after its end"
    assert log[4].why == "changed after its end"
    columns = log.columns()
    assert columns["why"][3:6] == ["", "changed after its end", ""]
    assert columns["price"].tolist() == [100] * count
    assert set(columns["parent_id"].tolist()) == {logs.ABSENT}
    assert log != expected


def test_few_orders_are_not_packed():
    log = logs.OrderLog()
    log.add(list(ORDER))
    assert log.pack() == []
    assert logs.OrderLog().columns()["price"] == []


def test_fills_come_back_as_they_were_written():
    log = logs.FillLog()
    values = (3, 10, 77, -1, 5, 100, logs.ROLE_CODE["stop"], 0, logs.RULE_CODE["took"], 4, 6,
              123_456_789, logs.ABSENT, 99, 1, 2, 3, 8)  # fmt: skip
    for number in range(logs.CHUNK + 2):
        assert log.add(*values) == number
    made = Fill(logs.CHUNK + 1, 3, 10, 77, -1, 5, 100, "stop", "taker", "took", 4, 6,
                Decimal("1.23456789"), None, 99, 1, 2, 3)  # fmt: skip
    assert log[-1] == made
    assert len(log[1:]) == logs.CHUNK + 1
    assert log.columns()["round_trip"].tolist() == [8] * (logs.CHUNK + 2)


def test_a_round_trip_of_any_size_is_packed():
    trip = _Trip(3, -1, 1_000, None, Plan(100, None, 250))
    trip.exit_time, trip.qty_in, trip.qty_out, trip.fees = 2_000, 5, 5, -17
    trip.funding, trip.exit_role = Decimal("-0.00000012"), "target"
    trip.paid_in, trip.paid_out = 10**30 + 1, 7
    again, extremes = _unpacked(_packed(trip, (90, 260)))
    assert extremes == (90, 260)
    for name in _Trip.__slots__:
        assert getattr(again, name) == getattr(trip, name)
