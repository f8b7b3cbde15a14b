"""The page's pure modules under node, and its decoder against what Python wrote."""

from __future__ import annotations

import importlib.util
import json
import os
import shutil
import subprocess
from pathlib import Path

import pytest
from replay_frames import record
from replay_page import decode

TESTS = Path(__file__).parent.parent / "page"
DECODER = TESTS / "decode.test.mjs"


@pytest.fixture(scope="module")
def frames(tmp_path_factory):
    """A folder of frames, as recorded."""
    folder = tmp_path_factory.mktemp("frames")
    recorded = record(frames=30, warmup=6_000, step=400, trades_per_day=20_000)
    (folder / "hello.json").write_text(json.dumps(recorded.hello))
    (folder / "folded").mkdir()
    for number, frame in enumerate(recorded.frames, start=1):
        (folder / f"{number:04}.bin").write_bytes(frame)
    for number, frame in enumerate(recorded.folded, start=1):
        (folder / "folded" / f"{number:04}.bin").write_bytes(frame)
    return folder


def node():
    """The system's, or the one that playwright brings along."""
    found = shutil.which("node")
    if found is None and (package := importlib.util.find_spec("playwright")):
        brought = Path(package.origin).parent / "driver" / "node"
        found = str(brought) if brought.is_file() else None
    if found is None and os.environ.get("ORDERFLOW_BT_REQUIRE_BROWSER") == "1":
        pytest.fail("no node on PATH, and none beside playwright")
    if found is None:
        pytest.skip("no node on PATH, and none beside playwright")
    return found


def run_node(test, **environment):
    done = subprocess.run(
        [node(), "--test", str(test)],
        env=os.environ | environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("test", sorted(TESTS.glob("*.test.mjs")), ids=lambda path: path.name)
def test_modules(test, frames):
    """Each gets recorded frames; ``hello.json`` stands beside them."""
    run_node(test, FRAMES=str(frames))


def test_page_reads_what_python_wrote(frames):
    run_node(DECODER, FRAMES=str(frames))
    read = json.loads((frames / "decoded.json").read_text())
    written = [decode(path.read_bytes()) for path in sorted(frames.glob("*.bin"))]
    assert len(read) == len(written) == 30
    assert sum(len(frame["closed"]) for frame in read) > 300
    assert all(frame["forming"]["bid"] for frame in read)
    assert read == written
