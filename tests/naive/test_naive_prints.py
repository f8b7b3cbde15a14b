"""Time & sales and the traded ladder against a slow twin, trade by trade."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from random_tapes import as_trades, tapes

from orderflow_bt.errors import UsageError
from orderflow_bt.replay.screen import ladder
from orderflow_bt.replay.screen.ladder import LONGEST, ROWS_AROUND, Ladder, Prints
from orderflow_bt.types import SECOND_US

NO_GAPS = np.zeros(0, np.int64)


def prints_of(rows):
    """Clusters as their definition says, one list each of (time, first, last, qty, side, fills)."""
    found = []
    before = None
    for number, time, price, qty, side, fills in rows:
        joins = before is not None and (
            (time, side, number) == (before[1], before[4], before[0] + 1)
            and side * (price - before[2]) >= 0
        )
        if joins:
            found[-1][2:4] = [price, found[-1][3] + qty]
            found[-1][5] += fills
        else:
            found.append([time, price, price, qty, side, fills])
        before = (number, time, price, qty, side)
    return found


@given(tapes(max_trades=80), st.data())
@settings(max_examples=80)
def test_prints_and_ladder(rows, data):
    trades = as_trades(rows)
    prints, near, at = Prints(), Ladder(), 0
    seconds = data.draw(st.sampled_from([1, 30, LONGEST]))
    near.look_back(seconds)
    while at < trades.rows:
        stop = min(at + data.draw(st.integers(1, 20)), trades.rows)
        prints.feed(trades.slice(at, stop), NO_GAPS)
        near.feed(trades.slice(at, stop))
        at = stop
        if data.draw(st.booleans()):
            saved = prints.snapshot(), near.snapshot()
            prints, near = Prints(), Ladder(seconds)
            prints.restore(saved[0])
            near.restore(saved[1])
    if not rows:
        assert len(prints.open()) == len(near.recent(1)) == 0
        return
    wanted = prints_of(rows)
    assert prints.count == len(wanted) - 1
    assert prints.latest(0).tolist() == wanted[:-1]
    assert prints.latest(3).tolist() == wanted[3:-1]
    assert prints.open().tolist() == wanted[-1:]
    for size, now in ((1, None), (7, rows[-1][1] + SECOND_US // 2)):
        since = (now or rows[-1][1]) - seconds * SECOND_US
        sums = {}
        for _, time, price, qty, side, _ in rows:
            row = price // size
            if time > since and -ROWS_AROUND <= row - rows[-1][2] // size < ROWS_AROUND:
                entry = sums.setdefault(row * size, [0, 0])
                entry[side > 0] += qty
        table = [[low, *pair] for low, pair in sorted(sums.items()) if any(pair)]
        assert near.recent(size, now=now).tolist() == table


def test_only_the_latest_prints_are_kept(monkeypatch):
    monkeypatch.setattr(ladder, "PRINTS", 5)
    rows = [(n, n, 100, 1 + n, 1, 1) for n in range(40)]
    prints = Prints()
    for first, stop in ((0, 3), (3, 20), (20, 21), (21, 40)):
        prints.feed(as_trades(rows[first:stop]), NO_GAPS)
        assert prints.count == stop - 1
        assert prints.latest(0)[:, 3].tolist() == [n + 1 for n in range(stop - 1)][-5:]
    assert prints.latest(38)[:, 3].tolist() == [39]
    assert len(prints.latest(39)) == 0


def test_old_trades_are_forgotten():
    near = Ladder(LONGEST)
    for n in range(2_000):
        near.feed(as_trades([(n, n * SECOND_US, 100, 1, 1, 1)]))
    assert sum(len(part[0]) for part in near._parts) <= LONGEST + 64  # what it holds on to
    assert near.recent(1).tolist() == [[100, 0, LONGEST]]
    assert len(near.snapshot()[2][0][0]) == LONGEST
    with pytest.raises(UsageError, match="121 seconds"):
        near.look_back(121)
