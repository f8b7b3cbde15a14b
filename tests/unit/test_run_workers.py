"""Jobs side by side, each in a process of its own: results, errors, and what an end leaves."""

from __future__ import annotations

import os
import signal
import sys
import threading
import time

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from orderflow_bt.errors import LakeError, OrderflowError, PluginError
from orderflow_bt.run import workers
from orderflow_bt.run.workers import can_fork, processors, side_by_side

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="this system does not fork")


def say_nothing(number, far):
    pass


def test_results_come_in_the_order_of_the_jobs_whoever_is_ready_first():
    def work(number, say):
        time.sleep(0.05 * (2 - number))
        return number, os.getpid()

    made = side_by_side(3, work, say_nothing)
    assert [number for number, _ in made] == [0, 1, 2]
    assert len({os.getpid(), *(pid for _, pid in made)}) == 4


def test_it_is_heard_how_far_each_is():
    def work(number, say):
        for far in range(3):
            say(number + far)

    heard = []
    side_by_side(2, work, lambda number, far: heard.append((number, far)))
    assert sorted(heard) == [(0, 0), (0, 1), (0, 2), (1, 1), (1, 2), (1, 3)]


def hold(folder):
    """A job that clears up when it is interrupted, and says that it has begun."""
    part = folder / "part"
    try:
        part.mkdir()
        time.sleep(60)
    finally:
        part.rmdir()
        (folder / "cleared").touch()


def wait_for(path):
    while not path.exists():
        time.sleep(0.005)


@pytest.mark.parametrize(
    "error",
    [
        PluginError("broken", where="here", fix="mend it"),
        LakeError("no day"),
        ValueError("no error of ours"),
        SystemExit(3),
    ],
)
def test_what_a_job_raises_is_raised_and_the_others_clear_up(tmp_path, error):
    def work(number, say):
        if number:
            hold(tmp_path)
        wait_for(tmp_path / "part")
        raise error

    with pytest.raises(type(error)) as caught:
        side_by_side(2, work, say_nothing)
    assert str(caught.value) == str(error)
    assert {path.name for path in tmp_path.iterdir()} == {"cleared"}
    if isinstance(error, ValueError):
        assert "in work" in caught.value.__notes__[0]


def test_a_process_that_is_killed_is_told_of(tmp_path):
    def work(number, say):
        os.kill(os.getpid(), signal.SIGKILL)

    with pytest.raises(OrderflowError, match="in the middle of its run"):
        side_by_side(1, work, say_nothing)


def test_an_interrupt_of_the_one_who_asked_ends_them(tmp_path):
    def press():
        wait_for(tmp_path / "part")
        os.kill(os.getpid(), signal.SIGINT)

    thread = threading.Thread(target=press)
    thread.start()
    with pytest.raises(KeyboardInterrupt):
        side_by_side(1, lambda number, say: hold(tmp_path), say_nothing)
    thread.join()
    assert {path.name for path in tmp_path.iterdir()} == {"cleared"}


class Ends:
    def __del__(self):
        os.kill(os.getpid(), signal.SIGINT)  # raised in here: Python goes on


def test_an_interrupt_that_a_process_could_not_raise_ends_it_too(tmp_path, monkeypatch):
    monkeypatch.setattr(workers, "_SILENCE", 2)

    def work(number, say):
        Ends()
        hold(tmp_path)

    with pytest.raises(OrderflowError, match="in the middle of its run"):
        side_by_side(1, work, say_nothing)
    assert {path.name for path in tmp_path.iterdir()} == {"cleared"}


def test_they_end_when_the_one_who_asked_is_gone(tmp_path):
    def work(number, say):
        try:
            while True:
                say(0.5)
                time.sleep(0.005)
        finally:
            (tmp_path / "cleared").touch()

    def ask(number, say):
        side_by_side(2, work, lambda number, far: os.kill(os.getpid(), signal.SIGKILL))

    with pytest.raises(OrderflowError):
        side_by_side(1, ask, say_nothing)
    wait_for(tmp_path / "cleared")


def test_one_that_stands_still_is_ended_and_told_of(tmp_path, monkeypatch):
    monkeypatch.setattr(workers, "_SILENCE", 0.3)

    def work(number, say):
        if number:
            hold(tmp_path)
        began = time.process_time()
        while time.process_time() < began + 1.0:  # silent, but at work
            pass

    side_by_side(1, work, say_nothing)
    with pytest.raises(OrderflowError, match="stands still"):
        side_by_side(2, work, say_nothing)
    assert {path.name for path in tmp_path.iterdir()} == {"cleared"}


def test_nothing_is_forked_beside_other_threads(monkeypatch):
    stop = threading.Event()
    thread = threading.Thread(target=stop.wait)
    thread.start()
    assert not can_fork()
    stop.set()
    thread.join()
    monkeypatch.setattr(threading, "active_count", lambda: 1)
    monkeypatch.delitem(sys.modules, "polars", raising=False)
    assert can_fork()
    monkeypatch.setitem(sys.modules, "polars", threading)
    assert not can_fork()


def test_pyarrow_works_in_a_fork_of_a_process_whose_pools_are_at_work(tmp_path):
    table = pa.table({"n": np.arange(200_000)})

    def work(number, say):
        pq.write_table(table, tmp_path / f"{number}.parquet")
        return pq.read_table(tmp_path / f"{number}.parquet", use_threads=True).num_rows

    for _ in range(5):
        work(9, say_nothing)
        assert side_by_side(3, work, say_nothing) == [200_000] * 3


def test_processors_are_at_least_one():
    assert processors() >= 1
