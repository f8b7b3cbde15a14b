"""Price with the levels it leaves: unfinished auctions, volume clusters, the initial balance."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from matplotlib.collections import LineCollection
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from orderflow_bt.flow import ClusterSearch, read_auction
from orderflow_bt.report import words
from orderflow_bt.report.equity import dress, time_axis
from orderflow_bt.report.theme import SANS, Theme
from orderflow_bt.types import DAY_US, HOUR_US, BarStatus

if TYPE_CHECKING:
    from collections.abc import Sequence

    from matplotlib.axes import Axes

    from orderflow_bt.flow.views import Footprint
    from orderflow_bt.report.grid import Scale

HISTORY = 100  # bars whose windows a cluster is measured against


class Stretch(NamedTuple):
    """A level from when it is known until something ends it, or the picture does."""

    start: int
    end: int
    low: int
    high: int
    side: int = 0


def unfinished(footprints: Sequence[Footprint]) -> list[Stretch]:
    """Unfinished extremes until the bar that trades at or through them.

    Args:
        footprints: In time order, with rows one tick high.
    """
    last = footprints[-1].bar.close_time
    live: list[Stretch] = []
    done: list[Stretch] = []
    for footprint in footprints:
        bar, rest = footprint.bar, []
        for level in live:
            reached = bar.high >= level.low if level.side > 0 else bar.low <= level.low
            if reached:
                done.append(level._replace(end=bar.close_time))
            else:
                rest.append(level)
        auction = read_auction(footprint)
        found = [(bar.high, +1)] * auction.high + [(bar.low, -1)] * auction.low
        live = rest + [Stretch(bar.close_time, last, p, p, side) for p, side in found]
    return done + live


def clusters(footprints: Sequence[Footprint]) -> list[Stretch]:
    """Rows whose volume was among the largest hundredth of the bars before, in their bar."""
    search = ClusterSearch(history=HISTORY)
    return [
        Stretch(footprint.bar.open_time, footprint.bar.close_time, c.price_low, c.price_high)
        for footprint in footprints
        for c in search.push(footprint)
    ]


def balances(footprints: Sequence[Footprint]) -> list[Stretch]:
    """High and low of each UTC day's first hour, from its end to the end of the day.

    A day whose first hour is not in the picture whole has none.
    """
    last = footprints[-1].bar.close_time
    days: dict[int, list[Footprint]] = {}
    for footprint in footprints:
        bar = footprint.bar
        day = bar.open_time // DAY_US * DAY_US
        if bar.close_time <= day + HOUR_US and len(footprint):
            days.setdefault(day, []).append(footprint)
    begins = footprints[0].bar.open_time
    return [
        Stretch(
            day + HOUR_US, min(day + DAY_US, last),
            min(f.bar.low for f in hour), max(f.bar.high for f in hour),
        )
        for day, hour in days.items()
        if begins <= day
    ]  # fmt: skip


def draw_levels(footprints: Sequence[Footprint], theme: Theme, scale: Scale) -> Figure:
    """Bars as thin candles, and the levels above over the time for which they stood.

    Args:
        footprints: At least one, in time order, with rows one tick high.
        theme: Colours.
        scale: What the integers stand for.
    """
    figure = Figure(figsize=(13.6, 6.4), dpi=100, facecolor=theme.ground)
    axes = figure.add_axes((0.010, 0.06, 0.92, 0.84))
    unit = 10.0**-scale.price_decimals
    _candles(axes, footprints, theme, unit)
    for box in balances(footprints):
        at, wide = box.start / DAY_US, (box.end - box.start) / DAY_US
        axes.add_patch(
            Rectangle(
                (at, box.low * unit), wide, (box.high - box.low) * unit, facecolor=theme.curve,
                alpha=0.10, edgecolor=theme.curve, linewidth=1.0, zorder=1,
            )
        )  # fmt: skip
    for level in unfinished(footprints):
        price = level.low * unit
        axes.add_collection(
            LineCollection(
                [[(level.start / DAY_US, price), (level.end / DAY_US, price)]],
                colors=theme.buy_lit if level.side > 0 else theme.sell_lit, linewidths=1.0,
                linestyles=[(0, (4, 2))] if level.side > 0 else [(0, (1.5, 1.5))], zorder=4,
            ),
            autolim=False,
        )  # fmt: skip
    for box in clusters(footprints):
        middle = (box.start + box.end) / 2 / DAY_US
        axes.plot(
            [middle], [(box.low + box.high) / 2 * unit], marker="s", markersize=6,
            markerfacecolor="none", markeredgecolor=theme.accent, markeredgewidth=1.2, zorder=5,
        )  # fmt: skip
    dress(axes, f"{scale.title}, price", scale.price_decimals, theme, 7)
    time_axis(axes)
    said = (
        "box: initial balance, first hour of the UTC day  |  dashed: unfinished highs, dotted: "
        f"unfinished lows, until reached  |  squares: volume clusters (1 % of {HISTORY} bars)"
    )
    figure.text(0.014, 0.962, said, color=theme.muted, fontfamily=SANS, fontsize=8)
    first, last = footprints[0].bar.open_time, footprints[-1].bar.close_time
    span = f"{words.stamp(first)} to {words.stamp(last)}, UTC"
    figure.text(0.93, 0.962, span, color=theme.muted, fontfamily=SANS, fontsize=8, ha="right")
    return figure


def _candles(axes: Axes, footprints: Sequence[Footprint], theme: Theme, unit: float) -> None:
    bars = [f.bar for f in footprints if f.bar.status != BarStatus.GAP and len(f)]
    middle = [(b.open_time + b.close_time) / 2 / DAY_US for b in bars]
    colours = [theme.buy if b.close >= b.open else theme.sell for b in bars]
    wicks, bodies = [(b.low, b.high) for b in bars], [(b.open, b.close) for b in bars]
    for ends, width in ((wicks, 0.8), (bodies, 2.6)):
        lines = [
            [(x, low * unit), (x, high * unit)] for x, (low, high) in zip(middle, ends, strict=True)
        ]
        axes.add_collection(LineCollection(lines, colors=colours, linewidths=width, zorder=3))
    axes.autoscale_view()
