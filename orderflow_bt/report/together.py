"""Is it the signal, of a portfolio? Each symbol and event, and days drawn for all alike."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from orderflow_bt.report import words
from orderflow_bt.report.attribution import (
    Group,
    PartRow,
    by_name,
    mean_row,
    names_of,
    part_row,
    placed,
)
from orderflow_bt.stats import money_digits
from orderflow_bt.stats.parts import LEAST_DAYS
from orderflow_bt.stats.verdict import MIN_TRIPS

if TYPE_CHECKING:
    from collections.abc import Mapping

    from orderflow_bt.report.folder import Row, Rows, RunFolder

_DAY_NULLS = {
    "day_side": "the same entries, all sides of a day kept or turned",
    "day_moved": "the same sides, all of a day moved to other days",
}


def portfolio_groups(
    metrics: Row, runs: Mapping[str, RunFolder], trips: Mapping[str, Rows], quote: str
) -> list[Group]:
    """The whole account, each symbol and each event of all symbols, and chance.

    Args:
        metrics: Of the whole.
        runs: By symbol.
        trips: Closed round trips by symbol.
        quote: Currency of the money.
    """
    number = metrics["round_trips"]
    if not number:
        return []
    seed = next(iter(runs.values())).manifest["simulation"]["seed"]
    ends = metrics.get("trip_mean_interval") if number >= MIN_TRIPS else None
    net, in_r = (
        {symbol: rows.floats(name) for symbol, rows in trips.items()}
        for name in ("net_pnl", "r_multiple")
    )
    names = np.concatenate([names_of(run, trips[symbol]) for symbol, run in runs.items()])
    all_net, all_r = (np.concatenate([part[symbol] for symbol in runs]) for part in (net, in_r))
    groups = [
        Group("The whole", [mean_row(
            "all round trips", number, metrics["trips_net_pnl"], ends, quote,
            in_r=metrics["expectancy_r"],
        )]),
        Group("By symbol", [part_row(one, net[one], in_r[one], quote, seed) for one in runs]),
        Group("By the event behind the entry", by_name(names, all_net, all_r, quote, seed)),
        Group("The same trading by chance, before funding", _by_day(metrics, quote)),
    ]  # fmt: skip
    return placed([group for group in groups if group.rows])


def _by_day(metrics: Row, quote: str) -> list[PartRow]:
    chance, number = metrics.get("chance") or {}, metrics["round_trips"]
    if not chance:
        return []
    rows = [mean_row("this portfolio", number, chance["net"], None, quote, few="")]
    for key, name in _DAY_NULLS.items():
        null = chance[key]
        if metrics["days"] < LEAST_DAYS:
            few = f"needs {LEAST_DAYS} days to draw from, has {metrics['days']:g}"
            rows.append(PartRow(name, low=few))
            continue
        ends = (null["low"] / number, null["high"] / number)
        reached = words.percent(null["p_value"])
        rows.append(mean_row(name, number, null["mean"], ends, quote, reached=reached))
    held = words.signed(chance["buy_and_hold"]["mean"], money_digits(quote))
    return [*rows, PartRow("starting cash, held in equal parts of each symbol", "", held)]
