"""``orderflow-bt new``: a plugin to begin from, and its test, which passes as created."""

from __future__ import annotations

import keyword
import shlex
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from orderflow_bt.cli import options, templates
from orderflow_bt.errors import UsageError


class Family(StrEnum):
    """What can be begun."""

    STRATEGY = "strategy"
    DETECTOR = "detector"


def command(
    family: Annotated[Family, typer.Argument(help="strategy or detector.")],
    name: Annotated[str, typer.Argument(help="Its name, such as quiet_breakout.")],
    out: Annotated[Path, typer.Option("--out", help="Folder to write the two files to.")] = Path(),
) -> None:
    """Write NAME.py and test_NAME.py: a small plugin and its test. Overwrites nothing."""
    if not name.isidentifier() or keyword.iskeyword(name) or name != name.lower():
        raise UsageError(
            f"{name!r} cannot be a plugin's name",
            fix="Use lower-case letters, digits and underscores, as quiet_breakout",
        )
    words = {"name": name, "cls": "".join(word.capitalize() for word in name.split("_"))}
    plugin, test = (
        (templates.STRATEGY, templates.STRATEGY_TEST)
        if family is Family.STRATEGY
        else (templates.DETECTOR, templates.DETECTOR_TEST)
    )
    files = {out / f"{name}.py": plugin, out / f"test_{name}.py": test}
    for path in files:
        if path.exists():
            raise UsageError(
                f"{path} exists already", fix="Take another name, or another folder with --out"
            )
    out.mkdir(parents=True, exist_ok=True)
    for path, text in files.items():
        try:
            with path.open("x", encoding="utf-8") as file:
                file.write(text.format(**words))
        except OSError:
            path.unlink(missing_ok=True)
            raise
        typer.echo(str(path))
    plugin_file, test_file = (shlex.quote(str(path)) for path in files)
    call = f"run {plugin_file} SYMBOL"
    if family is Family.DETECTOR:
        call = f"events SYMBOL --detector {plugin_file}"
    typer.echo(f"\npytest {test_file}   # pip install pytest", err=True)
    typer.echo(options.on_this_lake(f"orderflow-bt {call} --from DAY --to DAY"), err=True)
