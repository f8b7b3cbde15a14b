"""Zips and addresses as they come from outside: whole, damaged, strange, hostile."""

from __future__ import annotations

import io
import zipfile

import pytest
from archive_days import DAY, SPOT, UM, agg_rows, csv_text, day_path, put_day, zip_bytes

from orderflow_bt.archive import exchange, open_source, zipped
from orderflow_bt.archive.folder import FolderSource
from orderflow_bt.archive.http import HttpSource
from orderflow_bt.errors import (
    ChecksumError,
    MalformedError,
    MissingDayError,
    UnsupportedError,
    UsageError,
)
from orderflow_bt.types import Kind, MarketType, TapeId

TEXT = csv_text(agg_rows())


def read(tmp_path, raw, tape=UM):
    path = tmp_path / "day.zip"
    path.write_bytes(raw)
    return exchange("binance").read_day([path], tape, "day.zip")


def packed(text, method=zipfile.ZIP_DEFLATED, name="day.csv"):
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", method) as archive:
        archive.writestr(name, text)
    return buffer.getvalue()


def test_a_member_that_is_stored_not_packed(tmp_path):
    assert read(tmp_path, packed(TEXT, zipfile.ZIP_STORED)).rows == 50


@pytest.mark.parametrize("block_bytes", [1, 2, 63, 4096])
@pytest.mark.parametrize("method", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED])
def test_blocks_of_any_size_join_to_the_text(tmp_path, block_bytes, method):
    path = tmp_path / "day.zip"
    path.write_bytes(packed(TEXT, method))
    blocks = list(zipped.open_csv(path, "day.zip").blocks(block_bytes))
    assert b"".join(blocks).decode() == TEXT
    assert max(map(len, blocks)) <= block_bytes


@pytest.mark.parametrize(
    ("raw", "words"),
    [
        (b"", "not a whole zip"),
        (b"<html>blocked</html>", "not a whole zip"),
        (packed(TEXT)[:-30], "not a whole zip"),
        (packed(TEXT, name="day.txt"), "holds 0"),
        (packed(TEXT, name="folder/day.csv"), "holds 0"),
        (zip_bytes(("a.csv", "1"), ("b.csv", "2")), "holds 2"),
        (packed(TEXT, zipfile.ZIP_BZIP2), "method 12"),
    ],
)
def test_what_is_no_zip_of_one_csv_is_refused(tmp_path, raw, words):
    with pytest.raises(MalformedError, match=words):
        read(tmp_path, raw)


def test_a_wrong_crc_is_noticed(tmp_path):
    raw = bytearray(packed(TEXT, zipfile.ZIP_STORED))
    raw[raw.index(b"100.0") + 2] ^= 1
    with pytest.raises(MalformedError, match="size and CRC"):
        read(tmp_path, bytes(raw))


def test_a_damaged_stream_is_noticed(tmp_path):
    raw = bytearray(packed(TEXT))
    raw[60:90] = bytes(30)
    with pytest.raises(MalformedError):
        read(tmp_path, bytes(raw))


def test_a_bomb_is_not_lit(tmp_path):
    with pytest.raises(MalformedError, match="would inflate"):
        read(tmp_path, packed("0" * (20 << 20)))


def test_a_member_larger_than_declared_is_cut_off(tmp_path):
    raw = bytearray(packed(TEXT))
    directory = raw.rindex(b"PK\x01\x02")
    raw[directory + 24 : directory + 28] = (100).to_bytes(4, "little")
    with pytest.raises(MalformedError, match="size and CRC"):
        read(tmp_path, bytes(raw))


def spot_rows(times, maker="True"):
    return "".join(
        f"{n},0.10000000,2.50000000,{n},{n},{time},{maker},True\n"
        for n, time in enumerate(times, 1)
    )


@pytest.mark.parametrize(
    ("times", "unit"),
    [([1704067200000], "ms"), ([1735689600000000], "us"), ([10**11, 10**14 - 1], "ms")],
)
def test_the_unit_is_told_by_magnitude_alone(tmp_path, times, unit):
    parsed = read(tmp_path, packed(spot_rows(times)), SPOT)
    assert (parsed.time_unit, parsed.header) == (unit, False)
    assert (parsed.price_decimals, parsed.qty_decimals, parsed.tick_decimals) == (1, 1, 1)


@pytest.mark.parametrize(
    ("times", "words"),
    [
        ([1704067200000, 1704067200000000], "are mixed.*row 2"),
        ([1704067200000000, 1704067200000], "are mixed.*row 2"),
        ([1704067200], "neither in milliseconds nor"),
        ([1704067200000000000], "neither in milliseconds nor"),
    ],
)
def test_mixed_or_other_units_are_refused(tmp_path, times, words):
    with pytest.raises(MalformedError, match=words):
        read(tmp_path, packed(spot_rows(times)), SPOT)


def test_columns_are_found_by_name_in_any_order(tmp_path):
    text = (
        "\ufeffis_buyer_maker,transact_time,quantity,price,last_trade_id,first_trade_id,"
        "agg_trade_id\r\nFALSE,1704067200000,2,30.50,9,8,7\r\n"
    )
    parsed = read(tmp_path, packed(text))
    assert parsed.columns[:, 0].tolist() == [7, 305, 2, 8, 9, 1704067200000, 1]
    assert parsed.header


@pytest.mark.parametrize(
    ("header", "row"),
    [
        ("id,price,qty,quote_qty,time,is_buyer_maker", "7,30.5,2,61,1704067200000,true"),
        ("id,price,qty,base_qty,time,is_buyer_maker", "7,30.5,2,6e-1,1704067200000,true"),
        ("", "7,30.50000000,2.00000000,61.00000000,1704067200000,True,True"),
        ("", "7,30.5,2,61,1704067200000,true"),
    ],
)
def test_single_trades_of_every_era(tmp_path, header, row):
    tape = TapeId("binance", MarketType.UM, Kind.TRADES, "ABCUSDT")
    text = f"{header}\n{row}\n" if header else row + "\n"
    parsed = read(tmp_path, packed(text), tape)
    assert parsed.columns[:, 0].tolist() == [7, 305, 2, 0, 0, 1704067200000, -1]


@pytest.mark.parametrize("row", ["1,2,3", "1,2,3,4,5,6,7,8,9"])
def test_a_headerless_file_of_another_width_is_refused(tmp_path, row):
    with pytest.raises(MalformedError, match="columns without names"):
        read(tmp_path, packed(row + "\n"))


def test_a_row_without_end_is_refused(tmp_path):
    text = TEXT + "".join(str(n) for n in range(300_000))
    with pytest.raises(MalformedError, match="longer than any row"):
        read(tmp_path, packed(text))


def test_units_grow_and_their_overflow_is_noticed(tmp_path):
    rows = "1,9223372036854775,1,1,1,1704067200000,true\n2,0.0001,1,2,2,1704067200000,true\n"
    with pytest.raises(MalformedError, match="64 bits"):
        read(tmp_path, packed(rows))
    fits = rows.replace("0.0001", "0.001")
    assert read(tmp_path, packed(fits)).columns[1].tolist() == [9223372036854775000, 1]


def test_stray_prices_do_not_hide_the_tick(tmp_path):
    rows = [(*row[:1], "100.5", *row[2:]) for row in agg_rows(count=2000)]
    rows[7] = (*rows[7][:1], "100.123", *rows[7][2:])
    parsed = read(tmp_path, packed(csv_text(rows)))
    assert (parsed.price_decimals, parsed.tick_decimals) == (3, 1)


def test_checksum_texts():
    binance = exchange("binance")
    path = day_path(UM, DAY)
    name = path.rsplit("/", 1)[-1]
    assert binance.expected_sha256(f"{'A' * 64}  {name}\n", path) == "a" * 64
    for text in ("", "a" * 64, f"{'a' * 63}  {name}", f"{'a' * 64}  other.zip", "<html>"):
        with pytest.raises(ChecksumError):
            binance.expected_sha256(text, path)


def test_paths_of_every_market():
    binance = exchange("binance")
    for market, folder in (("spot", "spot"), ("um", "futures/um"), ("cm", "futures/cm")):
        tape = TapeId("binance", MarketType(market), Kind.TRADES, "X")
        assert binance.day_paths(tape, DAY) == [
            f"data/{folder}/daily/trades/X/X-trades-2024-01-01.zip"
        ]


def test_an_unknown_exchange():
    with pytest.raises(UnsupportedError, match="binance"):
        exchange("bybit")


def test_sources(tmp_path):
    with pytest.raises(UsageError, match="no data/"):
        open_source(str(tmp_path))
    with pytest.raises(UsageError, match="cannot be fetched"):
        open_source("ftp://example.org/x")
    put_day(tmp_path)
    assert isinstance(open_source(str(tmp_path)), FolderSource)
    assert isinstance(open_source(tmp_path.as_uri()), FolderSource)
    http = open_source("https://example.org/mirror/")
    assert isinstance(http, HttpSource)
    assert http.url == "https://example.org/mirror"


def test_a_folder_gives_its_own_file(tmp_path):
    path = put_day(tmp_path)
    source = open_source(str(tmp_path))
    seen = []
    fetched = source.fetch(day_path(UM, DAY), tmp_path / "unused", seen.append)
    assert (fetched.path, sum(seen)) == (path, path.stat().st_size)
    assert not (tmp_path / "unused").exists()
    with pytest.raises(MissingDayError):
        source.fetch(day_path(SPOT, DAY), tmp_path / "unused", seen.append)
    assert source.read_text("data/none") is None
