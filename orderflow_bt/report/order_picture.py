"""The picture of an order: the trades it met, its life in price and time, the queue before it."""

from __future__ import annotations

import math
import textwrap
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from matplotlib.figure import Figure

from orderflow_bt.kernels.quotes import NO_PRICE
from orderflow_bt.report import words
from orderflow_bt.report.explain import RULES
from orderflow_bt.report.order_words import TRIGGERED
from orderflow_bt.report.theme import MONO, SANS, mix

if TYPE_CHECKING:
    from typing import Any

    from matplotlib.axes import Axes
    from numpy.typing import NDArray

    from orderflow_bt.report.order_view import OrderView, Seen, Span
    from orderflow_bt.report.theme import Theme

REACH = 1.0  # how far beyond the trades the order may lie and still be drawn, in their ranges
LARGEST, SMALLEST = 170.0, 5.0  # areas of the largest trade's mark and of the smallest
MOST_NAMED = 3  # fills
MOST_MARKS, FEW_MARKS = 700, 120  # of trades: beyond the first, only the largest are drawn
MEETINGS = ("queue", "fill", "trigger")
DASHED, DOTTED = (0, (4, 2)), (0, (1, 2))


class _Ground(NamedTuple):
    """What every part of the picture is drawn with."""

    view: OrderView
    theme: Theme
    price_unit: float
    lot: float
    digits: int

    @property
    def colour(self) -> str:
        """Of the order's side."""
        return self.theme.buy_lit if self.view.order["side"] > 0 else self.theme.sell_lit


def draw_order(view: OrderView, theme: Theme, *, price_decimals: int, qty_decimals: int) -> Figure:
    """Trades as triangles by side and size, quotes dashed, the order from decision to end.

    Below it what is inferred to stand before the order, and what it got. A life much longer than
    what matters in it gets stretches of their own for how it was sent and how it filled.

    Args:
        view: What `orderflow_bt.report.order_view.view_order` read.
        theme: Colours.
        price_decimals: A price unit is ``10**-price_decimals``.
        qty_decimals: A lot is ``10**-qty_decimals``.
    """
    ground = _Ground(view, theme, 10.0**-price_decimals, 10.0**-qty_decimals, price_decimals)
    figure = Figure(figsize=(12.8, 7.4), dpi=100, facecolor=theme.ground)
    has_queue = view.queue is not None
    shares = [2.4 if span.name == "its life" else 1.0 for span in view.spans]
    grid = figure.add_gridspec(
        2 if has_queue else 1, len(view.spans), width_ratios=shares,
        height_ratios=(3.4, 1.0) if has_queue else None, left=0.012, right=0.945, top=0.81,
        bottom=0.105, wspace=0.26 if len(view.spans) > 1 else 0.0, hspace=0.10,
    )  # fmt: skip
    for k, (span, seen) in enumerate(zip(view.spans, view.seen, strict=True)):
        axes = figure.add_subplot(grid[0, k])
        _draw_stretch(axes, ground, span, seen)
        if has_queue:
            below = figure.add_subplot(grid[1, k], sharex=axes)
            _draw_queue(below, ground, span)
            axes.tick_params(labelbottom=False)
    _say(figure, ground)
    return figure


def _draw_stretch(axes: Axes, ground: _Ground, span: Span, seen: Seen) -> None:
    view, theme, unit = ground.view, ground.theme, ground.price_unit
    _dress(axes, ground, span)
    low, high, is_far = _range(view, span, seen)
    room = 0.09 * (high - low)
    axes.set_ylim((low - room) * unit, (high + 1.9 * room) * unit)
    for quotes in (seen.bid, seen.ask):
        known = quotes != NO_PRICE
        axes.step(
            _at(seen.quote_time[known], span), quotes[known] * unit, where="post",
            color=theme.muted, linewidth=0.7, linestyle=DASHED, alpha=0.75, zorder=2,
        )  # fmt: skip
    _draw_trades(axes, ground, span, seen)
    _draw_order_line(axes, ground, span, seen)
    _draw_moments(axes, ground, span)
    _draw_fills(axes, ground, span)
    if is_far is not None:
        up = is_far > high
        axes.annotate(
            f"the order stands at {words.exact(is_far, ground.digits)}, "
            f"{'above' if up else 'below'} all this",
            (0.5, 0.83 if up else 0.03), xycoords="axes fraction", color=ground.colour,
            fontfamily=SANS, fontsize=8, ha="center",
        )  # fmt: skip


def _range(view: OrderView, span: Span, seen: Seen) -> tuple[int, int, int | None]:
    """Lowest and highest price drawn; the order's price where it lies too far from the trades."""
    prices = [int(p) for p in seen.price]
    prices += [row["price"] for row in view.fills if span.start <= row["time"] <= span.end]
    order = view.order["price"]
    prices += _near(_trail(view, seen)[1].tolist(), prices)
    if not prices:
        prices = [0 if order is None else order]
    low, high = min(prices), max(prices)
    wide = max(high - low, 4)
    if order is not None:
        if low - REACH * wide <= order <= high + REACH * wide:
            low, high = min(low, order), max(high, order)
        else:
            return low, max(high, low + 4), order
    return low, max(high, low + 4), None


def _near(levels: list[int], prices: list[int]) -> list[int]:
    """Of levels those that lie no further from the prices than these are apart."""
    if not prices:
        return []
    wide = max(max(prices) - min(prices), 4)
    low, high = min(prices) - REACH * wide, max(prices) + REACH * wide
    return [level for level in levels if low <= level <= high]


def _draw_trades(axes: Axes, ground: _Ground, span: Span, seen: Seen) -> None:
    """Triangles by side and size; where they would hide each other, the largest on the path."""
    theme, unit = ground.theme, ground.price_unit
    told = [step.time for step in ground.view.told.steps if step.what in MEETINGS]
    met = np.isin(seen.time, told)
    shown = np.ones(seen.qty.size, np.bool_)
    if seen.qty.size > MOST_MARKS:
        shown = met.copy()
        shown[np.argsort(-seen.qty, kind="stable")[:FEW_MARKS]] = True
        edges = np.linspace(span.start, span.end, 600)
        bins = np.searchsorted(edges, seen.time, side="right")
        which, at = np.unique(bins, return_inverse=True)
        low, high = np.full(which.size, 2**62), np.full(which.size, -(2**62))
        np.minimum.at(low, at.reshape(-1), seen.price)
        np.maximum.at(high, at.reshape(-1), seen.price)
        axes.vlines(
            _at(edges[which - 1].astype(np.int64), span), low * unit, high * unit,
            color=mix(theme.ink, theme.ground, 0.45), linewidth=1.0, zorder=2,
        )  # fmt: skip
        _note(axes, ground, f"{seen.trades:,} trades: their range, and the largest")
    for side, marker, colour in ((1, "^", theme.buy), (-1, "v", theme.sell)):
        rows = np.flatnonzero(shown & (seen.side == side))
        area = SMALLEST + LARGEST * seen.qty[rows] / seen.qty.max(initial=1)
        faced = [mix(colour, theme.ground, 1.0 if is_met else 0.55) for is_met in met[rows]]
        axes.scatter(
            _at(seen.time[rows], span), seen.price[rows] * unit, s=area, marker=marker,
            facecolors=faced, edgecolors="none", zorder=3,
        )  # fmt: skip


def _note(axes: Axes, ground: _Ground, text: str) -> None:
    axes.annotate(
        text, (0.994, 0.015), xycoords="axes fraction", color=ground.theme.muted, fontfamily=SANS,
        fontsize=8, ha="right",
    )  # fmt: skip


def _draw_order_line(axes: Axes, ground: _Ground, span: Span, seen: Seen) -> None:
    """Decision price; the order on its way, and where it stood from its arrival to its end."""
    view, theme, unit = ground.view, ground.theme, ground.price_unit
    order = view.order
    at = dict(view.moments)
    end = span.end if order["done_time"] is None else order["done_time"]
    decided, arrived = order["decision_time"], at.get("arrived")
    before = next((s.facts.get("last_price") for s in view.told.steps if s.what == "decided"), None)
    if before is not None:
        axes.hlines(
            float(before.replace(",", "")), *_between(decided, end, span), color=theme.curve,
            linewidth=1.0, linestyle=DOTTED, zorder=4,
        )  # fmt: skip
    if order["price"] is None or arrived is None:
        return
    axes.hlines(
        order["price"] * unit, *_between(decided, arrived, span), color=ground.colour,
        linewidth=0.9, linestyle=DASHED, zorder=4,
    )  # fmt: skip
    waits = at.get("triggered", end) if order["kind"] in TRIGGERED else arrived
    if order["kind"] == "trailing_stop":
        time, level = _trail(view, seen)
        axes.step(
            _at(time, span), level * unit, where="post", color=ground.colour, linewidth=1.5,
            linestyle=DASHED, zorder=4,
        )  # fmt: skip
    elif waits > arrived:
        axes.hlines(
            order["price"] * unit, *_between(arrived, waits, span), color=ground.colour,
            linewidth=1.5, linestyle=DASHED, zorder=4,
        )  # fmt: skip
    rests = order["limit_price"] if order["kind"] in TRIGGERED else order["price"]
    if rests is not None and waits < end:
        axes.hlines(
            rests * unit, *_between(waits, end, span), color=ground.colour, linewidth=1.8, zorder=4
        )


def _trail(view: OrderView, seen: Seen) -> tuple[NDArray[Any], NDArray[Any]]:
    """Times and levels of a trailing stop behind the best price in sight since its arrival."""
    order, at = view.order, dict(view.moments)
    none = np.zeros(0, np.int64)
    if order["kind"] != "trailing_stop" or "arrived" not in at:
        return none, none
    until = at.get("triggered", view.spans[-1].end)
    rows = np.flatnonzero((seen.time >= at["arrived"]) & (seen.time <= until))
    rows = rows[np.argsort(seen.time[rows], kind="stable")]
    price = seen.price[rows]
    if order["side"] < 0:
        level = np.maximum.accumulate(price) - order["trail"]
        held = np.minimum(level, order["price"])
    else:
        level = np.minimum.accumulate(price) + order["trail"]
        held = np.maximum(level, order["price"])
    return seen.time[rows], level if order["trigger_time"] is None else held


def _draw_moments(axes: Axes, ground: _Ground, span: Span) -> None:
    """A line down at each thing that happened, named at the top in turn so that none overlap."""
    theme = ground.theme
    named = [(name, time) for name, time in ground.view.moments if name != "fill"]
    for k, (name, time) in enumerate(named):
        if not span.start <= time <= span.end:
            continue
        x = _one(time, span)
        axes.axvline(x, color=theme.muted, linewidth=0.8, zorder=1)
        axes.annotate(
            name, (x, 0.985 - 0.038 * (k % 3)), xycoords=("data", "axes fraction"),
            xytext=(3 if x < 0.8 * _one(span.end, span) else -3, 0), textcoords="offset points",
            color=theme.ink, fontfamily=SANS, fontsize=8, va="top",
            ha="left" if x < 0.8 * _one(span.end, span) else "right",
        )  # fmt: skip


def _draw_fills(axes: Axes, ground: _Ground, span: Span) -> None:
    view, theme, unit = ground.view, ground.theme, ground.price_unit
    rows = [row for row in view.fills if span.start <= row["time"] <= span.end]
    if not rows:
        return
    many = len(rows) > MOST_NAMED
    axes.scatter(
        [_one(row["time"], span) for row in rows], [row["price"] * unit for row in rows],
        s=26 if many else 64, marker="D", facecolors="none", edgecolors=theme.accent,
        linewidths=1.1 if many else 1.6, zorder=6,
    )  # fmt: skip
    if span.name == "its life" and view.spans[-1].name != "its life":
        return  # its fills are named where they are drawn large
    if many:
        whole = words.plain(sum(row["qty"] for row in rows) * ground.lot, _qty_digits(ground))
        rules = ", ".join(sorted({row["rule"] for row in rows}))
        text = f"{len(rows)} fills, {rows[0]['id']} to {rows[-1]['id']}\n{whole}: {rules}"
        axes.annotate(
            text, (0.994, 0.05), xycoords="axes fraction", color=theme.accent, fontfamily=MONO,
            fontsize=8, ha="right", zorder=7,
            bbox={"facecolor": theme.ground, "edgecolor": "none", "alpha": 0.8, "pad": 2},
        )  # fmt: skip
        return
    below = view.order["side"] > 0
    for k, row in enumerate(rows):
        qty = words.plain(row["qty"] * ground.lot, _qty_digits(ground))
        late = _one(row["time"], span) > 0.6 * _one(span.end, span)
        axes.annotate(
            f"fill {row['id']}: {qty} {row['rule']}",
            (_one(row["time"], span), row["price"] * unit),
            xytext=(-7 if late else 7, (-13 - 12 * k) if below else (11 + 12 * k)),
            textcoords="offset points", ha="right" if late else "left", color=theme.accent,
            fontfamily=MONO, fontsize=8, zorder=7,
        )  # fmt: skip


def _qty_digits(ground: _Ground) -> int:
    """Digits of a quantity after the point."""
    return max(0, round(-math.log10(ground.lot)))


def _draw_queue(axes: Axes, ground: _Ground, span: Span) -> None:
    """What is inferred to stand before the order, falling; what it got, rising."""
    theme, queue = ground.theme, ground.view.queue
    assert queue is not None
    _dress(axes, ground, span)
    axes.yaxis.set_major_formatter(lambda value, _: words.short(value))
    whole = ground.view.order["qty"] * ground.lot
    known = [k for k, time in enumerate(queue.time) if time <= span.end]
    ahead = [float(queue.ahead[k]) for k in known] or [0.0]
    filled = [float(queue.filled[k]) for k in known] or [0.0]
    time = [queue.time[k] for k in known] or [span.start]
    x = np.clip(np.array([_one(t, span) for t in (*time, span.end)]), 0, None)
    if any(ahead):
        axes.fill_between(
            x, [*ahead, ahead[-1]], step="post", facecolor="none", edgecolor=theme.muted,
            hatch="////", linewidth=0.8, zorder=2,
        )  # fmt: skip
    axes.fill_between(
        x, [*filled, filled[-1]], step="post", color=mix(theme.accent, theme.ground, 0.45), zorder=3
    )
    axes.axhline(whole, color=ground.colour, linewidth=0.8, linestyle=DOTTED, zorder=4)
    axes.set_ylim(0, 1.35 * max([whole, *map(float, queue.ahead)]))
    if span.name == "its life":
        axes.annotate(
            "inferred ahead (hatched), filled (solid), asked for (dotted)", (0.004, 0.97),
            xycoords="axes fraction", color=theme.muted, fontfamily=SANS, fontsize=8, va="top",
        )  # fmt: skip


def _dress(axes: Axes, ground: _Ground, span: Span) -> None:
    theme = ground.theme
    axes.set_facecolor(theme.ground)
    for spine in axes.spines.values():
        spine.set_visible(False)
    axes.grid(color=theme.grid, linewidth=0.8)
    axes.set_axisbelow(True)
    axes.set_xlim(0, _one(span.end, span))
    axes.yaxis.tick_right()
    axes.tick_params(length=0, labelsize=8, labelcolor=theme.muted)
    axes.yaxis.set_major_formatter(lambda value, _: words.plain(value, ground.digits))
    ticks, texts = _clock_ticks(span, 6 if span.name == "its life" else 3)
    axes.set_xticks(ticks, texts)
    for label in (*axes.get_yticklabels(), *axes.get_xticklabels()):
        label.set_fontfamily(MONO)


def _clock_ticks(span: Span, most: int) -> tuple[list[float], list[str]]:
    """Round times within a stretch and what they are called."""
    steps = [s * 10**e for e in range(3, 6) for s in (1, 2, 5)]
    steps += [s * 1_000_000 for s in (1, 2, 5, 10, 20, 30, 60, 120, 300, 600, 1_800, 3_600, 7_200)]
    steps += [s * 3_600_000_000 for s in (6, 12, 24, 72, 240)]
    step = next((s for s in steps if (span.end - span.start) / s <= most), steps[-1])
    times = range(-(-span.start // step) * step, span.end + 1, step)
    digits = 0 if step >= 1_000_000 else 3 if step < 10_000 else 2 if step < 100_000 else 1
    form = "%H:%M:%S" if step < 60_000_000 else "%H:%M" if step < 86_400_000_000 else "%m-%d"
    if span.end - span.start > 86_400_000_000:
        form = "%m-%d %H:%M"
    texts = []
    for time in times:
        text = words.moment(time).strftime(form)
        texts.append(text + (f"{time % 1_000_000 / 1e6:.{digits}f}"[1:] if digits else ""))
    return [_one(time, span) for time in times], texts


def _say(figure: Figure, ground: _Ground) -> None:
    """What was asked, under which rules, how it ended; and what the signs mean."""
    view, theme = ground.view, ground.theme
    figure.text(
        0.012, 0.955, view.told.title, color=theme.ink, fontfamily=SANS, fontsize=12, weight="bold"
    )
    figure.text(
        0.945, 0.957, f"{words.stamp(view.order['decision_time'])} UTC", color=theme.muted,
        fontfamily=SANS, fontsize=9, ha="right",
    )  # fmt: skip
    verdict = textwrap.shorten(view.told.verdict, 330, placeholder=" …")
    figure.text(
        0.012, 0.932, "\n".join(textwrap.wrap(verdict, 165)), color=theme.ink, fontfamily=SANS,
        fontsize=9, va="top", linespacing=1.35,
    )  # fmt: skip
    rules = sorted({row["rule"] for row in view.fills})
    said = "; ".join(f"{rule}: {RULES[rule]}" for rule in rules if rule in RULES)
    figure.text(
        0.012, 0.868, "\n".join(textwrap.wrap(f"Rules: {view.told.assumed}. {said}", 190)[:2]),
        color=theme.muted, fontfamily=SANS, fontsize=8, va="top", linespacing=1.35,
    )  # fmt: skip
    figure.text(
        0.012, 0.025,
        "▲ a buyer took   ▼ a seller took   area: size; trades it met are full   "
        "grey dashes: inferred bid and ask   dots: last trade before the decision   "
        "◇ own fill   each part has its own scales",
        color=theme.muted, fontfamily=SANS, fontsize=8,
    )  # fmt: skip


def _one(time: int, span: Span) -> float:
    """Seconds since a stretch began."""
    return (time - span.start) / 1e6


def _at(time: NDArray[np.int64], span: Span) -> NDArray[Any]:
    return (time - span.start) / 1e6


def _between(start: int, end: int, span: Span) -> tuple[float, float]:
    """A stretch of time clipped to what is drawn."""
    return (
        _one(min(max(start, span.start), span.end), span),
        _one(max(min(end, span.end), span.start), span),
    )
