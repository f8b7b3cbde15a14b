"""Cleaning and counting against their twin."""

from __future__ import annotations

import datetime as dt

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from naive_quality import naive_quality

from orderflow_bt.archive import ParsedDay
from orderflow_bt.errors import MalformedError
from orderflow_bt.ingest.clean import clean_day
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


@settings(max_examples=400, deadline=None)
@given(st.lists(rows, min_size=1, max_size=25), tapes, st.sampled_from([1, 2]))
def test_counts_and_kept_rows(rows, tape, decimals):
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
    parsed = ParsedDay(np.array(rows, np.int64).T.copy(), decimals, 3, 1, "ms", header=False)
    if counts["outside_day"] == len(kept):
        with pytest.raises(MalformedError):
            clean_day(parsed, tape, DAY, "test.zip")
        return
    assume(kept)
    columns, quality = clean_day(parsed, tape, DAY, "test.zip")
    assert columns.T.tolist() == [list(row) for row in kept]
    found = {name: getattr(quality, name) for name in counts if name != "max_time_gap"}
    assert found == {name: count for name, count in counts.items() if name != "max_time_gap"}
    assert quality.max_time_gap_us == 1000 * counts["max_time_gap"]
    assert (quality.rows, quality.first_id, quality.last_id) == (len(kept), kept[0][0], kept[-1][0])
    assert len(quality.gap_list) == quality.gaps
    assert len(quality.quarantined) == quality.conflicts
