"""Files on this machine become the days that a download of the same rows would have stored."""

from __future__ import annotations

import gzip
import hashlib
import json
import random

import pytest
from archive_days import (
    DAY,
    DAY_MS,
    SPOT,
    UM,
    agg_rows,
    csv_text,
    days,
    put_day,
    zip_bytes,
)
from hypothesis import given, settings
from hypothesis import strategies as st
from typer.testing import CliRunner

from orderflow_bt.archive import open_source
from orderflow_bt.cli import app
from orderflow_bt.ingest import download, import_files
from orderflow_bt.series import SeriesId, SeriesKind
from orderflow_bt.store import Lake, SeriesStore, read_columns
from orderflow_bt.types import MarketType

FIRST, SECOND, THIRD = days(3)
NAMES = ["id", "price", "quantity", "first_id", "last_id", "time", "side"]


@pytest.fixture
def run(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)

    def run(*words):
        return CliRunner().invoke(app, ["--data", "lake", "import", *map(str, words)])

    return run


def content(lake, date, tape=UM):
    info = lake.day(tape, date)
    rows = [
        {name: column.tolist() for name, column in b.items()} for b in read_columns(info, NAMES)
    ]
    scale = (info.price_decimals, info.qty_decimals, info.tick_decimals, info.time_unit)
    return rows, scale, info.quality


def downloaded(folder, by_date, tape=UM):
    for date, rows in by_date.items():
        put_day(folder / "archive", tape, date, text=csv_text(rows))
    lake = Lake(folder / "downloaded")
    download(lake, tape, list(by_date), open_source(str(folder / "archive")))
    return lake


def write(path, text, how="csv"):
    raw = text.encode()
    if how == "zip":
        raw = zip_bytes(("inside.csv", text))
    elif how == "gz":
        raw = gzip.compress(raw)
    path.write_bytes(raw)
    return path


@pytest.mark.parametrize("how", ["csv", "gz", "zip"])
def test_any_packing_gives_the_downloaded_day(run, tmp_path, how):
    path = write(tmp_path / f"ABCUSDT-aggTrades-{DAY}.csv", csv_text(agg_rows()), how)
    result = run(path)
    assert result.exit_code == 0, result.output
    assert "2024-01-01  stored, 50 rows" in result.stdout
    lake = Lake(tmp_path / "lake")
    assert content(lake, DAY) == content(downloaded(tmp_path, {DAY: agg_rows()}), DAY)
    origin = lake.day(UM, DAY).origin
    assert origin.url == f"import:{path.name}"
    assert origin.sha256 == hashlib.sha256(path.read_bytes()).hexdigest()
    assert origin.checksum == "absent"


def test_a_file_of_several_days_is_split(run, tmp_path):
    by_date = {date: agg_rows(date, 50, 1 + 50 * n) for n, date in enumerate(days(3))}
    by_date[SECOND] = [(*row[:1], "100.12345", "7", *row[3:]) for row in by_date[SECOND]]
    rows = [row for part in by_date.values() for row in part]
    random.Random(1).shuffle(rows)
    result = run(write(tmp_path / "all.csv", csv_text(rows)), "--symbol", "ABCUSDT")
    assert result.exit_code == 0, result.output
    lake, want = Lake(tmp_path / "lake"), downloaded(tmp_path, by_date)
    for date in days(3):
        (rows, scale, quality), (want_rows, want_scale, want_quality) = (
            content(lake, date),
            content(want, date),
        )
        assert (rows, scale) == (want_rows, want_scale)
        assert quality.reordered
        assert not want_quality.reordered


@settings(max_examples=25, deadline=None)
@given(st.integers(1, 4), st.randoms(use_true_random=False), st.booleans())
def test_any_splitting_into_files_gives_the_same_day(tmp_path_factory, pieces, chance, repeat):
    folder = tmp_path_factory.mktemp("split")
    by_date = {date: agg_rows(date, 20, 1 + 20 * n) for n, date in enumerate(days(2))}
    rows = [row for part in by_date.values() for row in part]
    parts = [[] for _ in range(pieces)]
    for row in rows + rows[:5] * repeat:
        chance.choice(parts).append(row)
    paths = [
        write(folder / f"part{n}.csv", csv_text(part), chance.choice(["csv", "gz", "zip"]))
        for n, part in enumerate(parts)
        if part
    ]
    lake = Lake(folder / "lake")
    results = list(import_files(lake, UM, paths))
    assert {result.status for result in results} == {"stored"}
    want = downloaded(folder, by_date)
    for date in by_date:
        assert content(lake, date)[:2] == content(want, date)[:2]
    assert content(lake, FIRST)[2].duplicates == 5 * repeat


def test_again_it_changes_nothing(run, tmp_path):
    path = write(tmp_path / f"ABCUSDT-aggTrades-{DAY}.zip", csv_text(agg_rows()), "zip")
    run(path)
    stored = Lake(tmp_path / "lake").day_path(UM, DAY)
    before = (stored.read_bytes(), stored.stat().st_mtime_ns)
    for words in ([path], [path, "--replace"]):
        result = run(*words)
        assert result.exit_code == 0
        assert "there before, the same" in result.stdout
    assert (stored.read_bytes(), stored.stat().st_mtime_ns) == before


def test_another_content_is_left_alone_unless_told(run, tmp_path):
    run(write(tmp_path / f"ABCUSDT-aggTrades-{DAY}.csv", csv_text(agg_rows())))
    other = write(tmp_path / f"ABCUSDT-aggTrades-{DAY}.zip", csv_text(agg_rows(count=60)), "zip")
    left = run(other)
    assert left.exit_code == 0
    assert "left alone" in left.stdout
    lake = Lake(tmp_path / "lake")
    assert lake.day(UM, DAY).rows == 50
    assert "replaced what was there, 60 rows" in run(other, "--replace").stdout
    assert lake.day(UM, DAY).rows == 60


def test_rows_of_another_day_in_a_dated_file_make_no_day(run, tmp_path):
    rows = [*agg_rows(), agg_rows(SECOND, 1, 51)[0]]
    result = run(write(tmp_path / f"ABCUSDT-aggTrades-{DAY}.csv", csv_text(rows)))
    assert "rows of another day: 1" in result.stdout
    lake = Lake(tmp_path / "lake")
    assert lake.dates(UM) == [DAY]


def test_single_trades_of_spot(run, tmp_path):
    text = "9,0.5,500,250,1704067200000,False,True\n"
    result = run(write(tmp_path / f"XYZUSDT-trades-{DAY}.csv", text), "--market", "spot", "--json")
    (day,) = json.loads(result.stdout)
    assert (day["status"], day["rows"], day["clean"]) == ("stored", 1, True)
    (tape,) = Lake(tmp_path / "lake").tapes()
    assert (tape.symbol, tape.kind.value, tape.market) == ("XYZUSDT", "trades", SPOT.market)


def test_a_checksum_beside_the_file_is_kept_to(run, tmp_path):
    path = write(tmp_path / f"ABCUSDT-aggTrades-{DAY}.csv", csv_text(agg_rows()))
    beside = path.with_name(path.name + ".CHECKSUM")
    beside.write_text(f"{'0' * 64}  {path.name}\n")
    assert "should be 0000" in run(path).stderr
    beside.write_text(f"{hashlib.sha256(path.read_bytes()).hexdigest()}  {path.name}\n")
    assert run(path).exit_code == 0
    assert Lake(tmp_path / "lake").day(UM, DAY).origin.checksum == "verified"


def test_one_bad_file_does_not_keep_the_others_out(run, tmp_path):
    good = write(tmp_path / f"ABCUSDT-aggTrades-{FIRST}.csv", csv_text(agg_rows()))
    bad = write(tmp_path / f"ABCUSDT-aggTrades-{SECOND}.csv", "<html>not found</html>")
    result = run(good, bad)
    assert result.exit_code == 1
    assert "2024-01-01  stored" in result.stdout
    assert "2024-01-02  failed" in result.stdout
    assert list((tmp_path / "lake" / ".incoming").glob("*.part")) == []


@pytest.mark.parametrize(
    ("cut", "words"),
    [(lambda raw: raw[:-20], "cannot be inflated"), (lambda raw: raw[:200] + b"x" + raw[201:], "")],
)
def test_damaged_gzips_are_refused(run, tmp_path, cut, words):
    path = write(tmp_path / f"ABCUSDT-aggTrades-{DAY}.csv", csv_text(agg_rows()), "gz")
    path.write_bytes(cut(path.read_bytes()))
    result = run(path)
    assert result.exit_code == 1
    assert words in result.stderr
    assert "Traceback" not in result.output
    assert Lake(tmp_path / "lake").dates(UM) == []


def test_a_bomb_is_refused(run, tmp_path):
    path = tmp_path / f"ABCUSDT-aggTrades-{DAY}.csv"
    path.write_bytes(gzip.compress(csv_text(agg_rows()).encode() + b"\n" * (20 << 20)))
    result = run(path)
    assert result.exit_code == 1
    assert "inflates to far more" in result.stderr


def test_errors_of_use(run, tmp_path):
    assert run(tmp_path / "nothing.csv", "--symbol", "X").exit_code == 2
    path = write(tmp_path / "rows.csv", csv_text(agg_rows()))
    assert "Add --symbol" in run(path).stderr
    named = write(tmp_path / f"ABCUSDT-aggTrades-{DAY}.csv", csv_text(agg_rows()))
    assert "several tapes" in run(named, "--symbol", "XYZUSDT").stderr
    assert run(named, "--kind", "trades").exit_code == 2
    assert run(named, "--kind", "nonsense").exit_code == 2
    assert run(path, "--symbol", "../../x").exit_code == 2


def test_klines(run, tmp_path):
    header = "open_time,open,high,low,close,volume,close_time,quote_volume,count,"
    header += "taker_buy_volume,taker_buy_quote_volume,ignore\n"
    text = header + "".join(
        f"{DAY_MS + 60_000 * n},1.5,2,1,1.25,3,{DAY_MS + 60_000 * n + 59_999},4.5,2,1,1.5,0\n"
        for n in range(1440)
    )
    path = write(tmp_path / f"ABCUSDT-1m-{DAY}.csv", text, "gz")
    result = run(path, "--kind", "klines")
    assert result.exit_code == 0, result.output
    assert "2024-01-01  stored, 1,440 rows" in result.stdout
    assert "there before, the same" in run(path, "--kind", "klines").stdout
    series = SeriesId("binance", MarketType.UM, SeriesKind.KLINES, "ABCUSDT", "1m")
    info = SeriesStore(Lake(tmp_path / "lake")).info(series, DAY)
    assert (info.rows, info.quality.is_clean, info.origin.url) == (
        1440, True, f"import:{path.name}",
    )  # fmt: skip
    path.write_text(text.replace("4.5", "4.6"))
    assert "left alone" in run(path, "--kind", "klines").stdout
    assert "replaced" in run(path, "--kind", "klines", "--replace").stdout
    other = write(tmp_path / "ABCUSDT-candles.csv", text)
    assert run(other, "--kind", "klines").exit_code == 2
    assert run(path, other.with_name("XYZ-1m-2024-01-01.csv"), "--kind", "klines").exit_code == 2
