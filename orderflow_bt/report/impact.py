"""How far price moved for what was traded: each bar's delta against its change, and the slope."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, MaxNLocator

from orderflow_bt.flow import kyle_lambda
from orderflow_bt.report import words
from orderflow_bt.report.equity import dress
from orderflow_bt.report.theme import MONO, SANS, Theme
from orderflow_bt.types import BarStatus

if TYPE_CHECKING:
    from collections.abc import Sequence

    from orderflow_bt.report.grid import Scale
    from orderflow_bt.types import Bar


def moves(bars: Sequence[Bar]) -> tuple[list[int], list[int]]:
    """Delta of each bar, and its close against the close before; none at a hole in the data."""
    whole = [
        (bar.delta, bar.close - before.close)
        for before, bar in pairwise(bars)
        if BarStatus.GAP not in (before.status, bar.status)
    ]
    return [delta for delta, _ in whole], [move for _, move in whole]


def draw_impact(bars: Sequence[Bar], theme: Theme, scale: Scale) -> Figure:
    """A dot a bar, and Kyle's line through them: its slope is what a unit bought moves price by.

    Args:
        bars: In time order.
        theme: Colours.
        scale: What the integers stand for.
    """
    delta, move = moves(bars)
    lot, unit = 10.0**-scale.qty_decimals, 10.0**-scale.price_decimals
    across, up = np.array(delta, np.float64) * lot, np.array(move, np.float64) * unit
    figure = Figure(figsize=(13.6, 6.4), dpi=100, facecolor=theme.ground)
    axes = figure.add_axes((0.010, 0.06, 0.92, 0.86))
    axes.axhline(0, color=theme.muted, linewidth=0.8)
    axes.axvline(0, color=theme.muted, linewidth=0.8)
    axes.scatter(across, up, color=theme.curve, s=12, alpha=0.55, linewidths=0, zorder=3)
    slope = kyle_lambda(delta, move)
    said = "too few different bars for a slope"
    if slope is not None:
        per = float(slope) * unit / lot
        ends = np.array([across.min(), across.max()])
        axes.plot(
            ends, up.mean() + per * (ends - across.mean()), color=theme.accent, linewidth=1.4,
            zorder=4,
        )  # fmt: skip
        said = f"the line: {per:.3g} in price for each {scale.unit} of delta (Kyle's lambda)"
    digits = scale.price_decimals
    dress(axes, f"{scale.title}, change of close against delta, {scale.unit}", digits, theme, 7)
    axes.xaxis.set_major_locator(MaxNLocator(8))
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: words.plain(value, 0)))
    for label in axes.get_xticklabels():
        label.set_fontfamily(MONO)
    first, last = words.stamp(bars[0].open_time), words.stamp(bars[-1].close_time)
    figure.text(
        0.93, 0.955, f"{said}  |  {len(delta):,} bars, {first} to {last}, UTC", color=theme.muted,
        fontfamily=SANS, fontsize=8, ha="right",
    )  # fmt: skip
    return figure
