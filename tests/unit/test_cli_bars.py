"""What ``orderflow-bt bars`` prints, to the letter."""

from __future__ import annotations

import csv
import datetime as dt
import io
import json
from decimal import Decimal

import numpy as np
import pyarrow.parquet as pq
import pytest
from archive_days import DAY, DAY_MS, UM, csv_text, put_day
from typer.testing import CliRunner

from orderflow_bt.cli import app, output
from orderflow_bt.cli.output import Column, Format, as_rows, decimal_text, time_text, write_rows
from orderflow_bt.errors import UsageError

BAR_HEADER = (
    "open_time,close_time,open,high,low,close,volume,quote_volume,count,buy_volume,sell_volume,"
    "delta,min_delta,max_delta,vwap,poc,status"
)
LEVEL_HEADER = (
    "open_time,price_low,price_high,bid_volume,ask_volume,bid_count,ask_count,"
    "buy_imbalance,sell_imbalance"
)
FIRST = [  # seconds after the day's start, price, quantity, fills, aggressor
    (5, "100.1", "1.5", 1, "S"),
    (6, "100.2", "6", 2, "B"),
    (7, "100.0", "0.25", 1, "S"),
    (190, "100.4", "2", 1, "B"),
    (86_399, "100.4", "1", 1, "S"),
]


def rows_of(trades, date=DAY, first_id=1):
    start = DAY_MS + (date - DAY).days * 86_400_000
    rows, fill = [], 1000 * first_id
    for n, (second, price, qty, fills, side) in enumerate(trades):
        maker = "true" if side == "S" else "false"
        last = fill + fills - 1
        rows.append((first_id + n, price, qty, fill, last, start + 1000 * second, maker))
        fill = last + 1
    return rows


@pytest.fixture
def bars(tmp_path, monkeypatch):
    """Stores days given as {day number: (first id, trades)} and runs the command."""
    monkeypatch.chdir(tmp_path)

    def store(tape):
        for number, (first_id, trades) in tape.items():
            date = DAY + dt.timedelta(days=number)
            put_day(tmp_path / "archive", date=date, text=csv_text(rows_of(trades, date, first_id)))
            words = ["--from", str(date), "--to", str(date), "--source", "archive"]
            result = CliRunner().invoke(app, ["--data", "lake", "download", UM.symbol, *words])
            assert result.exit_code == 0, result.output

    def run(*words):
        return CliRunner().invoke(app, ["--data", "lake", "bars", UM.symbol, *words])

    run.store = store
    return run


def table(result):
    assert result.exit_code == 0, result.output
    return list(csv.DictReader(io.StringIO(result.stdout)))


def test_csv_to_the_letter(bars):
    bars.store({0: (1, FIRST)})
    result = bars("--from", "2024-01-01", "--to", "2024-01-01T00:03", "--format", "csv")
    assert result.exit_code == 0, result.output
    lines = result.stdout.splitlines()
    # 1.5 x 100.1 + 6 x 100.2 + 0.25 x 100.0 = 776.35; / 7.75 = 100.174...
    assert lines[0] == BAR_HEADER
    assert lines[1] == (
        "2024-01-01T00:00:00.000000Z,2024-01-01T00:01:00.000000Z,100.1,100.2,100.0,100.0,"
        "7.75,776.350,4,6.00,1.75,4.25,-1.50,4.50,100.17,100.2,ok"
    )
    assert lines[2] == (
        "2024-01-01T00:01:00.000000Z,2024-01-01T00:02:00.000000Z,100.0,100.0,100.0,100.0,"
        "0.00,0.000,0,0.00,0.00,0.00,0.00,0.00,100.00,100.0,empty"
    )
    assert len(lines) == 4


def test_a_day_is_closed_to_its_end(bars):
    bars.store({0: (1, FIRST)})
    rows = table(bars("--from", "2024-01-01", "--to", "2024-01-01", "--format", "csv"))
    assert len(rows) == 1440
    assert (rows[-1]["open_time"], rows[-1]["close"]) == ("2024-01-01T23:59:00.000000Z", "100.4")
    assert sum(Decimal(row["volume"]) for row in rows) == Decimal("10.75")


def test_footprint_rows(bars):
    bars.store({0: (1, FIRST)})
    words = "--from", "2024-01-01", "--to", "2024-01-01T00:01", "--footprint", "--format", "csv"
    lines = bars(*words).stdout.splitlines()
    time = "2024-01-01T00:00:00.000000Z"
    assert lines == [
        LEVEL_HEADER,
        f"{time},100.0,100.1,0.25,0.00,1,0,false,true",
        f"{time},100.1,100.2,1.50,0.00,1,0,false,false",
        f"{time},100.2,100.3,0.00,6.00,0,2,true,false",
    ]
    lines = bars(*words, "--imbalance", "4.5").stdout.splitlines()
    assert lines[3].endswith(",false,false")
    lines = bars(*words, "--ticks-per-row", "2").stdout.splitlines()
    assert lines[1:] == [
        f"{time},100.0,100.2,1.75,0.00,2,0,false,false",
        f"{time},100.2,100.4,0.00,6.00,0,2,true,false",
    ]


def test_where_the_window_begins_does_not_matter(bars):
    second = [(30, "100.5", "3", 1, "B"), (95, "100.6", "1", 1, "S")]
    bars.store({0: (1, FIRST), 1: (6, second)})
    for more in ([], ["--footprint"]):
        both = bars("--from", "2024-01-01", "--to", "2024-01-02", "--format", "csv", *more)
        late = bars("--from", "2024-01-02", "--to", "2024-01-02", "--format", "csv", *more)
        wanted = [row for row in table(both) if row["open_time"] >= "2024-01-02"]
        assert table(late) == wanted


def test_a_missing_day_is_said_and_marked(bars):
    bars.store({0: (1, FIRST), 2: (40, [(30, "100.5", "3", 1, "B"), (70, "100.5", "3", 1, "B")])})
    result = bars("--from", "2024-01-01", "--to", "2024-01-04", "--format", "csv")
    assert "2024-01-02" in result.stderr
    assert "2024-01-04" in result.stderr
    rows = table(result)
    gaps = [row["open_time"] for row in rows if row["status"] == "gap"]
    assert gaps[0] == "2024-01-01T23:59:00.000000Z"
    assert gaps[-1] == "2024-01-03T00:00:00.000000Z"
    assert len(gaps) == 1442
    assert rows[-1]["open_time"] == "2024-01-03T23:59:00.000000Z"


def test_lost_trades_show_on_both_sides_of_midnight(bars):
    bars.store({0: (1, FIRST), 1: (9, [(30, "100.5", "3", 1, "B"), (70, "100.5", "3", 1, "B")])})
    first = table(bars("--from", "2024-01-01", "--to", "2024-01-01", "--format", "csv"))
    second = table(bars("--from", "2024-01-02", "--to", "2024-01-02", "--format", "csv"))
    assert [row["status"] for row in (first[-1], *second[:2])] == ["gap", "gap", "ok"]


def test_nothing_stored_says_what_to_type(bars):
    bars.store({0: (1, FIRST)})
    result = bars("--from", "2024-02-01", "--to", "2024-02-02")
    assert result.exit_code == 1
    command = "download ABCUSDT --market um --kind aggTrades --from 2024-02-01 --to 2024-02-02"
    assert command in result.stderr


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--bars", "7m"], "does not divide"),
        (["--bars", "tick:0"], "whole numbers"),
        (["--imbalance", "0"], "--imbalance"),
        (["--format", "parquet"], "--out"),
        (["--out", "bars.xlsx"], "ending"),
        (["--out", "nowhere/bars.csv"], "nowhere"),
    ],
)
def test_what_cannot_be_asked(bars, words, said):
    bars.store({0: (1, FIRST)})
    result = bars("--from", "2024-01-01", "--to", "2024-01-01", *words)
    assert result.exit_code == 2
    assert said in result.stderr


def test_a_window_without_bars_says_so(bars):
    bars.store({0: (1, [(1, "100.1", "1", 1, "B"), (2, "100.2", "1", 1, "S")])})
    window = ["--from", "2024-01-01T00:10", "--to", "2024-01-01T00:20"]
    for more in ([], ["--footprint"]):
        result = bars("--bars", "1h", *window, "--format", "csv", *more)
        assert result.exit_code == 0
        assert len(result.stdout.splitlines()) == 1
        assert "no 1h bar of ABCUSDT" in result.stderr
        assert "from 2024-01-01T00:10 to 2024-01-01T00:20" in result.stderr


def test_every_format_says_the_same(bars, tmp_path):
    import pyarrow.parquet as pq

    bars.store({0: (1, FIRST)})
    window = "--from", "2024-01-01", "--to", "2024-01-01T00:04"
    rows = table(bars(*window, "--format", "csv"))
    listed = json.loads(bars(*window, "--format", "json").stdout)
    assert [{k: str(v) for k, v in item.items()} for item in listed] == rows
    assert isinstance(listed[0]["count"], int)
    for name in ("bars.csv", "bars.parquet"):
        result = bars(*window, "--out", name)
        assert (result.exit_code, result.stdout) == (0, "")
    assert list(csv.DictReader((tmp_path / "bars.csv").read_text().splitlines())) == rows
    stored = pq.read_table(tmp_path / "bars.parquet").to_pylist()
    assert [str(item["vwap"]) for item in stored] == [row["vwap"] for row in rows]
    assert stored[1]["open_time"] == dt.datetime(2024, 1, 1, 0, 1, tzinfo=dt.UTC)
    assert stored[0]["quote_volume"] == Decimal("776.350")
    shown = bars(*window).stdout
    assert "2024-01-01 00:03:00" in shown
    assert "100.17" in shown
    assert {path.name for path in tmp_path.iterdir()} == {
        *("archive", "lake", "bars.csv", "bars.parquet")
    }


def test_an_interrupted_file_is_not_there(tmp_path):
    def batches():
        yield [[1]]
        raise KeyboardInterrupt

    (tmp_path / "old.csv").write_text("whole")
    for name in ("new.csv", "new.parquet", "old.csv"):
        with pytest.raises(KeyboardInterrupt):
            write_rows([Column("n", "int")], batches(), None, tmp_path / name)
    assert [path.name for path in tmp_path.iterdir()] == ["old.csv"]
    assert (tmp_path / "old.csv").read_text() == "whole"


def test_an_empty_result_is_whole_in_every_format(tmp_path, capsys):
    columns = [Column("n", "int")]
    for how, text in ((Format.CSV, "n\n"), (Format.JSON, "[]\n")):
        write_rows(columns, [], how, None)
        assert capsys.readouterr().out == text


def test_however_rows_come_the_file_holds_them_in_groups(tmp_path, monkeypatch):
    monkeypatch.setattr(output, "_AT_ONCE", 10)
    monkeypatch.setattr(output, "_PARQUET_ROWS", 40)
    columns = [Column("n", "int"), Column("price", "decimal", 1), Column("side", "word")]
    values = [np.arange(105), np.arange(105) * 5, ["buy", "sell", "?"] * 35]
    batches = list(as_rows(values))
    assert [len(batch) for batch in batches] == [10] * 10 + [5]
    rows = [row for batch in batches for row in batch]
    assert rows[104] == (104, 520, "?")
    assert all(type(value) is int for value in rows[104][:2])
    for name, cut in (("wide", batches), ("one", [[row] for row in rows]), ("all", [rows])):
        write_rows(columns, cut, None, tmp_path / f"{name}.parquet")
        write_rows(columns, cut, None, tmp_path / f"{name}.csv")
    one, wide, whole = (tmp_path / f"{name}.parquet" for name in ("one", "wide", "all"))
    assert one.read_bytes() == wide.read_bytes()
    assert pq.ParquetFile(one).num_row_groups == 3
    assert pq.read_table(one) == pq.read_table(whole)
    assert pq.read_table(one).column("price")[3].as_py() == Decimal("1.5")
    texts = {(tmp_path / f"{name}.csv").read_text() for name in ("one", "wide", "all")}
    assert len(texts) == 1
    assert list(as_rows([[], []])) == []


def test_long_tables_say_what_they_leave_out(capsys):
    write_rows([Column("n", "int")], [[[n] for n in range(1500)]], Format.TABLE, None)
    captured = capsys.readouterr()
    assert " 999 " in captured.out
    assert "1000" not in captured.out
    assert "500 more" in captured.err


def test_numbers_and_times_are_exact():
    assert decimal_text(-5, 2) == "-0.05"
    assert decimal_text(12_345, 0) == "12345"
    assert decimal_text(10**25 + 1, 10) == "1000000000000000.0000000001"
    assert time_text(1) == "1970-01-01T00:00:00.000001Z"
    with pytest.raises(UsageError):
        write_rows([Column("n", "int")], [], Format.PARQUET, None)


@pytest.mark.parametrize(
    ("trades", "vwap"),
    [
        ([(1, "100.0", "1", 1, "B"), (2, "100.1", "1", 1, "B")], "100.05"),
        ([(1, "100.0", "3", 1, "B"), (2, "100.1", "1", 1, "B")], "100.02"),  # 100.025
        ([(1, "100.0", "1", 1, "B"), (2, "100.1", "3", 1, "B")], "100.08"),  # 100.075
    ],
)
def test_vwap_is_rounded_half_to_even(bars, trades, vwap):
    bars.store({0: (1, trades)})
    (row,) = table(bars("--from", "2024-01-01", "--to", "2024-01-01T00:01", "--format", "csv"))
    assert row["vwap"] == vwap


def test_bars_of_activity_through_the_command_line(bars):
    bars.store({0: (1, FIRST), 1: (6, FIRST)})
    words = ["--from", "2024-01-01", "--to", "2024-01-02", "--format", "csv"]
    rows = table(bars(*words, "--bars", "tick:3"))
    assert [(row["open_time"][8:19], row["close_time"][8:19], row["volume"]) for row in rows] == [
        ("01T00:00:05", "01T00:00:07", "7.75"),
        ("01T00:03:10", "02T00:00:00", "3.00"),
        ("02T00:00:05", "02T00:00:07", "7.75"),
        ("02T00:03:10", "03T00:00:00", "3.00"),
    ]
    alone = table(
        bars("--from", "2024-01-02", "--to", "2024-01-02", "--format", "csv", "--bars", "tick:3")
    )
    assert alone == rows[2:]
    rows = table(bars(*words, "--bars", "range:2"))
    assert [(row["open"], row["close"]) for row in rows[:2]] == [
        ("100.1", "100.0"),
        ("100.4", "100.4"),
    ]
    cells = table(bars(*words, "--bars", "volume:7", "--footprint"))
    assert sum(Decimal(c["bid_volume"]) + Decimal(c["ask_volume"]) for c in cells) == Decimal(
        "21.5"
    )
    endless = table(bars(*words, "--bars", "tick:4@start"))
    assert [row["count"] for row in endless] == ["5", "5"]
    assert bars(*words, "--bars", "volume:0.0001").exit_code == 2


def test_row_heights_are_chosen_from_the_day_before(bars):
    swing = [(n, f"{100 + n % 2 * 9}.{n % 10}", "1", 1, "B") for n in range(40)]
    bars.store({0: (1, swing), 1: (41, FIRST)})
    words = ["--footprint", "--ticks-per-row", "auto", "--format", "csv"]
    result = bars("--from", "2024-01-02", "--to", "2024-01-02", *words)
    assert "5 ticks a row" in result.stderr  # 100.0 to 109.9: 20 rows of 5 ticks
    lows = {row["price_low"] for row in table(result)}
    assert lows == {"100.0"}
    alone = bars("--from", "2024-01-01", "--to", "2024-01-01", *words)
    assert alone.exit_code == 1
    assert "2023-12-31" in alone.stderr
    wrong = bars("--from", "2024-01-01", "--to", "2024-01-01", "--ticks-per-row", "0")
    assert wrong.exit_code == 2
