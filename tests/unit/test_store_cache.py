"""Decoded days beside the lake: the same trades, never wrong ones, never in the way."""

from __future__ import annotations

import datetime as dt
import logging
import os
import resource
import signal
import struct
import threading
from contextlib import contextmanager

import numpy as np
import pytest
from archive_days import DAY, UM, agg_rows, csv_text, days, put_day

from orderflow_bt.archive import open_source
from orderflow_bt.errors import LakeError
from orderflow_bt.ingest import download
from orderflow_bt.store import Lake, arrays, cache, decoded

NOW = dt.datetime(2024, 6, 1, tzinfo=dt.UTC)
ROWS = 700
DATES = days(3)


@pytest.fixture
def lake(tmp_path, monkeypatch):
    """Three days of 700 trades in row groups of 130, mapped in pieces of 256."""
    monkeypatch.setattr("orderflow_bt.store.writer.ROW_GROUP_ROWS", 130)
    monkeypatch.setattr(decoded, "PIECE_ROWS", 256)
    for number, date in enumerate(DATES):
        rows = agg_rows(date, ROWS, first_id=1 + number * ROWS)
        put_day(tmp_path, date=date, text=csv_text(rows))
    lake = Lake(tmp_path / "lake")
    results = download(lake, UM, DATES, open_source(str(tmp_path)), now=NOW)
    assert {result.status for result in results} == {"stored"}
    return lake


def columns(lake, dates=DATES, price=1, qty=3, *, keep=False):
    pieces = list(lake.read_pieces(UM, dates, price, qty, keep=keep))
    for piece in pieces:
        twin = decoded.with_blocks(piece.trades, piece.day, piece.first)
        assert piece.first % 256 == 0
        assert piece.trades.rows == min(256, ROWS - piece.first)
        assert np.array_equal(piece.lows, twin.lows)
        assert np.array_equal(piece.highs, twin.highs)
    return [
        (column.dtype.str, column.tobytes())
        for column in map(np.concatenate, zip(*(p.trades for p in pieces), strict=True))
    ]


def kept(lake):
    return sorted(lake.cache.folder.glob("days/*.arrays"))


def without(lake):
    return Lake(lake.root, cache_limit=0)


def test_a_kept_day_is_mapped_and_the_same(lake, monkeypatch):
    plain = columns(without(lake))
    assert columns(lake) == plain
    assert kept(lake) == []  # reading alone keeps nothing
    assert columns(lake, keep=True) == plain
    assert len(kept(lake)) == 3
    assert not list(lake.cache.folder.rglob("*.part"))
    monkeypatch.setattr(decoded, "row_groups", None)  # nothing is decoded any more
    assert columns(lake) == plain
    assert columns(lake, keep=True) == plain
    chunks = list(lake.read(UM, DAY, 1, 3, chunk_rows=100))
    assert [chunk.rows for chunk in chunks] == [100, 100, 56, 100, 100, 56, 100, 88]


def test_other_units_are_another_file_and_coarse_ones_still_refused(lake):
    columns(lake, keep=True)
    fine = columns(lake, price=3, qty=4, keep=True)
    assert fine == columns(without(lake), price=3, qty=4)
    assert len(kept(lake)) == 6
    with pytest.raises(LakeError, match="decimals"):
        columns(lake, price=0)


def test_a_day_stored_anew_is_decoded_anew(lake, tmp_path):
    columns(lake, keep=True)
    rows = agg_rows(DAY, ROWS)
    rows[5] = (*rows[5][:2], "0.777", *rows[5][3:])
    put_day(tmp_path, text=csv_text(rows))
    lake.day_path(UM, DAY).unlink()
    download(lake, UM, [DAY], open_source(str(tmp_path)), now=NOW)
    assert 777 in np.frombuffer(columns(lake)[3][1], np.int64)


def test_nobody_can_write_to_the_columns_and_kernels_compile_for_one_type(lake):
    for keep in (True, False):  # decoded, then mapped
        for piece in lake.read_pieces(UM, [DAY], 1, 3, keep=keep):
            assert not any(c.flags.writeable for c in (*piece.trades, piece.lows, piece.highs))


def test_what_is_mapped_of_a_file_is_never_written_back(lake):
    columns(lake, keep=True)
    with arrays.ArrayFile(kept(lake)[0]) as file:
        file.map("price")[:] = 0
        file.check()
    assert columns(lake) == columns(without(lake))


def test_pieces_of_a_kept_day_reach_back_in_the_same_memory(lake, monkeypatch):
    monkeypatch.setattr(decoded, "REACH", 128)
    columns(lake, keep=True)
    pieces = list(lake.read_pieces(UM, [DAY], 1, 3))
    assert [piece.first - piece.longer.first for piece in pieces] == [0, 128, 128]
    for piece in pieces:
        longer, before = piece.longer, piece.first - piece.longer.first
        assert all(map(np.shares_memory, piece.trades, longer.trades))
        assert longer.trades.slice(before, None).id.tolist() == piece.trades.id.tolist()
        twin = decoded.with_blocks(longer.trades, DAY, longer.first)
        assert np.array_equal(longer.lows, twin.lows)
        assert np.array_equal(longer.highs, twin.highs)


def test_a_footer_is_read_once_until_the_file_changes(lake, monkeypatch):
    first = lake.day(UM, DAY)
    with monkeypatch.context() as patch:
        patch.setattr("orderflow_bt.store.lake.read_footer", None)
        assert lake.day(UM, DAY) is first
    path = lake.day_path(UM, DAY)
    path.write_bytes(path.read_bytes())
    assert lake.day(UM, DAY) is not first
    assert lake.day(UM, DAY) == first
    path.unlink()
    assert lake.day(UM, DAY) is None


def cut(path):
    path.write_bytes(path.read_bytes()[:-100])


def cut_arrays(path):
    raw = path.read_bytes()
    path.write_bytes(raw[4096:])


def flip_description(path):
    raw = bytearray(path.read_bytes())
    raw[-60] ^= 4
    path.write_bytes(raw)


def flip_value(path):
    raw = bytearray(path.read_bytes())
    raw[4096 * 2 + 8] ^= 1
    path.write_bytes(raw)


def other_version(path):
    raw = bytearray(path.read_bytes())
    raw[-16:-12] = struct.pack("<I", arrays.LAYOUT + 1)
    path.write_bytes(raw)


def empty(path):
    path.write_bytes(b"")


def another_days(path):
    """Whole, and under this one's name."""
    path.write_bytes(sorted(path.parent.glob("*.arrays"))[2].read_bytes())


@pytest.mark.parametrize(
    "damage",
    [cut, cut_arrays, flip_description, flip_value, other_version, empty, another_days],
)
@pytest.mark.parametrize("stamped", [True, False])
def test_a_damaged_file_is_made_again(lake, damage, stamped):
    plain = columns(lake, keep=True)
    path = kept(lake)[1]
    whole = path.read_bytes()
    damage(path)
    assert path.read_bytes() != whole
    if stamped:  # by whoever hides that it was written to: what is left are size and description
        if damage is flip_value:
            with arrays.ArrayFile(_stamp(path)) as file, pytest.raises(arrays.DamagedError):
                file.check()  # told only by who reads it whole
            return
        _stamp(path)
    assert columns(lake, keep=True) == plain
    assert path.read_bytes() == whole


def _stamp(path):
    os.utime(path, (arrays.STAMP, arrays.STAMP))
    return path


@contextmanager
def small_disk(size):
    """No file can grow beyond ``size`` bytes."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    handler = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
        signal.signal(signal.SIGXFSZ, handler)


def test_a_full_disk_is_said_once_and_reading_goes_on(lake, caplog):
    plain = columns(without(lake))
    with small_disk(9000), caplog.at_level(logging.WARNING):
        assert columns(lake, keep=True) == plain
    (record,) = caplog.records
    assert "without the cache" in record.getMessage()
    assert kept(lake) == []
    assert not list(lake.cache.folder.rglob("*.part"))


def test_a_folder_that_cannot_be_made_is_said_once(lake, caplog):
    lake.cache.folder.write_text("not a folder")
    with caplog.at_level(logging.WARNING):
        assert columns(lake, keep=True) == columns(without(lake))
    (record,) = caplog.records
    assert "without the cache" in record.getMessage()


def test_reading_that_is_given_up_leaves_no_part(lake):
    reading = lake.read_pieces(UM, DATES, 1, 3, keep=True)
    next(reading)
    reading.close()
    assert kept(lake) == []
    assert not list(lake.cache.folder.rglob("*.part"))


def test_the_longest_unused_goes_first_but_not_what_is_in_use(lake):
    columns(lake, keep=True)
    size = kept(lake)[0].stat().st_size
    for age, path in enumerate(kept(lake)):
        os.utime(path, (1_000_000_000 - age, arrays.STAMP))
    oldest = kept(lake)[2]
    small = Lake(lake.root, cache_limit=3 * size + 100)
    columns(small, DATES[1:2], price=2, keep=True)  # a fourth file; the third day must go
    assert not oldest.exists()
    assert len(kept(lake)) == 3
    columns(small, keep=True)  # the first two are used now, the third does not fit beside them
    assert not oldest.exists()
    assert columns(small, price=2, keep=True) == columns(without(lake), price=2)
    assert sum(path.stat().st_size for path in kept(lake)) <= 3 * size + 100


def test_the_disk_is_never_filled(lake, monkeypatch):
    size = sum(entry.bytes for entry in lake.cache.entries()) + 1
    monkeypatch.setattr(cache.shutil, "disk_usage", lambda _: type("Usage", (), {"free": 2 * size}))
    columns(lake, keep=True)
    assert kept(lake) == []


def test_parts_of_killed_processes_are_swept(lake):
    columns(lake, keep=True)
    stale = lake.cache.folder / "days" / "x.arrays.1-2.part"
    fresh = lake.cache.folder / "days" / "y.arrays.1-2.part"
    for path in (stale, fresh):
        path.write_bytes(b"half")
    os.utime(stale, (1_000_000_000, 1_000_000_000))
    columns(Lake(lake.root), price=2, keep=True)
    assert not stale.exists()
    assert fresh.exists()


def test_two_readers_may_keep_the_same_day_at_once(lake):
    plain = columns(without(lake))
    found = []

    def read():
        found.append(columns(Lake(lake.root), keep=True))

    threads = [threading.Thread(target=read) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == [plain] * 4
    assert len(kept(lake)) == 3
    assert columns(lake) == plain


def test_clearing_deletes_everything(lake):
    columns(lake, keep=True)
    assert lake.cache.clear() > 0
    assert lake.cache.entries() == []


def test_a_lake_that_cannot_be_written_uses_the_users_folder(lake, tmp_path, monkeypatch):
    monkeypatch.setenv("ORDERFLOW_BT_CACHE_DIR", str(tmp_path / "mine"))
    monkeypatch.setattr(cache.os, "access", lambda *_: False)
    assert Lake(lake.root).cache.folder == tmp_path / "mine" / "lake"


def test_limits_are_sizes_or_off():
    assert cache.parse_limit("20GB") == 20_000_000_000
    assert cache.parse_limit("1.5 tb") == 1_500_000_000_000
    assert cache.parse_limit("500MB") == 500_000_000
    assert cache.parse_limit("off") == 0
    for text in ("", "20", "GB", "-1GB", "nanGB", "infGB", "x"):
        with pytest.raises(ValueError, match=r".*"):
            cache.parse_limit(text)
