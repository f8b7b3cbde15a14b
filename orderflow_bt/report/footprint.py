"""The footprint picture: bid and ask volume at each price, bar by bar, with an order's story on it.

Bid (aggressive sells) is left of a cell and ask (aggressive buys) right, always; the candle is a
thin spine left of its cells. A fill's depth is volume relative to the largest cell side seen so
far in the picture, never to what came later.
"""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING

import numpy as np
from matplotlib.collections import LineCollection, PolyCollection
from matplotlib.patches import Circle, Rectangle

from orderflow_bt.report import words
from orderflow_bt.report.canvas import Canvas, new_canvas, text_width
from orderflow_bt.report.grid import stacks
from orderflow_bt.report.mark_drawing import draw_flag, draw_marks, tag_places
from orderflow_bt.report.plan import (
    AXIS,
    DELTA,
    GAP,
    LEFT,
    TIMES,
    TOP,
    VOLUME,
    Plan,
    plan_footprint,
    unit_of,
)
from orderflow_bt.report.theme import Theme, mix
from orderflow_bt.types import DAY_US, HOUR_US, MINUTE_US, BarStatus

if TYPE_CHECKING:
    from collections.abc import Sequence

    from matplotlib.figure import Figure

    from orderflow_bt.report.grid import Cells, Scale
    from orderflow_bt.report.marks import EventMark, Marks
    from orderflow_bt.types import Bar

_STEPS_US = [m * MINUTE_US for m in (1, 2, 5, 10, 15, 30)]
_STEPS_US += [h * HOUR_US for h in (1, 2, 4, 6, 12)] + [d * DAY_US for d in (1, 2, 7, 30, 90, 365)]
_DEPTHS = 14  # steps of depth: a flat picture, and a small file


def draw_footprint(
    bars: Sequence[Bar],
    cells: Sequence[Cells],
    marks: Marks | None,
    theme: Theme,
    scale: Scale,
) -> Figure:
    """A footprint picture; see `plan_footprint` for the arguments."""
    return draw_plan(plan_footprint(bars, cells, marks, scale), theme)


def draw_plan(plan: Plan, theme: Theme, flags: Sequence[tuple[EventMark, int]] = ()) -> Figure:
    """Draw a plan in a theme's colours.

    Args:
        plan: What to draw.
        theme: In which colours.
        flags: Moments to point at, each with the time that its box ends at.
    """
    canvas = new_canvas(plan.width, plan.bottom + plan.tall + TOP, theme.ground)
    _draw_heading(canvas, plan, theme)
    _draw_price_axis(canvas, plan, theme)
    _draw_cells(canvas, plan, theme)
    _draw_spines(canvas, plan, theme)
    _draw_unfinished(canvas, plan, theme)
    _draw_numbers(canvas, plan, theme)
    _draw_gaps(canvas, plan, theme)
    _draw_strips(canvas, plan, theme)
    _draw_time_axis(canvas, plan, theme)
    canvas.flush(zorder=5)
    if plan.marks is not None:
        draw_marks(canvas, plan, plan.marks, theme)
        canvas.flush(zorder=20)
    for event, until in flags:
        draw_flag(canvas, plan, event, until, theme)
        canvas.flush(zorder=20)
    return canvas.figure


def _volume(plan: Plan, lots: float) -> float:
    return float(lots) * 10.0**-plan.scale.qty_decimals / plan.shrink


def _draw_heading(canvas: Canvas, plan: Plan, theme: Theme) -> None:
    y = canvas.height - TOP / 2
    first = words.moment(plan.columns[0].bar.open_time).strftime("%Y-%m-%d")
    last = words.moment(plan.columns[-1].bar.open_time).strftime("%Y-%m-%d")
    days = first if first == last else f"{first} to {last}"
    canvas.text((LEFT, y), f"{plan.scale.title}  {days} UTC".strip(), theme.muted, 11.5, mono=False)
    if plan.width > 700:
        legend = f"sells | buys, in {unit_of(plan)}"
        canvas.text((plan.width - AXIS, y), legend, theme.muted, 11.5, align="right", mono=False)


def _draw_price_axis(canvas: Canvas, plan: Plan, theme: Theme) -> None:
    tags = list(tag_places(plan, plan.marks).values()) if plan.marks else []
    every = 1
    for every in (1, 2, 5, 10, 20, 25, 50):
        if every * plan.row_height >= 38:
            break
    right = plan.width - AXIS
    lines = []
    text = 11.0
    first = -(-plan.low_row // every) * every
    longest = max(
        len(words.exact(row * plan.height, plan.scale.price_decimals))
        for row in (first, plan.low_row + plan.rows)
    )
    text = min(text, (AXIS - 12) / text_width("0" * longest, 1.0))
    for row in range(first, plan.low_row + plan.rows, every):
        y = plan.y(row * plan.height)
        lines.append([(LEFT, y), (right, y)])
        if all(abs(y - taken) >= 20 for taken in tags):
            label = words.exact(row * plan.height, plan.scale.price_decimals)
            canvas.text((right + 8, y), label, theme.muted, text)
    canvas.axes.add_collection(
        LineCollection(lines, colors=theme.grid, linewidths=0.7, zorder=1), autolim=False
    )


def _draw_cells(canvas: Canvas, plan: Plan, theme: Theme) -> None:
    boxes: list[np.ndarray] = []
    colours = []
    ticks: list[list[tuple[float, float]]] = []
    tick_colours = []
    half = plan.half_width
    steps = np.arange(_DEPTHS + 1) / _DEPTHS
    shades = {
        -1: [mix(theme.sell, theme.ground, 0.07 + 0.78 * s) for s in steps],
        1: [mix(theme.buy, theme.ground, 0.07 + 0.78 * s) for s in steps],
    }
    gap = 0.6 if plan.row_height >= 6 else 0.0
    for k, column in enumerate(plan.columns):
        left = plan.x(k) + plan.spine
        for i in range(column.bid.size):
            bottom = plan.y((column.low_row + i) * plan.height)
            top = bottom + plan.row_height - gap
            for side, lots, x0 in ((-1, column.bid[i], left), (1, column.ask[i], left + half)):
                depth = (int(lots) / column.depth) ** 0.8
                boxes.append(_box(x0, bottom, x0 + half, top))
                colours.append(shades[side][round(depth * _DEPTHS)])
        for flags, x, lit in (
            (column.sell, left + 1.0, theme.sell_lit),
            (column.buy, left + 2 * half - 1.0, theme.buy_lit),
        ):
            for i in np.flatnonzero(flags).tolist():
                bottom = plan.y((column.low_row + i) * plan.height)
                ticks.append([(x, bottom), (x, bottom + plan.row_height - gap)])
                tick_colours.append(lit)
        _draw_stacks(canvas, plan, theme, k)
        _draw_poc(canvas, plan, theme, k)
    canvas.axes.add_collection(
        PolyCollection(boxes, facecolors=colours, antialiased=False, linewidths=0, zorder=2),
        autolim=False,
    )
    canvas.axes.add_collection(
        LineCollection(ticks, colors=tick_colours, linewidths=1.4, zorder=3), autolim=False
    )


def _box(x0: float, y0: float, x1: float, y1: float) -> np.ndarray:
    return np.array([(x0, y0), (x1, y0), (x1, y1), (x0, y1)])


def _draw_stacks(canvas: Canvas, plan: Plan, theme: Theme, k: int) -> None:
    """A bracket beside three or more imbalances in a row."""
    column = plan.columns[k]
    if plan.column_width < 20:
        return
    left = plan.x(k) + plan.spine
    right = left + 2 * plan.half_width
    brackets = []
    colours = []
    for flags, x, reach, lit in (
        (column.sell, left - 1.5, 2.5, theme.sell_lit),
        (column.buy, right + 1.5, -2.5, theme.buy_lit),
    ):
        for start, stop in stacks(flags):
            low = plan.y((column.low_row + start) * plan.height) + 1
            high = plan.y((column.low_row + stop) * plan.height) - 1.6
            brackets.append([(x + reach, low), (x, low), (x, high), (x + reach, high)])
            colours.append(lit)
    canvas.axes.add_collection(
        LineCollection(brackets, colors=colours, linewidths=1.1, zorder=4), autolim=False
    )


def _draw_poc(canvas: Canvas, plan: Plan, theme: Theme, k: int) -> None:
    column = plan.columns[k]
    row = column.poc_row
    if row is None or plan.row_height < 4 or plan.column_width < 12:
        return
    canvas.axes.add_patch(
        Rectangle(
            (plan.x(k) + plan.spine, plan.y((column.low_row + row) * plan.height)),
            2 * plan.half_width,
            plan.row_height - 0.6,
            fill=False,
            edgecolor=theme.accent,
            linewidth=0.9 if plan.has_numbers else 0.5,
            zorder=4,
        )
    )


def _draw_spines(canvas: Canvas, plan: Plan, theme: Theme) -> None:
    thin, thick, colours = [], [], []
    tick = plan.scale.tick_size
    for k, column in enumerate(plan.columns):
        bar, x = column.bar, plan.x(k) + plan.spine / 2
        thin.append([(x, plan.y(bar.low)), (x, plan.y(bar.high + tick))])
        low, high = sorted((bar.open, bar.close))
        foot, head = plan.y_middle(low), plan.y_middle(high)
        thick.append([(x, foot), (x, max(head, foot + 1.2))])
        flat = bar.close == bar.open
        colours.append(theme.muted if flat else theme.buy if bar.close > bar.open else theme.sell)
    for lines, width in ((thin, 0.8), (thick, min(3.0, 0.55 * plan.spine))):
        canvas.axes.add_collection(
            LineCollection(lines, colors=colours, linewidths=width, capstyle="butt", zorder=3),
            autolim=False,
        )


def _draw_unfinished(canvas: Canvas, plan: Plan, theme: Theme) -> None:
    """A small open dot beyond an extreme at which both sides traded."""
    if plan.column_width < 20:
        return
    for k, column in enumerate(plan.columns):
        x = plan.x(k) + plan.spine / 2
        for is_open, y in (
            (column.open_high, plan.y(column.bar.high + plan.scale.tick_size) + 4.5),
            (column.open_low, plan.y(column.bar.low) - 4.5),
        ):
            if is_open:
                dot = Circle((x, y), 2.4, fill=False, edgecolor=theme.muted, linewidth=0.9)
                dot.set_zorder(4)
                canvas.axes.add_patch(dot)


def _draw_numbers(canvas: Canvas, plan: Plan, theme: Theme) -> None:
    if not plan.has_numbers:
        return
    half = plan.half_width
    whole = plan.scale.qty_decimals == 0 and plan.shrink == 1
    size = min(plan.row_height * 0.76, (half - 3) / text_width("0000", 1.0), 11.0)
    for k, column in enumerate(plan.columns):
        left = plan.x(k) + plan.spine
        for i in range(column.bid.size):
            y = plan.y((column.low_row + i) * plan.height) + plan.row_height / 2 - 0.3
            for lots, right, lit, colour in (
                (column.bid[i], left + half - 2.5, column.sell[i], theme.sell_lit),
                (column.ask[i], left + 2 * half - 2.5, column.buy[i], theme.buy_lit),
            ):
                if lots:
                    text = words.short(_volume(plan, lots), whole=whole)
                    shade = colour if lit else theme.ink
                    canvas.text((right, y), text, shade, size, align="right", bold=bool(lit))


def _draw_gaps(canvas: Canvas, plan: Plan, theme: Theme) -> None:
    """Hatch where trades are missing: never a clean bar across a hole."""
    spans = [
        (plan.x(k), plan.column_width)
        for k, column in enumerate(plan.columns)
        if column.bar.status == BarStatus.GAP
    ]
    spans += [
        (plan.left + (slot - 1) * plan.column_width, plan.column_width)
        for before, slot in itertools.pairwise(plan.slots)
        if slot - before > 1
    ]
    for x, width in spans:
        canvas.axes.add_patch(
            Rectangle(
                (x, plan.bottom),
                width,
                plan.tall,
                facecolor="none",
                edgecolor=(*mix(theme.muted, theme.ground, 1.0), 0.45),
                linewidth=0,
                hatch="////",
                zorder=4.5,
            )
        )
        at = (x + width / 2, plan.bottom + plan.tall - 8)
        canvas.text(at, "gap", theme.muted, 10, align="centre")


def _draw_strips(canvas: Canvas, plan: Plan, theme: Theme) -> None:
    volume_floor = TIMES
    delta_floor = TIMES + VOLUME + GAP
    middle = delta_floor + DELTA / 2
    most_delta = max(1, *(abs(c.bar.delta) for c in plan.columns))
    most_volume = max(1, *(c.bar.volume for c in plan.columns))
    boxes, colours = [], []
    for k, column in enumerate(plan.columns):
        x0 = plan.x(k) + plan.spine
        x1 = x0 + 2 * plan.half_width
        delta = column.bar.delta
        reach = delta / most_delta * (DELTA / 2 - 2)
        boxes.append(_box(x0, min(middle, middle + reach), x1, max(middle, middle + reach)))
        colours.append(mix(theme.buy if delta > 0 else theme.sell, theme.ground, 0.9))
        top = volume_floor + column.bar.volume / most_volume * (VOLUME - 2)
        boxes.append(_box(x0, volume_floor, x1, top))
        colours.append(mix(theme.muted, theme.ground, 0.55))
    canvas.axes.add_collection(
        PolyCollection(boxes, facecolors=colours, antialiased=False, linewidths=0, zorder=2),
        autolim=False,
    )
    right = plan.width - AXIS
    canvas.axes.add_collection(
        LineCollection(
            [[(LEFT, y), (right, y)] for y in (middle, volume_floor)],
            colors=theme.grid,
            linewidths=0.8,
            zorder=1,
        ),
        autolim=False,
    )
    for name, most, low, high in (
        ("delta \u00b1", most_delta, delta_floor, delta_floor + DELTA),
        ("volume ", most_volume, volume_floor, volume_floor + VOLUME),
    ):
        y = (low + high) / 2
        label = f"{name}{words.short(_volume(plan, most))}"
        canvas.text((right + 8, y), label, theme.muted, 10.0, mono=False)


def _draw_time_axis(canvas: Canvas, plan: Plan, theme: Theme) -> None:
    first, last = plan.columns[0].bar, plan.columns[-1].bar
    room = max(1, int((plan.width - AXIS - LEFT) / 74))
    step = _STEPS_US[-1]
    for step in _STEPS_US:
        if (last.open_time - first.open_time) / step <= room:
            break
    free = -1e9
    for k, column in enumerate(plan.columns):
        bar, x = column.bar, plan.x(k) + plan.spine + plan.half_width
        before = bar.open_time - 1
        if k and not plan.scale.of_time:
            before = plan.columns[k - 1].bar.open_time
        on_step = bar.open_time // step != before // step
        if (on_step or len(plan.columns) == 1) and x >= free:
            midnight = bar.open_time % DAY_US == 0
            when = words.moment(bar.open_time)
            text = when.strftime("%d %b") if midnight else words.clock(bar.open_time)
            canvas.text((x, TIMES / 2 - 1), text, theme.muted, 11, align="centre")
            free = x + 60
