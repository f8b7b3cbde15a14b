"""Bars of real captures, from archive files through the lake, against the exchange's own klines."""

from __future__ import annotations

import csv
import datetime as dt
import io
import zipfile
from decimal import Decimal

import numpy as np
import pytest

from orderflow_bt.archive import open_source
from orderflow_bt.flow import BarStream
from orderflow_bt.flow.window import BarWindow
from orderflow_bt.ingest import download
from orderflow_bt.store import Lake
from orderflow_bt.types import (
    DAY_US,
    MINUTE_US,
    BarSpec,
    Kind,
    MarketType,
    TapeId,
    Trades,
    time_bars,
)

pytestmark = pytest.mark.real

D = dt.date
MINUTE = time_bars("1m")
EXCERPTS = "binance_klines/um_excerpts/BTCUSDT-1m-"
APRIL = [D(2023, 4, 4), D(2023, 4, 5)]
AUGUST = [D(2024, 8, 8)]
# Minutes that the captures hold whole; the first and last minute of a capture are partial.
FULL = {
    ("spot", "2023-04"): ("2023-04-05T00:00", "2023-04-05T00:06"),
    ("um", "2023-04"): ("2023-04-04T23:59", "2023-04-05T00:06"),
    ("um", "2024-08"): ("2024-08-08T23:55", "2024-08-09T00:00"),
}
# Aggregate rows that hold fills of two minutes, under the later one's time.
CROSSING = {"2023-04": [843_353_104], "2024-08": []}


def micros(text):
    moment = dt.datetime.fromisoformat(text).replace(tzinfo=dt.UTC)
    return int(moment.timestamp()) * 1_000_000


@pytest.fixture(scope="module")
def lake(real_mirror, tmp_path_factory):
    lake = Lake(tmp_path_factory.mktemp("lake"))
    source = open_source(str(real_mirror))
    for market in MarketType.SPOT, MarketType.UM:
        days = APRIL if market is MarketType.SPOT else APRIL + AUGUST
        for kind in Kind:
            tape = TapeId("binance", market, kind, "BTCUSDT")
            assert {r.status for r in download(lake, tape, days, source)} == {"stored"}
    xrp = TapeId("binance", MarketType.SPOT, Kind.AGG_TRADES, "XRPETH")
    days = [D(2019, 10, day) for day in (11, 12, 13)]
    assert {r.status for r in download(lake, xrp, days, source)} == {"stored"}
    return lake


def exchange_klines(real_data, market, month):
    """open time -> open, high, low, close, volume, quote, count, taker buy, taker buy quote."""
    if market == "spot":
        path = real_data / "binance_klines/spot/1m/BTCUSDT-1m-2023-04-05.zip"
        with zipfile.ZipFile(path) as archive:
            text = archive.read(archive.namelist()[0]).decode()
        lines = list(csv.reader(io.StringIO(text)))
    else:
        (path,) = real_data.glob(f"{EXCERPTS}{month}.um.*.csv")
        lines = list(csv.reader(path.read_text().splitlines()))[1:]
    return {
        int(row[0]) * 1000: [
            *map(Decimal, row[1:6]),
            Decimal(row[7]),
            int(row[8]),
            *map(Decimal, row[9:11]),
        ]
        for row in lines
    }


def kline(unit, bar, cells):
    """A bar in the exchange's kline columns; taker-buy quote volume comes from the footprint."""
    quote = Decimal(1).scaleb(-unit.price_decimals - unit.qty_decimals)
    assert int(cells[:, 2].sum()) == bar.buy_volume
    buy_quote = sum(row[0] * row[2] for row in cells.tolist())
    return [
        *map(unit.price, (bar.open, bar.high, bar.low, bar.close)),
        unit.qty(bar.volume),
        bar.quote_volume * quote,
        bar.count,
        unit.qty(bar.buy_volume),
        buy_quote * quote,
    ]


def our_klines(lake, tape, market, month):
    start, end = map(micros, FULL[market, month])
    window = BarWindow(lake, tape, MINUTE, start, end, keep_cells=True)
    found = {}
    for batch, inside in window:
        for k in inside:
            bar = batch.bar(k)
            found[bar.open_time] = kline(window.instrument, bar, batch.bar_cells(k))
    assert len(found) == (end - start) // MINUTE_US
    return found


def test_april_and_august_minutes_are_where_the_captures_are_whole():
    assert sum((micros(b) - micros(a)) // MINUTE_US for a, b in FULL.values()) == 6 + 7 + 5


@pytest.mark.parametrize(
    ("market", "kind", "month"),
    [
        ("spot", Kind.AGG_TRADES, "2023-04"),
        ("spot", Kind.TRADES, "2023-04"),
        ("um", Kind.TRADES, "2023-04"),
        ("um", Kind.TRADES, "2024-08"),
    ],
)
def test_every_full_minute_equals_the_exchanges_kline(lake, real_data, market, kind, month):
    tape = TapeId("binance", MarketType(market), kind, "BTCUSDT")
    theirs = exchange_klines(real_data, market, month)
    for time, ours in our_klines(lake, tape, market, month).items():
        assert ours == theirs[time], time


@pytest.mark.parametrize("month", ["2023-04", "2024-08"])
def test_futures_aggregates_differ_by_the_rows_that_cross_a_minute_only(lake, real_data, month):
    days = APRIL if month == "2023-04" else AUGUST
    tape = TapeId("binance", MarketType.UM, Kind.AGG_TRADES, "BTCUSDT")
    raw = TapeId("binance", MarketType.UM, Kind.TRADES, "BTCUSDT")
    theirs = exchange_klines(real_data, "um", month)
    ours = our_klines(lake, tape, "um", month)
    rows, crossing, touched = split_by_minute(lake, tape, raw, days)
    start, end = map(micros, FULL["um", month])
    inside = [number for number, time in crossing if start <= time < end]
    assert inside == CROSSING[month]
    for time, row in ours.items():
        assert (row == theirs[time]) == (time not in touched), time
    unit = BarWindow(lake, tape, MINUTE, start, end).instrument
    stream = BarStream(MINUTE, ids_are_continuous=False)
    batches = [stream.feed(rows), stream.close_until(end)]
    repaired = {
        batch.bar(k).open_time: kline(unit, batch.bar(k), batch.bar_cells(k))
        for batch in batches
        for k in range(len(batch))
    }
    for time in ours:
        assert repaired[time] == theirs[time], time


def split_by_minute(lake, tape, raw_tape, days):
    """The aggregate tape with every row that holds fills of two minutes cut between them.

    Returns the trades, the (id, time) of each row that was cut, and the minutes it touches.
    """
    import pyarrow.parquet as pq

    unit = BarWindow(lake, tape, MINUTE, *_whole(days)).instrument
    scale = unit.price_decimals, unit.qty_decimals
    raw = Trades(*map(np.concatenate, zip(*_read(lake, raw_tape, days, scale), strict=True)))
    whole = Trades(*map(np.concatenate, zip(*_read(lake, tape, days, scale), strict=True)))
    first_ids = np.concatenate(
        [pq.read_table(lake.day_path(tape, day))["first_id"].to_numpy() for day in days]
    )
    last_ids = np.concatenate(
        [pq.read_table(lake.day_path(tape, day))["last_id"].to_numpy() for day in days]
    )
    pieces, crossing, touched = [], [], set()
    begins = np.searchsorted(raw.id, first_ids)
    ends = np.searchsorted(raw.id, last_ids, side="right")
    for k in range(whole.rows):
        fills = raw.slice(int(begins[k]), int(ends[k]))
        minutes = fills.time // MINUTE_US
        assert int(fills.qty.sum()) == whole.qty[k]
        if minutes[0] == minutes[-1]:
            pieces.append([column[k] for column in whole])
            continue
        crossing.append((int(whole.id[k]), int(whole.time[k])))
        for minute in np.unique(minutes):
            part = minutes == minute
            touched.add(int(minute) * MINUTE_US)
            row = [whole.id[k], fills.time[part][-1], whole.price[k], fills.qty[part].sum()]
            pieces.append([*row, whole.side[k], part.sum()])
    columns = zip(*pieces, strict=True)
    return (
        Trades(*(np.array(c, dtype=w.dtype) for c, w in zip(columns, whole, strict=True))),
        crossing,
        touched,
    )


def _read(lake, tape, days, scale):
    return [trades for day in days for trades in lake.read(tape, day, *scale)]


def _whole(days):
    epoch = D(1970, 1, 1)
    return (days[0] - epoch).days * DAY_US, (days[-1] - epoch).days * DAY_US + DAY_US


def test_xrpeth_minutes_equal_freqtrades(lake, real_data):
    """2.5 days of spot aggTrades; minutes without trades are absent in the other table."""
    from pyarrow import feather

    table = feather.read_table(real_data / "freqtrade/trades/XRP_ETH-1m.feather").to_pylist()
    theirs = {
        int(row["date"].timestamp()) * 1_000_000: [
            row[name] for name in ("open", "high", "low", "close", "volume")
        ]
        for row in table
    }
    assert len(theirs) == 2469
    tape = TapeId("binance", MarketType.SPOT, Kind.AGG_TRADES, "XRPETH")
    window = BarWindow(lake, tape, MINUTE, *_whole([D(2019, 10, 11), D(2019, 10, 13)]))
    unit = window.instrument
    ours, empty = {}, 0
    for batch, inside in window:
        for k in inside:
            bar = batch.bar(k)
            if bar.status:
                empty += 1
                assert (bar.volume, bar.open, bar.high, bar.low) == (0, *[bar.close] * 3)
                continue
            prices = map(unit.price, (bar.open, bar.high, bar.low, bar.close))
            ours[bar.open_time] = [*map(float, prices), float(unit.qty(bar.volume))]
    assert ours.keys() == theirs.keys()
    assert empty == 3 * 1440 - 2469
    for time, row in theirs.items():
        assert ours[time][:4] == row[:4]
        assert ours[time][4] == pytest.approx(row[4], abs=1e-9)


@pytest.mark.parametrize(
    "spec",
    [
        "tick:500",
        "volume:20",
        "dollar:500000",
        "delta:10",
        "range:50",
        "reversal:60,20",
        "renko:40",
    ],
)
def test_bars_of_activity_hold_every_real_trade_once(lake, spec):
    tape = TapeId("binance", MarketType.UM, Kind.AGG_TRADES, "BTCUSDT")
    start, end = _whole(AUGUST)
    window = BarWindow(lake, tape, BarSpec.parse(spec), start, end, keep_cells=True)
    scale = window.instrument.price_decimals, window.instrument.qty_decimals
    rows = Trades(*map(np.concatenate, zip(*_read(lake, tape, AUGUST, scale), strict=True)))
    bars = volume = fills = cells = 0
    for batch, inside in window:
        for k in inside:
            bars += 1
            volume += int(batch.bars[k, 6])
            fills += int(batch.bars[k, 10])
            cells += int(batch.bar_cells(k)[:, 1:3].sum())
    assert bars > 10
    assert (volume, cells, fills) == (int(rows.qty.sum()),) * 2 + (int(rows.fills.sum()),)
