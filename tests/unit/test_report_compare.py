"""Several runs on one page, and the command that rebuilds reports."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING

import numpy as np
import pytest
import typer
from run_folders import build_run_folder
from typer.testing import CliRunner

from orderflow_bt.cli.report import command
from orderflow_bt.errors import UsageError
from orderflow_bt.report import compare
from orderflow_bt.report.curves import Curve, draw_curves, looks_of
from orderflow_bt.report.theme import DARK
from orderflow_bt.types import DAY_US

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    folder = tmp_path_factory.mktemp("runs")
    return [
        build_run_folder(folder / "a", trips=2, bars=288, seed=1),
        build_run_folder(folder / "b", trips=0, bars=288, seed=2),
    ]


def test_runs_stand_in_columns_with_a_word_on_choosing(runs: list[Path], tmp_path: Path):
    page = compare(runs, tmp_path / "new" / "page.html")
    text = page.read_text()
    assert "2 runs side by side" in text
    assert "Choosing the best of 2" in text
    assert ">too few to judge<" in text
    assert ">no trades<" in text
    for run in runs:
        verdict = json.loads((run / "metrics.json").read_text())["verdict"]
        assert verdict["headline"] in text
    assert "compare them with care" not in text
    assert text == compare(runs, page).read_text()


def test_a_run_that_failed_is_named_and_has_no_column(runs: list[Path], tmp_path: Path):
    bad = tmp_path / "bad.failed"
    bad.mkdir()
    (bad / "failure.json").write_text(json.dumps({"what": "Own.on_bar raised ValueError: <no>"}))
    page = tmp_path / "page.html"
    program = typer.Typer()
    program.command()(command)
    told = CliRunner().invoke(program, [str(runs[0]), str(bad), str(runs[1]), "--out", str(page)])
    assert told.exit_code == 0, told.output
    assert "bad.failed failed and is left out: Own.on_bar raised" in told.stderr
    text = page.read_text()
    assert "Not in the table: bad.failed. Its run failed: Own.on_bar raised ValueError" in text
    assert "2 runs side by side" in text
    with pytest.raises(UsageError, match="failed and is not whole"):
        compare([bad], page)


def test_what_differs_between_runs_stands_first(runs: list[Path], tmp_path: Path):
    other = build_run_folder(tmp_path / "other", trips=2, bars=288, seed=3)
    manifest = json.loads((other / "manifest.json").read_text())
    manifest["strategy"]["parameters"]["pivot"] = 7
    manifest["simulation"]["latency_ms"]["entry"] = 250.0
    (other / "manifest.json").write_text(json.dumps(manifest))
    text = compare([runs[0], other], tmp_path / "page.html").read_text()
    head = text[text.index("What went in") : text.index("What came out")]
    rows = re.findall(r"<tr><td>(.*?)</td>", head)
    assert rows == ["Strategy", "Symbol", "pivot", "Latency, ms"]
    assert ">7</td>" in head
    assert "Equity of the runs" in text


def test_many_curves_are_told_apart():
    time = np.arange(3, dtype=np.int64) * DAY_US
    flat = [Curve(str(n), time, np.full(3, float(n // 4))) for n in range(12)]
    drawn = draw_curves(flat, DARK).axes[0]
    assert len(drawn.get_lines()) == 13  # and the zero
    assert len(set(looks_of(20, DARK))) == 20
    ends = sorted(note.xy[1] for note in drawn.texts if note.get_text().isdigit())
    assert min(np.diff(ends)) > 0.1  # no name on another


def test_runs_on_other_windows_are_pointed_out(runs: list[Path], tmp_path: Path):
    longer = build_run_folder(tmp_path / "c", trips=0, bars=576)
    assert "compare them with care" in compare([*runs, longer], tmp_path / "page.html").read_text()


def test_the_command_rebuilds_each_and_compares_several(runs: list[Path], tmp_path: Path):
    app = typer.Typer()
    app.command()(command)
    out = tmp_path / "page.html"
    one = CliRunner().invoke(app, [str(runs[0])])
    assert one.output.strip() == str(runs[0] / "report.html")
    both = CliRunner().invoke(app, [*map(str, runs), "--out", str(out)])
    assert both.output.split()[-1] == str(out)
    assert out.exists()
