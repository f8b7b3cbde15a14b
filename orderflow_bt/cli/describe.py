"""What is installed of a family of plugins, and what a plugin's parameters mean."""

from __future__ import annotations

import json
import shutil
from typing import TYPE_CHECKING, Any

import typer

from orderflow_bt.cli.words import WIDEST, labelled_lines

if TYPE_CHECKING:
    from orderflow_bt.plugins import Family


def show(name: str | None, family: Family[Any], *, as_json: bool) -> None:
    """List the family, or describe one of it. Listing runs no plugin code."""
    from orderflow_bt.plugins import installed, said_of

    if name is not None:
        _describe(name, family, as_json=as_json)
        return
    found = installed(family.group)
    if as_json:
        typer.echo(json.dumps({name: point.value for name, point in found.items()}, indent=2))
        return
    if not found:
        typer.echo(f"no {family.noun} is installed", err=True)
        return
    rows = {name: said_of(point) or point.value for name, point in found.items()}
    width = min(shutil.get_terminal_size().columns, WIDEST)
    typer.echo("\n".join(line[2:] for line in labelled_lines(rows, width)))


def _describe(name: str, family: Family[Any], *, as_json: bool) -> None:
    import inspect

    from orderflow_bt.parameters import json_schema
    from orderflow_bt.plugins import load

    cls = load(name, family)
    if as_json:
        typer.echo(json.dumps(json_schema(cls), indent=2))
        return
    typer.echo(inspect.getdoc(cls) or cls.__name__)
    typer.echo("")
    for label, declaration in cls.params.items():
        allowed = f" ({declaration.range_text})" if declaration.range_text else ""
        typer.echo(f"  {label} = {declaration.default}{allowed}")
        typer.echo(f"      {declaration.help}")
