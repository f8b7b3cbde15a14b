"""What a tape trades in, from the stored days and the rules that are known."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING

from orderflow_bt import hints
from orderflow_bt.errors import LakeError
from orderflow_bt.instruments import Instrument, contract_usd
from orderflow_bt.store.rules import known_rules, rules_on

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Sequence

    from orderflow_bt.store.lake import Lake
    from orderflow_bt.store.schema import DayInfo
    from orderflow_bt.types import TapeId


def resolve_instrument(
    lake: Lake, tape: TapeId, dates: Sequence[dt.date], stored: Sequence[DayInfo] | None = None
) -> Instrument:
    """The instrument of a tape over a window.

    Units are the finest over *all* stored days, so that where a window begins does not change
    them. Tick and lot are the exchange's dated rules where they are known on the first day (of an
    imported and a shipped rule of the same date, the imported one), else the largest powers of ten
    that the stored days' trades show (for the tick, at least 99.9 % of every day's prices are
    multiples of it).

    Args:
        lake: Where the days are stored.
        tape: Whose.
        dates: The window's days; the first one decides which rules hold.
        stored: What every stored day of it says, where that is known.

    Raises:
        LakeError: No day of the tape is stored.
        UnsupportedError: The exchange counts contracts whose size is not known.
    """
    days = lake.days(tape) if stored is None else stored
    if not days:
        raise LakeError(
            f"no day of {tape} is in the lake",
            where=str(lake.root),
            fix=hints.download(tape),
        )
    first = min(dates, default=days[0].date)
    known = known_rules(lake, tape.exchange, tape.market, tape.symbol)
    rules, source = rules_on(known, first) or (None, "inferred")
    price_decimals = max(day.price_decimals for day in days)
    qty_decimals = max(day.qty_decimals for day in days)
    if rules is None:
        tick = Decimal(1).scaleb(-max(day.tick_decimals for day in days))
        lot = Decimal(1).scaleb(-qty_decimals)
    else:
        tick, lot = Decimal(rules.tick), Decimal(rules.lot)
    # A rule may be finer than any stored trade has needed.
    for date in [first, *(day.date for day in days)]:
        if dated := rules_on(known, date):
            price_decimals = max(price_decimals, decimals_of(Decimal(dated[0].tick)))
            qty_decimals = max(qty_decimals, decimals_of(Decimal(dated[0].lot)))
    return Instrument(
        exchange=tape.exchange,
        market=tape.market,
        symbol=tape.symbol,
        price_decimals=price_decimals,
        qty_decimals=qty_decimals,
        tick_size=int(tick.scaleb(price_decimals)),
        lot_size=int(lot.scaleb(qty_decimals)),
        min_notional=Decimal(0) if rules is None else Decimal(rules.min_notional),
        contract_usd=contract_usd(tape.exchange, tape.market, tape.symbol),
        source=source,
    )


def decimals_of(step: Decimal) -> int:
    """Digits after the point that a step needs."""
    exponent = step.normalize().as_tuple().exponent
    return max(0, -int(exponent))
