"""The simulated market's files are those of the exchange's archive, era by era."""

import datetime as dt
import hashlib
import json
import re
import subprocess
import zipfile

import numpy as np
import pytest
from archive_days import FOLDERS

from orderflow_bt.archive.binance import Binance
from orderflow_bt.errors import UsageError
from orderflow_bt.synth import SimulatedMarket, write_archive
from orderflow_bt.types import Kind, MarketType, TapeId

SYMBOLS = {MarketType.SPOT: "SIMUSDT", MarketType.UM: "SIMUSDT", MarketType.CM: "SIMUSD_PERP"}
BEFORE_HEADERS, AFTER_HEADERS = dt.date(2022, 8, 10), dt.date(2022, 8, 11)
BEFORE_MICROS, AFTER_MICROS = dt.date(2024, 12, 31), dt.date(2025, 1, 1)


def small(market=MarketType.UM, start=dt.date(2024, 1, 1), days=1, **more):
    return SimulatedMarket(
        seed=2, symbol=SYMBOLS[market], market=market, start=start, days=days,
        trades_per_day=3_000, **more,
    )  # fmt: skip


def lines(path):
    with zipfile.ZipFile(path) as archive:
        (member,) = archive.namelist()
        assert member == path.name.replace(".zip", ".csv")
        assert archive.testzip() is None
        return archive.read(member).decode().splitlines()


AGG_HEADER = "agg_trade_id,price,quantity,first_trade_id,last_trade_id,transact_time,is_buyer_maker"
NUMBER, SHORT, PADDED = r"\d+", r"\d+(\.\d*[1-9])?", r"\d+\.\d{8}"
LOWER, TITLE = "(true|false)", "(True|False)"
SHAPES = [
    (MarketType.UM, "aggTrades", BEFORE_HEADERS, None,
     [NUMBER, SHORT, SHORT, NUMBER, NUMBER, r"\d{13}", LOWER]),
    (MarketType.UM, "aggTrades", AFTER_HEADERS, AGG_HEADER,
     [NUMBER, SHORT, SHORT, NUMBER, NUMBER, r"\d{13}", LOWER]),
    (MarketType.UM, "trades", AFTER_MICROS, "id,price,qty,quote_qty,time,is_buyer_maker",
     [NUMBER, SHORT, SHORT, PADDED, r"\d{13}", LOWER]),
    (MarketType.CM, "aggTrades", AFTER_MICROS, AGG_HEADER,
     [NUMBER, SHORT, NUMBER, NUMBER, NUMBER, r"\d{13}", LOWER]),
    (MarketType.CM, "trades", BEFORE_HEADERS, None,
     [NUMBER, SHORT, NUMBER, PADDED, r"\d{13}", LOWER]),
    (MarketType.CM, "trades", AFTER_HEADERS, "id,price,qty,base_qty,time,is_buyer_maker",
     [NUMBER, SHORT, NUMBER, PADDED, r"\d{13}", LOWER]),
    (MarketType.SPOT, "aggTrades", BEFORE_MICROS, None,
     [NUMBER, PADDED, PADDED, NUMBER, NUMBER, r"\d{13}", TITLE, "True"]),
    (MarketType.SPOT, "aggTrades", AFTER_MICROS, None,
     [NUMBER, PADDED, PADDED, NUMBER, NUMBER, r"\d{16}", TITLE, "True"]),
    (MarketType.SPOT, "trades", AFTER_MICROS, None,
     [NUMBER, PADDED, PADDED, PADDED, r"\d{16}", TITLE, "True"]),
]  # fmt: skip


@pytest.mark.parametrize(("market", "kind", "date", "header", "fields"), SHAPES)
def test_rows_have_the_shape_of_their_era(tmp_path, *, market, kind, date, header, fields):
    (path,) = write_archive(small(market, date), tmp_path, (kind,))
    symbol = SYMBOLS[market]
    assert path == (
        tmp_path
        / "data"
        / FOLDERS[market]
        / "daily"
        / kind
        / symbol
        / f"{symbol}-{kind}-{date}.zip"
    )
    text = lines(path)
    if header is not None:
        assert text.pop(0) == header
    shape = re.compile(",".join(fields))
    assert len(text) > 1_000
    assert all(shape.fullmatch(line) for line in text)


@pytest.mark.parametrize("market", list(MarketType))
@pytest.mark.parametrize("kind", list(Kind))
def test_the_archive_reader_gives_the_days_back(tmp_path, market, kind):
    simulated = small(market, BEFORE_MICROS, days=2)
    paths = write_archive(simulated, tmp_path, (kind,))
    tape = TapeId("binance", market, kind, SYMBOLS[market])
    for day, path in zip(simulated, paths, strict=True):
        assert str(path.relative_to(tmp_path)) in Binance().day_paths(tape, day.date)
        parsed = Binance().read_day([path], tape, path.name)
        trades = day.trades if kind is Kind.AGG_TRADES else day.raw_trades()
        ids, price, qty, first, last, time, side = parsed.columns
        unit = simulated.time_unit_us(day.date)
        assert parsed.time_unit == {1: "us", 1000: "ms"}[unit]
        assert np.array_equal(ids, trades.id)
        assert np.array_equal(time * unit if parsed.time_unit == "ms" else time, trades.time)
        assert np.array_equal(side, trades.side)
        finer = 10 ** (simulated.price_decimals - parsed.price_decimals)
        assert np.array_equal(price * finer, trades.price)
        assert np.array_equal(
            qty * 10 ** (simulated.qty_decimals - parsed.qty_decimals), trades.qty
        )
        if kind is Kind.AGG_TRADES:
            assert np.array_equal(first, day.first_id)
            assert np.array_equal(last - first + 1, trades.fills)


def test_values_are_price_times_quantity(tmp_path):
    (um,) = write_archive(small(start=AFTER_HEADERS), tmp_path / "um", ("trades",))
    for line in lines(um)[1:200]:
        _, price, qty, quote, *_ = line.split(",")
        assert float(quote) == pytest.approx(float(price) * float(qty), abs=1e-9)
    (cm,) = write_archive(small(MarketType.CM, AFTER_HEADERS), tmp_path / "cm", ("trades",))
    for line in lines(cm)[1:200]:
        _, price, contracts, base, *_ = line.split(",")
        assert float(base) == pytest.approx(10 * int(contracts) / float(price), abs=1e-8)


def test_the_checksum_file_is_one_that_sha256sum_takes(tmp_path):
    (path,) = write_archive(small(), tmp_path)
    checksum = path.with_name(path.name + ".CHECKSUM")
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    assert checksum.read_text() == f"{digest}  {path.name}\n"
    subprocess.run(
        ["sha256sum", "-c", checksum.name], cwd=path.parent, check=True, capture_output=True
    )


def test_the_same_market_is_the_same_bytes(tmp_path):
    both = tuple(Kind)
    first = write_archive(small(days=2), tmp_path / "a", both)
    again = write_archive(small(days=2), tmp_path / "b", both)
    assert [path.name for path in first] == [path.name for path in again]
    assert [path.read_bytes() for path in first] == [path.read_bytes() for path in again]
    key = "situations.json"
    assert (tmp_path / "a" / key).read_bytes() == (tmp_path / "b" / key).read_bytes()
    assert not list(tmp_path.rglob("*.part"))


def test_the_answer_key_lists_what_was_planted(tmp_path):
    market = small(days=2)
    write_archive(market, tmp_path)
    key = json.loads((tmp_path / "situations.json").read_text())
    assert key["symbol"] == "SIMUSDT"
    assert key["price_decimals"] == 1
    assert [item["known_at"] for item in key["situations"]] == [
        item.known_at for item in market.situations
    ]
    write_archive(small(placebo=True), tmp_path)
    assert json.loads((tmp_path / "situations.json").read_text())["situations"] == []


def test_an_unknown_kind_is_refused(tmp_path):
    with pytest.raises(UsageError, match="klines"):
        write_archive(small(), tmp_path, ("klines",))
