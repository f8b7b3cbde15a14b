"""A picture in both themes, as a page embeds it: drawn, written and let go, one after the other."""

from __future__ import annotations

import base64
from dataclasses import dataclass
from typing import TYPE_CHECKING

from orderflow_bt.report.export import png_bytes, svg_bytes

if TYPE_CHECKING:
    from collections.abc import Callable

    from matplotlib.figure import Figure

    from orderflow_bt.report.theme import Theme


@dataclass(frozen=True, slots=True)
class Shot:
    """A picture in both themes, as data URIs, with its words and size in CSS pixels."""

    dark: str
    light: str
    width: int
    height: int
    alt: str
    heading: str = ""
    caption: str = ""
    replay: str = ""


def shoot(
    draw: Callable[[Theme], Figure],
    themes: tuple[Theme, Theme],
    alt: str,
    *,
    name: str = "",
    files: dict[str, bytes] | None = None,
    lines: bool = False,
) -> Shot:
    """Draw a picture in both themes.

    Args:
        draw: Makes a new figure, which nobody else keeps: it is emptied here.
        themes: Dark and light.
        alt: What it shows, for who cannot see it.
        name: Of its files, without theme and ending.
        files: Takes it as PNG, by name of the file; None: no file of it is wanted.
        lines: Whether the page gets lines (SVG), which stay sharp, and not pixels.
    """
    uris: list[str] = []
    width = height = 0
    for theme in themes:
        figure = draw(theme)
        width, height = (round(side) for side in figure.get_size_inches() * figure.dpi)
        if lines:
            uris.append(_uri(svg_bytes(figure), "svg+xml"))
        if files is not None or not lines:
            content = png_bytes(figure)
            if files is not None:
                files[f"{name}-{theme.name}.png"] = content
            if not lines:
                uris.append(_uri(content, "png"))
        figure.clear()  # its parts know each other: the memory would wait for the collector
    dark, light = uris
    return Shot(dark, light, width, height, alt=alt)


def _uri(content: bytes, kind: str) -> str:
    return f"data:image/{kind};base64,{base64.b64encode(content).decode()}"
