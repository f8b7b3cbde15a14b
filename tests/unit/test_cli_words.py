"""Text for a terminal keeps to its width."""

from __future__ import annotations

import pytest

from orderflow_bt.cli.words import labelled_lines

ROWS = {"net": "+1.00 USDT", "skipped": ", ".join(f"{n:,} reason number {n}" for n in range(40))}


@pytest.mark.parametrize("width", [80, 200])
def test_long_text_goes_on_under_itself(width):
    lines = labelled_lines(ROWS, width)
    assert lines[0] == "  net         +1.00 USDT"
    assert all(len(line) <= width and line == line.rstrip() for line in lines)
    assert {line[:14].strip() for line in lines[2:]} == {""}
    assert " ".join(line[14:] for line in lines[1:]) == ROWS["skipped"]


def test_a_long_label_moves_every_text():
    lines = labelled_lines({"net": "1", "1000SATSUSDT_240927": "2"}, 80)
    assert len({line.rindex(text) for line, text in zip(lines, "12", strict=True)}) == 1
