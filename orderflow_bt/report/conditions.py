"""The run under other latencies and from later starts, as rows: what `run --grid` found."""

from __future__ import annotations

from typing import TYPE_CHECKING

from orderflow_bt.report import words
from orderflow_bt.report.attribution import Group, PartRow, mean_row, placed
from orderflow_bt.stats import money

if TYPE_CHECKING:
    from orderflow_bt.report.folder import Row

_MERGED_MS = 100  # of trades that a futures aggregate may hold


def condition_groups(metrics: Row, manifest: Row) -> list[Group]:
    """Rows of each latency and of each later start; none where the run had no grid."""
    grid = metrics.get("grid") or {}
    quote = manifest["instrument"]["currency"]
    groups = [
        Group("With this latency of every message", [
            _row(f"{row['ms']:,} ms" + (", this run" if row["is_run"] else ""), row, quote)
            for row in grid.get("latency", [])
        ]),
        Group("Begun later", [
            _row(
                f"{words.span(row['us'])} later; this run made "
                f"{money(row['same_net'], quote)} from then on", row, quote,
            )
            for row in grid.get("later", [])
        ]),
    ]  # fmt: skip
    return placed([group for group in groups if group.rows])


def _row(name: str, row: Row, quote: str) -> PartRow:
    return mean_row(name, row["round_trips"], row["net_pnl"], row["expectancy_interval"], quote)


def condition_notes(metrics: Row, manifest: Row) -> list[str]:
    """What to hold against the rows, in words."""
    latencies = (metrics.get("grid") or {}).get("latency", [])
    if not latencies:
        return []
    own = (
        "Each is a run of its own on the same tape: which trades an order meets, and what the "
        "strategy does next, may differ."
    )
    notes = [own]
    made = {row["net_pnl"] > 0 for row in latencies if row["round_trips"]}
    if len(made) > 1:
        notes.append("The sign of the result depends on the latency: know yours.")
    tape = manifest["tape"]
    if tape["market"] != "spot" and tape["kind"] == "aggTrades":
        notes.append(
            f"Aggregates of futures join trades of up to {_MERGED_MS} ms: rows faster than that "
            "are finer than the data, and look better than they would be."
        )
    return notes
