"""Is it the signal? Each event's trades, each layer alone, and the same trading by chance."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from orderflow_bt.report import words
from orderflow_bt.stats import money_digits
from orderflow_bt.stats.luck import bootstrap, row_sum
from orderflow_bt.stats.verdict import MIN_TRIPS

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from orderflow_bt.report.folder import Row, Rows, RunFolder

_NULLS = {
    "random_side": "the same entries, each side by a coin",
    "random_hour": "the same sides, at the same hour of other days",
    "random_time": "the same sides, at any moments, never two at once",
}
_REPS = 2000
_NO_EVENT = "no event named"


@dataclass(frozen=True, slots=True)
class PartRow:
    """What a part of the signal made, or chance in its place; every number as printed.

    Attributes:
        name: In words.
        trips: Closed round trips.
        net: Money of all of them; of chance, of a draw on average.
        each: Money of one on average.
        in_r: Mean multiple of what its stop put at risk.
        low: Lower end of what 95 of 100 draws give.
        high: Upper end.
        reached: Share of chance's draws that made at least as much as the strategy.
    """

    name: str
    trips: str = ""
    net: str = ""
    each: str = ""
    in_r: str = ""
    low: str = ""
    high: str = ""
    reached: str = ""


@dataclass(frozen=True, slots=True)
class Group:
    """Rows under one heading."""

    title: str
    rows: list[PartRow]


def attribution(run: RunFolder, trips: Rows) -> list[Group]:
    """The run, its events, the variants its strategy names, and chance; none without round trips.

    Args:
        run: The run.
        trips: Its closed round trips.
    """
    if not trips:
        return []
    metrics, quote = run.metrics, run.manifest["instrument"]["currency"]
    whole = PartRow(
        "all round trips", f"{len(trips):,}",
        *_money(quote, metrics["trips_net_pnl"], metrics["trips_net_pnl"] / len(trips)),
        _r(metrics["expectancy_r"]), *_ends(metrics.get("trip_sum_interval"), len(trips), quote),
    )  # fmt: skip
    groups = [
        Group("This run", [whole]),
        Group("By the event behind the entry", _by_event(run, trips, quote)),
        Group("Variants of the strategy, on the same tape", _variants(metrics, quote)),
        Group("The same trading by chance, before funding", _by_chance(metrics, len(trips), quote)),
    ]
    return [group for group in groups if group.rows]


def _by_event(run: RunFolder, trips: Rows, quote: str) -> list[PartRow]:
    """Round trips by detector, kind and leaning of the event that their entry names."""
    of_event = trips.values("event_id").fill_null(-1).to_numpy()
    named = {row["id"]: event_name(row) for row in run.rows("events").where("id", set(of_event))}
    names = np.array([named.get(number, _NO_EVENT) for number in of_event.tolist()])
    found = sorted(set(names.tolist()))
    if found == [_NO_EVENT]:
        return []
    seed = run.manifest["simulation"]["seed"]
    net, in_r = trips.floats("net_pnl"), trips.floats("r_multiple")
    return [
        _part(name, net[own], in_r[own], quote, seed) for name in found for own in [names == name]
    ]


def event_name(event: Row) -> str:
    """``delta divergence, regular, leaning down``."""
    leaning = {1: ", leaning up", -1: ", leaning down"}.get(event["direction"], "")
    detector, kind = (str(event[part]).replace("_", " ") for part in ("detector", "kind"))
    return detector + (f", {kind}" if kind not in detector else "") + leaning


def _part(
    name: str, net: NDArray[np.float64], in_r: NDArray[np.float64], quote: str, seed: int
) -> PartRow:
    known = in_r[np.isfinite(in_r)].tolist()
    ends = None
    if net.size >= MIN_TRIPS:
        drawn = bootstrap(net, row_sum, seed=seed, reps=_REPS)
        ends = (drawn.low, drawn.high)
    return PartRow(
        name, f"{net.size:,}", *_money(quote, float(net.sum()), float(net.mean())),
        _r(sum(known) / len(known) if known else None), *_ends(ends, net.size, quote),
    )  # fmt: skip


def _variants(metrics: Row, quote: str) -> list[PartRow]:
    rows = []
    for name, entry in (metrics.get("comparisons") or {}).items():
        number = entry["round_trips"]
        each = entry["net_pnl"] / number if number else 0.0
        rows.append(
            PartRow(
                name, f"{number:,}", *_money(quote, entry["net_pnl"], each),
                _r(entry["expectancy_r"]),
            )
        )  # fmt: skip
    return rows


def _by_chance(metrics: Row, number: int, quote: str) -> list[PartRow]:
    chance = metrics.get("chance") or {}
    if not chance:
        return []
    own = metrics["trips_gross_pnl"] - metrics["trips_fees"]
    rows = [PartRow("this run", f"{number:,}", *_money(quote, own, own / number))]
    for key, name in _NULLS.items():
        null = chance[key]
        made = _money(quote, null["mean"], null["mean"] / number)
        if key == "random_hour" and metrics["days"] <= 1:
            rows.append(PartRow(name, high="the window has no other day"))
            continue
        ends = _money(quote, null["low"], null["high"])
        reached = words.percent(null["p_value"])
        rows.append(PartRow(name, f"{number:,}", *made, "", *ends, reached))
    held = chance["buy_and_hold"]["mean"]
    rows.append(
        PartRow("starting cash, bought and held", "", words.signed(held, money_digits(quote)))
    )
    return rows


def _money(quote: str, first: float, second: float) -> tuple[str, str]:
    digits = money_digits(quote)
    return words.signed(first, digits), words.signed(second, digits)


def _r(value: float | None) -> str:
    return "" if value is None else words.signed(value)


def _ends(ends: Sequence[float] | None, number: int, quote: str) -> tuple[str, str]:
    if ends is None or number < MIN_TRIPS:
        return "", "too few"
    return _money(quote, ends[0], ends[1])
