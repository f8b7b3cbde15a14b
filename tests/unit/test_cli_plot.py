"""Pictures of a stored tape: written whole, the same each time, refused in words."""

from __future__ import annotations

import datetime as dt

import pytest
from PIL import Image
from typer.testing import CliRunner

from orderflow_bt.cli import app
from orderflow_bt.synth import SimulatedMarket, store_market

runner = CliRunner()


@pytest.fixture(scope="module")
def plot(tmp_path_factory):
    root = tmp_path_factory.mktemp("plot")
    market = SimulatedMarket(seed=2, start=dt.date(2026, 1, 5), days=1, trades_per_day=10_000)
    store_market(market, root / "lake")

    def type_in(picture, out, *more, first="2026-01-05T10:00", last="2026-01-05T12:00"):
        line = ["--data", str(root / "lake"), "plot", picture, "SIMUSDT", "--out", str(out)]
        return runner.invoke(app, [*line, "--from", first, "--to", last, *more])

    return type_in


@pytest.mark.parametrize("picture", ["footprint", "profile", "cvd", "levels", "impact"])
def test_it_draws_the_same_picture_each_time(plot, tmp_path, picture):
    for name in ("a.png", "b.png"):
        result = plot(picture, tmp_path / name)
        assert result.exit_code == 0, result.output
        assert result.stdout.strip() == str(tmp_path / name)
    assert (tmp_path / "a.png").read_bytes() == (tmp_path / "b.png").read_bytes()
    drawn = Image.open(tmp_path / "a.png").convert("RGB")
    assert drawn.width > 1_000
    assert len(drawn.getcolors(1 << 20)) > 20
    light = plot(picture, tmp_path / "c.png", "--light", "--palette", "colour-blind")
    assert light.exit_code == 0
    assert sum(Image.open(tmp_path / "c.png").convert("RGB").getpixel((2, 2))) > 600


@pytest.mark.parametrize(
    ("more", "words"),
    [
        ({"last": "2026-01-05T10:01"}, "no whole bar"),
        ({"first": "2026-01-05", "last": "2026-01-05"}, "240 bars that fit"),
        ({"first": "2026-02-05", "last": "2026-02-05"}, "download SIMUSDT --market um"),
    ],
)
def test_what_cannot_be_drawn_is_said(plot, tmp_path, more, words):
    result = plot("footprint", tmp_path / "x.png", **more)
    assert result.exit_code in (1, 2)
    assert words in " ".join(result.output.split())
    assert list(tmp_path.iterdir()) == []


def test_only_png_and_a_folder_that_exists(plot, tmp_path):
    assert plot("cvd", tmp_path / "x.jpg").exit_code == 2
    result = plot("cvd", tmp_path / "absent" / "x.png")
    assert result.exit_code == 2
    assert "cannot be written" in " ".join(result.output.split())
