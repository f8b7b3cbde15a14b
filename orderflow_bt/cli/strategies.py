"""``orderflow-bt strategies``: what is installed, and what a strategy's parameters mean."""

from __future__ import annotations

from typing import Annotated

import typer

from orderflow_bt.cli import complete, options
from orderflow_bt.cli.describe import show


def command(
    name: Annotated[
        str | None,
        typer.Argument(
            help="Name, module:Class or file.py to describe.", autocompletion=complete.strategies
        ),
    ] = None,
    as_json: options.Json = False,
) -> None:
    """List installed strategies, or describe one: parameters, ranges, docs."""
    from orderflow_bt.strategy.registry import STRATEGIES

    show(name, STRATEGIES, as_json=as_json)
