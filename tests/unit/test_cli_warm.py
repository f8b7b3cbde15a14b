"""Kernels compiled ahead are those that runs call, and only where they are not there yet."""

from __future__ import annotations

import pytest

from orderflow_bt.cli import warm
from orderflow_bt.kernels.broker import advance
from orderflow_bt.sim.buffer import TapeBuffer
from orderflow_bt.synth import SimulatedMarket


def test_nothing_is_begun_where_kernels_are_kept_or_cannot_be(monkeypatch, tmp_path):
    begun = []
    monkeypatch.setattr(warm.subprocess, "Popen", lambda *_, **__: begun.append(1) or Done())
    monkeypatch.setattr("orderflow_bt.kernels._jit.cache_folder", lambda: None)
    with warm.compiling() as under_way:
        assert under_way == []
    monkeypatch.setattr("orderflow_bt.kernels._jit.cache_folder", lambda: str(tmp_path))
    with warm.compiling() as under_way:
        assert len(under_way) == len(begun) == len(warm.PARTS)
    (tmp_path / "broker.advance-38.py311.nbi").touch()
    with warm.compiling() as under_way:
        assert under_way == []


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
def test_what_is_compiled_ahead_is_what_there_is_to_compile():
    for part in warm.PARTS:
        warm.compile_part(part)
    assert len(advance.signatures) >= 1
