"""Cleaning and counting against their twin."""

from __future__ import annotations

import datetime as dt
import tempfile
from decimal import Decimal
from pathlib import Path

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from naive_quality import naive_quality

from orderflow_bt.errors import MalformedError
from orderflow_bt.ingest.rows import SortedRows
from orderflow_bt.ingest.shelf import Units
from orderflow_bt.ingest.stream import DayFacts, FileForm, write_sorted
from orderflow_bt.kernels.parse import PRICE, QTY
from orderflow_bt.types import Kind, MarketType, TapeId

DAY = dt.date(2024, 1, 1)
START = 1_704_067_200_000
END = START + 86_400_000


rows = st.one_of(
    st.builds(
        lambda number, price, qty, first, fills, *rest: (
            (number, price, qty, first, first + fills, *rest)
        ),
        st.integers(1, 30),
        st.integers(0, 40),
        st.integers(0, 3),
        st.integers(1, 40),
        st.integers(0, 5),
        st.integers(START - 3, START + 50) | st.integers(END - 3, END + 3),
        st.sampled_from([-1, 1]),
    ),
    st.builds(
        lambda n, t: (n, 0, 0, -1, -1, t, 1), st.integers(1, 30), st.integers(START, START + 9)
    ),
)
tapes = st.builds(
    lambda market, kind: TapeId("binance", market, kind, "BTCUSDT"),
    st.sampled_from([MarketType.SPOT, MarketType.UM]),
    st.sampled_from(list(Kind)),
)


def cleaned(columns, decimals, facts, sizes):
    """The rows to store, in the units they came in, and their record.

    They come in pieces, and are sorted in runs and packed in blocks of these ``sizes``.
    """
    piece, block, run = sizes
    found = []
    with (
        tempfile.TemporaryDirectory() as folder,
        SortedRows(Path(folder), run_rows=run, block_rows=block, least_run=piece) as laid,
    ):
        for start in range(0, columns.shape[1], piece):
            laid.add(columns[:, start : start + piece], Units(decimals, 3, "ms"), facts.date)
        day = write_sorted(
            laid.of(facts.date), facts, FileForm(header=False), lambda c: found.append(c.copy())
        )
    columns = np.concatenate(found, axis=1)
    columns[PRICE] *= 10 ** (decimals - day.price_decimals)
    columns[QTY] *= 10 ** (3 - day.qty_decimals)
    return columns, day.quality


@settings(max_examples=400, deadline=None)
@given(
    st.lists(rows, min_size=1, max_size=25),
    tapes,
    st.sampled_from([1, 2]),
    st.tuples(st.integers(1, 30), st.integers(1, 9), st.integers(1, 30)),
)
def test_counts_and_kept_rows(rows, tape, decimals, sizes):
    # BTCUSDT's tick on that day: 0.1 on the futures market, 0.01 on spot.
    tick_decimals = 1 if tape.market is MarketType.UM else 2
    tick = 10 ** max(0, decimals - tick_decimals)
    kept, counts = naive_quality(
        rows,
        aggregate=tape.kind is Kind.AGG_TRADES,
        continuous_ids=tape.kind is Kind.AGG_TRADES or tape.market is MarketType.SPOT,
        continuous_fills=tape.kind is Kind.AGG_TRADES and tape.market is MarketType.SPOT,
        tick=tick,
        day=(START, END),
    )
    facts = DayFacts(tape, DAY, "test.zip", Decimal(1).scaleb(-tick_decimals))
    columns = np.array(rows, np.int64).T.copy()
    if counts["outside_day"] == len(kept):
        with pytest.raises(MalformedError):
            cleaned(columns, decimals, facts, sizes)
        return
    assume(kept)
    columns, quality = cleaned(columns, decimals, facts, sizes)
    assert columns.T.tolist() == [list(row) for row in kept]
    found = {name: getattr(quality, name) for name in counts if name != "max_time_gap"}
    assert found == {name: count for name, count in counts.items() if name != "max_time_gap"}
    assert quality.max_time_gap_us == 1000 * counts["max_time_gap"]
    assert (quality.rows, quality.first_id, quality.last_id) == (len(kept), kept[0][0], kept[-1][0])
    assert len(quality.gap_list) == quality.gaps
    assert len(quality.quarantined) == quality.conflicts
