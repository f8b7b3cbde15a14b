"""Writes the simulated market as exchange-archive days: zip, checksum, and the answer key.

The layout, columns, headers, decimals, booleans and time units are those of the exchange's
archive for each market and date (``docs/simulated-market.md`` lists them).
"""

from __future__ import annotations

import datetime as dt
import hashlib
import struct
from typing import TYPE_CHECKING

import numpy as np
from isal import isal_zlib

from orderflow_bt.errors import UsageError
from orderflow_bt.kernels import synth as kernels
from orderflow_bt.synth.market import CONTRACT_USD
from orderflow_bt.synth.situations import situations_text
from orderflow_bt.types import Kind, MarketType

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from orderflow_bt.synth.market import SimulatedDay, SimulatedMarket

MARKET_FOLDER = {
    MarketType.SPOT: "spot",
    MarketType.UM: "futures/um",
    MarketType.CM: "futures/cm",
}
HEADER_SINCE = dt.date(2022, 8, 11)  # of futures files

_HEADERS = {
    (MarketType.UM, Kind.AGG_TRADES): b"agg_trade_id,price,quantity,first_trade_id,last_trade_id,"
    b"transact_time,is_buyer_maker\n",
    (MarketType.UM, Kind.TRADES): b"id,price,qty,quote_qty,time,is_buyer_maker\n",
    (MarketType.CM, Kind.TRADES): b"id,price,qty,base_qty,time,is_buyer_maker\n",
}
_HEADERS[MarketType.CM, Kind.AGG_TRADES] = _HEADERS[MarketType.UM, Kind.AGG_TRADES]

_CHUNK_ROWS = 1 << 16
_BYTES_A_VALUE = 32
_WORDS = np.frombuffer(b"TrueFalsetruefalse", dtype=np.uint8)
_DECIMALS = 8  # of the columns that the archive pads


def write_archive(
    market: SimulatedMarket, folder: Path, kinds: Sequence[Kind | str] = (Kind.AGG_TRADES,)
) -> list[Path]:
    """Write every day of ``market`` under ``folder`` as the exchange's archive lays them out.

    ``folder/situations.json`` lists what was planted. The same market gives the same bytes.

    Args:
        market: What to write.
        folder: The archive's root; ``data/…`` is made in it.
        kinds: ``aggTrades``, ``trades`` or both.

    Returns:
        The zips in date order; each has its ``.CHECKSUM`` beside it.

    Raises:
        UsageError: A kind is unknown.
    """
    asked = [_read_kind(kind) for kind in kinds]
    written = []
    for day in market:
        for kind in asked:
            parent = (
                folder
                / "data"
                / MARKET_FOLDER[market.market]
                / "daily"
                / kind.value
                / market.symbol
            )
            parent.mkdir(parents=True, exist_ok=True)
            name = f"{market.symbol}-{kind.value}-{day.date}"
            path = parent / f"{name}.zip"
            write_zip(path, f"{name}.csv", day.date, day_text(market, day, kind))
            written.append(path)
    text = situations_text(
        market.situations,
        symbol=market.symbol,
        market=market.market.value,
        seed=market.seed,
        placebo=market.placebo,
        price_decimals=market.price_decimals,
    )
    _replace(folder / "situations.json", text.encode())
    return written


def day_text(market: SimulatedMarket, day: SimulatedDay, kind: Kind) -> Iterator[bytes]:
    """One day's csv, piece by piece."""
    if market.market.is_futures and day.date >= HEADER_SINCE:
        yield _HEADERS[market.market, kind]
    spot = market.market is MarketType.SPOT
    number = kernels.PADDED if spot else kernels.SHORTEST
    boolean = kernels.TITLE_BOOL if spot else kernels.LOWER_BOOL
    price_scale, price_decimals = _scale(market.price_decimals, padded=spot)
    qty_scale, qty_decimals = _scale(market.qty_decimals, padded=spot)
    trades = day.trades if kind is Kind.AGG_TRADES else day.raw_trades()
    time_unit = market.time_unit_us(day.date)
    out = np.empty(_CHUNK_ROWS * 8 * _BYTES_A_VALUE, dtype=np.uint8)
    for start in range(0, trades.rows, _CHUNK_ROWS):
        rows = trades.slice(start, start + _CHUNK_ROWS)
        whole, flag = (kernels.WHOLE, 0), (boolean, 0)
        columns: list[tuple[NDArray[np.int64], tuple[int, int]]] = [
            (rows.id, whole),
            (rows.price * price_scale, (number, price_decimals)),
            (rows.qty * qty_scale, (number, qty_decimals)),
        ]
        if kind is Kind.AGG_TRADES:
            stop = start + rows.rows
            columns += [(day.first_id[start:stop], whole), (day.last_id[start:stop], whole)]
        else:
            columns.append((_value(market, rows.price, rows.qty), (kernels.PADDED, _DECIMALS)))
        columns.append((rows.time // time_unit, whole))
        columns.append(((rows.side < 0).astype(np.int64), flag))
        if spot:
            columns.append((np.ones(rows.rows, dtype=np.int64), flag))
        forms = np.array([form for _, (form, _) in columns], dtype=np.int64)
        decimals = np.array([places for _, (_, places) in columns], dtype=np.int64)
        values = np.stack([value for value, _ in columns])
        length = kernels.write_rows(values, forms, decimals, _WORDS, out)
        yield out[:length].tobytes()


def _read_kind(kind: Kind | str) -> Kind:
    try:
        return Kind(kind)
    except ValueError:
        raise UsageError(
            f"the simulated market has no files of kind {str(kind)!r}",
            fix="Take aggTrades or trades",
        ) from None


def _scale(decimals: int, *, padded: bool) -> tuple[int, int]:
    """Factor that brings integers to the decimals a column is printed with, and those."""
    return (10 ** (_DECIMALS - decimals), _DECIMALS) if padded else (1, decimals)


def _value(
    market: SimulatedMarket, price: NDArray[np.int64], qty: NDArray[np.int64]
) -> NDArray[np.int64]:
    """Quote value of each fill, or the base value of contracts, with eight decimals."""
    if market.market is MarketType.CM:
        scale = CONTRACT_USD * 10 ** (_DECIMALS + market.price_decimals)
        base: NDArray[np.int64] = (qty * scale + price // 2) // price
        return base
    shift = _DECIMALS - market.price_decimals - market.qty_decimals
    value: NDArray[np.int64] = price * qty * 10 ** max(0, shift) // 10 ** max(0, -shift)
    return value


def write_zip(path: Path, member: str, date: dt.date, pieces: Iterable[bytes]) -> None:
    """Write a zip of one member, and its checksum file; nothing half-written is left.

    The time stamp in it is two o'clock of the next day, so that the bytes do not depend on when
    they were written.
    """
    published = date + dt.timedelta(days=1)
    stamp = (
        ((published.year - 1980) << 25)
        | (published.month << 21)
        | (published.day << 16)
        | (2 << 11)
    )
    name = member.encode()
    packer = isal_zlib.compressobj(1, isal_zlib.DEFLATED, -15)
    packed, checksum, size = [], 0, 0
    for piece in pieces:
        checksum = isal_zlib.crc32(piece, checksum)
        size += len(piece)
        packed.append(packer.compress(piece))
    packed.append(packer.flush())
    body = b"".join(packed)
    if max(size, len(body)) >= 1 << 32:
        raise UsageError(
            "a day of the simulated market is too big for a plain zip",
            where=path.name,
            fix="Ask for fewer trades_per_day",
        )
    shared = struct.pack("<HHHIIIIHH", 20, 0, 8, stamp, checksum, len(body), size, len(name), 0)
    local = b"PK\3\4" + shared + name
    central = (
        b"PK\1\2"
        + struct.pack("<H", 20)
        + shared
        + struct.pack("<HHHII", 0, 0, 0, 0o644 << 16, 0)
        + name
    )
    end = b"PK\5\6" + struct.pack("<HHHHIIH", 0, 0, 1, 1, len(central), len(local) + len(body), 0)
    content = local + body + central + end
    _replace(path, content)
    digest = hashlib.sha256(content).hexdigest()
    _replace(path.with_name(path.name + ".CHECKSUM"), f"{digest}  {path.name}\n".encode())


def _replace(path: Path, content: bytes) -> None:
    """Write a file so that it is there whole or not at all."""
    temporary = path.with_name(path.name + ".part")
    temporary.write_bytes(content)
    temporary.replace(path)
