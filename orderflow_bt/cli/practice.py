"""``orderflow-bt practice``: what was practised, how it scored, and what was misread."""

from __future__ import annotations

import json
import shlex
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from orderflow_bt.cli import options
from orderflow_bt.cli.practice_words import between, percent, plain, r_text, show
from orderflow_bt.cli.words import table_lines
from orderflow_bt.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from orderflow_bt.replay.practice.review import Practice

ROOT = Path("practice")


def command(
    folder: Annotated[
        Path | None,
        typer.Argument(help="A practice folder, or its name; without it, all are listed."),
    ] = None,
    out: Annotated[Path, typer.Option("--out", help="Where practice folders lie.")] = ROOT,
    export: Annotated[
        Path | None,
        typer.Option("--export", help="Write the journal as .csv, .json or .parquet."),
    ] = None,
    compare: Annotated[
        str,
        typer.Option("--compare", help="Strategies, separated by commas, on the same stretch."),
    ] = "",
    page: Annotated[
        bool, typer.Option("--page/--no-page", help="Write review.html beside the journal.")
    ] = True,
    palette: options.Palette = "default",
    as_json: options.Json = False,
) -> None:
    """List practices, or show one: scores, each misread moment, trades with their reasons."""
    from orderflow_bt.replay.practice.review import read_practice

    if folder is None:
        if export is not None or compare:
            raise UsageError(
                "which practice is not said", where="--export" if export else "--compare"
            )
        _list(out, as_json=as_json)
        return
    if not folder.is_dir() and (out / folder).is_dir():
        folder = out / folder
    practice = read_practice(folder, options.program())
    if export is not None:
        _export(practice, export)
        typer.echo(str(export))
        return
    beside: dict[str, Any] = {}
    if compare:
        from orderflow_bt.cli.practice_compare import compared, compared_lines

        beside = compared(practice, [name.strip() for name in compare.split(",") if name.strip()])
    if as_json:
        shown = plain(practice) | ({"compared": beside} if beside else {})
        typer.echo(json.dumps(shown, indent=2, ensure_ascii=False))
        return
    lake = options.open_lake()
    for line in show(practice, simulated=lake.simulated):
        typer.echo(line)
    if beside:
        typer.echo("\nBESIDE STRATEGIES")
        for line in compared_lines(beside, practice):
            typer.echo(f"  {line}".rstrip())
    if page:
        from orderflow_bt.replay.practice.review_page import write_review

        written, missing = write_review(practice, lake, palette, beside)
        if missing:
            typer.echo(f"warning: no pictures: {missing}", err=True)
        typer.echo(f"\nreview: {written}")


# All of them -------------------------------------------------------------------------------------


def _list(root: Path, *, as_json: bool) -> None:
    from orderflow_bt.replay.practice.review import list_practices, progress

    practices, refused = list_practices(root)
    for error in refused:
        typer.echo(f"warning: {error}", err=True)
    days = progress(practices)
    if as_json:
        shown = [
            {
                "name": p.name, "began": p.began, "market": p.market, "sealed": p.sealed,
                "lines": len(p.entries), "edited_at": p.edited_at, "cut_lines": p.cut,
                "made_anew": p.is_remade, "scores": p.scores,
            }
            for p in practices
        ]  # fmt: skip
        typer.echo(json.dumps({"practices": shown, "days": days}, indent=2, ensure_ascii=False))
        return
    if not practices:
        typer.echo(
            options.on_this_lake(
                f"Nothing was practised below {root}. Begin: orderflow-bt replay --blind"
            )
        )
        return
    header = ("practice", "began, UTC", "market", "answers", "right", "Brier", "trips", "R each")
    rows = [
        (
            practice.name + (f" ({practice.mark})" if practice.mark else ""),
            practice.began[:16].replace("T", " "),
            practice.market,
            *_numbers(practice.scores["reads"]["all"], practice.scores["trades"]),
        )
        for practice in practices
    ]
    _table(header, rows)
    typer.echo("")
    header = ("day", "practices", "answers", "right", "95 % between", "Brier", "trips", "R each")
    _table(
        header,
        [
            (
                day["date"], str(day["practices"]), *_numbers(day["reads"], day["trades"])[:2],
                between(day["reads"]["hit_interval"]),
                *_numbers(day["reads"], day["trades"])[2:],
            )
            for day in days
        ],
    )  # fmt: skip
    elsewhere = "" if root == ROOT else f" --out {shlex.quote(str(root))}"
    typer.echo("\n" + options.on_this_lake(f"Each in full: orderflow-bt practice NAME{elsewhere}"))


def _numbers(reads: dict[str, Any], trades: dict[str, Any]) -> tuple[str, str, str, str, str]:
    return (
        str(reads["answers"]),
        percent(reads["hit_rate"]),
        "" if reads["brier"] is None else f"{reads['brier']:.3f}",
        str(trades["round_trips"]),
        r_text(trades["expectancy_r"]),
    )


# One of them --------------------------------------------------------------------------------------


def _export(practice: Practice, path: Path) -> None:
    """The journal as a table: what every line has in columns, the rest of it as JSON."""
    from orderflow_bt.cli.output import Column, Value, write_rows
    from orderflow_bt.replay.practice.journal_words import in_words

    if practice.sealed:
        raise UsageError(
            "market and date of this practice are still hidden",
            where=str(practice.folder),
            fix="Reveal it in the replay first",
        )
    own = {"n", "wall", "kind", "row", "time", "attempt", "seen", "tags"}
    columns = [
        Column("n", "int"), Column("wall", "word"), Column("kind", "word"), Column("time", "time"),
        Column("row", "int"), Column("attempt", "int"), Column("bar", "int"),
        Column("marks", "word"), Column("text", "word"), Column("tags", "word"),
        Column("details", "word"),
    ]  # fmt: skip
    rows: list[Sequence[Value]] = []
    for entry in practice.entries:
        seen = entry.get("seen", {})
        details = {name: value for name, value in entry.items() if name not in own}
        rows.append(
            (
                entry["n"], entry["wall"], entry["kind"], entry.get("time"), entry.get("row"),
                entry.get("attempt"), seen.get("bar"),
                " ".join(str(mark) for mark in seen.get("marks", ())), in_words(entry),
                " ".join(entry.get("tags", ())), json.dumps(details, ensure_ascii=False),
            )
        )  # fmt: skip
    write_rows(columns, [rows], None, path)


def _table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    for line in table_lines(header, rows):
        typer.echo(line)
