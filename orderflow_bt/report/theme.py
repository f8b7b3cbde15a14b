"""Colours and type of every picture and page: dark and light, each also colour-blind safe.

Colour is never the only sign: place, weight and edge ticks say the same. Amber is the one accent,
for "here"; the colour-blind palettes, whose sells are orange, take a pale yellow or ink instead.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from orderflow_bt.errors import UsageError

SANS = "DejaVu Sans"  # ships with matplotlib: the same glyphs, and bytes, on every machine
MONO = "DejaVu Sans Mono"


@dataclass(frozen=True, slots=True)
class Theme:
    """One palette, as ``#rrggbb``.

    Attributes:
        name: ``dark`` or ``light``.
        ground: Behind everything.
        panel: Behind tables and boxes.
        grid: Lines that must not be noticed.
        ink: Text.
        muted: Text of the second rank, still at AA contrast on the ground.
        buy: Aggressive buys, longs, gains: fills.
        sell: Aggressive sells, shorts, losses: fills.
        buy_lit: A lit buy number.
        sell_lit: A lit sell number.
        accent: "Here": point of control, focus, warnings.
        event: What a detector saw.
        curve: A neutral line.
    """

    name: str
    ground: str
    panel: str
    grid: str
    ink: str
    muted: str
    buy: str
    sell: str
    buy_lit: str
    sell_lit: str
    accent: str
    event: str
    curve: str


DARK = Theme(
    name="dark",
    ground="#11151a",
    panel="#171c23",
    grid="#20272f",
    ink="#dbe1e8",
    muted="#8e99a6",
    buy="#1f9d70",
    sell="#cb4450",
    buy_lit="#4fe3ae",
    sell_lit="#ff8f96",
    accent="#f2c14b",
    event="#b9a1ff",
    curve="#6fb3f2",
)
LIGHT = Theme(
    name="light",
    ground="#fcfcfa",
    panel="#f3f4f2",
    grid="#e6e8e8",
    ink="#1a2027",
    muted="#5a6572",
    buy="#2ba37a",
    sell="#d9626b",
    buy_lit="#00573a",
    sell_lit="#9b1422",
    accent="#a86a00",
    event="#6a3fc4",
    curve="#1f6fb8",
)
DARK_COLOUR_BLIND = replace(
    DARK,
    buy="#3a86d9",
    sell="#d9801f",
    buy_lit="#8cc4ff",
    sell_lit="#ffbe6b",
    accent="#fff3a6",
    event="#d8b4f0",
    curve="#c3cbd4",
)
LIGHT_COLOUR_BLIND = replace(
    LIGHT,
    buy="#5b9fe0",
    sell="#e6943c",
    buy_lit="#003f8a",
    sell_lit="#7a3c00",
    accent="#1a2027",
    event="#7b2f8f",
    curve="#4a5561",
)

PALETTES = {
    "default": (DARK, LIGHT),
    "colour-blind": (DARK_COLOUR_BLIND, LIGHT_COLOUR_BLIND),
}


def palette(name: str = "default") -> tuple[Theme, Theme]:
    """The dark and the light theme of a palette.

    Raises:
        UsageError: There is no such palette.
    """
    if name not in PALETTES:
        raise UsageError(f"unknown palette {name!r}", fix="Known: " + ", ".join(PALETTES))
    return PALETTES[name]


def mix(colour: str, ground: str, share: float) -> tuple[float, float, float]:
    """``colour`` laid over ``ground`` at an opacity, as RGB from 0 to 1."""
    front, back = (
        [int(text[at : at + 2], 16) / 255 for at in (1, 3, 5)] for text in (colour, ground)
    )
    red, green, blue = (share * f + (1 - share) * b for f, b in zip(front, back, strict=True))
    return red, green, blue


def contrast(one: str, other: str) -> float:
    """WCAG contrast ratio of two colours, 1 to 21."""

    def luminance(colour: str) -> float:
        parts = [int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)]
        linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in parts]
        return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]

    high, low = sorted((luminance(one), luminance(other)), reverse=True)
    return (high + 0.05) / (low + 0.05)
