"""Writes a run's figures and its one-file report, from the folder alone: same in, same bytes."""

from __future__ import annotations

import base64
import datetime as dt
import hashlib
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from orderflow_bt.heap import give_back
from orderflow_bt.parts import clear, held, part_of
from orderflow_bt.report.drift import Days, draw_drift, drift_words, tracks_of
from orderflow_bt.report.entries import entries
from orderflow_bt.report.equity import draw_equity
from orderflow_bt.report.folder import RunFolder, read_run
from orderflow_bt.report.footprint import draw_plan
from orderflow_bt.report.habits import LEAST, draw_habits
from orderflow_bt.report.page import make_page, reach_of
from orderflow_bt.report.shots import Shot, shoot
from orderflow_bt.report.theme import Theme, mix, palette
from orderflow_bt.types import DAY_US, SECOND_US

if TYPE_CHECKING:
    from collections.abc import Iterable

    from numpy.typing import NDArray

    from orderflow_bt.report.rows import Columns

_AT_ONCE = 1 << 12  # parts of a page
_TONES = {"edge": "buy", "loss": "sell", "ruin": "sell", "no_trades": "muted"}


def build(run_dir: Path, palette_name: str = "default") -> Path:
    """Write ``figures/*.png`` and ``report.html`` into a run folder.

    Args:
        run_dir: A run folder.
        palette_name: ``default`` or ``colour-blind``.

    Returns:
        Path of the report.

    Raises:
        UsageError: Not a run folder, or no such palette.
        OrderflowError: A file of the run cannot be read.
    """
    themes = palette(palette_name)
    run = read_run(run_dir)
    figures: dict[str, bytes] = {}
    give_back()  # what the backtest left
    equity = _equity_shot(run, themes, figures)
    give_back()
    habits = _habits_shot(run, themes, figures)
    give_back()
    drift = _drift(run, themes, figures)
    give_back()
    shots = _entry_shots(run, themes, figures)
    give_back()
    page = make_page(run, equity, habits, shots, drift)
    html = (
        environment()
        .get_template("report.html.j2")
        .stream(page=page, css=style_sheet(*themes, page.tone), **_script())
    )
    html.enable_buffering(_AT_ONCE)
    folder = run_dir / "figures"
    folder.mkdir(exist_ok=True)
    for name, content in figures.items():
        write_whole(folder / name, content)
    for stale in sorted(folder.glob("*-*.png")):
        if stale.name not in figures:
            stale.unlink()
    report = run_dir / "report.html"
    write_whole(report, (text.encode() for text in html))
    return report


def _script() -> dict[str, Markup]:
    """The page's one script, and the hash by which its policy lets it run."""
    text = (Path(__file__).parent / "templates" / "sort.js").read_text(encoding="utf-8")
    digest = base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
    return {"script": Markup(text), "script_hash": Markup(f"sha256-{digest}")}  # noqa: S704 - ours


def environment() -> Environment:
    """The templates, escaping all text and refusing names that are not there."""
    return Environment(
        loader=PackageLoader("orderflow_bt.report"), autoescape=True, undefined=StrictUndefined
    )


def write_whole(path: Path, content: bytes | Iterable[bytes]) -> None:
    """The whole file or the one that was there before; never a part.

    Args:
        path: The file.
        content: All of it, or one piece after the other.
    """
    part = part_of(path)
    clear(path.parent)
    try:
        with part.open("wb") as file, held(part):
            file.writelines([content] if isinstance(content, bytes) else content)
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)


def _equity_shot(
    run: RunFolder, themes: tuple[Theme, Theme], figures: dict[str, bytes]
) -> Shot | None:
    time = run.ints("equity", "time")
    if not time.size or not run.metrics["fills"]:
        return None
    quote = run.manifest["instrument"]["currency"]
    ended = run.rows("round_trips").where("exit_role", ["liquidation"]).ints("exit_time")
    equity, held = run.floats("equity", "equity"), held_share(run)
    return shoot(
        lambda theme: draw_equity(
            time,
            equity,
            theme,
            start_cash=float(run.manifest["simulation"]["cash"]),
            quote=quote,
            holes=holes_of(run.metrics.get("coverage", {}).get("missing_days", [])),
            held=held,
            window=reach_of(run.manifest["window"]),
            liquidated=ended,
        ),
        themes,
        f"Equity in {quote}, drawdown, and the position held, over time",
        name="equity",
        files=figures,
        lines=True,
    )


def held_share(run: RunFolder) -> NDArray[np.float64]:
    """What was held at each mark, in percent of equity; short below zero."""
    equity, worth = run.floats("equity", "equity"), held_worth(run)
    share: NDArray[np.float64] = np.zeros_like(equity)
    np.divide(100.0 * worth, equity, out=share, where=equity > 0)
    return share


def held_worth(run: RunFolder) -> NDArray[np.float64]:
    """What was held at each mark, in money; short below zero."""
    unit = run.manifest["instrument"]
    lots = run.ints("equity", "position") * 10.0 ** -unit["qty_decimals"]
    price = run.ints("equity", "price") * 10.0 ** -unit["price_decimals"]
    worth: NDArray[np.float64] = lots * price
    if unit["contract_usd"] is not None:
        worth = lots * float(unit["contract_usd"]) / np.where(price > 0, price, np.inf)
    return worth


def _habits_shot(
    run: RunFolder, themes: tuple[Theme, Theme], figures: dict[str, bytes]
) -> Shot | None:
    trips = run.rows("round_trips").where("is_open", [False])
    if len(trips) < LEAST:
        return None
    unit = run.manifest["instrument"]
    return shoot(
        lambda theme: draw_habits(trips, run.metrics, theme, unit["currency"], unit),
        themes,
        "Results by hour, weekday, side, excursion and time held, and their spread",
        name="habits",
        files=figures,
    )


def _drift(
    run: RunFolder, themes: tuple[Theme, Theme], figures: dict[str, bytes]
) -> tuple[Shot | None, list[str]]:
    """Rolling figures, where there are round trips, and what they say."""
    trips = run.rows("round_trips").where("is_open", [False])
    if not trips:
        return None, []
    simulation, quote = run.manifest["simulation"], run.manifest["instrument"]["currency"]
    marks = (run.ints("equity", "time"), run.floats("equity", "equity"))
    days = Days(*marks, float(simulation["cash"]), reach_of(run.manifest["window"]))
    return drift_of(trips, days, quote, simulation["seed"], themes=themes, figures=figures)


def drift_of(
    trips: Columns, days: Days, quote: str, seed: int, *, themes: tuple[Theme, Theme],
    figures: dict[str, bytes] | None,
) -> tuple[Shot | None, list[str]]:  # fmt: skip
    """Rolling figures of closed round trips and days, in both themes, and what they say.

    Args:
        trips: At least one.
        days: The account over the window.
        quote: Currency of the money.
        seed: Of bands and intervals.
        themes: Dark and light.
        figures: Takes the pictures as PNG, by name of their file; None: none is wanted.
    """
    tracks = tracks_of(trips.floats("net_pnl"), trips.ints("exit_time"), days, quote, seed)
    told = drift_words(tracks, quote)
    if all(track.found is None for track in tracks):
        return None, told
    shot = shoot(
        lambda theme: draw_drift(tracks, days.window, theme),
        themes,
        "Mean result, winners, profit factor and Sharpe ratio of a sliding window, over time",
        name="drift",
        files=figures,
    )
    return shot, told


def holes_of(missing_days: list[str]) -> list[tuple[int, int]]:
    """Missing days as stretches of time, neighbours joined."""
    holes: list[tuple[int, int]] = []
    for text in sorted(missing_days):
        day = dt.datetime.fromisoformat(text).replace(tzinfo=dt.UTC)
        start = int(day.timestamp()) * SECOND_US
        if holes and holes[-1][1] == start:
            holes[-1] = (holes[-1][0], start + DAY_US)
        else:
            holes.append((start, start + DAY_US))
    return holes


def _entry_shots(
    run: RunFolder, themes: tuple[Theme, Theme], figures: dict[str, bytes]
) -> list[Shot]:
    return [
        replace(
            shoot(
                partial(draw_plan, entry.plan),
                themes,
                f"Footprint of round trip {entry.trip['id']}: {entry.heading}",
                name=f"entry-{number}",
                files=figures,
            ),
            heading=entry.heading,
            caption=entry.caption,
            replay=entry.replay,
        )
        for number, entry in enumerate(entries(run), start=1)
    ]


def tone_colour(tone: str) -> str:
    """Which of a theme's colours a verdict has."""
    return _TONES.get(tone, "accent")


def style_sheet(dark: Theme, light: Theme, tone: str) -> Markup:
    """The style sheet with the palette's colours as variables, light where the system is light."""

    def variables(theme: Theme) -> str:
        named = {
            "ground": theme.ground,
            "panel": theme.panel,
            "rule": _hex(mix(theme.muted, theme.ground, 0.25)),
            "ink": theme.ink,
            "muted": theme.muted,
            "buy": theme.buy,
            "sell": theme.sell,
            "up": theme.buy_lit,
            "down": theme.sell_lit,
            "accent": theme.accent,
            "tone": getattr(theme, tone_colour(tone)),
        }
        return "".join(f"--{name}:{colour};" for name, colour in named.items())

    sheet = (Path(__file__).parent / "templates" / "report.css").read_text(encoding="utf-8")
    return Markup(  # noqa: S704 - our own style sheet and palettes, no text from outside
        f":root{{{variables(dark)}}}\n"
        f"@media (prefers-color-scheme:light){{:root{{{variables(light)}}}}}\n"
        f"@media print{{:root{{{variables(light)}}}}}\n{sheet}"
    )


def _hex(colour: tuple[float, float, float]) -> str:
    return "#" + "".join(f"{round(255 * part):02x}" for part in colour)
