"""The lake: what goes in comes out, exactly, in any units and any chunks; damage is named."""

from __future__ import annotations

import datetime as dt
import json
from dataclasses import replace
from decimal import Decimal
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from archive_days import DAY, SPOT, UM, days

from orderflow_bt.errors import LakeError
from orderflow_bt.store import DayInfo, Gap, Lake, Origin, Quality, resolve_instrument, summarize
from orderflow_bt.store.schema import ROW_GROUP_ROWS, decode_metadata, encode_metadata
from orderflow_bt.types import Kind, MarketType, TapeId

START_US = 1_704_067_200_000_000
TRADES = TapeId("binance", MarketType.UM, Kind.TRADES, "ABCUSDT")


def columns(rows=10, first_id=1):
    number = np.arange(rows, dtype=np.int64)
    return np.array(
        [
            first_id + number,
            1000 + number % 7,
            1 + number % 5,
            10 * (first_id + number),
            10 * (first_id + number) + number % 3,
            START_US // 1000 + number // 4,
            np.where(number % 2, 1, -1),
        ]
    )


def day_info(lake, tape=UM, date=DAY, matrix=None, **changes):
    matrix = columns() if matrix is None else matrix
    quality = Quality(rows=matrix.shape[1], first_id=int(matrix[0, 0]), last_id=int(matrix[0, -1]))
    info = DayInfo(
        tape=tape,
        date=date,
        path=lake.day_path(tape, date),
        bytes=0,
        price_decimals=1,
        qty_decimals=3,
        tick_decimals=1,
        time_unit="ms",
        first_time=int(matrix[5].min()) * 1000,
        last_time=int(matrix[5].max()) * 1000,
        origin=Origin("file:///x.zip", "0" * 64, "verified", 7),
        quality=quality,
    )
    return replace(info, **changes)


@pytest.fixture
def lake(tmp_path):
    return Lake(tmp_path / "lake")


def store(lake, matrix=None, **changes):
    matrix = columns() if matrix is None else matrix
    return lake.write_day(matrix, day_info(lake, matrix=matrix, **changes))


def read(lake, tape=UM, date=DAY, price=1, qty=3, **options):
    chunks = list(lake.read(tape, date, price, qty, **options))
    return [np.concatenate(column) for column in zip(*chunks, strict=True)], chunks


def test_a_day_comes_back_as_it_went_in(lake):
    matrix = columns(1000)
    store(lake, matrix)
    trades, _ = read(lake)
    assert trades[0].tolist() == matrix[0].tolist()
    assert trades[1].tolist() == (matrix[5] * 1000).tolist()
    assert trades[2].tolist() == matrix[1].tolist()
    assert trades[3].tolist() == matrix[2].tolist()
    assert trades[4].tolist() == matrix[6].tolist()
    assert trades[5].tolist() == (matrix[4] - matrix[3] + 1).tolist()
    assert [column.dtype.name for column in trades] == ["int64"] * 4 + ["int8", "int32"]


def test_single_trades_have_one_fill_and_no_range(lake):
    store(lake, tape=TRADES)
    trades, _ = read(lake, TRADES)
    assert trades[5].tolist() == [1] * 10
    assert pq.read_schema(lake.day_path(TRADES, DAY)).names == [
        "id",
        "price",
        "quantity",
        "time",
        "side",
    ]


@pytest.mark.parametrize("chunk_rows", [1, 3, 999, 1000, 5000])
def test_any_chunks_hold_the_same_trades(lake, chunk_rows):
    store(lake, columns(1000))
    whole, _ = read(lake)
    cut, chunks = read(lake, chunk_rows=chunk_rows)
    assert max(chunk.rows for chunk in chunks) <= chunk_rows
    for a, b in zip(whole, cut, strict=True):
        assert np.array_equal(a, b)


def test_time_stands_still_where_the_clock_ran_back_also_across_row_groups(lake):
    matrix = columns(ROW_GROUP_ROWS + 10)
    matrix[5] = START_US // 1000
    matrix[5, 5] += 7
    matrix[5, -1] += 9
    quality = Quality(rows=matrix.shape[1], first_id=1, last_id=matrix.shape[1], out_of_order=1)
    store(lake, matrix, quality=quality)
    trades, chunks = read(lake)
    assert len(chunks) == 2
    assert trades[1].tolist()[:6] == [START_US] * 5 + [START_US + 7000]
    assert set(trades[1].tolist()[6:-1]) == {START_US + 7000}
    assert trades[1][-1] == START_US + 9000


def test_microseconds_are_kept(lake):
    matrix = columns()
    matrix[5] = START_US + np.arange(10)
    store(lake, matrix, time_unit="us")
    trades, _ = read(lake)
    assert trades[1].tolist() == matrix[5].tolist()


def test_finer_units_are_exact_and_coarser_ones_refused(lake):
    matrix = columns()
    store(lake, matrix)
    trades, _ = read(lake, price=3, qty=4)
    assert trades[2].tolist() == (matrix[1] * 100).tolist()
    assert trades[3].tolist() == (matrix[2] * 10).tolist()
    with pytest.raises(LakeError, match="prices stored with 1 decimals"):
        read(lake, price=0)
    with pytest.raises(LakeError, match="64 bits"):
        read(lake, price=18)


def test_several_days_follow_each_other(lake):
    first, second = days(2)
    store(lake, columns(5, 1), date=first)
    store(lake, columns(5, 6), date=second)
    chunks = list(lake.read_days(UM, [first, second], 1, 3))
    assert [chunk.id.tolist() for chunk in chunks] == [[1, 2, 3, 4, 5], [6, 7, 8, 9, 10]]


def test_a_reader_that_stops_early_lets_go(lake):
    store(lake, columns(1000))
    reading = lake.read(UM, DAY, 1, 3, chunk_rows=10)
    next(reading)
    reading.close()


def test_the_same_day_gives_the_same_bytes(lake, tmp_path):
    one, other = store(lake), store(Lake(tmp_path / "other"))
    assert one.path.read_bytes() == other.path.read_bytes()


def test_the_catalogue(lake):
    first, second, third, fourth, _ = days(5)
    store(lake, columns(5, 1), date=first)
    store(lake, columns(5, 8), date=second)
    store(lake, columns(5, 20), date=fourth)
    store(lake, tape=SPOT)
    assert lake.tapes() == [SPOT, UM]
    assert lake.dates(UM) == [first, second, fourth]
    summary = summarize(lake.days(UM))
    assert (summary.days, summary.rows, summary.missing_days) == (3, 15, (third,))
    assert (summary.gaps, summary.missing_ids) == (1, 2)
    assert lake.day(UM, third) is None
    assert lake.days(TRADES) == []
    assert Lake(lake.root / "nowhere").tapes() == []


def test_a_day_that_is_not_stored_says_what_to_type(lake):
    with pytest.raises(LakeError, match="orderflow-bt download ABCUSDT --market um"):
        read(lake)


def test_metadata_comes_back_whole(lake):
    gap = Gap(4, 9, START_US, START_US + 5)
    quality = Quality(
        rows=10, first_id=1, last_id=10, gaps=1, missing_ids=4, gap_list=(gap,), conflicts=1,
        quarantined=((1, 2, 3, 4, 5, 6, -1),), off_tick=0,
    )  # fmt: skip
    info = store(lake, quality=quality)
    assert info == replace(day_info(lake, quality=quality), bytes=info.path.stat().st_size)
    assert not info.quality.is_clean


def test_a_newer_schema_is_refused(lake):
    info = day_info(lake)
    values = json.loads(encode_metadata(info)) | {"schema": 2}
    with pytest.raises(LakeError, match=r"schema version 2.*Upgrade orderflow-bt"):
        decode_metadata(json.dumps(values).encode(), info.path, 1)


@pytest.mark.parametrize("raw", [None, b"{", b"[]", b"{}", b'{"schema": 1}'])
def test_unreadable_metadata_is_named(lake, raw):
    with pytest.raises(LakeError, match=r"part\.parquet"):
        decode_metadata(raw, lake.day_path(UM, DAY), 1)


def test_a_damaged_file_is_named(lake):
    path = store(lake, columns(1000)).path
    whole = path.read_bytes()
    path.write_bytes(whole[: len(whole) // 2])
    with pytest.raises(LakeError, match=r"cannot be read.*download it again"):
        lake.days(UM)
    flipped = bytearray(whole)
    flipped[200] ^= 1  # one bit inside a page
    path.write_bytes(flipped)
    with pytest.raises(LakeError, match=r"cannot be decoded"):
        read(lake)


def test_a_strangers_file_is_named(lake):
    path = lake.day_path(UM, DAY)
    path.parent.mkdir(parents=True)
    pq.write_table(pa.table({"id": [1]}), path)
    with pytest.raises(LakeError, match="did not write"):
        lake.days(UM)


def test_a_file_moved_by_hand_is_named(lake):
    info = store(lake)
    other = lake.day_path(UM, DAY + dt.timedelta(days=1))
    other.parent.mkdir()
    info.path.rename(other)
    with pytest.raises(LakeError, match="moved there by hand"):
        lake.days(UM)


def test_a_lake_that_cannot_be_written(tmp_path):
    (tmp_path / "file").write_text("not a folder")
    with pytest.raises(LakeError, match="cannot be written"):
        store(Lake(tmp_path / "file"))


def test_units_are_the_finest_of_all_days(lake):
    first, second = days(2)
    store(lake, date=first, price_decimals=1, tick_decimals=1, qty_decimals=0)
    store(lake, date=second, price_decimals=3, tick_decimals=2, qty_decimals=2)
    found = resolve_instrument(lake, UM, [first])
    assert (found.price_decimals, found.qty_decimals) == (3, 2)
    assert (found.tick_size, found.lot_size, found.source) == (10, 1, "inferred")


def test_a_known_tick_wins_over_the_trades(lake):
    tape = TapeId("binance", MarketType.UM, Kind.AGG_TRADES, "BTCUSDT")
    store(lake, tape=tape, price_decimals=2, tick_decimals=0, qty_decimals=1)
    found = resolve_instrument(lake, tape, [DAY])
    assert (found.price_decimals, found.qty_decimals) == (2, 3)
    assert (found.tick_size, found.lot_size, found.source) == (10, 1, "shipped")
    assert found.min_notional == Decimal(100)


def test_an_instrument_without_days(lake):
    with pytest.raises(LakeError, match="orderflow-bt download ABCUSDT"):
        resolve_instrument(lake, UM, [DAY])


GOLDEN = Path(__file__).parent.parent / "golden" / "day-v1.parquet"


def test_schema_version_1_stays_readable(lake):
    path = lake.day_path(UM, DAY)
    path.parent.mkdir(parents=True)
    path.write_bytes(GOLDEN.read_bytes())
    info = lake.day(UM, DAY)
    assert info == replace(day_info(lake), bytes=path.stat().st_size)
    trades, _ = read(lake)
    assert trades[2].tolist() == columns()[1].tolist()
