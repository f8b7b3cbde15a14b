"""An archive behind HTTP: patient with busy servers, never content with half a file."""

from __future__ import annotations

import hashlib
import threading
import time
from dataclasses import dataclass, field
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, cast
from urllib.parse import urlsplit

import requests

from orderflow_bt.archive.listing import PAGE_BYTES, Listing, cannot_list, list_bucket
from orderflow_bt.archive.source import Fetched, Probe
from orderflow_bt.errors import MissingDayError, TransferError

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path
    from typing import TypeVar

    T = TypeVar("T")

_CHECKSUM_BYTES = 4096
_PIECE_BYTES = 1 << 14  # small: between two pieces a slow transfer can be stopped
_LONGEST_PAUSE_S = 60.0


@dataclass(slots=True)
class HttpSource:
    """Files below a base address.

    A file is asked for again, whole, when the server is busy (429, 5xx), the connection fails, or
    the body ends early; the pause doubles each time, or is what ``Retry-After`` asks for. Bodies
    are not resumed by byte range, which the exchange's servers do not honour reliably.

    Attributes:
        url: The base address.
        listing_url: Lists what lies below the base address, as an S3 bucket does.
        attempts: How often a file is asked for before giving up.
        pause_s: The first pause between two attempts, in seconds.
        timeout_s: To connect, and between two pieces of a body.
    """

    url: str
    listing_url: str = ""
    attempts: int = 6
    pause_s: float = 0.5
    timeout_s: tuple[float, float] = (10.0, 30.0)
    _local: threading.local = field(default_factory=threading.local, repr=False)
    _closed: threading.Event = field(default_factory=threading.Event, repr=False)

    def __post_init__(self) -> None:
        self.url = self.url.rstrip("/")
        self.listing_url = self.listing_url.rstrip("/") or self.url

    def fetch(self, path: str, target: Path, on_bytes: Callable[[int], None]) -> Fetched:
        """Stream the file to ``target`` and sync it; see `Source`.

        Raises:
            MissingDayError: The server answers 404.
            TransferError: The file did not arrive whole in any attempt.
        """
        return self._patiently(path, lambda: self._fetch_once(path, target, on_bytes))

    def read_text(self, path: str) -> str | None:
        """The text of a small file; see `Source`.

        Raises:
            TransferError: The server did not give it in any attempt.
        """

        def attempt() -> str:
            with self._get(f"{self.url}/{path}") as response:
                return response.raw.read(_CHECKSUM_BYTES).decode("utf-8", "replace")

        try:
            return self._patiently(path, attempt)
        except MissingDayError:
            return None

    def probe(self, path: str) -> Probe | None:
        """The answer to a HEAD request; see `Source`.

        Raises:
            TransferError: The server did not answer in any attempt.
        """

        def attempt() -> Probe:
            with self._get(f"{self.url}/{path}", method="HEAD") as response:
                headers = response.headers
            size = headers.get("Content-Length", "")
            return Probe(
                url=without_password(response.url),
                bytes=int(size) if size.isdecimal() else None,
                etag=headers.get("ETag", "").strip('"'),
            )

        try:
            return self._patiently(path, attempt)
        except MissingDayError:
            return None

    def list_folder(self, folder: str) -> Listing:
        """The pages of the bucket's listing; see `Source`.

        Raises:
            UnsupportedError: The server does not list.
            TransferError: A page was not received, or the listing cannot be read.
        """
        where = without_password(self.listing_url)

        def get_page(query: dict[str, str]) -> bytes:
            def attempt() -> bytes:
                with self._get(f"{self.listing_url}/", query) as response:
                    page = response.raw.read(PAGE_BYTES + 1)
                if len(page) > PAGE_BYTES:
                    raise TransferError("a page of the listing has no end", where=where)
                return cast("bytes", page)

            return self._patiently(folder, attempt)

        try:
            return list_bucket(get_page, folder, where)
        except MissingDayError:
            raise cannot_list(where) from None

    def close(self) -> None:
        """Wake every pause and refuse further requests."""
        self._closed.set()

    def _fetch_once(self, path: str, target: Path, on_bytes: Callable[[int], None]) -> Fetched:
        digest = hashlib.sha256()
        size = 0
        with self._get(f"{self.url}/{path}") as response, target.open("wb") as file:
            # requests raises if the body is shorter than its Content-Length.
            for piece in response.iter_content(_PIECE_BYTES):
                digest.update(piece)
                file.write(piece)
                size += len(piece)
                on_bytes(len(piece))
        headers = response.headers
        return Fetched(
            path=target,
            url=without_password(response.url),
            bytes=size,
            sha256=digest.hexdigest(),
            etag=headers.get("ETag", "").strip('"'),
            last_modified=headers.get("Last-Modified", ""),
        )

    def _get(
        self, url: str, query: dict[str, str] | None = None, method: str = "GET"
    ) -> requests.Response:
        response = self._session().request(
            method,
            url,
            allow_redirects=True,
            params=query,
            stream=True,
            timeout=self.timeout_s,
            # A compressed body would hide the size and the bytes that the checksum is about.
            headers={"Accept-Encoding": "identity"},
        )
        if response.ok:
            return response
        response.close()
        if response.status_code in (404, 410):
            raise MissingDayError(
                "the archive has no such file", where=without_password(response.url)
            )
        busy = response.status_code == 429 or response.status_code >= 500
        if busy:
            raise _BusyError(response.status_code, response.headers.get("Retry-After"))
        raise TransferError(
            f"the server answers {response.status_code} {response.reason}",
            where=without_password(response.url),
            fix="Give another --source, or a folder with files downloaded by other means"
            if response.status_code in (401, 403, 451)
            else "",
        )

    def _session(self) -> requests.Session:
        """One connection a thread, kept between files."""
        session: requests.Session | None = getattr(self._local, "session", None)
        if session is None:
            session = self._local.session = requests.Session()
        return session

    def _patiently(self, path: str, attempt: Callable[[], T]) -> T:
        reason: Exception | None = None
        for count in range(self.attempts):
            if self._closed.is_set():
                break
            try:
                return attempt()
            except _BusyError as error:
                reason = error
                pause = error.pause_s
            except requests.RequestException as error:
                if "CERTIFICATE_VERIFY_FAILED" in str(error):
                    raise TransferError(
                        "nobody known to this machine vouches for the server's certificate",
                        where=without_password(self.url),
                        fix="Check the address; for a mirror of your own, name its certificate in "
                        "REQUESTS_CA_BUNDLE",
                    ) from error
                reason = error
                pause = None
            if count + 1 < self.attempts:
                wait = self.pause_s * 2**count if pause is None else pause
                self._closed.wait(min(wait, _LONGEST_PAUSE_S))
        raise TransferError(
            f"not received whole in {self.attempts} attempts: {_reason(reason)}",
            where=without_password(f"{self.url}/{path}"),
            fix="Run the same command again; days that are stored are not fetched twice",
        ) from reason


class _BusyError(Exception):
    """The server asks for patience."""

    def __init__(self, status: int, asked: str | None) -> None:
        super().__init__(f"the server answers {status}")
        self.pause_s = retry_after(asked)


def without_password(url: str) -> str:
    """The address without the credentials of a private mirror: it is stored with the day."""
    parts = urlsplit(url)
    return parts._replace(netloc=parts.netloc.rpartition("@")[2]).geturl()


def retry_after(text: str | None) -> float | None:
    """Seconds that a Retry-After header asks for, given as a number or as a date."""
    if text is None:
        return None
    if text.strip().isdecimal():
        return float(text)
    try:
        return max(0.0, parsedate_to_datetime(text).timestamp() - time.time())
    except ValueError:
        return None


def _reason(error: Exception | None) -> str:
    if isinstance(error, requests.exceptions.ConnectTimeout | requests.exceptions.ReadTimeout):
        return "the server does not answer"
    if isinstance(error, requests.exceptions.ChunkedEncodingError):
        return "the body ends before its announced length"
    if isinstance(error, requests.exceptions.ConnectionError):
        return "no connection to the server, or it was cut"
    return str(error) if error else "stopped"
