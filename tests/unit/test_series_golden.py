"""Series stored by earlier versions are read as they were written; see tests/golden/README.md."""

from __future__ import annotations

import datetime as dt
import shutil
from decimal import Decimal
from pathlib import Path

import pytest

from orderflow_bt.errors import LakeError
from orderflow_bt.series import SeriesId, SeriesKind
from orderflow_bt.store import Lake, SeriesStore, Span
from orderflow_bt.store.series_schema import (
    READABLE_SERIES_VERSIONS,
    SERIES_VERSION,
    decode_metadata,
)
from orderflow_bt.types import MarketType

GOLDEN = Path(__file__).parents[1] / "golden"
DAY = dt.date(2024, 1, 1)
KLINES = SeriesId("binance", MarketType.SPOT, SeriesKind.KLINES, "ABCUSDT", "1m")
METRICS = SeriesId("binance", MarketType.UM, SeriesKind.METRICS, "ABCUSDT")
START_US = 1_704_067_200_000_000
MINUTE = 60_000_000


@pytest.fixture
def store(tmp_path):
    store = SeriesStore(Lake(tmp_path))
    for series, name in ((KLINES, "klines"), (METRICS, "metrics")):
        path = store.path(series, DAY)
        path.parent.mkdir(parents=True)
        shutil.copy(GOLDEN / f"{name}-v1.parquet", path)
    return store


def test_there_are_golden_files_of_every_version_that_is_read():
    assert set(READABLE_SERIES_VERSIONS) >= {SERIES_VERSION, max(1, SERIES_VERSION - 1)}
    for version in READABLE_SERIES_VERSIONS:
        assert (GOLDEN / f"klines-v{version}.parquet").is_file()
        assert (GOLDEN / f"metrics-v{version}.parquet").is_file()


def test_klines_of_version_1(store):
    assert store.all() == [KLINES, METRICS]
    (info,) = store.infos(KLINES)
    assert (info.schema, info.tape, info.date, info.time_unit) == (1, KLINES, DAY, "ms")
    assert info.decimals == {"amount": 3, "price": 2, "quantity": 1}
    origin = info.origin
    assert (origin.span, origin.ignored, origin.etag) == ("monthly", ("nested.zip",), "e1")
    quality = info.quality
    assert (quality.rows, quality.expected, quality.missing) == (2, 1440, 1438)
    assert quality.missing_spans == (
        Span(START_US + MINUTE, START_US + 2 * MINUTE),
        Span(START_US + 3 * MINUTE, START_US + 1440 * MINUTE),
    )
    assert quality.no_trade_spans == (Span(START_US + 2 * MINUTE, START_US + 3 * MINUTE),)
    assert (quality.no_trades, quality.duplicates, quality.conflicts) == (1, 1, 2)
    assert (quality.reordered, quality.outside, quality.off_grid) == (3, 4, 5)
    assert (quality.inconsistent, quality.absent_values) == (6, 7)
    rows = store.read(KLINES, DAY)
    assert {name: column.tolist() for name, column in rows.columns.items()} == {
        "open_time": [START_US, START_US + 2 * MINUTE],
        "open": [10010, 10000],
        "high": [10050, 10000],
        "low": [9990, 10000],
        "close": [10025, 10000],
        "volume": [125, 0],
        "close_time": [START_US + MINUTE - 1000, START_US + 3 * MINUTE - 1000],
        "quote_volume": [1_253_125, 0],
        "count": [7, 0],
        "taker_buy_volume": [41, 0],
        "taker_buy_quote_volume": [413_200, 0],
    }
    assert rows.decimals["taker_buy_quote_volume"] == 3


def test_metrics_of_version_1(store):
    rows = store.read(METRICS, DAY)
    assert rows["time"].tolist() == [START_US, START_US + 5 * MINUTE]
    for name in list(rows.columns)[1:]:
        assert rows[name].tolist() == [Decimal("3519925226.68422412345678"), None]


@pytest.mark.parametrize(
    ("raw", "what"),
    [
        (None, "did not write"),
        (b"{", "cannot be read"),
        (b'{"schema": 1}', "cannot be read"),
        (b'{"schema": 99}', "Upgrade"),
    ],
)
def test_metadata_that_cannot_be_understood(raw, what):
    with pytest.raises(LakeError, match=what):
        decode_metadata(raw, Path("x"), 0)


def test_a_damaged_or_moved_file_says_so(store):
    moved = store.path(KLINES, DAY + dt.timedelta(days=1))
    moved.parent.mkdir()
    shutil.copy(store.path(KLINES, DAY), moved)
    with pytest.raises(LakeError, match="moved there by hand"):
        store.infos(KLINES)
    moved.write_bytes(moved.read_bytes()[:-9])
    with pytest.raises(LakeError, match="Delete the file and download it again"):
        store.infos(KLINES)
