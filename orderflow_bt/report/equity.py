"""The equity curve with its drawdown below: money over time, holes in the data hatched."""

from __future__ import annotations

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

MAX_POINTS = 2000


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
) -> Figure:
    """Equity above, drawdown below.

    Args:
        time_us: int64 [n], n >= 1, microseconds UTC.
        equity: float64 [n], money.
        theme: Colours.
        start_cash: Where the curve begins; drawn as a line.
        quote: Currency of the money.
        holes: Half-open stretches of time without data.
    """
    figure = Figure(figsize=(11.2, 4.6), dpi=100, facecolor=theme.ground)
    grid = figure.add_gridspec(
        2, 1, height_ratios=(2.6, 1), left=0.012, right=0.905, top=0.93, bottom=0.085, hspace=0.13
    )
    upper = figure.add_subplot(grid[0])
    lower = figure.add_subplot(grid[1], sharex=upper)
    fall = (equity / np.maximum.accumulate(np.maximum(equity, start_cash)) - 1.0) * 100
    keep = thin(equity)
    breaks = _insert_breaks(time_us[keep], holes)
    when = np.asarray(np.insert(time_us[keep], breaks, time_us[keep][breaks - 1]))
    dates = when / DAY_US  # matplotlib counts days since 1970
    money = np.insert(equity[keep], breaks, np.nan)
    depth = np.insert(fall[keep], breaks, np.nan)
    upper.axhline(start_cash, color=theme.muted, linewidth=0.8, linestyle=(0, (2, 3)))
    upper.plot(dates, money, color=theme.curve, linewidth=1.3, drawstyle="steps-post")
    lower.fill_between(dates, depth, 0, color=theme.sell, alpha=0.35, step="post", linewidth=0)
    lower.plot(dates, depth, color=theme.sell, linewidth=1.0, drawstyle="steps-post")
    for axes, name, digits in (
        (upper, f"equity, {quote}", _digits(equity)),
        (lower, "drawdown, %", 2 if abs(fall.min()) < 1 else 1),
    ):
        _dress(axes, name, digits, theme)
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
    lower.set_ylim(min(low * 1.15, -0.01), 0)
    upper.tick_params(labelbottom=False)
    locator = AutoDateLocator(minticks=3, maxticks=9)  # type: ignore[no-untyped-call] # matplotlib's
    lower.xaxis.set_major_locator(locator)
    form = ConciseDateFormatter(locator, show_offset=False)  # type: ignore[no-untyped-call] # same
    lower.xaxis.set_major_formatter(form)
    figure.text(
        0.905, 0.965, "times UTC", color=theme.muted, fontfamily=SANS, fontsize=8, ha="right"
    )
    return figure


def _insert_breaks(
    time_us: NDArray[np.int64], holes: Sequence[tuple[int, int]]
) -> NDArray[np.int64]:
    """Where the curve is cut so that no line runs across a hole."""
    starts = np.array([start for start, _ in holes], dtype=np.int64)
    at = np.unique(np.searchsorted(time_us, starts, side="right"))
    return at[(at > 0) & (at < time_us.size)]


def _digits(values: NDArray[np.float64]) -> int:
    spread = float(values.max() - values.min())
    return 0 if spread > 50 else 2 if spread > 0.05 else 4


def _dress(axes: Axes, name: str, digits: int, theme: Theme) -> None:
    axes.set_facecolor(theme.ground)
    axes.grid(color=theme.grid, linewidth=0.8)
    axes.set_axisbelow(True)
    for spine in axes.spines.values():
        spine.set_visible(False)
    axes.margins(x=0)
    axes.yaxis.tick_right()
    axes.yaxis.set_major_locator(MaxNLocator(5 if "equity" in name else 3))
    axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: words.plain(value, digits)))
    axes.tick_params(length=0, labelsize=8, labelcolor=theme.muted)
    font = FontProperties(family=MONO, size=8)
    for label in (*axes.get_yticklabels(), *axes.get_xticklabels()):
        label.set_fontproperties(font)
    axes.text(
        0.004,
        0.97,
        name,
        transform=axes.transAxes,
        color=theme.muted,
        fontfamily=SANS,
        fontsize=8,
        va="top",
    )
