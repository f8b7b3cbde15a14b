"""However the rows of a day are shuffled and repeated in its file, the same day is stored."""

from __future__ import annotations

import datetime as dt
import tempfile
from pathlib import Path

import pyarrow.parquet as pq
from archive_days import DAY, SPOT, csv_text, put_day
from hypothesis import given, settings
from hypothesis import strategies as st

from orderflow_bt.archive import open_source
from orderflow_bt.ingest import download, import_files
from orderflow_bt.store import Lake

START_MS = 1_704_067_200_000
# Few ids, so that many rows share one; some blanked, some of the next day.
rows = st.lists(
    st.builds(
        lambda number, price, qty, fills, time, maker: (
            (number, price, qty, 10 * number, 10 * number + fills, START_MS + time, maker)
            if fills >= 0
            else (number, "0", "0", -1, -1, START_MS + time, maker)
        ),
        st.integers(1, 12),
        st.sampled_from(["100.5", "100.25", "99", "100.50"]),
        st.sampled_from(["1", "0.125", "0"]),
        st.integers(-1, 3),
        st.integers(0, 5) | st.integers(86_400_000, 86_400_003),
        st.sampled_from(["true", "false", "True"]),
    ),
    min_size=2,
    max_size=25,
)
# The exchange's own trade, so that the day holds at least one.
SURE = (13, "100.5", "1", 130, 130, START_MS, "true")


def stored(rows):
    with tempfile.TemporaryDirectory() as folder:
        put_day(Path(folder), SPOT, text=csv_text(rows, ""))
        (result,) = download(
            Lake(Path(folder) / "lake"),
            SPOT,
            [DAY],
            open_source(folder),
            now=dt.datetime(2024, 6, 1, tzinfo=dt.UTC),
        )
        assert result.info is not None, result.error
        return pq.read_table(result.info.path).to_pydict(), result.info.quality


@settings(max_examples=60, deadline=None)
@given(rows, st.randoms(use_true_random=False), st.integers(0, 3))
def test_shuffled_and_repeated_rows_give_the_same_day(rows, random, repeats):
    rows = [*rows, SURE]
    disordered = rows + [random.choice(rows) for _ in range(repeats * len(rows))]
    random.shuffle(disordered)
    plain, plain_quality = stored(rows)
    table, quality = stored(disordered)
    assert table == plain
    for name in ("rows", "gaps", "missing_ids", "missing_fills", "gap_list", "zero_quantity"):
        assert getattr(quality, name) == getattr(plain_quality, name), name


@settings(max_examples=40, deadline=None)
@given(rows, st.randoms(use_true_random=False), st.integers(1, 4))
def test_rows_split_into_files_give_the_same_day(rows, random, files):
    rows = [row for row in [*rows, SURE] if row[5] < START_MS + 86_400_000]
    plain, plain_quality = stored(rows)
    dealt = [[] for _ in range(files)]
    for row in [*rows, *random.sample(rows, len(rows) // 2)]:
        random.choice(dealt).append(row)
    with tempfile.TemporaryDirectory() as folder:
        paths = []
        for number, part in enumerate(dealt):
            if part:
                paths.append(Path(folder) / f"part{number}.csv")
                paths[-1].write_text(csv_text(part, ""))
        (result,) = import_files(Lake(Path(folder) / "lake"), SPOT, paths)
        assert result.info is not None, result.error
        assert pq.read_table(result.info.path).to_pydict() == plain
        for name in ("rows", "gaps", "missing_ids", "missing_fills", "zero_quantity"):
            assert getattr(result.info.quality, name) == getattr(plain_quality, name), name
