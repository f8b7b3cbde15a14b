"""Row groups decoded on two threads come in order, with one clock through them all."""

from __future__ import annotations

import datetime as dt
import itertools
import random
import threading
import time

import numpy as np
import pytest
from archive_days import DAY, DAY_MS, UM, agg_rows, csv_text, put_day

from orderflow_bt.archive import open_source
from orderflow_bt.errors import LakeError
from orderflow_bt.ingest import download
from orderflow_bt.store import Lake
from orderflow_bt.store.reader import read_ahead


@pytest.fixture
def lake(tmp_path, monkeypatch):
    monkeypatch.setattr("orderflow_bt.store.writer.ROW_GROUP_ROWS", 7)
    monkeypatch.setattr("orderflow_bt.store.decoded.PIECE_ROWS", 7)
    rng = random.Random(5)
    rows = [
        (*row[:5], row[5] - rng.choice([0, 0, 0, 9000, 30_000]), row[6])
        for row in agg_rows(count=200)
    ]
    rows = [(*row[:5], max(row[5], DAY_MS), row[6]) for row in rows]
    put_day(tmp_path, text=csv_text(rows))
    lake = Lake(tmp_path / "lake")
    now = dt.datetime(2024, 6, 1, tzinfo=dt.UTC)
    (result,) = download(lake, UM, [DAY], open_source(str(tmp_path)), now=now)
    assert result.info.quality.out_of_order > 20
    return lake, rows


def test_one_clock_runs_through_all_row_groups(lake):
    lake, rows = lake
    chunks = list(lake.read(UM, DAY, 1, 3))
    assert len(chunks) == 29
    assert np.concatenate([c.id for c in chunks]).tolist() == list(range(1, 201))
    clock = np.maximum.accumulate([row[5] for row in rows]) * 1000
    assert np.concatenate([c.time for c in chunks]).tolist() == clock.tolist()


def test_order_is_kept_whichever_thread_is_faster():
    def decoder(number):
        time.sleep(0.002 * (number % 3))
        return number

    decoders = ((lambda n=n: decoder(n)) for n in range(30))
    assert list(read_ahead(decoders, 2)) == list(range(30))


def test_reading_that_is_given_up_stops_decoding():
    begun = []

    def decoder(number):
        begun.append(number)
        return number

    reading = read_ahead(((lambda n=n: decoder(n)) for n in itertools.count()), 2)
    assert [next(reading), next(reading)] == [0, 1]
    reading.close()
    assert len(begun) <= 4
    assert not any(thread.name.startswith("decode") for thread in threading.enumerate())


def test_a_row_group_that_is_damaged_is_named_after_those_before_it(lake):
    lake, _ = lake
    path = lake.day_path(UM, DAY)
    raw = bytearray(path.read_bytes())
    middle = len(raw) // 2
    raw[middle - 300 : middle] = bytes(300)
    path.write_bytes(bytes(raw))
    read = []
    with pytest.raises(LakeError, match="cannot be decoded"):
        read.extend(trades.rows for trades in lake.read(UM, DAY, 1, 3))
    assert 0 < len(read) < 29
