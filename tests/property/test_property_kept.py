"""A stream of bars that is put down and taken up again goes on as if nothing had been."""

from __future__ import annotations

import itertools

import hypothesis.strategies as st
import numpy as np
from hypothesis import given, settings
from random_tapes import as_trades, tapes

from orderflow_bt.flow import BarStream
from orderflow_bt.instruments import Instrument
from orderflow_bt.types import BarSpec, MarketType

UNITS = Instrument("made", MarketType.UM, "HERE", 0, 0)
SPECS = [
    "1s", "1m", "tick:3", "tick:5,fills@start", "volume:20", "dollar:100000", "delta:9",
    "range:4", "reversal:6,3", "renko:5",
]  # fmt: skip


def stream(spec, row_size):
    return BarStream(
        BarSpec.parse(spec), ids_are_continuous=True, ticks_per_row=row_size, instrument=UNITS
    )


def written(batches):
    columns = ("bars", "at", "known_at", "cells")
    return [np.concatenate([getattr(b, name) for b in batches]).tobytes() for name in columns]


@settings(max_examples=100)
@given(spec=st.sampled_from(SPECS), rows=tapes(), data=st.data(), row_size=st.sampled_from([1, 3]))
def test_what_is_restored_goes_on(spec, rows, data, row_size):
    cuts = sorted(data.draw(st.lists(st.integers(0, len(rows)), max_size=4)))
    trades = as_trades(rows)
    whole, changed = stream(spec, row_size), stream(spec, row_size)
    plain, again = [], []
    for a, b in itertools.pairwise([0, *cuts, len(rows)]):
        piece = trades.slice(a, b)
        plain.append(whole.feed(piece))
        again.append(changed.feed(piece))
        taken_up = stream(spec, row_size)
        taken_up.restore(*changed.snapshot())
        changed = taken_up
        for one, other in zip(whole.snapshot(), changed.snapshot(), strict=True):
            assert one.tobytes() == other.tobytes()
    end = rows[-1][1] + 86_400_000_000 if rows else 0
    plain.append(whole.close_until(end))
    again.append(changed.close_until(end))
    assert written(plain) == written(again)


@settings(max_examples=100)
@given(
    spec=st.sampled_from(SPECS),
    rows=tapes(),
    cut=st.integers(0, 60),
    row_size=st.sampled_from([1, 3]),
)
def test_one_past_has_one_form(spec, rows, cut, row_size):
    trades = as_trades(rows)
    cut = min(cut, len(rows))
    whole, pieces = stream(spec, row_size), stream(spec, row_size)
    whole.feed(trades)
    pieces.feed(trades.slice(0, cut))
    pieces.feed(trades.slice(cut, len(rows)))
    for one, other in zip(whole.snapshot(), pieces.snapshot(), strict=True):
        assert one.tobytes() == other.tobytes()
