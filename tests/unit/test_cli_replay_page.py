"""The practice page from the command line: served, killed, begun again, ended."""

from __future__ import annotations

import contextlib
import os
import re
import signal
import subprocess
import sys
import time
from types import SimpleNamespace

import pytest
from practice_market import START, practice_lake
from practice_server import Page, get
from typer.testing import CliRunner

from orderflow_bt.cli import app, replay_page
from orderflow_bt.cli.warm import REPLAY
from orderflow_bt.errors import UsageError
from orderflow_bt.replay.practice.journal_file import read_journal

PROGRAM = (sys.executable, "-m", "orderflow_bt")


@pytest.fixture(scope="module")
def market(tmp_path_factory):
    return practice_lake(tmp_path_factory.mktemp("market"), trades_per_day=20_000)


@contextlib.contextmanager
def replaying(folder, lake, *words):
    """The command, running in a folder, with the address it prints."""
    command = [*PROGRAM, "--data", str(lake.root), "replay", *words]
    environment = {n: v for n, v in os.environ.items() if n not in ("DISPLAY", "WAYLAND_DISPLAY")}
    process = subprocess.Popen(
        command, cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        env=environment,
    )  # fmt: skip
    try:
        line = process.stdout.readline()
        found = re.fullmatch(r"replay: http://127\.0\.0\.1:(\d+)/\?token=([\w-]+)\n", line)
        assert found, line + process.stderr.read()
        port = int(found[1])
        guard = SimpleNamespace(cookie=f"orderflow-bt-{port}")
        yield (
            process,
            SimpleNamespace(
                port=port, token=found[2], guard=guard, origin=f"http://127.0.0.1:{port}"
            ),
        )
    finally:
        process.kill()
        process.communicate(timeout=20)


def test_killed_and_begun_again(market, tmp_path):
    lake, tape = market
    words = (tape.symbol, "--date", str(START), "--time", "08:00")
    with replaying(tmp_path, lake, *words) as (process, server):
        (folder,) = (tmp_path / "practice").iterdir()
        with Page(server) as page:
            page.say("step", by="minute", count=5)
            page.say("order", action={"do": "market", "side": 1, "qty": 0.05, "reason": "other"})
            page.say("step", by="minute", count=3)
            page.say("note", text="before the crash")
            page.until(lambda found: found["account"]["position"] > 0)
            page.until(lambda found: len(found["journal"]) == 4)
            before = page.state
            time.sleep(0.2)  # the desk has come to rest
            os.kill(process.pid, signal.SIGKILL)
            assert page.closed() is None
    lines = read_journal(folder)
    assert [entry["kind"] for entry in lines.entries] == ["start", "action", "fill", "note"]
    assert (lines.torn, lines.edited_at) == (b"", 0)

    with replaying(tmp_path, lake, "--resume", str(folder)) as (process, again):
        assert (again.port, again.token) == (server.port, server.token)
        with Page(again) as page:  # as the page that is still open does, with its old cookie
            page.until(lambda found: "clock" in found)
            for key in ("clock", "fills", "trips", "account", "orders", "journal", "last"):
                assert page.state[key] == before[key], key
            assert page.say("order", action={"do": "close"})["ok"]
        began = time.monotonic()
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=20)
        assert time.monotonic() - began < 15  # a busy machine included
    assert (process.returncode, out) == (0, "")
    assert f"journal: {folder / 'journal.jsonl'}" in err
    assert f"go on:   orderflow-bt --data {lake.root} replay --resume {folder}" in err
    assert "Traceback" not in err
    assert [entry["kind"] for entry in read_journal(folder).entries][-1] == "action"


def test_two_processes_do_not_write_one_journal(market, tmp_path):
    lake, tape = market
    with replaying(tmp_path, lake, tape.symbol, "--date", str(START), "--time", "23:00"):
        (folder,) = (tmp_path / "practice").iterdir()
        second = subprocess.run(
            [*PROGRAM, "--data", str(lake.root), "replay", "--resume", folder],
            capture_output=True, text=True, timeout=60, cwd=tmp_path, check=False,
        )  # fmt: skip
        assert second.returncode == 2
        assert "another process is writing this journal" in second.stderr


def test_a_blind_practice_says_nothing_of_what_it_is(market, tmp_path):
    lake, tape = market
    with replaying(tmp_path, lake, "--blind", "--seed", "5") as (_, server):
        with Page(server) as page:
            page.until(lambda found: "clock" in found)
            assert page.hello["blind"]
            assert page.hello["challenge"]
            assert tape.symbol not in str(page.raw)
            facts = page.say("reveal")["reveal"]
            assert facts["symbol"] == tape.symbol
            while page.hello["blind"]:
                page.take()
        assert get(server)[0] == 200


def test_without_the_extra_it_says_how_to_get_it(monkeypatch):
    monkeypatch.setattr(replay_page.importlib.util, "find_spec", lambda name: None)
    with pytest.raises(UsageError, match=r"pip install 'orderflow-bt\[replay\]'"):
        replay_page.check_extra()


@pytest.mark.parametrize(
    "words",
    [
        (),
        ("X",),
        ("--blind", "X"),
        ("--resume", "none"),
        ("X", "--date", "2026-01-05", "--port", "-1"),
    ],
)
def test_usage(tmp_path, words):
    done = subprocess.run(
        [*PROGRAM, "replay", *words],
        capture_output=True, text=True, timeout=60, cwd=tmp_path, check=False,
    )  # fmt: skip
    assert done.returncode == 2
    assert "Traceback" not in done.stderr


def test_what_is_not_compiled_yet_is_compiled_beside(market, tmp_path, monkeypatch):
    lake, tape = market
    steps = []

    @contextlib.contextmanager
    def compiling(parts):
        assert parts == REPLAY
        steps.append("begun")
        yield ["a process"]
        steps.append("ended")

    def opened(*_, **__):
        steps.append("opened")
        raise UsageError("opened")

    monkeypatch.setattr("orderflow_bt.cli.warm.compiling", compiling)
    monkeypatch.setattr("orderflow_bt.replay.desk.opening.open_desk", opened)
    words = ["--data", str(lake.root), "replay", tape.symbol, "--date", str(START)]
    result = CliRunner().invoke(app, [*words, "--no-open", "--out", str(tmp_path)])
    assert "compiling, once" in result.output
    assert steps == ["begun", "opened"]
    assert result.exit_code == 2
