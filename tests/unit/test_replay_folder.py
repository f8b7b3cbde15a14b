"""A practice folder whose files were cut, altered or forged: every reader answers in words."""

from __future__ import annotations

import json
import os
import random
import shutil

import pytest
from practice_market import plan_of, practice_lake
from practice_server import Page, serving
from typer.testing import CliRunner

from orderflow_bt.cli import app
from orderflow_bt.errors import OrderflowError, UsageError
from orderflow_bt.replay.desk.messages import Message
from orderflow_bt.replay.desk.opening import open_desk
from orderflow_bt.replay.desk.server import PracticeServer
from orderflow_bt.replay.practice.chain import FIRST, Head, read_lines, seal
from orderflow_bt.replay.practice.journal import Journal
from orderflow_bt.replay.practice.journal_file import FILE, HEAD, read_journal

SHARED = ["journal.jsonl", "journal.head", "desk.json", "address.json", "journal.torn"]
FUZZ = int(os.environ.get("ORDERFLOW_BT_FUZZ", "10"))


@pytest.fixture(scope="module")
def market(tmp_path_factory):
    return practice_lake(tmp_path_factory.mktemp("market"), trades_per_day=12_000)


def ask(desk, do, **fields):
    reply = desk.handle(Message(do=do, fields=fields))
    while desk.mover.seeking:
        desk.work(0.0)
    desk.work(0.0)
    return reply


@pytest.fixture(scope="module")
def practised(market, tmp_path_factory):
    """A practice with answers, a round trip, a note, something switched; folder, not written on."""
    lake, tape = market
    folder = tmp_path_factory.mktemp("practised") / "one"
    desk = open_desk(lake, plan_of(tape, hours=(8.0, 20.0)), folder)
    ask(desk, "pauses", levels=[desk.player.session.last_price / 100 + 900], trades=500)
    ask(desk, "detectors", name="big_trades", on=False)
    for kind in ("aggression", "outcome"):
        ask(desk, "drill", kind=kind)
        drill = desk.notebook.drill
        ask(desk, "answer", choice=drill["choices"][0], confidence=70, seconds=3)
    last = desk.lens.price(desk.player.session.last_price)
    ask(desk, "order", action={
        "do": "market", "side": 1, "qty": 0.05, "stop": last - 40, "target": last + 400,
        "reason": "other",
    })  # fmt: skip
    ask(desk, "step", by="minute", count=2)
    ask(desk, "order", action={"do": "close"})
    ask(desk, "step", by="minute", count=6)  # the outcome is known
    ask(desk, "seek", row=desk.player.row - 200)
    ask(desk, "note", text="größer", tags=["a"])
    desk.close()
    (folder / "address.json").write_text('{"port": 1, "token": "x"}')
    (folder / "journal.torn").write_text('{"n"')
    kinds = {entry["kind"] for entry in read_journal(folder).entries}
    assert {"answer", "truth", "action", "fill", "trip", "seek", "note", "detectors"} <= kinds
    return folder


@pytest.fixture
def copied(practised, tmp_path):
    return shutil.copytree(practised, tmp_path / "practice" / "one")


def call(lake, *words):
    """The command, in words: (exit code, all that it said)."""
    result = CliRunner().invoke(app, ["--data", str(lake.root), *map(str, words)])
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    assert "Traceback" not in result.output
    assert result.exit_code in (0, 1, 2)
    if result.exit_code:
        assert "error: " in result.output
    return result.exit_code, result.output


def read_all(lake, folder, monkeypatch):
    """Every command that reads a practice folder; exit codes."""
    monkeypatch.setattr(PracticeServer, "run", lambda self, ready=None: self._socket.close())
    out = folder.parent.parent / "j.csv"
    return [
        call(lake, "practice", "--out", folder.parent)[0],
        call(lake, "practice", folder, "--no-page")[0],
        call(lake, "practice", folder, "--json")[0],
        call(lake, "practice", folder, "--export", out)[0],
        call(lake, "replay", "--resume", folder, "--no-open")[0],
    ]


def forge(folder, entries):
    """A journal of these entries whose chain and head are whole."""
    raw, before = b"", FIRST
    for entry in entries:
        line, before = seal(entry, before)
        raw += line
    (folder / FILE).write_bytes(raw)
    (folder / HEAD).write_bytes(Head(len(entries), before).packed())


WRONG = [None, True, -1, 0, 10**30, 1.5, -2.5, "", "x", "9" * 400, [], [1], {}, {"a": []}, "1e999"]


def alter(value, draw):
    """The same with one leaf, or all of it, replaced by something else."""
    if isinstance(value, dict) and value and draw.random() < 0.95:
        name = draw.choice(sorted(value))
        if draw.random() < 0.1:
            return {n: v for n, v in value.items() if n != name}
        return value | {name: alter(value[name], draw)}
    if isinstance(value, list) and value and draw.random() < 0.8:
        at = draw.randrange(len(value))
        return [*value[:at], alter(value[at], draw), *value[at + 1 :]]
    return draw.choice(WRONG)


def test_a_whole_folder_is_read_by_all(market, copied, monkeypatch):
    assert read_all(market[0], copied, monkeypatch) == [0] * 5


@pytest.mark.parametrize("seed", range(FUZZ))
def test_files_cut_or_overwritten(market, copied, monkeypatch, seed):
    draw = random.Random(seed)
    path = copied / SHARED[seed % len(SHARED)]
    raw = path.read_bytes()
    at = draw.randrange(len(raw))
    if draw.random() < 0.5:
        path.write_bytes(raw[:at])
    else:
        path.write_bytes(raw[:at] + draw.randbytes(draw.randrange(1, 40)) + raw[at + 3 :])
    read_all(market[0], copied, monkeypatch)


@pytest.mark.parametrize("seed", range(FUZZ))
def test_a_forged_journal(market, copied, monkeypatch, seed):
    draw = random.Random(1000 + seed)
    entries = read_journal(copied).entries
    at = draw.choice([0, draw.randrange(len(entries))])
    forge(copied, [*entries[:at], alter(entries[at], draw), *entries[at + 1 :]])
    if draw.random() < 0.5:
        (copied / "desk.json").unlink()
    read_all(market[0], copied, monkeypatch)


@pytest.mark.parametrize("seed", range(FUZZ))
def test_a_memory_of_wrong_types(market, copied, monkeypatch, seed):
    draw = random.Random(2000 + seed)
    path = copied / "desk.json"
    path.write_text(json.dumps(alter(json.loads(path.read_text()), draw)))
    *others, _resumed = read_all(market[0], copied, monkeypatch)
    assert others == [0] * 4  # it is none of theirs


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ('{"row":1e400,"furthest":1}', "row: input should be"),
        ("[" * 100_000, "it is no JSON"),
        ('{"row": 5}', "furthest: field required"),
        ('{"row": 5, "furthest": 5, "detectors": "absorption"}', "detectors: input should be"),
        ('{"row": 5, "furthest": 5, "speed": 0}', "speed"),
    ],
)
def test_a_memory_that_cannot_be_read_says_where_and_what_to_do(market, copied, text, says):
    path = copied / "desk.json"
    path.write_text(text)
    code, said = call(market[0], "replay", "--resume", copied, "--no-open")
    assert code == 2
    assert says in said
    assert str(path) in said
    assert "Delete it" in said


@pytest.mark.parametrize(
    ("more", "says"),
    [
        ({"detectors": ["unheard_of"]}, "unheard_of"),
        ({"pauses": {"trades": "many"}}, "trades"),
        ({"pauses": {"levels": [[1, 10**40]]}}, "level"),
        ({"strategies": ["mine"]}, "mine"),
        ({"bars": "renko:0"}, "renko"),
    ],
)
def test_a_memory_of_what_is_not_there_names_the_file(market, copied, more, says):
    path = copied / "desk.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | more))
    code, said = call(market[0], "replay", "--resume", copied, "--no-open")
    assert code == 2
    assert says in said
    assert "desk.json" in said
    assert "Delete it" in said


def test_a_forged_line_is_named_with_its_field(copied):
    entries = read_journal(copied).entries
    at = next(n for n, entry in enumerate(entries) if entry["kind"] == "answer")
    forge(copied, [*entries[:at], entries[at] | {"confidence": "high"}, *entries[at + 1 :]])
    with pytest.raises(OrderflowError, match=f"line {at + 1}, confidence: ") as found:
        read_journal(copied)
    assert found.value.where == str(copied / FILE)


# Lines cut off the end ---------------------------------------------------------------------------


def cut(folder, lines):
    raw = (folder / FILE).read_bytes().splitlines(keepends=True)
    (folder / FILE).write_bytes(b"".join(raw[:-lines]))
    return len(raw)


def test_lines_cut_off_the_end_are_told(market, copied):
    cut(copied, 3)
    assert (read_journal(copied).cut, read_journal(copied).edited_at) == (3, 0)
    assert "one (CUT)" in call(market[0], "practice", "--out", copied.parent)[1]
    said = call(market[0], "practice", copied)[1]
    assert "CUT: 3 lines known to have stood at its end are gone" in said
    assert "The journal was cut" in (copied / "review.html").read_text(encoding="utf-8")
    assert json.loads(call(market[0], "practice", copied, "--json")[1])["cut_lines"] == 3
    with pytest.raises(OrderflowError, match="cut off"):
        Journal.open(copied)


def test_a_journal_made_anew_from_its_first_line_is_told(market, copied):
    entries = read_journal(copied).entries
    head = (copied / HEAD).read_bytes()
    forge(copied, [entries[0] | {"seed": 9}, *entries[1:]])
    assert not read_journal(copied).is_remade  # whoever makes the head anew as well is not noticed
    (copied / HEAD).write_bytes(head)
    assert read_journal(copied).is_remade
    assert "one (MADE ANEW)" in call(market[0], "practice", "--out", copied.parent)[1]
    with pytest.raises(OrderflowError, match="made anew"):
        Journal.open(copied)


def test_without_a_head_it_says_what_would_not_show(market, copied):
    (copied / HEAD).unlink()
    lines = cut(copied, 2)
    assert not read_journal(copied).cut
    said = call(market[0], "practice", copied, "--no-page")[1]
    assert "without journal.head lines cut off its end do not show" in said
    Journal.open(copied).close()  # which begins one
    assert (copied / HEAD).read_bytes().startswith(f"{lines - 2:010d} ".encode())
    assert "do not show" not in call(market[0], "practice", copied, "--no-page")[1]


def test_the_head_is_never_ahead_of_what_is_on_the_disk(tmp_path, monkeypatch):
    seen = []
    with Journal.open(tmp_path / "p", {"of": "a test"}) as journal:
        note = journal._note_head

        def noted(head):
            found = read_lines((tmp_path / "p" / FILE).read_bytes())
            seen.append(head.lines == len(found.entries))
            note(head)

        monkeypatch.setattr(journal, "_note_head", noted)
        for n in range(5):
            journal.write("note", row=n, time=n, text="x" * n)
    assert seen == [True] * 5
    found = read_journal(tmp_path / "p")
    assert (len(found.entries), found.cut, found.has_head) == (6, 0, True)


# A question that was open ------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["aggression", "absorption", "auction", "outcome"])
def test_a_question_left_open_waits_again(market, tmp_path, kind):
    lake, tape = market
    plan = plan_of(tape, hours=(8.0, 20.0))
    desk = open_desk(lake, plan, tmp_path / "p")
    if kind == "auction":  # of bars that are not the plan's
        ask(desk, "bars", spec="tick:200")
    ask(desk, "drill", kind=kind)
    drill, row = desk.notebook.drill, desk.player.row
    asked = desk.notebook.drills._current
    assert drill["kind"] == kind
    desk.close()

    again = open_desk(lake, plan, tmp_path / "p")
    assert (again.notebook.drill, again.player.row) == (drill, row)
    assert again.notebook.drills._current == asked
    assert again.mover.paused_by == "a question"
    assert "waits again" in again.notices[1][-1]["what"]
    with pytest.raises(UsageError, match="waits for its answer"):
        ask(again, "play")
    ask(again, "answer", choice=drill["choices"][0], confidence=60, seconds=2)
    assert [e["id"] for e in again.notebook.journal.entries if e["kind"] == "answer"] == [
        drill["id"]
    ]
    again.close()
    last = open_desk(lake, plan, tmp_path / "p")
    assert last.notebook.drills.open is None
    last.close()


def test_a_question_that_was_left_does_not_come_back(market, tmp_path):
    lake, tape = market
    desk = open_desk(lake, plan_of(tape), tmp_path / "p")
    ask(desk, "drill", kind="aggression")
    ask(desk, "answer", choice=None)
    assert desk.notebook.journal.entries[-1]["kind"] == "leave"
    desk.close()
    again = open_desk(lake, plan_of(tape), tmp_path / "p")
    assert again.notebook.drills.open is None
    assert again.notebook.drill is None
    again.close()


@pytest.mark.parametrize(
    "move",
    [
        {"do": "step", "by": "minute", "count": 5},
        {"do": "back", "by": "bar", "count": 1},
        {"do": "seek", "row": 10**6},
        {"do": "jump", "to": "next_event"},
        {"do": "jump", "to": "next_session"},
    ],
)
def test_nobody_looks_at_what_follows_before_they_answer(market, tmp_path, move):
    lake, tape = market
    desk = open_desk(lake, plan_of(tape), tmp_path / "p")
    ask(desk, "drill", kind="outcome")
    row = desk.player.row
    with pytest.raises(UsageError, match="waits for its answer"):
        ask(desk, **move)
    assert desk.player.row == row
    ask(desk, "answer", choice=None)
    ask(desk, **move)
    assert desk.player.row != row
    desk.close()


def test_an_order_ends_the_way_to_somewhere(market, tmp_path):
    lake, tape = market
    desk = open_desk(lake, plan_of(tape), tmp_path / "p")
    rows = desk.player.window.rows
    desk.mover.go(rows)
    assert desk.mover.seeking  # a slice of it has passed
    row = desk.player.row
    desk.handle(Message(do="order", fields={"action": {"do": "market", "side": 1, "qty": 0.05}}))
    desk.work(0.0)
    assert not desk.mover.seeking
    assert desk.player.row == row < rows
    assert desk.state()["clock"]["paused_by"] == "your order"
    desk.mover.play()
    desk.handle(Message(do="order", fields={"action": {"do": "close"}}))
    assert desk.mover.playing  # a tape that plays goes on
    desk.close()


def test_what_is_told_before_a_page_is_open_reaches_the_first(market, tmp_path):
    lake, tape = market
    desk = open_desk(lake, plan_of(tape), tmp_path / "p")
    desk.notify("compiling, once")
    with serving(desk) as server:
        with Page(server) as page:
            page.until(lambda state: "clock" in state)
            assert [json.loads(text) for text in page.raw if "compiling, once" in str(text)]
        with Page(server) as again:
            again.until(lambda state: "clock" in state)
            assert not [text for text in again.raw if "compiling, once" in str(text)]
    desk.close()
