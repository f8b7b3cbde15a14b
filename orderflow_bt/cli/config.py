"""What ``orderflow-bt.toml`` says: defaults of options, checked against those that there are."""

from __future__ import annotations

import datetime as dt
import difflib
import os
import tomllib
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from orderflow_bt.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

FILE = "orderflow-bt.toml"
RATES = ("fees", "margin")  # lists of tables, which the commands read that charge them


def read_config(app: typer.Typer) -> dict[str, Any]:
    """The file of the working folder: options before the command, a table a command, rates.

    Returns:
        Values by the names that the commands' functions have for their options.

    Raises:
        UsageError: The file cannot be read, a key of it is none, or its value cannot be meant.
    """
    if not os.path.lexists(FILE):
        return {}
    try:
        found = tomllib.loads(Path(FILE).read_text(encoding="utf-8-sig"))
    except (OSError, ValueError, RecursionError) as error:
        raise UsageError(f"the configuration cannot be read: {error}", where=FILE) from None
    if not found:
        return {}
    program = typer.main.get_command(app)
    commands: Mapping[str, Any] = getattr(program, "commands", {})
    known = _options(program.params)
    checked: dict[str, Any] = {}
    for key, value in found.items():
        if key in RATES:
            checked[key] = value
        elif key in commands:
            if not isinstance(value, dict):
                raise UsageError(
                    f"{key!r} is a command, and its options are a table", where=FILE,
                    fix=f"Write [{key}] on a line of its own, and its options below it",
                )  # fmt: skip
            options = _options(commands[key].params)
            checked[key] = dict(_value(options, name, v, f"[{key}]") for name, v in value.items())
        else:
            name, checked_value = _value(known, key, value, "", [*commands, *RATES])
            checked[name] = checked_value
    return checked


def _options(params: Iterable[Any]) -> dict[str, Any]:
    """Options and arguments by what they are called, with underscores."""
    named = {}
    for param in params:
        if not param.name.startswith("_"):
            named[param.name] = param
            for flag in (*param.opts, *param.secondary_opts):
                named.setdefault(flag.lstrip("-").replace("-", "_"), param)
    return named


def _value(
    known: Mapping[str, Any], key: str, value: Any, table: str, others: Iterable[str] = ()
) -> tuple[str, Any]:
    """The name that a function has for an option, and its value."""
    where = f"{FILE} {table}".strip()
    plain = key.replace("-", "_")
    if plain not in known:
        close = difflib.get_close_matches(plain, [*known, *others], n=1)
        hint = f"Did you mean {close[0]!r}? " if close else ""
        raise UsageError(
            f"there is no option {key!r}", where=where,
            fix=f"{hint}`orderflow-bt {table.strip('[]') + ' ' if table else ''}--help` lists them",
        )  # fmt: skip
    param = known[plain]
    is_list = getattr(param, "multiple", False) or param.nargs == -1
    values = value if is_list and isinstance(value, list) else [value]
    if any(isinstance(v, dict | list) for v in values):
        raise UsageError(
            f"the value of {key!r} is not what its option takes: {value!r}", where=where,
            fix="Write it as on the command line, in quotation marks",
        )  # fmt: skip
    if any(isinstance(v, bool) != bool(getattr(param, "is_flag", False)) for v in values):
        wanted = "true or false" if getattr(param, "is_flag", False) else "a value"
        raise UsageError(f"{key!r} takes {wanted}, not {value!r}", where=where)
    values = [v.isoformat() if isinstance(v, dt.date | dt.time) else v for v in values]
    return param.name, values if is_list else values[0]
