"""All that a replay made known, as lines of JSON in the order of knowing: `docs/replay-format.md`.

The dump follows a player. Going back cuts it to where the player went back to, so that in the end
it holds one line of time, whatever way led there.
"""

from __future__ import annotations

import contextlib
import hashlib
import io
import json
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from orderflow_bt.errors import UsageError
from orderflow_bt.replay.engine.listener import Listener, Passed

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from orderflow_bt.replay.engine.actions import Recorded
    from orderflow_bt.replay.engine.hand import Heard
    from orderflow_bt.replay.engine.player import Player
    from orderflow_bt.replay.engine.scene import Scene
    from orderflow_bt.sim import Session
    from orderflow_bt.sim.readings import ClosedBar, Moment

VERSION = 1
_COUNTED = ("bar", "event", "action", "order", "fill")


class Dump(Listener):
    """Writes what passes to a file, from `begin` on; it appears when `close` is called.

    Args:
        path: The file.
        scene: What is replayed; the first line says it.
    """

    def __init__(self, path: Path, scene: Scene) -> None:
        self._path = path
        self._part = path.with_name(path.name + ".part")
        self._file: io.BufferedRandom | io.BytesIO = io.BytesIO()  # nothing, until it begins
        self._scene = scene
        self._start, self._bars = scene.window.start, scene.bars
        self._counts = dict.fromkeys(_COUNTED, 0)

    def begin(self) -> None:
        """Open the file and write its first line; from here on `discard` has something to do.

        Raises:
            UsageError: It cannot be written there.
        """
        try:
            self._file = self._part.open("w+b")
        except OSError as error:
            raise UsageError(
                f"the dump cannot be written: {error.strerror or error}",
                where=str(self._path),
                fix="Make the folder first, or give another place",
            ) from error
        self._write(_head(self._scene))
        self._first = self._file.tell()

    # -- following -----------------------------------------------------------------------------

    def passed(self, passed: Passed) -> None:
        """Write what became known."""
        heard = passed.happenings
        told, row = 0, passed.first
        for piece in passed.slices:
            for number, moment in enumerate(piece.moments):
                while told < len(heard) and heard[told].after <= number:
                    self._heard(heard[told])
                    told += 1
                if moment.time >= self._start:
                    self._moment(moment, row + moment.at)
            row += piece.trades.rows
        for late in heard[told:]:
            self._heard(late)

    def acted(self, recorded: Recorded) -> None:
        """Write what the person did."""
        made = recorded._asdict()
        made.pop("order")
        if recorded.order is not None:
            made["id"] = recorded.order
        self._line("action", made.pop("action"), made)

    def rewound(self, _row: int) -> None:
        """Cut it to its beginning."""
        self._cut(self._first, dict.fromkeys(_COUNTED, 0))

    def snapshot(self) -> bytes:
        """Where it ends."""
        return json.dumps([self._file.tell(), self._counts]).encode()

    def restore(self, raw: bytes) -> None:
        """Cut it to where it ended: what follows is there still, and is written again."""
        at, counts = json.loads(raw)
        self._cut(at, counts)

    def _cut(self, at: int, counts: dict[str, int]) -> None:
        self._counts = dict(counts)
        self._file.seek(at)

    # -- writing -------------------------------------------------------------------------------

    def _moment(self, moment: Moment, row: int) -> None:
        for closed in moment.bars:
            if closed.spec == self._bars:
                self._line("bar", _bar(closed), {"known_at": moment.time, "row": row})
        for event in moment.events:
            self._line("event", asdict(event), {"row": row})

    def _heard(self, heard: Heard) -> None:
        where = {"time": heard.time, "row": heard.row}
        if heard.fill is not None:
            self._line("fill", heard.fill._asdict(), where)
        else:
            self._line("order", heard.order._asdict(), where)

    def _line(self, kind: str, what: Mapping[str, Any], where: Mapping[str, Any]) -> None:
        self._counts[kind] += 1
        self._write({kind: what, **where})

    def _write(self, line: Mapping[str, Any]) -> None:
        text = json.dumps(line, default=str, separators=(",", ":"), ensure_ascii=False)
        self._file.write(text.encode() + b"\n")

    def close(self, player: Player) -> dict[str, Any]:
        """Write what attempts and strategies did, and the totals; the file is there then.

        Returns:
            The totals, with the SHA-256 of all lines before theirs.
        """
        for attempt in player.attempts:
            self._write(
                {
                    "attempt": attempt.number, "since": attempt.since, "left": attempt.left,
                    "fills": [fill._asdict() for fill in attempt.fills],
                    "round_trips": [trip._asdict() for trip in attempt.trips],
                    "still_open": attempt.still_open and attempt.still_open._asdict(),
                }
            )  # fmt: skip
        for trip in _trips(player.session):
            self._write({"round_trip": trip})
        for name, session in player.watched.items():
            for fill in session.broker.fills:
                self._write({"strategy": name, "fill": fill._asdict()})
            for trip in _trips(session):
                self._write({"strategy": name, "round_trip": trip})
        for name, error in player.failed.items():
            self._write({"strategy": name, "failed": str(error)})
        self._file.truncate()
        totals = {
            "rows": player.row,
            **{f"{kind}s": count for kind, count in self._counts.items()},
            "attempts": player.attempt + 1,
            "equity": str(player.session.market.equity),
            "strategies": {n: str(s.market.equity) for n, s in player.watched.items()},
            "sha256": self._sha256(),
        }
        self._write({"totals": totals})
        self._file.close()
        self._part.replace(self._path)
        return totals

    def discard(self) -> None:
        """Leave nothing behind."""
        with contextlib.suppress(OSError):  # what it could not write it cannot write now
            self._file.close()
        self._part.unlink(missing_ok=True)

    def _sha256(self) -> str:
        self._file.seek(0)
        digest = hashlib.file_digest(self._file, "sha256").hexdigest()
        self._file.seek(0, 2)
        return digest


def _head(scene: Scene) -> dict[str, Any]:
    window, units = scene.window, scene.window.instrument
    tape = window.tape
    return {
        "replay": VERSION,
        "tape": {
            "exchange": tape.exchange, "market": tape.market.value,
            "kind": tape.kind.value, "symbol": tape.symbol,
        },
        "start": window.start, "end": window.end, "rows": window.rows, "first": window.first,
        "days": [
            {"date": day.date.isoformat(), "sha256": day.source_sha256, "rows": day.rows}
            for day in window.days
        ],
        "units": {
            "price_decimals": units.price_decimals, "qty_decimals": units.qty_decimals,
            "tick": units.tick_size, "lot": units.lot_size,
        },
        "bars": str(scene.bars),
        "detectors": {name: plugin.parameters() for name, plugin in scene.detectors.items()},
        "strategies": {name: plugin.parameters() for name, plugin in scene.strategies.items()},
    }  # fmt: skip


def _bar(closed: ClosedBar) -> dict[str, Any]:
    footprint = closed.footprint
    return {
        "spec": str(closed.spec),
        **closed.bar._asdict(),
        "row_size": footprint.row_size,
        "levels": footprint.cells.tolist(),
    }


def _trips(session: Session) -> Iterator[dict[str, Any]]:
    still_open = session.still_open()
    for trip in [*session.trips.done, *([still_open] if still_open else [])]:
        yield trip._asdict()
