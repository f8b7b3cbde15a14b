"""The equity of several runs in one picture, in percent of what each began with."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from matplotlib.figure import Figure

from orderflow_bt.report.canvas import text_width
from orderflow_bt.report.equity import dress, thin, time_axis
from orderflow_bt.report.theme import MONO, Theme
from orderflow_bt.types import DAY_US

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

Dash = str | tuple[float, tuple[float, ...]]
_DASHES: tuple[Dash, ...] = ("solid", (0, (5, 2)), (0, (1.5, 1.5)), (0, (7, 2, 1.5, 2)))
_WIDE_PX, _NAME_PX, _NAME_LEFT_PX = 1360, 12.5, 72  # of the picture, of a name and left of it
_LEAST_APART = 0.05  # of the pane's height, between two names at its right end


class Curve(NamedTuple):
    """A run's equity: its name, int64 [n] microseconds UTC and float64 [n] percent, n >= 1."""

    name: str
    time_us: NDArray[np.int64]
    percent: NDArray[np.float64]


def looks_of(number: int, theme: Theme) -> list[tuple[str, Dash]]:
    """Colour and dash of each line; twenty before one comes again."""
    colours = (theme.curve, theme.accent, theme.event, theme.buy, theme.sell)
    return [
        (colours[n % len(colours)], _DASHES[n // len(colours) % len(_DASHES)])
        for n in range(number)
    ]


def draw_curves(curves: list[Curve], theme: Theme) -> Figure:
    """Lines told apart by colour, dash and the name at their end."""
    figure = Figure(figsize=(13.6, 3.8), dpi=100, facecolor=theme.ground)
    names = max(text_width(curve.name, _NAME_PX) for curve in curves)
    axes = figure.add_axes((0.010, 0.09, 1 - 0.02 - (_NAME_LEFT_PX + names) / _WIDE_PX, 0.83))
    axes.axhline(0, color=theme.muted, linewidth=0.8, linestyle=(0, (2, 3)))
    looks = looks_of(len(curves), theme)
    for curve, (colour, dash) in zip(curves, looks, strict=True):
        keep = thin(curve.percent)
        axes.plot(
            curve.time_us[keep] / DAY_US, curve.percent[keep], color=colour, linewidth=1.3,
            linestyle=dash, drawstyle="steps-post",
        )  # fmt: skip
    low, high = axes.get_ylim()
    reach = high - low
    digits = 0 if reach > 20 else 1 if reach > 2 else 2
    dress(axes, "change of equity, % of starting cash", digits, theme, 5)
    places: list[float] = []
    order = sorted(range(len(curves)), key=lambda n: float(curves[n].percent[-1]))
    for n in order:
        end = float(curves[n].percent[-1])
        at = max(end, places[-1] + _LEAST_APART * reach if places else end)
        places.append(at)
        axes.annotate(
            curves[n].name, (1.0, at), xycoords=("axes fraction", "data"), xytext=(52, 0),
            textcoords="offset points", color=looks[n][0], fontfamily=MONO, fontsize=9, va="center",
            annotation_clip=False,
        )  # fmt: skip
    time_axis(axes)
    return figure
