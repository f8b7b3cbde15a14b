"""How long it takes to find 10,000 days in a bucket that lists 1,000 names a page.

    python benchmarks/listing.py [DAYS]

A server on loopback answers as S3 does; each day is a zip and its checksum file.
"""

from __future__ import annotations

import bisect
import datetime as dt
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import ClassVar
from urllib.parse import parse_qsl, urlsplit

from orderflow_bt.archive import exchange, open_source
from orderflow_bt.ingest import published
from orderflow_bt.types import Kind, MarketType, TapeId

TAPE = TapeId("binance", MarketType.UM, Kind.AGG_TRADES, "BTCUSDT")
PAGE = 1000


class Bucket(BaseHTTPRequestHandler):
    """Pages of sorted keys."""

    protocol_version = "HTTP/1.1"
    keys: ClassVar[list[str]] = []
    pages = 0

    def do_GET(self) -> None:
        query = dict(parse_qsl(urlsplit(self.path).query))
        keys = [key for key in self.keys if key.startswith(query["prefix"])]
        start = bisect.bisect_right(keys, query.get("marker", ""))
        shown = keys[start : start + PAGE]
        rows = "".join(
            f"<Contents><Key>{key}</Key><LastModified>2024-01-01T00:00:00.000Z</LastModified>"
            f"<ETag>&quot;{'0' * 32}&quot;</ETag><Size>1000000</Size></Contents>"
            for key in shown
        )
        cut = str(start + PAGE < len(keys)).lower()
        body = (
            '<ListBucketResult xmlns="http://s3.amazonaws.com/doc/2006-03-01/">'
            f"<IsTruncated>{cut}</IsTruncated>{rows}</ListBucketResult>"
        ).encode()
        type(self).pages += 1
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Quiet."""


def main() -> None:
    """Print the time of one listing."""
    days = int(sys.argv[1]) if len(sys.argv) > 1 else 10_000
    archive = exchange("binance")
    for n in range(days):
        (path,) = archive.day_paths(TAPE, dt.date(2000, 1, 1) + dt.timedelta(days=n))
        Bucket.keys += [path, path + ".CHECKSUM"]
    Bucket.keys.sort()
    server = ThreadingHTTPServer(("127.0.0.1", 0), Bucket)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    source = open_source(f"http://127.0.0.1:{server.server_port}")
    start = time.perf_counter()
    found = published(archive, source, TAPE)
    seconds = time.perf_counter() - start
    server.shutdown()
    if len(found.days) != days:
        sys.exit(f"{len(found.days):,} of {days:,} days found")
    print(f"{days:,} days, {len(Bucket.keys):,} names, {Bucket.pages} pages: {seconds:.2f} s")


if __name__ == "__main__":
    main()
