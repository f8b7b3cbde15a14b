"""A run folder of which any file was damaged is refused in words, by whatever reads it."""

from __future__ import annotations

import os
import random
import shutil
import subprocess
import sys

import pytest
from run_folders import build_run_folder
from typer.testing import CliRunner

from orderflow_bt.cli import app
from orderflow_bt.run.whole import SUMS, whole_folder

READERS = {
    "export": ["export", "RUN", "--out", "OUT"],
    "explain": ["explain", "RUN", "--fill", "1"],
    "draw": ["explain", "RUN", "--order", "1", "--out", "OUT/order.html"],
    "report": ["report", "RUN"],
    "compare": ["report", "OTHER", "RUN", "--out", "OUT/page.html"],
}


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    folder = tmp_path_factory.mktemp("damaged") / "whole"
    with whole_folder(folder) as part:
        build_run_folder(part.home, trips=2, bars=100)
    return folder


@pytest.fixture
def run(whole, tmp_path):
    return shutil.copytree(whole, tmp_path / "run")


def ask(reader, run, whole):
    out = run.with_name("out")
    out.mkdir(exist_ok=True)
    places = {"RUN": str(run), "OTHER": str(whole), "OUT": str(out)}
    words = [word.replace("OUT", places["OUT"]) for word in READERS[reader]]
    words = [places.get(word, word) for word in words]
    return CliRunner().invoke(app, ["--data", str(run.with_name("no-lake")), *words])


def flip(path):
    content = bytearray(path.read_bytes())
    content[random.Random(path.name).randrange(len(content))] ^= 1
    path.write_bytes(content)


def replace(path, make):
    path.unlink()
    make(path)


DAMAGES = {
    "empty": lambda path: path.write_bytes(b""),
    "cut": lambda path: path.write_bytes(path.read_bytes()[:-3]),
    "flipped": flip,
    "gone": lambda path: path.unlink(),
    "a folder": lambda path: replace(path, lambda p: p.mkdir()),
    "leads nowhere": lambda path: replace(path, lambda p: p.symlink_to("nowhere")),
    "leads to itself": lambda path: replace(path, lambda p: p.symlink_to(p.name)),
    "a device": lambda path: replace(path, lambda p: p.symlink_to(os.devnull)),
    "another's": lambda path: path.write_bytes((path.parent / "equity.parquet").read_bytes()[::-1]),
}


def refused(done, run):
    assert done.exit_code == 1, (done.exit_code, done.exception, done.output)
    assert isinstance(done.exception, SystemExit)
    assert "the run folder is damaged: " in done.stderr
    assert "Run the backtest again" in done.stderr
    assert not [path for path in run.with_name("out").rglob("*") if path.is_file()]
    assert not list(run.glob(".*"))


@pytest.mark.parametrize("damage", DAMAGES)
def test_each_file_is_missed(whole, run, damage):
    files = [path.name for path in whole.iterdir() if path.is_file()]
    assert len(files) == 10
    for name in files:
        if (damage, name) == ("gone", SUMS):
            continue  # folders of earlier versions have none
        DAMAGES[damage](run / name)
        done = ask("export", run, whole)
        refused(done, run)
        assert name in done.stderr
        path = run / name
        if path.is_dir() and not path.is_symlink():
            path.rmdir()
        path.unlink(missing_ok=True)
        shutil.copy(whole / name, path)


@pytest.mark.parametrize("reader", READERS)
def test_each_reader_refuses(whole, run, reader):
    flip(run / "fills.parquet")
    done = ask(reader, run, whole)
    refused(done, run)
    assert "fills.parquet" in done.stderr


def test_checksums_cut_between_two_lines(whole, run):
    lines = (run / SUMS).read_text().splitlines(keepends=True)
    (run / SUMS).write_text("".join(lines[:-1]))
    refused(ask("export", run, whole), run)


@pytest.mark.skipif(not shutil.which("sha256sum"), reason="needs sha256sum")
def test_anybody_can_check_it(run):
    subprocess.run(["sha256sum", "--strict", "--check", SUMS], cwd=run, check=True, timeout=30)


def test_a_report_is_no_damage_and_a_folder_without_checksums_is_believed(whole, run):
    assert ask("report", run, whole).exit_code == 0
    assert ask("report", run, whole).exit_code == 0
    (run / SUMS).unlink()
    assert ask("export", run, whole).exit_code == 0


@pytest.mark.parametrize("other_name", [False, True])
def test_an_export_never_lies_over_the_run(whole, run, other_name):
    before = {path.name: path.read_bytes() for path in run.iterdir() if path.is_file()}
    out = run
    if other_name:
        out = run.with_name("link")
        out.symlink_to(run)
    words = ["export", str(run), "--out", str(out), "--format", "parquet"]
    done = CliRunner().invoke(app, words)
    assert done.exit_code == 2
    assert "the run's own tables lie there" in done.stderr
    assert {path.name: path.read_bytes() for path in run.iterdir() if path.is_file()} == before


PROGRAM = (sys.executable, "-m", "orderflow_bt")
TABLES = {"orders", "fills", "round_trips", "equity", "events", "returns"}


def exported(run, out, stdout):
    words = ["export", str(run), "--out", str(out)]
    return subprocess.run(
        [*PROGRAM, *words], stdout=stdout, stderr=subprocess.PIPE, timeout=100, check=False
    )


def test_who_closes_the_pipe_early_still_has_every_table(run, tmp_path):
    read, write = os.pipe()
    os.close(read)
    done = exported(run, tmp_path / "out", write)
    os.close(write)
    assert (done.returncode, done.stderr) == (0, b"")
    assert {path.stem for path in (tmp_path / "out").iterdir()} == TABLES


def test_a_place_that_is_none_is_wrong_usage_and_what_the_system_refuses_a_failure(run, tmp_path):
    (tmp_path / "file").touch()
    done = exported(run, tmp_path / "file" / "below", subprocess.PIPE)
    assert done.returncode == 2
    assert b"there is no folder" in done.stderr
    done = exported(run, "/proc/nobody-makes-this", subprocess.PIPE)
    assert done.returncode in (1, 2)
    assert b"cannot be written" in done.stderr
