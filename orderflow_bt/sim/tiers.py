"""Maintenance margin by size of the position: tiers, with the days from which they hold."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal, InvalidOperation
from enum import StrEnum
from fractions import Fraction
from typing import TYPE_CHECKING, Any, NamedTuple

from orderflow_bt.errors import UsageError
from orderflow_bt.types import DAY_US, MarketType

if TYPE_CHECKING:
    from orderflow_bt.types import TapeId

_EPOCH = dt.date(1970, 1, 1)
_KEYS = ("exchange", "market", "symbol", "since", "tiers")
_FIX = 'Write it as: [[margin]] market = "um", symbol = "BTCUSDT", tiers = [[50000, 0.4], [0, 0.5]]'


class MarginMode(StrEnum):
    """What backs a position."""

    CROSS = "cross"  # the whole account
    ISOLATED = "isolated"  # what was set aside when it was opened: its value / leverage


class Tier(NamedTuple):
    """Positions up to a value (None: any) need this share of it as maintenance margin."""

    up_to: Decimal | None
    rate: Decimal


class TierTable(NamedTuple):
    """Tiers from a time on, microseconds UTC; the smallest first, the last without end."""

    time: int
    tiers: tuple[Tier, ...]


class Bracket(NamedTuple):
    """A tier ready for arithmetic: maintenance is ``rate x value - cum`` for its values."""

    above: Fraction
    up_to: Fraction | None
    rate: Fraction
    cum: Fraction

    def holds(self, value: Fraction) -> bool:
        """Whether a position of this value is in it."""
        return self.above <= value and (self.up_to is None or value <= self.up_to)


def _table(*tiers: tuple[int | None, str]) -> TierTable:
    return TierTable(
        0, tuple(Tier(None if n is None else Decimal(n), Decimal(r)) for n, r in tiers)
    )


# Values in USD. The first is of the two deepest markets, the second is careful with any other.
_DEEP = _table(
    (50_000, "0.004"), (500_000, "0.005"), (3_000_000, "0.0065"), (12_000_000, "0.01"),
    (70_000_000, "0.02"), (100_000_000, "0.025"), (230_000_000, "0.05"), (480_000_000, "0.1"),
    (600_000_000, "0.125"), (800_000_000, "0.15"), (1_200_000_000, "0.25"), (None, "0.5"),
)  # fmt: skip
_OTHER = _table(
    (5_000, "0.01"), (25_000, "0.015"), (100_000, "0.025"), (250_000, "0.05"), (1_000_000, "0.1"),
    (2_000_000, "0.125"), (5_000_000, "0.25"), (None, "0.5"),
)  # fmt: skip


def shipped_tiers(symbol: str) -> TierTable:
    """The tiers of a symbol unless it is told otherwise."""
    return _DEEP if symbol.startswith(("BTCUSD", "ETHUSD")) else _OTHER


def brackets_of(table: TierTable) -> tuple[Bracket, ...]:
    """Tiers with the amounts that make the maintenance margin continuous."""
    brackets: list[Bracket] = []
    above = cum = rate = Fraction(0)
    for tier in table.tiers:
        cum += above * (Fraction(tier.rate) - rate)
        rate = Fraction(tier.rate)
        up_to = None if tier.up_to is None else Fraction(tier.up_to)
        brackets.append(Bracket(above, up_to, rate, cum))
        above = up_to if up_to is not None else above
    return tuple(brackets)


def read_tiers(tables: Any, tape: TapeId, where: str) -> tuple[TierTable, ...]:
    """The tables of a configuration's ``[[margin]]`` that are a tape's, behind the shipped one.

    Where some name the symbol, only they count.

    Raises:
        UsageError: One cannot be read.
    """
    if not isinstance(tables, list):
        raise UsageError("margin is a list of tables", where=where, fix=_FIX)
    rows = [_read(table, f"{where}, [[margin]] {n}") for n, table in enumerate(tables, 1)]
    mine = [
        (symbol, tiers)
        for exchange, market, symbol, tiers in rows
        if (exchange, market) == (tape.exchange, tape.market.value) and symbol in ("", tape.symbol)
    ]
    chosen = [tiers for symbol, tiers in mine if symbol] or [tiers for _, tiers in mine]
    dated = {table.time: table for table in (shipped_tiers(tape.symbol), *chosen)}
    return tuple(dated[time] for time in sorted(dated))


def _read(table: Any, where: str) -> tuple[str, str, str, TierTable]:
    try:
        unknown = set(table) - set(_KEYS)
        if unknown:
            raise UsageError(f"unknown in [[margin]]: {', '.join(unknown)}", where=where, fix=_FIX)
        since = table.get("since")
        time = 0
        if since is not None:
            time = (dt.date.fromisoformat(str(since)) - _EPOCH).days * DAY_US
        pairs = [(Decimal(str(up_to)), Decimal(str(rate))) for up_to, rate in table["tiers"]]
        last = len(pairs) - 1
        tiers = tuple(
            Tier(None if n == last else up_to, rate / 100) for n, (up_to, rate) in enumerate(pairs)
        )
        market = MarketType(table["market"]).value
    except (KeyError, TypeError, ValueError, InvalidOperation) as error:
        what = f"{type(error).__name__}: {error}"
        raise UsageError(
            f"a [[margin]] table cannot be read ({what})", where=where, fix=_FIX
        ) from None
    sizes = [tier.up_to for tier in tiers if tier.up_to is not None]
    rates = [tier.rate for tier in tiers]
    rise = sizes == sorted(set(sizes)) and rates == sorted(rates)
    if not rates or not rise or not 0 < rates[0] <= rates[-1] < 1:
        raise UsageError(
            "tiers rise in size and in rate, and rates are percent between 0 and 100",
            where=where,
            fix=_FIX,
        )
    exchange, symbol = str(table.get("exchange", "binance")), str(table.get("symbol", "")).upper()
    return exchange, market, symbol, TierTable(time, tiers)
