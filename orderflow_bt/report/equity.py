"""Equity, drawdown and what was held over time; holes in the data hatched."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np
from matplotlib.dates import AutoDateLocator, ConciseDateFormatter
from matplotlib.figure import Figure
from matplotlib.font_manager import FontProperties
from matplotlib.ticker import FuncFormatter, MaxNLocator

from orderflow_bt.report import words
from orderflow_bt.report.theme import MONO, SANS, Theme
from orderflow_bt.types import DAY_US

if TYPE_CHECKING:
    from collections.abc import Sequence

    from matplotlib.axes import Axes
    from numpy.typing import NDArray

MAX_POINTS = 1000
_TICKS = 5
_WHOLE = 4.0  # reach of an axis from which on its marks are whole numbers
MILLIONTHS = -6  # in place of digits: an axis counts in them


def thin(values: NDArray[np.float64], most: int = MAX_POINTS) -> NDArray[np.int64]:
    """Positions that keep a curve's shape: first, last, and each stretch's low and high."""
    n = values.size
    if n <= most:
        return np.arange(n, dtype=np.int64)
    edges = np.linspace(0, n, most // 2 + 1).astype(np.int64)
    kept = {0, n - 1}
    for start, stop in zip(edges[:-1].tolist(), edges[1:].tolist(), strict=True):
        stretch = values[start:stop]
        kept |= {start + int(stretch.argmin()), start + int(stretch.argmax())}
    return np.array(sorted(kept), dtype=np.int64)


def draw_equity(
    time_us: NDArray[np.int64],
    equity: NDArray[np.float64],
    theme: Theme,
    *,
    start_cash: float,
    quote: str,
    holes: Sequence[tuple[int, int]] = (),
    held: NDArray[np.float64] | None = None,
    window: tuple[int, int] | None = None,
    liquidated: NDArray[np.int64] | None = None,
    held_name: str = "held at bar closes, % of equity, short below",
) -> Figure:
    """Equity above, drawdown below, under them what was held.

    Args:
        time_us: int64 [n], n >= 1, microseconds UTC.
        equity: float64 [n], money.
        theme: Colours.
        start_cash: Where the curve begins; drawn as a line.
        quote: Currency of the money.
        holes: Half-open stretches of time without data.
        held: float64 [n], position in percent of equity, short below zero; no pane where None.
        window: First moment of the run and its end; by default where the marks lie.
        liquidated: int64, when the exchange closed a position; a cross on the curve each.
        held_name: What the lowest pane shows.
    """
    tall = 4.8 if held is None else 5.6
    figure = Figure(figsize=(13.6, tall), dpi=100, facecolor=theme.ground)
    heights = (2.6, 1.0) if held is None else (2.6, 1.0, 0.7)
    grid = figure.add_gridspec(
        len(heights), 1, height_ratios=heights, left=0.018, right=0.93, top=0.93, bottom=0.075,
        hspace=0.24,
    )  # fmt: skip
    upper = figure.add_subplot(grid[0])
    lower = figure.add_subplot(grid[1], sharex=upper)
    fall = (equity / np.maximum.accumulate(np.maximum(equity, start_cash)) - 1.0) * 100
    keep = thin(equity)
    when, money, depth = _without_holes(time_us[keep], equity[keep], fall[keep], holes)
    dates = when / DAY_US  # matplotlib counts days since 1970
    upper.axhline(start_cash, color=theme.muted, linewidth=0.8, linestyle=(0, (2, 3)))
    upper.plot(dates, money, color=theme.curve, linewidth=1.3, drawstyle="steps-post")
    if liquidated is not None and liquidated.size:
        at = np.minimum(np.searchsorted(time_us, liquidated), time_us.size - 1)
        upper.plot(
            time_us[at] / DAY_US, equity[at], color=theme.sell_lit, linestyle="none", marker="X",
            markersize=7, markeredgecolor=theme.ground, zorder=4, clip_on=False,
        )  # fmt: skip
    lower.fill_between(dates, depth, 0, color=theme.sell, alpha=0.35, step="post", linewidth=0)
    lower.plot(dates, depth, color=theme.sell, linewidth=1.0, drawstyle="steps-post")
    for axes, name, digits, ticks in (
        (upper, f"equity, {quote}", _digits(equity), _TICKS),
        (lower, "drawdown, %", _digits_of_share(float(abs(fall.min())) or 1.0), 3),
    ):
        dress(axes, name, digits, theme, ticks)
    panes = [upper, lower]
    if held is not None:
        third = figure.add_subplot(grid[2], sharex=upper)
        panes.append(_draw_held(third, time_us, _outside(time_us, held, holes), theme, held_name))
    for axes in panes:
        for start, stop in holes:
            axes.axvspan(
                start / DAY_US,
                stop / DAY_US,
                facecolor="none",
                edgecolor=theme.muted,
                hatch="////",
                linewidth=0,
                alpha=0.5,
            )
    low = float(fall.min())
    lower.set_ylim(low * 1.15 if low < 0 else -1.0, 0)
    for axes in panes[:-1]:
        axes.tick_params(labelbottom=False)
    start, end = window or (int(time_us[0]), int(time_us[-1]))
    if end > start:
        upper.set_xlim(start / DAY_US, end / DAY_US)
    time_axis(panes[-1])
    first, last = (words.moment(at).strftime("%Y-%m-%d") for at in (start, max(end - 1, start)))
    figure.text(
        0.93,
        0.945,
        f"{first} to {last}, UTC",
        color=theme.muted,
        fontfamily=SANS,
        fontsize=8,
        ha="right",
    )
    return figure


def _digits_of_share(percent: float) -> int:
    steps = ((0, 10.0), (1, 1.0), (2, 0.05))
    return next((digits for digits, least in steps if percent >= least), 4)


def _draw_held(
    axes: Axes, time_us: NDArray[np.int64], held: NDArray[np.float64], theme: Theme, name: str
) -> Axes:
    """What was held, long above zero and short below; of each stretch the most on either side."""
    edges = np.unique(np.linspace(0, held.size, MAX_POINTS + 1).astype(np.int64))[:-1]
    dates = time_us[edges] / DAY_US
    for most, colour in (
        (np.maximum.reduceat(held, edges).clip(min=0), theme.buy),
        (np.minimum.reduceat(held, edges).clip(max=0), theme.sell),
    ):
        axes.fill_between(dates, most, 0, color=colour, step="post", linewidth=0.6)
    dress(axes, name, 0, theme, 2)
    reach = max(float(abs(held).max()), 1.0) * 1.1
    axes.set_ylim(-reach if held.min() < 0 else 0, reach if held.max() > 0 else 0.05 * reach)
    return axes


def _outside(
    time_us: NDArray[np.int64], held: NDArray[np.float64], holes: Sequence[tuple[int, int]]
) -> NDArray[np.float64]:
    """What was held, and nothing drawn from the last mark before a hole to the first behind it."""
    shown = held.copy()
    for start, stop in holes:
        first, behind = np.searchsorted(time_us, (start, stop), side="left")
        shown[max(int(first) - 1, 0) : int(behind)] = 0.0
    return shown


def _without_holes(
    time_us: NDArray[np.int64],
    equity: NDArray[np.float64],
    fall: NDArray[np.float64],
    holes: Sequence[tuple[int, int]],
) -> tuple[NDArray[np.int64], NDArray[np.float64], NDArray[np.float64]]:
    """The curves with a break at each hole and no mark inside it: no line runs across."""
    equity, fall = equity.copy(), fall.copy()
    breaks = []
    for start, stop in holes:
        inside = (time_us > start) & (time_us < stop)
        equity[inside] = fall[inside] = np.nan
        at = int(np.searchsorted(time_us, start, side="right"))
        if 0 < at < time_us.size:
            breaks.append(at)
    before = [at - 1 for at in breaks]
    return (
        np.insert(time_us, breaks, time_us[before]),
        np.insert(equity, breaks, np.nan),
        np.insert(fall, breaks, np.nan),
    )


def _digits(values: NDArray[np.float64]) -> int:
    spread = float(values.max() - values.min())
    if spread > 50 or spread == 0:
        return 0
    return 2 if spread > 0.05 else max(4, math.ceil(-math.log10(spread / _TICKS)))


def time_axis(axes: Axes) -> None:
    """Label the days or hours of an axis counted in days since 1970."""
    locator = AutoDateLocator(minticks=3, maxticks=9)  # type: ignore[no-untyped-call] # matplotlib's
    axes.xaxis.set_major_locator(locator)
    form = ConciseDateFormatter(locator, show_offset=False)  # type: ignore[no-untyped-call] # same
    axes.xaxis.set_major_formatter(form)


def digits_of(axes: Axes) -> int:
    """Digits that tell the marks of an upright axis apart, and no more; or `MILLIONTHS`."""
    low, high = axes.get_ylim()
    steps = ((0, 20.0), (1, 4.0), (2, 0.1), (4, 0.001))
    return next((digits for digits, least in steps if high - low > least), MILLIONTHS)


def dress(axes: Axes, name: str, digits: int, theme: Theme, ticks: int = 3) -> None:
    """Give a pane of curves the look that all of them share, and its name."""
    axes.set_facecolor(theme.ground)
    axes.grid(color=theme.grid, linewidth=0.8)
    axes.set_axisbelow(True)
    for spine in axes.spines.values():
        spine.set_visible(False)
    axes.margins(x=0)
    axes.yaxis.tick_right()
    axes.yaxis.set_major_locator(MaxNLocator(ticks))
    times = 1.0
    if digits == MILLIONTHS:
        times, name = 1e6, f"{name}, millionths"
        digits = 0 if times * (axes.get_ylim()[1] - axes.get_ylim()[0]) > _WHOLE else 2
    axes.yaxis.set_major_formatter(FuncFormatter(lambda at, _: words.plain(times * at, digits)))
    axes.tick_params(length=0, labelsize=8, labelcolor=theme.muted)
    font = FontProperties(family=MONO, size=8)
    for label in (*axes.get_yticklabels(), *axes.get_xticklabels()):
        label.set_fontproperties(font)
    axes.text(
        0.004,
        1.02,
        name,
        transform=axes.transAxes,
        color=theme.muted,
        fontfamily=SANS,
        fontsize=8,
        va="bottom",
    )
