"""Random tapes for twins and properties: bursts, jumps, one-sided runs, silences, lost trades."""

from __future__ import annotations

import hypothesis.strategies as st
import numpy as np

from orderflow_bt.types import SECOND_US, Trades

SIZES = (SECOND_US, 60 * SECOND_US)
COLUMNS = (np.int64, np.int64, np.int64, np.int64, np.int8, np.int32)

_steps = st.one_of(
    st.just(0),  # a burst: the same microsecond
    st.integers(1, 300_000),
    st.sampled_from([SECOND_US, SECOND_US - 1, 60 * SECOND_US, 95 * SECOND_US]),  # to the border
)
_moves = st.one_of(
    st.integers(-2, 2), st.integers(-40, 40), st.sampled_from([0] * 20 + [-5_000, 5_000])
)
_holes = st.sampled_from([1] * 12 + [2, 40])


@st.composite
def tapes(draw, max_trades=60):
    """A list of (id, time, price, qty, side, fills), in order."""
    sides = st.sampled_from(draw(st.sampled_from([(1, -1), (1,), (-1,), (1, 1, 1, -1)])))
    number, time, price = 7, draw(st.integers(0, 10**8)), draw(st.integers(-50, 10_000))
    rows = []
    for _ in range(draw(st.integers(0, max_trades))):
        qty, fills = draw(st.integers(0, 9)), draw(st.integers(1, 4))
        rows.append((number, time, price, qty, draw(sides), fills))
        number += draw(_holes)
        time += draw(_steps)
        price += draw(_moves)
    return rows


def as_trades(rows):
    """The same tape as columns."""
    columns = list(zip(*rows, strict=True)) if rows else [()] * len(COLUMNS)
    return Trades(*(np.array(c, dtype=d) for c, d in zip(columns, COLUMNS, strict=True)))
