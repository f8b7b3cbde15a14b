"""Trading sessions: zones, daylight saving, nights."""

from __future__ import annotations

import datetime as dt

import pytest

from orderflow_bt.errors import UsageError
from orderflow_bt.flow.sessions import UTC_DAY, TradingSession


def us(text):
    return int(dt.datetime.fromisoformat(text).timestamp() * 1_000_000)


def test_new_york_opens_at_another_utc_hour_after_the_clock_change():
    session = TradingSession.parse("09:30-16:00/America/New_York")
    assert session.of_date(dt.date(2024, 3, 8))[0] == us("2024-03-08T14:30Z")
    assert session.of_date(dt.date(2024, 3, 11))[0] == us("2024-03-11T13:30Z")


def test_a_session_is_half_open():
    session = TradingSession.parse("09:30-16:00/America/New_York")
    start, end = us("2024-03-11T13:30Z"), us("2024-03-11T20:00Z")
    assert session.at(start) == session.at(end - 1) == (start, end)
    assert session.at(start - 1) is None
    assert session.at(end) is None


def test_a_night_belongs_to_the_day_it_began_on():
    session = TradingSession.parse("22:00-05:00/Asia/Tokyo")
    assert session.at(us("2024-05-01T18:00Z")) == (us("2024-05-01T13:00Z"), us("2024-05-01T20:00Z"))
    assert session.at(us("2024-05-01T20:00Z")) is None


def test_the_default_is_the_utc_day():
    assert UTC_DAY.at(us("2024-02-29T23:59:59Z")) == (us("2024-02-29T00Z"), us("2024-03-01T00Z"))


@pytest.mark.parametrize("text", ["09:30-16:00/America/New_York", "22:00-05:00/UTC"])
def test_a_session_reads_as_it_is_written(text):
    assert str(TradingSession.parse(text)) == text


@pytest.mark.parametrize("text", ["9:30-16:00/UTC", "25:00-26:00/UTC", "09:70-10:00/UTC", "noon"])
def test_what_is_no_session_is_refused(text):
    with pytest.raises(UsageError):
        TradingSession.parse(text)


def test_an_unknown_zone_is_named():
    with pytest.raises(UsageError, match="Mars/Olympus"):
        TradingSession.parse("09:00-10:00/Mars/Olympus")
    with pytest.raises(UsageError, match="minute"):
        TradingSession(600, 600)
