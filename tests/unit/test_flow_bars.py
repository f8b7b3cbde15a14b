"""Time bars: status, limits, refusals, and what a batch gives."""

from __future__ import annotations

import pickle

import numpy as np
import pytest

from orderflow_bt import flow
from orderflow_bt.errors import OrderflowError, UsageError
from orderflow_bt.flow import BarStream, CausalMinimum
from orderflow_bt.instruments import Instrument
from orderflow_bt.kernels.inspection import BLOCK
from orderflow_bt.types import (
    MINUTE_US,
    SECOND_US,
    BarSpec,
    BarStatus,
    MarketType,
    Trades,
    time_bars,
)

UNITS = Instrument("test", MarketType.UM, "X", 0, 0)


def tape(*rows):
    """Trades of (seconds, price, signed quantity, id)."""
    columns = np.array(rows, dtype=np.int64).reshape(-1, 4).T
    return Trades(
        columns[3].copy(),
        columns[0] * SECOND_US,
        columns[1].copy(),
        np.abs(columns[2]),
        np.sign(columns[2]).astype(np.int8),
        np.ones(columns.shape[1], dtype=np.int32),
    )


def minutes(*, continuous=True, **options):
    return BarStream(time_bars("1m"), ids_are_continuous=continuous, **options)


def statuses(batch):
    return [BarStatus(bar.status) for bar in batch.tolist()]


OK, EMPTY, GAP = BarStatus.OK, BarStatus.EMPTY, BarStatus.GAP


def test_the_first_bar_is_the_interval_of_the_first_trade():
    batch = minutes().feed(tape((605, 100, 1, 1), (661, 101, 1, 2)))
    (bar,) = batch.tolist()
    assert (bar.open_time, bar.close_time) == (10 * MINUTE_US, 11 * MINUTE_US)
    assert batch.known_at.tolist() == [bar.close_time]
    assert batch.at.tolist() == [1]


def test_a_trade_at_the_border_opens_the_next_bar():
    first, second = minutes().feed(tape((0, 1, 1, 1), (60, 2, 1, 2), (120, 3, 1, 3))).tolist()
    assert (first.close, second.open) == (1, 2)


def test_silent_intervals_are_flat_and_empty():
    batch = minutes(ticks_per_row=10).feed(tape((1, 107, -2, 1), (200, 120, 1, 2)))
    assert statuses(batch) == [OK, EMPTY, EMPTY]
    flat = batch.bar(1)
    assert flat[2:6] == (107, 107, 107, 107)
    assert flat[6:16] == (0,) * 10
    assert flat.poc == 100
    assert batch.bar_cells(1).shape == (0, 5)
    assert batch.footprint(1).poc_row is None
    assert batch.footprint(1).levels() == []
    assert batch.at.tolist() == [1, 1, 1]


def test_a_hole_marks_the_bar_before_the_bar_after_and_all_between():
    rows = (1, 5, 1, 1), (70, 5, 1, 2), (250, 5, 1, 4), (310, 5, 1, 5), (370, 5, 1, 6)
    assert statuses(minutes().feed(tape(*rows))) == [OK, GAP, GAP, GAP, GAP, OK]
    assert statuses(minutes(continuous=False).feed(tape(*rows))) == [OK, OK, EMPTY, EMPTY, OK, OK]


def test_a_hole_inside_one_bar_marks_it_alone():
    batch = minutes().feed(tape((1, 5, 1, 1), (2, 5, 1, 9), (61, 5, 1, 10), (121, 5, 1, 11)))
    assert statuses(batch) == [GAP, OK]


def test_a_marked_gap_reaches_to_the_next_trade():
    stream = minutes(continuous=False)
    stream.feed(tape((1, 5, 1, 1)))
    stream.mark_gap()
    batch = stream.feed(tape((130, 5, 1, 2), (190, 5, 1, 3), (250, 5, 1, 4)))
    assert statuses(batch) == [GAP, GAP, GAP, OK]


def test_the_clock_closes_bars_without_a_trade():
    stream = minutes()
    assert len(stream.close_until(10 * MINUTE_US)) == 0
    stream.feed(tape((1, 5, 1, 1)))
    assert len(stream.close_until(MINUTE_US - 1)) == 0
    assert statuses(stream.close_until(3 * MINUTE_US)) == [OK, EMPTY, EMPTY]
    assert stream.open_time == 3 * MINUTE_US
    assert len(stream.close_until(3 * MINUTE_US)) == 0
    with pytest.raises(OrderflowError, match="not in time order"):
        stream.feed(tape((179, 5, 1, 2)))


def test_a_bar_of_ten_thousand_ticks_keeps_all_its_rows():
    stream = minutes()
    stream.feed(tape((1, 50_000, 1, 1), (2, 50_001, -3, 2)))
    batch = stream.feed(tape((3, 60_000, 1, 3), (4, 45_000, 2, 4), (60, 45_000, 1, 5)))
    cells = batch.bar_cells(0)
    assert cells[:, 0].tolist() == list(range(45_000, 60_001))
    assert cells[cells[:, 1] + cells[:, 2] > 0].tolist() == [
        [45_000, 0, 2, 0, 1],
        [50_000, 0, 1, 0, 1],
        [50_001, 3, 0, 1, 0],
        [60_000, 0, 1, 0, 1],
    ]


def test_an_absurd_range_is_refused_and_coarser_rows_help():
    rows = (1, 1, 1, 1), (2, 10**12, 1, 2), (60, 5, 1, 3)
    with pytest.raises(OrderflowError, match="Raise ticks-per-row"):
        minutes().feed(tape(*rows))
    batch = minutes(ticks_per_row=10**9).feed(tape(*rows))
    assert batch.bar(0).high == 10**12
    assert batch.bar_cells(0).shape == (1001, 5)


def test_volumes_and_products_beyond_64_bits_are_refused():
    with pytest.raises(OrderflowError, match="price times quantity"):
        minutes().feed(tape((1, 2**32, 2**31, 1)))
    with pytest.raises(OrderflowError, match="volume does not fit"):
        minutes().feed(tape((1, 1, 2**62, 1), (2, 1, 2**62, 2)))


def test_quote_volume_passes_64_bits():
    big = 2**62
    batch = minutes().feed(tape(*[(1, 2, big // 2, k) for k in range(1, 4)], (60, 1, 1, 4)))
    assert batch.bar(0).quote_volume == 3 * big
    assert batch.bar(0).buy_volume == batch.bar(0).volume == 3 * big // 2
    batch = minutes().feed(tape((1, -7, 3, 1), (2, 5, 1, 2), (60, 1, 1, 3)))
    assert batch.bar(0).quote_volume == -16


def test_a_silence_of_a_year_is_not_swallowed_whole(monkeypatch):
    rows = tape((0, 5, 1, 1), (100_000, 5, 1, 2))
    seconds = time_bars("1s")
    parts = list(BarStream(seconds, ids_are_continuous=True).feed_parts(rows))
    assert [len(part) for part in parts] == [32_768, 32_768, 32_768, 100_000 - 3 * 32_768]
    whole = BarStream(seconds, ids_are_continuous=True).feed(rows)
    assert np.array_equal(whole.bars, np.concatenate([part.bars for part in parts]))
    monkeypatch.setattr("orderflow_bt.flow.bars.MAX_BATCH_BARS", 50_000)
    with pytest.raises(OrderflowError, match="silence"):
        BarStream(seconds, ids_are_continuous=True).feed(rows)


def test_cells_can_be_left_out():
    rows = (1, 100, 5, 1), (2, 103, 2, 2), (61, 100, 1, 3)
    with_cells, without = (minutes(keep_cells=keep).feed(tape(*rows)) for keep in (True, False))
    assert with_cells.tolist() == without.tolist()
    assert without.cells.shape == (0, 5)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda t: t._replace(price=t.price.astype(np.float64)), "column price"),
        (lambda t: t._replace(qty=t.qty[:1]), "column qty"),
        (lambda t: t._replace(side=t.side * 0), "neither"),
        (lambda t: t._replace(qty=-t.qty), "negative quantity"),
        (lambda t: t._replace(time=t.time[::-1].copy()), "time order"),
    ],
)
def test_what_cannot_be_a_tape_is_refused(change, message):
    with pytest.raises(OrderflowError, match=message):
        minutes().feed(change(tape((1, 100, 5, 1), (2, 103, 2, 2))))


@pytest.mark.parametrize("spec", ["1m", "tick:1000"])
@pytest.mark.parametrize("at", [BLOCK - 1, BLOCK, 2 * BLOCK + 1])
@pytest.mark.parametrize(
    ("column", "value", "message"),
    [
        ("side", 0, "1 trades have a side"),
        ("qty", -1, "negative quantity"),
        ("price", 2**62, "price times quantity"),
        ("price", -(2**63), "price times quantity"),
        ("time", 5, "time order"),
    ],
)
def test_one_bad_trade_is_found_wherever_it_stands(column, value, message, at, spec):
    rows = np.arange(1, 2 * BLOCK + 3)
    trades = tape(*zip(rows // 100, rows % 50, (3 + rows % 7) * (-1) ** rows, rows, strict=True))
    changed = getattr(trades, column).copy()
    changed[at] = value
    stream = BarStream(BarSpec.parse(spec), ids_are_continuous=True, instrument=UNITS)
    with pytest.raises(OrderflowError, match=message):
        stream.feed(trades._replace(**{column: changed}))


def test_cells_once_given_are_written_no_more(monkeypatch):
    monkeypatch.setattr("orderflow_bt.flow.bars._FIRST_CELLS", 8)
    rows = [(60 * k, 100 + j, 1 + k + j, 5 * k + j) for k in range(12) for j in range(5)]
    whole = minutes().feed(tape(*rows))
    for size in (7, 11, 20):
        stream = minutes()
        given = [stream.feed(tape(*rows[k : k + size])) for k in range(0, len(rows), size)]
        assert np.array_equal(np.concatenate([batch.cells for batch in given]), whole.cells)


def test_sizes_without_units_and_rows_of_nothing_are_refused():
    with pytest.raises(UsageError, match="units"):
        BarStream(BarSpec.parse("volume:5"), ids_are_continuous=True)
    with pytest.raises(UsageError):
        minutes(ticks_per_row=0)
    with pytest.raises(UsageError):
        flow.diagonal(np.zeros((2, 5), dtype=np.int64), (0, 1))
    with pytest.raises(UsageError):
        CausalMinimum(0)


def test_a_footprint_reads_like_a_table_and_cannot_be_changed():
    batch = minutes(ticks_per_row=10).feed(
        tape((1, 100, -6, 1), (2, 111, 20, 2), (3, 125, 1, 3), (60, 100, 1, 4))
    )
    footprint = batch.footprint(0)
    assert [tuple(level) for level in footprint.levels()] == [
        (100, 110, 6, 0, 1, 0, False, False),
        (110, 120, 0, 20, 0, 1, True, False),
        (120, 130, 0, 1, 0, 1, True, False),
    ]
    assert (footprint.levels()[1].volume, footprint.levels()[0].delta) == (20, -6)
    assert footprint.volume.tolist() == [6, 20, 1]
    assert footprint.delta.tolist() == [-6, 20, 1]
    assert (footprint.row_of(119), footprint.row_of(99), footprint.row_of(130)) == (1, None, None)
    assert len(footprint) == 3
    with pytest.raises(ValueError, match="read-only"):
        footprint.cells[0, 1] = 0


def test_the_imbalance_minimum_never_knows_the_bar_it_judges():
    minimum = CausalMinimum(window=2, floor=4)
    cells = [np.array([[0, bid, ask, 1, 1]]) for bid, ask in ((5, 9), (0, 30), (1, 0), (0, 0))]
    seen = []
    for piece in cells:
        seen.append(minimum.value)
        minimum.push(piece)
    # floor; (5, 9) -> 7; (5, 9, 30) -> 9; (30, 1) -> 15.5, which whole lots reach at 16; (1) -> 4
    assert [*seen, minimum.value] == [4, 7, 9, 16, 4]


def test_the_imbalance_minimum_over_a_batch():
    batch = minutes().feed(tape((1, 5, 7, 1), (61, 5, 3, 2), (121, 5, 1, 3)))
    assert CausalMinimum().over(batch) == [0, 7]


def test_a_pickled_stream_is_small_and_goes_on():
    first, second = tape((1, 5, 7, 1), (30, 905, 2, 2)), tape((61, 5, 3, 3), (121, 5, 1, 4))
    stream = minutes()
    stream.feed(first)
    raw = pickle.dumps(stream)
    assert len(raw) < 50_000
    again, whole = pickle.loads(raw).feed(second), stream.feed(second)
    assert again.tolist() == whole.tolist()
    assert np.array_equal(again.cells, whole.cells)
