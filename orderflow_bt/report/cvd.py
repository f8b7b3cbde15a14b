"""The cumulative delta picture: price, the running sum of delta, and each bar's delta."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from matplotlib.figure import Figure

from orderflow_bt.report import words
from orderflow_bt.report.equity import dress, time_axis
from orderflow_bt.report.theme import SANS, Theme
from orderflow_bt.types import DAY_US, BarStatus

if TYPE_CHECKING:
    from collections.abc import Sequence

    from orderflow_bt.report.grid import Scale
    from orderflow_bt.types import Bar


def draw_cvd(bars: Sequence[Bar], theme: Theme, scale: Scale) -> Figure:
    """Closes, cumulative delta from the first bar on, and each bar's delta.

    Gaps are hatched, and no line crosses them. Delta is buys minus sells, in the scale's unit.

    Args:
        bars: At least one bar, in time order.
        theme: Colours.
        scale: What the integers stand for.
    """
    lot, unit = 10.0**-scale.qty_decimals, 10.0**-scale.price_decimals
    time = np.array([bar.close_time for bar in bars]) / DAY_US
    missing = np.array([bar.status == BarStatus.GAP for bar in bars])
    delta = np.array([bar.delta for bar in bars], np.float64) * lot
    close = np.where(missing, np.nan, np.array([bar.close for bar in bars], np.float64) * unit)
    cvd = np.where(missing, np.nan, np.cumsum(delta))
    figure = Figure(figsize=(13.6, 6.4), dpi=100, facecolor=theme.ground)
    grid = figure.add_gridspec(
        3, 1, height_ratios=(2.2, 1.6, 0.9), left=0.018, right=0.93, top=0.945, bottom=0.06,
        hspace=0.16,
    )  # fmt: skip
    upper = figure.add_subplot(grid[0])
    middle = figure.add_subplot(grid[1], sharex=upper)
    lower = figure.add_subplot(grid[2], sharex=upper)
    upper.plot(time, close, color=theme.ink, linewidth=1.1)
    middle.plot(time, cvd, color=theme.curve, linewidth=1.3)
    width = np.array([bar.close_time - bar.open_time for bar in bars]) / DAY_US
    up = delta > 0
    for rows, colour in ((up, theme.buy), (~up, theme.sell)):
        lower.bar(
            time[rows] - width[rows] / 2, delta[rows], width=width[rows] * 0.9, color=colour
        )  # fmt: skip
    for axes in (middle, lower):
        axes.axhline(0, color=theme.muted, linewidth=0.8, linestyle=(0, (2, 3)))
    for axes, name, digits, ticks in (
        (upper, f"{scale.title}, close", scale.price_decimals, 6),
        (middle, f"cumulative delta, {scale.unit}", _digits(cvd), 5),
        (lower, "delta", _digits(delta), 3),
    ):
        dress(axes, name, digits, theme, ticks)
        for bar in np.flatnonzero(missing).tolist():
            axes.axvspan(
                bars[bar].open_time / DAY_US, bars[bar].close_time / DAY_US, facecolor="none",
                edgecolor=theme.muted, hatch="////", linewidth=0, alpha=0.5,
            )  # fmt: skip
    upper.tick_params(labelbottom=False)
    middle.tick_params(labelbottom=False)
    time_axis(lower)
    first, last = words.stamp(bars[0].open_time), words.stamp(bars[-1].close_time)
    figure.text(
        0.93, 0.96, f"{first} to {last}, UTC", color=theme.muted, fontfamily=SANS, fontsize=8,
        ha="right",
    )  # fmt: skip
    return figure


def _digits(values: np.ndarray[tuple[int], np.dtype[np.float64]]) -> int:
    """Digits that tell the axis's ticks apart."""
    spread = float(np.nanmax(values) - np.nanmin(values)) if len(values) else 0.0
    return 0 if spread > 20 or spread == 0 else 1 if spread > 2 else 3
