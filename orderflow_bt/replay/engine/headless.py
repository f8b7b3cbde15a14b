"""A replay without a screen: a script's actions at their rows, paced as asked, and a dump of it."""

from __future__ import annotations

import json
import math
import time
from typing import TYPE_CHECKING, Any, NamedTuple

from orderflow_bt.errors import UsageError
from orderflow_bt.replay.engine.dump import Dump
from orderflow_bt.replay.engine.transport import Pacer
from orderflow_bt.replay.engine.window import CHUNK

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence
    from pathlib import Path

    from orderflow_bt.replay.engine.player import Player
    from orderflow_bt.replay.engine.scene import Scene

_FRAME = 0.02  # seconds between two looks at the wall's clock
KINDS = ("action", "seek")


class Step(NamedTuple):
    """A line of a script.

    Attributes:
        row: Where the cursor is to stand first.
        action: What the person does there, if anything.
        to: The row they go to from there, if anywhere.
        where: The line, for errors.
    """

    row: int
    action: dict[str, Any] | None
    to: int | None
    where: str


def read_script(path: Path) -> list[Step]:
    """The actions and seeks of a script: a journal, or lines written for the purpose.

    Each line is an object with ``row``, and ``action`` (`orderflow_bt.replay.engine.actions`) or
    ``to``, a row to go to. A journal's other entries, which say another ``kind``, are passed over.

    Raises:
        UsageError: The file cannot be read, or a line is not one of these.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"the script cannot be read: {error}", where=str(path)) from error
    lines = text.splitlines()
    if lines and not text.endswith("\n") and not _is_whole(lines[-1]):
        del lines[-1]  # a journal that was cut while it was written
    steps = [_step(line, f"{path}:{k}") for k, line in enumerate(lines, 1) if line.strip()]
    return [step for step in steps if step is not None]


def _is_whole(line: str) -> bool:
    try:
        json.loads(line)
    except ValueError:
        return False
    return True


def _step(line: str, where: str) -> Step | None:
    try:
        entry = json.loads(line)
    except ValueError as error:
        raise UsageError(f"a line of the script is no JSON: {error}", where=where) from error
    if not isinstance(entry, dict):
        raise UsageError("a line of the script is no object", where=where)
    if entry.get("kind", "action") not in KINDS:
        return None
    row, action, to = entry.get("row"), entry.get("action"), entry.get("to")
    if (
        not isinstance(row, int)
        or not isinstance(to, int | None)
        or not isinstance(action, dict | None)
        or (action is None) == (to is None)
    ):
        raise UsageError(
            "a line of the script needs row, and action or to",
            where=where,
            fix='Write {"row": 1200, "action": {"do": "market", "side": 1, "qty": 5}}',
        )
    return Step(row, action, to, where)


def run_headless(
    scene: Scene,
    path: Path,
    *,
    script: Iterable[Step] = (),
    speed: float = math.inf,
    clock: Callable[[], float] = time.monotonic,
    sleep: Callable[[float], None] = time.sleep,
) -> dict[str, Any]:
    """Replay a scene to its end and write its dump; the dump's totals.

    Args:
        scene: What is replayed.
        path: The file to write; it appears when it is whole.
        script: What the person does, in order.
        speed: Tape seconds a wall second; `math.inf` waits for nothing. It changes no byte.
        clock: The wall's seconds.
        sleep: Waits so many seconds.

    Raises:
        UsageError: A step of the script cannot be taken.
    """
    dump = Dump(path, scene)
    try:
        dump.begin()
        player = scene.player([dump])
        go = _Pace(player, speed, clock, sleep)
        _perform(player, list(script), go)
        go.to(scene.window.rows)
        player.finish()
        return dump.close(player)
    except BaseException:
        dump.discard()
        raise


def _perform(player: Player, script: Sequence[Step], go: _Pace) -> None:
    for step in script:
        if not player.row <= step.row <= player.window.rows:
            raise UsageError(
                f"the script asks for row {step.row}, the cursor stands at {player.row} of"
                f" {player.window.rows}",
                where=step.where,
                fix='Go back with {"row": FROM, "to": ROW}',
            )
        go.to(step.row)
        try:
            if step.to is not None:
                player.seek(step.to)
            elif step.action is not None:
                player.act(step.action)
        except UsageError as error:
            raise UsageError(error.what, where=step.where, fix=error.fix) from error


class _Pace:
    """Brings a player to rows, no faster than asked."""

    def __init__(
        self,
        player: Player,
        speed: float,
        clock: Callable[[], float],
        sleep: Callable[[float], None],
    ) -> None:
        self._player, self._clock, self._sleep = player, clock, sleep
        self._pacer = Pacer(player.window, speed)

    def to(self, row: int) -> None:
        """Play up to a row."""
        player, pacer = self._player, self._pacer
        if math.isinf(pacer.speed):
            player.seek(row)
            return
        pacer.begin(player.row, self._clock())
        while player.row < row:
            due = min(row, pacer.due(self._clock()))
            while player.row < due:
                player.advance(min(due, player.row + CHUNK))
            if player.row < row:
                self._sleep(max(_FRAME, min(1.0, pacer.wait(self._clock()))))
