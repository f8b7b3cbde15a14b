"""What the source has published anew takes the place of what was stored."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pyarrow.parquet as pq
import pytest
from archive_days import (
    DAY,
    KLINES,
    UM,
    agg_rows,
    csv_text,
    day_path,
    days,
    kline,
    put_day,
    put_month,
    put_series,
    serving,
)
from typer.testing import CliRunner

from orderflow_bt.archive import open_source
from orderflow_bt.cli import app
from orderflow_bt.ingest import download, recheck
from orderflow_bt.store import Lake, SeriesStore
from orderflow_bt.store.schema import COLUMN_NAMES


@pytest.fixture
def server(tmp_path):
    (tmp_path / "archive").mkdir()
    with serving(tmp_path / "archive") as server:
        yield server


@pytest.fixture
def lake(tmp_path):
    return Lake(tmp_path / "lake")


def lake_rows(info):
    return pq.read_table(info.path, partitioning=None).to_pylist()


def get(lake, server, dates, tape=UM):
    return download(lake, tape, dates, open_source(server.url))


def check(lake, server, dates, tape=UM, **options):
    return recheck(lake, tape, dates, open_source(server.url), **options)


def test_days_that_are_the_same_are_not_fetched(server, lake):
    for date in days(3):
        put_day(server.root, date=date)
    get(lake, server, days(3))
    before = server.count(".zip")
    assert [result.status for result in check(lake, server, days(4))] == ["same"] * 3
    assert server.count(".zip") == before + 3  # asked whether they are there, by HEAD
    assert server.heads == 3


def test_a_changed_day_is_replaced(server, lake):
    rows = agg_rows()
    put_day(server.root, text=csv_text(rows[:20] + rows[25:]))
    get(lake, server, [DAY])
    put_day(server.root, text=csv_text(rows))
    (result,) = check(lake, server, [DAY])
    assert result.status == "changed"
    assert (result.before.rows, result.after.rows) == (45, 50)
    assert lake.day(UM, DAY).quality.is_clean
    assert check(lake, server, [DAY])[0].status == "same"


def test_a_new_copy_that_lacks_more_is_not_taken(server, lake):
    rows = agg_rows()
    put_day(server.root, text=csv_text(rows))
    get(lake, server, [DAY])
    put_day(server.root, text=csv_text(rows[:30]))
    (result,) = check(lake, server, [DAY])
    assert (result.status, lake.day(UM, DAY).rows) == ("kept", 50)


def test_a_day_that_is_gone_is_kept(server, lake):
    path = put_day(server.root)
    get(lake, server, [DAY])
    path.unlink()
    assert check(lake, server, [DAY])[0].status == "gone"
    assert lake.day(UM, DAY).rows == 50


def test_a_changed_file_that_is_broken_changes_nothing(server, lake):
    put_day(server.root)
    get(lake, server, [DAY])
    stored = lake.day(UM, DAY)
    put_day(server.root, text="broken")
    assert check(lake, server, [DAY])[0].status == "failed"
    put_day(server.root, text=csv_text(agg_rows(count=60)), digest="0" * 64)
    (result,) = check(lake, server, [DAY])
    assert "SHA-256" in str(result.error)
    assert lake.day(UM, DAY) == stored
    assert check(lake, server, [DAY], accept_bad_checksum=True)[0].status == "changed"
    assert not list(lake.incoming.glob("*.part"))


def test_another_etag_tells_where_the_checksum_was_not_renewed(server, lake):
    path = put_day(server.root)
    get(lake, server, [DAY])
    checksum = path.with_name(path.name + ".CHECKSUM")
    old = checksum.read_text()
    put_day(server.root, text=csv_text(agg_rows(count=60)))
    checksum.write_text(old)
    assert check(lake, server, [DAY])[0].status == "failed"


def test_a_month_published_anew(server, lake):
    rows = agg_rows()
    put_month(server.root, csv_text(rows[:20] + rows[25:]))
    get(lake, server, [DAY])
    assert check(lake, server, [DAY])[0].status == "same"
    put_month(server.root, csv_text(rows))
    assert check(lake, server, [DAY])[0].status == "changed"
    assert lake.day(UM, DAY).rows == 50


def test_series_are_rechecked_too(server, lake):
    put_series(server.root, KLINES, DAY, "".join(kline(hour) for hour in range(20)))
    get(lake, server, [DAY], KLINES)
    put_series(server.root, KLINES, DAY, "".join(kline(hour) for hour in range(24)))
    (result,) = check(lake, server, [DAY], KLINES)
    assert result.status == "changed"
    assert SeriesStore(lake).info(KLINES, DAY).quality.is_clean


def test_a_day_from_elsewhere_gives_way_when_the_archive_has_it(server, lake):
    path = put_day(server.root)
    get(lake, server, [DAY])
    info = lake.day(UM, DAY)
    columns = np.array(
        [[column[name] for name in COLUMN_NAMES] for column in lake_rows(info)], np.int64
    ).T
    for url, wanted in (("rest:https://x", "changed"), ("import:a.csv", "unchecked")):
        with lake.lock(UM, DAY):
            lake.write_day(columns, replace(info, origin=replace(info.origin, url=url)))
        kept = path.read_bytes()
        if wanted == "changed":
            path.unlink()
            assert check(lake, server, [DAY])[0].status == "unchecked"
            put_day(server.root, text=csv_text(agg_rows(count=60)))
            assert check(lake, server, [DAY])[0].status == wanted
        else:
            path.write_bytes(kept)
            assert check(lake, server, [DAY])[0].status == wanted


def test_a_folder_as_source(server, lake):
    put_day(server.root)
    get(lake, server, [DAY])
    folder = open_source(str(server.root))
    assert recheck(lake, UM, [DAY], folder)[0].status == "same"
    put_day(server.root, text=csv_text(agg_rows(count=60)))
    assert recheck(lake, UM, [DAY], folder)[0].status == "changed"
    (server.root / day_path(UM, DAY)).unlink()
    assert recheck(lake, UM, [DAY], folder)[0].status == "gone"


def test_the_command(server, lake, tmp_path):
    for n, date in enumerate(days(3)):
        put_day(server.root, date=date, text=csv_text(agg_rows(date, 50, 1 + 50 * n)))
    get(lake, server, days(3))
    first, second, _ = days(3)
    put_day(server.root, date=first, text=csv_text(agg_rows(first, 60)))
    (server.root / day_path(UM, second)).unlink()

    def run(*words):
        command = ["--data", str(tmp_path / "lake"), "recheck", *words, "--source", server.url]
        return CliRunner().invoke(app, command)

    plain = json.loads(run("ABCUSDT", "--from", "2024-01-02", "--json").stdout)
    assert [day["status"] for day in plain] == ["gone", "same"]
    result = run("abcusdt")
    assert result.exit_code == 0, result.output
    assert "1 unchanged, 1 replaced, 1 gone" in result.stdout
    assert "replaced     2024-01-01: rows 50 -> 60; last id 50 -> 60" in result.stdout
    assert "2024-01-02: the source has it no more; the stored copy is kept" in result.stdout
    assert run("XUSDT").exit_code == 1
    assert run("ABCUSDT", "--market", "spot").exit_code == 1
