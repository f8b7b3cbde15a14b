"""Real days come in as a plain reading with csv and Decimal gives them, row for row."""

from __future__ import annotations

import csv
import datetime as dt
import io
import zipfile
from decimal import Decimal

import numpy as np
import pytest

from orderflow_bt.archive import open_source
from orderflow_bt.archive.binance import field_roles
from orderflow_bt.archive.rows import parse_csv
from orderflow_bt.audit import audit_tape
from orderflow_bt.ingest import download, import_files
from orderflow_bt.store import Lake, resolve_instrument
from orderflow_bt.types import Kind, MarketType, TapeId

pytestmark = pytest.mark.real

FOLDERS = {"spot": "spot", "um": "futures/um", "cm": "futures/cm"}
AGG = ["id", "price", "qty", "first", "last", "time", "maker"]
RAW = {
    "spot": ["id", "price", "qty", "quote", "time", "maker", "best"],
    "um": ["id", "price", "qty", "quote", "time", "maker"],
    "cm": ["id", "price", "qty", "base", "time", "maker"],
}
TAPES = [
    ("spot", "aggTrades", "XRPETH"),
    ("spot", "aggTrades", "LTCUSDT"),
    ("spot", "trades", "LTCUSDT"),
    ("spot", "aggTrades", "NEXOUSDT"),
    ("spot", "trades", "NEXOUSDT"),
    ("spot", "aggTrades", "BTCUSDT"),
    ("spot", "trades", "BTCUSDT"),
    ("um", "aggTrades", "BTCUSDT"),
    ("um", "trades", "BTCUSDT"),
    ("um", "aggTrades", "ETHUSDT"),
    ("cm", "aggTrades", "BTCUSD_PERP"),
    ("cm", "trades", "BTCUSD_PERP"),
]


@pytest.fixture(scope="module")
def lake(tmp_path_factory):
    return Lake(tmp_path_factory.mktemp("lake"))


def archived_days(mirror, market, kind, symbol):
    folder = mirror / "data" / FOLDERS[market] / "daily" / kind / symbol
    return {dt.date.fromisoformat(path.stem[-10:]): path for path in sorted(folder.glob("*.zip"))}


def store(lake, mirror, market, kind, symbol):
    tape = TapeId("binance", MarketType(market), Kind(kind), symbol)
    files = archived_days(mirror, market, kind, symbol)
    assert files
    results = download(lake, tape, list(files), open_source(str(mirror)))
    assert {result.status for result in results} <= {"stored", "present"}
    return tape, files


def plain_rows(path, names):
    """Each row as a dictionary of text; a first field that is a word begins a header."""
    with zipfile.ZipFile(path) as archive:
        (name,) = archive.namelist()
        rows = list(csv.reader(io.StringIO(archive.read(name).decode())))
    if not rows[0][0].isdigit():
        rows = rows[1:]
    return [dict(zip(names, row, strict=False)) for row in rows]


@pytest.mark.parametrize(("market", "kind", "symbol"), TAPES)
def test_every_row_is_the_one_in_the_file(lake, real_mirror, market, kind, symbol):
    tape, files = store(lake, real_mirror, market, kind, symbol)
    names = AGG if kind == "aggTrades" else RAW[market]
    instrument = resolve_instrument(lake, tape, list(files))
    for date, path in files.items():
        want = plain_rows(path, names)
        chunks = list(
            lake.read(tape, date, instrument.price_decimals, instrument.qty_decimals, 1000)
        )
        trades = [np.concatenate(column).tolist() for column in zip(*chunks, strict=True)]
        info = lake.day(tape, date)
        assert info.rows == len(want) == len(trades[0])
        assert info.origin.checksum == "verified"
        factor = 1 if len(want[0]["time"]) == 16 else 1000
        for row, number, time, price, qty, side, fills in zip(want, *trades, strict=True):
            assert number == int(row["id"])
            assert time == int(row["time"]) * factor
            assert instrument.price(price) == Decimal(row["price"])
            assert instrument.qty(qty) == Decimal(row["qty"])
            assert side == (-1 if row["maker"].lower() == "true" else 1)
            if kind == "aggTrades":
                assert fills == int(row["last"]) - int(row["first"]) + 1


def test_units_of_real_symbols(lake, real_mirror):
    for market, kind, symbol, price, qty, tick, source in [
        ("spot", "aggTrades", "XRPETH", 8, 0, 1, "inferred"),
        ("spot", "aggTrades", "LTCUSDT", 2, 3, 1, "inferred"),
        ("spot", "trades", "BTCUSDT", 2, 5, 1, "shipped"),
        ("um", "aggTrades", "BTCUSDT", 1, 3, 1, "shipped"),
        ("cm", "aggTrades", "BTCUSD_PERP", 1, 0, 1, "shipped"),
    ]:
        tape, files = store(lake, real_mirror, market, kind, symbol)
        found = resolve_instrument(lake, tape, list(files))
        assert (found.price_decimals, found.qty_decimals) == (price, qty), symbol
        assert (found.tick_size, found.lot_size, found.source) == (tick, 1, source), symbol


def test_the_losses_of_a_real_recording_are_found(lake, real_mirror):
    date = dt.date(2025, 6, 21)
    tape, _ = store(lake, real_mirror, "spot", "trades", "LTCUSDT")
    raw = lake.day(tape, date)
    assert (raw.time_unit, raw.rows) == ("us", 53_325)
    assert (raw.quality.gaps, raw.quality.missing_ids) == (16, 168)
    largest = max(raw.quality.gap_list, key=lambda gap: gap.after_id - gap.before_id)
    assert (largest.before_id, largest.after_id) == (293534906, 293535024)
    assert not raw.quality.is_clean
    # Three of the sixteen lost a single trade, which the aggregate ids do not show; the ranges of
    # trade ids do.
    tape, _ = store(lake, real_mirror, "spot", "aggTrades", "LTCUSDT")
    quality = lake.day(tape, date).quality
    assert (quality.gaps, quality.missing_ids, quality.missing_fills) == (16, 165, 168)


def test_real_aggregates_of_2019_are_whole(lake, real_mirror):
    tape, files = store(lake, real_mirror, "spot", "aggTrades", "XRPETH")
    assert [str(date) for date in files] == ["2019-10-11", "2019-10-12", "2019-10-13"]
    days = lake.days(tape)
    assert sum(day.rows for day in days) == 12_477
    assert all(day.quality.is_clean and not day.header for day in days)


def test_ids_that_futures_leave_out_are_not_losses(lake, real_mirror):
    tape, _ = store(lake, real_mirror, "um", "trades", "BTCUSDT")
    days = lake.days(tape)
    assert all(day.quality.is_clean and day.header for day in days)
    assert sum(day.quality.unassigned_ids for day in days) > 0


def test_an_excerpt_of_a_real_futures_file(real_data, tmp_path):
    """Rows of a real archive file of 2026, header and all, one with a hole in the trade ids."""

    def layout(header, fields):
        return field_roles(Kind.AGG_TRADES, header, fields)

    rows = 0
    for path in (real_data / "binance_um_aggtrades_excerpt").glob("*.csv"):
        raw = path.read_bytes()
        parsed = parse_csv([raw], layout, path.name, len(raw))
        assert (parsed.header, parsed.time_unit, parsed.price_decimals) == (True, "ms", 1)
        lake = Lake(tmp_path / path.stem)
        tape = TapeId("binance", MarketType.UM, Kind.AGG_TRADES, "BTCUSDT")
        (result,) = import_files(lake, tape, [path])
        assert result.info.quality.is_clean
        assert result.info.quality.missing_fills == 0
        rows += result.info.rows
    assert rows == 47


def test_the_audit_names_the_losses_of_a_real_recording(lake, real_mirror):
    tape, _ = store(lake, real_mirror, "spot", "trades", "LTCUSDT")
    (day,) = audit_tape(lake, tape)
    assert (day.status, day.gaps, day.missing_ids, day.halts) == ("defects", 16, 168, [])
    assert (day.losses[0].before_id, day.losses[0].after_id) == (293519715, 293519720)
    tape, _ = store(lake, real_mirror, "spot", "aggTrades", "LTCUSDT")
    (aggregates,) = audit_tape(lake, tape)
    # The same raw trades are missing between the aggregates, to the id.
    assert [(loss.first_fill, loss.last_fill) for loss in aggregates.losses] == [
        (loss.before_id + 1, loss.after_id - 1) for loss in day.losses
    ]


def test_the_audit_finds_nothing_in_real_aggregates_of_2019(lake, real_mirror):
    tape, _ = store(lake, real_mirror, "spot", "aggTrades", "XRPETH")
    days = list(audit_tape(lake, tape))
    assert [(day.status, day.halts) for day in days] == [("clean", [])] * 3
    assert (days[0].open_start, days[1].open_start, days[2].open_end) == (True, False, True)


def test_the_audit_takes_no_hole_in_futures_ids_for_a_loss(lake, real_mirror):
    for kind in "trades", "aggTrades":
        tape, _ = store(lake, real_mirror, "um", kind, "BTCUSDT")
        days = list(audit_tape(lake, tape))
        stored = [day for day in days if day.info]
        assert {day.status for day in stored} == {"clean"}
        assert {day.status for day in days} == {"clean", "missing"}
