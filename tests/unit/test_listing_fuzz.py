"""A thousand listings that a broken or hostile server could answer: read, or refused in words."""

from __future__ import annotations

import datetime as dt
import random

import pytest
from archive_days import UM

from orderflow_bt.archive import exchange
from orderflow_bt.archive.listing import list_bucket
from orderflow_bt.errors import OrderflowError

FOLDER = "data/futures/um/daily/aggTrades/ABCUSDT"
NAMESPACE = "http://s3.amazonaws.com/doc/2006-03-01/"
NAMES = ["../../../etc/passwd", "..", "", "/", "a/b.zip", "\u202e.zip", "%2e%2e%2f", "x" * 9000]
NAMES += ["ABCUSDT-aggTrades-2024-13-01.zip", "ABCUSDT-aggTrades-2024-02-30.zip", "\\..\\x.zip"]
NAMES += ["ABCUSDT-aggTrades-2024-01-01.zip.CHECKSUM", "BCUSDT-aggTrades-2024-01-01.zip"]
NAMES += ["ABCUSDT-aggTrades-2024-01-01.zip\n", "ABCUSDT-aggTrades-\uff12024-01-01.zip"]


def page(keys, *, truncated, marker=None, namespace=NAMESPACE):
    items = "".join(f"<Contents><Key>{key}</Key><Size>1</Size></Contents>" for key in keys)
    following = f"<NextMarker>{marker}</NextMarker>" if marker is not None else ""
    return (
        f'<?xml version="1.0"?><ListBucketResult xmlns="{namespace}">'
        f"<IsTruncated>{str(truncated).lower()}</IsTruncated>{following}{items}</ListBucketResult>"
    ).encode()


def day_name(number):
    return f"ABCUSDT-aggTrades-{dt.date(2024, 1, 1) + dt.timedelta(days=number)}.zip"


def mutated_pages(rng):
    """Pages for queries that may not end, and the true days in them."""
    names = [day_name(number) for number in range(rng.randrange(0, 40))]
    good = list(names)
    names += rng.sample(NAMES, rng.randrange(4))
    rng.shuffle(names)
    keys = [f"{FOLDER}/{name}" for name in names]
    keys += rng.sample(["data/other/x.zip", FOLDER, "", FOLDER + "2/x.zip"], rng.randrange(3))
    what = rng.randrange(8)
    raw = page(keys, truncated=False)
    is_damaged = what in (0, 1, 2, 7)
    if what == 0:
        raw = raw[: rng.randrange(len(raw))]
    elif what == 1:
        damaged = bytearray(raw)
        for _ in range(rng.choice([1, 5])):
            damaged[rng.randrange(len(damaged))] = rng.randrange(256)
        raw = bytes(damaged)
    elif what == 2:
        raw = rng.choice(
            [
                *[b"", b"<html></html>", b"{}", b"\xff\xfe\x00", raw.decode().encode("utf-16")],
                b'<!DOCTYPE a [<!ENTITY b "bbbb"><!ENTITY c "&b;&b;">]><a>&c;</a>',
                b"<a>" * 5000,
            ]
        )
    elif what == 3:  # a server that never ends
        raw = page(keys, truncated=True, marker=rng.choice(["", "a", FOLDER, FOLDER + "/zzz"]))
        is_damaged = True
    elif what == 4:
        raw = page(keys, truncated=False, namespace=rng.choice(["", "urn:other"]))
    elif what == 7:
        raw = raw.replace(b"Contents", rng.choice([b"Content", b"Key", b"contents"]))
    return raw, good, is_damaged


@pytest.mark.parametrize("part", range(4))
def test_listings_are_read_or_refused(part):
    archive = exchange("binance")
    read = refused = 0
    for number in range(250 * part, 250 * part + 250):
        rng = random.Random(number)
        raw, good, is_damaged = mutated_pages(rng)
        asked = []

        def answer(query, raw=raw, asked=asked):
            asked.append(query)
            return raw

        try:
            listing = list_bucket(answer, FOLDER, "here")
        except OrderflowError as error:
            listing, words = None, str(error)
        finally:
            assert len(asked) <= 3, number
        if listing is None:
            refused += 1
            assert is_damaged, number
            assert len(words) < 1000
            continue
        read += 1
        assert not any("/" in name for name in listing.files)
        dates = {archive.date_in(UM, name) for name in listing.files} - {None}
        true = {dt.date.fromisoformat(name[-14:-4]) for name in good}
        if is_damaged:
            assert all(isinstance(date, dt.date) for date in dates)
        else:
            assert dates == true, number
    assert min(read, refused) > 40


def test_a_listing_that_grows_for_ever_is_given_up(monkeypatch):
    monkeypatch.setattr("orderflow_bt.archive.listing.MOST_PAGES", 50)
    asked = []

    def answer(query):
        asked.append(query)
        key = f"{FOLDER}/{len(asked):09}.zip"
        return page([key], truncated=True, marker=key)

    with pytest.raises(OrderflowError, match="more than 50 pages"):
        list_bucket(answer, FOLDER, "here")
    assert len(asked) == 50
