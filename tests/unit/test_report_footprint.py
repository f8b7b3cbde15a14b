"""Rows, imbalances and depth of a footprint picture, and that every odd tape can be drawn."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from run_folders import random_tape

from orderflow_bt.report import draw_footprint
from orderflow_bt.report.export import png_bytes
from orderflow_bt.report.grid import (
    MAX_ROWS,
    Scale,
    choose_height,
    columns,
    group_cells,
    imbalances,
    stacks,
)
from orderflow_bt.report.mark_drawing import tag_places
from orderflow_bt.report.marks import EventMark, Marks
from orderflow_bt.report.plan import plan_footprint, unit_of
from orderflow_bt.report.theme import DARK, LIGHT_COLOUR_BLIND

SCALE = Scale(1, 3, 20, "BTC", "BTCUSDT 5m")


def cells(*rows: tuple[int, int, int]) -> np.ndarray:
    return np.array([(price, bid, ask, 1, 1) for price, bid, ask in rows], dtype=np.int64)


def test_rows_fold_onto_a_grid_anchored_at_zero():
    low, bid, ask = group_cells(cells((90, 1, 2), (100, 3, 4), (110, 5, 6)), 20)
    assert low == 4
    assert bid.tolist() == [1, 8]
    assert ask.tolist() == [2, 10]
    assert group_cells(np.zeros((0, 5), dtype=np.int64), 20)[1].size == 0


def test_imbalances_of_the_definition():
    bid = np.array([20, 6, 4, 2, 0])
    ask = np.array([1, 18, 24, 30, 12])
    buy, sell = imbalances(bid, ask, 10)
    assert np.flatnonzero(buy).tolist() == [2, 3, 4]
    assert not sell.any()
    assert stacks(buy) == [(2, 5)]


def test_a_hole_in_the_rows_breaks_a_stack():
    buy, _ = imbalances(np.array([0, 0, 9, 0, 0]), np.array([5, 15, 40, 0, 30]), 10)
    assert np.flatnonzero(buy).tolist() == [1, 2, 4]
    assert stacks(buy) == []


def test_extreme_rows_have_no_partner():
    buy, sell = imbalances(np.array([0, 50]), np.array([50, 0]), 0)
    assert not buy.any()
    assert not sell.any()
    assert not any(flags.any() for flags in imbalances(np.array([9]), np.array([0]), 0))


def test_depth_and_floor_do_not_look_ahead():
    tape = random_tape(12)
    whole = columns(tape.bars, tape.cells, 20)
    part = columns(tape.bars[:7], tape.cells[:7], 20)
    for one, other in zip(part, whole, strict=False):
        assert one.depth == other.depth
        assert one.buy.tolist() == other.buy.tolist()
        assert one.sell.tolist() == other.sell.tolist()


def test_rows_are_grouped_until_they_can_be_read():
    assert choose_height(1000, 1040, 1) == 1
    assert choose_height(1000, 1060, 1) == 2
    assert choose_height(0, 1_000_000, 5) == 25_000
    for seed in range(4):
        tape = random_tape(10, seed=seed, crash_at=5)
        plan = plan_footprint(tape.bars, tape.cells, None, SCALE)
        assert plan.rows <= MAX_ROWS
        assert plan.has_numbers


def test_many_bars_become_heat():
    tape = random_tape(60)
    plan = plan_footprint(tape.bars, tape.cells, None, SCALE)
    assert not plan.has_numbers
    assert plan.width <= 1361


def test_small_volumes_get_a_smaller_unit():
    tape = random_tape(4, per_bar=3, lots=2)
    plan = plan_footprint(tape.bars, tape.cells, None, SCALE)
    assert unit_of(plan) == "0.001 BTC"


def test_a_hole_in_time_takes_a_slot():
    tape = random_tape(6)
    del tape.bars[2], tape.cells[2]
    assert plan_footprint(tape.bars, tape.cells, None, SCALE).slots == [0, 1, 3, 4, 5]


def marks(tape, *, far: bool = False) -> Marks:
    entry = tape.bars[0].close
    return Marks(
        side=1,
        entry_time=tape.bars[0].close_time - 1,
        entry=entry,
        exit_time=tape.bars[-1].close_time,
        exit=entry + 100,
        stop=entry - (10**7 if far else 50),
        target=entry + (10**7 if far else 20),
        result="+1.00 R",
        is_win=True,
        event=EventMark(tape.bars[0].open_time, entry - 20, entry - 20, 1, "sign"),
    )


def test_tags_never_touch():
    tape = random_tape(10)
    for far in (False, True):
        given = marks(tape, far=far)
        plan = plan_footprint(tape.bars, tape.cells, given, SCALE)
        heights = sorted(tag_places(plan, given).values())
        assert min(np.diff(heights)) >= 28 - 1e-9


@pytest.mark.parametrize(
    ("bars", "options"),
    [
        (1, {}),
        (18, {"gap_at": 4, "empty_at": 6}),
        (1, {"empty_at": 0}),
        (14, {"crash_at": 9}),
        (14, {"start_price": 1234, "row": 1, "step": 1, "lots": 3e9}),
        (9, {"per_bar": 1, "lots": 1}),
        (150, {}),
    ],
)
def test_every_odd_tape_is_drawn(bars: int, options: dict):
    tape = random_tape(bars, **options)
    scale = Scale(1, 3, options.get("row", 20), "BTC")
    for theme, given in ((DARK, marks(tape)), (LIGHT_COLOUR_BLIND, None)):
        figure = draw_footprint(tape.bars, tape.cells, given, theme, scale)
        first = png_bytes(figure, 1.0)
        assert first.startswith(b"\x89PNG")
        assert first == png_bytes(draw_footprint(tape.bars, tape.cells, given, theme, scale), 1.0)


def test_time_between_bars_of_activity_is_no_gap():
    tape = random_tape(6)
    bars = [bar._replace(close_time=bar.open_time + 7) for bar in tape.bars]
    slots = {
        of_time: plan_footprint(bars, tape.cells, None, replace(SCALE, of_time=of_time)).slots
        for of_time in (True, False)
    }
    assert slots == {True: [0, 2, 4, 6, 8, 10], False: [0, 1, 2, 3, 4, 5]}


def test_the_trades_of_a_brick_stay_inside_the_picture():
    tape = random_tape(6)
    bricks = [bar._replace(high=bar.open, low=bar.open) for bar in tape.bars]
    plan = plan_footprint(bricks, tape.cells, None, replace(SCALE, of_time=False))
    highest = max(int(rows[-1, 0]) for rows in tape.cells)
    assert (plan.low_row + plan.rows) * plan.height > highest
