"""``orderflow-bt cache``: what is kept beside the lake so that it need not be made again."""

from __future__ import annotations

import json
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated

import typer

from orderflow_bt.cli import options
from orderflow_bt.cli.words import count_text, size_text
from orderflow_bt.errors import LakeError, UsageError

if TYPE_CHECKING:
    from orderflow_bt.store import Cache

DAMAGED = 3


class Action(StrEnum):
    """What to do."""

    LS = "ls"
    CHECK = "check"
    CLEAR = "clear"


def command(
    action: Annotated[
        Action, typer.Argument(help="ls, check (read every file again) or clear (delete them).")
    ] = Action.LS,
    as_json: options.Json = False,
) -> None:
    """Show, check or delete what is kept beside the lake: it can all be made again."""
    cache = options.open_lake().cache
    if cache is None:
        raise UsageError("the cache is off", where="--cache-size", fix="Leave out --no-cache")
    if action is Action.CLEAR:
        _clear(cache, as_json=as_json)
    elif action is Action.CHECK:
        _check(cache, as_json=as_json)
    else:
        _list(cache, as_json=as_json)


def shelves(cache: Cache) -> dict[str, tuple[int, int]]:
    """Files and bytes of each kind of thing that is kept."""
    found: dict[str, tuple[int, int]] = {}
    for entry in cache.entries():
        files, size = found.get(entry.shelf, (0, 0))
        found[entry.shelf] = files + 1, size + entry.bytes
    return dict(sorted(found.items()))


def _list(cache: Cache, *, as_json: bool) -> None:
    found = shelves(cache)
    if as_json:
        plain = {name: {"files": n, "bytes": size} for name, (n, size) in found.items()}
        typer.echo(json.dumps({"folder": str(cache.folder), "room": cache.room(), "kept": plain}))
        return
    used = size_text(sum(size for _, size in found.values()))
    typer.echo(f"{cache.folder}: {used} of at most {size_text(cache.room())}")
    for name, (files, size) in found.items():
        typer.echo(f"{name:6} {count_text(files, 'file')}, {size_text(size)}")


def _check(cache: Cache, *, as_json: bool) -> None:
    damaged = cache.check()
    if as_json:
        typer.echo(json.dumps({"folder": str(cache.folder), "damaged": damaged}))
    for name in damaged if not as_json else ():
        typer.echo(f"{name} was damaged and is deleted")
    if not damaged and not as_json:
        typer.echo(f"{count_text(len(cache.entries()), 'file')}, all whole")
    if damaged:
        raise typer.Exit(DAMAGED)


def _clear(cache: Cache, *, as_json: bool) -> None:
    try:
        freed = cache.clear()
    except OSError as error:
        raise LakeError(
            f"the cache cannot be cleared: {error.strerror or error}", where=str(cache.folder)
        ) from error
    if as_json:
        typer.echo(json.dumps({"folder": str(cache.folder), "freed": freed}))
    else:
        typer.echo(f"{size_text(freed)} freed")
