"""Wherever the tape is cut, bars and cells are the same bytes; and nothing is lost in them."""

from __future__ import annotations

import itertools

import hypothesis.strategies as st
import numpy as np
from hypothesis import given, settings
from random_tapes import SIZES, as_trades, tapes

from orderflow_bt.flow import BarStream
from orderflow_bt.types import BarSpec


def cut_bars(rows, cuts, size, row_size, *, continuous=True):
    """Bars, and cells, of a tape fed in pieces, with the trades after the last bar closed too."""
    stream = BarStream(BarSpec("time", size), ids_are_continuous=continuous, ticks_per_row=row_size)
    trades = as_trades(rows)
    edges = [0, *sorted(cuts), trades.rows]
    batches = [stream.feed(trades.slice(a, b)) for a, b in itertools.pairwise(edges)]
    positions = [start + batch.at for start, batch in zip(edges[:-1], batches, strict=True)]
    batches.append(stream.close_until(rows[-1][1] + size if rows else 0))
    bars = np.concatenate([batch.bars for batch in batches])
    cells = np.concatenate([batch.cells for batch in batches])
    counts = np.concatenate([np.diff(batch.cell_start) for batch in batches])
    return bars, cells, counts, np.concatenate(positions)


@settings(deadline=None, max_examples=80)
@given(tapes(), st.data(), st.sampled_from(SIZES), st.sampled_from([1, 3]), st.booleans())
def test_cutting_changes_nothing(rows, data, size, row_size, continuous):
    whole = cut_bars(rows, [], size, row_size, continuous=continuous)
    cuts = data.draw(st.lists(st.integers(0, len(rows)), max_size=6))
    for pieces in (cuts, range(len(rows))):
        parts = cut_bars(rows, pieces, size, row_size, continuous=continuous)
        for one, other in zip(whole, parts, strict=True):
            assert one.tobytes() == other.tobytes()


@settings(deadline=None, max_examples=60)
@given(tapes(), st.sampled_from(SIZES), st.sampled_from([1, 3]))
def test_nothing_is_lost(rows, size, row_size):
    bars, cells, _, _ = cut_bars(rows, [], size, row_size)
    buys = sum(row[3] for row in rows if row[4] > 0)
    volume = sum(row[3] for row in rows)
    fills = sum(row[5] for row in rows)
    assert (bars[:, 6].sum(), bars[:, 7].sum()) == (volume, buys)
    assert (bars[:, 10].sum(), bars[:, 11].sum()) == (fills, len(rows))
    assert (cells[:, 1].sum(), cells[:, 2].sum()) == (volume - buys, buys)
    assert cells[:, 3:].sum() == fills
    quote = sum((int(upper) << 32) + int(lower) for upper, lower in bars[:, 8:10])
    assert quote == sum(row[2] * row[3] for row in rows)
