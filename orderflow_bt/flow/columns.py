"""What bars, footprints, events and trades hold, column by column, as exact integers.

The command line prints these and `orderflow_bt.frames` gives them out: one list for both.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from orderflow_bt.types import Bar, BarStatus

if TYPE_CHECKING:
    from collections.abc import Iterable

    from numpy.typing import NDArray

    from orderflow_bt.flow.batch import BarBatch
    from orderflow_bt.flow.events import Event
    from orderflow_bt.flow.minimum import CausalMinimum
    from orderflow_bt.instruments import Instrument
    from orderflow_bt.types import Trades

    Values = NDArray[Any] | list[Any]

IMBALANCE_WINDOW = 50  # bars that an imbalance's least volume looks back on
_AT = {name: k for k, name in enumerate(Bar._fields)}
_STATUS = [status.label for status in BarStatus]
_PRICES = ("open", "high", "low", "close")


class Field(NamedTuple):
    """A column and how its values are meant.

    Attributes:
        name: Its name.
        kind: ``time`` (microseconds UTC), ``price``, ``qty``, ``quote`` and ``average`` (integers
            of ``10**-decimals``), ``int``, ``float``, ``bool`` or ``word``.
        decimals: Digits after the point.
    """

    name: str
    kind: str
    decimals: int = 0

    @property
    def is_decimal(self) -> bool:
        """Whether its integers stand for decimal fractions."""
        return self.kind in ("price", "qty", "quote", "average")


def bar_fields(unit: Instrument) -> list[Field]:
    """Columns of `bar_values`."""
    price, qty = unit.price_decimals, unit.qty_decimals
    return [
        Field("open_time", "time"),
        Field("close_time", "time"),
        *(Field(name, "price", price) for name in _PRICES),
        Field("volume", "qty", qty),
        Field("quote_volume", "quote", qty if unit.is_inverse else price + qty),
        Field("count", "int"),
        Field("buy_volume", "qty", qty),
        Field("sell_volume", "qty", qty),
        Field("delta", "qty", qty),
        Field("min_delta", "qty", qty),
        Field("max_delta", "qty", qty),
        Field("vwap", "average", price + 1),
        Field("poc", "price", price),
        Field("status", "word"),
    ]


def bar_values(batch: BarBatch, inside: range, unit: Instrument) -> list[Values]:
    """The bars ``inside`` of a batch; contracts count with their value in the quote volume."""
    rows = batch.bars[inside.start : inside.stop]
    bars = [Bar._make(row) for row in rows.tolist()]
    column = {name: rows[:, k] for name, k in _AT.items()}
    volume, buys = column["volume"], column["buy_volume"]
    contract = int(unit.contract_usd) if unit.contract_usd is not None else 0
    return [
        column["open_time"],
        column["close_time"],
        *(column[name] for name in _PRICES),
        volume,
        [bar.volume * contract if contract else bar.quote_volume for bar in bars],
        column["count"],
        buys,
        volume - buys,
        2 * buys - volume,
        column["min_delta"],
        column["max_delta"],
        [_vwap(bar) for bar in bars],
        column["poc"],
        [_STATUS[bar.status] for bar in bars],
    ]


def _vwap(bar: Bar) -> int:
    """Average price in tenths of a price unit, rounded half to even; flat where nothing traded."""
    if not bar.volume:
        return bar.close * 10
    whole, rest = divmod(bar.quote_volume * 10, bar.volume)
    return whole + (2 * rest > bar.volume or (2 * rest == bar.volume and whole % 2))


def level_fields(unit: Instrument) -> list[Field]:
    """Columns of `level_values`."""
    price, qty = unit.price_decimals, unit.qty_decimals
    return [
        Field("open_time", "time"),
        Field("price_low", "price", price),
        Field("price_high", "price", price),
        Field("bid_volume", "qty", qty),
        Field("ask_volume", "qty", qty),
        Field("bid_count", "int"),
        Field("ask_count", "int"),
        Field("buy_imbalance", "bool"),
        Field("sell_imbalance", "bool"),
    ]


def level_values(
    batch: BarBatch, inside: range, ratio: tuple[int, int], minimum: CausalMinimum
) -> list[Values]:
    """The price rows of the bars ``inside`` of a batch, lowest first, with their imbalances.

    Bars before ``inside`` only tell ``minimum`` what is large.
    """
    buy: list[NDArray[np.bool_]] = [np.zeros(0, np.bool_)]
    sell: list[NDArray[np.bool_]] = [np.zeros(0, np.bool_)]
    for k in range(inside.stop):
        if k in inside:
            up, down = batch.footprint(k).imbalances(ratio, minimum.value)
            buy.append(up)
            sell.append(down)
        minimum.push(batch.bar_cells(k))
    starts = batch.cell_start[inside.start : inside.stop + 1]
    cells = batch.cells[starts[0] : starts[-1]] if len(inside) else batch.cells[:0]
    opens = batch.bars[inside.start : inside.stop, _AT["open_time"]]
    return [
        np.repeat(opens, np.diff(starts)) if len(inside) else opens,
        cells[:, 0],
        cells[:, 0] + batch.row_size,
        *(cells[:, k] for k in (1, 2, 3, 4)),
        np.concatenate(buy),
        np.concatenate(sell),
    ]


def event_fields(unit: Instrument) -> list[Field]:
    """Columns of `event_values`."""
    price = unit.price_decimals
    return [
        Field("known_at", "time"),
        Field("detector", "word"),
        Field("kind", "word"),
        Field("direction", "int"),
        Field("state", "word"),
        Field("price_low", "price", price),
        Field("price_high", "price", price),
        Field("strength", "float"),
        Field("id", "int"),
        Field("price", "price", price),
        Field("spans_gap", "bool"),
        Field("details", "word"),
    ]


def event_values(events: Iterable[Event]) -> list[Values]:
    """Events as columns: strength to six digits, ``details`` as ``name=value`` words."""
    rows = [
        (
            event.known_at,
            event.detector,
            event.kind,
            event.direction,
            event.state,
            event.price_low,
            event.price_high,
            float(f"{event.strength:.6g}"),
            event.id,
            event.price,
            event.spans_gap,
            " ".join(f"{name}={value}" for name, value in event.details.items()),
        )
        for event in events
    ]
    return [list(column) for column in zip(*rows, strict=True)] if rows else [[]] * 12


def trade_fields(unit: Instrument) -> list[Field]:
    """Columns of `trade_values`."""
    return [
        Field("id", "int"),
        Field("time", "time"),
        Field("price", "price", unit.price_decimals),
        Field("quantity", "qty", unit.qty_decimals),
        Field("side", "int"),
        Field("count", "int"),
    ]


def trade_values(trades: Trades) -> list[Values]:
    """Trades as columns; ``count`` is the raw fills in a row."""
    return [trades.id, trades.time, trades.price, trades.qty, trades.side, trades.fills]
