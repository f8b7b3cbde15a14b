"""Kernels compiled ahead are those that runs call, and only where they are not there yet."""

from __future__ import annotations

from types import SimpleNamespace

import numba
import pytest

from orderflow_bt import cli
from orderflow_bt.cli import warm
from orderflow_bt.kernels import on_compile
from orderflow_bt.kernels.activity import activity_bars
from orderflow_bt.kernels.broker import advance
from orderflow_bt.kernels.takers import watch_icebergs
from orderflow_bt.sim.buffer import TapeBuffer
from orderflow_bt.synth import SimulatedMarket


def test_nothing_is_begun_where_kernels_are_kept_or_cannot_be(monkeypatch, tmp_path):
    begun = []
    monkeypatch.setattr(warm.subprocess, "Popen", lambda *_, **__: begun.append(1) or Done())
    monkeypatch.setattr("orderflow_bt.kernels._jit.cache_folder", lambda: None)
    with warm.compiling(warm.REPLAY) as under_way:
        assert under_way == []
    monkeypatch.setattr("orderflow_bt.kernels._jit.cache_folder", lambda: str(tmp_path))
    with warm.compiling(warm.REPLAY) as under_way:
        assert len(under_way) == len(begun) == 3
    for part in warm.RUN:
        (tmp_path / f"compiled-{part}").touch()
    with warm.compiling(warm.RUN) as under_way:
        assert under_way == []
    with warm.compiling(warm.REPLAY) as under_way:
        assert len(under_way) == 1
    begun.clear()
    warm.compile_all()
    assert len(begun) == 1


class Done:
    """A process that has ended."""

    def terminate(self):
        pass

    def wait(self):
        return 0


def test_tapes_of_every_origin_reach_the_broker_as_one_type():
    trades = SimulatedMarket(days=1, trades_per_day=2_000).day(0).trades
    for given in (trades, trades.frozen()):
        for stretch in TapeBuffer(keep=16, tick=1).append(given):
            columns = (stretch.time, stretch.price, stretch.qty, stretch.side, *stretch.blocks)
            assert not any(column.flags.writeable for column in columns)


@pytest.mark.skipif(not hasattr(advance, "signatures"), reason="kernels are not compiled")
def test_what_is_compiled_ahead_is_what_there_is_to_compile(monkeypatch, tmp_path):
    monkeypatch.setattr("orderflow_bt.kernels._jit.cache_folder", lambda: str(tmp_path))
    for part in warm.REPLAY:
        warm.compile_part(part)
    assert all(kernel.signatures for kernel in (advance, activity_bars, watch_icebergs))
    assert {path.name for path in tmp_path.iterdir()} == {f"compiled-{p}" for p in warm.REPLAY}


@pytest.mark.skipif(not hasattr(advance, "signatures"), reason="kernels are not compiled")
@pytest.mark.parametrize("quiet", [False, True])
def test_a_terminal_is_told_once_that_something_is_compiled(monkeypatch, quiet):
    said = []
    monkeypatch.setattr(cli.typer, "echo", lambda text, err=False: said.append(text))
    with monkeypatch.context() as patched:
        patched.setattr("sys.stderr", SimpleNamespace(isatty=lambda: True))
        cli._settings(SimpleNamespace(default_map={}), quiet=quiet, data="data", cache_size="")
    numba.njit(lambda value: value + 1)(1)
    numba.njit(lambda value: value + 2)(1)
    on_compile.clear()
    assert len(said) == (not quiet)
