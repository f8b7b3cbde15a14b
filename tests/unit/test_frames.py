"""Tables in, readings out: of every kind of table, exactly, and the same as the command line's."""

from __future__ import annotations

import datetime as dt
import re
from decimal import Decimal
from pathlib import Path

import numpy as np
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from archive_days import DAY, DAY_MS, UM, csv_text, put_day
from typer.testing import CliRunner

from orderflow_bt.cli import app
from orderflow_bt.errors import CoverageError, UsageError
from orderflow_bt.frames import bars, events, footprint, open_tape, trades

# The table of docs/readings/imbalance.md, a trade a cell, rows 104 down to 100.
CELLS = {104: (0, 12), 103: (2, 30), 102: (4, 24), 101: (6, 18), 100: (20, 1)}


def tape_columns():
    price, qty, side = [], [], []
    for row, (bid, ask) in CELLS.items():
        for volume, sign in ((bid, -1), (ask, 1)):
            if volume:
                price.append(row)
                qty.append(volume)
                side.append(sign)
    time = np.arange(len(price), dtype=np.int64) * 1_000_000
    return {
        "time": time,
        "price": np.array(price),
        "quantity": np.array(qty),
        "side": np.array(side),
    }


def decimal_frame():
    columns = tape_columns()
    return pl.DataFrame(columns).with_columns(
        pl.col("time").cast(pl.Datetime("us", "UTC")),
        pl.col("price").cast(pl.Decimal(18, 2)),
        pl.col("quantity").cast(pl.Decimal(18, 3)),
    )


UNTIL = dt.datetime(1970, 1, 1, 0, 1, tzinfo=dt.UTC)


def test_numpy_in_numpy_out():
    table = bars(tape_columns(), "1m", until=UNTIL)
    assert isinstance(table, dict)
    assert table["open"].tolist() == [104]
    assert table["volume"].tolist() == [117]
    assert table["delta"].tolist() == [53]
    assert table["poc"].tolist() == [103]
    assert table["close"].dtype == np.int64


def test_polars_in_polars_out_in_exact_decimals():
    table = bars(decimal_frame(), "1m", until=UNTIL)
    assert isinstance(table, pl.DataFrame)
    row = table.row(0, named=True)
    assert row["high"] == Decimal("104.00")
    assert row["volume"] == Decimal("117.000")
    assert row["open_time"] == dt.datetime(1970, 1, 1, tzinfo=dt.UTC)
    quote = sum(p * (b + a) for p, (b, a) in CELLS.items())
    assert row["quote_volume"] == quote
    assert table.schema["quote_volume"] == pl.Decimal(38, 5)
    assert row["vwap"] == (Decimal(quote) / 117).quantize(Decimal("0.001"))


def test_arrow_in_arrow_out():
    table = footprint(decimal_frame().to_arrow(), "1m", until=UNTIL)
    assert isinstance(table, pa.Table)
    levels = {row["price_low"]: row for row in table.to_pylist()}
    # One-tick rows of 0.01 are dense: 401 of them from 100.00 to 104.00.
    assert table.num_rows == 401
    assert (levels[102]["bid_volume"], levels[102]["ask_volume"]) == (4, 24)
    assert levels[Decimal("102.01")]["ask_volume"] == 0


def test_footprint_of_the_written_example():
    table = footprint(pl.DataFrame(tape_columns()), "1m", imbalance=3, until=UNTIL)
    assert table["price_low"].to_list() == [100, 101, 102, 103, 104]
    assert table["bid_volume"].to_list() == [CELLS[row][0] for row in range(100, 105)]
    assert table["ask_volume"].to_list() == [CELLS[row][1] for row in range(100, 105)]
    # No bars before: no least volume. 101: 18 is less than 3 x 20.
    assert table["buy_imbalance"].to_list() == [False, False, True, True, True]
    assert not any(table["sell_imbalance"].to_list())


def test_floats_are_read_as_the_decimals_they_show():
    columns = tape_columns()
    columns["price"] = columns["price"] + 0.1
    columns["quantity"] = columns["quantity"] * 0.001
    columns["quantity"] = columns["quantity"].round(3)
    table = footprint(columns, "1m", ticks_per_row=10, until=UNTIL)
    assert table["price_low"].tolist() == [100.0, 101.0, 102.0, 103.0, 104.0]
    assert table["ask_volume"].tolist() == [0.001, 0.018, 0.024, 0.03, 0.012]
    assert bars(columns, "1m", until=UNTIL)["quote_volume"].dtype == np.float64


def test_a_float_that_is_no_decimal_is_refused():
    columns = tape_columns()
    columns["price"] = columns["price"] / 3
    with pytest.raises(UsageError, match="not decimals"):
        bars(columns)


def test_only_closed_bars():
    columns = tape_columns()
    assert len(bars(columns, "1m")["open"]) == 0
    assert len(bars(columns, "tick:4")["open"]) == 2
    assert bars(columns, "tick:4").keys() == bars(columns, "1m").keys()


def test_ticks_a_row_are_the_exchanges_ticks():
    frame = decimal_frame()
    by_tick = footprint(frame, "1m", tick_size="0.5", until=UNTIL)
    assert by_tick["price_low"].to_list() == [Decimal(n) / 2 for n in range(200, 209)]
    assert footprint(frame, "1m", ticks_per_row=50, until=UNTIL).equals(by_tick)
    with pytest.raises(UsageError, match="finer"):
        footprint(frame, tick_size="0.001")


@pytest.mark.parametrize("maker", [False, True])
def test_sides_by_any_name(maker):
    columns = tape_columns()
    side = columns.pop("side")
    if maker:
        columns["is_buyer_maker"] = side < 0
    else:
        columns["side"] = ["Buy" if s > 0 else "SELL" for s in side.tolist()]
    assert bars(columns, until=UNTIL)["delta"].tolist() == [53]


def test_a_hole_in_the_ids_marks_the_bar():
    columns = tape_columns()
    columns["id"] = np.arange(len(columns["time"])) * 2
    assert bars(columns, until=UNTIL)["status"].tolist() == ["gap"]
    known = bars(columns, until=UNTIL, ids_are_continuous=False)
    assert known["status"].tolist() == ["ok"]


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"price": None}, "no column 'price'"),
        ({"side": np.zeros(9, int)}, "row 0: 0 is not a side"),
        ({"time": np.arange(9)[::-1].copy()}, "row 1: time goes back"),
        ({"id": np.zeros(9, int)}, "row 1: id goes back"),
        ({"quantity": ["x"] * 9}, "column 'quantity' is of type string"),
        ({"time": np.linspace(0, 1, 9)}, "column 'time' is of type double"),
    ],
)
def test_what_cannot_be_read_is_named(change, words):
    columns = tape_columns()
    for name, values in change.items():
        columns.pop(name, None)
        if values is not None:
            columns[name] = values
    with pytest.raises(UsageError, match=words):
        bars(columns)


def test_something_else_is_not_a_tape():
    with pytest.raises(UsageError, match="from a list"):
        bars([1, 2, 3])


def test_empty_columns_give_empty_tables():
    empty = pl.DataFrame(tape_columns()).clear()
    assert bars(empty).height == 0
    assert footprint(empty).columns[0] == "open_time"
    assert events(empty, "volume_spike").height == 0


def test_automatic_rows_need_the_day_before():
    with pytest.raises(UsageError, match="day before"):
        footprint(tape_columns(), ticks_per_row="auto")


@pytest.fixture
def lake(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    rng = np.random.default_rng(5)
    price = 1000 + np.cumsum(rng.integers(-2, 3, 2000))
    rows = [
        (
            n + 1,
            f"{Decimal(int(price[n])) / 10}",
            f"{Decimal(int(rng.integers(1, 900))) / 1000}",
            n + 1,
            n + 1,
            DAY_MS + 43_000 * n,
            "true" if rng.random() < 0.5 else "false",
        )
        for n in range(2000)
    ]
    put_day(tmp_path / "archive", date=DAY, text=csv_text(rows))
    words = ["--from", str(DAY), "--to", str(DAY), "--source", "archive"]
    result = CliRunner().invoke(app, ["--data", "lake", "download", UM.symbol, *words])
    assert result.exit_code == 0, result.output
    return tmp_path / "lake"


def printed(*words):
    """The command line's own table, from its Parquet file."""
    result = CliRunner().invoke(app, ["--data", "lake", *words, "--out", "out.parquet"])
    assert result.exit_code == 0, result.output
    return pl.from_arrow(pq.read_table("out.parquet"))


def test_a_stored_tape_reads_as_the_command_line_prints(lake):
    tape = open_tape(UM.symbol, str(DAY), str(DAY), lake=lake)
    window = [UM.symbol, "--from", str(DAY), "--to", str(DAY)]
    assert bars(tape, "5m").equals(printed("bars", *window, "--bars", "5m"))
    assert footprint(tape, "1h", ticks_per_row=5).equals(
        printed("bars", *window, "--bars", "1h", "--footprint", "--ticks-per-row", "5")
    )
    seen = events(tape, "exhaustion", bars="15m")
    assert seen.height > 0
    assert seen.equals(
        printed("events", *window, "--detector", "exhaustion", "--param", "bars=15m")
    )


def test_a_stored_tape_taken_in_hand_reads_the_same(lake):
    tape = open_tape(UM.symbol, str(DAY), str(DAY), lake=lake)
    held = trades(tape)
    assert held.height == 2000
    assert held["price"].dtype == pl.Decimal(38, 1)
    end = dt.datetime.combine(DAY + dt.timedelta(days=1), dt.time(), dt.UTC)
    for spec in ("5m", "tick:100", "range:20"):
        stored = bars(tape, spec)
        assert bars(held, spec, until=end).head(stored.height).equals(stored)
    assert events(held, "exhaustion", bars="15m", until=end).equals(
        events(tape, "exhaustion", bars="15m")
    )


def test_windows_of_a_stored_tape(lake):
    noon = dt.datetime.combine(DAY, dt.time(12), dt.UTC)
    morning = open_tape(UM.symbol, DAY, noon, lake=lake)
    assert trades(morning)["time"].max() < noon
    assert bars(morning, "1h").height == 12
    with pytest.raises(UsageError, match="empty"):
        open_tape(UM.symbol, noon, noon, lake=lake)
    with pytest.raises(UsageError, match="not a day"):
        open_tape(UM.symbol, "yesterday", DAY, lake=lake)
    with pytest.raises(UsageError, match="Markets"):
        open_tape(UM.symbol, DAY, DAY, market="futures", lake=lake)
    with pytest.raises(UsageError, match="tick_size"):
        bars(morning, tick_size=1)
    with pytest.raises(CoverageError, match="no day"):
        bars(open_tape("NOSUCH", DAY, DAY, lake=lake))


def test_the_examples_of_the_docs(lake):
    page = Path(__file__).resolve().parents[2] / "docs" / "python.md"
    stored, held = re.findall(r"```python\n(.*?)```", page.read_text(encoding="utf-8"), re.DOTALL)
    lake.rename(lake.with_name("data"))
    exec(stored.replace("BTCUSDT", UM.symbol), {})
    exec(held, {})
