"""What is on its way to a name, and what killed processes left of it."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest
from typer.testing import CliRunner

from orderflow_bt.cli import app
from orderflow_bt.cli.output import whole_file
from orderflow_bt.errors import OrderflowError
from orderflow_bt.parts import clear, held, left_in, part_of
from orderflow_bt.report.build import write_whole
from orderflow_bt.run.whole import whole_folder

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.skipif(os.name != "posix", reason="locks of folders are POSIX")

KILLED = """
import os, signal, sys
from pathlib import Path
from orderflow_bt.run.whole import whole_folder
with whole_folder(Path(sys.argv[1])) as part:
    part.write_text("half", {})
    os.kill(os.getpid(), signal.SIGKILL)
"""


@pytest.fixture(scope="module")
def gone():
    """The number of a process that is no more."""
    ended = subprocess.Popen([sys.executable, "-c", ""])
    ended.wait()
    return ended.pid


def named(folder: Path, name: str, number: int) -> Path:
    """A part of another process on this machine."""
    return folder / part_of(folder / name).name.replace(f".{os.getpid()}-", f".{number}-")


def test_what_a_killed_run_left_goes_with_the_next(tmp_path):
    killed = subprocess.run([sys.executable, "-c", KILLED, str(tmp_path / "a")], check=False)
    assert killed.returncode == -signal.SIGKILL
    (left,) = left_in(tmp_path)
    assert (left / "half.json").exists()
    with whole_folder(tmp_path / "b") as part:
        part.write_text("whole", {})
        assert left_in(tmp_path) == []
    assert [path.name for path in tmp_path.iterdir()] == ["b"]


def test_what_a_killed_writer_of_a_file_left_goes_too(tmp_path, gone):
    def leave() -> Path:
        left = named(tmp_path, "bars.csv", gone)
        left.touch()
        return left

    left = leave()
    with whole_file(tmp_path / "other.csv") as part:
        assert not left.exists()
        part.write_text("x")
    left = leave()
    write_whole(tmp_path / "report.html", b"x")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["other.csv", "report.html"]


def test_what_is_being_written_stays(tmp_path, gone):
    mine = part_of(tmp_path / "mine")
    alive = named(tmp_path, "alive", os.getppid())
    locked = named(tmp_path, "locked", gone)
    for part in (mine, alive, locked):
        part.mkdir()
    with held(locked):
        clear(tmp_path)
    assert left_in(tmp_path) == [locked]
    assert len(list(tmp_path.iterdir())) == 3


def test_what_another_machine_wrote_stays_for_a_day(tmp_path, gone):
    part = tmp_path / f".run.{gone}-zzzzzz.part".replace("zzzzzz", "0f0f0f")
    part.mkdir()
    (part / "half.json").touch()
    os.utime(part, (1, 1))
    assert left_in(tmp_path) == []
    os.utime(part / "half.json", (1, 1))
    os.utime(part, (1, 1))
    assert left_in(tmp_path) == [part]


@pytest.mark.parametrize("name", [".a.part", ".a.12.part", "a.12-0f0f0f.part", ".a.x-0f0f0f.part"])
def test_what_others_call_a_part_is_theirs(tmp_path, name):
    (tmp_path / name).mkdir()
    os.utime(tmp_path / name, (1, 1))
    assert left_in(tmp_path) == []


def test_what_is_odd_stays(tmp_path, gone):
    (tmp_path / "elsewhere").mkdir()
    named(tmp_path, "link", gone).symlink_to(tmp_path / "elsewhere")
    os.mkfifo(named(tmp_path, "pipe", gone))  # and is not waited for
    clear(tmp_path)
    assert {path.name for path in tmp_path.iterdir()} >= {
        "elsewhere",
        named(tmp_path, "link", gone).name,
    }
    assert left_in(tmp_path / "none") == []


def test_an_error_leaves_nothing(tmp_path):
    with (
        pytest.raises(OrderflowError, match="cannot be written: gone"),
        whole_folder(tmp_path / "a"),
    ):
        raise OSError("gone")
    with pytest.raises(OrderflowError, match="cannot be written"), whole_file(tmp_path / "a.csv"):
        raise OSError("gone")
    with pytest.raises(IsADirectoryError):
        write_whole(tmp_path, b"x")
    assert list(tmp_path.iterdir()) == []


def test_the_doctor_tells_of_what_killed_runs_left(tmp_path, monkeypatch, gone):
    monkeypatch.chdir(tmp_path)
    named(tmp_path / "runs", "a", gone).mkdir(parents=True)
    told = CliRunner().invoke(app, ["--data", "lake", "doctor"])
    assert f"1 part left in runs/ by killed runs: .a.{gone}-" in told.output
    assert "the next run removes them" in told.output
