"""Reports drawn by other processes are there in the end, whatever becomes of those."""

from __future__ import annotations

from concurrent.futures import Future
from concurrent.futures.process import BrokenProcessPool

from orderflow_bt.cli import reports


def test_a_report_whose_process_was_ended_is_drawn_here(tmp_path, monkeypatch):
    drawn: list[object] = []
    monkeypatch.setattr(reports, "build_report", drawn.append)
    ended: Future[object] = Future()
    ended.set_exception(BrokenProcessPool("terminated abruptly"))
    several = reports.Reports(2)
    several._under_way[tmp_path] = ended
    several.wait(tmp_path)
    assert drawn == [tmp_path]
