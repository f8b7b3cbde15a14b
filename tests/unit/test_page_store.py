"""The page's store: frames folded or not, and from the beginning or the middle, are one state."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from pathlib import Path

import pytest
from replay_frames import TapePlayer, clock, detectors, market, picture_of

from orderflow_bt.replay.screen.lens import OpenLens
from orderflow_bt.replay.screen.picture import ClientView

SCRIPT = Path(__file__).parent.parent / "page" / "store_state.mjs"
STEPS = 60
FILLS = [{"order": k, "time": k, "price": 1.0, "qty": 1.0, "side": 1, "rule": "taken"}
         for k in range(STEPS)]  # fmt: skip


@pytest.fixture(scope="module")
def states(tmp_path_factory):
    """What a page holds that was sent every frame, every seventh, and only the last."""
    if shutil.which("node") is None:
        if os.environ.get("ORDERFLOW_BT_REQUIRE_BROWSER"):
            pytest.fail("no node on PATH")
        pytest.skip("no node on PATH")
    trades, instrument = market(60_000)
    player = TapePlayer(trades, instrument, detectors())
    lens = OpenLens(instrument)
    picture = picture_of(player, instrument, lens)
    folders = {every: tmp_path_factory.mktemp(f"every{every}") for every in (1, 7, STEPS)}
    clients = {every: ClientView() for every in folders}
    for folder in folders.values():
        (folder / "hello.json").write_text(json.dumps(picture.hello()))
    for step in range(1, STEPS + 1):
        player.advance(55_000 if step == 1 else player.row + 113)
        state = clock(player, lens) | {"fills": FILLS[:step], "orders": [{"id": step // 9}]}
        for every, client in clients.items():
            if step % every == 0 or step == STEPS:
                frame = picture.frame(client, state)
                (folders[every] / f"{step:04}.bin").write_bytes(frame)
    found = {}
    for every, folder in folders.items():
        done = subprocess.run(
            ["node", str(SCRIPT), str(folder)], capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stderr
        found[every] = json.loads(done.stdout)
    return found


def test_folded_frames_are_the_same_state(states):
    each, seventh = states[1], states[7]
    assert each["version"] > seventh["version"]
    assert len(each["shown"]["bars"]) > 100
    assert len(each["shown"]["fills"]) == STEPS
    assert each["shown"]["marks"]
    assert _rounded(each["shown"]) == _rounded(seventh["shown"])


def test_a_page_that_opens_late_sees_the_same(states):
    each, last = states[1]["shown"], states[STEPS]["shown"]
    for name in ("forming", "recent", "openPrint", "fills", "orders", "clock", "last", "session"):
        assert each[name] == last[name], name
    assert _rounded(each["profile"]) == _rounded(last["profile"])
    assert each["bars"][-len(last["bars"]) :] == last["bars"]
    assert each["prints"][-50:] == last["prints"][-50:]


def test_what_traded_at_a_row_includes_the_forming_bar(states):
    shown = states[1]["shown"]
    forming = shown["forming"]
    for (price, closed), both in zip(shown["profile"], shown["traded"], strict=True):
        row = round((price - forming["first_row"]) / shown["hello"]["row_size"])
        inside = 0 <= row < forming["n_rows"]
        expected = closed["ask"] + (forming["ask"][row] if inside else 0)
        assert both["ask"] == pytest.approx(expected)


def _rounded(value):
    """Sums made in another order differ in their last digits."""
    if isinstance(value, float):
        return round(value, 6)
    if isinstance(value, list):
        return [_rounded(one) for one in value]
    if isinstance(value, dict):
        return {name: _rounded(one) for name, one in value.items()}
    return value
