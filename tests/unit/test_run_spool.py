"""What a run puts aside while it goes on comes back as it was, and leaves nothing behind."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from orderflow_bt.errors import OrderflowError
from orderflow_bt.run.spool import Spool
from orderflow_bt.sim.shelf import MANY, Rows

FILES = Path("/proc/self/fd")


def some_bytes(size, seed):
    return np.random.default_rng(seed).integers(0, 9, size).astype(np.int64).tobytes()


def test_what_is_put_comes_back(tmp_path):
    spool = Spool(tmp_path / "deeper")
    kept = [some_bytes(70_000 * (n % 3), n) for n in range(12)]
    assert [spool.put(content) for content in kept] == list(range(12))
    for number in (11, 0, 3, 3, 7, 11):
        assert spool.get(number) == kept[number]
    assert 0 < spool.size < sum(map(len, kept)) / 2
    assert list((tmp_path / "deeper").iterdir()) == []


def open_files(folder):
    """Files of a folder that this process has open, those without a name too."""
    ours = 0
    for entry in FILES.iterdir():
        try:
            ours += str(entry.readlink()).startswith(str(folder))
        except FileNotFoundError:  # closed meanwhile, such as the list of them itself
            continue
    return ours


@pytest.mark.skipif(not FILES.is_dir(), reason="this system has no /proc")
def test_its_file_goes_with_it(tmp_path):
    for _ in range(20):
        spool = Spool(tmp_path)
        for number in range(4):
            spool.put(np.random.default_rng(number).bytes(500_000))
        assert open_files(tmp_path) == 1
        del spool
    assert open_files(tmp_path) == 0
    assert list(tmp_path.iterdir()) == []


def test_a_disk_that_takes_no_more_is_told(tmp_path, monkeypatch):
    spool = Spool(tmp_path)

    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("tempfile.SpooledTemporaryFile.write", full)
    with pytest.raises(OrderflowError, match=r"put.*aside.*No space left") as caught:
        spool.put(b"1" * 8)
    assert "--out" in str(caught.value)


@pytest.mark.parametrize("shelved", [False, True])
def test_rows_stand_in_order_wherever_they_lie(tmp_path, shelved):
    rng = np.random.default_rng(5)
    parts = [rng.integers(-9, 9, (int(n), 3)) for n in rng.integers(0, MANY, 9)]
    rows = Rows(3, Spool(tmp_path) if shelved else None)
    for part in parts:
        rows.add(part)
    everything = np.concatenate(parts)
    assert len(rows) == len(everything)
    assert np.array_equal(np.concatenate(list(rows.blocks())), everything)
    assert np.array_equal(np.concatenate(list(rows.blocks())), everything)
    assert list(Rows(3).blocks()) == []
