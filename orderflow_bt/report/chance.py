"""The table that puts a run beside chance."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from orderflow_bt.report import words
from orderflow_bt.stats import money_digits

if TYPE_CHECKING:
    from orderflow_bt.report.folder import Row

_NULLS = {
    "random_side": "the same entries, each side by a coin",
    "random_hour": "the same sides, at the same hour of other days",
    "random_time": "the same sides, at any moments, never two at once",
}


@dataclass(frozen=True, slots=True)
class ChanceRow:
    """What one kind of chance made.

    Attributes:
        name: In words.
        mean: Money, as printed.
        low: Lower end of 95 in 100 draws, empty where nothing is drawn.
        high: Upper end.
        reached: How many draws made at least as much as the strategy.
    """

    name: str
    mean: str
    low: str = ""
    high: str = ""
    reached: str = ""


def chance_rows(metrics: Row, quote: str) -> list[ChanceRow]:
    """The strategy first, then each null, then buying and holding; none without round trips."""
    chance = metrics.get("chance") or {}
    if not chance:
        return []
    digits = money_digits(quote)

    def money(value: float) -> str:
        return words.signed(value, digits)

    own = metrics["trips_gross_pnl"] - metrics["trips_fees"]
    rows = [ChanceRow("this run, before funding", money(own))]
    for key, name in _NULLS.items():
        null = chance[key]
        reached = words.percent(null["p_value"])
        rows.append(
            ChanceRow(name, money(null["mean"]), money(null["low"]), money(null["high"]), reached)
        )
    rows.append(ChanceRow("starting cash, bought and held", money(chance["buy_and_hold"]["mean"])))
    return rows
