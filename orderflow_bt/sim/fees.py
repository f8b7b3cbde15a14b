"""Which commission holds when: dated rates by market, tier and symbol."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from typing import TYPE_CHECKING, Any, NamedTuple

from orderflow_bt.errors import UsageError
from orderflow_bt.instruments import DEFAULT_FEES, Fees
from orderflow_bt.types import DAY_US, MarketType

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from orderflow_bt.types import TapeId

REGULAR = "regular"
_EPOCH = dt.date(1970, 1, 1)
_KEYS = ("exchange", "market", "symbol", "tier", "since", "maker", "taker")
_FIX = (
    'Write it as: [[fees]] market = "um", tier = "vip1", since = 2024-01-01, maker = 1.6, taker = 4'
)


class FeeChange(NamedTuple):
    """Rates that hold from ``time`` on, microseconds UTC."""

    time: int
    fees: Fees


@dataclass(frozen=True, slots=True)
class FeeRow:
    """Rates of a market, or of one symbol of it, for one tier, from a UTC day on.

    Attributes:
        symbol: Empty where they are those of every symbol.
        since: First day; None where they have always held.
    """

    exchange: str
    market: MarketType
    symbol: str
    tier: str
    since: dt.date | None
    fees: Fees


# What is known without being told: the regular user's rates of today, before discounts.
SHIPPED = tuple(
    FeeRow("binance", market, "", REGULAR, None, fees) for market, fees in DEFAULT_FEES.items()
)


def read_fee_rows(tables: Any, where: str) -> list[FeeRow]:
    """Rows of a configuration's ``[[fees]]``.

    Raises:
        UsageError: A table is not one of rates.
    """
    if not isinstance(tables, list):
        raise UsageError("fees are a list of tables", where=where, fix=_FIX)
    return [_read_row(table, f"{where}, [[fees]] {n}") for n, table in enumerate(tables, 1)]


def _read_row(table: Any, where: str) -> FeeRow:
    if not isinstance(table, dict):
        raise UsageError(f"{table!r} cannot be read as a row of fees", where=where, fix=_FIX)
    unknown = sorted(set(table) - set(_KEYS))
    absent = [key for key in ("market", "maker", "taker") if key not in table]
    if unknown or absent:
        what = f"unknown: {', '.join(unknown)}" if unknown else f"missing: {', '.join(absent)}"
        raise UsageError(f"a row of fees cannot be read ({what})", where=where, fix=_FIX)
    try:
        since = table.get("since")
        return FeeRow(
            exchange=str(table.get("exchange", "binance")),
            market=MarketType(table["market"]),
            symbol=str(table.get("symbol", "")).upper(),
            tier=str(table.get("tier", REGULAR)),
            since=None if since is None else dt.date.fromisoformat(str(since)),
            fees=Fees(_bps(table["maker"]), _bps(table["taker"])),
        )
    except (ValueError, InvalidOperation) as error:
        raise UsageError(f"a row of fees cannot be read: {error}", where=where, fix=_FIX) from None


def _bps(value: Any) -> Decimal:
    bps = Decimal(str(value))
    if not bps.is_finite():
        raise ValueError(f"{value} is not a number of basis points")
    return bps


def rates_of(
    rows: Iterable[FeeRow], tape: TapeId, tier: str, start: int
) -> tuple[Fees, tuple[FeeChange, ...]]:
    """The rates that hold at ``start``, and later changes of them.

    Where rows name the tape's symbol, only they count; else those of its market. Rows given here
    win over shipped ones, and of two rows of one day the later in order. Before the first dated row
    its rates hold too, where nothing else is known.

    Raises:
        UsageError: No rates of the tier are known.
    """
    own = [row for row in rows if (row.exchange, row.market) == (tape.exchange, tape.market)]
    own = [row for row in own if row.symbol in ("", tape.symbol)]
    named = [row for row in own if row.tier == tier]
    shipped = [row for row in SHIPPED if (row.exchange, row.market) == (tape.exchange, tape.market)]
    found = [row for row in named if row.symbol] or named
    found = [row for row in shipped if row.tier == tier] + found
    if not found:
        known = sorted({row.tier for row in (*own, *shipped)})
        raise UsageError(
            f"no fees of tier {tier!r} are known for {tape.symbol} ({tape.market.value})",
            where="--fee-tier",
            fix=f"Known: {', '.join(known)}. Add a [[fees]] table to orderflow-bt.toml, or give"
            " --fees MAKER,TAKER",
        )
    return _timeline(found, start)


def _timeline(rows: Sequence[FeeRow], start: int) -> tuple[Fees, tuple[FeeChange, ...]]:
    dated = {_time(row): row.fees for row in rows}  # of one day the last one stays
    times = sorted(dated)
    first = max((time for time in times if time <= start), default=times[0])
    changes = [FeeChange(time, dated[time]) for time in times if time > max(first, start)]
    return dated[first], tuple(changes)


def _time(row: FeeRow) -> int:
    return -1 if row.since is None else (row.since - _EPOCH).days * DAY_US
