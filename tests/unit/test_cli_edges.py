"""What surrounds the program: locales, signals, full disks, numbers and days out of all bounds."""

from __future__ import annotations

import os
import resource
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from practice_market import START, practice_lake
from typer.testing import CliRunner

from orderflow_bt.cli import app

PROGRAM = (sys.executable, "-m", "orderflow_bt")
DAY = str(START)


@pytest.fixture(scope="module")
def market(tmp_path_factory):
    lake, tape = practice_lake(tmp_path_factory.mktemp("market"), trades_per_day=4_000)
    return str(lake.root), tape.symbol


def call(market, *words, code):
    result = CliRunner().invoke(app, ["--data", market[0], *map(str, words)])
    assert result.exit_code == code, result.output
    assert result.exception is None or isinstance(result.exception, SystemExit)
    return result.output


def process(market, *words, **more):
    return subprocess.run(
        [*PROGRAM, "--data", market[0], *map(str, words)],
        capture_output=True, timeout=100, check=False, **more,
    )  # fmt: skip


# Numbers and days --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["run", "absorption", "{}", "--from", "0001-01-01", "--to", "9999-12-31"], "1971 to 2199"),
        (["bars", "{}", "--from", "0001-01-01", "--to", DAY], "--from"),
        (["run", "absorption", "{}", "--from", DAY, "--to", DAY, "--latency", "1e300"], "latency"),
        (["run", "absorption", "{}", "--from", DAY, "--to", DAY, "--seed", "-1"], "seed"),
        (["replay", "{}", "--date", DAY, "--time", "25:00"], "'25:00' is no time of day [--time]"),
        (["replay", "{}", "--date", DAY, "--time", "10:00+02:00"], "no time of day"),
        (["replay", "{}", "--date", DAY, "--warmup", "1e300"], "warmup"),
        (["replay", "{}", "--date", DAY, "--days", "999999999"], "days"),
        (["replay", "{}", "--date", DAY, "--headless", "--dump", "no/such/d"], "no/such/d"),
    ],
)
def test_out_of_all_bounds(market, words, says):
    assert says in call(market, *[word.format(market[1]) for word in words], code=2)


def test_a_lake_that_is_no_folder(market, tmp_path):
    file = tmp_path / "file"
    file.write_text("")
    for wrong in (str(file), ""):
        assert "no folder for a lake" in call((wrong, ""), "ls", code=2)


def test_a_demo_deletes_nobodys_lake(tmp_path, monkeypatch):
    (tmp_path / "data" / "exchange=binance").mkdir(parents=True)
    monkeypatch.chdir(tmp_path)
    for out in (".", str(tmp_path)):
        result = CliRunner().invoke(app, ["demo", "--out", out])
        assert result.exit_code == 2
        assert "would delete" in result.output
    assert (tmp_path / "data" / "exchange=binance").is_dir()


# Locales -----------------------------------------------------------------------------------------


def run_in(market, folder, encoding, **environment):
    given = {n: v for n, v in os.environ.items() if not n.startswith(("LC_", "LANG", "PYTHON"))}
    given |= {"PYTHONIOENCODING": encoding} | environment
    words = ["run", "delta_divergence", market[1], "--from", DAY, "--to", DAY]
    return process(market, *words, "--out", folder, "--cash", "300000", env=given)


def test_a_terminal_that_lacks_signs_gets_others(market, tmp_path):
    done = run_in(market, tmp_path / "l\u00e4uf 1", "latin-1")
    assert done.returncode == 0, done.stderr
    said = done.stdout.decode("latin-1")
    assert "l\u00e4uf 1" in said
    assert "?" not in said
    assert "Traceback" not in done.stderr.decode("latin-1")


def test_a_name_that_is_no_text_here_is_refused(market, tmp_path):
    done = run_in(market, os.fsencode(tmp_path / "l\u00e4uf").decode("utf-8"), "ascii",
                  LC_ALL="C", PYTHONUTF8="0")  # fmt: skip
    assert done.returncode == 2
    assert b"is no text in this locale" in done.stderr
    assert b"Traceback" not in done.stderr


# Signals -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(("number", "code"), [(signal.SIGTERM, 143), (signal.SIGINT, 130)])
def test_asked_to_end_it_leaves_nothing(market, tmp_path, number, code):
    dump = tmp_path / "d.jsonl"
    words = ["replay", market[1], "--date", DAY, "--headless", "--dump", dump, "--speed", "1"]
    with subprocess.Popen(
        [*PROGRAM, "--data", market[0], *map(str, words)], stderr=subprocess.PIPE
    ) as running:
        end = time.monotonic() + 60
        while not list(tmp_path.iterdir()) and time.monotonic() < end:
            time.sleep(0.02)
        running.send_signal(number)
        _, said = running.communicate(timeout=60)
    assert running.returncode == code
    assert said == b"interrupted; nothing half-written was left\n"
    assert list(tmp_path.iterdir()) == []


LATE = """
import atexit, os, signal, sys
atexit.register(os.kill, os.getpid(), signal.{})
from orderflow_bt.cli import main
sys.argv = ["orderflow-bt", "--version"]
main()
"""


@pytest.mark.parametrize("name", ["SIGINT", "SIGTERM"])
def test_asked_to_end_when_all_is_done_it_just_ends(name):
    done = subprocess.run(
        [sys.executable, "-c", LATE.format(name)], capture_output=True, timeout=60, check=False
    )
    assert done.returncode == -signal.Signals[name]
    assert done.stdout.startswith(b"orderflow-bt ")
    assert done.stderr == b""


DROPPED = """
import os, signal, time
from orderflow_bt.cli import surroundings

class Ends:
    def __del__(self):
        os.kill(os.getpid(), signal.{0})  # raised in here: Python tells of it and goes on

def _raw_object_cache_notify():  # as the compiler's own, which must not be left in the middle
    os.kill(os.getpid(), signal.{0})
    return "whole"

surroundings.settle_in([])
for deaf in (Ends, _raw_object_cache_notify):
    try:
        print(deaf() == "whole")
        time.sleep(20)
    except KeyboardInterrupt as heard:
        print(type(heard).__name__)
"""


@pytest.mark.parametrize(
    ("name", "heard"), [("SIGINT", "KeyboardInterrupt"), ("SIGTERM", "Terminated")]
)
def test_asked_to_end_where_nothing_can_be_raised_it_hears_it_soon_after(name, heard):
    done = subprocess.run(
        [sys.executable, "-c", DROPPED.format(name)],
        capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert (done.stdout, done.stderr) == (f"False\n{heard}\nTrue\n{heard}\n", "")


# Full disks --------------------------------------------------------------------------------------


def _small_files():
    resource.setrlimit(resource.RLIMIT_FSIZE, (3000, 3000))


@pytest.mark.parametrize(
    "words",
    [
        ["bars", "{}", "--from", DAY, "--to", DAY, "--bars", "1m", "--out", "a.csv"],
        ["sql", "select * from trades", "--out", "a.parquet"],
        ["replay", "{}", "--date", DAY, "--headless", "--dump", "a.jsonl"],
        ["run", "delta_divergence", "{}", "--from", DAY, "--to", DAY, "--out", "a"],
    ],
)
def test_a_file_that_cannot_grow(market, tmp_path, words):
    words = [word.format(market[1]) for word in words]
    environment = os.environ | {"ORDERFLOW_BT_CACHE_SIZE": "off"}
    done = process(market, *words, cwd=tmp_path, preexec_fn=_small_files, env=environment)
    assert done.returncode == 1, done.stderr
    assert b"error: " in done.stderr
    assert b"File too large" in done.stderr
    assert b"Traceback" not in done.stderr
    assert list(tmp_path.iterdir()) == []


def test_a_full_disk_behind_a_pipe(market):
    words = ["bars", market[1], "--from", DAY, "--to", DAY, "--bars", "1m", "--format", "csv"]
    with Path("/dev/full").open("w") as full:
        done = subprocess.run(
            [*PROGRAM, "--data", market[0], *words],
            stdout=full, stderr=subprocess.PIPE, timeout=100, check=False,
        )  # fmt: skip
    assert done.returncode == 1
    assert b"No space left on device. Free some space" in done.stderr
    assert b"Traceback" not in done.stderr


@pytest.mark.parametrize("closed", [(1,), (2,), (0, 1, 2)])
def test_streams_that_are_closed_are_spoken_into_the_void(market, tmp_path, closed):
    out = tmp_path / "bars.csv"
    words = ["bars", market[1], "--from", DAY, "--to", DAY, "--bars", "1h", "--out", out]
    closing = " ".join(f"{number}>&-" for number in closed)
    line = " ".join(map(str, [*PROGRAM, "--data", market[0], *words]))
    done = subprocess.run(["/bin/sh", "-c", f"exec {line} {closing}"], timeout=100, check=False)
    assert done.returncode == 0
    assert len(out.read_text().splitlines()) == 25
