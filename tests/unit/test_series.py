"""Klines, funding rates and metrics: from files of every form to exact columns, over HTTP."""

from __future__ import annotations

import datetime as dt
import json
from decimal import Decimal
from random import Random

import pytest
from archive_days import DAY, DAY_MS, KLINES, kline, put_series, serving
from typer.testing import CliRunner

from orderflow_bt.archive import open_source
from orderflow_bt.archive.binance_series import series_places
from orderflow_bt.archive.series_rows import parse_series
from orderflow_bt.cli import app
from orderflow_bt.errors import LakeError, MalformedError, UsageError
from orderflow_bt.ingest import download
from orderflow_bt.ingest.clean_series import clean_series
from orderflow_bt.series import SeriesId, SeriesKind
from orderflow_bt.store import Lake, SeriesStore, Span
from orderflow_bt.types import DAY_US, MINUTE_US, MarketType

DAY_START = DAY_MS * 1000
HEADER = (
    "open_time,open,high,low,close,volume,close_time,quote_volume,count,"
    "taker_buy_volume,taker_buy_quote_volume,ignore\n"
)
FUNDING = SeriesId("binance", MarketType.UM, SeriesKind.FUNDING, "ABCUSDT")
METRICS = SeriesId("binance", MarketType.UM, SeriesKind.METRICS, "ABCUSDT")


def store(tmp_path, series, text, date=DAY):
    put_series(tmp_path / "archive", series, date, text)
    lake = Lake(tmp_path / "lake")
    with serving(tmp_path / "archive") as server:
        (result,) = download(lake, series, [date], open_source(server.url))
    if result.error:
        raise result.error
    return SeriesStore(lake), result.info


@pytest.mark.parametrize("header", [HEADER, ""])
@pytest.mark.parametrize("us", [False, True])
def test_klines_of_every_form(tmp_path, header, us):
    text = header + "".join(kline(hour, us=us) for hour in range(24))
    shelf, info = store(tmp_path, KLINES, text)
    rows = shelf.read(KLINES, DAY)
    assert (info.rows, info.time_unit, info.origin.header) == (
        24,
        "us" if us else "ms",
        bool(header),
    )
    assert info.quality.is_clean
    assert info.origin.checksum == "verified"
    assert info.decimals == {"amount": 3, "price": 2, "quantity": 3}
    last = 1 if us else 1000  # close times are the last moment that the file's unit can tell
    assert {name: int(rows[name][3]) for name in rows.columns} == {
        "open_time": DAY_START + 3 * 60 * MINUTE_US,
        "open": 10010,
        "high": 10050,
        "low": 9990,
        "close": 10025,
        "volume": 12500,
        "close_time": DAY_START + 4 * 60 * MINUTE_US - last,
        "quote_volume": 1_253_125,
        "count": 7,
        "taker_buy_volume": 4125,
        "taker_buy_quote_volume": 413_200,
    }
    assert rows.decimals["quote_volume"] == 3
    assert rows.rows == 24


def test_what_is_wrong_with_klines_is_counted(tmp_path):
    flat = {"open": 100, "high": 100, "low": 100, "close": 100}
    none = {"volume": 0, "quote_volume": 0, "count": 0}
    none |= {"taker_buy_volume": 0, "taker_buy_quote_volume": 0}
    rows = [
        kline(1),
        kline(0),
        kline(1),
        kline(2, volume="13"),
        kline(2),
        kline(4, **flat, **none),
        kline(5, high="100.2"),
        kline(6, open_time=DAY_MS + 6 * 3_600_000 + 1),
        kline(-1),
        kline(30),
    ]
    _, info = store(tmp_path, KLINES, "".join(rows))
    quality = info.quality
    assert (quality.rows, quality.expected) == (6, 24)
    assert (quality.duplicates, quality.conflicts, quality.reordered) == (1, 1, 1)
    assert (quality.outside, quality.no_trades, quality.inconsistent) == (2, 1, 1)
    hours = [(DAY_START + a * 60 * MINUTE_US, DAY_START + b * 60 * MINUTE_US) for a, b in
             [(3, 4), (7, 24), (4, 5)]]  # fmt: skip
    assert quality.missing == 18
    assert quality.missing_spans == (Span(*hours[0]), Span(*hours[1]))
    assert quality.no_trade_spans == (Span(*hours[2]),)
    assert quality.off_grid == 1
    assert not quality.is_clean


def test_contracts_of_coin_margined_klines(tmp_path):
    series = SeriesId("binance", MarketType.CM, SeriesKind.KLINES, "ABCUSD_PERP", "1d")
    text = kline(0, volume=1200, taker_buy_volume=500, quote_volume="11.97", count=3,
                 taker_buy_quote_volume="4.9")  # fmt: skip
    shelf, info = store(tmp_path, series, text)
    rows = shelf.read(series, DAY)
    assert (int(rows["volume"][0]), rows.decimals["volume"]) == (1200, 0)
    assert (int(rows["base_volume"][0]), rows.decimals["base_volume"]) == (1197, 2)
    assert int(rows["taker_buy_base_volume"][0]) == 490
    assert info.quality.is_clean


def test_a_premium_may_be_negative(tmp_path):
    series = SeriesId("binance", MarketType.UM, SeriesKind.PREMIUM_KLINES, "ABCUSDT", "1d")
    text = HEADER + kline(0, open="-0.00012", high="0.00001", low="-0.0002", close="-0.0001",
                          volume=0, quote_volume=0, taker_buy_volume=0, taker_buy_quote_volume=0,
                          count=17280)  # fmt: skip
    shelf, _ = store(tmp_path, series, text)
    rows = shelf.read(series, DAY)
    assert [int(rows[name][0]) for name in ("open", "high", "low", "close")] == [-12, 1, -20, -10]
    assert rows.decimals["open"] == 5
    assert list(rows.columns) == [
        "open_time", "open", "high", "low", "close", "close_time", "count",
    ]  # fmt: skip


def test_funding_is_stored_by_the_month(tmp_path):
    boundary = [DAY_MS + hour * 3_600_000 for hour in (0, 8, 16, 24, 40, 44)]
    hours = [8, 8, 8, 8, 8, 4]
    text = "calc_time,funding_interval_hours,last_funding_rate\n"
    text += "".join(
        f"{time + 3},{step},{'-' if n == 1 else ''}0.0001{n}000\n"
        for n, (time, step) in enumerate(zip(boundary, hours, strict=True))
    )
    shelf, info = store(tmp_path, FUNDING, text)
    assert "/month=2024-01/" in info.path.as_posix()
    rows = shelf.read_days(FUNDING, [DAY, DAY + dt.timedelta(days=1)])
    assert rows["rate"].tolist() == [10, -11, 12, 13, 14, 15]
    assert rows.decimals["rate"] == 5
    assert rows["time"][1] == DAY_START + 480 * MINUTE_US + 3000
    assert rows["interval_hours"].tolist() == hours
    assert info.quality.missing == 1  # the one of 08:00 on the second day
    assert info.quality.missing_spans[0].start == DAY_START + DAY_US + 3000


def test_metrics_keep_every_digit_and_say_what_was_left_out(tmp_path):
    text = (
        "create_time,symbol,sum_open_interest,sum_open_interest_value,"
        "count_toptrader_long_short_ratio,sum_toptrader_long_short_ratio,"
        "count_long_short_ratio,sum_taker_long_short_vol_ratio\n"
    )
    for n in range(1, 289):
        time = f"{dt.datetime(2024, 1, 1, tzinfo=dt.UTC) + n * dt.timedelta(minutes=5):%F %T}"
        value = "" if n == 7 else "1.43205500"
        text += (
            f"{time},ABCUSDT,83233.2280000000000000,3519925226.68422412345678,{value},1.1,0.9,1\n"
        )
    shelf, info = store(tmp_path, METRICS, text)
    rows = shelf.read(METRICS, DAY)
    assert rows["open_interest_value"][0] == Decimal("3519925226.68422412345678")
    assert rows["top_trader_account_ratio"][6] is None
    assert rows["time"][-1] == DAY_START + DAY_US
    assert (info.quality.missing, info.quality.absent_values, info.rows) == (0, 1, 288)


@pytest.mark.parametrize(
    ("text", "what"),
    [
        ("", "no rows"),
        (HEADER, "no rows"),
        (kline(0, open="1e5"), "unreadable number '1e5' in column open"),
        (kline(0, count="7.5"), "unreadable whole number"),
        (kline(0).replace(",0\n", "\n"), "11 columns without names"),
        (kline(0) + "1,2,3\n", "the row has 3 columns and should have 12"),
        (HEADER.replace("high", "peak") + kline(0), "must name the column 'high' once"),
        (HEADER.replace("high", "low") + kline(0), "must name the column 'high' once"),
        (kline(0) + kline(1, us=True), "mixed"),
        (kline(0, open_time=5), "neither in milliseconds nor in microseconds"),
        (kline(0, volume="9" * 30), "do not fit 64 bits"),
        (kline(100), "not one row of the file is of 2024-01-01"),
        ("\xff\n" + kline(0), "must name the column 'opentime'"),
    ],
)
def test_files_that_cannot_be_read_exactly_are_refused(tmp_path, text, what):
    with pytest.raises(MalformedError, match=what):
        store(tmp_path, KLINES, text)
    assert SeriesStore(Lake(tmp_path / "lake")).all() == []


def test_days_of_different_units_are_read_together(tmp_path):
    shelf, _ = store(tmp_path, KLINES, kline(0, open="100.5", high="101", low="99", close="100"))
    second = DAY + dt.timedelta(days=1)
    store(tmp_path, KLINES, kline(24, open="100.125"), second)
    rows = shelf.read_days(KLINES, [DAY, second])
    assert rows["open"].tolist() == [100_500, 100_125]
    assert rows.decimals["open"] == 3
    assert shelf.dates(KLINES) == [DAY, second]
    with pytest.raises(LakeError, match=r"2024-01-03 of ABCUSDT .* is not in the lake"):
        shelf.read(KLINES, dt.date(2024, 1, 3))


def test_names_that_are_no_series():
    with pytest.raises(UsageError, match="'7m' is not an interval"):
        SeriesId("binance", MarketType.UM, SeriesKind.KLINES, "ABCUSDT", "7m")
    with pytest.raises(UsageError, match="futures only"):
        SeriesId("binance", MarketType.SPOT, SeriesKind.FUNDING, "ABCUSDT")
    with pytest.raises(UsageError, match="no interval"):
        SeriesId("binance", MarketType.UM, SeriesKind.METRICS, "ABCUSDT", "1m")


def test_the_commands(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    put_series(tmp_path / "archive", KLINES, DAY, "".join(kline(hour) for hour in range(20)))
    put_series(tmp_path / "archive", FUNDING, DAY, f"{DAY_MS},8,0.0001\n")

    def run(*words):
        return CliRunner().invoke(app, ["--data", "lake", *words])

    def get(*words):
        span = ("--from", "2024-01-01", "--to", "2024-01-01", "--source", "archive")
        return run("download", "abcusdt", *span, *words)

    first = get("--kind", "klines", "--interval", "1h")
    assert first.exit_code == 0, first.output
    assert "1 of 1 day in the lake (20 rows" in first.stdout
    assert "no rows 20:00 to 24:00" in first.stdout
    assert "nothing to do" in get("--kind", "klines", "--interval", "1h").stdout
    assert get("--kind", "fundingRate").exit_code == 0
    assert "nothing to do: the month is" in get("--kind", "fundingRate").stdout
    assert get("--kind", "klines", "--interval", "7m").exit_code == 2
    assert get("--kind", "trades", "--interval", "1m").exit_code == 2
    assert "Known: aggTrades, trades, klines" in get("--kind", "candles").stderr
    assert get("--kind", "metrics").exit_code == 1
    listed = run("ls").stdout.splitlines()
    assert [line.split()[:5] for line in listed[1:]] == [
        ["ABCUSDT", "binance", "um", "fundingRate", "-"],
        ["ABCUSDT", "binance", "um", "klines", "1h"],
    ]
    assert "rows missing: 4; no rows 20:00 to 24:00" in run("ls", "ABCUSDT").stdout
    plain = json.loads(run("ls", "ABCUSDT", "--json").stdout)
    assert [(one["kind"], one["rows"]) for one in plain] == [("fundingRate", 1), ("klines", 20)]
    assert [one["missing_rows"] for one in json.loads(run("ls", "--json").stdout)] == [0, 4]


@pytest.mark.parametrize("series", [KLINES, FUNDING, METRICS])
def test_damaged_files_are_refused_or_read_never_worse(series):
    """A thousand mutations of each kind's file; no error but those with a stated reason."""
    time = "2024-01-01 00:05:00"
    text = {
        KLINES: HEADER + "".join(kline(hour) for hour in range(6)),
        FUNDING: f"calc_time,funding_interval_hours,last_funding_rate\n{DAY_MS},8,-0.0001\n",
        METRICS: (
            "create_time,symbol,sum_open_interest,sum_open_interest_value,"
            "count_toptrader_long_short_ratio,sum_toptrader_long_short_ratio,"
            "count_long_short_ratio,sum_taker_long_short_vol_ratio\n"
            + f'{time},ABCUSDT,1.5,2.5,"1.1",,1.2,1.3\n'
            * 3
        ),
    }[series].encode()
    random = Random(series.kind.value)
    outcomes = {"read": 0, "refused": 0}
    for _ in range(1000):
        damaged = bytearray(text)
        for _ in range(random.randint(1, 4)):
            at = random.randrange(len(damaged))
            choice = random.randrange(4)
            if choice == 0:
                damaged[at] ^= 1 << random.randrange(8)
            elif choice == 1:
                del damaged[at : at + random.randint(1, 30)]
            elif choice == 2:
                damaged[at:at] = random.choice(
                    [b"9" * 50, b"-", b",", b"\n", b"e9", b"\x00", "²".encode(), b'"', b"."]
                )
            else:
                damaged[at:at] = damaged[: random.randrange(len(damaged))]
            if not damaged:
                damaged = bytearray(b",")
        try:
            parsed = parse_series(
                [bytes(damaged)],
                series.fields,
                lambda header, fields: series_places(series, header, fields),
                "file",
            )
            clean_series(parsed, series, DAY, "file")
            outcomes["read"] += 1
        except MalformedError:
            outcomes["refused"] += 1
    assert min(outcomes.values()) > 5


@pytest.mark.parametrize(
    ("interval", "opens", "lost", "span"),
    [
        ("3d", [2, 5, 8, 11, 14, 17, 20, 23, 26, 29], 14, (14, 17)),
        ("1w", [1, 8, 15, 22, 29], 22, (22, 29)),
        ("1mo", [1], None, None),
    ],
)
def test_candles_longer_than_a_day_come_by_the_month(
    tmp_path, monkeypatch, interval, opens, lost, span
):
    """January 2024 began on a Monday; the first candle of three days gives their grid."""
    monkeypatch.chdir(tmp_path)
    series = SeriesId("binance", MarketType.UM, SeriesKind.KLINES, "ABCUSDT", interval)
    text = "".join(kline(24 * (day - 1)) for day in opens if day != lost)
    kept, info = store(tmp_path, series, text, dt.date(2024, 1, 20))
    assert info.date == DAY
    assert "/month=2024-01/" in info.path.as_posix()
    quality = info.quality
    assert (quality.expected, quality.rows, quality.missing) == (
        len(opens),
        len(opens) - (lost is not None),
        int(lost is not None),
    )
    assert quality.off_grid == 0
    found = [((s.start // 86_400_000_000) - 19723 + 1, (s.end // 86_400_000_000) - 19723 + 1)
             for s in quality.missing_spans]  # fmt: skip
    assert found == ([span] if span else [])
    assert kept.all() == [series]
    assert kept.read_days(series, [dt.date(2024, 1, 20)]).rows == quality.rows
    # Beside days of a shorter interval, each row has the day or month of its file.
    store(tmp_path, KLINES, kline(0))
    asked = "SELECT interval, date, count(*) FROM klines GROUP BY 1, 2 ORDER BY 1 DESC"
    shown = CliRunner().invoke(app, ["--data", "lake", "sql", asked, "--format", "csv"])
    assert shown.exit_code == 0, shown.output
    assert sorted(shown.stdout.splitlines()[1:], reverse=True) == [
        f"{interval},2024-01-01,{quality.rows}",
        "1h,2024-01-01,1",
    ]
    listed = CliRunner().invoke(app, ["--data", "lake", "ls"]).stdout
    assert "1 months" in listed


def test_a_candle_of_a_week_that_begins_on_another_day_is_told(tmp_path):
    series = SeriesId("binance", MarketType.UM, SeriesKind.KLINES, "ABCUSDT", "1w")
    _, info = store(tmp_path, series, kline(0) + kline(24))
    assert (info.quality.off_grid, info.quality.missing) == (1, 4)
