"""Minutes are equal to the exchange's klines, explained by a row across the border, or unequal."""

from __future__ import annotations

import json
from decimal import Decimal

import pytest
from archive_days import (
    DAY,
    DAY_MS,
    FOLDERS,
    SPOT,
    UM,
    csv_text,
    days,
    put_day,
    put_zip,
    zip_bytes,
)
from typer.testing import CliRunner

from orderflow_bt.archive import open_source
from orderflow_bt.audit import audit_tape
from orderflow_bt.cli import app
from orderflow_bt.ingest import download
from orderflow_bt.series import SeriesId, SeriesKind
from orderflow_bt.store import Lake
from orderflow_bt.types import MarketType, TapeId

CM = TapeId("binance", MarketType.CM, UM.kind, "BTCUSD_PERP")
HEADER = (
    "open_time,open,high,low,close,volume,close_time,quote_volume,count,taker_buy_volume,"
    "taker_buy_quote_volume,ignore\n"
)
MINUTE_MS = 60_000


def fill(ms, price, qty, side="B"):
    return ms, Decimal(price), Decimal(qty), side


def kline_rows(fills, minutes):
    """What the exchange would publish for raw fills (ms of the day, price, quantity, side)."""
    rows, last = [], Decimal(100)
    for minute in range(minutes):
        inside = [f for f in fills if f[0] // MINUTE_MS == minute]
        prices = [f[1] for f in inside] or [last]
        buys = [f for f in inside if f[3] == "B"]
        start = DAY_MS + minute * MINUTE_MS
        rows.append(
            [
                start,
                prices[0],
                max(prices),
                min(prices),
                prices[-1],
                sum(f[2] for f in inside),
                start + 59_999,
                sum(f[1] * f[2] for f in inside),
                len(inside),
                sum(f[2] for f in buys),
                sum(f[1] * f[2] for f in buys),
                0,
            ]
        )
        last = prices[-1]
    return rows


def agg(groups):
    """Rows of aggregates, each a list of fills under the time of its last one."""
    rows, fills = [], 0
    for number, group in enumerate(groups, 1):
        first = fills + 1
        fills += len(group)
        maker = "false" if group[0][3] == "B" else "true"
        qty = sum(f[2] for f in group)
        rows.append((number, group[0][1], qty, first, fills, DAY_MS + group[-1][0], maker))
    return rows


@pytest.fixture
def check(tmp_path):
    def check(groups, klines=None, tape=UM, minutes=4):
        fills = [f for group in groups for f in group]
        klines = kline_rows(fills, minutes) if klines is None else klines
        archive = tmp_path / "archive"
        put_day(archive, tape, DAY, csv_text(agg(groups)))
        name = f"{tape.symbol}-1m-{DAY}"
        path = f"data/{FOLDERS[tape.market]}/daily/klines/{tape.symbol}/1m/{name}.zip"
        header = HEADER if tape is not CM else HEADER.replace("quote", "base")
        text = header + "".join(",".join(map(str, row)) + "\n" for row in klines)
        put_zip(archive, path, zip_bytes((f"{name}.csv", text)))
        lake = Lake(tmp_path / "lake")
        series = SeriesId("binance", tape.market, SeriesKind.KLINES, tape.symbol, "1m")
        for what in (tape, series):
            (result,) = download(lake, what, [DAY], open_source(str(archive)))
            assert result.status == "stored", result.error
        (day,) = audit_tape(lake, tape, with_klines=True)
        return day.klines

    return check


PLAIN = [
    [fill(1_000, "100.0", "1.5")],
    [fill(30_000, "101.5", "2", "S"), fill(30_050, "101.5", "0.5", "S")],
    [fill(59_000, "99.0", "1"), fill(59_010, "99.0", "1")],
    [fill(70_000, "100.5", "4", "S")],
    [fill(190_000, "98.0", "0.001")],
]


def test_equal_minutes_with_an_empty_one_between(check):
    found = check(PLAIN)
    assert (found.status, found.equal, found.explained) == ("equal", 4, [])


@pytest.mark.parametrize("tape", [UM, SPOT, CM])
@pytest.mark.parametrize("column", [1, 2, 3, 4, 5, 7, 8, 9])
def test_every_field_counts(check, column, tape):
    klines = kline_rows([f for group in PLAIN for f in group], 4)
    klines[1][column] += 1
    found = check(PLAIN, klines, tape)
    if tape is CM and column == 7:  # the base volume, which contracts give rounded
        assert found.status == "equal"
        return
    (minute,) = found.unequal
    assert minute.time == (DAY_MS + MINUTE_MS) * 1000
    (difference,) = minute.differences
    assert difference.theirs - difference.ours == 10**difference.decimals
    assert found.equal == 3


def test_a_row_across_the_minute_explains_both(check):
    groups = [
        [fill(1_000, "100.0", "1.5")],
        [fill(59_960, "102.0", "1"), fill(60_020, "102.0", "3"), fill(60_030, "102.0", "2")],
        [fill(90_000, "100.5", "4", "S")],
    ]
    found = check(groups)
    (moved,) = found.explained
    assert (moved.row_id, found.status, found.equal) == (2, "equal", 4)
    assert moved.border == (DAY_MS + MINUTE_MS) * 1000
    # A spot row is one order at one time: nothing is explained there.
    with_spot = check(groups, tape=SPOT)
    assert len(with_spot.unequal) == 2


def test_a_row_across_midnight_is_explained_where_both_days_are_stored(tmp_path):
    """Half of it stands in the last minute's kline of the day before."""
    night = 86_400_000
    groups = [
        [fill(night - 90_000, "100.0", "1.5")],
        [fill(night - 40, "102.0", "1"), fill(night + 20, "102.0", "3")],
        [fill(night + 30_000, "100.5", "4", "S")],
    ]
    rows = agg(groups)
    klines = kline_rows([f for group in groups for f in group], 1442)
    lake, archive = Lake(tmp_path / "lake"), tmp_path / "archive"
    series = SeriesId("binance", UM.market, SeriesKind.KLINES, UM.symbol, "1m")

    def store(number, date):
        put_day(archive, UM, date, csv_text(rows[:1] if number == 0 else rows[1:]))
        name = f"ABCUSDT-1m-{date}"
        path = f"data/futures/um/daily/klines/ABCUSDT/1m/{name}.zip"
        text = "".join(",".join(map(str, k)) + "\n" for k in klines[1440 * number :][:1440])
        put_zip(archive, path, zip_bytes((f"{name}.csv", HEADER + text)))
        for what in (UM, series):
            (result,) = download(lake, what, [date], open_source(str(archive)))
            assert result.status == "stored", result.error

    first, second = days(2)
    store(0, first)
    (alone,) = audit_tape(lake, UM, with_klines=True)
    assert [minute.time for minute in alone.klines.unequal] == [(DAY_MS + night - 60_000) * 1000]
    store(1, second)
    found = audit_tape(lake, UM, with_klines=True)
    for day, minutes in zip(found, (1440, 2), strict=True):
        (moved,) = day.klines.explained
        assert (moved.row_id, moved.border) == (2, (DAY_MS + night) * 1000)
        assert (day.klines.status, day.klines.equal) == ("equal", minutes)


def test_two_rows_at_one_border_and_a_border_after_it(check):
    groups = [
        [fill(59_950, "102.0", "1"), fill(60_020, "102.0", "3")],
        [fill(59_970, "101.5", "0.7", "S"), fill(60_030, "101.5", "0.2", "S")],
        [fill(90_000, "101.0", "1")],
        [fill(119_990, "103.0", "5"), fill(120_001, "103.0", "1")],
        [fill(150_000, "101.0", "1")],
    ]
    found = check(groups)
    assert [moved.row_id for moved in found.explained] == [1, 2, 4]
    assert found.status == "equal"


def test_a_row_across_does_not_excuse_a_real_difference(check):
    groups = [
        [fill(1_000, "100.0", "1.5")],
        [fill(59_960, "102.0", "1"), fill(60_020, "102.0", "3")],
        [fill(90_000, "100.5", "4", "S")],
    ]
    klines = kline_rows([f for group in groups for f in group], 4)
    klines[1][5] += 1
    found = check(groups, klines)
    assert (len(found.unequal), found.explained) == (2, [])


def test_what_the_tape_lacks(check):
    fills = [f for group in PLAIN for f in group]
    extra = [fill(minute * MINUTE_MS, "100", "1") for minute in range(4, 10)]
    found = check(PLAIN, kline_rows(fills + extra, 12), minutes=12)
    assert [(minute.count, minute.kline_count) for minute in found.unequal] == [(0, 1)] * 6
    assert found.equal == 6


def test_what_the_exchange_lacks(check):
    klines = kline_rows([f for group in PLAIN for f in group], 4)
    del klines[1]
    (minute,) = check(PLAIN, klines).unequal
    assert (minute.count, minute.kline_count) == (1, None)


def test_what_a_person_reads(check, tmp_path):
    fills = [f for group in PLAIN for f in group]
    extra = [fill(minute * MINUTE_MS, "100", "1") for minute in range(4, 10)]
    klines = kline_rows(fills + extra, 12)
    klines[0][8] += 1
    check(PLAIN, klines, minutes=12)

    def run(*words):
        words = ["--data", str(tmp_path / "lake"), "audit", "ABCUSDT", *words]
        return CliRunner().invoke(app, words)

    result = run("--klines")
    assert result.exit_code == 3
    assert "  kline 00:00: count 5 and not 6" in result.stdout.splitlines()
    assert (
        "  kline 00:04–00:09, 6 minutes: no trade on the tape, 6 trades by the exchange"
        in result.stdout.splitlines()
    )
    assert result.stdout.splitlines()[1].split()[-1] == "unequal"
    (day,) = json.loads(run("--klines", "--json").stdout)
    assert (day["klines"], day["status"]) == ("unequal", "defects")
    assert day["kline_minutes"]["unequal"][0]["differences"] == {"count": ["5", "6"]}
    (plain,) = json.loads(run("--json").stdout)
    assert (plain["klines"], plain["status"]) == ("none", "clean")


def test_klines_that_are_not_stored(tmp_path):
    put_day(tmp_path / "archive", UM, DAY, csv_text(agg(PLAIN)))
    download(Lake(tmp_path / "lake"), UM, [DAY], open_source(str(tmp_path / "archive")))
    words = ["--data", str(tmp_path / "lake"), "audit", "ABCUSDT", "--klines"]
    result = CliRunner().invoke(app, words)
    assert result.exit_code == 0
    assert "download ABCUSDT --market um --kind klines --interval 1m" in result.stderr
