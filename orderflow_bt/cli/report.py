"""``report``: write a run's page and figures anew from its folder."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from orderflow_bt.errors import UnsupportedError

Runs = Annotated[list[Path], typer.Argument(metavar="RUN_DIR...", help="Folders that `run` wrote.")]
Palette = Annotated[
    str, typer.Option(help="Colours of pictures and page: default or colour-blind.")
]


def command(runs: Runs, palette: Palette = "default") -> None:
    """Rebuild the report of a run from its folder: the same folder gives the same bytes."""
    from orderflow_bt.report import build

    if len(runs) > 1:
        raise UnsupportedError(
            "several runs side by side are not laid out by this version",
            fix="Give one folder at a time",
        )
    typer.echo(build(runs[0], palette))
