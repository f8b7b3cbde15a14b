"""Commands that the program prints for a person to copy speak of the lake that was in use."""

from __future__ import annotations

import re
import shlex

import pytest
from archive_days import DAY, UM, agg_rows, csv_text, day_path, put_day, put_zip, zip_bytes
from typer.testing import CliRunner

from orderflow_bt import hints
from orderflow_bt.cli import app
from orderflow_bt.series import SeriesId, SeriesKind
from orderflow_bt.types import Kind, MarketType, TapeId

LAKE = "another place/lake"
ONE_DAY = ["--from", str(DAY), "--to", str(DAY)]


@pytest.fixture
def call(tmp_path, monkeypatch):
    """Runs a command line in a folder where another lake lies, beside an archive of one day."""
    monkeypatch.chdir(tmp_path)
    put_day(tmp_path / "archive", text=csv_text(agg_rows(count=300)))
    return lambda *words: CliRunner().invoke(app, [str(word) for word in words])


def printed(result):
    """The last command that is printed, as the words that a shell makes of it."""
    found = re.findall(r"(orderflow-bt .*?)(?=[\n)]|, or |$)", result.output)
    assert found, result.output
    return shlex.split(found[-1])[1:]


@pytest.mark.parametrize(
    "words",
    [
        ["bars", UM.symbol, *ONE_DAY, "--bars", "1m"],
        ["events", UM.symbol, *ONE_DAY, "--detector", "big_trades"],
        ["audit", UM.symbol],
        ["plot", "footprint", UM.symbol, "--bars", "1h", *ONE_DAY, "--out", "picture.png"],
        ["run", "absorption", UM.symbol, *ONE_DAY, "--latency", "0"],
        ["replay", UM.symbol, "--date", str(DAY), "--headless", "--dump", "dump.jsonl"],
    ],
    ids=lambda words: words[0],
)
def test_the_download_that_an_error_names_mends_it(call, words):
    missing = call("--data", LAKE, *words)
    assert missing.exit_code in (1, 2)
    hint = printed(missing)
    assert hint[:3] == ["--data", LAKE, "download"]
    hint = [str(DAY) if word == "DATE" else word for word in hint]
    stored = call(*hint, "--source", "archive")
    assert stored.exit_code == 0, stored.output
    again = call("--data", LAKE, *words)
    assert again.exit_code == 0, again.output


def test_what_a_download_says_comes_next_works(call):
    stored = call("--data", LAKE, "download", UM.symbol, *ONE_DAY, "--source", "archive")
    following = printed(stored)
    assert following[:3] == ["--data", LAKE, "bars"]
    assert call(*following).exit_code == 0


def test_an_empty_lake_is_filled_where_it_lies(call):
    assert printed(call("--data", LAKE, "ls"))[:3] == ["--data", LAKE, "download"]
    assert printed(call("ls"))[0] == "download"


def test_a_day_with_defects_is_audited_in_its_lake(call, tmp_path):
    rows = agg_rows(count=300)
    del rows[100:110]
    name = f"{UM.symbol}-aggTrades-{DAY}.csv"
    put_zip(tmp_path / "archive", day_path(UM, DAY), zip_bytes((name, csv_text(rows))))
    words = [UM.symbol, *ONE_DAY, "--source", "archive"]
    assert call("--data", LAKE, "download", *words).exit_code == 0
    doctor = call("--data", LAKE, "doctor")
    line = next(line for line in doctor.output.splitlines() if "defects" in line)
    hint = shlex.split(line[line.index("orderflow-bt") :])[1:]
    assert hint[:3] == ["--data", LAKE, "audit"]
    assert "1 with defects" in call(*hint).output


def test_a_new_plugin_is_tried_by_what_is_printed(call):
    out = "my plugins"
    hint = printed(call("--data", LAKE, "new", "detector", "loud", "--out", out))
    assert hint[:2] == ["--data", LAKE]
    call("--data", LAKE, "download", UM.symbol, *ONE_DAY, "--source", "archive")
    filled = [{"SYMBOL": UM.symbol, "DAY": str(DAY)}.get(word, word) for word in hint]
    tried = call(*filled)
    assert tried.exit_code == 0, tried.output


def test_a_hint_names_what_is_not_usual():
    spot = TapeId("elsewhere", MarketType.SPOT, Kind.TRADES, "ABCUSDT")
    assert hints.download(spot, DAY, DAY) == (
        "orderflow-bt download ABCUSDT --market spot --exchange elsewhere --kind trades"
        " --from 2024-01-01 --to 2024-01-01"
    )
    minutes = SeriesId("binance", MarketType.UM, SeriesKind.KLINES, "ABCUSDT", "1m")
    assert hints.download(minutes) == (
        "orderflow-bt download ABCUSDT --market um --kind klines --interval 1m"
        " --from DATE --to DATE"
    )
