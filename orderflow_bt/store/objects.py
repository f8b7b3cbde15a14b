"""A lake's files in an object store that speaks S3: there whole, or not there."""

from __future__ import annotations

import hashlib
import os
import re
import urllib.parse
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import platformdirs
import pyarrow as pa
import pyarrow.fs as pafs

from orderflow_bt.errors import LakeError, UsageError, first_line
from orderflow_bt.store.local_files import INCOMING, made_folder

if TYPE_CHECKING:
    from collections.abc import Iterator

_OPTIONS = ("endpoint_override", "region", "scheme", "anonymous")
_FORM = "s3://bucket/folder?endpoint_override=http://host:port"
_FAILURE = re.compile(r"AWS Error (\w+)(?: \(HTTP status (\d+)\))?")
_REFUSED = {
    "ACCESS_DENIED",
    "EXPIRED_TOKEN",
    "INVALID_ACCESS_KEY_ID",
    "INVALID_CLIENT_TOKEN_ID",
    "MISSING_AUTHENTICATION_TOKEN",
    "SIGNATURE_DOES_NOT_MATCH",
    "UNRECOGNIZED_CLIENT",
}


class ObjectFiles:
    """The files of a lake below a prefix of a bucket.

    Credentials are those of the environment or of ``~/.aws``, as other programs take them. What
    must be a local file (one that is not whole yet, a lock) lies in this user's cache folder, so a
    lock keeps out other processes of this machine only. Of two machines that store the same day
    each puts a whole file, made of the same source and so of the same bytes; the later one stays.

    Args:
        url: ``s3://bucket/prefix``; as options after ``?``, ``endpoint_override`` (else
            ``AWS_ENDPOINT_URL_S3`` or ``AWS_ENDPOINT_URL``), ``region``, ``anonymous=true``.

    Raises:
        UsageError: The URL is not one of a lake.
    """

    workers = 16

    def __init__(self, url: str) -> None:
        self._place = _Place.parse(url)
        self.root: Path | str = self._place.name
        # Parts of a file are sent in the background: only so does a failed one spoil the whole.
        self.store = pafs.S3FileSystem(background_writes=True, **self._place.client_options())
        self._has_bucket = False

    @property
    def incoming(self) -> Path:
        """In this user's cache folder, a folder for each lake."""
        return made_folder(self._incoming)

    @property
    def _incoming(self) -> Path:
        cache = os.environ.get("ORDERFLOW_BT_CACHE_DIR")
        whose = f"{self._place.endpoint} {self._place.base}"
        digest = hashlib.sha256(whose.encode()).hexdigest()[:12]
        root = Path(cache or platformdirs.user_cache_dir("orderflow_bt"))
        return root / "lakes" / digest / INCOMING

    def parts(self) -> list[Path]:
        """The files in ``incoming`` that are not whole."""
        return sorted(self._incoming.glob("*.part"))

    def path(self, key: str) -> ObjectPath:
        """Where a file lies."""
        return ObjectPath(self, key)

    def at(self, key: str) -> str:
        """What `store` calls a file."""
        return f"{self._place.base}/{key}"

    def find(self, pattern: str) -> Iterator[str]:
        """The keys that match a pattern, for a request per thousand keys below its fixed part."""
        parts = pattern.split("/")
        fixed = next((n for n, part in enumerate(parts) if "*" in part), len(parts) - 1)
        base = "/".join([self._place.base, *parts[:fixed]])
        with self._asking():
            found = self.store.get_file_info(
                pafs.FileSelector(base, recursive=True, allow_not_found=True)
            )
        if not found:
            self._require_bucket()
        wanted = re.compile("[^/]*".join(map(re.escape, pattern.split("*"))))
        keys = (
            info.path.removeprefix(self._place.base + "/")
            for info in found
            if info.type == pafs.FileType.File
        )
        return iter(sorted(key for key in keys if wanted.fullmatch(key)))

    def exists(self, key: str) -> bool:
        """Whether a file is there."""
        with self._asking():
            is_there = self.store.get_file_info(self.at(key)).type == pafs.FileType.File
        if not is_there:
            self._require_bucket()
        return bool(is_there)

    def open(self, key: str) -> pa.NativeFile:
        """Open a file for reading.

        Raises:
            FileNotFoundError: It is not there.
            LakeError: The store cannot be asked.
        """
        try:
            with self._asking():
                return self.store.open_input_file(self.at(key))
        except FileNotFoundError:
            self._require_bucket()
            raise

    def written_ns(self, key: str) -> int:
        """When a file was put in its place."""
        with self._asking():
            return int(self.store.get_file_info(self.at(key)).mtime_ns or 0)

    def publish(self, part: Path, key: str) -> None:
        """Put a whole local file in its place: a reader finds the old one, or all of the new.

        Raises:
            LakeError: The store does not take it.
        """
        # Closing a stream completes its upload, and letting go of it closes it. So all of the
        # file goes in by one call, which no signal interrupts; if a part of it is not taken, the
        # closing fails and completes nothing.
        content = part.read_bytes()
        with self._asking():
            stream = self.store.open_output_stream(self.at(key), compression=None)
            stream.write(content)
            stream.close()
        part.unlink()

    def failure(self, error: Exception) -> LakeError | None:
        """What a library's error says of the store; None where it is about something else."""
        text = first_line(error)
        match = _FAILURE.search(text)
        if match is None:
            return None
        code, status = match[1], match[2] or ""
        detail = text[match.end() :].partition(" operation: ")[2].partition(" (Request ID")[0]
        if code == "NO_SUCH_BUCKET":
            return self._no_bucket()
        if code == "NETWORK_CONNECTION":
            detail = detail.rsplit("Details: ", 1)[-1]
            return LakeError(
                f"the object store cannot be reached: {detail}",
                where=f"{self.root} at {self._place.endpoint or 'AWS'}",
                fix="Check the network and the endpoint (?endpoint_override=, AWS_ENDPOINT_URL)",
            )
        if code in _REFUSED or status in ("401", "403"):
            return LakeError(
                f"the object store refuses access ({code.replace('_', ' ').lower()})",
                where=str(self.root),
                fix="Set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or AWS_PROFILE; a store "
                "that wants no key is read with ?anonymous=true",
            )
        if status in ("301", "307"):
            return LakeError(
                "the bucket is in another region",
                where=str(self.root),
                fix="Give it with ?region= or AWS_REGION",
            )
        if not detail or detail.startswith("No response body"):  # of a question without an answer
            detail = f"HTTP status {status}" if status else code.replace("_", " ").lower()
        return LakeError(
            f"the object store failed: {detail}",
            where=str(self.root),
            fix="Try again; if it stays, ask who runs the store",
        )

    @contextmanager
    def _asking(self) -> Iterator[None]:
        """Say in words what the store answers."""
        try:
            yield
        except FileNotFoundError:
            raise
        except OSError as error:
            failure = self.failure(error) or LakeError(
                f"the object store cannot be used: {first_line(error)}", where=str(self.root)
            )
            raise failure from error

    def _require_bucket(self) -> None:
        """Tell a lake that is empty from a bucket that is not there."""
        if self._has_bucket:
            return
        with self._asking():
            info = self.store.get_file_info(self._place.bucket)
        if info.type == pafs.FileType.NotFound:
            raise self._no_bucket()
        self._has_bucket = True

    def _no_bucket(self) -> LakeError:
        return LakeError(
            f"there is no bucket {self._place.bucket!r}",
            where=f"{self.root} at {self._place.endpoint or 'AWS'}",
            fix="Create it, or correct --data",
        )


@dataclass(frozen=True, slots=True)
class ObjectPath:
    """Where a file of a lake lies in an object store."""

    files: ObjectFiles
    key: str

    def open(self) -> pa.NativeFile:
        """See `ObjectFiles.open`."""
        return self.files.open(self.key)

    def written_ns(self) -> int:
        """See `ObjectFiles.written_ns`."""
        return self.files.written_ns(self.key)

    def __str__(self) -> str:
        return f"{self.files.root}/{self.key}"


@dataclass(frozen=True, slots=True)
class _Place:
    """What a lake's URL says; ``endpoint`` is empty where it is Amazon's own."""

    bucket: str
    prefix: str
    endpoint: str
    region: str
    anonymous: bool

    @classmethod
    def parse(cls, text: str) -> _Place:
        """Read a URL and the environment.

        Raises:
            UsageError: It is not one of a lake.
        """
        url = urllib.parse.urlsplit(text)
        if "@" in url.netloc:
            raise UsageError(
                "keys do not belong into a URL, which is shown and kept",
                where="--data",
                fix="Set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or AWS_PROFILE",
            )
        if url.scheme != "s3" or not url.netloc:
            raise UsageError(
                f"{text!r} is not a lake", where="--data", fix=f"Give a folder, or {_FORM}"
            )
        options = dict(urllib.parse.parse_qsl(url.query, keep_blank_values=True))
        for name in options:
            if name not in _OPTIONS:
                raise UsageError(
                    f"unknown option {name!r} in the lake's URL",
                    where="--data",
                    fix="Known: " + ", ".join(_OPTIONS),
                )
        environ = os.environ
        endpoint = options.get("endpoint_override") or environ.get("AWS_ENDPOINT_URL_S3")
        endpoint = (endpoint or environ.get("AWS_ENDPOINT_URL") or "").rstrip("/")
        if endpoint and "://" not in endpoint:
            endpoint = f"{options.get('scheme', 'https')}://{endpoint}"
        region = options.get("region") or environ.get("AWS_REGION")
        return cls(
            bucket=url.netloc,
            prefix=urllib.parse.unquote(url.path).strip("/"),
            endpoint=endpoint,
            region=region or environ.get("AWS_DEFAULT_REGION") or "",
            anonymous=options.get("anonymous", "").lower() in ("1", "true"),
        )

    @property
    def base(self) -> str:
        """Bucket and prefix."""
        return "/".join(filter(None, (self.bucket, self.prefix)))

    @property
    def name(self) -> str:
        """What a person calls the lake."""
        return f"s3://{self.base}"

    def client_options(self) -> dict[str, Any]:
        """What Arrow's client is made with; certificates are checked, which is its way."""
        options: dict[str, Any] = {"anonymous": self.anonymous}
        if self.endpoint:
            scheme, _, host = self.endpoint.partition("://")
            options |= {"endpoint_override": host, "scheme": scheme}
        if self.region or self.endpoint:  # asked of nobody where the store is not Amazon's
            options["region"] = self.region or "us-east-1"
        return options
