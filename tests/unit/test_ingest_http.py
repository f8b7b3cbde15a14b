"""Downloads over real HTTP on loopback, from servers that do what servers do."""

from __future__ import annotations

import datetime as dt
import signal
import subprocess
import sys
import time

import numpy as np
import pytest
from archive_days import (
    DAY,
    HEADER,
    UM,
    agg_rows,
    csv_text,
    day_path,
    days,
    put_day,
    serving,
    zip_bytes,
)

from orderflow_bt.archive.http import HttpSource
from orderflow_bt.errors import ChecksumError, MalformedError, MissingDayError, TransferError
from orderflow_bt.ingest import download
from orderflow_bt.store import Lake
from orderflow_bt.store.lake import RAW

NOW = dt.datetime(2024, 6, 1, tzinfo=dt.UTC)


@pytest.fixture
def archive(tmp_path):
    return tmp_path / "archive"


@pytest.fixture
def lake(tmp_path):
    return Lake(tmp_path / "lake")


@pytest.fixture
def server(archive):
    archive.mkdir()
    with serving(archive) as running:
        yield running


def fetch(lake, server, dates, **options):
    source = HttpSource(server.url, attempts=3, pause_s=0.01)
    return download(lake, UM, dates, source, now=options.pop("now", NOW), **options)


def leftovers(lake):
    return [path.name for path in (lake.root / ".incoming").glob("*") if path.suffix != ".lock"]


def test_a_stored_day_knows_where_it_came_from(archive, server, lake):
    path = put_day(archive)
    (result,) = fetch(lake, server, [DAY])
    assert result.status == "stored"
    info = lake.day(UM, DAY)
    assert info == result.info
    assert info.source_url == f"{server.url}/{day_path(UM, DAY)}"
    assert info.origin.checksum == "verified"
    assert info.origin.bytes == path.stat().st_size
    assert info.etag
    assert info.origin.last_modified == "Tue, 02 Jan 2024 03:00:00 GMT"
    assert (info.rows, info.first_id, info.last_id) == (50, 1, 50)
    assert (info.price_decimals, info.qty_decimals, info.time_unit) == (1, 3, "ms")
    assert info.quality.is_clean
    assert leftovers(lake) == []


def test_a_second_run_asks_for_nothing(archive, server, lake):
    for date in days(3):
        put_day(archive, date=date)
    assert [r.status for r in fetch(lake, server, days(3))] == ["stored"] * 3
    before = {date: lake.day_path(UM, date).read_bytes() for date in days(3)}
    server.requests.clear()
    assert [r.status for r in fetch(lake, server, days(3))] == ["present"] * 3
    assert server.requests == []
    assert before == {date: lake.day_path(UM, date).read_bytes() for date in days(3)}


def test_a_wrong_checksum_is_asked_for_twice_and_refused(archive, server, lake):
    put_day(archive, digest="0" * 64)
    (result,) = fetch(lake, server, [DAY])
    assert result.status == "failed"
    assert isinstance(result.error, ChecksumError)
    assert "--accept-bad-checksum" in str(result.error)
    assert server.count(".zip") == 2
    assert lake.day(UM, DAY) is None
    assert leftovers(lake) == []


def test_a_wrong_checksum_is_stored_on_the_users_word_and_noted(archive, server, lake):
    put_day(archive, digest="0" * 64)
    (result,) = fetch(lake, server, [DAY], accept_bad_checksum=True)
    assert result.status == "stored"
    assert result.info.origin.checksum == "mismatch"


def test_a_copy_spoiled_once_is_repaired_by_asking_again(archive, server, lake):
    put_day(archive)
    server.faults[day_path(UM, DAY)] = [b"spoiled"]
    (result,) = fetch(lake, server, [DAY])
    assert (result.status, result.info.origin.checksum) == ("stored", "verified")


@pytest.mark.parametrize(
    ("text", "stored"), [(None, False), ("no checksum", False), (None, True), ("no checksum", True)]
)
def test_a_checksum_that_is_absent_or_unreadable(archive, server, lake, text, stored):
    path = put_day(archive)
    checksum = path.with_name(path.name + ".CHECKSUM")
    checksum.unlink() if text is None else checksum.write_text(text)
    (result,) = fetch(lake, server, [DAY], accept_bad_checksum=stored)
    if stored:
        assert result.info.origin.checksum == ("absent" if text is None else "mismatch")
    else:
        assert isinstance(result.error, ChecksumError)


def test_a_truncated_zip_is_refused(archive, server, lake):
    whole = put_day(archive).read_bytes()
    put_day(archive, raw=whole[: len(whole) // 2])
    (result,) = fetch(lake, server, [DAY])
    assert isinstance(result.error, MalformedError)
    assert "not a whole zip" in str(result.error)
    assert lake.days(UM) == []
    assert leftovers(lake) == []


def test_a_missing_day_leaves_the_others_stored(archive, server, lake):
    first, second, third = days(3)
    put_day(archive, date=first)
    put_day(archive, date=third)
    results = fetch(lake, server, [first, second, third])
    assert [r.status for r in results] == ["stored", "missing", "stored"]
    assert isinstance(results[1].error, MissingDayError)
    assert "2024-01-02" in str(results[1].error)
    assert lake.dates(UM) == [first, third]


def test_a_day_too_young_to_be_missing(server, lake):
    (young,) = fetch(lake, server, [DAY], now=dt.datetime(2024, 1, 3, 23, tzinfo=dt.UTC))
    assert young.status == "not_published"
    assert "not published yet" in str(young.error)
    (old,) = fetch(lake, server, [DAY], now=dt.datetime(2024, 1, 4, tzinfo=dt.UTC))
    assert old.status == "missing"


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (csv_text(agg_rows(), HEADER.replace("quantity", "volume")), ["'volume'", "row 1"]),
        (csv_text(agg_rows(), HEADER.replace("price,", "")), ["'price'", "row 1"]),
        (
            csv_text(agg_rows()).replace("100.0", "1e5", 1),
            ["ABCUSDT-aggTrades-2024-01-01.zip", "row 2", "'1e5'", "'price'"],
        ),
        (csv_text(agg_rows()).replace("false", "no", 1), ["'no'", "'is_buyer_maker'", "row 2"]),
        (csv_text(agg_rows(DAY + dt.timedelta(days=1))), ["2024-01-01", "2024-01-02"]),
        (HEADER, ["no trades"]),
        ("", ["no trades"]),
    ],
)
def test_content_that_cannot_be_read_is_named(archive, server, lake, text, words):
    put_day(archive, text=text)
    (result,) = fetch(lake, server, [DAY])
    assert isinstance(result.error, MalformedError)
    for word in words:
        assert word in str(result.error)
    assert lake.days(UM) == []


def test_other_members_of_a_zip_are_ignored_and_reported(archive, server, lake):
    name = "ABCUSDT-aggTrades-2024-01-01.csv"
    nested = zip_bytes(("inner.csv", "1"))
    raw = zip_bytes((name, csv_text(agg_rows())), ("x.zip", nested), ("folder/b.csv", "2"))
    put_day(archive, raw=raw)
    (result,) = fetch(lake, server, [DAY])
    assert result.info.rows == 50
    assert result.info.origin.ignored == ("x.zip", "folder/b.csv")


def test_a_body_cut_in_the_middle_is_fetched_again_whole(archive, server, lake):
    put_day(archive)
    server.faults[day_path(UM, DAY)] = ["cut", "cut"]
    (result,) = fetch(lake, server, [DAY])
    assert result.status == "stored"
    assert server.count(".zip") == 3


def test_a_body_always_cut_is_given_up(archive, server, lake):
    put_day(archive)
    server.faults[day_path(UM, DAY)] = ["cut"] * 3
    (result,) = fetch(lake, server, [DAY])
    assert isinstance(result.error, TransferError)
    assert "3 attempts" in str(result.error)
    assert leftovers(lake) == []


@pytest.mark.parametrize("status", [429, 500, 503])
def test_a_busy_server_is_asked_again(archive, server, lake, status):
    put_day(archive)
    server.faults[day_path(UM, DAY)] = [status, status]
    server.faults[day_path(UM, DAY) + ".CHECKSUM"] = [status]
    (result,) = fetch(lake, server, [DAY])
    assert result.status == "stored"


def test_a_refusal_is_not_repeated(archive, server, lake):
    put_day(archive)
    server.faults[day_path(UM, DAY)] = [451]
    (result,) = fetch(lake, server, [DAY])
    assert "451" in str(result.error)
    assert server.count(".zip") == 1


def test_a_server_that_is_not_there(lake):
    source = HttpSource("http://127.0.0.1:9", attempts=2, pause_s=0.01)
    (result,) = download(lake, UM, [DAY], source, now=NOW)
    assert isinstance(result.error, TransferError)
    assert "no connection" in str(result.error)


def test_raw_files_are_kept_as_an_archive_of_their_own(archive, server, lake, tmp_path):
    path = put_day(archive)
    fetch(lake, server, [DAY], keep_raw=True)
    assert (lake.root / RAW / day_path(UM, DAY)).read_bytes() == path.read_bytes()
    assert lake.tapes() == [UM]


def test_an_interrupted_caller_stops_every_worker(archive, server, lake):
    for date in days(4):
        put_day(archive, date=date, raw=noise())
        server.faults[day_path(UM, date)] = ["slow"]

    class Interrupted:
        def received(self, size):
            pass

        def finished(self, result):
            raise KeyboardInterrupt

    put_day(archive, date=DAY)
    server.faults[day_path(UM, DAY)] = []
    with pytest.raises(KeyboardInterrupt):
        fetch(lake, server, days(4), progress=Interrupted())
    assert leftovers(lake) == []
    assert lake.dates(UM) == [DAY]


CHILD = """
import datetime as dt, pathlib, sys
from orderflow_bt.archive import open_source
from orderflow_bt.ingest import download
from orderflow_bt.store import Lake
from orderflow_bt.types import Kind, MarketType, TapeId
tape = TapeId("binance", MarketType.UM, Kind.AGG_TRADES, "ABCUSDT")
dates = [dt.date(2024, 1, 1) + dt.timedelta(days=n) for n in range(int(sys.argv[3]))]
for r in download(Lake(pathlib.Path(sys.argv[1])), tape, dates, open_source(sys.argv[2])):
    print(r.date, r.status, r.error or "")
"""


def child(lake, server, count):
    return subprocess.Popen(
        [sys.executable, "-c", CHILD, str(lake.root), server.url, str(count)],
        stdout=subprocess.PIPE,
        text=True,
    )


def noise(rows=60_000):
    """A day that does not pack well, so that a slow server is slow with it."""
    numbers = np.random.default_rng(1).integers(1, 10**9, rows).tolist()
    lines = agg_rows(count=rows)
    return zip_bytes(
        (
            "ABCUSDT-aggTrades-2024-01-01.csv",
            csv_text(
                [
                    (line[0], f"{n // 1000}.{n % 10}", f"{n}", *line[3:5], line[5], line[6])
                    for line, n in zip(lines, numbers, strict=True)
                ]
            ),
        )
    )


def wait_for_part(lake, process):
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline and process.poll() is None:
        if any(p.stat().st_size for p in (lake.root / ".incoming").glob("*.part")):
            return
        time.sleep(0.02)
    pytest.fail("the download did not begin")


def test_killed_in_the_middle_and_run_again(archive, server, lake, tmp_path):
    put_day(archive, raw=noise())
    server.faults[day_path(UM, DAY)] = ["slow"]
    process = child(lake, server, 1)
    wait_for_part(lake, process)
    process.kill()
    process.communicate()
    assert leftovers(lake)
    assert lake.tapes() == []
    (result,) = fetch(lake, server, [DAY])
    assert result.status == "stored"
    assert leftovers(lake) == []
    undisturbed = Lake(tmp_path / "undisturbed")
    fetch(undisturbed, server, [DAY])
    assert lake.day_path(UM, DAY).read_bytes() == undisturbed.day_path(UM, DAY).read_bytes()


def test_what_a_killed_download_of_another_day_left_is_cleared(archive, server, lake):
    put_day(archive)
    stale = lake.incoming_path(UM, DAY + dt.timedelta(days=9), ".zip.part")
    for _ in range(2):  # the second time, with nothing left to fetch
        stale.write_bytes(b"half")
        fetch(lake, server, [DAY])
        assert leftovers(lake) == []


def test_interrupted_from_the_keyboard(archive, server, lake):
    put_day(archive, raw=noise())
    server.faults[day_path(UM, DAY)] = ["slow"]
    process = subprocess.Popen(
        [
            *[sys.executable, "-c", "from orderflow_bt.cli import main; main()"],
            *["--data", str(lake.root), "download", "ABCUSDT", "--source", server.url],
            *["--from", "2024-01-01", "--to", "2024-01-01"],
        ],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    wait_for_part(lake, process)
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=30)
    assert process.returncode == 130
    assert out == ""
    assert "Traceback" not in err
    assert leftovers(lake) == []
    assert lake.tapes() == []


def test_two_processes_share_the_work(archive, server, lake):
    for date in days(30):
        put_day(archive, date=date)
    processes = [child(lake, server, 30) for _ in range(2)]
    for process in processes:
        out, _ = process.communicate(timeout=60)
        assert process.returncode == 0
        assert len(out.splitlines()) == 30
        assert "failed" not in out
    assert lake.dates(UM) == days(30)
    assert server.count(".zip") == 30
    assert leftovers(lake) == []
