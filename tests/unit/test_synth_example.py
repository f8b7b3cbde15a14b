"""The tape of the notebooks: the lake's own where days lie in a row, else a simulated one."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING

import pytest
from archive_days import SPOT, UM, agg_rows, csv_text, days, put_day

from orderflow_bt.archive import open_source
from orderflow_bt.ingest import download
from orderflow_bt.store import Lake
from orderflow_bt.synth import example_tape

if TYPE_CHECKING:
    from pathlib import Path

    from orderflow_bt.types import TapeId


def fill(home: Path, tape: TapeId, first_ids: list[int | None]) -> None:
    """Store a day for each first id, and none where that is None; a day has 50 trades."""
    dates = days(len(first_ids))
    for date, first_id in zip(dates, first_ids, strict=True):
        if first_id is not None:
            text = csv_text(agg_rows(date, first_id=first_id))
            put_day(home / "archive", tape, date, text)
    stored = [date for date, first_id in zip(dates, first_ids, strict=True) if first_id is not None]
    download(Lake(home / "lake"), tape, stored, open_source(str(home / "archive")))


def first_and_days(tape) -> tuple[dt.date, int]:
    start = dt.date(1970, 1, 1) + dt.timedelta(microseconds=tape.start)
    return start, round((tape.end - tape.start) / 86_400_000_000)


@pytest.mark.parametrize(
    ("first_ids", "first", "count"),
    [
        ([1, 51, 101, 151], 1, 3),  # the last three
        ([1, 51, None, 101, 151], 3, 2),  # the later of two rows as long
        ([1, 51, 101, None, 151], 0, 3),  # the longer one
        ([1, 51, 111, 161, 211], 2, 3),  # ten trades are lost between the second and the third
    ],
)
def test_days_in_a_row_are_taken(tmp_path, monkeypatch, first_ids, first, count):
    fill(tmp_path, UM, first_ids)
    monkeypatch.setenv("ORDERFLOW_BT_DATA", str(tmp_path / "lake"))
    tape = example_tape(days=3)
    assert tape.id == UM
    assert first_and_days(tape) == (days(first + 1)[-1], count)


def test_the_tape_with_enough_days_is_taken(tmp_path, monkeypatch):
    fill(tmp_path, UM, [1, 51, 101])
    fill(tmp_path, SPOT, [1, 51, None, 101])
    monkeypatch.setenv("ORDERFLOW_BT_DATA", str(tmp_path / "lake"))
    assert example_tape(days=3).id == UM


def test_a_lake_of_single_days_is_no_example(tmp_path, monkeypatch):
    fill(tmp_path, UM, [1, None, 51])
    monkeypatch.setenv("ORDERFLOW_BT_DATA", str(tmp_path / "lake"))
    assert example_tape(days=2).id.symbol == "SIMUSDT"
