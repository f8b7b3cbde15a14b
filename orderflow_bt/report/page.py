"""Everything the page shows, as plain values: the template only lays it out."""

from __future__ import annotations

import datetime as dt
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from orderflow_bt.report import words
from orderflow_bt.report.again import command_line
from orderflow_bt.report.attribution import Group, attribution, zero_of
from orderflow_bt.report.conditions import condition_groups, condition_notes
from orderflow_bt.report.excursions import shortfall
from orderflow_bt.report.habits import MOST_DOTS
from orderflow_bt.report.honesty import coverage_notes, ends_notes, simulation_notes
from orderflow_bt.report.months import NAMES, YearRow, year_rows
from orderflow_bt.report.numbers import BarRow, NumberRow, bar_rows, number_groups, shortened
from orderflow_bt.report.sturdy import days_of, sturdy_rows
from orderflow_bt.report.trips import TripLines, trip_lines
from orderflow_bt.stats import money_digits
from orderflow_bt.stats.verdict import count

if TYPE_CHECKING:
    from orderflow_bt.report.folder import Row, RunFolder
    from orderflow_bt.report.shots import Shot


@dataclass(frozen=True, slots=True)
class Page:
    """One report."""

    title: str
    kicker: str
    doc: str
    simulated: str
    tone: str
    headline: str
    sentences: list[str]
    quote: str
    coin: bool
    numbers: list[tuple[str, list[NumberRow]]]
    money: list[BarRow]
    money_zero: float
    band: list[BarRow]
    band_zero: float
    parts: list[Group]
    parts_zero: float
    sturdy: list[BarRow]
    sturdy_zero: float
    conditions: list[Group]
    conditions_zero: float
    conditions_notes: list[str]
    months: tuple[str, ...]
    years: list[YearRow]
    equity: Shot | None
    liquidated: bool
    habits: Shot | None
    habits_note: str
    drift: Shot | None
    drift_words: list[str]
    entries: list[Shot]
    entries_note: str
    trips: TripLines
    next_step: str
    events: list[dict[str, Any]]
    skipped: list[tuple[str, str]]
    simulation_notes: list[str]
    coverage_notes: list[str]
    parameters: list[tuple[str, str]]
    run_facts: list[tuple[str, str]]
    data: list[dict[str, Any]]
    again: str


def make_page(
    run: RunFolder,
    equity: Shot | None,
    habits: Shot | None,
    entries: list[Shot],
    drift: tuple[Shot | None, list[str]] = (None, []),
) -> Page:
    """The view of a run; its pictures are made elsewhere."""
    manifest, metrics = run.manifest, run.metrics
    tape, strategy = manifest["tape"], manifest["strategy"]
    quote = manifest["instrument"]["currency"]
    trips = run.rows("round_trips")
    title = strategy.get("title") or strategy["name"]
    money, money_zero = money_rows(metrics, quote)
    band, band_zero = band_rows(metrics, manifest["simulation"]["fills"], quote)
    closed = trips.where("is_open", [False])
    sturdy, sturdy_zero = sturdy_rows(
        closed, metrics, reach_of(manifest["window"]), quote, days=days_of(run)
    )
    parts = attribution(run, closed)
    conditions = condition_groups(metrics, manifest)
    numbers = metrics | {"entry_shortfall": shortfall(closed, manifest["instrument"])}
    window = window_words(manifest["window"])
    return Page(
        title=f"{title}, {tape['symbol']}, {window}",
        kicker=f"{title} on {tape['symbol']} ({_market(tape)})"
        + (f", {manifest['bars']} bars" if manifest["bars"] else "")
        + f", {window} UTC",
        doc=" ".join(strategy.get("doc", "").split("\n\n")[0].split()),
        simulated=manifest.get("simulated_market") or "",
        tone=metrics["verdict"]["tone"],
        headline=metrics["verdict"]["headline"],
        sentences=list(metrics["verdict"]["sentences"]),
        quote=quote,
        coin=money_digits(quote) > 2,
        numbers=shortened(number_groups(numbers, quote)) if metrics["fills"] else [],
        money=money,
        money_zero=money_zero,
        band=band,
        band_zero=band_zero,
        parts=parts,
        parts_zero=zero_of(parts),
        sturdy=sturdy,
        sturdy_zero=sturdy_zero,
        conditions=conditions,
        conditions_zero=zero_of(conditions),
        conditions_notes=condition_notes(metrics, manifest),
        months=NAMES,
        years=year_rows(metrics.get("monthly", []), quote),
        equity=equity,
        liquidated=bool(metrics.get("liquidations")),
        habits=habits,
        habits_note=_dots_note(len(closed)),
        drift=drift[0],
        drift_words=drift[1],
        entries=entries,
        entries_note="All of them."
        if len(entries) == len(trips)
        else "The best, the worst and the median round trip, and others drawn at random.",
        trips=trip_lines(run),
        next_step=_next_step(run),
        events=_events(run),
        skipped=[(why, f"{n:,}") for why, n in sorted(metrics.get("skipped", {}).items())],
        simulation_notes=simulation_notes(manifest, metrics),
        coverage_notes=[*coverage_notes(metrics, trips, quote), *_ends(run)],
        parameters=[
            ("strategy", strategy["name"]),
            *((name, str(value)) for name, value in strategy["parameters"].items()),
        ],
        run_facts=_facts(manifest, metrics),
        again=command_line(
            manifest,
            has_gaps=_has_gaps(metrics.get("coverage", {})),
            has_grid="grid" in metrics,
        ),
        data=[day | {"rows": f"{day['rows']:,}"} for day in manifest["data"]],
    )


def _market(tape: Row) -> str:
    names = {"spot": "spot", "um": "USD-margined futures", "cm": "coin-margined futures"}
    exchange = str(tape["exchange"]).capitalize()
    return f"{exchange} {names.get(tape['market'], tape['market'])}"


def window_words(window: Row) -> str:
    """First and last day, both included; exact times where the window does not end on a day."""
    first, last = (_moment(window[name]) for name in ("from", "to"))
    if first.time() == last.time() == dt.time():
        final = last - dt.timedelta(days=1)
        return f"{first:%Y-%m-%d}" + (f" to {final:%Y-%m-%d}" if final > first else "")
    return f"{first:%Y-%m-%d %H:%M} to {last:%Y-%m-%d %H:%M}"


def _ends(run: RunFolder) -> list[str]:
    opens, closes = run.ints("bars", "open_time"), run.ints("bars", "close_time")
    traded = closes[run.ints("bars", "trades") > 0]
    if not traded.size:
        return []
    return ends_notes(int(opens[0]), int(traded[-1]), reach_of(run.manifest["window"]))


def reach_of(window: Row) -> tuple[int, int]:
    """First moment and end, microseconds UTC."""
    first, last = (int(_moment(window[name]).timestamp()) * 1_000_000 for name in ("from", "to"))
    return first, last


def _moment(text: str) -> dt.datetime:
    moment = dt.datetime.fromisoformat(text)
    return moment if moment.tzinfo else moment.replace(tzinfo=dt.UTC)


def money_rows(metrics: Row, quote: str) -> tuple[list[BarRow], float]:
    """What became of closed round trips' money, and where zero stands in percent."""
    if not metrics.get("round_trips"):
        return [], 0.0
    gross, fees = metrics["trips_gross_pnl"], metrics["trips_fees"]
    slippage = metrics.get("slippage") or 0.0
    funding = metrics.get("trips_funding") or 0.0
    values = [
        ("Before slippage", gross + slippage, "price moves as first quoted"),
        ("Slippage", -slippage, "beyond the inferred quote"),
        ("Gross", gross, "what the fills made"),
        ("Rebates", -fees, "paid by the exchange")
        if fees < 0
        else ("Fees", -fees, "paid to the exchange"),
        *([("Funding", funding, "between longs and shorts")] if funding else []),
        ("Net", metrics["trips_net_pnl"], "what was kept"),
    ]
    return bar_rows(values if slippage else values[2:], quote)


def band_rows(metrics: Row, chosen: str, quote: str) -> tuple[list[BarRow], float]:
    """The result under each fill policy, and where zero stands in percent."""
    band = metrics.get("band", {})
    if not any(entry["fills"] for entry in band.values()):
        return [], 0.0
    values = []
    for name in ("touch", "queue", "through"):
        if name in band:
            entry = band[name]
            trips = count(entry["round_trips"], "round trip")
            note = f"{trips}, {count(entry['fills'], 'fill')}"
            values.append((name, entry["net_pnl"], note + (", this run" * (name == chosen))))
    return bar_rows(values, quote)


def _dots_note(trips: int) -> str:
    """That a picture of very many round trips has a dot for some of them only."""
    if trips <= MOST_DOTS:
        return ""
    return (
        f"Dots are of about {MOST_DOTS:,} of the {trips:,}, evenly over time, the best and the "
        "worst among them; bars and lines are of all."
    )


def _next_step(run: RunFolder) -> str:
    if run.count("orders"):
        return "Look at orders.parquet for what became of the orders, then try a longer window."
    if run.count("events"):
        return "Events were seen and none was traded: the reasons stand below."
    return (
        "No event was seen either: try a longer window (--to), another symbol, or looser "
        "parameters (--param). The command orderflow-bt events shows what a detector sees."
    )


def _events(run: RunFolder) -> list[dict[str, Any]]:
    seen: Counter[tuple[str, str, int, str]] = Counter()
    ordered: Counter[tuple[str, str, int, str]] = Counter()
    names = ["detector", "kind", "direction", "state", "action"]
    for batch in run.rows("events").batches(names):
        groups = pa.Table.from_batches([batch]).group_by(names, use_threads=False)
        for row in groups.aggregate([([], "count_all")]).to_pylist():
            key = (row["detector"], row["kind"], row["direction"], row["state"])
            seen[key] += row["count_all"]
            ordered[key] += row["count_all"] * (row["action"] == "order")
    return [
        {
            "detector": key[0],
            "kind": key[1].replace("_", " "),
            "leaning": {1: "up", -1: "down"}.get(key[2], "either"),
            "state": key[3],
            "seen": f"{seen[key]:,}",
            "ordered": f"{ordered[key]:,}",
        }
        for key in sorted(seen)
    ]


def _has_gaps(coverage: Row) -> bool:
    """Whether days or trades are missing, which a run must be told to accept."""
    return bool(coverage.get("missing_days") or coverage.get("missing_ids"))


def _facts(manifest: Row, metrics: Row) -> list[tuple[str, str]]:
    simulation, code = manifest["simulation"], manifest["code"]
    unit = manifest["instrument"]
    tick = words.exact(unit["tick_size"], unit["price_decimals"])
    lot = words.exact(unit["lot_size"], unit["qty_decimals"])
    facts = [
        ("result hash", manifest["result_hash"]),
        ("version", code["version"]),
        ("kernels", code["kernels"]),
        ("strategy file", code["strategy_sha256"] or "not a file"),
        ("starting cash", f"{simulation['cash']} {unit['currency']}"),
        ("seed", str(simulation["seed"])),
        ("queue estimate", str(simulation["queue"])),
        ("tick, lot", f"{tick}, {lot} ({unit['source']})"),
        ("warm-up from", manifest["warmup"]["from"] or "none"),
        ("trades read", f"{metrics['trades_read']:,}"),
    ]
    setup = metrics.get("bootstrap", {}).get("trips")
    if setup:
        facts.append(
            ("resampling", f"{setup['reps']:,} draws, mean block {setup['block']:.2f} round trips")
        )
    return facts
