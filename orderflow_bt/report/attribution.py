"""Is it the signal? Each event's trades, each layer alone, and the same trading by chance."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from orderflow_bt.report import words
from orderflow_bt.stats import money_digits
from orderflow_bt.stats.parts import Results, expectancy_of
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
_NO_EVENT = "no event named"


@dataclass(frozen=True, slots=True)
class PartRow:
    """What a part of the signal made, or chance in its place; every number as printed.

    Attributes:
        name: In words.
        trips: Closed round trips.
        net: Money of all of them; of chance, of a draw on average.
        each: Money of one on average.
        low: Lower end of what 95 of 100 draws give for that, or why there is none.
        high: Upper end.
        in_r: Mean multiple of what its stop put at risk.
        reached: Share of chance's draws that made at least as much as the strategy.
        value: Money of one on average, where it is drawn.
        ends: Its ends, where they are drawn.
        dot: Place of ``value`` in percent of the track's width.
        left: Where the line between its ends begins, in percent.
        width: How long that is.
    """

    name: str
    trips: str = ""
    net: str = ""
    each: str = ""
    low: str = ""
    high: str = ""
    in_r: str = ""
    reached: str = ""
    value: float | None = None
    ends: tuple[float, float] | None = None
    dot: float = 0.0
    left: float = 0.0
    width: float = 0.0


@dataclass(frozen=True, slots=True)
class Group:
    """Rows under one heading."""

    title: str
    rows: list[PartRow]


def attribution(run: RunFolder, trips: Rows) -> list[Group]:
    """The run, its events, its variants, what it adds, and chance; nothing without round trips.

    Args:
        run: The run.
        trips: Its closed round trips.
    """
    if not trips:
        return []
    metrics, quote = run.metrics, run.manifest["instrument"]["currency"]
    ends = metrics.get("trip_mean_interval") if len(trips) >= MIN_TRIPS else None
    groups = [
        Group("This run", [mean_row(
            "all round trips", len(trips), metrics["trips_net_pnl"], ends, quote,
            in_r=metrics["expectancy_r"],
        )]),
        Group("By the event behind the entry", _by_event(run, trips, quote)),
        Group("Variants of the strategy, on the same tape", _variants(metrics, quote)),
        Group("What this run adds, a round trip", _added(metrics, quote)),
        Group("The same trading by chance, before funding", _by_chance(metrics, len(trips), quote)),
    ]  # fmt: skip
    return placed([group for group in groups if group.rows])


def placed(groups: list[Group]) -> list[Group]:
    """The same with every mean and its interval on one scale, zero in it."""
    low, high = _reach(groups)

    def at(value: float) -> float:
        return _place(value, low, high)

    def on_scale(row: PartRow) -> PartRow:
        if row.value is None:
            return row
        first, last = row.ends or (row.value, row.value)
        width = round(at(last) - at(first), 2)
        return replace(row, dot=at(row.value), left=at(first), width=width)

    return [Group(group.title, [on_scale(row) for row in group.rows]) for group in groups]


def zero_of(groups: list[Group]) -> float:
    """Where zero stands on the scale of `placed`, in percent."""
    return _place(0.0, *_reach(groups))


def _reach(groups: list[Group]) -> tuple[float, float]:
    """Least and most that is drawn, zero between them."""
    rows = [row for group in groups for row in group.rows]
    drawn = [at for row in rows for at in (row.value, *(row.ends or ())) if at is not None]
    return min(0.0, *drawn, 0.0), max(0.0, *drawn, 0.0)


def _place(value: float, low: float, high: float) -> float:
    """In percent of the track; a dot at either end is still whole."""
    return round(2 + 96 * (value - low) / ((high - low) or 1.0), 2)


def mean_row(
    name: str, number: int, net: float, ends: Sequence[float] | None, quote: str, *,
    in_r: float | None = None, reached: str = "", few: str = "too few",
) -> PartRow:  # fmt: skip
    """A row of so many round trips that made ``net``; ``ends`` are those of one on average."""
    if not number:
        return PartRow(name, "0", low="none")
    each = net / number
    return PartRow(
        name, f"{number:,}", *_money(quote, net, each), *_ends(ends, quote, few),
        "" if in_r is None else words.signed(in_r), reached,
        value=each, ends=(ends[0], ends[1]) if ends else None,
    )  # fmt: skip


def _by_event(run: RunFolder, trips: Rows, quote: str) -> list[PartRow]:
    """Round trips by detector, kind and leaning of the event that their entry names."""
    values = (trips.floats("net_pnl"), trips.floats("r_multiple"))
    return by_name(names_of(run, trips), *values, quote, run.manifest["simulation"]["seed"])


def names_of(run: RunFolder, trips: Rows) -> NDArray[np.str_]:
    """The event behind each entry, in words."""
    of_event = trips.values("event_id").fill_null(-1).to_numpy()
    named = {row["id"]: event_name(row) for row in run.rows("events").where("id", set(of_event))}
    return np.array([named.get(number, _NO_EVENT) for number in of_event.tolist()], np.str_)


def by_name(
    names: NDArray[np.str_], net: NDArray[np.float64], in_r: NDArray[np.float64], quote: str,
    seed: int,
) -> list[PartRow]:  # fmt: skip
    """A row of the results of each name; none where no result has one."""
    found = sorted(set(names.tolist()))
    if found == [_NO_EVENT]:
        return []
    return [
        part_row(name, net[own], in_r[own], quote, seed)
        for name in found
        for own in [names == name]
    ]


def event_name(event: Row) -> str:
    """``delta divergence, regular, leaning down``."""
    leaning = {1: ", leaning up", -1: ", leaning down"}.get(event["direction"], "")
    detector, kind = (str(event[part]).replace("_", " ") for part in ("detector", "kind"))
    return detector + (f", {kind}" if kind not in detector else "") + leaning


def part_row(
    name: str, net: NDArray[np.float64], in_r: NDArray[np.float64], quote: str, seed: int
) -> PartRow:
    """A row of some results, with the interval of their mean."""
    part = Results(net, in_r, np.zeros(net.size, np.int64))
    found = expectancy_of(part, seed=seed)
    ends = found["expectancy_interval"]
    return mean_row(name, net.size, float(net.sum()), ends, quote, in_r=found["expectancy_r"])


def _variants(metrics: Row, quote: str) -> list[PartRow]:
    rows = []
    for name, entry in (metrics.get("comparisons") or {}).items():
        number, mean = entry["round_trips"], entry.get("expectancy")
        net = entry["net_pnl"] if mean is None else mean * number
        ends = entry.get("expectancy_interval")
        rows.append(mean_row(name, number, net, ends, quote, in_r=entry["expectancy_r"]))
    return rows


def _added(metrics: Row, quote: str) -> list[PartRow]:
    """What a round trip of the run makes beyond one of each variant, and beyond chance's."""
    rows = []
    for name, entry in (metrics.get("comparisons") or {}).items():
        adds = entry.get("adds") or {}
        if adds.get("mean") is not None:
            ends = None if adds["low"] is None else (adds["low"], adds["high"])
            rows.append(_difference(f"beyond {name}", adds["mean"], ends, quote, adds["why"]))
    chance = metrics.get("chance") or {}
    if chance and metrics["days"] > 1 and metrics["round_trips"] >= MIN_TRIPS:
        number, null = metrics["round_trips"], chance["random_hour"]
        own = metrics["trips_gross_pnl"] - metrics["trips_fees"]
        mean, low, high = ((own - null[end]) / number for end in ("mean", "high", "low"))
        rows.append(_difference("beyond the same hour of other days", mean, (low, high), quote))
    return rows


def _difference(
    name: str, mean: float, ends: tuple[float, float] | None, quote: str, why: str = ""
) -> PartRow:
    printed = words.signed(mean, money_digits(quote))
    return PartRow(name, "", "", printed, *_ends(ends, quote, why), value=mean, ends=ends)


def _by_chance(metrics: Row, number: int, quote: str) -> list[PartRow]:
    chance = metrics.get("chance") or {}
    if not chance:
        return []
    own = metrics["trips_gross_pnl"] - metrics["trips_fees"]
    rows = [mean_row("this run", number, own, None, quote, few="")]
    for key, name in _NULLS.items():
        null = chance[key]
        if key == "random_hour" and metrics["days"] <= 1:
            rows.append(mean_row(name, number, null["mean"], None, quote, few="no other day"))
            continue
        ends = (null["low"] / number, null["high"] / number)
        reached = words.percent(null["p_value"])
        rows.append(mean_row(name, number, null["mean"], ends, quote, reached=reached))
    held = chance["buy_and_hold"]["mean"]
    rows.append(
        PartRow("starting cash, bought and held", "", words.signed(held, money_digits(quote)))
    )
    return rows


def _money(quote: str, first: float, second: float) -> tuple[str, str]:
    digits = money_digits(quote)
    return words.signed(first, digits), words.signed(second, digits)


def _ends(ends: Sequence[float] | None, quote: str, few: str) -> tuple[str, str]:
    return (few, "") if ends is None else _money(quote, ends[0], ends[1])
