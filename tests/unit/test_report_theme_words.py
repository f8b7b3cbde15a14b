"""Palettes keep their contrast, numbers their form."""

from __future__ import annotations

import pytest

from orderflow_bt.errors import UsageError
from orderflow_bt.report import words
from orderflow_bt.report.theme import PALETTES, contrast, mix, palette


@pytest.mark.parametrize("name", sorted(PALETTES))
def test_text_is_readable_on_its_ground(name: str):
    for theme in palette(name):
        for colour in (theme.ink, theme.muted):
            for ground in (theme.ground, theme.panel):
                assert contrast(colour, ground) >= 4.5, (theme.name, colour, ground)
        for colour in (theme.buy_lit, theme.sell_lit, theme.event):
            assert contrast(colour, theme.ground) >= 4.5, (theme.name, colour)


@pytest.mark.parametrize("name", sorted(PALETTES))
def test_buys_and_sells_differ_in_a_channel_colour_blindness_keeps(name: str):
    for theme in palette(name):
        blue = [int(colour[5:7], 16) for colour in (theme.buy, theme.sell)]
        assert blue[0] - blue[1] > (80 if name == "colour-blind" else 0)


def test_unknown_palette_names_the_known_ones():
    with pytest.raises(UsageError, match="colour-blind"):
        palette("sepia")


def test_mix():
    assert mix("#ff0000", "#0000ff", 0.25) == (0.25, 0.0, 0.75)


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0, "0"), (0.004, "0+"), (0.03, ".03"), (0.12, "0.1"), (8.71, "8.7"), (9.96, "10"),
        (46.4, "46"), (984, "984"), (999.6, "1.0k"), (1000, "1.0k"), (12_345, "12k"),
        (984_000, "984k"), (1_234_567, "1.2M"), (9.96e9, "10B"), (-46.4, "46"),
    ],
)  # fmt: skip
def test_short_numbers_have_at_most_four_characters(value: float, text: str):
    assert words.short(value) == text
    assert len(text) <= 4


def test_numbers_and_times():
    assert words.signed(-1234.567) == "\u22121,234.57"
    assert words.signed(0.001) == "0.00"
    assert words.percent(-0.123) == "\u221212.3 %"
    assert words.exact(421_005, 1) == "42,100.5"
    assert words.exact(1234, 8) == "0.00001234"
    assert words.exact(12, 0) == "12"
    assert words.stamp(1_704_067_200_000_000) == "2024-01-01 00:00:00"
    assert words.clock(1_704_067_201_000_000) == "00:00:01"
    assert words.split_point("+1.50 R") == ("+1", ".50 R")
    assert words.split_point("12") == ("12", "")


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0.2, "under 1 s"), (45, "45 s"), (60, "1 min"), (3_660, "1 h 1 min"), (90_000, "1 d 1 h"),
     (86_400, "1 d")],
)  # fmt: skip
def test_spans(seconds: float, text: str):
    assert words.span(seconds * 1_000_000) == text
