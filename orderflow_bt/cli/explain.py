"""``orderflow-bt explain``: which trades, rule, queue and latency made a fill, or why none was."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from orderflow_bt.cli import options
from orderflow_bt.cli.output import not_written
from orderflow_bt.errors import UsageError

if TYPE_CHECKING:
    from orderflow_bt.report.explain import Explanation

SHOWN = 12  # trades of the queue at each end of a long wait


def command(
    run: Annotated[Path, typer.Argument(metavar="RUN_DIR", help="A folder that `run` wrote.")],
    fill: Annotated[int | None, typer.Option("--fill", help="A fill's number.", min=0)] = None,
    order: Annotated[int | None, typer.Option("--order", help="An order's number.", min=0)] = None,
    as_json: options.Json = False,
    out: Annotated[
        Path | None, typer.Option("--out", help="Draw it too: a .png, or an .html with the words.")
    ] = None,
    light: options.Light = False,
    palette: options.Palette = "default",
) -> None:
    """Tell which trades, rule, queue and latency made a fill, or why there was none; draw it."""
    from orderflow_bt.report.explain import explain, futures_caution
    from orderflow_bt.report.folder import read_run
    from orderflow_bt.report.order_words import iso

    if out is not None and out.suffix.lower() not in (".png", ".html"):
        raise UsageError(f"{out} is neither a .png nor an .html", where="--out")
    folder = read_run(run)
    lake = options.open_lake()
    is_there = not isinstance(lake.root, Path) or lake.root.is_dir()
    told = explain(folder, lake if is_there else None, order=order, fill=fill)
    caution = futures_caution(folder)
    if as_json:
        steps = [
            {"time": iso(time), "what": what, "text": text, **facts}
            for time, what, text, facts in told.steps
        ]
        report = told._asdict() | {"steps": steps, "caution": caution}
        typer.echo(json.dumps(report, indent=2, ensure_ascii=False, default=str))
    else:
        _print(told, caution)
    if out is not None:
        from orderflow_bt.report.build import write_whole
        from orderflow_bt.report.order_page import order_picture
        from orderflow_bt.report.theme import palette as themes

        picture = order_picture(
            folder, lake, told, out.suffix.lower(), themes(palette), light=light
        )
        try:
            write_whole(out, picture)
        except OSError as error:
            raise not_written(error, out) from None
        typer.echo(str(out), err=as_json)


def _print(told: Explanation, caution: str) -> None:
    typer.echo(told.title)
    typer.echo(f"  {told.assumed}")
    _print_steps(told)
    typer.echo(told.verdict)
    for note in (*told.notes, *([caution] if caution else [])):
        typer.echo(options.on_this_lake(f"note: {note}"), err=True)


def _print_steps(told: Explanation) -> None:
    from orderflow_bt.report.order_words import iso

    queue = [k for k, step in enumerate(told.steps) if step.what == "queue"]
    hidden = set(queue[SHOWN:-SHOWN]) if len(queue) > 2 * SHOWN + 1 else set()
    said = False
    for k, step in enumerate(told.steps):
        if k not in hidden:
            typer.echo(f"  {iso(step.time)}  {step.text}")
        elif not said:
            typer.echo(f"  … {len(hidden):,} more trades that used up the queue (--json has them)")
            said = True
