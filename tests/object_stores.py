"""An object store on loopback for tests, and one that fails in chosen ways."""

from __future__ import annotations

import http.client
import logging
import os
import subprocess
import sys
import threading
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import platformdirs
import pyarrow.fs as pafs
from moto.server import ThreadedMotoServer

BUCKET = "bucket"
_CACHE = os.environ.get("ORDERFLOW_BT_CACHE_DIR") or platformdirs.user_cache_dir("orderflow_bt")
_KERNELS = Path(_CACHE) / "kernels"


@contextmanager
def object_store():
    """A server of objects with an empty bucket; gives its address."""
    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    try:
        host, port = server.get_host_and_port()
        client(f"http://{host}:{port}", allow_bucket_creation=True).create_dir(BUCKET)
        yield f"http://{host}:{port}"
    finally:
        server.stop()


def client(address, **options):
    """A plain client, to look at what is there."""
    host = address.removeprefix("http://")
    return pafs.S3FileSystem(endpoint_override=host, scheme="http", region="us-east-1", **options)


def keys(address):
    """Every object in the bucket, with its size."""
    selector = pafs.FileSelector(BUCKET, recursive=True)
    found = client(address).get_file_info(selector)
    return {info.path: info.size for info in found if info.type == pafs.FileType.File}


def lake_url(address, folder="lake"):
    return f"s3://{BUCKET}/{folder}?endpoint_override={address}"


def set_environment(monkeypatch, cache):
    """Keys that mean nothing, and a cache folder of the test's own."""
    for name in list(os.environ):
        if name.startswith("AWS_"):
            monkeypatch.delenv(name)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "key")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret")
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("AWS_CONFIG_FILE", os.devnull)
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", os.devnull)
    monkeypatch.setenv("ORDERFLOW_BT_CACHE_DIR", str(cache_folder(cache)))


def cache_folder(folder):
    """A cache folder of the test's own, but for the kernels, which are compiled once for all."""
    folder.mkdir(parents=True, exist_ok=True)
    _KERNELS.mkdir(parents=True, exist_ok=True)
    if not (folder / "kernels").exists():
        (folder / "kernels").symlink_to(_KERNELS)
    return folder


class _Between(BaseHTTPRequestHandler):
    """Passes requests on, unless the server's ``fault`` answers them."""

    protocol_version = "HTTP/1.1"

    def _any(self):
        body = self._body()
        answer = self.server.fault(self.command, self.path)
        if answer is not None:
            status, text = answer
            self._answer(status, {"Content-Type": "application/xml"}, text.encode())
            return
        there = http.client.HTTPConnection(self.server.address.removeprefix("http://"))
        try:
            there.request(self.command, self.path, body, dict(self.headers))
            answer = there.getresponse()
            self._answer(answer.status, dict(answer.getheaders()), answer.read())
        finally:
            there.close()

    do_GET = do_PUT = do_POST = do_HEAD = do_DELETE = _any  # noqa: N815 - names that the library calls

    def _body(self):
        if self.headers.get("Transfer-Encoding", "") != "chunked":
            return self.rfile.read(int(self.headers.get("Content-Length") or 0))
        body = b""
        while size := int(self.rfile.readline().split(b";")[0], 16):
            body += self.rfile.read(size)
            self.rfile.readline()
        while self.rfile.readline().strip():
            pass
        del self.headers["Transfer-Encoding"]
        return body

    def _answer(self, status, headers, body):
        self.send_response(status)
        length = headers.pop("Content-Length", None) if self.command == "HEAD" else None
        for name, value in headers.items():
            if name.lower() not in ("content-length", "transfer-encoding", "connection"):
                self.send_header(name, value)
        self.send_header("Content-Length", length or str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def log_message(self, *args):
        """Quiet."""


@contextmanager
def between(address, fault):
    """A server before another; ``fault(command, path)`` gives (status, body), or None to pass."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Between)
    server.daemon_threads = True
    server.address, server.fault = address, fault
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def error_text(code):
    return f"<?xml version='1.0'?><Error><Code>{code}</Code><Message>{code}</Message></Error>"


def start(*words, **more):
    """The program, on its own."""
    return subprocess.Popen(
        [sys.executable, "-m", "orderflow_bt", *words],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        **more,
    )
