"""A bare stage for the pictures of the readings: the report's colours, no axes, plain marks."""

from __future__ import annotations

from typing import TYPE_CHECKING

from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from orderflow_bt.report.theme import DARK, MONO, SANS, mix

if TYPE_CHECKING:
    from collections.abc import Sequence

    from matplotlib.axes import Axes

    from orderflow_bt.types import Trades

THEME = DARK


def stage(title: str, *, wide: float = 8.4, tall: float = 3.4) -> tuple[Figure, Axes]:
    """A figure with one set of axes without spines, and a line of explanation above it."""
    figure = Figure(figsize=(wide, tall), dpi=100, facecolor=THEME.ground)
    axes = figure.add_axes((0.02, 0.08, 0.80, 0.78))
    axes.set_facecolor(THEME.ground)
    for spine in axes.spines.values():
        spine.set_visible(False)
    axes.tick_params(length=0, labelsize=8, labelcolor=THEME.muted)
    axes.yaxis.tick_right()
    axes.grid(color=THEME.grid, linewidth=0.7)
    axes.set_axisbelow(True)
    for label in (*axes.get_xticklabels(), *axes.get_yticklabels()):
        label.set_fontfamily(MONO)
    figure.text(0.02, 0.92, title, color=THEME.muted, fontfamily=SANS, fontsize=9)
    return figure, axes


def path(axes: Axes, trades: Trades, unit: float, *, sizes: bool = False) -> list[float]:
    """Trades in their order: a line through them, buys and sells as dots; their places."""
    places = [float(n) for n in range(trades.rows)]
    price = (trades.price * unit).tolist()
    axes.plot(places, price, color=mix(THEME.muted, THEME.ground, 0.5), linewidth=0.9, zorder=2)
    colours = [THEME.buy_lit if side > 0 else THEME.sell_lit for side in trades.side.tolist()]
    area = (26 + 5.0 * trades.qty).tolist() if sizes else 26
    axes.scatter(places, price, c=colours, s=area, zorder=3, linewidths=0)
    axes.set_xticks([])
    return places


def band(axes: Axes, low: float, high: float, colour: str, text: str = "") -> None:
    """A range of prices across the whole picture, named at its left."""
    axes.axhspan(low, high, color=mix(colour, THEME.ground, 0.22), zorder=0, linewidth=0)
    if text:
        axes.text(
            0.005, (low + high) / 2, text, color=colour, fontsize=8, va="center",
            fontfamily=SANS, transform=axes.get_yaxis_transform(),
        )  # fmt: skip


def say(
    axes: Axes, x: float, y: float, text: str, *, colour: str = THEME.event, up: bool = True
) -> None:
    """A word at a point, above or below it, with a short line to it."""
    axes.annotate(
        text, (x, y), xytext=(0, 20 if up else -20), textcoords="offset points", color=colour,
        fontsize=8.5, fontfamily=SANS, ha="center", va="bottom" if up else "top", zorder=5,
        arrowprops={"arrowstyle": "-", "color": colour, "linewidth": 0.8, "shrinkB": 4},
    )  # fmt: skip


def level(axes: Axes, price: float, text: str, colour: str = THEME.accent) -> None:
    """A dashed price across the picture, named at its right end."""
    axes.axhline(price, color=colour, linewidth=1.0, linestyle=(0, (4, 3)), zorder=1)
    axes.yaxis.set_visible(False)
    axes.text(
        1.01, price, text, color=colour, fontsize=8.5, va="center", fontfamily=SANS,
        transform=axes.get_yaxis_transform(),
    )  # fmt: skip


def box(axes: Axes, across: tuple[float, float], low: float, high: float, colour: str) -> None:
    """The outline of a bar."""
    left, right = across
    axes.add_patch(
        Rectangle(
            (left, low), right - left, high - low, facecolor=mix(colour, THEME.ground, 0.18),
            edgecolor=colour, linewidth=1.0, zorder=1,
        )
    )  # fmt: skip


def room(axes: Axes, values: Sequence[float], *, share: float = 0.25) -> None:
    """Limits that leave a share of the values' span above and below them."""
    low, high = min(values), max(values)
    margin = (high - low or 1.0) * share
    axes.set_ylim(low - margin, high + margin)
