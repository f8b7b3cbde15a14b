"""Killed at any moment, run beside another, or on a full disk: the lake is whole all the same."""

from __future__ import annotations

import datetime as dt
import os
import random
import shutil
import signal
import subprocess
import sys
import time

import pytest
from archive_days import UM, agg_rows, csv_text, days, put_day, serving

from orderflow_bt.archive import open_source
from orderflow_bt.ingest import download
from orderflow_bt.store import Lake

NOW = dt.datetime(2024, 6, 1, tzinfo=dt.UTC)
DATES = days(30)
KILLS = 50

# One interpreter that has loaded and compiled everything forks a process for each attempt, which
# does all of the work and dies of SIGKILL, without the seconds that starting Python takes. Nothing
# has started a thread before the fork. A dead child is kept until "reap", so that its number is
# nobody else's when it is killed.
SMALL_RUNS = """
from orderflow_bt.ingest.rows import SortedRows
SortedRows.__init__.__kwdefaults__.update(run_rows=64, least_run=32, block_rows=16)
"""
NURSERY = (
    SMALL_RUNS
    + """
import datetime as dt, os, pathlib, sys
from orderflow_bt.archive.binance import field_roles
from orderflow_bt.archive.http import HttpSource
from orderflow_bt.archive.rows import parse_csv
from orderflow_bt.ingest import download
from orderflow_bt.ingest.clean import DefectCount
from orderflow_bt.store import Lake
from orderflow_bt.types import Kind, MarketType, TapeId
tape = TapeId("binance", MarketType.UM, Kind.AGG_TRADES, "ABCUSDT")
dates = [dt.date(2024, 1, 1) + dt.timedelta(days=n) for n in range(30)]
row = b"1,1,1,1,1,1704067200000,true\\n"
parsed = parse_csv([row], lambda h, n: field_roles(tape.kind, h, n), "warm", 50)
DefectCount(tape, dates[0], "warm", "ms").add(parsed.columns, (0, 1))
print("ready", flush=True)
for line in sys.stdin:
    root, url = line.split()
    child = os.fork()
    if not child:
        code = 1
        try:
            source = HttpSource(url, pause_s=0.01)
            results = download(Lake(pathlib.Path(root)), tape, dates, source)
            code = 0 if all(r.is_in_lake for r in results) else 1
        finally:
            os._exit(code)
    print(child, flush=True)
    sys.stdin.readline()
    print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), flush=True)
"""
)


@pytest.fixture
def server(tmp_path):
    root = tmp_path / "archive"
    for number, date in enumerate(DATES):
        rows = agg_rows(date, 300, 1 + 300 * number)
        if number % 3 == 0:  # so that it is laid aside in runs and merged
            random.Random(number).shuffle(rows)
        put_day(root, date=date, text=csv_text(rows))
    with serving(root) as running:
        yield running


def contents(root):
    """Every file that a reader could take for a day, with its bytes."""
    files = [path for path in root.rglob("*") if path.is_file()]
    return {
        str(path.relative_to(root)): path.read_bytes()
        for path in files
        if ".incoming" not in path.parts
    }


def parts(root):
    return [path.name for path in (root / ".incoming").glob("*.part")]


class Nursery:
    def __init__(self):
        self.process = subprocess.Popen(
            [sys.executable, "-W", "ignore", "-c", NURSERY],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        assert self._hear() == "ready"

    def _hear(self):
        line = self.process.stdout.readline().strip()
        assert line, "the nursery died"
        return line

    def _say(self, line):
        self.process.stdin.write(line + "\n")
        self.process.stdin.flush()

    def run(self, root, url, kill_after_s=None):
        """The exit code of a download that is killed after so many seconds, if it still runs."""
        self._say(f"{root} {url}")
        child = int(self._hear())
        if kill_after_s is not None:
            time.sleep(kill_after_s)
            os.kill(child, signal.SIGKILL)
        self._say("reap")
        return int(self._hear())

    def close(self):
        self.process.stdin.close()
        self.process.wait(30)
        self.process.stdout.close()


@pytest.fixture
def nursery():
    running = Nursery()
    yield running
    running.close()


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
def test_killed_at_fifty_random_moments_and_run_again(server, nursery, tmp_path):
    undisturbed = tmp_path / "undisturbed"
    began = time.monotonic()
    assert nursery.run(undisturbed, server.url) == 0
    usual_s = time.monotonic() - began
    whole = contents(undisturbed)
    assert len(whole) == len(DATES)
    moments = random.Random(1)
    kills = lakes = halves = 0
    while kills < KILLS:
        lakes += 1
        root = tmp_path / f"lake-{lakes}"
        code = None
        while code != 0 and kills < KILLS:
            code = nursery.run(root, server.url, moments.uniform(0, 0.6 * usual_s))
            assert code in (0, -signal.SIGKILL)
            kills += code != 0
            halves += bool(parts(root))
            found = contents(root)
            assert found == {name: whole[name] for name in found}
        assert nursery.run(root, server.url) == 0
        assert contents(root) == whole
        assert parts(root) == []
        shutil.rmtree(root)
    assert halves > 5  # the kills did meet files on their way


@pytest.mark.parametrize("shuffled", [False, True])
def test_a_file_that_may_not_grow_is_an_error_and_leaves_nothing(server, tmp_path, shuffled):
    """RLIMIT_FSIZE stands for a full disk where none can be mounted."""
    big = DATES[3]
    rows = agg_rows(big, 20_000)
    if shuffled:
        random.Random(1).shuffle(rows)
    put_day(server.root, date=big, text=csv_text(rows))
    script = f"""{SMALL_RUNS}
import resource, sys
from orderflow_bt.cli import main
resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, resource.RLIM_INFINITY))
main()
"""
    lake = Lake(tmp_path / "lake")
    arguments = ["--data", str(lake.root), "download", "ABCUSDT", "--source", server.url]
    arguments += ["--from", "2024-01-01", "--to", "2024-01-05"]
    done = subprocess.run(
        [sys.executable, "-c", script, *arguments],
        capture_output=True,
        check=False,
        text=True,
        timeout=60,
    )
    assert done.returncode == 1
    assert "Traceback" not in done.stderr
    assert "the day cannot be written: File too large" in done.stdout
    assert "Free some space" in done.stderr
    assert lake.dates(UM) == [date for date in days(5) if date != big]
    assert parts(lake.root) == []
    results = download(lake, UM, days(5), open_source(server.url), now=NOW)
    assert [result.status for result in results].count("stored") == 1


FULL_DISK = """
import datetime as dt, os, pathlib, subprocess, sys
from orderflow_bt.archive import open_source
from orderflow_bt.errors import LakeError
from orderflow_bt.ingest import download
from orderflow_bt.store import Lake
from orderflow_bt.types import Kind, MarketType, TapeId
disk, archive = sys.argv[1:]
subprocess.run(["mount", "-t", "tmpfs", "-o", "size=80k", "none", disk], check=True)
print("mounted", flush=True)
lake = Lake(pathlib.Path(disk) / "lake")
tape = TapeId("binance", MarketType.UM, Kind.AGG_TRADES, "ABCUSDT")
dates = [dt.date(2024, 1, 1) + dt.timedelta(days=n) for n in range(30)]
results = download(lake, tape, dates, open_source(archive))
failed = [r for r in results if r.status == "failed"]
assert 0 < len(failed) < 30, failed
for result in failed:
    assert isinstance(result.error, LakeError), result.error
    assert "No space left on device" in str(result.error), result.error
assert [r.date for r in results if r.is_in_lake] == [d.date for d in lake.days(tape)]
assert not list(lake.incoming.glob("*.part"))
subprocess.run(["mount", "-o", "remount,size=64m", disk], check=True)
assert all(r.is_in_lake for r in download(lake, tape, dates, open_source(archive)))
for day in lake.days(tape):
    assert sum(t.rows for t in lake.read(tape, day.date, 1, 3)) == 300
print("whole", flush=True)
"""


def test_a_full_disk_is_an_error_and_the_lake_goes_on_when_there_is_room(server, tmp_path):
    disk = tmp_path / "disk"
    disk.mkdir()
    unshare = shutil.which("unshare")
    if not unshare:
        pytest.skip("needs unshare, to mount a small disk")
    done = subprocess.run(
        [
            *[unshare, "--mount", "--map-root-user"],
            *[sys.executable, "-c", FULL_DISK, str(disk), str(server.root)],
        ],
        capture_output=True,
        check=False,
        text=True,
        timeout=120,
    )
    if "mounted" not in done.stdout:
        pytest.skip("may not mount a small disk here")
    assert done.stdout.split() == ["mounted", "whole"], done.stderr
