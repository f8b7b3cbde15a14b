"""SQL over a lake: exact, in UTC, only the files that matter, and nothing but the lake."""

from __future__ import annotations

import csv
import io
import json
from decimal import Decimal

import pytest
from archive_days import (
    DAY,
    DAY_MS,
    FOLDERS,
    SPOT,
    UM,
    agg_rows,
    csv_text,
    days,
    put_day,
    put_zip,
    zip_bytes,
)
from typer.testing import CliRunner

from orderflow_bt.archive import open_source
from orderflow_bt.cli import app
from orderflow_bt.ingest import download
from orderflow_bt.series import SeriesId, SeriesKind
from orderflow_bt.store import Lake
from orderflow_bt.store.views import Query
from orderflow_bt.types import Kind, MarketType, TapeId

CM = TapeId("binance", MarketType.CM, Kind.AGG_TRADES, "BTCUSD_PERP")
RAW = TapeId("binance", MarketType.SPOT, Kind.TRADES, "XYZUSDT")


@pytest.fixture
def lake(tmp_path, monkeypatch):
    """Four tapes of different scales and time units."""
    monkeypatch.chdir(tmp_path)
    archive = tmp_path / "archive"
    first, second = days(2)
    put_day(archive, UM, first, csv_text(agg_rows(first)))
    put_day(
        archive, UM, second, csv_text([(51, "100.12345678", "2", 1, 1, DAY_MS + 86400000, "true")])
    )
    micro = [(*row[:5], row[5] * 1000 + 7, row[6], "True") for row in agg_rows(first, 5)]
    put_day(archive, SPOT, first, csv_text(micro, ""))
    put_day(archive, CM, first, csv_text([(1, "30000.1", "7", 1, 3, DAY_MS, "false")]))
    put_day(archive, RAW, first, f"9,0.00001234,500,0.00617,{DAY_MS},False,True\n")
    lake = Lake(tmp_path / "lake")
    for tape, dates in ((UM, [first, second]), (SPOT, [first]), (CM, [first]), (RAW, [first])):
        results = download(lake, tape, dates, open_source(str(archive)))
        assert {result.status for result in results} == {"stored"}
    return lake


def run(*words):
    return CliRunner().invoke(app, ["--data", "lake", "sql", *words])


def rows(lake, text):
    query = Query(lake, text)
    try:
        return [row for batch in query.batches() for row in batch]
    finally:
        query.close()


def test_values_are_those_of_the_files(lake):
    found = rows(
        lake,
        "SELECT id, price, quantity, first_id, last_id, epoch_ms(time), side FROM trades "
        "WHERE market = 'um' AND date = '2024-01-01' ORDER BY id",
    )
    assert found == [
        (number, Decimal(price), Decimal(qty), *rest, -1 if maker == "true" else 1)
        for number, price, qty, *rest, maker in agg_rows()
    ]


def test_scales_and_time_units_differ_between_files(lake):
    found = rows(
        lake,
        "SELECT market, kind, min(price), max(price), sum(quantity), max(epoch_us(time)) "
        "FROM trades GROUP BY ALL ORDER BY ALL",
    )
    spot = agg_rows(count=5)
    first = DAY_MS * 1000
    assert found[0] == ("cm", "aggTrades", Decimal("30000.1"), Decimal("30000.1"), 7, first)
    assert found[1][2:] == (
        min(Decimal(row[1]) for row in spot),
        max(Decimal(row[1]) for row in spot),
        sum(Decimal(row[2]) for row in spot),
        spot[-1][5] * 1000 + 7,
    )
    assert found[2] == ("spot", "trades", *[Decimal("0.00001234")] * 2, 500, first)
    assert found[3][2] == Decimal("100.0")
    assert found[3][3] == Decimal("106.8")


def test_base_and_quote_of_contracts(lake):
    ((base, quote),) = rows(
        lake, "SELECT base_quantity, quote_quantity FROM trades WHERE market = 'cm'"
    )
    assert quote == 700
    assert base == (Decimal(700) / Decimal("30000.1")).quantize(Decimal("1e-8"))
    ((base, quote, ids),) = rows(
        lake,
        "SELECT base_quantity, quote_quantity, last_id - first_id FROM trades "
        "WHERE symbol = 'XYZUSDT'",
    )
    assert (base, quote, ids) == (500, Decimal("0.00617"), 0)


def test_only_the_files_that_can_answer_are_opened(lake):
    text = "EXPLAIN ANALYZE SELECT sum(price) FROM trades WHERE symbol = 'XYZUSDT'"
    query = Query(lake, "SELECT sum(price) FROM trades WHERE symbol = 'XYZUSDT'")
    plan = query._connection.execute(text).fetchall()[0][1]
    query.close()
    assert plan.count("Scanning Files: 1/1") + plan.count("Total Files Read: 1") == 1


def test_formats(lake):
    text = "SELECT symbol, date, price, time, side FROM trades WHERE kind = 'trades'"
    assert run(text, "--format", "csv").stdout.splitlines() == [
        "symbol,date,price,time,side",
        "XYZUSDT,2024-01-01,0.00001234,2024-01-01T00:00:00.000000Z,1",
    ]
    (row,) = json.loads(run(text, "--format", "json").stdout)
    assert (row["price"], row["side"]) == ("0.00001234", 1)
    assert "0.00001234" in run(text).stdout
    assert run(text, "--out", "found.parquet").exit_code == 0


def test_every_sql_type_has_a_text(lake):
    text = (
        "SELECT 1.5::DOUBLE AS d, 170141183460469231731687303715884105727::HUGEINT AS h, "
        "-12345678901234567890.123456789012345678::DECIMAL(38,18) AS x, 0.001::DECIMAL(9,8) AS y, "
        "[1, 2] AS l, 'a,\"b' AS w, NULL AS n, true AS b, DATE '2024-01-02' AS day, "
        "TIMESTAMPTZ '2024-01-01 02:00:00+02' AS t, TIME '01:02:03' AS c"
    )
    header, line = csv.reader(io.StringIO(run(text, "--format", "csv").stdout))
    assert dict(zip(header, line, strict=True)) == {
        "d": "1.5",
        "h": "170141183460469231731687303715884105727",
        "x": "-12345678901234567890.123456789012345678",
        "y": "0.00100000",
        "l": "[1, 2]",
        "w": 'a,"b',
        "n": "",
        "b": "true",
        "day": "2024-01-02",
        "t": "2024-01-01T00:00:00.000000Z",
        "c": "01:02:03",
    }


def test_quality_and_gaps(lake, tmp_path):
    third = days(3)[2]
    kept = agg_rows(third)
    del kept[10:13]
    put_day(tmp_path / "archive", UM, third, csv_text(kept))
    download(lake, UM, [third], open_source(str(tmp_path / "archive")))
    found = rows(lake, "SELECT date, rows, missing_ids FROM quality WHERE NOT clean")
    assert found == [(third, 47, 3)]
    assert rows(lake, "SELECT symbol, before_id, after_id FROM gaps") == [("ABCUSDT", 10, 14)]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("SELCT 1", "syntax error"),
        ("SELECT nothing FROM trades", '"nothing" not found'),
        ("SELECT * FROM nowhere", "nowhere does not exist"),
        ("SELECT 1; SELECT 2", "2 statements"),
        ("", "0 statements"),
        ("COPY trades TO 'stolen.csv'", "read only"),
        ("DROP VIEW trades", "read only"),
        ("SET enable_external_access = true", "read only"),
        ("INSTALL httpfs", "read only"),
        ("ATTACH 'other.db'", "read only"),
        ("SELECT * FROM read_csv('/etc/hostname')", "Permission Error"),
        ("SELECT * FROM read_text('archive/secret')", "Permission Error"),
        ("SELECT * FROM glob('../*')", "Permission Error"),
        ("SELECT * FROM read_parquet('https://example.org/x.parquet')", "Error"),
        ("SELECT 'x'::INTEGER", "Conversion Error"),
        ("SELECT (id || 'x')::INTEGER FROM trades", "Conversion Error"),
    ],
)
def test_what_is_refused_is_refused_in_words(lake, text, words):
    result = run(text)
    assert result.exit_code == 2, result.output
    assert words in result.stderr
    assert "Traceback" not in result.output
    assert result.stdout == ""


def test_python_is_not_reached(lake):
    secret = [1]
    assert run("SELECT * FROM secret").exit_code == 2, secret


def test_stdin_and_an_empty_lake(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    found = CliRunner().invoke(
        app, ["sql", "-", "--format", "csv"], input="SELECT count(*) AS n, max(price) FROM trades"
    )
    assert found.stdout.splitlines()[1] == "0,"


def test_little_memory_is_enough(lake):
    text = "SELECT count(DISTINCT a || 'long enough to spill') FROM range(1500000) t(a)"
    assert run(text, "--memory", "60MB", "--format", "csv").stdout.splitlines()[1] == "1500000"
    assert run("SELECT 1", "--memory", "much").exit_code == 2


def test_a_damaged_file_is_named(lake):
    path = lake.day_path(UM, DAY)
    raw = bytearray(path.read_bytes())
    raw[8:200] = b"\0" * 192
    path.write_bytes(raw)
    result = run("SELECT sum(id), sum(price), sum(quantity) FROM trades")
    assert result.exit_code in (1, 2)
    assert "Traceback" not in result.output


def test_klines_beside_the_tapes(lake, tmp_path):
    header = "open_time,open,high,low,close,volume,close_time,{0}_volume,count,"
    header += "taker_buy_volume,taker_buy_{0}_volume,ignore\n"
    line = f"{DAY_MS},100.5,101,100.25,100.5,7,{DAY_MS + 59_999},1.5,3,2,0.25,0\n"
    for market, symbol in ((MarketType.UM, "ABCUSDT"), (MarketType.CM, "BTCUSD_PERP")):
        series = SeriesId("binance", market, SeriesKind.KLINES, symbol, "1m")
        name = f"{symbol}-1m-{DAY}"
        path = f"data/{FOLDERS[market]}/daily/klines/{symbol}/1m/{name}.zip"
        text = header.format("base" if market is MarketType.CM else "quote") + line
        put_zip(tmp_path / "archive", path, zip_bytes((f"{name}.csv", text)))
        (result,) = download(lake, series, [DAY], open_source(str(tmp_path / "archive")))
        assert result.status == "stored", result.error
    found = rows(
        lake,
        "SELECT symbol, interval, date, epoch_ms(open_time), open, low, volume, quote_volume, "
        "base_volume, count, taker_buy_quote_volume, taker_buy_base_volume "
        "FROM klines ORDER BY symbol",
    )
    low = Decimal("100.25")
    common = ("1m", DAY, DAY_MS, Decimal("100.5"), low, 7)
    assert found == [
        ("ABCUSDT", *common, Decimal("1.5"), 7, 3, Decimal("0.25"), 2),
        ("BTCUSD_PERP", *common, 700, Decimal("1.5"), 3, 200, Decimal("0.25")),
    ]
    joined = "SELECT count(*) FROM trades t JOIN klines k USING (symbol, date)"
    assert rows(lake, joined) == [(50 + 5 + 1,)]
