"""A matplotlib figure addressed in pixels, and many short texts drawn at little cost."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from matplotlib.artist import Artist
from matplotlib.colors import to_rgba
from matplotlib.figure import Figure
from matplotlib.font_manager import FontProperties

from orderflow_bt.report.theme import MONO, SANS

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.backend_bases import RendererBase

DPI = 100  # a pixel of the layout is 1/100 inch


@dataclass(frozen=True, slots=True)
class Label:
    """One text: its anchor in pixels (vertical centre), and how it looks."""

    x: float
    y: float
    text: str
    colour: str
    size: float  # pixels
    align: str = "left"  # left, right, centre
    bold: bool = False
    mono: bool = True


@dataclass(slots=True)
class Canvas:
    """A figure whose data coordinates are pixels from the bottom left."""

    figure: Figure
    axes: Axes
    width: float
    height: float
    labels: list[Label] = field(default_factory=list)

    def text(
        self,
        at: tuple[float, float],
        text: str,
        colour: str,
        size: float,
        *,
        align: str = "left",
        bold: bool = False,
        mono: bool = True,
    ) -> None:
        """Keep a text, to be drawn above what was added before `flush`."""
        self.labels.append(Label(*at, text, colour, size, align, bold, mono))

    def flush(self, zorder: float) -> None:
        """Place the kept texts at a depth of the picture."""
        self.axes.add_artist(TextBatch(self.labels, zorder))
        self.labels = []


def new_canvas(width: float, height: float, ground: str) -> Canvas:
    """An empty canvas of that many layout pixels."""
    width, height = (2.0 * round(side / 2) for side in (width, height))  # whole image pixels
    figure = Figure(figsize=(width / DPI, height / DPI), dpi=DPI, facecolor=ground)
    axes = figure.add_axes((0.0, 0.0, 1.0, 1.0))
    axes.set_axis_off()
    axes.set_xlim(0, width)
    axes.set_ylim(0, height)
    axes.set_autoscale_on(False)
    return Canvas(figure, axes, width, height)


class TextBatch(Artist):
    """Thousands of short texts: one font lookup a style, no layout a text."""

    def __init__(self, labels: list[Label], zorder: float) -> None:
        super().__init__()
        self._labels = labels
        self.set_zorder(zorder)

    def draw(self, renderer: RendererBase) -> None:
        """Draw every text with its own alignment."""
        axes = self.axes
        if axes is None or not self._labels:
            return
        figure = axes.figure
        fonts: dict[tuple[float, bool, bool], tuple[FontProperties, float]] = {}
        widths: dict[tuple[str, float, bool, bool], float] = {}
        points = axes.transData.transform([(label.x, label.y) for label in self._labels])
        _, canvas_height = renderer.get_canvas_width_height()
        context = renderer.new_gc()
        for label, (x, y) in zip(self._labels, points, strict=True):
            style = (label.size, label.bold, label.mono)
            if style not in fonts:
                font = FontProperties(
                    family=MONO if label.mono else SANS,
                    weight="bold" if label.bold else "normal",
                    size=label.size * 72 / DPI,
                )
                _, digit_height, descent = renderer.get_text_width_height_descent(
                    "0", font, ismath=False
                )
                fonts[style] = (font, (digit_height - descent) / 2)
            font, half_height = fonts[style]
            # Of a monospaced text only the length counts.
            key = ("0" * len(label.text) if label.mono else label.text, *style)
            if key not in widths:
                widths[key], _, _ = renderer.get_text_width_height_descent(
                    key[0], font, ismath=False
                )
            shift = {"left": 0.0, "right": 1.0, "centre": 0.5}[label.align]
            left = x - shift * widths[key]
            bottom = canvas_height - (y - half_height) if renderer.flipy() else y - half_height
            context.set_foreground(to_rgba(label.colour))
            renderer.draw_text(context, left, bottom, label.text, font, 0.0)
        context.restore()
        figure.stale = False


def text_width(text: str, size: float) -> float:
    """Width of a monospaced text, in layout pixels."""
    return 0.602 * size * len(text)
