"""Pieces that lie one behind the other in memory make the same stretches as copies of them."""

from __future__ import annotations

import pickle

import numpy as np
import pytest

from orderflow_bt.sim import config
from orderflow_bt.sim.buffer import TapeBuffer
from orderflow_bt.store import decoded
from orderflow_bt.types import Trades

KEEP, REACH, ROWS = 64, 128, 1_024
COLUMNS = ("time", "price", "qty", "side", "id")


def day(start, rows, seed=5):
    luck = np.random.default_rng(seed + start)
    return Trades(
        np.arange(start, start + rows),
        np.cumsum(luck.integers(0, 3, rows)) + 10 * start,
        1_000 + np.cumsum(luck.integers(-1, 2, rows)),
        luck.integers(1, 9, rows),
        luck.choice(np.array([-1, 1], np.int8), rows),
        np.ones(rows, np.int32),
    ).frozen()


def pieces_of(trades):
    """As `map_piece` makes them of a day."""
    for first in range(0, trades.rows, ROWS):
        stop, begin = min(first + ROWS, trades.rows), max(0, first - REACH)
        longer = decoded.with_blocks(trades.slice(begin, stop), None, begin)
        piece = decoded.with_blocks(trades.slice(first, stop), None, first)
        yield piece._replace(longer=longer)


def seen(buffer, pieces, *, mapped):
    """What can be seen from every new trade: the trades before it, quotes, extremes of blocks."""
    found, parts = [], []
    for piece in pieces:
        stretches = buffer.append(piece.trades, piece if mapped else piece._replace(longer=None))
        parts.append(len(stretches))
        for stretch in stretches:
            lows, highs = stretch.blocks
            for block in range(min(len(lows), stretch.end // 64)):
                prices = stretch.price[64 * block : 64 * block + 64]
                assert (lows[block], highs[block]) == (prices.min(), prices.max())
            for row in range(stretch.first, stretch.end):
                if (stretch.base + row) % 7:
                    continue
                back = slice(max(0, row - KEEP), row)
                columns = [getattr(stretch, name)[back].tolist() for name in COLUMNS]
                found.append((stretch.base + row, stretch.quotes(row), columns))
    return found, parts


def both(pieces):
    mapped, parts = seen(TapeBuffer(KEEP, 1), pieces, mapped=True)
    copied, _ = seen(TapeBuffer(KEEP, 1), pieces, mapped=False)
    assert mapped == copied
    return parts


def test_pieces_of_two_days_are_copied_at_the_border_alone():
    first, second = day(0, 2 * ROWS + 500), day(2 * ROWS + 500, 2 * ROWS + 40)
    assert both([*pieces_of(first), *pieces_of(second)]) == [2, 1, 1, 2, 1, 1]


def test_the_border_of_two_days_is_copied_when_somebody_looks():
    first, second = day(0, ROWS), day(ROWS, ROWS)
    buffer, stretches = TapeBuffer(KEEP, 1), []
    for trades in (first, second):
        (piece,) = pieces_of(trades)
        stretches += buffer.append(trades, piece)
    border, tape = stretches[2], np.concatenate([first.price, second.price])
    rows = range(border.end)
    assert [border.price_of(row) for row in rows] == tape[border.base :][: border.end].tolist()
    assert [border.time_of(row) for row in rows][-1] == second.time[KEEP - 1]
    again = pickle.loads(pickle.dumps(border))
    for one in (again, border):
        assert (one.first, one.end, one.base) == (KEEP, 2 * KEEP, ROWS - KEEP)
        assert one.price.tolist() == tape[border.base :][: border.end].tolist()
        assert [one.price_of(row) for row in rows] == one.price.tolist()
        assert [one.time_of(row) for row in rows] == one.time.tolist()
        assert one.quotes(KEEP) == stretches[3].quotes(0) == stretches[1].quotes(ROWS)
        assert not one.price.flags.writeable
    with pytest.raises(AttributeError, match="fills"):
        border.fills  # noqa: B018 - it has none


def test_a_piece_whose_forerunner_was_not_read_stands_alone():
    _, *rest = pieces_of(day(0, 3 * ROWS))
    assert both(rest) == [2, 1]
    first, _, third = pieces_of(day(0, 3 * ROWS))
    assert both([first, third]) == [2, 2]


def test_trades_on_another_clock_are_copied():
    pieces = list(pieces_of(day(0, 3 * ROWS)))
    time = np.maximum(pieces[1].trades.time, pieces[1].trades.time[100])
    pieces[1] = pieces[1]._replace(trades=pieces[1].trades._replace(time=time))
    assert both(pieces) == [2, 2, 1]


def test_a_piece_that_is_cut():
    pieces = list(pieces_of(day(0, 3 * ROWS)))
    pieces[2] = pieces[2]._replace(trades=pieces[2].trades.slice(0, 700))
    assert both(pieces) == [2, 1, 1]


@pytest.mark.parametrize("rows", [1, 40, 300])
def test_trades_one_by_one_go_on_behind_a_mapped_piece(rows):
    tape = day(0, 2 * ROWS + 300)
    *pieces, last = pieces_of(tape)
    for start in range(0, last.trades.rows, rows):
        trades = last.trades.slice(start, start + rows)
        pieces.append(decoded.with_blocks(trades, None, last.first + start))
    both(pieces)


def test_a_day_is_mapped_far_enough_back():
    assert decoded.REACH >= config.QUEUE_WINDOW
    assert decoded.REACH % 64 == decoded.PIECE_ROWS % 64 == 0
