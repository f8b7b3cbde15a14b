"""Lost ids come back from a REST interface that misbehaves, exactly, and days say so."""

from __future__ import annotations

import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlsplit

import pytest
from archive_days import DAY, DAY_MS, UM, agg_rows, csv_text, days, put_day
from typer.testing import CliRunner

from orderflow_bt.archive import open_source
from orderflow_bt.archive.rest import ENDPOINTS, PAGE_ROWS, RestTrades, read_page
from orderflow_bt.audit import audit_tape
from orderflow_bt.cli import app
from orderflow_bt.errors import TransferError, UnsupportedError
from orderflow_bt.ingest import download
from orderflow_bt.ingest.backfill import backfill
from orderflow_bt.store import Lake, read_columns
from orderflow_bt.store.views import Query
from orderflow_bt.types import Kind, MarketType, TapeId

FIRST, SECOND, THIRD = days(3)
NAMES = ["id", "price", "quantity", "first_id", "last_id", "time", "side"]


def trade(row):
    number, price, qty, first, last, time, maker = row
    return {
        "a": number,
        "p": price,
        "q": qty,
        "f": first,
        "l": last,
        "T": time,
        "m": maker == "true",
    }


class Exchange(ThreadingHTTPServer):
    """Serves aggregates by id; ``faults`` are answers to give instead, in order."""

    daemon_threads = True

    def __init__(self, rows):
        super().__init__(("127.0.0.1", 0), _Handler)
        self.trades = [trade(row) for row in rows]
        self.faults = []
        self.asked = []
        self.headers = {}
        self.url = f"http://127.0.0.1:{self.server_port}"


class _Handler(BaseHTTPRequestHandler):
    def do_GET(self):
        parts = urlsplit(self.path)
        query = {name: values[0] for name, values in parse_qs(parts.query).items()}
        self.server.asked.append((parts.path, query))
        name, field = ("fromId", "a") if "fromId" in query else ("startTime", "T")
        start, limit = int(query[name]), int(query["limit"])
        page = [t for t in self.server.trades if t[field] >= start][:limit]
        status, headers, body = 200, dict(self.server.headers), json.dumps(page)
        fault = self.server.faults.pop(0) if self.server.faults else None
        if isinstance(fault, tuple):
            status, headers, body = fault[0], fault[1], "{}"
        elif fault == "cut":
            body = body[: len(body) // 2]
        elif fault == "order":
            body = json.dumps(page[::-1])
        elif fault is not None:
            body = fault
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body.encode())

    def log_message(self, *args):
        """Quiet."""


@pytest.fixture
def serve():
    servers = []

    def serve(rows):
        server = Exchange(rows)
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        servers.append((server, thread))
        return server

    yield serve
    for server, thread in servers:
        server.shutdown()
        server.server_close()
        thread.join()


def client(server, **options):
    slept = []
    rest = RestTrades(ENDPOINTS[MarketType.UM], server.url, sleep=slept.append, **options)
    return rest, slept


def tape_rows(count=3):
    return {date: agg_rows(date, 50, 1 + 50 * n) for n, date in enumerate(days(count))}


def stored(folder, by_date, name="lake"):
    for date, rows in by_date.items():
        put_day(folder / name / "archive", UM, date, text=csv_text(rows))
    lake = Lake(folder / name)
    results = download(lake, UM, list(by_date), open_source(str(folder / name / "archive")))
    assert {result.status for result in results} == {"stored"}
    return lake


def content(lake, date):
    info = lake.day(UM, date)
    rows = [{k: v.tolist() for k, v in batch.items()} for batch in read_columns(info, NAMES)]
    return rows, info.price_decimals, info.qty_decimals, info.time_unit, info.tick_decimals


def test_holes_in_days_between_days_and_missing_days_are_filled(tmp_path, serve):
    whole = tape_rows()
    all_rows = [row for rows in whole.values() for row in rows]
    lake = stored(
        tmp_path, {FIRST: whole[FIRST][:10] + whole[FIRST][15:48], THIRD: whole[THIRD][3:]}
    )
    rest, _ = client(serve(all_rows))
    results = list(backfill(lake, UM, FIRST, THIRD, rest, to_now=False))
    assert sum(result.added for result in results) == 5 + 2 + 50 + 3
    assert not any(result.missing_ids or result.error for result in results)
    want = stored(tmp_path, whole, "want")
    for date in whole:
        assert content(lake, date) == content(want, date)
    assert [day.status for day in audit_tape(lake, UM)] == ["clean"] * 3
    assert lake.day(UM, FIRST).rest == ((11, 15), (49, 50))
    assert lake.day(UM, SECOND).rest == ((51, 100),)
    assert lake.day(UM, FIRST).origin.checksum == "verified"
    assert lake.day(UM, SECOND).source_url.startswith("rest:http://127.0.0.1")
    query = Query(lake, "SELECT source, count(*) FROM trades GROUP BY ALL ORDER BY ALL")
    assert [row for batch in query.batches() for row in batch] == [("archive", 90), ("rest", 60)]
    query.close()
    assert list(backfill(lake, UM, FIRST, THIRD, rest, to_now=False)) == []


def test_the_trades_since_the_last_stored_day(tmp_path, serve):
    whole = tape_rows()
    all_rows = [row for rows in whole.values() for row in rows]
    lake = stored(tmp_path, {FIRST: whole[FIRST]})
    server = serve(all_rows[:120])
    rest, _ = client(server)
    list(backfill(lake, UM, FIRST, THIRD, rest, to_now=True))
    assert [lake.day(UM, date).rows for date in whole] == [50, 50, 20]
    server.trades = [trade(row) for row in all_rows]
    results = list(backfill(lake, UM, FIRST, THIRD, rest, to_now=True))
    assert [(result.date, result.added) for result in results] == [(THIRD, 30)]
    want = stored(tmp_path, whole, "want")
    assert all(content(lake, date) == content(want, date) for date in whole)
    assert lake.day(UM, THIRD).rest == ((101, 150),)


def test_nothing_behind_the_window_is_stored(tmp_path, serve):
    whole = tape_rows()
    lake = stored(tmp_path, {FIRST: whole[FIRST]})
    rest, _ = client(serve([row for rows in whole.values() for row in rows]))
    list(backfill(lake, UM, FIRST, SECOND, rest, to_now=True))
    assert lake.dates(UM) == [FIRST, SECOND]


def test_pages_are_asked_for_until_the_hole_ends(tmp_path, serve):
    rows = agg_rows(DAY, 2600)
    lake = stored(tmp_path, {DAY: [rows[0], rows[-1]]})
    server = serve(rows)
    rest, _ = client(server)
    (result,) = backfill(lake, UM, DAY, DAY, rest, to_now=False)
    assert (result.added, result.missing_ids) == (2598, 0)
    assert [query["fromId"] for _, query in server.asked] == ["2", "1002", "2002"]
    assert {path for path, _ in server.asked} == {"/fapi/v1/aggTrades"}
    assert {int(query["limit"]) for _, query in server.asked} == {PAGE_ROWS}


def test_a_server_that_misbehaves(tmp_path, serve):
    whole = tape_rows(1)
    lake = stored(tmp_path, {FIRST: whole[FIRST][:10] + whole[FIRST][15:]})
    server = serve(whole[FIRST])
    server.faults = [(429, {"Retry-After": "7"}), "cut", "order", (503, {}), "[{}]"]
    rest, slept = client(server)
    (result,) = backfill(lake, UM, FIRST, FIRST, rest, to_now=False)
    assert (result.added, result.missing_ids) == (5, 0)
    assert slept == [7.0, 1.0, 2.0, 4.0, 8.0]
    assert content(lake, FIRST) == content(stored(tmp_path, whole, "want"), FIRST)


def test_ids_that_are_gone_stay_missing(tmp_path, serve):
    whole = tape_rows(1)
    lake = stored(tmp_path, {FIRST: whole[FIRST][:10] + whole[FIRST][15:]})
    rest, _ = client(serve([row for row in whole[FIRST] if row[0] not in (11, 13)]))
    (result,) = backfill(lake, UM, FIRST, FIRST, rest, to_now=False)
    assert (result.added, result.missing_ids) == (3, 2)
    assert lake.day(UM, FIRST).quality.gaps == 2
    assert lake.day(UM, FIRST).rest == ((12, 12), (14, 15))
    rest, _ = client(serve([row for row in whole[FIRST] if row[0] > 30]))
    before = lake.day_path(UM, FIRST).read_bytes()
    results = list(backfill(lake, UM, FIRST, FIRST, rest, to_now=False))
    assert [(r.added, r.missing_ids) for r in results] == [(0, 2), (0, 2)]
    assert lake.day_path(UM, FIRST).read_bytes() == before


def test_a_ban_is_told_and_what_came_is_stored(tmp_path, serve):
    rows = agg_rows(DAY, 2600)
    lake = stored(tmp_path, {DAY: [rows[0], rows[-1]]})
    server = serve(rows)
    server.faults = [None, (418, {"Retry-After": "86400"})]
    rest, slept = client(server)
    with pytest.raises(TransferError, match="86,400 s"):
        list(backfill(lake, UM, DAY, DAY, rest, to_now=False))
    assert slept == []
    assert lake.day(UM, DAY).rows == 1002


def test_a_country_that_is_not_served(tmp_path, serve):
    whole = tape_rows(1)
    lake = stored(tmp_path, {FIRST: whole[FIRST][:10] + whole[FIRST][15:]})
    server = serve([])
    server.faults = [(451, {})]
    with pytest.raises(TransferError, match="451"):
        list(backfill(lake, UM, FIRST, FIRST, client(server)[0], to_now=False))


def test_the_minutes_weight_is_not_spent(serve):
    rows = agg_rows(DAY, 1500)
    server = serve(rows)
    server.headers = {"X-MBX-USED-WEIGHT-1M": "1910"}
    rest, slept = client(server)
    assert len(list(rest.rows("ABCUSDT", 1))) == 1500
    assert len(slept) == 2
    assert all(0 < pause <= 60 for pause in slept)


@pytest.mark.parametrize(
    "answer",
    [
        "",
        "{}",
        "[1]",
        '[{"a": 1, "p": "1", "q": "1", "f": 1, "l": 1, "T": 1704067200000}]',
        '[{"a": 1.0, "p": "1", "q": "1", "f": 1, "l": 1, "T": 1704067200000, "m": true}]',
        '[{"a": 1, "p": 0.1, "q": "1", "f": 1, "l": 1, "T": 1704067200000, "m": true}]',
        '[{"a": 1, "p": "1e5", "q": "1", "f": 1, "l": 1, "T": 1704067200000, "m": true}]',
        '[{"a": 1, "p": "1,2", "q": "1", "f": 1, "l": 1, "T": 1704067200000, "m": true}]',
        '[{"a": true, "p": "1", "q": "1", "f": 1, "l": 1, "T": 1704067200000, "m": true}]',
        '[{"a": 0, "p": "1", "q": "1", "f": 1, "l": 1, "T": 1704067200000, "m": true}]',
    ],
)
def test_answers_that_cannot_be_used(answer):
    with pytest.raises(ValueError, match=r"."):
        read_page(answer, 1)


def test_a_day_with_blanked_rows_and_single_trades_are_refused(tmp_path, serve):
    rows = agg_rows()
    rows[5] = (6, "0", "0", -1, -1, rows[5][5], "true")
    lake = stored(tmp_path, {DAY: rows[:20] + rows[25:]})
    rest, _ = client(serve(agg_rows()))
    before = lake.day_path(UM, DAY).read_bytes()
    (result,) = backfill(lake, UM, DAY, DAY, rest, to_now=False)
    assert "blanked" in result.error.what
    assert lake.day_path(UM, DAY).read_bytes() == before
    raw = TapeId("binance", MarketType.UM, Kind.TRADES, "ABCUSDT")
    with pytest.raises(UnsupportedError, match="not backfilled"):
        list(backfill(lake, raw, DAY, DAY, rest, to_now=False))


def test_the_command(tmp_path, serve, monkeypatch):
    monkeypatch.chdir(tmp_path)
    whole = tape_rows(1)
    stored(tmp_path, {FIRST: whole[FIRST][:10] + whole[FIRST][15:]})
    server = serve([row for row in whole[FIRST] if row[0] != 12])

    def run(*words):
        words = ["--data", "lake", "backfill", "ABCUSDT", "--source", server.url, *words]
        return CliRunner().invoke(app, words)

    result = run()
    assert result.exit_code == 3, result.output
    assert "2024-01-01  4 rows from REST, 1 id still missing" in result.stdout
    server.trades = [trade(row) for row in whole[FIRST]]
    assert json.loads(run("--json").stdout) == [
        {"date": "2024-01-01", "added": 1, "missing_ids": 0, "error": None}
    ]
    assert "no id is missing" in run().stdout
    audited = CliRunner().invoke(app, ["--data", "lake", "audit", "ABCUSDT"])
    assert "5 rows came from REST, not from the archive" in audited.stdout
    assert run("--to", "2023-01-01").exit_code == 2
    assert CliRunner().invoke(app, ["backfill", "X", "--source", "ftp://x"]).exit_code == 2
    assert server.asked[0][1]["symbol"] == "ABCUSDT"
    assert server.trades[0]["T"] == DAY_MS


def test_a_symbol_without_a_stored_day(tmp_path, serve, monkeypatch):
    """Its trades begin with the exchange's first one of the first day that is asked for."""
    monkeypatch.chdir(tmp_path)
    whole = tape_rows(3)
    server = serve([row for day in whole.values() for row in day])

    def run(*words):
        words = ["--data", "lake", "backfill", "ABCUSDT", "--source", server.url, *words]
        return CliRunner().invoke(app, words)

    nothing = run()
    assert nothing.exit_code == 2
    assert "there is no first day to begin with" in nothing.stderr
    result = run("--from", "2024-01-02", "--to", "2024-01-03")
    assert result.exit_code == 0, result.output
    lake = Lake(tmp_path / "lake")
    assert lake.dates(UM) == [SECOND, THIRD]
    for date in (SECOND, THIRD):
        info = lake.day(UM, date)
        ids = [row[0] for row in whole[date]]
        assert (info.first_id, info.last_id, info.rows) == (ids[0], ids[-1], len(ids))
        assert info.quality.is_clean
        assert info.rest == ((ids[0], ids[-1]),)
    earlier = run("--from", "2024-01-01", "--to", "2024-01-01")
    assert earlier.exit_code == 0, earlier.output
    assert lake.dates(UM) == [FIRST, SECOND, THIRD]
    assert lake.day(UM, FIRST).rows == 50
    late = run("--from", "2023-01-01", "--to", "2023-02-01")
    assert late.exit_code == 1
    assert "the exchange has no trade of ABCUSDT" in late.stderr
