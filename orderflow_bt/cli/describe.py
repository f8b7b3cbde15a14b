"""What is installed of a family of plugins, and what a plugin's parameters mean."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import typer

if TYPE_CHECKING:
    from orderflow_bt.plugins import Family


def show(name: str | None, family: Family[Any], *, as_json: bool) -> None:
    """List the family, or describe one of it. Listing runs no plugin code."""
    from orderflow_bt.plugins import installed

    if name is not None:
        _describe(name, family, as_json=as_json)
        return
    found = {point.name: point.value for point in installed(family.group).values()}
    if as_json:
        typer.echo(json.dumps(found, indent=2))
        return
    if not found:
        typer.echo(f"no {family.noun} is installed", err=True)
    for known, where in found.items():
        typer.echo(f"{known:<24}{where}")


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
