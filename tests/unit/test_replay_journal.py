"""The journal: whole after any death of its writer, and an edit in it shows."""

from __future__ import annotations

import datetime as dt
import json
import os
import random
import signal
import subprocess
import sys
import time
from itertools import count

import pytest

from orderflow_bt.errors import OrderflowError, UsageError
from orderflow_bt.replay.practice.chain import read_lines
from orderflow_bt.replay.practice.journal import Journal, practice_folder
from orderflow_bt.replay.practice.journal_file import FILE, TORN, is_sealed, read_journal
from orderflow_bt.replay.practice.journal_words import in_words, public
from orderflow_bt.replay.practice.shapes import practised_of

FACTS = {"tape": {"symbol": "ABCUSDT"}, "window": {"start": 100, "end": 900}}
WALL = dt.datetime(2026, 1, 2, 3, 4, 5, tzinfo=dt.UTC)


def write_some(folder, lines=6):
    with Journal.open(folder, FACTS, clock=lambda: WALL) as journal:
        for n in range(lines - 1):
            journal.write("note", row=n, time=100 + n, text=f"größer {n}", tags=["a"])
    return (folder / FILE).read_bytes()


def test_what_was_written_is_read(tmp_path):
    write_some(tmp_path / "p", 3)
    found = read_journal(tmp_path / "p")
    assert not found.torn
    assert not found.edited_at
    start, one, two = found.entries
    wall = "2026-01-02T03:04:05.000Z"
    assert start == {"n": 0, "wall": wall, "kind": "start", "version": 1, **FACTS}
    assert one == {
        "n": 1, "wall": wall, "kind": "note", "row": 0, "time": 100, "attempt": 0,
        "text": "größer 0", "tags": ["a"],
    }  # fmt: skip
    assert two["n"] == 2


def test_every_line_is_plain_json(tmp_path):
    for n, line in enumerate(write_some(tmp_path / "p").splitlines()):
        assert json.loads(line)["n"] == n


def test_what_was_on_screen(tmp_path):
    with Journal.open(tmp_path / "p", FACTS) as journal:
        entry = journal.write(
            "action", row=5, time=7, seen={"bar": 3, "marks": [1]}, action={"do": "close"}
        )
        assert entry["seen"] == {"bar": 3, "marks": [1]}
    assert read_journal(tmp_path / "p").entries[-1] == entry


def test_it_goes_on_where_it_stopped(tmp_path):
    write_some(tmp_path / "p", 3)
    with Journal.open(tmp_path / "p") as journal:
        assert len(journal.entries) == 3
        journal.write("note", row=9, time=9, text="later")
    found = read_journal(tmp_path / "p")
    assert [entry["n"] for entry in found.entries] == [0, 1, 2, 3]
    assert not found.edited_at


def test_cut_at_any_byte_no_whole_line_is_lost(tmp_path):
    raw = write_some(tmp_path / "whole", 4)
    ends = [at + 1 for at, byte in enumerate(raw) if byte == 10]
    for cut in range(0, len(raw), 7):
        folder = tmp_path / f"cut-{cut}"
        folder.mkdir()
        (folder / FILE).write_bytes(raw[:cut])
        whole = sum(end <= cut for end in ends)
        torn = raw[max([0, *(end for end in ends if end <= cut)]) : cut]
        assert len(read_journal(folder).entries) == whole
        assert read_journal(folder).torn == torn
        with Journal.open(folder, FACTS) as journal:
            kinds = [entry["kind"] for entry in journal.entries[whole:]]
        assert kinds == ["start"] * (whole == 0) + ["recovered"] * bool(torn)
        assert (folder / TORN).read_bytes() == torn + b"\n" if torn else True
        assert not read_journal(folder).edited_at
        assert not read_journal(folder).torn


WRITER = """
import sys
from pathlib import Path
from orderflow_bt.replay.practice.journal import Journal
with Journal.open(Path(sys.argv[1]), {"of": "a test"}) as journal:
    n = len(journal.entries)
    while True:
        journal.write("note", row=n, time=n, text="x" * (n % 5000))
        n += 1
        print(n, flush=True)
"""


def test_a_writer_killed_at_random_moments(tmp_path):
    folder, said = tmp_path / "p", 0
    for moment in random.Random(4).sample(range(1, 40), 5):
        with subprocess.Popen(
            [sys.executable, "-c", WRITER, str(folder)], stdout=subprocess.PIPE, text=True
        ) as writer:
            said = int(writer.stdout.readline())
            time.sleep(moment / 1000)
            os.kill(writer.pid, signal.SIGKILL)
            said = max([said, *(int(line) for line in writer.stdout if line.endswith("\n"))])
        found = read_journal(folder)
        assert len(found.entries) >= said  # what was said to be written is there
        assert not found.edited_at
    with Journal.open(folder) as journal:
        assert [e["n"] for e in journal.entries] == list(range(len(journal.entries)))


def test_the_second_process_is_refused(tmp_path):
    with Journal.open(tmp_path / "p", FACTS):
        code = (
            "import sys; from pathlib import Path\n"
            "from orderflow_bt.errors import UsageError\n"
            "from orderflow_bt.replay.practice.journal import Journal\n"
            "try: Journal.open(Path(sys.argv[1]))\n"
            "except UsageError as error: print(error)\n"
        )
        said = subprocess.run(
            [sys.executable, "-c", code, str(tmp_path / "p")],
            capture_output=True, text=True, check=True,
        ).stdout  # fmt: skip
        assert "another process is writing this journal" in said
        assert len(read_journal(tmp_path / "p").entries) == 1  # reading is free
    Journal.open(tmp_path / "p").close()


def test_any_edit_shows(tmp_path):
    raw = write_some(tmp_path / "p", 5)
    lines = raw.splitlines(keepends=True)
    rng = random.Random(1)
    for _ in range(150):
        at = rng.randrange(len(raw) - 1)
        other = bytes([raw[at] ^ (1 << rng.randrange(7))])
        if b"\n" in (other, raw[at : at + 1]):
            continue
        assert read_lines(raw[:at] + other + raw[at + 1 :]).edited_at
    assert read_lines(b"".join(lines[:2] + lines[3:])).edited_at == 3  # a line taken out
    assert read_lines(b"".join([*lines[:2], lines[3], lines[2], *lines[4:]])).edited_at == 3
    (tmp_path / "p" / FILE).write_bytes(raw.replace(b" 1", b" 7", 1))
    with pytest.raises(OrderflowError, match="line 3 does not follow"):
        Journal.open(tmp_path / "p")
    Journal.open(tmp_path / "q", FACTS).close()  # the lock was let go of as well
    with pytest.raises(OrderflowError, match="edited"):
        Journal.open(tmp_path / "p")


def test_nothing_is_done_after_the_reveal(tmp_path):
    with Journal.open(tmp_path / "p", FACTS | {"blind": True}) as journal:
        assert is_sealed(journal.entries)
        journal.write("action", row=1, time=101, action={"do": "market"})
        journal.write("reveal", row=2, time=102, symbol="ABCUSDT")
        assert not is_sealed(journal.entries)
        for kind in ("action", "ask", "answer", "fill", "trip", "truth"):
            with pytest.raises(UsageError, match="ended with the reveal"):
                journal.write(kind, row=3, time=103)
        journal.write("note", row=3, time=103, text="what I learnt")


def test_errors(tmp_path):
    with pytest.raises(UsageError, match="no practice to go on with"):
        Journal.open(tmp_path / "p")
    with pytest.raises(UsageError, match="holds no journal"):
        read_journal(tmp_path)
    with Journal.open(tmp_path / "p", FACTS) as journal:
        with pytest.raises(UsageError, match="kind 'dance'"):
            journal.write("dance", row=1, time=1)
        with pytest.raises(UsageError, match="JSON"):
            journal.write("note", row=1, time=1, text=float("nan"))
        assert len(journal.entries) == 1
    (tmp_path / "f").write_text("")
    with pytest.raises(OrderflowError, match="cannot be written"):
        Journal.open(tmp_path / "f" / "p", FACTS)


def test_a_full_disk_leaves_no_half_of_a_line(tmp_path, monkeypatch):
    with Journal.open(tmp_path / "p", FACTS) as journal:
        real, calls = os.write, count()

        def full(handle, content):
            if next(calls):
                raise OSError(28, "No space left on device")
            return real(handle, content[: len(content) // 2])

        monkeypatch.setattr(os, "write", full)
        with pytest.raises(OrderflowError, match="No space left"):
            journal.write("note", row=1, time=1, text="lost")
        monkeypatch.undo()
        journal.write("note", row=1, time=1, text="kept")
    found = read_journal(tmp_path / "p")
    assert [entry.get("text") for entry in found.entries] == [None, "kept"]
    assert not found.torn
    assert not found.edited_at


def test_a_page_that_hides_the_market_gets_no_price_and_no_date(tmp_path):
    with Journal.open(tmp_path / "p", FACTS, clock=lambda: WALL) as journal:
        action = {"do": "stop_limit", "side": -1, "qty": 3, "price": 42_123, "reason": "failed"}
        entry = journal.write("action", row=5, time=1_700_000_000_000_000, action=action)
    shown = public(entry, 1_700_000_000_000_000 - 5, sealed=True)
    assert shown == {
        "n": 1, "kind": "action", "text": "sell stop limit: failed", "elapsed": 5
    }  # fmt: skip
    trip = {"kind": "trip", "side": 1, "r": 1.5, "entry": "42123"}
    assert in_words(trip) == "long closed, +1.50 R"
    sealed = in_words(trip | {"gross_r": 1.75}, sealed=True)
    assert sealed == "long closed, +1.75 R before costs"
    told = public(trip | {"n": 2, "gross_r": 1.75}, 0, sealed=False)
    assert told["text"] == "long closed, +1.50 R"
    answer = {"kind": "answer", "choice": "up", "confidence": 70, "truth": "down"}
    assert in_words(answer) == "said up (70 %); it was down"


def test_a_new_folder_each(tmp_path):
    one = practice_folder(tmp_path, "blind")
    one.mkdir()
    two = practice_folder(tmp_path, "blind")
    assert one != two
    assert one.name.endswith("-blind")


@pytest.mark.parametrize("latency", [-1, 86_400_001, 2**64])
def test_a_practice_of_a_latency_nobody_has_is_not_gone_on_with(tmp_path, latency):
    told = {
        "tape": {"symbol": "X"}, "window": {"start": 0, "end": 1}, "bars": "1m",
        "config": {"latency": latency},
    }  # fmt: skip
    with pytest.raises(OrderflowError, match=r"practised on: config\.latency"):
        practised_of(told, tmp_path)
