"""``orderflow-bt practice``: what was practised, how it scored, and what was misread."""

from __future__ import annotations

import json
import shlex
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from orderflow_bt.cli import options
from orderflow_bt.cli.words import count_text, table_lines
from orderflow_bt.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from orderflow_bt.replay.practice.review import Practice

ROOT = Path("practice")
_MINUS = "\u2212"


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
    palette: Annotated[
        str, typer.Option(help="Colours of the page: default or colour-blind.")
    ] = "default",
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
        shown = _as_json(practice) | ({"compared": beside} if beside else {})
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
                _between(day["reads"]["hit_interval"]),
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
        _percent(reads["hit_rate"]),
        "" if reads["brier"] is None else f"{reads['brier']:.3f}",
        str(trades["round_trips"]),
        _r(trades["expectancy_r"]),
    )


# One of them -------------------------------------------------------------------------------------


def show(practice: Practice, *, simulated: str = "") -> list[str]:
    """A practice as lines for a terminal.

    Args:
        practice: What was practised.
        simulated: What was simulated, where the market itself was.
    """
    lines = [f"{practice.market}, {_span(practice)}"]
    if simulated:
        lines.append(f"  SIMULATED MARKET: {simulated}")
    lines += [f"  {text}" for text in _facts(practice)]
    reads = practice.scores["reads"]
    if reads["all"]["answers"]:
        lines += ["", "READS", *_reads(practice)]
    if practice.misread:
        lines += ["", "MISREAD", *_misread(practice)]
    if practice.trips:
        lines += ["", "TRADES", *_trades(practice)]
    if practice.scores["warnings"]:
        lines += ["", "NOT SCORED", *(f"  {text}" for text in practice.scores["warnings"])]
    if practice.notes:
        lines += ["", "NOTES"]
        for note in practice.notes:
            tags = "".join(f" #{tag}" for tag in note.get("tags", ()))
            lines.append(f"  {practice.when(note['time'])}  {note.get('text', '')}{tags}")
    return lines


def _span(practice: Practice) -> str:
    bars = practice.facts.get("bars", "")
    span = f"{practice.when(practice.start)} to {practice.when(practice.reached)}"
    return f"{span}{'' if practice.sealed else ' UTC'}{f', {bars} bars' if bars else ''}"


def _facts(practice: Practice) -> list[str]:
    facts = [f"practised {practice.began[:16].replace('T', ' ')} to {practice.ended[11:16]} UTC"]
    if practice.facts.get("challenge"):
        facts.append(f"challenge {practice.facts['challenge']}")
    lines = count_text(len(practice.entries), "line")
    facts.append(f"journal of {lines}, {practice.state}")
    return facts


def _reads(practice: Practice) -> list[str]:
    from orderflow_bt.replay.practice.drills import CONCEPTS
    from orderflow_bt.replay.practice.scores import LEAST

    reads = practice.scores["reads"]
    rows = []
    for kind, found in sorted(reads.items(), key=lambda item: item[0] == "all"):
        rows.append(
            (
                CONCEPTS.get(kind, "all"), str(found["answers"]), _percent(found["hit_rate"]),
                _between(found["hit_interval"]), _percent(found["chance"]),
                _percent(found["baselines"]["trend"]["hit_rate"]),
                _percent(found["baselines"]["detector"]["hit_rate"]),
                f"{found['brier']:.3f}", f"{found['seconds'][1]:.1f} s",
            )
        )  # fmt: skip
    header = (
        "asked", "answers", "right", "95 % between", "by chance", "trend", "detectors", "Brier",
        "time",
    )  # fmt: skip
    lines = [f"  {line}" for line in table_lines(header, rows)]
    lines += ["", f"  {reads['all']['verdict']}"]
    few = [CONCEPTS[kind] for kind, found in reads.items() if kind != "all" and not found["enough"]]
    if few and reads["all"]["enough"]:
        lines.append(f"  Under {LEAST} of a kind, too few to judge it alone: {', '.join(few)}.")
    lines += ["", "  how sure, how often right"]
    lines += [
        f"    said {row['from']} to {row['to']} %: {100 * row['right']:3.0f} % right"
        f" of {count_text(row['answers'], 'answer')}"
        for row in reads["all"]["calibration"]
    ]
    if reads["all"]["misread"]:
        lines += ["", "  taken for something else"]
        lines += [
            f"    {row['truth']} was called {row['said']} {row['times']} of {row['of']} times"
            f" ({CONCEPTS[row['drill']]})"
            for row in reads["all"]["misread"]
        ]
    return lines


def _misread(practice: Practice) -> list[str]:
    lines = []
    for moment in practice.misread:
        answer = moment.answer
        lines.append(
            f"  {moment.when}  {moment.concept}: said {answer.choice} ({answer.confidence} %),"
            f" it was {answer.truth}"
        )
        lines.append(f"      {answer.because}")
        if moment.opens:
            lines.append(f"      {moment.opens}")
    return lines


def _trades(practice: Practice) -> list[str]:
    from orderflow_bt.replay.practice.review import CLOSED_BY

    trades = practice.scores["trades"]
    rows = [
        (
            practice.when(trip["entry_time"]),
            "long" if trip["side"] > 0 else "short",
            _r(trip["r"]),
            _r(trip["mae_r"]),
            _r(trip["mfe_r"]),
            f"{trip['slippage_ticks']:g}",
            CLOSED_BY.get(trip["exit_role"], str(trip["exit_role"])),
            (trip["reason"] or "no reason given") + (" (hindsight)" if trip["hindsight"] else ""),
        )
        for trip in practice.trips
    ]
    header = ("entry", "side", "R", "worst R", "best R", "slip, ticks", "closed by", "reason")
    lines = [f"  {line}" for line in table_lines(header, rows)]
    lines += ["", f"  {trades['verdict']}"]
    if len(trades["by_reason"]) > 1:
        lines += ["", "  by reason"]
        lines += [
            f"    {row['reason']}: {count_text(row['round_trips'], 'round trip')},"
            f" {_r(row['expectancy_r']) or 'no'} R each"
            for row in trades["by_reason"]
        ]
    return lines


def _as_json(practice: Practice) -> dict[str, Any]:
    return {
        "name": practice.name,
        "folder": str(practice.folder),
        "market": practice.market,
        "sealed": practice.sealed,
        "began": practice.began,
        "ended": practice.ended,
        "lines": len(practice.entries),
        "torn_bytes": practice.torn,
        "edited_at": practice.edited_at,
        "cut_lines": practice.cut,
        "made_anew": practice.is_remade,
        "scores": practice.scores,
        "misread": [
            {
                "when": moment.when, "concept": moment.concept, "said": moment.answer.choice,
                "confidence": moment.answer.confidence, "truth": moment.answer.truth,
                "because": moment.answer.because, "seconds": moment.answer.seconds,
                "opens": moment.opens,
            }
            for moment in practice.misread
        ],
        "trips": [] if practice.sealed else practice.trips,
    }  # fmt: skip


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


# Words -------------------------------------------------------------------------------------------


def _percent(share: float | None) -> str:
    return "" if share is None else f"{100 * share:.0f} %"


def _between(interval: Sequence[float] | None) -> str:
    return "" if interval is None else f"{100 * interval[0]:.0f} to {100 * interval[1]:.0f} %"


def _r(value: float | None) -> str:
    return "" if value is None else f"{value:+.2f}".replace("-", _MINUS)


def _table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    for line in table_lines(header, rows):
        typer.echo(line)
