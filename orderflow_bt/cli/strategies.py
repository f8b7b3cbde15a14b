"""``orderflow-bt strategies``: what is installed, and what a strategy's parameters mean."""

from __future__ import annotations

import json
from typing import Annotated

import typer

from orderflow_bt.cli import options  # noqa: TC001 - typer reads the annotations


def command(
    name: Annotated[
        str | None, typer.Argument(help="Name, module:Class or file.py to describe.")
    ] = None,
    as_json: options.Json = False,
) -> None:
    """List installed strategies, or describe one: parameters, ranges, docs."""
    from orderflow_bt.strategy.registry import installed

    if name is not None:
        _describe(name, as_json)
        return
    found = {point.name: point.value for point in installed().values()}
    if as_json:
        typer.echo(json.dumps(found, indent=2))
        return
    if not found:
        typer.echo("no strategy is installed", err=True)
    for known, where in found.items():
        typer.echo(f"{known:<24}{where}")


def _describe(name: str, as_json: bool) -> None:
    import inspect

    from orderflow_bt.parameters import json_schema
    from orderflow_bt.strategy.registry import load_strategy

    cls = load_strategy(name)
    if as_json:
        typer.echo(json.dumps(json_schema(cls), indent=2))
        return
    typer.echo(inspect.getdoc(cls) or cls.__name__)
    typer.echo("")
    for label, declaration in cls.params.items():
        allowed = f" ({declaration.range_text})" if declaration.range_text else ""
        typer.echo(f"  {label} = {declaration.default}{allowed}")
        typer.echo(f"      {declaration.help}")
