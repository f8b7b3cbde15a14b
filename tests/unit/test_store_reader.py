"""Row groups decoded on two threads come in order, with one clock through them all."""

from __future__ import annotations

import datetime as dt
import gc
import itertools
import random
import threading
import time
import weakref

import numpy as np
import pytest
from archive_days import DAY, DAY_MS, UM, agg_rows, csv_text, put_day

from orderflow_bt.archive import open_source
from orderflow_bt.errors import LakeError
from orderflow_bt.ingest import download
from orderflow_bt.store import Lake
from orderflow_bt.store.ahead import ROWS, Work, read_ahead


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


def work(number, log, rows=1):
    """Work of two halves, of which a log tells; its result is its number."""

    def half(which):
        time.sleep(0.002 * ((number + which) % 3))
        log.append(("done", number))

    return Work(
        rows,
        tuple((lambda which=which: half(which)) for which in (0, 1)),
        lambda: (log.append(("result", number)), number)[1],
    )


def test_order_is_kept_whichever_thread_is_faster():
    log = []
    assert list(read_ahead((work(n, log) for n in range(30)), 2)) == list(range(30))
    for number in range(30):
        assert log.index(("result", number)) > max(
            at for at, entry in enumerate(log) if entry == ("done", number)
        )


@pytest.mark.parametrize("rows", [1, 400_000, ROWS // 2, ROWS, 3 * ROWS])
def test_no_more_is_read_ahead_than_there_is_memory_for(rows):
    begun = []

    def works():
        for number in range(40):
            begun.append(number)  # before it is begun
            yield work(number, [], rows)

    room = max(1, min(4, ROWS // rows))
    for number in read_ahead(works(), 2):
        assert len(begun) - 1 - number <= room + 1  # one more was looked at, and not begun
    assert len(begun) == 40


def test_a_small_piece_does_not_keep_a_large_one_from_being_read_ahead():
    begun = []
    large, small = 1 << 20, 400_000

    def works():
        for number in range(6):
            begun.append(number)
            yield work(number, [], small if number % 2 else large)

    reading = read_ahead(works(), 2)
    assert next(reading) == 0
    assert begun == [0, 1, 2, 3]  # while the first is used, a small and a large one are read


def test_reading_that_is_given_up_stops_decoding():
    log = []
    reading = read_ahead((work(n, log) for n in itertools.count()), 2)
    assert [next(reading), next(reading)] == [0, 1]
    reading.close()
    assert len({number for _, number in log}) <= 7
    assert not any(thread.name.startswith("decode") for thread in threading.enumerate())


def test_what_was_read_is_held_by_nobody_but_who_uses_it(lake):
    lake, _ = lake
    reading = lake.read(UM, DAY, 1, 3)
    first = weakref.ref(next(reading).id.base)
    for _ in range(2):
        next(reading)
    gc.collect()
    assert first() is None
    reading.close()


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
