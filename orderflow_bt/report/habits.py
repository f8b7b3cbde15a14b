"""When and how a strategy makes its money: hours, weekdays, sides, holding, excursions, spread."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, MaxNLocator

from orderflow_bt.report import words
from orderflow_bt.report.equity import digits_of, dress
from orderflow_bt.report.excursions import excursions
from orderflow_bt.report.theme import MONO, Theme

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from matplotlib.axes import Axes
    from numpy.typing import NDArray

    from orderflow_bt.report.folder import Row, Rows

    Floats = NDArray[np.float64]

LEAST = 10  # round trips under which no habit shows
MOST_DOTS = 2000
_BINS = 24
_MARKS = 6
_DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")


def draw_habits(
    trips: Rows, metrics: Row, theme: Theme, quote: str, unit: Mapping[str, Any]
) -> Figure:
    """Six small pictures of the closed round trips.

    Args:
        trips: Closed ones, in order of entry, at least `LEAST`.
        metrics: The run's; results by hour and weekday are taken from it.
        theme: Colours.
        quote: Currency of the money.
        unit: What the run's integers stand for, as its manifest says.
    """
    figure = Figure(figsize=(13.6, 6.6), dpi=100, facecolor=theme.ground)
    grid = figure.add_gridspec(
        2, 3, left=0.010, right=0.955, top=0.94, bottom=0.07, hspace=0.34, wspace=0.24
    )
    panes = [figure.add_subplot(grid[row, column]) for row in range(2) for column in range(3)]
    net = trips.floats("net_pnl")
    _bars(panes[0], metrics["net_by_hour"], theme)
    _bars(panes[1], metrics["net_by_weekday"], theme)
    _sides(panes[2], trips, net, theme)
    measure = _excursions(panes[3], trips, net, theme, unit)
    _holding(panes[4], trips, net, theme)
    in_r = _spread(panes[5], trips, net, theme)
    names = (
        f"net by hour of entry, UTC, {quote}",
        f"net by weekday of entry, UTC, {quote}",
        f"running net of longs and of shorts, {quote}",
        f"worst while open (across) against best (up), {measure}",
        f"net against time held, {quote}",
        f"how many round trips made how much, {'R' if in_r else quote}; dotted: the mean",
    )
    for axes, name in zip(panes, names, strict=True):
        dress(axes, name, digits_of(axes), theme, 4)
    panes[0].set_xticks(range(0, 24, 3), [f"{hour:02}" for hour in range(0, 24, 3)])
    panes[1].set_xticks(range(7), list(_DAYS))
    panes[2].xaxis.set_major_locator(MaxNLocator(5, integer=True))
    panes[2].xaxis.set_major_formatter(FuncFormatter(lambda value, _: words.plain(value, 0)))
    for axes in (panes[3], panes[5]):
        _count_along(axes)
    panes[5].yaxis.set_major_locator(MaxNLocator(4, integer=True))
    panes[5].yaxis.set_major_formatter(FuncFormatter(lambda value, _: words.plain(value, 0)))
    for axes in panes:
        for label in (*axes.get_xticklabels(), *axes.get_yticklabels()):
            label.set_fontfamily(MONO)
            label.set_fontsize(8)
    return figure


def _count_along(axes: Axes) -> None:
    """Label a level axis of amounts with the digits that tell its marks apart."""
    low, high = axes.get_xlim()
    step = max(high - low, 1e-9) / _MARKS
    digits = max(0, math.ceil(-math.log10(step)))
    axes.xaxis.set_major_locator(MaxNLocator(_MARKS, steps=[1, 2, 5, 10]))
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: words.plain(value, digits)))


def _zero(axes: Axes, theme: Theme) -> None:
    axes.axhline(0, color=theme.muted, linewidth=0.8, zorder=1)


def _bars(axes: Axes, values: Sequence[float], theme: Theme) -> None:
    colours = [theme.buy if value > 0 else theme.sell for value in values]
    axes.bar(range(len(values)), values, width=0.72, color=colours, zorder=2)
    axes.set_xlim(-0.6, len(values) - 0.4)
    _zero(axes, theme)


def _sides(axes: Axes, trips: Rows, net: Floats, theme: Theme) -> None:
    side = trips.ints("side")
    for sign, colour, name, dash in (
        (1, theme.buy, "long", "solid"), (-1, theme.sell, "short", (0, (4, 1.5)))
    ):  # fmt: skip
        own = np.where(side == sign, net, 0.0).cumsum()
        axes.plot(
            range(1, net.size + 1), own, color=colour, linewidth=1.3, linestyle=dash, zorder=3,
            label=name,
        )  # fmt: skip
    corner = (0.0, 0.82) if net.sum() >= 0 else (0.0, 0.0)  # where the lines are not
    axes.legend(
        loc=corner, frameon=False, fontsize=8, labelcolor=theme.muted, handlelength=2.2,
        borderpad=0.2, labelspacing=0.2,
    )  # fmt: skip
    _zero(axes, theme)


def _excursions(axes: Axes, trips: Rows, net: Floats, theme: Theme, unit: Mapping[str, Any]) -> str:
    """Draw adverse against favourable excursions; returns what they are counted in."""
    dots = _dotted(net)
    shown = [excursions(trip, unit) for trip in trips.at(dots)]
    known = [row["mae_r"] is not None for row in shown]
    if all(known):
        names, measure = ("mae_r", "mfe_r"), "R"
    else:
        names, measure = ("mae_money", "mfe_money"), unit["currency"]
    worst, best = (np.array([row[name] or 0.0 for row in shown]) for name in names)
    _dots(axes, -worst, best, net[dots], theme)
    reach = float(max(-worst.min(), best.max(), 1e-9))
    axes.plot([0, reach], [0, reach], color=theme.muted, linewidth=0.7, linestyle=(0, (2, 3)))
    return measure


def _dotted(net: Floats) -> NDArray[np.int64]:
    """Which round trips get a dot: of very many some, evenly over time, the best and the worst."""
    if net.size <= MOST_DOTS:
        return np.arange(net.size, dtype=np.int64)
    evenly = np.linspace(0, net.size - 1, MOST_DOTS - 2).astype(np.int64)
    return np.unique(np.array([*evenly, net.argmin(), net.argmax()], np.int64))


def _dots(axes: Axes, across: Floats, up: Floats, net: Floats, theme: Theme) -> None:
    """A dot where a round trip won, a cross where it did not."""
    won = net > 0
    for own, colour, marker, line in (
        (won, theme.buy_lit, "o", 0.0), (~won, theme.sell_lit, "x", 0.9)
    ):  # fmt: skip
        axes.scatter(
            across[own], up[own], color=colour, marker=marker, linewidths=line, s=15, alpha=0.8,
            zorder=3,
        )  # fmt: skip


def _holding(axes: Axes, trips: Rows, net: Floats, theme: Theme) -> None:
    shown = _dotted(net)
    held = (trips.ints("exit_time") - trips.ints("entry_time"))[shown] / 1e6
    _dots(axes, np.maximum(held, 0.1), net[shown], net[shown], theme)
    axes.set_xscale("log")
    steps = [(1, "1 s"), (60, "1 min"), (600, "10 min"), (3600, "1 h"), (21_600, "6 h")]
    steps += [(86_400, "1 d"), (604_800, "7 d")]
    axes.set_xlim(max(float(held.min()), 0.1) * 0.7, max(float(held.max()), 1.0) * 1.4)
    low, high = axes.get_xlim()
    inside = [(at, text) for at, text in steps if low <= at <= high]
    axes.minorticks_off()
    axes.set_xticks([at for at, _ in inside], [text for _, text in inside])
    _zero(axes, theme)


def _spread(axes: Axes, trips: Rows, net: Floats, theme: Theme) -> bool:
    """How many results lie where, in R where every round trip has one; whether they are in R."""
    values = trips.floats("r_multiple")
    in_r = bool(np.isfinite(values).all())
    values = values if in_r else net
    low, high = np.quantile(values, (0.005, 0.995)).tolist()
    low, high = min(low, 0.0), max(high, 0.0)
    step = max((high - low) / _BINS, 1e-12)
    edges = np.arange(np.floor(low / step), np.ceil(high / step) + 1) * step  # zero is an edge
    number, _ = np.histogram(values.clip(edges[0], edges[-1]), edges)
    colours = [theme.buy if edge >= 0 else theme.sell for edge in edges[:-1].round(12)]
    axes.bar(edges[:-1], number, width=0.86 * step, align="edge", color=colours, zorder=2)
    axes.axvline(0, color=theme.muted, linewidth=0.8)
    axes.axvline(values.mean(), color=theme.ink, linewidth=0.9, linestyle=(0, (2, 3)), zorder=3)
    return in_r
