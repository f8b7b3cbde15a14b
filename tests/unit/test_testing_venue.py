"""The kit for a second exchange, filled in for one that does everything differently.

Its days are UTC+8, so a UTC day is made of two files; they are gzips with a header in two
languages, without ids or checksums; the side is a word.
"""

from __future__ import annotations

import csv
import dataclasses
import datetime as dt
import gzip
import io

import pytest

from orderflow_bt.archive import day_of_rows, open_source, register
from orderflow_bt.errors import ChecksumError, MalformedError
from orderflow_bt.ingest import download
from orderflow_bt.store import Lake
from orderflow_bt.store.lake import RAW
from orderflow_bt.testing import VenueDay, check_venue
from orderflow_bt.types import DAY_US, Kind, MarketType, TapeId

DAY = dt.date(2024, 1, 2)
TAPE = TapeId("teavenue", MarketType.SPOT, Kind.TRADES, "TEA-USDT")
START_MS = 1_704_153_600_000  # of that day, UTC
EIGHT_HOURS_MS = 8 * 3_600_000
HEADER = "trade_id/交易id,side/交易方向,size/数量,price/价格,created_time/成交时间\n"
SIDES = {"buy": 1, "sell": -1}


class TeaVenue:
    """A day is the end of one file and the beginning of the next."""

    name = "teavenue"
    base_url = "https://example.org"
    listing_url = "https://example.org"
    publication_delay = dt.timedelta(days=2)
    monthly_delay = dt.timedelta(days=45)

    def day_paths(self, tape, date):
        return [self.path(tape, date), self.path(tape, date + dt.timedelta(days=1))]

    def month_paths(self, item, date):
        return []

    def path(self, tape, date):
        return f"data/{date:%Y%m%d}/{tape.symbol}-trades-{date}.csv.gz"

    def checksum_path(self, path):
        return None

    def expected_sha256(self, text, path):
        raise ChecksumError("none is published", where=path)

    def read_day(self, files, tape, name):
        days = []
        for file in files:
            try:
                with gzip.open(file, "rt", encoding="utf-8", newline="") as text:
                    days.append(list(csv.DictReader(text)))
            except (OSError, EOFError, UnicodeDecodeError) as error:
                raise MalformedError(f"not a whole gzip: {error}", where=name) from error
        # The border of the UTC day lies inside both files.
        last, first = ({self.utc_day(row) for row in rows} for rows in days)
        wanted = max(last & first, default=None)
        rows = [row for day in days for row in day if self.utc_day(row) == wanted]
        try:
            return day_of_rows([self.trade(row) for row in rows], name, header=True)
        except (KeyError, ValueError) as error:
            raise MalformedError(f"unreadable row: {error}", where=name) from error

    def stream_day(self, files, tape, name, decimals):
        return None

    def utc_day(self, row):
        return int(self.field(row, "created_time")) * 1000 // DAY_US

    def field(self, row, name):
        return next(value for key, value in row.items() if key.partition("/")[0] == name)

    def trade(self, row):
        fields = [self.field(row, n) for n in ("trade_id", "price", "size", "created_time", "side")]
        return int(fields[0]), fields[1], fields[2], int(fields[3]), SIDES[fields[4]]


def packed(rows):
    return gzip.compress((HEADER + "".join(f"{','.join(row)}\n" for row in rows)).encode())


def row(number, side, size, price, time_ms):
    return str(number), side, size, price, str(time_ms)


BEFORE = row(1, "buy", "0.5", "60000.1", START_MS - 1)
MINE = [
    row(2, "sell", "0.25", "60000.0", START_MS),
    row(3, "buy", "1", "60000.1", START_MS + 16 * 3_600_000 - 1),
    row(4, "buy", "2.125", "60001", START_MS + 16 * 3_600_000),
    row(5, "sell", "3", "60000.55", START_MS + 86_399_999),
]
AFTER = row(6, "sell", "3", "60000.5", START_MS + 86_400_000)
VENUE = TeaVenue()
GOLDEN = VenueDay(
    exchange=VENUE,
    tape=TAPE,
    date=DAY,
    files={
        VENUE.path(TAPE, DAY): packed([BEFORE, *MINE[:2]]),
        VENUE.path(TAPE, DAY + dt.timedelta(days=1)): packed([*MINE[2:], AFTER]),
    },
    trades=[
        (2, "60000.0", "0.25", START_MS * 1000, -1),
        (3, "60000.1", "1", (START_MS + 16 * 3_600_000 - 1) * 1000, 1),
        (4, "60001", "2.125", (START_MS + 16 * 3_600_000) * 1000, 1),
        (5, "60000.55", "3", (START_MS + 86_399_999) * 1000, -1),
    ],
)


def test_a_day_of_two_files_passes(tmp_path):
    info = check_venue(GOLDEN, tmp_path)
    assert (info.rows, info.price_decimals, info.qty_decimals, info.time_unit) == (4, 2, 3, "ms")
    assert info.quality.is_clean
    assert info.origin.checksum == "absent"
    assert [url.rsplit("/", 1)[-1] for url in info.source_url.split(", ")] == [
        "TEA-USDT-trades-2024-01-02.csv.gz",
        "TEA-USDT-trades-2024-01-03.csv.gz",
    ]
    assert info.origin.bytes == sum(map(len, GOLDEN.files.values()))


def test_raw_files_of_a_day_are_all_kept(tmp_path):
    for path, raw in GOLDEN.files.items():
        target = tmp_path / path
        target.parent.mkdir(parents=True)
        target.write_bytes(raw)
    register(VENUE)
    lake = Lake(tmp_path / "lake")
    source = open_source(str(tmp_path))
    now = dt.datetime(2024, 6, 1, tzinfo=dt.UTC)
    (result,) = download(lake, TAPE, [DAY], source, keep_raw=True, now=now)
    assert result.status == "stored"
    assert {path: (lake.root / RAW / path).read_bytes() for path in GOLDEN.files} == GOLDEN.files
    assert not list(lake.incoming.glob("*.part"))


class WrongSide(TeaVenue):
    def trade(self, row):
        *rest, side = super().trade(row)
        return *rest, -side


class WrongDay(TeaVenue):
    def utc_day(self, row):
        return 0


class HalfADay(TeaVenue):
    def day_paths(self, tape, date):
        return [self.path(tape, date)] * 2


class Traceback(TeaVenue):
    def read_day(self, files, tape, name):
        days = [gzip.decompress(file.read_bytes()).decode() for file in files]
        rows = [r for day in days for r in csv.DictReader(io.StringIO(day))][1:5]
        return day_of_rows([self.trade(row) for row in rows], name, header=True)


@pytest.mark.parametrize(
    ("venue", "words"),
    [
        (WrongSide(), "where the file says"),
        (WrongDay(), "where the file says"),
        (HalfADay(), "where the file says|trades are read|the day is failed"),
    ],
    ids=lambda value: type(value).__name__,
)
def test_a_module_that_is_wrong_fails(tmp_path, venue, words):
    with pytest.raises(AssertionError, match=words):
        check_venue(dataclasses.replace(GOLDEN, exchange=venue), tmp_path)


def test_a_module_that_lets_a_librarys_error_through_fails(tmp_path):
    with pytest.raises(EOFError):
        check_venue(dataclasses.replace(GOLDEN, exchange=Traceback()), tmp_path)


def test_a_file_that_is_not_given_is_named(tmp_path):
    files = dict(list(GOLDEN.files.items())[:1])
    with pytest.raises(AssertionError, match="not among the files"):
        check_venue(dataclasses.replace(GOLDEN, files=files), tmp_path)


@pytest.mark.parametrize("text", ["", "-1", "1e400", "NaN", "x", "0." + "0" * 18 + "1", "9" * 20])
def test_plain_rows_are_exact_or_refused(text):
    with pytest.raises(MalformedError):
        day_of_rows([(1, text, "1", START_MS, 1)], "x", header=False)
    with pytest.raises(MalformedError):
        day_of_rows([(1, "1", text, START_MS, 1)], "x", header=False)
