"""The report of very many round trips stays small, and says which of them it shows."""

from __future__ import annotations

import re
from decimal import Decimal
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg
from run_folders import MONEY, build_run_folder

from orderflow_bt.report import build
from orderflow_bt.report.equity import draw_equity
from orderflow_bt.report.folder import read_run
from orderflow_bt.report.shots import shoot
from orderflow_bt.report.theme import palette
from orderflow_bt.report.trips import ENDS, LATEST, PRINTED, trip_lines
from orderflow_bt.types import DAY_US, SECOND_US

if TYPE_CHECKING:
    from pathlib import Path

MANY = 30_000


def fill(folder: Path, number: int) -> np.ndarray:
    """Put so many round trips into a run folder; returns what each made, in hundredths."""
    rng = np.random.default_rng(number)
    every = pq.read_table(folder / "round_trips.parquet")
    ids = np.arange(number)
    cents = rng.integers(-90_000, 90_000, number)
    made = every.take(ids % len(every))
    entry = every["entry_time"][0].as_py() + ids * SECOND_US
    columns = {
        "id": pa.array(ids),
        "net_pnl": pa.array([Decimal(int(c)).scaleb(-2) for c in cents], MONEY),
        "entry_time": pa.array(entry),
        "exit_time": pa.array(entry + SECOND_US // 2),
    }
    for name, column in columns.items():
        made = made.set_column(made.column_names.index(name), name, column)
    pq.write_table(made, folder / "round_trips.parquet")
    return cents


@pytest.fixture(scope="module")
def many(tmp_path_factory: pytest.TempPathFactory) -> tuple[str, np.ndarray]:
    folder = build_run_folder(tmp_path_factory.mktemp("many"), trips=8, bars=288)
    cents = fill(folder, MANY)
    return build(folder).read_text(encoding="utf-8"), cents


def shown(text: str) -> list[int]:
    table = text[text.index('id="round-trips"') : text.index('id="events"')]
    return [int(found) for found in re.findall(r"<tr(?: class=\w+)?><td>(\d+)<td>", table)]


def test_it_stays_far_under_five_megabytes(many: tuple[str, np.ndarray]):
    assert len(many[0].encode()) < 2_500_000


def test_the_best_the_worst_the_last_and_the_pictured_are_in_the_table(
    many: tuple[str, np.ndarray],
):
    text, cents = many
    ids = shown(text)
    assert ids == sorted(set(ids))
    ranked = np.argsort(cents, kind="stable")
    assert set(ids) >= {*ranked[:ENDS].tolist(), *ranked[-ENDS:].tolist()}
    assert set(ids) >= set(range(MANY - LATEST, MANY))
    assert set(ids) >= {int(found) for found in re.findall(r"Footprint of round trip (\d+)", text)}
    assert f"Here are {len(ids):,} of 30,000: the 2,000 worst and the 2,000 best" in text
    assert "export RUN_DIR" in text
    assert "On paper stand the first 300 rows" in text
    assert f"@media print{{.trips tr:nth-child(n+{PRINTED + 1}){{display:none}}}}" in text
    assert "Dots are of about 2,000 of the 30,000" in text


def test_five_thousand_are_all_shown(tmp_path: Path):
    folder = build_run_folder(tmp_path / "run", trips=2, bars=288)
    fill(folder, 5_000)
    lines = trip_lines(read_run(folder))
    assert len(lines) == len(list(lines)) == 5_000
    assert "Here are" not in lines.note


def test_a_figure_is_let_go_when_its_bytes_are_made():
    figures = []

    def draw(theme):
        time = np.arange(10) * DAY_US
        figures.append(
            draw_equity(time, np.arange(10) + 100.0, theme, start_cash=100, quote="USDT")
        )
        return figures[-1]

    files: dict[str, bytes] = {}
    shot = shoot(draw, palette(), "A line", name="line", files=files, lines=True)
    assert sorted(files) == ["line-dark.png", "line-light.png"]
    assert shot.dark.startswith("data:image/svg+xml;base64,")
    assert (shot.width, shot.height) == (1360, 480)
    for figure in figures:
        assert figure.axes == []
        assert not isinstance(figure.canvas, FigureCanvasAgg)
