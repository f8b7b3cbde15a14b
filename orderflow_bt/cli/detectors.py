"""``orderflow-bt detectors``: what is installed, and what a detector's parameters mean."""

from __future__ import annotations

from typing import Annotated

import typer

from orderflow_bt.cli import complete, options
from orderflow_bt.cli.describe import show


def command(
    name: Annotated[
        str | None,
        typer.Argument(
            help="Name, module:Class or file.py to describe.", autocompletion=complete.detectors
        ),
    ] = None,
    as_json: options.Json = False,
) -> None:
    """List installed detectors, or describe one: parameters, ranges, docs."""
    from orderflow_bt.detectors.registry import DETECTORS

    show(name, DETECTORS, as_json=as_json)
