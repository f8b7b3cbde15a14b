"""Several runs side by side on one page, with a word on choosing the best of them."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from orderflow_bt.report.build import environment, style_sheet, tone_colour, write_whole
from orderflow_bt.report.curves import Curve, draw_curves
from orderflow_bt.report.folder import RunFolder, failure_of, read_run
from orderflow_bt.report.numbers import number_groups
from orderflow_bt.report.page import Page, make_page
from orderflow_bt.report.shots import Shot, shoot
from orderflow_bt.report.theme import palette
from orderflow_bt.stats import money
from orderflow_bt.stats.metrics import DAYS_PER_YEAR
from orderflow_bt.stats.tries import expected_max_sharpe
from orderflow_bt.stats.verdict import MIN_TRIPS

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from orderflow_bt.report.theme import Theme

TONES = {
    "no_trades": "no trades",
    "ruin": "the account was lost",
    "too_few": "too few to judge",
    "fragile": "depends on fills",
    "luck": "could be luck",
    "loss": "a loss",
    "edge": "more than luck",
}


@dataclass(frozen=True, slots=True)
class ComparedRun:
    """A run with its number in the comparison."""

    number: int
    run: RunFolder
    page: Page

    @property
    def tone(self) -> str:
        """Name of its verdict's colour."""
        return tone_colour(self.page.tone)


def compare(run_dirs: Sequence[Path], out: Path, palette_name: str = "default") -> Path:
    """Write one page with the numbers of several runs in columns.

    Args:
        run_dirs: Run folders, in the order of the columns. Those of runs that failed get no column
            and are named above the table, as long as one is whole.
        out: File to write.
        palette_name: ``default`` or ``colour-blind``.

    Returns:
        Path of the page.

    Raises:
        UsageError: A folder is not a run folder, or there is no such palette.
        OrderflowError: A file of a run cannot be read.
    """
    dark, light = palette(palette_name)
    runs = []
    failed = {folder: why for folder in run_dirs if (why := failure_of(folder))}
    whole = [folder for folder in run_dirs if folder not in failed] or run_dirs
    for number, folder in enumerate(whole, start=1):
        run = read_run(folder)
        runs.append(ComparedRun(number, run, make_page(run, None, None, [])))
    html = (
        environment()
        .get_template("comparison.html.j2")
        .render(
            runs=runs,
            differences=_differences(runs),
            rows=_rows(runs),
            curves=_curves(runs, dark, light),
            notes=[
                *(
                    f"Not in the table: {path.name}. Its run failed: {why}."
                    for path, why in failed.items()
                ),
                *_notes(runs),
            ],
            css=style_sheet(dark, light, "luck"),
        )
    )
    out.parent.mkdir(parents=True, exist_ok=True)
    write_whole(out, html.encode())
    return out


_ALWAYS = ("Strategy", "Symbol")
_ASSUMED = {
    "fills": "Fill policy", "queue": "Queue estimate", "latency_ms": "Latency, ms",
    "maker_bps": "Maker fee, bp", "taker_bps": "Taker fee, bp", "slippage_ticks": "Slippage, ticks",
    "reference": "Takers pay", "gap_policy": "Where trades are missing", "end": "Open at the end",
    "cash": "Starting cash", "leverage": "Leverage", "margin": "Margin", "seed": "Seed",
    "trigger_on": "Stops wait for", "liquidate_on": "Liquidated by",
}  # fmt: skip


def _differences(runs: list[ComparedRun]) -> list[tuple[str, list[str]]]:
    """What went into the runs and is not the same in all: tape, window, parameters, assumptions.

    A parameter that only some of them have is told where these differ in it.
    """
    told: list[dict[str, str]] = []
    for one in runs:
        manifest = one.run.manifest
        assumed = manifest["simulation"]
        told.append(
            {"Strategy": manifest["strategy"]["name"], "Symbol": manifest["tape"]["symbol"]}
            | {"Market": manifest["tape"]["market"], "Trades of": manifest["tape"]["kind"]}
            | {"From": manifest["window"]["from"][:16], "To": manifest["window"]["to"][:16]}
            | {name: _one_value(v) for name, v in manifest["strategy"]["parameters"].items()}
            | {name: _one_value(assumed[key]) for key, name in _ASSUMED.items() if key in assumed}
        )
    names = list(dict.fromkeys(name for cells in told for name in cells))
    rows = [(name, [cells.get(name, "") for cells in told]) for name in names]
    return [row for row in rows if row[0] in _ALWAYS or len(set(filter(None, row[1]))) > 1]


def _one_value(value: Any) -> str:
    if isinstance(value, dict):  # the legs of latency
        return " / ".join(dict.fromkeys(f"{part:g}" for part in value.values()))
    return str(value) or "none"


def _curves(runs: list[ComparedRun], dark: Theme, light: Theme) -> Shot | None:
    """Their equity in one picture, where there is one to draw."""
    made = []
    for one in runs:
        time, cash = one.run.ints("equity", "time"), float(one.run.manifest["simulation"]["cash"])
        if time.size:
            percent = 100 * (one.run.floats("equity", "equity") / cash - 1)
            made.append(Curve(f"{one.number}", time, percent))
    if not made:
        return None
    themes = dark, light
    return shoot(lambda theme: draw_curves(made, theme), themes, "Equity of the runs", lines=True)


def _rows(runs: list[ComparedRun]) -> list[tuple[str, list[str]]]:
    printed: list[dict[str, str]] = []
    for one in runs:
        quote = one.page.quote
        cells = {
            "Verdict": TONES[one.run.metrics["verdict"]["tone"]],
            "Closed": f"{one.run.metrics['round_trips']:,}",
            "Net result": _unbroken(money(one.run.metrics["net_pnl"], quote)),
            "95 of 100 resamples of the sum": _interval(one.run.metrics, quote),
            "Under touch": _policy(one.run.metrics, "touch", quote),
            "Under queue": _policy(one.run.metrics, "queue", quote),
            "Under through": _policy(one.run.metrics, "through", quote),
        }
        for _, rows in number_groups(one.run.metrics, quote):
            cells |= {row.name: _unbroken(row.whole + row.rest) for row in rows}
        printed.append(cells | {"Result hash": one.run.manifest["result_hash"][:12]})
    names = list(dict.fromkeys(name for cells in printed for name in cells))
    return [(name, [cells.get(name, "n/a") for cells in printed]) for name in names]


def _interval(metrics: dict[str, Any], quote: str) -> str:
    interval = metrics.get("trip_sum_interval")
    if interval is None or metrics.get("round_trips", 0) < MIN_TRIPS:
        return "too few"
    return " to ".join(_unbroken(money(end, quote)) for end in interval)


def _unbroken(text: str) -> str:
    return text.replace(" ", "\u00a0")


def _policy(metrics: dict[str, Any], name: str, quote: str) -> str:
    entry = metrics.get("band", {}).get(name)
    return "n/a" if entry is None else _unbroken(money(entry["net_pnl"], quote))


def _notes(runs: list[ComparedRun]) -> list[str]:
    """What makes the runs hard to compare, and what choosing among them costs."""
    notes = []
    if any(one.page.simulated for one in runs):
        notes.append("At least one of these runs is on a simulated market.")
    windows = {(r.run.manifest["window"]["from"], r.run.manifest["window"]["to"]) for r in runs}
    tapes = {tuple(sorted(one.run.manifest["tape"].items())) for one in runs}
    if len(windows) > 1 or len(tapes) > 1:
        notes.append("The runs do not cover the same tape and window: compare them with care.")
    days = min(one.run.metrics["days"] for one in runs)
    if len(windows) == 1 and len(runs) > 1 and days >= 1:
        best = expected_max_sharpe(len(runs), 1.0) * math.sqrt(DAYS_PER_YEAR / days)
        notes.append(
            f"Choosing the best of {len(runs)}: that many useless variants, independent of each "
            f"other, show a best Sharpe ratio near {best:.1f} over {days:g} days by luck alone."
        )
    return notes
