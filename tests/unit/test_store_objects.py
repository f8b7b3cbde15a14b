"""A lake in an object store: all that a folder is, whole days only, and failures in words."""

from __future__ import annotations

import datetime as dt
import json
import os
import random
import re
import signal
import time

import pytest
from archive_days import (
    DAY,
    DAY_MS,
    UM,
    agg_rows,
    csv_text,
    days,
    put_day,
    put_zip,
    serving,
    zip_bytes,
)
from object_stores import (
    BUCKET,
    between,
    cache_folder,
    error_text,
    keys,
    lake_url,
    object_store,
    set_environment,
    start,
)
from typer.testing import CliRunner

from orderflow_bt.archive import open_source
from orderflow_bt.cli import app
from orderflow_bt.errors import LakeError
from orderflow_bt.ingest import download
from orderflow_bt.series import SeriesId, SeriesKind
from orderflow_bt.store import Lake, SeriesStore
from orderflow_bt.synth import SimulatedMarket, write_archive
from orderflow_bt.types import Kind, MarketType, TapeId

SIMULATED = TapeId("binance", MarketType.UM, Kind.AGG_TRADES, "SIMUSDT")
FUNDING = SeriesId("binance", MarketType.UM, SeriesKind.FUNDING, "ABCUSDT")
KLINES = SeriesId("binance", MarketType.SPOT, SeriesKind.KLINES, "ABCUSDT", "1h")
SUMS = """SELECT date, count(*), sum(quantity), min(price), max(time) FROM trades
    WHERE symbol = 'SIMUSDT' AND date >= '2026-01-06' GROUP BY date ORDER BY date"""


@pytest.fixture(scope="module")
def store():
    with object_store() as address:
        yield address


@pytest.fixture(autouse=True)
def _environment(tmp_path, monkeypatch):
    set_environment(monkeypatch, tmp_path / "cache")


@pytest.fixture
def lake(store, tmp_path):
    return Lake(lake_url(store, tmp_path.name))


@pytest.fixture
def archive(tmp_path):
    for date in days(4):
        put_day(tmp_path / "archive", date=date, text=day_text(date))
    return tmp_path / "archive"


def day_text(date, count=300):
    return csv_text(agg_rows(date, count, 1 + count * (date - DAY).days))


def run(place, *words):
    return CliRunner().invoke(app, ["--data", str(place), *words])


def told(text, places):
    """What was printed, without what differs between two lakes."""
    for place in places:
        text = text.replace(f"'{place}'", "LAKE").replace(str(place), "LAKE")
    return sorted(re.sub(r"-> \S+|\d+(\.\d+)? s\b", "", text).splitlines())


def day_content(lake, tape, date):
    with lake.files.path(lake.day_key(tape, date)).open() as file:
        return file.read()


def test_a_journey_is_the_same_as_in_a_folder(store, tmp_path, monkeypatch):
    """Download over HTTP, look, ask, and run: what is printed and what a run writes is equal."""
    monkeypatch.chdir(tmp_path)
    market = SimulatedMarket(seed=3, start=dt.date(2026, 1, 5), days=3, trades_per_day=15_000)
    write_archive(market, tmp_path / "archive")
    places = [tmp_path / "lake", lake_url(store, "journey")]
    span = ["--from", "2026-01-05", "--to", "2026-01-07"]
    with serving(tmp_path / "archive") as server:
        steps = [
            ["download", "SIMUSDT", *span, "--source", server.url],
            ["download", "SIMUSDT", *span, "--source", server.url],
            ["recheck", "SIMUSDT", "--source", server.url],
            ["ls"],
            ["ls", "SIMUSDT", "--json"],
            ["audit", "SIMUSDT", "--json"],
            ["sql", "SELECT * FROM quality ORDER BY date", "--format", "csv"],
            ["sql", SUMS, "--format", "csv"],
            ["bars", "SIMUSDT", "--bars", "1h", *span, "--footprint", "--format", "csv"],
            ["events", "SIMUSDT", "--detector", "big_trades", *span, "--format", "csv"],
            [
                *["run", "delta_divergence", "SIMUSDT", "--from", "2026-01-06", "--to"],
                *["2026-01-07", "--param", "aim=r", "--out", "{}", "--json"],
            ],
        ]
        for step in steps:
            outputs = []
            for name, place in zip(("here", "there"), places, strict=True):
                result = run(place, *(word.format(name) for word in step))
                assert result.exit_code == 0, (step, result.output)
                outputs.append(told(result.stdout.replace(name, "OUT"), places))
            assert outputs[0] == outputs[1], step
    tables = [path.name for path in (tmp_path / "here").glob("*.parquet")]
    assert len(tables) >= 4
    for name in tables:
        assert (tmp_path / "here" / name).read_bytes() == (
            tmp_path / "there" / name
        ).read_bytes(), name
    hashes = [json.loads((tmp_path / n / "metrics.json").read_text()) for n in ("here", "there")]
    assert hashes[0] == hashes[1]
    assert hashes[0]["round_trips"] > 0
    local, remote = Lake(places[0]), Lake(places[1])
    for date in local.dates(SIMULATED):
        assert local.day_path(SIMULATED, date).read_bytes() == day_content(remote, SIMULATED, date)


def test_files_of_this_machine_and_the_exchanges_rules(lake, archive, tmp_path, store):
    url = lake_url(store, tmp_path.name)
    file = next(archive.rglob("*2024-01-02.zip"))
    assert run(url, "import", str(file)).exit_code == 0
    assert lake.dates(UM) == [dt.date(2024, 1, 2)]
    again = run(url, "import", str(file), "--json")
    assert json.loads(again.stdout)[0]["status"] == "present"
    assert lake.simulated == ""
    info = tmp_path / "info.json"
    steps = [
        {"filterType": "PRICE_FILTER", "tickSize": "0.10"},
        {"filterType": "LOT_SIZE", "stepSize": "0.001"},
    ]
    info.write_text(json.dumps({"symbols": [{"symbol": "ABCUSDT", "filters": steps}]}))
    assert run(url, "instruments", "import", str(info), "--since", "2024-01-01").exit_code == 0
    shown = run(url, "instruments", "show", "ABCUSDT", "--json")
    assert "imported" in shown.stdout
    assert f"{BUCKET}/{tmp_path.name}/instruments/binance-um.json" in keys(store)


def test_what_is_not_there(lake):
    assert lake.tapes() == []
    assert lake.dates(UM) == []
    assert SeriesStore(lake).all() == []
    assert not lake.has(UM, DAY)
    assert lake.day(UM, DAY) is None
    with pytest.raises(LakeError, match=r"orderflow-bt download ABCUSDT"):
        list(lake.read(UM, DAY, 2, 2))


def test_series(lake, tmp_path, store):
    minute = f"{DAY_MS},1.5,2.5,1.0,2.0,7.25,{DAY_MS + 3_599_999},9.5,4,3.5,4.5,0\n"
    klines = "data/spot/daily/klines/ABCUSDT/1h/ABCUSDT-1h-2024-01-01"
    put_zip(tmp_path / "archive", f"{klines}.zip", zip_bytes(("ABCUSDT-1h-2024-01-01.csv", minute)))
    funding = "data/futures/um/monthly/fundingRate/ABCUSDT/ABCUSDT-fundingRate-2024-01"
    text = f"calc_time,funding_interval_hours,last_funding_rate\n{DAY_MS},8,0.0001\n"
    put_zip(tmp_path / "archive", f"{funding}.zip", zip_bytes(("a.csv", text)))
    source = open_source(str(tmp_path / "archive"))
    for series in (KLINES, FUNDING):
        (result,) = download(lake, series, days(1), source)
        assert result.status == "stored", result.error
    series = SeriesStore(lake)
    assert series.all() == sorted([FUNDING, KLINES])
    assert [info.rows for info in series.infos(KLINES)] == [1]
    assert series.read(KLINES, DAY)["high"].tolist() == [25]
    asked = "SELECT interval, high, volume, open_time FROM klines WHERE symbol = 'ABCUSDT'"
    shown = run(lake_url(store, tmp_path.name), "sql", asked, "--format", "csv").stdout
    assert shown.splitlines()[1] == "1h,2.5,7.25,2024-01-01T00:00:00.000000Z"


def test_a_stored_day_that_is_damaged_is_named(lake, archive, store):
    download(lake, UM, days(2), open_source(str(archive)))
    content = day_content(lake, UM, DAY)
    path = lake.day_path(UM, DAY)
    for spoiled in (content[:-9], content[:50] + b"\0" * 200 + content[250:]):
        with path.files.store.open_output_stream(path.files.at(path.key)) as stream:
            stream.write(spoiled)
        with pytest.raises(LakeError, match=r"a stored day cannot be .*download it again"):
            list(lake.read(UM, DAY, 2, 3))
    result = run(lake_url(store, lake.root.rsplit("/", 1)[-1]), "doctor")
    assert result.exit_code == 0  # its footer is whole
    with path.files.store.open_output_stream(path.files.at(path.key)) as stream:
        stream.write(b"")
    assert run(lake_url(store, lake.root.rsplit("/", 1)[-1]), "doctor").exit_code == 3


@pytest.mark.parametrize("fault", ["part", "end"])
def test_an_upload_that_fails_leaves_nothing(store, tmp_path, fault, capfd):
    """A part that is not taken, or the last word that is not, spoils all of the file."""

    def refuse(command, path):
        is_part = fault == "part" and command == "PUT" and "partNumber=2" in path
        is_end = fault == "end" and command == "POST" and "uploadId=" in path
        return (400, error_text("BadDigest")) if is_part or is_end else None

    part = tmp_path / "big.part"
    part.write_bytes(random.Random(1).randbytes(25 << 20))
    with between(store, refuse) as address:
        files = Lake(lake_url(address, f"fails-{fault}")).files
        with pytest.raises(LakeError, match="the object store failed"):
            files.publish(part, "x/part.parquet")
        assert not files.exists("x/part.parquet")
    assert part.exists()
    files = Lake(lake_url(store, f"fails-{fault}")).files
    assert list(files.find("x/*")) == []
    files.publish(part, "x/part.parquet")
    assert keys(store)[f"{BUCKET}/fails-{fault}/x/part.parquet"] == 25 << 20
    assert not part.exists()
    assert capfd.readouterr().err == ""


@pytest.mark.parametrize(
    ("status", "code", "words"),
    [
        (403, "AccessDenied", "refuses access.*AWS_ACCESS_KEY_ID"),
        (403, "InvalidAccessKeyId", "refuses access.*AWS_PROFILE"),
        (301, "PermanentRedirect", "another region.*region="),
        (400, "SomethingElse", "the object store failed: HTTP status 400|SomethingElse"),
    ],
)
@pytest.mark.parametrize("words_of", [["ls"], ["download"], ["sql", "SELECT * FROM trades"]])
def test_refusals_are_said_in_a_line(store, archive, status, code, words, words_of):
    if words_of == ["download"]:
        words_of = ["download", "ABCUSDT", "--from", "2024-01-01", "--to", "2024-01-02"]
        words_of += ["--source", str(archive)]
    with between(store, lambda *_: (status, error_text(code))) as address:
        result = run(lake_url(address), *words_of)
    assert result.exit_code == 1
    line = " ".join(result.stderr.split())
    assert re.fullmatch(f"error: .*({words}).*", line)
    assert "Traceback" not in result.output


def test_no_bucket_and_no_server(store, archive):
    url = lake_url(store).replace(BUCKET, "nobucket")
    source = ["--source", str(archive)]
    for words in (
        ["ls"],
        ["audit", "ABCUSDT"],
        ["sql", "SELECT * FROM trades"],
        ["download", "ABCUSDT", "--from", "2024-01-01", "--to", "2024-01-02", *source],
        ["import", str(next(archive.rglob("*.zip")))],
    ):
        result = run(url, *words)
        assert result.exit_code == 1, (words, result.output)
        assert "there is no bucket 'nobucket'" in result.output
    nobody = run("s3://bucket/lake?endpoint_override=http://127.0.0.1:1", "ls")
    assert nobody.exit_code == 1
    assert "the object store cannot be reached: Failed to connect to 127.0.0.1:1" in nobody.stderr
    doctor = run("s3://bucket/lake?endpoint_override=http://127.0.0.1:1", "doctor")
    assert doctor.exit_code == 3
    assert "cannot be reached" in doctor.stdout


def test_a_store_that_fails_while_a_day_is_read_is_not_a_damaged_day(store, lake, archive):
    download(lake, UM, days(1), open_source(str(archive)))
    broken = False

    def fails(command, path):
        return (403, error_text("AccessDenied")) if broken and command == "GET" else None

    with between(store, fails) as address:
        remote = Lake(lake_url(address, lake.root.rsplit("/", 1)[-1]))
        groups = remote.read(UM, DAY, 2, 3, chunk_rows=10)
        assert next(groups).rows == 10
        broken = True
        with pytest.raises(LakeError, match="refuses access"):
            remote.day(UM, DAY)
        with pytest.raises(LakeError, match="refuses access"):
            list(remote.read(UM, DAY, 2, 3))


def test_the_endpoint_may_come_from_the_environment(store, monkeypatch):
    monkeypatch.setenv("AWS_ENDPOINT_URL", store)
    monkeypatch.setenv("AWS_REGION", "eu-central-1")
    assert run("s3://bucket/nothing-here", "ls").exit_code == 0
    assert Lake("s3://bucket/a/b/").root == "s3://bucket/a/b"
    assert str(Lake("s3://bucket/a").day_path(UM, DAY)).startswith("s3://bucket/a/exchange=binance")


def test_a_file_url_is_a_folder(tmp_path):
    assert Lake((tmp_path / "a b").as_uri()).root == tmp_path / "a b"


def big_archive(root, count=4, rows=60_000):
    for date in days(count):
        put_day(root, date=date, text=day_text(date, rows))


def downloading(url, server, cache, count=4):
    last = days(count)[-1].isoformat()
    environment = os.environ | {"ORDERFLOW_BT_CACHE_DIR": str(cache_folder(cache))}
    return start(
        *["--data", url, "download", "ABCUSDT", "--from", "2024-01-01", "--to", last],
        *["--source", server.url, "--workers", "2"],
        env=environment,
    )


def test_killed_while_it_stores_and_run_again(store, tmp_path):
    """Whatever moment a download is killed at, each day that can be seen is whole."""
    big_archive(tmp_path / "archive")
    url = lake_url(store, "killed")
    whole = Lake(tmp_path / "whole")
    with serving(tmp_path / "archive") as server:
        download(whole, UM, days(4), open_source(server.url))
        seen = 0
        for number in range(4):
            child = downloading(url, server, tmp_path / "cache")
            until = time.monotonic() + 20
            while child.poll() is None and time.monotonic() < until:
                found = sum("killed/" in key for key in keys(store))
                if found > seen or (number == 0 and list(tmp_path.rglob("*.parquet.part"))):
                    break
            child.send_signal(signal.SIGKILL)
            child.communicate()
            lake = Lake(url)
            stored = lake.dates(UM)
            seen = len(stored)
            for date in stored:
                assert day_content(lake, UM, date) == whole.day_path(UM, date).read_bytes()
        last = downloading(url, server, tmp_path / "cache")
        last.communicate()
        assert last.returncode == 0
    assert Lake(url).dates(UM) == days(4)
    for date in days(4):
        assert day_content(Lake(url), UM, date) == whole.day_path(UM, date).read_bytes()
    assert not list((tmp_path / "cache" / "lakes").rglob("*.part"))


def test_two_machines_download_the_same_days(store, tmp_path):
    """Different cache folders, so no lock is shared: both store, and the days are the same."""
    big_archive(tmp_path / "archive", 3, 2000)
    url = lake_url(store, "shared")
    with serving(tmp_path / "archive") as server:
        both = [downloading(url, server, tmp_path / name, 3) for name in ("here", "there")]
        for child in both:
            out, err = child.communicate()
            assert child.returncode == 0, (out, err)
        whole = Lake(tmp_path / "whole")
        download(whole, UM, days(3), open_source(server.url))
    for date in days(3):
        assert day_content(Lake(url), UM, date) == whole.day_path(UM, date).read_bytes()


def test_names_of_an_archive_stay_below_the_lakes_prefix(store, tmp_path, archive):
    lake = Lake(lake_url(store, "fenced"))
    raw = zip_bytes(("../../evil.csv", "x"), ("ABCUSDT-aggTrades-2024-01-01.csv", day_text(DAY)))
    put_day(archive, raw=raw)
    put_zip(archive, "data/../../outside.zip", b"x")
    download(lake, UM, days(2), open_source(str(archive)), keep_raw=True)
    ours = [key for key in keys(store) if "evil" in key or "outside" in key]
    assert ours == []
    assert sorted(key.split("/")[2] for key in keys(store) if key.startswith("bucket/fenced/")) == [
        *["exchange=binance"] * 2,
        *["raw"] * 2,
    ]
