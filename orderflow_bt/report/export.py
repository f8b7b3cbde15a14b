"""Figures as bytes that are the same each time: no dates, no random ids, no software names."""

from __future__ import annotations

import io
import re
from typing import TYPE_CHECKING

import matplotlib as mpl
import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from PIL import Image

if TYPE_CHECKING:
    from matplotlib.figure import Figure

SHARPNESS = 1.5  # image pixels a layout pixel, so that text stays crisp on dense screens
_EFFORT = 6  # of zlib: with 9 a picture is 8 % smaller and takes four times as long to pack
_POLYLINE = re.compile(r' d="(M [^CQ"]*)"')  # of straight lines alone
_STEP = re.compile(r"([MLz])(?: (-?[\d.]+) (-?[\d.]+))?")
_HUNDRED = 100  # lines end on hundredths of a point


def png_bytes(figure: Figure, sharpness: float = SHARPNESS) -> bytes:
    """A PNG with at most 256 colours, which keeps a report small."""
    dots, own = figure.dpi, figure.canvas
    figure.dpi = dots * sharpness
    canvas = FigureCanvasAgg(figure)
    canvas.draw()  # type: ignore[no-untyped-call] # matplotlib's
    pixels = np.asarray(canvas.buffer_rgba())  # type: ignore[no-untyped-call] # matplotlib's
    picture = Image.fromarray(np.ascontiguousarray(pixels[..., :3]))
    del pixels
    figure.dpi = dots
    figure.set_canvas(own)  # or the pixels would live as long as the figure
    out = io.BytesIO()
    picture.quantize(256, method=Image.Quantize.FASTOCTREE, dither=Image.Dither.NONE).save(
        out, format="PNG", compress_level=_EFFORT
    )
    return out.getvalue()


def svg_bytes(figure: Figure) -> bytes:
    """An SVG whose text is drawn as outlines: no font is needed where it is read."""
    out = io.StringIO()
    with mpl.rc_context({"svg.hashsalt": "orderflow_bt", "svg.fonttype": "path"}):
        figure.savefig(
            out,
            format="svg",
            facecolor=figure.get_facecolor(),
            metadata={"Date": None, "Creator": None},
        )
    return _POLYLINE.sub(_shorter, out.getvalue()).encode()


def _shorter(path: re.Match[str]) -> str:
    """A path of straight lines in hundredths of a point, without what repeats.

    Matplotlib writes six digits and both coordinates of every corner, which is most of a picture
    of steps.
    """
    made: list[str] = []
    here: tuple[int, ...] = ()
    for kind, *place in _STEP.findall(path[1]):
        if kind == "z":
            made.append("z")
            here = ()
            continue
        x, y = (round(_HUNDRED * float(part)) for part in place)
        if kind == "M":
            made.append(f"M{_short(x)} {_short(y)}")
        elif here == (x, y) and made[-1][0] != "M":  # a line from M to where it stands is a dot
            continue
        elif y in here[1:] and x not in here[:1]:
            made.append(f"H{_short(x)}")
        elif x in here[:1]:
            made.append(f"V{_short(y)}")
        else:
            made.append(f"L{_short(x)} {_short(y)}")
        here = x, y
    return f' d="{"".join(made)}"'


def _short(hundredths: int) -> str:
    return f"{hundredths / _HUNDRED:.2f}".rstrip("0").rstrip(".")
