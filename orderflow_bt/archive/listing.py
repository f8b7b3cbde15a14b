"""What lies in a folder of an archive, as S3 buckets list it: page by page, trusted in nothing."""

from __future__ import annotations

import xml.etree.ElementTree as ET
from dataclasses import dataclass
from typing import TYPE_CHECKING

from orderflow_bt.errors import TransferError, UnsupportedError

if TYPE_CHECKING:
    from collections.abc import Callable

MOST_PAGES = 2_000
PAGE_BYTES = 8 << 20
_ROOT = "ListBucketResult"


@dataclass(frozen=True, slots=True)
class Listing:
    """The content of one folder, not of those in it.

    Names come from the source and may be anything: they are compared with what an exchange's files
    are called, never used as paths.

    Attributes:
        files: Names of the files, in order.
        folders: Names of the folders, in order.
    """

    files: tuple[str, ...]
    folders: tuple[str, ...]


def list_bucket(get_page: Callable[[dict[str, str]], bytes], folder: str, where: str) -> Listing:
    """List a folder of a bucket.

    Args:
        get_page: Answers a query with a page of the listing.
        folder: Below the bucket's root, without a slash at its end.
        where: What an error calls the bucket.

    Raises:
        UnsupportedError: The answer is no listing.
        TransferError: The listing cannot be read, or does not come to an end.
    """
    prefix = folder.strip("/") + "/"  # without the slash BTCUSDT would list BTCUSDT_240628 too
    query = {"delimiter": "/", "prefix": prefix}
    files: list[str] = []
    folders: list[str] = []
    marker = ""
    for _ in range(MOST_PAGES):
        page = _parse(get_page(query | ({"marker": marker} if marker else {})), where)
        keys = [text for text in _texts(page, "Contents", "Key") if text.startswith(prefix)]
        groups = [
            text for text in _texts(page, "CommonPrefixes", "Prefix") if text.startswith(prefix)
        ]
        files += [key[len(prefix) :] for key in keys if "/" not in key[len(prefix) :]]
        folders += [group[len(prefix) :].rstrip("/") for group in groups]
        if (page.findtext(_name(page, "IsTruncated")) or "").strip().lower() != "true":
            return Listing(
                tuple(sorted({name for name in files if name})),
                tuple(sorted({name for name in folders if name})),
            )
        following = page.findtext(_name(page, "NextMarker")) or max([*keys, *groups], default="")
        if following <= marker:
            raise TransferError("the listing does not go on where it stopped", where=where)
        marker = following
    raise TransferError(f"the listing has more than {MOST_PAGES:,} pages", where=where)


def cannot_list(where: str) -> UnsupportedError:
    """The error of a source that serves files and does not say which it has."""
    return UnsupportedError(
        "the source cannot list what it has: it answers no S3 listing",
        where=where,
        fix="Give --from and --to as days, or the address that lists the same files with --listing",
    )


def _parse(body: bytes, where: str) -> ET.Element:
    try:
        text = body.decode("utf-8-sig")
        if "<!" in text:  # a listing has no need of declarations; entities could grow without bound
            raise cannot_list(where)
        page = ET.fromstring(text)  # noqa: S314 - declarations and with them entities are refused
    except (ET.ParseError, ValueError) as error:
        raise cannot_list(where) from error
    if page.tag.rpartition("}")[2] != _ROOT:
        raise cannot_list(where)
    return page


def _name(page: ET.Element, name: str) -> str:
    """The element's name in the namespace of the page, which mirrors may leave out."""
    return page.tag[: -len(_ROOT)] + name


def _texts(page: ET.Element, parent: str, child: str) -> list[str]:
    return [
        text
        for element in page.iterfind(_name(page, parent))
        if (text := element.findtext(_name(page, child)))
    ]
