"""Days stored by earlier versions are read as they were written; see tests/golden/README.md."""

from __future__ import annotations

import datetime as dt
import shutil
from pathlib import Path

import numpy as np
import pytest

from orderflow_bt.errors import LakeError
from orderflow_bt.store import SCHEMA_VERSION, Gap, Lake
from orderflow_bt.store.schema import READABLE_VERSIONS, decode_metadata
from orderflow_bt.types import Kind, MarketType, TapeId

GOLDEN = Path(__file__).parents[1] / "golden"
DAY = dt.date(2024, 1, 1)
TAPE = TapeId("binance", MarketType.SPOT, Kind.AGG_TRADES, "ABCUSDT")
START_US = 1_704_067_200_000_000


def test_there_is_a_golden_file_of_every_version_that_is_read():
    assert set(READABLE_VERSIONS) >= {SCHEMA_VERSION, max(1, SCHEMA_VERSION - 1)}
    for version in READABLE_VERSIONS:
        assert (GOLDEN / f"lake-v{version}.parquet").is_file()


@pytest.fixture
def lake(tmp_path):
    lake = Lake(tmp_path)
    path = lake.day_path(TAPE, DAY)
    path.parent.mkdir(parents=True)
    shutil.copy(GOLDEN / "lake-v1.parquet", path)
    return lake


def test_version_1(lake):
    (info,) = lake.days(TAPE)
    assert (info.schema, info.tape, info.date) == (1, TAPE, DAY)
    assert (info.price_decimals, info.qty_decimals, info.tick_decimals) == (3, 2, 3)
    assert info.time_unit == "us"
    assert (info.first_time, info.last_time) == (START_US, START_US + 900_000)
    origin = info.origin
    assert origin.url == "https://example.org/data/ABCUSDT-aggTrades-2024-01-01.zip"
    assert (origin.sha256, origin.checksum, origin.bytes) == ("ab" * 32, "verified", 321)
    assert (origin.etag, origin.last_modified) == ("e1", "Tue, 02 Jan 2024 03:00:00 GMT")
    assert (origin.header, origin.ignored) == (True, ("nested.zip",))
    quality = info.quality
    assert (quality.rows, quality.first_id, quality.last_id) == (4, 1, 9)
    assert (quality.gaps, quality.missing_ids, quality.missing_fills) == (1, 4, 6)
    assert quality.gap_list == (Gap(3, 8, START_US + 200_000, START_US + 800_000),)
    assert (quality.duplicates, quality.conflicts, quality.invalid_rows) == (1, 1, 1)
    assert quality.quarantined == ((3, 100500, 25, 12, 12, START_US + 200_000, 1),)
    assert (quality.reordered, quality.zero_quantity, quality.off_tick) == (4, 1, 0)
    assert (quality.out_of_order, quality.outside_day) == (0, 0)
    assert quality.max_time_gap_us == 600_000
    (trades,) = lake.read(TAPE, DAY, 3, 2)
    assert trades.id.tolist() == [1, 3, 8, 9]
    assert (trades.time - START_US).tolist() == [0, 200_000, 800_000, 900_000]
    assert trades.price.tolist() == [100500, 100125, 99000, 99000]
    assert trades.qty.tolist() == [100, 25, 0, 50]
    assert trades.side.tolist() == [-1, 1, 1, -1]
    assert trades.fills.tolist() == [1, 2, 1, 3]


def test_a_version_that_is_not_known_is_refused(lake):
    with pytest.raises(LakeError, match=r"schema version 99.*Upgrade"):
        decode_metadata(b'{"schema":99}', Path("x"), 0)
    with pytest.raises(LakeError, match=r"schema version 0.*download the day again"):
        decode_metadata(b'{"schema":0}', Path("x"), 0)


def test_times_are_exact_to_the_microsecond(lake):
    (trades,) = lake.read(TAPE, DAY, 5, 4)
    assert trades.time.dtype == np.int64
    assert trades.price.tolist()[1] == 10_012_500
