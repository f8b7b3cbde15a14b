"""Real trades against the exchange's own klines, through the lake."""

from __future__ import annotations

import datetime as dt

import pytest
from archive_days import put_zip, zip_bytes

from orderflow_bt.archive import open_source
from orderflow_bt.audit import audit_tape
from orderflow_bt.ingest import download
from orderflow_bt.series import SeriesId, SeriesKind
from orderflow_bt.store import Lake
from orderflow_bt.types import DAY_US, MINUTE_US, Kind, MarketType, TapeId

pytestmark = pytest.mark.real

D = dt.date
DAYS = {MarketType.SPOT: [D(2023, 4, 4), D(2023, 4, 5)]}
DAYS[MarketType.UM] = [D(2023, 4, 4), D(2023, 4, 5), D(2024, 8, 8)]
# Minutes that the captures hold whole, of each day, and those of which there is a kline.
FULL = {
    D(2023, 4, 4): (1439, 1440),
    D(2023, 4, 5): (0, 6),
    D(2024, 8, 8): (1435, 1440),
}


@pytest.fixture(scope="module")
def lake(real_mirror, real_data, tmp_path_factory):
    lake = Lake(tmp_path_factory.mktemp("lake"))
    own = tmp_path_factory.mktemp("klines")
    header = ""
    by_day = {}
    for path in sorted((real_data / "binance_klines/um_excerpts").glob("*.csv")):
        header, *lines = path.read_text().splitlines(keepends=True)
        for line in lines:
            day = dt.datetime.fromtimestamp(int(line[:13]) / 1000, dt.UTC).date()
            by_day.setdefault(day, []).append(line)
    for day, lines in by_day.items():
        name = f"BTCUSDT-1m-{day}"
        path = f"data/futures/um/daily/klines/BTCUSDT/1m/{name}.zip"
        put_zip(own, path, zip_bytes((f"{name}.csv", header + "".join(lines))))
    for market, days in DAYS.items():
        for kind in Kind:
            tape = TapeId("binance", market, kind, "BTCUSDT")
            results = download(lake, tape, days, open_source(str(real_mirror)))
            assert {result.status for result in results} == {"stored"}
        series = SeriesId("binance", market, SeriesKind.KLINES, "BTCUSDT", "1m")
        source = real_mirror if market is MarketType.SPOT else own
        results = download(lake, series, days, open_source(str(source)))
        assert {result.status for result in results} == {"stored"}
    return lake


def audited(lake, market, kind):
    tape = TapeId("binance", market, kind, "BTCUSDT")
    days = DAYS[market]
    found = audit_tape(lake, tape, days[0], days[-1], with_klines=True)
    return {day.date: day.klines for day in found if day.info}


def full(date):
    midnight = (date - D(1970, 1, 1)).days * DAY_US
    return {midnight + minute * MINUTE_US for minute in range(*FULL[date])}


@pytest.mark.parametrize(
    ("market", "kind"),
    [
        (MarketType.SPOT, Kind.AGG_TRADES),
        (MarketType.SPOT, Kind.TRADES),
        (MarketType.UM, Kind.TRADES),
        (MarketType.UM, Kind.AGG_TRADES),
    ],
)
def test_all_full_minutes_are_equal_or_explained(lake, market, kind):
    found = audited(lake, market, kind)
    if market is MarketType.SPOT:
        # The first day holds one trade of its last minute.
        assert len(found[D(2023, 4, 4)].unequal) == 1440
        del found[D(2023, 4, 4)]
    for date, check in found.items():
        unequal = {minute.time for minute in check.unequal}
        assert not unequal & full(date)
        assert check.equal == len(full(date))
        # The parts that the captures lack are seen.
        assert unequal
        crossing = [moved.row_id for moved in check.explained]
        assert crossing == (
            [843_353_104]
            if (market, kind, date) == (MarketType.UM, Kind.AGG_TRADES, D(2023, 4, 5))
            else []
        )


def test_the_missing_part_of_a_capture_is_seen(lake):
    check = audited(lake, MarketType.SPOT, Kind.TRADES)[D(2023, 4, 5)]
    partial, *absent = check.unequal
    assert (partial.count, partial.kline_count) == (380, 593)
    assert len(absent) == 1433
    assert {minute.count for minute in absent} == {0}
