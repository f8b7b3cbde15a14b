"""``report``: write a run's page and figures anew from its folder."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from orderflow_bt.cli import options  # noqa: TC001 - typer reads the annotations

Runs = Annotated[list[Path], typer.Argument(metavar="RUN_DIR...", help="Folders that `run` wrote.")]
Out = Annotated[
    Path, typer.Option(help="Page that lays several runs side by side; not used for one run.")
]


def command(
    runs: Runs, palette: options.Palette = "default", out: Out = Path("comparison.html")
) -> None:
    """Rebuild the report of a run from its folder; of several, also one page side by side."""
    from orderflow_bt.report import build, build_portfolio, compare, is_portfolio
    from orderflow_bt.report.folder import failure_of

    for run in runs:
        if len(runs) > 1 and (why := failure_of(run)):
            typer.echo(f"note: {run} failed and is left out: {why}", err=True)
        elif is_portfolio(run):
            for part in sorted(run.glob("*/manifest.json")):
                typer.echo(build(part.parent, palette))
            typer.echo(build_portfolio(run, palette))
        else:
            typer.echo(build(run, palette))
    if len(runs) > 1:
        typer.echo(compare(runs, out, palette))
