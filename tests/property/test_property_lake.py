"""Any day stored is the day read, in any units and any chunks, and from any two blocks of bytes."""

from __future__ import annotations

import datetime as dt
import tempfile
from pathlib import Path

import numpy as np
from archive_days import DAY, UM, csv_text, put_day
from hypothesis import given, settings
from hypothesis import strategies as st

from orderflow_bt.archive import open_source
from orderflow_bt.ingest import download
from orderflow_bt.store import Lake

START_MS = 1_704_067_200_000

trades = st.lists(
    st.tuples(
        st.integers(1, 10**6),  # price in 0.01
        st.integers(0, 10**9),  # quantity in 0.001
        st.integers(0, 5),  # fills after the first
        st.integers(-2, 100),  # milliseconds after the trade before
        st.booleans(),
    ),
    min_size=1,
    max_size=60,
)


@settings(max_examples=60, deadline=None)
@given(
    trades, st.randoms(use_true_random=False), st.integers(1, 70), st.integers(0, 3), st.booleans()
)
def test_what_is_archived_is_what_is_read(trades, random, chunk_rows, finer, repeat):
    rows = []
    time = START_MS + 10_000
    for number, (price, qty, fills, wait, maker) in enumerate(trades, 1):
        time = max(START_MS, time + wait)
        text = (f"{price // 100}.{price % 100:02}", f"{qty // 1000}.{qty % 1000:03}")
        rows.append((number, *text, 10 * number, 10 * number + fills, time, str(maker).lower()))
    shuffled = rows + rows[: len(rows) // 2] * repeat
    random.shuffle(shuffled)
    with tempfile.TemporaryDirectory() as folder:
        put_day(Path(folder), text=csv_text(shuffled))
        lake = Lake(Path(folder) / "lake")
        (result,) = download(
            lake, UM, [DAY], open_source(folder), now=dt.datetime(2024, 6, 1, tzinfo=dt.UTC)
        )
        info = result.info
        assert info is not None, result.error
        assert info.quality.duplicates == repeat * (len(rows) // 2)
        decimals = (info.price_decimals + finer, info.qty_decimals + finer)
        chunks = list(lake.read(UM, DAY, *decimals, chunk_rows))
    read = [np.concatenate(column).tolist() for column in zip(*chunks, strict=True)]
    assert read[0] == [row[0] for row in rows]
    clock = np.maximum.accumulate([row[5] for row in rows])
    assert read[1] == (clock * 1000).tolist()
    assert [price * 100 for price in read[2]] == [t[0] * 10 ** decimals[0] for t in trades]
    assert [qty * 1000 for qty in read[3]] == [t[1] * 10 ** decimals[1] for t in trades]
    assert read[4] == [-1 if t[4] else 1 for t in trades]
    assert read[5] == [t[2] + 1 for t in trades]
    assert info.quality.out_of_order == sum(
        row[5] < highest for row, highest in zip(rows, clock.tolist(), strict=True)
    )
