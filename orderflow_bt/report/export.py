"""Figures as bytes that are the same each time: no dates, no random ids, no software names."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING

import matplotlib as mpl
from PIL import Image

if TYPE_CHECKING:
    from matplotlib.figure import Figure

SHARPNESS = 1.5  # image pixels a layout pixel, so that text stays crisp on dense screens


def png_bytes(figure: Figure, sharpness: float = SHARPNESS) -> bytes:
    """A PNG with at most 256 colours, which keeps a report small."""
    raw = io.BytesIO()
    figure.savefig(
        raw,
        format="png",
        dpi=figure.dpi * sharpness,
        facecolor=figure.get_facecolor(),
        pil_kwargs={"compress_level": 0},
    )
    picture = Image.open(raw).convert("RGB")
    out = io.BytesIO()
    picture.quantize(256, method=Image.Quantize.FASTOCTREE, dither=Image.Dither.NONE).save(
        out, format="PNG", optimize=True
    )
    return out.getvalue()


def svg_bytes(figure: Figure) -> bytes:
    """An SVG whose text is drawn as outlines: no font is needed where it is read."""
    out = io.BytesIO()
    with mpl.rc_context({"svg.hashsalt": "orderflow_bt", "svg.fonttype": "path"}):
        figure.savefig(
            out,
            format="svg",
            facecolor=figure.get_facecolor(),
            metadata={"Date": None, "Creator": None},
        )
    return out.getvalue()
