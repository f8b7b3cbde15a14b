"""Days out of monthly files, over HTTP: where no daily file exists, and as the better copy."""

from __future__ import annotations

import datetime as dt
import random
import shutil

import numpy as np
import pytest
from archive_days import (
    DAY,
    DAY_MS,
    HEADER,
    KLINES,
    SPOT,
    UM,
    agg_rows,
    csv_text,
    days,
    kline,
    month_path,
    put_day,
    put_month,
    put_series,
    put_zip,
    serving,
    zip_bytes,
)
from typer.testing import CliRunner

from orderflow_bt.archive import open_source
from orderflow_bt.archive.stream import RowStream
from orderflow_bt.cli import app
from orderflow_bt.ingest import NoProgress, download
from orderflow_bt.store import Lake, SeriesStore


@pytest.fixture
def server(tmp_path):
    (tmp_path / "archive").mkdir()
    with serving(tmp_path / "archive") as server:
        yield server


@pytest.fixture
def lake(tmp_path):
    return Lake(tmp_path / "lake")


def month_rows(count=3, rows=50):
    """The rows of each day, ids going on."""
    return [agg_rows(date, rows, 1 + rows * n) for n, date in enumerate(days(count))]


def get(lake, server, dates, **options):
    return download(lake, options.pop("tape", UM), dates, open_source(server.url), **options)


def stored_rows(lake, date, tape=UM):
    chunks = lake.read(tape, date, 9, 9)
    return [np.concatenate(column).tolist() for column in zip(*chunks, strict=True)]


@pytest.mark.parametrize("header", [HEADER, ""])
@pytest.mark.parametrize("piece_rows", [1, 40, 1 << 20])
def test_a_day_is_the_same_from_either_file(
    server, lake, tmp_path, monkeypatch, header, piece_rows
):
    monkeypatch.setitem(RowStream.__init__.__kwdefaults__, "piece_rows", piece_rows)
    rows = month_rows()
    put_month(server.root, csv_text([row for day in rows for row in day], header))
    results = get(lake, server, days(3))
    assert [result.status for result in results] == ["stored"] * 3
    assert server.count("2024-01.zip") == 1  # once for all of its days
    daily = Lake(tmp_path / "daily")
    for date, day in zip(days(3), rows, strict=True):
        put_day(server.root, date=date, text=csv_text(day, header))
    get(daily, server, days(3))
    for date in days(3):
        ours, theirs = lake.day(UM, date), daily.day(UM, date)
        assert stored_rows(lake, date) == stored_rows(daily, date)
        assert ours.quality == theirs.quality
        assert (ours.price_decimals, ours.qty_decimals, ours.tick_decimals) == (
            theirs.price_decimals, theirs.qty_decimals, theirs.tick_decimals,
        )  # fmt: skip
        assert (ours.origin.span, theirs.origin.span) == ("monthly", "daily")
    assert not list(lake.incoming.glob("*.part"))


def test_two_times_of_a_month_interleaved_are_put_in_order(server, lake):
    rows = month_rows(2)
    mixed = [row for pair in zip(*rows, strict=True) for row in pair]
    put_month(server.root, csv_text(mixed))
    get(lake, server, days(2))
    for date in days(2):
        assert lake.day(UM, date).quality.is_clean


@pytest.mark.parametrize("piece_rows", [7, 1 << 20])
def test_units_are_those_that_the_days_own_rows_need(server, lake, monkeypatch, piece_rows):
    monkeypatch.setitem(RowStream.__init__.__kwdefaults__, "piece_rows", piece_rows)
    first, second = month_rows(2)
    second = [(row[0], "100.12345", *row[2:]) for row in second]
    put_month(server.root, csv_text(first + second))
    get(lake, server, days(2))
    assert [lake.day(UM, date).price_decimals for date in days(2)] == [1, 5]
    assert [lake.day(UM, date).tick_decimals for date in days(2)] == [1, 5]


def test_a_day_that_the_month_lacks_too_is_missing(server, lake):
    rows = month_rows(3)
    put_month(server.root, csv_text(rows[0] + rows[2]))
    results = get(lake, server, days(3))
    assert [result.status for result in results] == ["stored", "missing", "stored"]
    assert "neither a file of its own nor the month's" in str(results[1].error)
    assert get(lake, server, [dt.date(2023, 1, 1)])[0].status == "missing"


def test_a_nested_zip_and_other_members_are_passed_over(server, lake):
    rows = month_rows(1)[0]
    nested = ("ABCUSDT-aggTrades-2024-01.zip", zip_bytes(("x.csv", "1")))
    put_month(server.root, csv_text(rows), UM, nested)
    get(lake, server, [DAY])
    assert lake.day(UM, DAY).origin.ignored == ("ABCUSDT-aggTrades-2024-01.zip",)


def test_a_broken_month_fails_its_days_and_leaves_nothing(server, lake):
    text = csv_text([row for day in month_rows(2) for row in day])
    put_month(server.root, text + "x,y\n")
    results = get(lake, server, days(2))
    assert [result.status for result in results] == ["failed", "failed"]
    put_month(server.root, HEADER)
    assert get(lake, server, [DAY])[0].status == "failed"
    path = put_month(server.root, text)
    path.with_name(path.name + ".CHECKSUM").write_text(f"{'0' * 64}  {path.name}\n")
    assert "SHA-256" in str(get(lake, server, [DAY])[0].error)
    assert lake.tapes() == []
    assert not list(lake.incoming.glob("*.part"))


@pytest.mark.parametrize(
    ("defect", "count"),
    [
        (lambda rows: rows[:20] + rows[25:], "missing_ids"),
        (lambda rows: [*rows[:9], (*rows[9][:2], "0.000", *rows[9][3:]), *rows[10:]],
         "zero_quantity"),
    ],
)  # fmt: skip
def test_repair_keeps_the_copy_that_lacks_less(server, lake, defect, count):
    rows = month_rows(3)
    put_day(server.root, date=days(3)[0], text=csv_text(rows[0]))
    put_day(server.root, date=days(3)[1], text=csv_text(defect(rows[1])))
    put_day(server.root, date=days(3)[2], text=csv_text(rows[2]))
    put_month(server.root, csv_text([row for day in rows for row in day]))
    get(lake, server, days(3))
    assert getattr(lake.day(UM, days(3)[1]).quality, count) > 0
    assert server.count("2024-01.zip") == 0  # months are large: asked for only if told
    results = get(lake, server, days(3), repair=True)
    assert [result.status for result in results] == ["present", "repaired", "present"]
    assert all(info.quality.is_clean for info in lake.days(UM))
    before = server.count("2024-01.zip")
    assert {r.status for r in get(lake, server, days(3), repair=True)} == {"present"}
    assert server.count("2024-01.zip") == before


def test_repair_sees_a_day_that_was_cut_short(server, lake):
    rows = month_rows(2)
    put_day(server.root, date=days(2)[0], text=csv_text(rows[0][:30]))
    put_day(server.root, date=days(2)[1], text=csv_text(rows[1]))
    put_month(server.root, csv_text(rows[0] + rows[1]))
    results = get(lake, server, days(2), repair=True)
    assert [result.status for result in results] == ["repaired", "stored"]
    assert lake.day(UM, DAY).rows == 50


def test_repair_does_not_take_a_worse_copy(server, lake):
    rows = month_rows(1)[0]
    put_day(server.root, text=csv_text(rows[:20] + rows[25:]))
    put_month(server.root, csv_text(rows[:20] + rows[28:]))
    (result,) = get(lake, server, [DAY], repair=True)
    assert (result.status, result.info.quality.missing_ids) == ("stored", 5)
    (result,) = get(lake, server, [DAY], repair=True)
    assert result.status == "present"


def test_klines_of_a_month(server, lake):
    text = "".join(kline(hour) for hour in range(48) if hour != 30)
    path = put_series(server.root, KLINES, DAY, text)
    month = path.as_posix().replace("/daily/", "/monthly/").replace("2024-01-01", "2024-01")
    put_zip(server.root, month[len(server.root.as_posix()) + 1 :], path.read_bytes())
    path.unlink()
    results = get(lake, server, days(3), tape=KLINES)
    assert [result.status for result in results] == ["stored", "stored", "missing"]
    store = SeriesStore(lake)
    assert [store.info(KLINES, date).quality.missing for date in days(2)] == [0, 1]
    assert store.info(KLINES, DAY).quality.is_clean


@pytest.mark.parametrize("piece_rows", [1, 7, 1 << 17])
def test_klines_of_a_month_in_pieces_are_those_of_the_day(
    server, lake, tmp_path, monkeypatch, piece_rows
):
    """In any order, and each day in the decimals that its own rows need."""
    monkeypatch.setattr("orderflow_bt.archive.binance.PIECE_ROWS", piece_rows)
    lines = [kline(hour, **({"close": "100.12345"} if hour == 5 else {})) for hour in range(72)]
    daily = Lake(tmp_path / "daily")
    for number, date in enumerate(days(3)):
        put_series(server.root, KLINES, date, "".join(lines[24 * number : 24 * number + 24]))
    get(daily, server, days(3), tape=KLINES)
    shutil.rmtree(server.root / "data")
    stem = "data/futures/um/monthly/klines/ABCUSDT/1h/ABCUSDT-1h-2024-01.zip"
    random.Random(1).shuffle(lines)
    put_zip(server.root, stem, zip_bytes(("x.csv", "".join(lines))))
    results = get(lake, server, days(3), tape=KLINES)
    assert [result.status for result in results] == ["stored"] * 3, results
    ours, theirs = SeriesStore(lake), SeriesStore(daily)
    for date in days(3):
        assert ours.info(KLINES, date).decimals == theirs.info(KLINES, date).decimals
        assert ours.info(KLINES, date).quality.outside == 0
        mine, other = ours.read(KLINES, date), theirs.read(KLINES, date)
        assert {n: c.tolist() for n, c in mine.columns.items()} == {
            n: c.tolist() for n, c in other.columns.items()
        }
    assert ours.info(KLINES, DAY).decimals["price"] == 5
    assert ours.info(KLINES, days(3)[1]).decimals["price"] == 2


def test_the_command_says_what_it_did(server, tmp_path):
    rows = month_rows(2)
    put_day(server.root, text=csv_text(rows[0][:20] + rows[0][25:]))
    put_month(server.root, csv_text(rows[0] + rows[1]))
    words = ["--data", str(tmp_path / "lake"), "download", "ABCUSDT", "--from", "2024-01-01",
             "--to", "2024-01-02", "--source", server.url]  # fmt: skip
    result = CliRunner().invoke(app, words)
    assert result.exit_code == 0, result.output
    assert "2024-01-02: taken out of its month's file" in result.stdout
    result = CliRunner().invoke(app, [*words, "--repair", "--keep-raw"])
    assert "repaired now   1 day  2024-01-01" in result.stdout
    assert (tmp_path / "lake/raw" / month_path(UM)).exists()


def test_ids_of_spot_and_microseconds(server, lake):
    rows = [
        (*row[:5], (row[5] - DAY_MS) * 1000 + DAY_MS * 1000, "True", "True")
        for row in agg_rows(DAY, 30)
    ]
    put_month(server.root, csv_text(rows, ""), SPOT)
    (result,) = get(lake, server, [DAY], tape=SPOT)
    assert (result.status, result.info.time_unit) == ("stored", "us")
    assert np.diff(stored_rows(lake, DAY, SPOT)[0]).tolist() == [1] * 29


def test_what_a_killed_month_left_is_swept(server, lake):
    left = lake.incoming / "binance-um-ABCUSDT-aggTrades-2024-01-month.zip.part"
    left.write_bytes(b"x")
    put_month(server.root, csv_text(month_rows(1)[0]))
    get(lake, server, [DAY])
    assert not left.exists()


class _Interrupting(NoProgress):
    """Ctrl-C while the month's file arrives, or after its first day was stored."""

    def __init__(self, stored):
        self.stored = stored

    def received(self, size):
        if size > 1000 and not self.stored:
            raise KeyboardInterrupt

    def finished(self, result):
        if self.stored:
            raise KeyboardInterrupt


@pytest.mark.parametrize("stored", [False, True])
def test_an_interrupted_month_leaves_no_part(server, lake, stored):
    put_month(server.root, csv_text([row for day in month_rows(3) for row in day]))
    with pytest.raises(KeyboardInterrupt):
        get(lake, server, days(3), progress=_Interrupting(stored))
    assert not list(lake.incoming.glob("*.part"))
    results = get(lake, server, days(3))
    assert all(result.is_in_lake for result in results)
    assert all(lake.day(UM, date).quality.is_clean for date in days(3))
