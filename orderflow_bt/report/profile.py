"""The volume profile picture: what was sold and bought at each price, and where most of it lies."""

from __future__ import annotations

from typing import TYPE_CHECKING

from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from orderflow_bt.report import words
from orderflow_bt.report.theme import MONO, SANS, Theme

if TYPE_CHECKING:
    from orderflow_bt.flow.profile import Profile
    from orderflow_bt.report.grid import Scale

MOST_ROWS = 90


def draw_profile(profile: Profile, theme: Theme, scale: Scale, span: str) -> Figure:
    """Rows of sells and buys beside each other; value area as a band, its edge rows and POC named.

    A row is named by its low edge.

    Args:
        profile: At most `MOST_ROWS` rows read well.
        theme: Colours.
        scale: What the integers stand for.
        span: The window in words.
    """
    rows, area = profile.cells, profile.value_area()
    lot, unit = 10.0**-scale.qty_decimals, 10.0**-scale.price_decimals
    height = profile.row_size * unit
    low = rows[:, 0] * unit
    bid, ask = rows[:, 1] * lot, rows[:, 2] * lot
    figure = Figure(figsize=(9.6, 8.4), dpi=100, facecolor=theme.ground)
    axes = figure.add_axes((0.02, 0.05, 0.83, 0.89))
    axes.set_facecolor(theme.ground)
    for spine in axes.spines.values():
        spine.set_visible(False)
    axes.grid(axis="x", color=theme.grid, linewidth=0.8)
    axes.set_axisbelow(True)
    top = area.vah * unit + height
    axes.axhspan(area.val * unit, top, color=theme.panel, zorder=0)
    tall = height * 0.84
    axes.barh(low, bid, height=tall, align="edge", zorder=2, color=theme.sell)
    axes.barh(low, ask, height=tall, align="edge", zorder=2, color=theme.buy, left=bid)
    at = (area.poc - int(rows[0, 0])) // profile.row_size
    axes.add_patch(
        Rectangle(
            (0, float(low[at])), float(bid[at] + ask[at]), height * 0.84, fill=False,
            edgecolor=theme.accent, linewidth=1.4, zorder=3,
        )
    )  # fmt: skip
    axes.set_ylim(float(low[0]) - height, float(low[-1]) + 2 * height)
    axes.set_xlim(0, float((bid + ask).max()) * 1.02)
    axes.yaxis.tick_right()
    axes.tick_params(length=0, labelsize=8, labelcolor=theme.muted)
    axes.yaxis.set_major_formatter(lambda value, _: words.plain(value, scale.price_decimals))
    axes.xaxis.set_major_formatter(lambda value, _: words.short(value))
    for label in (*axes.get_yticklabels(), *axes.get_xticklabels()):
        label.set_fontfamily(MONO)
    for name, row in (("VAH", area.vah), ("POC", area.poc), ("VAL", area.val)):
        colour = theme.accent if name == "POC" else theme.ink
        axes.annotate(
            f"{name} {words.exact(row, scale.price_decimals)}", (1.085, row * unit + height / 2),
            xycoords=("axes fraction", "data"), color=colour, fontfamily=MONO, fontsize=9,
            va="center", annotation_clip=False,
        )  # fmt: skip
    held = area.volume / profile.volume if profile.volume else 0.0
    for x, text, align in (
        (0.02, f"{scale.title}  {span}", "left"),
        (0.85, f"sells | buys, in {scale.unit}; value area {words.percent(held)}", "right"),
    ):
        figure.text(x, 0.955, text, color=theme.muted, fontfamily=SANS, fontsize=9, ha=align)
    return figure
