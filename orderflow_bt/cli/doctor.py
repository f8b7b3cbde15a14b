"""``orderflow-bt doctor``: versions, caches, the lake's health, and what is missing."""

from __future__ import annotations

import json
import os
import platform
import re
import shutil
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from orderflow_bt.cli import options
from orderflow_bt.cli.words import count_text, size_text

if TYPE_CHECKING:
    from collections.abc import Iterator

    from orderflow_bt.store import Lake
    from orderflow_bt.store.health import LakeHealth

TROUBLE = 3
_PACKAGE = "orderflow-bt"
_NOT_FOR_USERS = {"dev", "docs", "test"}
_LISTED = 20
_LITTLE_SPACE = 2 << 30


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was looked at.

    Attributes:
        about: ``version``, ``cache``, ``lake``, ``runs`` or ``extra``.
        state: ``ok``, ``note`` (worth knowing) or ``trouble``.
        what: In words.
        fix: What to do about it.
    """

    about: str
    state: str
    what: str
    fix: str = ""


def command(as_json: options.Json = False) -> None:
    """Look after the installation and the lake; exits with 3 where something needs care.

    Nothing is changed, and nothing is asked of the network.
    """
    findings = [*_versions(), *_extras(), *_cache(), *_lake(), *_runs()]
    healthy = all(finding.state != "trouble" for finding in findings)
    if as_json:
        plain: dict[str, Any] = {"healthy": healthy, "findings": [asdict(f) for f in findings]}
        typer.echo(json.dumps(plain, indent=2))
    else:
        marks = {"ok": "ok", "note": "note", "trouble": "TROUBLE"}
        for finding in findings:
            line = f"{finding.about:8} {marks[finding.state]:8} {finding.what}"
            typer.echo(line + (f". {options.on_this_lake(finding.fix)}" if finding.fix else ""))
    if not healthy:
        raise typer.Exit(TROUBLE)


def _versions() -> Iterator[Finding]:
    """The program, Python, and every package that it needs."""
    from importlib import metadata

    from orderflow_bt import __version__

    system = f"{platform.system()} {platform.machine()}, {count_text(os.cpu_count() or 1, 'core')}"
    yield Finding(
        "version",
        "ok",
        f"orderflow-bt {__version__}, Python {platform.python_version()}, {system}",
    )
    for requirement in _requirements():
        if "extra ==" in requirement:
            continue
        name = _name(requirement)
        try:
            found = metadata.version(name)
        except metadata.PackageNotFoundError:
            yield Finding(
                "version", "trouble", f"{name} is not installed", f"pip install '{requirement}'"
            )
            continue
        least = re.search(r">=\s*([\d.]+)", requirement)
        if least and _numbers(found) < _numbers(least[1]):
            fix = f"pip install --upgrade '{requirement}'"
            yield Finding("version", "trouble", f"{name} {found} is older than {least[1]}", fix)
        else:
            yield Finding("version", "ok", f"{name} {found}")


def _extras() -> Iterator[Finding]:
    """Optional packages that are not there, and how to get them."""
    from importlib import metadata

    absent: dict[str, list[str]] = {}
    for requirement in _requirements():
        match = re.search(r"extra == ['\"]([\w-]+)['\"]", requirement)
        if not match or match[1] in _NOT_FOR_USERS:
            continue
        try:
            metadata.version(_name(requirement))
        except metadata.PackageNotFoundError:
            absent.setdefault(match[1], []).append(_name(requirement))
    for extra, names in sorted(absent.items()):
        yield Finding(
            "extra",
            "note",
            f"{extra}: {', '.join(names)} not installed",
            f"If you want it: pip install '{_PACKAGE}[{extra}]'",
        )


def _requirements() -> list[str]:
    from importlib import metadata

    try:
        return metadata.requires(_PACKAGE) or []
    except metadata.PackageNotFoundError:  # run from its sources, not installed
        return []


def _name(requirement: str) -> str:
    return re.split(r"[^\w.-]", requirement, maxsplit=1)[0]


def _numbers(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in re.findall(r"\d+", version)[:3])


def _cache() -> Iterator[Finding]:
    """Where compiled kernels are kept."""
    from orderflow_bt.kernels import _jit

    folder = _jit.cache_folder()
    if folder is None:
        yield Finding(
            "cache",
            "trouble",
            "compiled kernels cannot be kept: every start compiles them anew",
            "Set ORDERFLOW_BT_CACHE_DIR to a folder that can be written",
        )
        return
    here = Path(folder)
    yield Finding("cache", "ok", f"compiled kernels: {here}, {size_text(_size(here))}")
    old = [path for path in here.parent.iterdir() if path.is_dir() and path != here]
    if old:
        size = size_text(sum(_size(path) for path in old))
        yield Finding(
            "cache",
            "note",
            f"{count_text(len(old), 'folder')} of other versions' kernels, {size}",
            f"They may be deleted: {here.parent}",
        )


def _size(folder: Path) -> int:
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())


def _lake() -> Iterator[Finding]:
    from orderflow_bt.store.health import lake_health

    lake = options.open_lake()
    if isinstance(lake.root, Path):
        if not lake.root.exists():
            what = f"there is no lake at {lake.root} yet"
            yield Finding("lake", "note", what, "orderflow-bt demo")
            return
        yield from _folder(lake.root)
    else:
        yield Finding("lake", "ok", f"{lake.root}, in an object store")
    yield from _kept(lake)
    health = lake_health(lake)
    if health.simulated:
        yield Finding("lake", "note", "this lake holds a simulated market")
    if health.days or health.pieces or not health.unreadable:
        yield from _contents(health)
    yield from _troubles(health)


def _kept(lake: Lake) -> Iterator[Finding]:
    """What is kept beside the lake, and whether more can be."""
    from orderflow_bt.cli.cache import shelves

    cache = lake.cache
    if cache is None:
        yield Finding("cache", "note", "nothing is kept beside the lake: the cache is off")
        return
    found = shelves(cache)
    each = ", ".join(f"{name} {size_text(size)}" for name, (_, size) in found.items()) or "empty"
    if found and not os.access(cache.folder, os.W_OK):
        yield Finding("cache", "note", f"{cache.folder} cannot be written: {each}")
        return
    yield Finding(
        "cache",
        "ok",
        f"kept of the lake: {cache.folder}, {each}, at most {size_text(cache.room())}",
    )


def _folder(root: Path) -> Iterator[Finding]:
    if not os.access(root, os.W_OK):
        yield Finding("lake", "note", f"{root} cannot be written: days can be read only")
    free = shutil.disk_usage(root).free
    state = "note" if free < _LITTLE_SPACE else "ok"
    yield Finding("lake", state, f"{root}, {size_text(free)} free")


def _contents(health: LakeHealth) -> Iterator[Finding]:
    schemas = ", ".join(f"version {v}: {n:,}" for v, n in sorted(health.schemas.items()))
    stored = f"{count_text(health.days, 'day')} of tapes" + (f" ({schemas})" if schemas else "")
    series = count_text(health.pieces, "file")
    yield Finding("lake", "ok", f"{stored}, {series} of series, {size_text(health.bytes)}")
    for tape, count in sorted(health.days_with_defects.items()):
        if count:
            words = "day has" if count == 1 else "days have"
            fix = f"orderflow-bt audit {tape.symbol} --market {tape.market.value}"
            fix += "" if tape.kind.value == "aggTrades" else f" --kind {tape.kind.value}"
            yield Finding("lake", "note", f"{tape}: {count:,} {words} defects", fix)
    if health.being_written:
        files = count_text(len(health.being_written), "file")
        yield Finding("lake", "note", f"{files} being written at this moment")


def _troubles(health: LakeHealth) -> Iterator[Finding]:
    if health.leftovers:
        names = ", ".join(path.name for path in health.leftovers[:3])
        yield Finding(
            "lake",
            "trouble",
            f"{count_text(len(health.leftovers), 'file')} left by interrupted downloads: {names}"
            + ("…" if len(health.leftovers) > 3 else ""),
            "No reader takes them for days; the next download or import removes them",
        )
    for error in health.unreadable[:_LISTED]:
        yield Finding("lake", "trouble", f"{error.what} [{error.where}]", error.fix)
    if len(health.unreadable) > _LISTED:
        more = len(health.unreadable) - _LISTED
        yield Finding("lake", "trouble", f"{more:,} more files cannot be read")


def _runs() -> Iterator[Finding]:
    """What killed runs left where run folders are put by default."""
    from orderflow_bt.parts import left_in

    if left := left_in(options.RUNS):
        names = ", ".join(path.name for path in left[:3]) + ("…" if len(left) > 3 else "")
        what = f"{count_text(len(left), 'part')} left in {options.RUNS}/ by killed runs: {names}"
        yield Finding("runs", "note", what, "Nothing reads them; the next run removes them")
