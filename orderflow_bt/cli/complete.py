"""What a shell offers when Tab is pressed: names of plugins, and symbols of the lake in use."""

from __future__ import annotations

from pathlib import Path

import typer  # noqa: TC002 - typer reads the annotations


def symbols(context: typer.Context, incomplete: str) -> list[str]:
    """Symbols whose tapes the lake holds, by the names of its folders: nothing is read.

    A lake in an object store offers none: the shell waits for the answer.
    """
    root = str(context.find_root().params.get("data") or "")
    if not root or "://" in root:
        return []
    found = {path.name.partition("=")[2] for path in Path(root).glob("*/*/kind=*rades/symbol=*")}
    return sorted(name for name in found if name.startswith(incomplete))


def strategies(incomplete: str) -> list[str]:
    """Installed strategies; behind a comma, for one more."""
    return _names("orderflow_bt.strategies", incomplete)


def detectors(incomplete: str) -> list[str]:
    """Installed detectors."""
    return _names("orderflow_bt.detectors", incomplete)


def _names(group: str, incomplete: str) -> list[str]:
    """Names of entry points: no plugin code runs."""
    from importlib.metadata import entry_points

    before, comma, begun = incomplete.rpartition(",")
    names = sorted({point.name for point in entry_points(group=group)})
    return [before + comma + name for name in names if name.startswith(begun)]
