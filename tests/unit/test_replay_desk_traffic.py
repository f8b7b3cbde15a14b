"""Nothing sent to a page depends on a trade that the cursor has not passed."""

from __future__ import annotations

import json
import math
import shutil
import time
import zipfile
from itertools import pairwise

import pytest
from archive_days import put_zip, zip_bytes
from practice_market import START, blind_plan, plan_of, practice_days, practice_lake
from practice_server import Page, serving, state_of

from orderflow_bt.archive import open_source
from orderflow_bt.errors import UsageError
from orderflow_bt.ingest import download
from orderflow_bt.replay.desk.messages import Message
from orderflow_bt.replay.desk.opening import open_desk
from orderflow_bt.store import Lake
from orderflow_bt.store.lake import SIMULATED
from orderflow_bt.synth import write_archive

CUT = 14_000  # row from which on the other tape differs


@pytest.fixture(scope="module")
def market(tmp_path_factory):
    """A lake, its tape, and the folder that it lies in beside the archive it came from."""
    folder = tmp_path_factory.mktemp("futures")
    write_archive(practice_days(), folder / "archive")
    return *practice_lake(folder), folder


def _twin(folder, tape, name_of_it, *, hastened):
    """A lake of the same market with other prices from row `CUT` on, twice as fast if hastened."""
    (archive,) = (folder / "archive").rglob("*-aggTrades-*.zip")
    name = archive.name.replace(".zip", ".csv")
    with zipfile.ZipFile(archive) as read:
        header, *rows = read.read(name).decode().splitlines()
    rows = [row.split(",") for row in rows]
    # the same prices and quantities in another order; ids and times stay where they are
    for row, other in zip(rows[CUT:], [row[1:3] for row in rows[: CUT - 1 : -1]], strict=True):
        row[1:3] = other
    if hastened:
        now = int(rows[CUT - 1][5])
        for row in rows[CUT:]:
            row[5] = str(now + (int(row[5]) - now) // 2)
    text = "\n".join([header, *map(",".join, rows), ""])
    changed = folder / f"changed-{name_of_it}"
    put_zip(changed, archive.relative_to(folder / "archive").as_posix(), zip_bytes((name, text)))
    (folder / name_of_it).mkdir()
    shutil.copy(folder / "data" / SIMULATED, folder / name_of_it)
    twin = Lake(str(folder / name_of_it))
    download(twin, tape, [START], open_source(str(changed)))
    return twin


@pytest.fixture(scope="module")
def tapes(market):
    """Two lakes of one market whose trades differ from row `CUT` on, and the tape."""
    lake, tape, folder = market
    return lake, _twin(folder, tape, "twin", hastened=False), tape


@pytest.fixture(scope="module")
def hastened(market):
    """As `tapes`, and what follows comes twice as fast."""
    lake, tape, folder = market
    return lake, _twin(folder, tape, "hastened", hastened=True), tape


def test_the_tapes_do_differ(tapes):
    lake, twin, tape = tapes
    one, other = (next(lake.read_pieces(tape, [START], 1, 3)).trades for lake in (lake, twin))
    assert (one.price[:CUT] == other.price[:CUT]).all()
    assert (one.price[CUT:] != other.price[CUT:]).mean() > 0.5
    assert (one.time == other.time).all()


SCRIPT = [
    ("step", {"count": 40}), ("step", {"by": "cluster", "count": 3}), ("step", {"by": "bar"}),
    ("order", {"action": {"do": "market", "side": 1, "qty": 0.05, "reason": "other"}}),
    ("step", {"by": "minute", "count": 2}),
    ("order", {"action": {"do": "bracket", "entry": "market", "side": -1, "risk": 1,
                          "stop": +400, "target": -400}}),
    ("step", {"by": "price", "count": 5}), ("step", {"by": "minute", "count": 30}),
    ("order", {"action": {"do": "limit", "side": 1, "qty": 0.01, "price": -3}}),
    ("step", {"by": "minute", "count": 5}), ("back", {"by": "bar", "count": 2}),
    ("note", {"text": "looked weak", "tags": ["a"]}), ("step", {"by": "bar", "count": 3}),
    ("detectors", {"name": "volume_spike", "on": True}), ("ladder", {"seconds": 60}),
    ("step", {"count": 10}), ("bars", {"spec": "5m"}),
    ("strategies", {"name": "absorption", "on": True}),
    ("jump", {"to": "next_event"}), ("jump", {"to": "next_event"}),
    ("drill", {"kind": "aggression"}), ("answer", {"choice": "buyers", "confidence": 70}),
    ("drill", {"kind": "outcome"}), ("answer", {"choice": "up", "confidence": 60}),
    ("order", {"action": {"do": "close"}}), ("step", {"by": "minute", "count": 1}),
    ("drills", {"every": 5}), ("pauses", {"big_trade": True, "bar": True, "trades": 100}),
    ("scores", {}), ("journal", {}),
]  # fmt: skip


def _blind(lake, tape):
    """A blind start some thousand trades before the change."""
    times = next(lake.read_pieces(tape, [START], 1, 3)).trades.time
    plans = (blind_plan(lake, seed=seed) for seed in range(400))
    return next(plan for plan in plans if times[CUT - 3000] < plan.start < times[CUT - 1500])


def _session(desk, script=SCRIPT):
    """Everything a page would be sent: text and frames, once each command is done."""
    view, sent, rows = desk.view(), [], []
    sent += [json.dumps(desk.hello()), desk.frame(view)]
    for do, given in script:
        fields = dict(given)
        if "action" in fields:  # prices are given from where the price stands
            last = state_of(desk.frame(desk.view()))[2]["last"]
            fields["action"] = {
                name: last + value if name in ("price", "stop", "target") else value
                for name, value in fields["action"].items()
            }
        try:
            sent.append(json.dumps(desk.handle(Message(do=do, fields=fields))))
        except UsageError as error:
            sent.append(str(error))
        while desk.mover.seeking:
            desk.work(time.monotonic())
        desk.work(time.monotonic())
        sent += [json.dumps(desk.hello()), desk.frame(view)]
        rows.append(desk.player.row)
    return sent, rows


def _sealed(text):
    """A greeting without what stands for the whole file."""
    if isinstance(text, str) and text.startswith('{"hello"'):
        hello = json.loads(text)
        del hello["honesty"]["hash"], hello["challenge"]
        return hello
    return text


@pytest.mark.parametrize("blind", [False, True])
def test_every_byte_is_the_same_up_to_the_cursor(tapes, tmp_path, blind):
    lake, twin, tape = tapes
    sessions = []
    for number, found in enumerate((lake, twin)):
        plan = _blind(lake, tape) if blind else plan_of(tape)
        desk = open_desk(found, plan, tmp_path / str(number))
        sessions.append(_session(desk))
        desk.close()
    (one, rows), (other, others) = sessions
    assert max(rows) - rows[0] > 200
    before = [a == b and a <= CUT for a, b in zip(rows, others, strict=True)]
    count = before.index(False) if False in before else len(rows)
    # what is done while both cursors stand before the change: a greeting, a reply, a frame each
    assert count >= 15
    until = 2 + 3 * count
    for mine, theirs in zip(one[:until], other[:until], strict=True):
        assert _sealed(mine) == _sealed(theirs)


def test_the_change_does_show_once_it_is_passed(tapes, tmp_path):
    lake, twin, tape = tapes
    frames = []
    for number, found in enumerate((lake, twin)):
        desk = open_desk(found, plan_of(tape), tmp_path / str(number))
        sent, _ = _session(desk, [("seek", {"row": CUT}), ("seek", {"row": CUT + 500})])
        frames.append([part for part in sent if isinstance(part, bytes)])
        desk.close()
    assert frames[0][:2] == frames[1][:2]
    assert frames[0][2] != frames[1][2]


class Clock:
    """A wall whose time goes on by itself a little each time somebody looks."""

    def __init__(self):
        self.now = 100.0

    def __call__(self):
        self.now += 0.003
        return self.now


PLAYED = [  # frames, speed, what is asked before
    (60, 1.0, [("detectors", {"name": "volume_spike", "on": True})]),
    (60, 100.0, [("order", {"action": {"do": "market", "side": 1, "qty": 0.05}})]),
    (60, 1000.0, [("pauses", {"big_trade": True, "orders": True})]),
    (30, 25.0, [("order", {"action": {"do": "close"}}), ("drills", {"every": 30})]),
    (60, 1000.0, [("strategies", {"name": "absorption", "on": True})]),
    (240, 1000.0, [("bars", {"spec": "tick:200"})]),
    (20, math.inf, [("pauses", {"bar": True})]),
]


def _played(desk):
    """What a page is sent at 30 frames a second while it plays, and the rows that it stands at."""
    desk.mover.clock = clock = Clock()
    view, sent, rows = desk.view(), [], []

    def ask(do, **fields):
        answer = desk.handle(Message(do=do, fields=fields))
        while desk.mover.seeking:
            desk.work(clock())
        sent.append(json.dumps(answer | {"notices": list(desk.notices[1])}))
        rows.append(desk.player.row)

    for frames, speed, asked in PLAYED:
        for do, fields in asked:
            ask(do, **fields)
        ask("speed", value="max" if math.isinf(speed) else speed)
        for _ in range(frames):
            if desk.notebook.drills.open is not None:
                ask("answer", choice=desk.notebook.drill["choices"][0], confidence=60)
            elif not desk.mover.playing:
                ask("play")
            clock.now += 1 / 30
            desk.work(clock())
            sent.append(desk.frame(view))
            rows.append(desk.player.row)
    return sent, rows


@pytest.mark.parametrize("blind", [False, True])
def test_played_by_the_clock_every_byte_is_the_same(hastened, tmp_path, blind):
    lake, twin, tape = hastened
    heard = []
    for number, found in enumerate((lake, twin)):
        plan = _blind(lake, tape) if blind else plan_of(tape, hours=(13.0, 24.0))
        desk = open_desk(found, plan, tmp_path / str(number))
        heard.append(_played(desk))
        desk.close()
    (one, rows), (other, others) = heard
    count = next(n for n, pair in enumerate(zip(rows, others, strict=False)) if max(pair) > CUT)
    assert min(max(rows), max(others)) > CUT  # both passed the change
    assert len(set(rows[:count])) > 100  # and stood at many places before
    assert rows[:count] == others[:count]
    assert one[:count] == other[:count]
    assert one[count:] != other[count:]


def test_bytes_on_the_wire(tapes, tmp_path):
    lake, twin, tape = tapes
    script = [part for part in SCRIPT if part[0] in ("step", "note", "detectors", "ladder")]
    seen = []
    for number, found in enumerate((lake, twin)):
        desk = open_desk(found, plan_of(tape), tmp_path / str(number))
        with serving(desk) as server, Page(server) as page:
            page.until(lambda state: "clock" in state)
            for do, fields in script:
                count = len(page.frames)
                page.say(do, **fields)
                while len(page.frames) == count:
                    page.take()
            assert desk.player.row < CUT
            seen.append((page.frames, [part for part in page.raw if isinstance(part, str)]))
        desk.close()
    (frames, texts), (others, other_texts) = seen
    assert frames == others
    assert [_sealed(text) for text in texts] == [_sealed(text) for text in other_texts]
    clocks = [state_of(frame)[2]["clock"]["row"] for frame in frames]
    assert all(a <= b for a, b in pairwise(clocks))


def test_blind_traffic_names_nothing(tapes, tmp_path):
    lake, _, tape = tapes
    plan = _blind(lake, tape)
    desk = open_desk(lake, plan, tmp_path / "blind")
    sent, _ = _session(desk)
    desk.close()
    texts = [t if isinstance(t, str) else json.dumps(state_of(t)[2]) for t in sent]
    level = int(next(lake.read_pieces(tape, [START], 1, 3)).trades.price[0])
    for text in texts:
        assert tape.symbol not in text
        assert "SIM" not in text
        assert "2026" not in text
        assert str(plan.start)[:7] not in text
        assert str(level)[:3] + "." not in text
        assert "USDT" not in text
