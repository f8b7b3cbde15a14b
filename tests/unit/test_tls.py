"""Certificates are checked: of an archive, and of an object store that holds a lake."""

from __future__ import annotations

import datetime as dt
import http.server
import ipaddress
import ssl
import threading

import pytest
from archive_days import UM, days, put_day
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from object_stores import set_environment

from orderflow_bt.archive.http import HttpSource
from orderflow_bt.errors import LakeError
from orderflow_bt.ingest import download
from orderflow_bt.store import Lake


def certificate(folder):
    """A certificate for 127.0.0.1 that only its maker vouches for, and its key."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "127.0.0.1")])
    now = dt.datetime.now(dt.UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - dt.timedelta(days=1))
        .not_valid_after(now + dt.timedelta(days=1))
        .add_extension(
            x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]),
            critical=False,
        )
        .sign(key, hashes.SHA256())
    )
    plain = serialization.NoEncryption()
    pem, secret = folder / "own.pem", folder / "own.key"
    pem.write_bytes(made.public_bytes(serialization.Encoding.PEM))
    secret.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.TraditionalOpenSSL, plain
        )
    )
    return pem, secret


class _Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *args):
        """Quiet."""


@pytest.fixture
def stranger(tmp_path):
    """An archive behind a certificate that nobody known vouches for."""
    for date in days(2):
        put_day(tmp_path / "archive", date=date)
    pem, secret = certificate(tmp_path)

    def handler(*args):
        return _Quiet(*args, directory=str(tmp_path / "archive"))

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
    server.daemon_threads = True
    server.handle_error = lambda *_: None
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(pem, secret)
    server.socket = context.wrap_socket(server.socket, server_side=True)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield f"https://127.0.0.1:{server.server_port}", pem
    server.shutdown()
    server.server_close()
    thread.join()


def test_an_archive_nobody_vouches_for_is_not_read(stranger, tmp_path, monkeypatch):
    address, pem = stranger
    lake = Lake(tmp_path / "lake")
    results = download(lake, UM, days(2), HttpSource(address, pause_s=0.01))
    assert {result.status for result in results} == {"failed"}
    assert "certificate" in str(results[0].error).lower()
    assert lake.dates(UM) == []
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(pem))  # now somebody does
    results = download(lake, UM, days(2), HttpSource(address, pause_s=0.01))
    assert {result.status for result in results} == {"stored"}, results


def test_a_store_nobody_vouches_for_is_not_used(stranger, tmp_path, monkeypatch):
    set_environment(monkeypatch, tmp_path / "cache")
    with pytest.raises(LakeError, match=r"cannot be reached.*(?i:certificate|ssl|tls)"):
        Lake(f"s3://bucket/lake?endpoint_override={stranger[0]}").tapes()
