"""The exchange's own klines come in exactly, and what they lack is said."""

from __future__ import annotations

import csv
import datetime as dt
import io
import zipfile
from decimal import Decimal

import pytest

from orderflow_bt.archive import open_source
from orderflow_bt.ingest import download
from orderflow_bt.series import SeriesId, SeriesKind
from orderflow_bt.store import Lake, SeriesStore, Span
from orderflow_bt.types import MINUTE_US, MarketType

pytestmark = pytest.mark.real

NAMES = ["open_time", "open", "high", "low", "close", "volume", "close_time", "quote_volume"]
NAMES += ["count", "taker_buy_volume", "taker_buy_quote_volume"]
SYMBOLS = ("ARBUSDT", "BTCUSDT", "ETHUSDT", "SOLUSDT")


def klines(symbol, interval="1m"):
    return SeriesId("binance", MarketType.SPOT, SeriesKind.KLINES, symbol, interval)


def files(mirror, series):
    folder = mirror / "data/spot/daily/klines" / series.symbol / series.interval
    return {dt.date.fromisoformat(path.stem[-10:]): path for path in sorted(folder.glob("*.zip"))}


@pytest.fixture(scope="module")
def shelf(real_mirror, tmp_path_factory):
    lake = Lake(tmp_path_factory.mktemp("lake"))
    for symbol in SYMBOLS:
        for interval in ("1m", "15m", "1h", "1d"):
            series = klines(symbol, interval)
            results = download(
                lake, series, list(files(real_mirror, series)), open_source(str(real_mirror))
            )
            assert {result.status for result in results} == {"stored"}
    return SeriesStore(lake)


@pytest.mark.parametrize("interval", ["1m", "15m", "1h", "1d"])
def test_every_number_is_the_one_in_the_file(shelf, real_mirror, interval):
    for symbol in SYMBOLS:
        series = klines(symbol, interval)
        for date, path in files(real_mirror, series).items():
            with zipfile.ZipFile(path) as archive:
                (name,) = archive.namelist()
                want = list(csv.reader(io.StringIO(archive.read(name).decode())))
            rows = shelf.read(series, date)
            assert rows.rows == len(want)
            for place, name in enumerate(NAMES):
                scale = 3 if name.endswith("time") else -rows.decimals[name]
                for value, row in zip(rows[name].tolist(), want, strict=True):
                    text = row[place]
                    if name.endswith("time"):
                        assert value == int(text) * 1000
                    else:
                        assert Decimal(value).scaleb(scale) == Decimal(text)


def test_the_outage_of_march_2023_is_seen(shelf):
    date = dt.date(2023, 3, 24)
    midnight = int(dt.datetime(2023, 3, 24, tzinfo=dt.UTC).timestamp()) * 1_000_000
    halted = Span(midnight + 688 * MINUTE_US, midnight + 760 * MINUTE_US)
    dark = Span(halted.end, midnight + 840 * MINUTE_US)
    for symbol in SYMBOLS:
        quality = shelf.info(klines(symbol), date).quality
        assert (quality.rows, quality.missing, quality.no_trades) == (1360, 80, 72)
        assert quality.missing_spans == (dark,)
        assert quality.no_trade_spans == (halted,)
        assert not quality.is_clean
    assert shelf.info(klines("BTCUSDT", "15m"), date).quality.missing == 5
    assert shelf.info(klines("BTCUSDT", "1h"), date).quality.missing == 1


def test_an_intact_file_of_an_incomplete_day_is_seen(shelf):
    quality = shelf.info(klines("ARBUSDT"), dt.date(2023, 7, 27)).quality
    assert (quality.rows, quality.expected, quality.missing) == (230, 1440, 1210)
    assert len(quality.missing_spans) == 1


def test_minutes_without_trades_are_no_defect(shelf):
    info = shelf.info(klines("ARBUSDT"), dt.date(2023, 8, 12))
    assert (info.rows, info.quality.no_trades, info.quality.is_clean) == (1440, 33, True)


def test_minutes_add_up_to_the_day(shelf):
    date = dt.date(2024, 4, 13)
    for symbol in SYMBOLS:
        minutes, day = shelf.read(klines(symbol), date), shelf.read(klines(symbol, "1d"), date)
        for name in ("volume", "quote_volume", "taker_buy_volume", "taker_buy_quote_volume"):
            total = Decimal(sum(minutes[name].tolist())).scaleb(-minutes.decimals[name])
            assert total == Decimal(day[name].tolist()[0]).scaleb(-day.decimals[name])
