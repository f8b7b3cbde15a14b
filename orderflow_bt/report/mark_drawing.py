"""What was seen and done, drawn on a footprint: event flag, entry, stop, target, exit, result."""

from __future__ import annotations

from typing import TYPE_CHECKING

from matplotlib.collections import LineCollection
from matplotlib.patches import Polygon, Rectangle

from orderflow_bt.report import words
from orderflow_bt.report.canvas import text_width
from orderflow_bt.report.plan import AXIS
from orderflow_bt.report.theme import mix

if TYPE_CHECKING:
    from orderflow_bt.report.canvas import Canvas
    from orderflow_bt.report.marks import EventMark, Marks
    from orderflow_bt.report.plan import Plan
    from orderflow_bt.report.theme import Theme

_LABEL = 11.0
_MINOR = 10.5
_APART = 20.0  # heights between two labels that do not touch
_TAG = 28.0  # height of a tag on the price axis, with its margin


def draw_marks(canvas: Canvas, plan: Plan, marks: Marks, theme: Theme) -> None:
    """Draw the round trip over the cells."""
    start = plan.x_at(marks.entry_time)
    last = plan.columns[-1].bar
    end = plan.x_at(last.close_time if marks.exit_time is None else marks.exit_time)
    end = max(end, start + 10)
    if marks.event is not None:
        _draw_event(canvas, plan, marks.event, start, theme, _result_box(plan, marks, end))
    levels: list[tuple[float, str, str]] = [(marks.entry, "entry", theme.ink)]
    if marks.stop is not None:
        levels.append((marks.stop, "stop", theme.sell_lit))
    if marks.target is not None:
        levels.append((marks.target, "target", theme.buy_lit))
    places = tag_places(plan, marks)
    for price, name, colour in levels:
        y, outside = _clip(plan, price)
        style = (0, (1.5, 2.5)) if name == "entry" else (0, (6, 3)) if name == "stop" else "solid"
        if not outside:
            _line(canvas, (start, end, y), (colour, theme.ground), style)
        decimals = plan.scale.price_decimals
        _tag(
            canvas,
            (plan.width - AXIS, places[name]),
            name + outside,
            words.exact(round(price), decimals),
            (colour, theme),
        )
    _triangle(canvas, start, plan.y_middle(marks.entry), marks.side, theme)
    if marks.exit is not None and marks.exit_time is not None:
        _draw_exit(canvas, plan, marks, end, theme)


def draw_flag(canvas: Canvas, plan: Plan, event: EventMark, until: int, theme: Theme) -> None:
    """Draw something that is no round trip: its prices as a box up to a time, and its words."""
    _draw_event(canvas, plan, event, plan.x_at(until), theme)


def tag_places(plan: Plan, marks: Marks) -> dict[str, float]:
    """Height of each level's tag on the price axis; the entry first, the others move aside."""
    places: dict[str, float] = {}
    for name, price in (("entry", marks.entry), ("stop", marks.stop), ("target", marks.target)):
        if price is not None:
            places[name] = _free(_clip(plan, price)[0], list(places.values()))
    return places


def _clip(plan: Plan, price: float) -> tuple[float, str]:
    """Height of a price kept inside the panel, and an arrow where it lies outside."""
    y = plan.y_middle(price)
    low, high = plan.bottom + 7, plan.bottom + plan.tall - 7
    if y > high + 7:
        return high, " \u2191"
    if y < low - 7:
        return low, " \u2193"
    return y, ""


def _line(
    canvas: Canvas, place: tuple[float, float, float], shades: tuple[str, str], style: object
) -> None:
    """A level from entry to exit, with a rim of the ground so that it parts from the cells."""
    x0, x1, y = place
    colour, ground = shades
    for width, shade, dash, depth in ((3.4, ground, "solid", 9.0), (1.4, colour, style, 10.0)):
        canvas.axes.add_collection(
            LineCollection(
                [[(x0, y), (x1, y)]],
                colors=shade,
                linewidths=width,
                linestyles=[dash],
                capstyle="butt",
                alpha=0.6 if shade == ground else 1.0,
                zorder=depth,
            ),
            autolim=False,
        )


def _free(y: float, used: list[float]) -> float:
    """The place nearest to ``y`` on the axis where a tag touches no other."""
    tries = [y, *(other + step for other in used for step in (-_TAG, _TAG))]
    free = [at for at in tries if all(abs(at - other) >= _TAG for other in used)]
    return min(free, key=lambda at: abs(at - y))


def _tag(
    canvas: Canvas, at: tuple[float, float], name: str, price: str, look: tuple[str, Theme]
) -> None:
    """A level's name and price on the price axis."""
    axis, y = at
    colour, theme = look
    canvas.axes.add_patch(
        Rectangle(
            (axis + 3, y - 13.5),
            79,
            27,
            facecolor=mix(colour, theme.ground, 0.13),
            edgecolor=colour,
            linewidth=0.9,
            zorder=11,
        )
    )
    size = min(_MINOR, 72 / text_width(price, 1.0))
    canvas.text((axis + 8, y + 6.2), name, colour, 9.5, mono=False)
    canvas.text((axis + 8, y - 5.8), price, theme.ink, size, bold=True)


def _triangle(canvas: Canvas, x: float, y: float, side: int, theme: Theme) -> None:
    """Tip at the fill; a buy points up from below, a sell down from above."""
    base = y - side * 11
    colour = theme.buy_lit if side > 0 else theme.sell_lit
    canvas.axes.add_patch(
        Polygon(
            [(x, y), (x - 6.5, base), (x + 6.5, base)],
            closed=True,
            facecolor=colour,
            edgecolor=theme.ground,
            linewidth=1.5,
            joinstyle="miter",
            zorder=12,
        )
    )


def _draw_exit(canvas: Canvas, plan: Plan, marks: Marks, x: float, theme: Theme) -> None:
    """A square at the exit, and the result beside it, on the side that keeps it in the picture."""
    y, _ = _clip(plan, marks.exit if marks.exit is not None else marks.entry)
    canvas.axes.add_patch(
        Rectangle(
            (x - 4.5, y - 4.5),
            9,
            9,
            facecolor=theme.ink,
            edgecolor=theme.ground,
            linewidth=1.6,
            zorder=13,
        )
    )
    box = _result_box(plan, marks, x)
    if box is None:
        return
    colour = theme.buy_lit if marks.is_win else theme.sell_lit
    left, width, middle = box
    canvas.axes.add_collection(
        LineCollection([[(x, y), (x, middle)]], colors=colour, linewidths=1.1, zorder=12.5),
        autolim=False,
    )
    canvas.axes.add_patch(
        Rectangle(
            (left, middle - 9),
            width,
            18,
            facecolor=theme.ground,
            edgecolor=colour,
            linewidth=1.1,
            zorder=14,
        )
    )
    at = (left + width / 2, middle - 0.5)
    canvas.text(at, marks.result, colour, _LABEL, align="centre", bold=True)


def _result_box(plan: Plan, marks: Marks, x: float) -> tuple[float, float, float] | None:
    """Left end, width and middle height of the result's label for an exit at ``x``."""
    if not marks.result or marks.exit is None or marks.exit_time is None:
        return None
    y, _ = _clip(plan, marks.exit)
    width = text_width(marks.result, _LABEL) + 12
    left = min(x - 6, plan.width - AXIS - 2 - width)
    above, below = _outside(plan, left, left + width)
    return left, width, above if abs(above - y) <= abs(below - y) else below


def _outside(plan: Plan, x0: float, x1: float) -> tuple[float, float]:
    """Heights above and below the bars between two places: where a label hides no number."""
    spans = [
        (plan.y(column.bar.low), plan.y(column.bar.high + plan.height))
        for k, column in enumerate(plan.columns)
        if plan.x(k) < x1 and plan.x(k) + plan.column_width > x0
    ]
    floor, ceiling = plan.bottom + 10, plan.bottom + plan.tall - 10
    high = max((top for _, top in spans), default=floor) + 18
    low = min((bottom for bottom, _ in spans), default=ceiling) - 18
    return min(high, ceiling), max(low, floor)


def _draw_event(  # noqa: PLR0917 - a mark, where it goes and what it keeps off
    canvas: Canvas, plan: Plan, event: EventMark, entry_x: float, theme: Theme,
    taken: tuple[float, float, float] | None = None,
) -> None:  # fmt: skip
    """The event's prices as a box from known_at to the entry, and a flag at known_at.

    The flag keeps off a label that is ``taken``: its left end, width and middle height.
    """
    x = plan.x_at(event.known_at)
    low, high = (plan.y(p) for p in (event.low, event.high + plan.scale.tick_size))
    floor, ceiling = plan.bottom + 1, plan.bottom + plan.tall - 1
    low, high = min(max(low, floor), ceiling), min(max(high, floor), ceiling)
    canvas.axes.add_patch(
        Rectangle(
            (x, low),
            max(entry_x - x, 8),
            max(high - low, 2),
            facecolor=(*mix(theme.event, theme.ground, 1.0), 0.10),
            edgecolor=theme.event,
            linewidth=1.1,
            linestyle=(0, (3, 2)),
            zorder=8,
        )
    )
    width = text_width(event.text, 10.0) + 10
    left = x if x + width < plan.width - AXIS - 2 else x - width
    above, below = _outside(plan, left, left + width)
    goes_up = abs(above - high) <= abs(below - low)
    base, tip = (high, above) if goes_up else (low, below)
    if taken is not None and taken[0] - 2 < left + width and left - 2 < taken[0] + taken[1]:
        meets = abs(tip - taken[2]) < _APART
        base, tip = ((low, below) if goes_up else (high, above)) if meets else (base, tip)
    canvas.axes.add_collection(
        LineCollection([[(x, base), (x, tip)]], colors=theme.event, linewidths=1.3, zorder=15),
        autolim=False,
    )
    left = x if x + width < plan.width - AXIS - 2 else x - width
    canvas.axes.add_patch(
        Rectangle((left, tip - 8.5), width, 17, facecolor=theme.event, edgecolor="none", zorder=15)
    )
    at = (left + width / 2, tip - 0.5)
    canvas.text(at, event.text, theme.ground, 10.0, align="centre", bold=True)
