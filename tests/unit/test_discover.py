"""What a source has is found by listing; what it lists is not believed."""

from __future__ import annotations

import datetime as dt
import json

import pytest
from archive_days import DAY, SPOT, UM, day_path, days, put_day, serving
from typer.testing import CliRunner

from orderflow_bt.archive import exchange, open_source
from orderflow_bt.cli import app
from orderflow_bt.cli.sources import to_come
from orderflow_bt.errors import TransferError, UnsupportedError
from orderflow_bt.ingest import download, published, symbols
from orderflow_bt.series import SeriesId, SeriesKind
from orderflow_bt.store import Lake
from orderflow_bt.types import Kind, MarketType

BINANCE = exchange("binance")
FOLDER = "data/futures/um/daily/aggTrades"


@pytest.fixture
def server(tmp_path):
    (tmp_path / "archive").mkdir()
    with serving(tmp_path / "archive") as server:
        yield server


@pytest.mark.parametrize("next_marker", [True, False])
@pytest.mark.parametrize("page_keys", [1, 3, 1000])
def test_days_are_found_page_by_page(server, page_keys, next_marker):
    server.page_keys, server.next_marker = page_keys, next_marker
    for date in days(5):
        put_day(server.root, date=date)
    server.extra_keys = [
        f"{FOLDER}/ABCUSDT_240628/ABCUSDT_240628-aggTrades-2023-01-01.zip",
        "data/futures/um/monthly/aggTrades/ABCUSDT/ABCUSDT-aggTrades-2023-11.zip",
    ]
    found = published(BINANCE, open_source(server.url), UM)
    assert list(found.days) == days(5)
    assert found.months == (dt.date(2023, 11, 1),)
    assert (found.first, found.newest) == (dt.date(2023, 11, 1), days(5)[-1])
    folder = open_source(str(server.root))
    assert published(BINANCE, folder, UM).days == found.days


def test_names_that_are_not_exactly_a_days_file_are_nothing(server):
    base = f"{FOLDER}/ABCUSDT"
    server.extra_keys = [
        f"{base}/{name}"
        for name in (
            "../../../../etc/passwd",
            "..",
            "ABCUSDT-aggTrades-2024-01-01.zip.CHECKSUM",
            "ABCUSDT-aggTrades-2024-02-31.zip",
            "ABCUSDT-aggTrades-2024-1-1.zip",
            "ABCUSDT-aggTrades-2024-01-01.zip\n",
            "XABCUSDT-aggTrades-2024-01-01.zip",
            "ABCUSDT-trades-2024-01-01.zip",
            "ABCUSDT-aggTrades-٢٠٢٤-01-01.zip",
            "a" * 5000,
        )
    ]
    found = published(BINANCE, open_source(server.url), UM)
    assert (found.days, found.first, found.newest) == ((), None, None)
    server.extra_keys = [f"{FOLDER}/{name}/x.zip" for name in ("..", "../A", "C D", "OKUSDT")]
    assert symbols(BINANCE, open_source(server.url), MarketType.UM, Kind.AGG_TRADES) == ["OKUSDT"]


@pytest.mark.parametrize(
    ("body", "error", "what"),
    [
        (b"<html><body>Hello</body></html>", UnsupportedError, "cannot list"),
        (b"not xml", UnsupportedError, "cannot list"),
        (b"\xff\xfe<", UnsupportedError, "cannot list"),
        (b'<!DOCTYPE a [<!ENTITY b "c">]><ListBucketResult/>', UnsupportedError, "cannot list"),
        (b"<ListBucketResult><IsTruncated>true</IsTruncated></ListBucketResult>",
         TransferError, "does not go on"),
        (b"<ListBucketResult>" + b" " * (9 << 20), TransferError, "no end"),
    ],
)  # fmt: skip
def test_listings_that_are_none(server, body, error, what):
    query = "?delimiter=%2F&prefix=" + FOLDER.replace("/", "%2F") + "%2FABCUSDT%2F"
    server.faults[query] = [body]
    with pytest.raises(error, match=what):
        published(BINANCE, open_source(server.url), UM)


def test_a_listing_that_goes_in_circles_ends(server):
    query = "?delimiter=%2F&prefix=" + FOLDER.replace("/", "%2F") + "%2FABCUSDT%2F"
    page = (
        b"<ListBucketResult><IsTruncated>true</IsTruncated><NextMarker>b</NextMarker>"
        b"</ListBucketResult>"
    )
    server.faults[query] = [page]
    server.faults[query + "&marker=b"] = [page]
    with pytest.raises(TransferError, match="does not go on"):
        published(BINANCE, open_source(server.url), UM)


def test_a_busy_listing_is_asked_again(server):
    put_day(server.root)
    query = "?delimiter=%2F&prefix=" + FOLDER.replace("/", "%2F") + "%2FABCUSDT%2F"
    server.faults[query] = [503, 429]
    assert published(BINANCE, open_source(server.url), UM).days == (DAY,)


def test_a_late_archive_is_told_from_a_loss(server, tmp_path):
    for date in days(3):
        put_day(server.root, date=date)
    late = DAY + dt.timedelta(days=5)
    lake = Lake(tmp_path / "lake")

    def status(date, now):
        moment = dt.datetime(now.year, now.month, now.day, tzinfo=dt.UTC)
        (result,) = download(lake, UM, [date], open_source(server.url), now=moment)
        return result.status

    assert status(late, late + dt.timedelta(days=2)) == "not_published"
    assert status(late, late + dt.timedelta(days=9)) == "not_published"
    assert status(late, late + dt.timedelta(days=20)) == "missing"
    put_day(server.root, date=late + dt.timedelta(days=1))
    assert status(late, late + dt.timedelta(days=9)) == "missing"
    server.page_keys = 0
    assert status(late + dt.timedelta(days=3), late + dt.timedelta(days=9)) == "missing"


def run(tmp_path, *words):
    return CliRunner().invoke(app, ["--data", str(tmp_path / "lake"), *words])


def test_from_first_to_now(server, tmp_path):
    today = dt.datetime.now(dt.UTC).date()
    newest = today - dt.timedelta(days=2)
    for date in (newest - dt.timedelta(days=1), newest):
        put_day(server.root, date=date)
    words = ["download", "ABCUSDT", "--from", "first", "--to", "now", "--source", server.url]
    result = run(tmp_path, *words)
    assert result.exit_code == 0, result.output
    assert "2 of 2 days in the lake" in result.stdout
    yesterday = today - dt.timedelta(days=1)
    assert f"newest published day is {newest}; {yesterday} to {today} are still" in result.stderr
    assert run(tmp_path, *words).stdout.count("nothing to do") == 1
    early = run(tmp_path, "download", "ABCUSDT", "--from", str(today), "--to", "now",
                "--source", server.url)  # fmt: skip
    assert (early.exit_code, "is not published yet" in early.stderr) == (1, True)
    none = run(tmp_path, "download", "XUSDT", "--from", "first", "--to", "now", "--source",
               server.url)  # fmt: skip
    assert (none.exit_code, "lists no file of XUSDT" in none.stderr) == (1, True)


def test_a_server_of_files_says_that_it_cannot_list(server, tmp_path):
    put_day(server.root)
    server.page_keys = 0
    result = run(tmp_path, "download", "ABCUSDT", "--from", "first", "--to", "2024-01-01",
                 "--source", server.url)  # fmt: skip
    assert result.exit_code == 1
    assert "cannot list" in result.stderr
    assert "--listing" in result.stderr
    with serving(server.root) as bucket:
        result = run(tmp_path, "download", "ABCUSDT", "--from", "first", "--to", "2024-01-01",
                     "--source", server.url, "--listing", bucket.url)  # fmt: skip
    assert result.exit_code == 0, result.output


def test_symbols(server, tmp_path):
    put_day(server.root)
    server.extra_keys = [
        f"{FOLDER}/BNXUSDTSETTLED/BNXUSDTSETTLED-aggTrades-2023-02-0{n}.zip" for n in (1, 2)
    ]
    server.extra_keys.append(day_path(SPOT, DAY))
    listed = run(tmp_path, "symbols", "--source", server.url)
    assert listed.stdout.split() == ["ABCUSDT", "BNXUSDTSETTLED"]
    some = run(tmp_path, "symbols", "bnx*", "--source", server.url)
    assert some.stdout.splitlines()[1].split() == [
        "BNXUSDTSETTLED", "2023-02-01", "2023-02-02", "2",
    ]  # fmt: skip
    (one,) = json.loads(
        run(tmp_path, "symbols", "A*", "--market", "spot", "--source", server.url, "--json").stdout
    )
    assert one == {
        "symbol": "ABCUSDT", "first": "2024-01-01", "last": "2024-01-01", "days": 1, "months": 0,
    }  # fmt: skip
    assert run(tmp_path, "symbols", "Q*", "--source", server.url).exit_code == 1


def test_what_is_still_to_come():
    today = dt.date(2024, 3, 10)

    def text(days_ago, item=UM):
        return to_come(item, today - dt.timedelta(days=days_ago), today)

    assert text(1).endswith("newest published day is 2024-03-09; 2024-03-10 is still to come")
    assert text(3).endswith("2024-03-08 to 2024-03-10 are still to come")
    assert "traded no more" in text(40)
    assert "are still to come" in text(40, SeriesId("binance", UM.market, SeriesKind.FUNDING, "A"))
