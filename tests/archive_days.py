"""Tiny archives for tests: days as zips with checksums, and a server that can misbehave."""

from __future__ import annotations

import datetime as dt
import hashlib
import io
import threading
import time
import zipfile
from collections import defaultdict
from contextlib import contextmanager
from html import escape
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qsl

from orderflow_bt.series import SeriesId, SeriesKind
from orderflow_bt.types import Kind, MarketType, TapeId

HEADER = "agg_trade_id,price,quantity,first_trade_id,last_trade_id,transact_time,is_buyer_maker\n"
FOLDERS = {MarketType.SPOT: "spot", MarketType.UM: "futures/um", MarketType.CM: "futures/cm"}
UM = TapeId("binance", MarketType.UM, Kind.AGG_TRADES, "ABCUSDT")
SPOT = TapeId("binance", MarketType.SPOT, Kind.AGG_TRADES, "ABCUSDT")
KLINES = SeriesId("binance", MarketType.UM, SeriesKind.KLINES, "ABCUSDT", "1h")
DAY = dt.date(2024, 1, 1)
DAY_MS = 1_704_067_200_000


def days(count, first=DAY):
    return [first + dt.timedelta(days=n) for n in range(count)]


def agg_rows(date=DAY, count=50, first_id=1):
    """Plain rows of a day: (id, price, qty, first, last, time, maker)."""
    start = DAY_MS + (date - DAY).days * 86_400_000
    return [
        (
            first_id + n,
            f"{100 + n % 7}.{n % 10}",
            f"0.{1 + n % 9:03}",
            10 * (first_id + n),
            10 * (first_id + n) + 9,
            start + 1000 * n,
            "true" if n % 3 else "false",
        )
        for n in range(count)
    ]


def csv_text(rows, header=HEADER):
    return header + "".join(",".join(map(str, row)) + "\n" for row in rows)


def zip_bytes(*members):
    """A zip of (name, text) members, the same bytes every time."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, text in members:
            archive.writestr(zipfile.ZipInfo(name), text, zipfile.ZIP_DEFLATED)
    return buffer.getvalue()


def day_path(tape, date):
    name = f"{tape.symbol}-{tape.kind.value}-{date}.zip"
    return f"data/{FOLDERS[tape.market]}/daily/{tape.kind.value}/{tape.symbol}/{name}"


def put_day(root, tape=UM, date=DAY, text=None, *, raw=None, digest=None):
    """Lay one day into an archive folder; ``raw`` replaces the zip, ``digest`` its checksum."""
    path = day_path(tape, date)
    if raw is None:
        name = path.rsplit("/", 1)[-1].replace(".zip", ".csv")
        raw = zip_bytes((name, csv_text(agg_rows(date)) if text is None else text))
    return put_zip(root, path, raw, digest)


def month_path(tape):
    """Where the archive has the tape's January of 2024."""
    kind = tape.kind.value
    folder = f"data/{FOLDERS[tape.market]}/monthly/{kind}/{tape.symbol}"
    return f"{folder}/{tape.symbol}-{kind}-2024-01.zip"


def put_month(root, text, tape=UM, *more):
    name = month_path(tape).rsplit("/", 1)[-1].replace(".zip", ".csv")
    return put_zip(root, month_path(tape), zip_bytes((name, text), *more))


def kline(hour, *, us=False, **changes):
    """The line of a candle of an hour of `DAY`."""
    unit = 1000 if us else 1
    row = {
        "open_time": (DAY_MS + hour * 3_600_000) * unit,
        "open": "100.10",
        "high": "100.50000000",
        "low": "99.9",
        "close": "100.25",
        "volume": "12.500",
        "close_time": (DAY_MS + (hour + 1) * 3_600_000) * unit - 1,
        "quote_volume": "1253.1250000",
        "count": 7,
        "taker_buy_volume": "4.125",
        "taker_buy_quote_volume": "413.2",
        "ignore": 0,
    }
    return ",".join(str(value) for value in (row | changes).values()) + "\n"


def put_series(root, series, date, text):
    """Lay the piece of a series that holds a date into an archive folder."""
    span = "monthly" if series.is_monthly else "daily"
    folder = f"data/{FOLDERS[series.market]}/{span}/{series.kind.value}/{series.symbol}"
    part = series.kind.value
    if series.interval:
        folder, part = f"{folder}/{series.interval}", series.interval
    stem = f"{series.symbol}-{part}-{series.piece_text(date)}"
    return put_zip(root, f"{folder}/{stem}.zip", zip_bytes((f"{stem}.csv", text)))


def put_zip(root, path, raw, digest=None):
    """Lay a file and its checksum into an archive folder."""
    path = root / path
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(raw)
    digest = digest or hashlib.sha256(raw).hexdigest()
    path.with_name(path.name + ".CHECKSUM").write_text(f"{digest}  {path.name}\n")
    return path


class ArchiveServer(ThreadingHTTPServer):
    """Serves an archive folder on loopback; ``faults[path]`` lists what goes wrong, in order."""

    daemon_threads = True

    def __init__(self, root):
        super().__init__(("127.0.0.1", 0), _Handler)
        self.root = root
        self.url = f"http://127.0.0.1:{self.server_port}"
        self.requests = []
        self.heads = 0
        self.faults = defaultdict(list)
        self.page_keys = 1000  # 0: a server of files that lists nothing
        self.extra_keys = []
        self.next_marker = True

    def page(self, query):
        """A page of the bucket's listing, as S3 answers a GET with a delimiter."""
        found = set(self.extra_keys)
        found |= {p.relative_to(self.root).as_posix() for p in self.root.rglob("*") if p.is_file()}
        prefix, marker = query["prefix"], query.get("marker", "")
        entries = set()
        for key in found:
            if key.startswith(prefix):
                head, slash, _ = key[len(prefix) :].partition("/")
                entries.add(prefix + head + slash)
        entries = sorted(entry for entry in entries if entry > marker)
        shown = entries[: self.page_keys]
        cut = len(entries) > len(shown)
        body = f"<IsTruncated>{str(cut).lower()}</IsTruncated>"
        if cut and self.next_marker:
            body += f"<NextMarker>{escape(shown[-1])}</NextMarker>"
        for entry in shown:
            text = escape(entry)
            if entry.endswith("/"):
                body += f"<CommonPrefixes><Prefix>{text}</Prefix></CommonPrefixes>"
            else:
                body += f"<Contents><Key>{text}</Key><Size>1</Size></Contents>"
        name = "http://s3.amazonaws.com/doc/2006-03-01/"
        return f'<ListBucketResult xmlns="{name}">{body}</ListBucketResult>'.encode()

    def count(self, suffix):
        return sum(path.endswith(suffix) for path in self.requests)

    def handle_error(self, request, client_address):
        """A client that hangs up is part of the tests."""


class _Handler(BaseHTTPRequestHandler):
    def do_HEAD(self):
        self.server.heads += 1
        self.do_GET()

    def do_GET(self):
        path = self.path.lstrip("/")
        self.server.requests.append(path)
        faults = self.server.faults[path]
        fault = faults.pop(0) if faults else None
        file = self.server.root / path
        if isinstance(fault, int):
            self.send_response(fault)
            self.send_header("Retry-After", "0")
            self.send_header("Content-Length", "0")
            self.end_headers()
            return
        if path.startswith("?") and self.server.page_keys:
            body = self.server.page(dict(parse_qsl(path[1:])))
        elif file.is_file():
            body = file.read_bytes()
        else:
            self.send_error(404)
            return
        if isinstance(fault, bytes):
            body = fault
        self.send_response(200)
        self.send_header("ETag", f'"{hashlib.md5(body).hexdigest()}"')
        self.send_header("Last-Modified", "Tue, 02 Jan 2024 03:00:00 GMT")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command == "HEAD":
            return
        if fault == "cut":
            self.wfile.write(body[: len(body) // 2])
            self.close_connection = True
        elif fault == "slow":
            for start in range(0, len(body), 16384):
                self.wfile.write(body[start : start + 16384])
                self.wfile.flush()
                time.sleep(0.1)
        else:
            self.wfile.write(body)

    def log_message(self, *args):
        """Quiet."""


@contextmanager
def serving(root):
    server = ArchiveServer(root)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
