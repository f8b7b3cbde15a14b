"""The page of ``orderflow-bt replay``: opened, served on loopback, ended by Ctrl-C."""

from __future__ import annotations

import importlib.util
import json
import os
import shlex
import sys
import threading
import webbrowser
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import typer

from orderflow_bt.cli import options
from orderflow_bt.errors import UsageError
from orderflow_bt.types import MarketType

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from orderflow_bt.replay.desk.opening import Plan
    from orderflow_bt.replay.desk.server import PracticeServer
    from orderflow_bt.replay.practice.blind import Start
    from orderflow_bt.store import Lake
    from orderflow_bt.types import TapeId

_NEEDED = ("starlette", "uvicorn", "websockets")
ADDRESS = "address.json"  # in a practice folder: lets the page find a server that was restarted


@dataclass(frozen=True, slots=True)
class Asked:
    """What the command's options say of a page.

    Attributes:
        tape: Whose trades; None of a blind start.
        window: First moment and end, microseconds UTC; None of a blind start.
        bars: On screen.
        warmup: Least earlier tape, in microseconds.
        ticks_per_row: None chooses.
        detectors: On screen at first, with parameters; None takes the usual ones.
        strategies: That run beside from the start.
        assumed: Options of the simulation, as `Assumptions` takes them, ready for JSON.
        accept_gaps: Whether missing days are accepted.
        seed: Of the questions and of a blind draw; None draws one.
        challenge: Code of a blind start.
        root: Where practice folders lie.
        port: Where to listen; 0 for the last one of this practice, or a free one.
        opens: Whether a browser is opened.
    """

    tape: TapeId | None
    window: tuple[int, int] | None
    bars: str
    warmup: int
    ticks_per_row: int | None
    detectors: list[str] | None
    strategies: list[str]
    assumed: dict[str, Any]
    accept_gaps: bool
    seed: int | None
    challenge: str
    root: Path
    port: int
    opens: bool


def check_extra() -> None:
    """Refuse early where the page's server is not installed.

    Raises:
        UsageError: It is not.
    """
    missing = [name for name in _NEEDED if importlib.util.find_spec(name) is None]
    if missing:
        raise UsageError(
            f"the replay page needs {', '.join(missing)}",
            fix="Install it: pip install 'orderflow-bt[replay]'",
        )


def begin(asked: Asked) -> None:
    """Begin a practice, and serve it until Ctrl-C."""
    from orderflow_bt.replay.practice.blind import draw_start, open_challenge, seen_starts
    from orderflow_bt.replay.practice.journal import practice_folder
    from orderflow_bt.types import BarSpec

    lake = options.open_lake()
    start = None
    if asked.challenge:
        start = open_challenge(lake, asked.challenge)
    elif asked.tape is None:
        start = draw_start(lake, asked.seed, seen_starts(asked.root))
    tape, window = (start.tape, (start.start, start.end)) if start else (asked.tape, asked.window)
    assert tape is not None
    assert window is not None
    seed = start.seed if start else (1 if asked.seed is None else asked.seed)
    plan = _plan(
        lake, tape, window, asked.assumed, bars=BarSpec.parse(asked.bars), warmup=asked.warmup,
        ticks_per_row=asked.ticks_per_row, accept_gaps=asked.accept_gaps, blind=start, seed=seed,
        **({} if asked.detectors is None else {"detectors": tuple(asked.detectors)}),
    )  # fmt: skip
    folder = practice_folder(asked.root, "blind" if start else tape.symbol)
    _serve(lake, plan, folder, asked.strategies, port=asked.port, opens=asked.opens)


def resume(folder: Path, *, port: int, opens: bool) -> None:
    """Go on with a practice where it stopped, and serve it until Ctrl-C."""
    from orderflow_bt.replay.practice.blind import open_challenge
    from orderflow_bt.replay.practice.journal_file import read_journal
    from orderflow_bt.replay.practice.shapes import practised_of
    from orderflow_bt.types import BarSpec

    entries = read_journal(folder).entries
    if not entries:
        raise UsageError("its journal is empty", where=str(folder), fix="Begin another practice")
    facts, lake = practised_of(entries[0], folder), options.open_lake()
    start: Start | None = open_challenge(lake, facts.challenge) if facts.blind else None
    window, named = facts.window, facts.tape
    tape = options.tape_id(named.exchange, MarketType(named.market), named.kind, named.symbol)
    plan = _plan(
        lake, tape, (window.start, window.end), facts.config.model_dump(),
        bars=BarSpec.parse(facts.bars), warmup=window.warmup,
        ticks_per_row=facts.ticks_per_row, accept_gaps=facts.accept_gaps, blind=start,
        seed=facts.seed,
        **({} if facts.detectors is None else {"detectors": tuple(facts.detectors)}),
    )  # fmt: skip
    _serve(lake, plan, folder, [], port=port, opens=opens)


def _plan(
    lake: Lake, tape: TapeId, window: tuple[int, int], assumed: Mapping[str, Any], **more: Any
) -> Plan:
    from orderflow_bt.cli.assumptions import Assumptions
    from orderflow_bt.replay.desk.opening import Plan

    tables = options.settings.config
    config = Assumptions(
        **assumed, fee_tables=tables.get("fees"), margin_tables=tables.get("margin")
    ).config(lake, tape, *window)
    return Plan(tape, *window, config=config, options=dict(assumed), **more)


def _serve(
    lake: Lake, plan: Plan, folder: Path, strategies: list[str], *, port: int, opens: bool
) -> None:
    from orderflow_bt.cli.warm import REPLAY, compiling

    with compiling(REPLAY) as under_way:  # else the page stands still at the first order
        told = "compiling, once: the first minute is slower" if under_way else ""
        if told:
            typer.echo(told, err=True)
        _keep_serving(lake, plan, folder, strategies, port=port, opens=opens, told=told)


def _keep_serving(
    lake: Lake,
    plan: Plan,
    folder: Path,
    strategies: list[str],
    *,
    port: int,
    opens: bool,
    told: str,
) -> None:
    from orderflow_bt.replay.desk.opening import open_desk
    from orderflow_bt.replay.desk.server import PracticeServer
    from orderflow_bt.replay.desk.shelf import Shelf
    from orderflow_bt.replay.engine.scene import plugin_of

    desk = open_desk(lake, plan, folder, shelf=Shelf(plan.detectors, strategies))
    try:
        desk.watch([plugin_of(text)[0] for text in strategies])
        if told:
            desk.notify(told)
        last_port, token = _last_address(folder)
        server = None
        if last_port and not port:
            try:
                server = PracticeServer(desk, port=last_port, token=token)
            except UsageError:  # somebody else listens there by now
                token = None
        server = server or PracticeServer(desk, port=port, token=token)
        _keep_address(folder, server)
        try:
            server.run(lambda: _announce(server, opens=opens))
        except KeyboardInterrupt:
            typer.echo("", err=True)
    finally:
        desk.close()
        typer.echo(f"journal: {folder / 'journal.jsonl'}", err=True)
        words = [*options.program(), "replay", "--resume", str(folder)]
        typer.echo(f"go on:   {shlex.join(words)}", err=True)


def _announce(server: PracticeServer, *, opens: bool) -> None:
    typer.echo(f"replay: {server.address}")
    typer.echo("Ctrl-C ends it; the page may be closed and opened again.", err=True)
    if opens and _has_screen():
        address = server.address_once()
        threading.Thread(target=webbrowser.open, args=(address,), daemon=True).start()


def _has_screen() -> bool:
    """Whether a browser would have a window, and not the terminal that this runs in."""
    if sys.platform != "linux":
        return True
    return bool(os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY"))


def _last_address(folder: Path) -> tuple[int, str | None]:
    """Port and token of this practice's last server; (0, None) where there was none."""
    try:
        found = json.loads((folder / ADDRESS).read_text(encoding="utf-8"))
        return int(found["port"]), str(found["token"])
    except (OSError, ValueError, KeyError, TypeError):
        return 0, None


def _keep_address(folder: Path, server: PracticeServer) -> None:
    """For a server that is started again: readable by nobody else."""
    text = json.dumps({"port": server.port, "token": server.token})
    path = folder / ADDRESS
    path.unlink(missing_ok=True)
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(handle, "w", encoding="utf-8") as file:
        file.write(text)
