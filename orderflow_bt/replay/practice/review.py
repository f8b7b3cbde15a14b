"""What a practice shows the day after: scores, each misread moment, trades with their reasons."""

from __future__ import annotations

import datetime as dt
import shlex
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any, NamedTuple

from orderflow_bt.errors import OrderflowError, UsageError
from orderflow_bt.replay.practice.drills import CONCEPTS
from orderflow_bt.replay.practice.journal_file import FILE, is_sealed, read_journal
from orderflow_bt.replay.practice.scores import (
    Answer,
    answers,
    r_before_costs,
    read_scores,
    scores,
    trade_scores,
)
from orderflow_bt.replay.practice.shapes import Assumed, Traded
from orderflow_bt.stats.verdict import count
from orderflow_bt.types import SECOND_US, Kind, MarketType, TapeId

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from orderflow_bt.replay.practice.chain import Entry

HIDDEN = "hidden until the reveal"
CLOSED_BY = {  # roles of the order that ended a round trip, in words
    "entry": "a new entry",
    "exit": "a close",
    "stop": "its stop",
    "target": "its target",
    "end": "the end of the data",
    "gap": "a hole in the data",
    "liquidation": "liquidation",
}
_EPOCH = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)
_USUAL = {"liquidate_on": "auto"}  # what the command takes, where a journal lacks it


class Misread(NamedTuple):
    """A wrong answer.

    Attributes:
        time: Market time of the question, microseconds UTC.
        when: It, or how long after the start where the date is hidden.
        concept: What was asked about.
        answer: What was said, and what was right.
        opens: The command that opens the replay at that moment; empty where it is hidden.
    """

    time: int
    when: str
    concept: str
    answer: Answer
    opens: str


@dataclass(frozen=True)
class Practice:
    """A practice folder, read.

    Attributes:
        folder: Where it lies.
        entries: Of its journal, as far as it can be trusted.
        torn: Bytes of a last line that was not written to its end.
        edited_at: The first line that was edited, from 1; 0 where none was.
        cut: How many lines are known to be gone from its end.
        is_remade: Whether it is not the journal that was written, from its first line on.
        has_head: Whether lines cut off its end would show.
        program: The words that call this program on the lake it was practised from.
    """

    folder: Path
    entries: list[Entry]
    torn: int
    edited_at: int
    cut: int = 0
    is_remade: bool = False
    has_head: bool = True
    program: Sequence[str] = ("orderflow-bt",)

    @property
    def name(self) -> str:
        """What to call it."""
        return self.folder.name

    @cached_property
    def facts(self) -> Entry:
        """What the first line says; empty where not even that was written."""
        return self.entries[0] if self.entries else {}

    @cached_property
    def sealed(self) -> bool:
        """Whether market and date are still hidden."""
        return is_sealed(self.entries)

    @property
    def state(self) -> str:
        """How far the journal can be trusted, in words."""
        if self.edited_at:
            return (
                f"EDITED at line {self.edited_at}: only what stands before it is shown, and"
                " nothing of it can be trusted more than that"
            )
        if self.cut:
            lines = count(self.cut, "line")
            return f"CUT: {lines} known to have stood at its end {_is_are(self.cut)} gone"
        if self.is_remade:
            return "MADE ANEW: its lines are not those that were written"
        torn = f" but for {self.torn} bytes of a last line" if self.torn else ""
        blind = "" if self.has_head else "; without journal.head lines cut off its end do not show"
        return f"whole{torn}{blind}"

    @property
    def mark(self) -> str:
        """What to call it in one word where it cannot be trusted; empty where it can."""
        word = self.state.partition(":")[0].partition(" at ")[0]
        return word if word.isupper() else ""

    @property
    def began(self) -> str:
        """Wall time of the first line, ISO, UTC."""
        return str(self.facts.get("wall", ""))

    @property
    def ended(self) -> str:
        """Wall time of the last line."""
        return str(self.entries[-1]["wall"]) if self.entries else ""

    @property
    def start(self) -> int:
        """First moment of the practice, microseconds UTC."""
        return int((self.facts.get("window") or {}).get("start", 0))

    @property
    def market(self) -> str:
        """``BTCUSDT um``, or that it is hidden."""
        if self.sealed:
            return HIDDEN
        tape = self.facts.get("tape") or {}
        return f"{tape.get('symbol', '')} {tape.get('market', '')}".strip()

    @property
    def tape(self) -> TapeId:
        """Whose trades were practised on.

        Raises:
            UsageError: The journal does not say it.
        """
        try:
            tape = Traded.model_validate(self.facts["tape"])
            kind, market = Kind(tape.kind), MarketType(tape.market)
            return TapeId(tape.exchange, market, kind, tape.symbol)
        except (KeyError, ValueError) as error:
            raise UsageError(
                f"the journal does not say what was practised on: {error}", where=str(self.folder)
            ) from error

    @cached_property
    def scores(self) -> dict[str, Any]:
        """Everything scored."""
        return scores(self.entries)

    @cached_property
    def answers(self) -> list[Answer]:
        """The answers that are scored."""
        return answers(self.entries)[0]

    @property
    def trips(self) -> list[Entry]:
        """Its round trips, in the order of their end; R before costs while it is sealed."""
        trips = [entry for entry in self.entries if entry["kind"] == "trip"]
        return [r_before_costs(trip) for trip in trips] if self.sealed else trips

    @property
    def notes(self) -> list[Entry]:
        """What was noted."""
        return [entry for entry in self.entries if entry["kind"] == "note"]

    @property
    def reached(self) -> int:
        """The furthest market time in the journal, microseconds UTC."""
        times: list[int] = [entry.get("time", 0) for entry in self.entries]
        return max([self.start, *times])

    def when(self, time: int) -> str:
        """A market time in words; after the start where the date is hidden."""
        if self.sealed:
            seconds = max(0, time - self.start) // SECOND_US
            return f"+{seconds // 3600}:{seconds // 60 % 60:02}:{seconds % 60:02}"
        return stamp(time)

    def opens(self, time: int) -> str:
        """The command that opens the replay at a moment; empty where it is hidden."""
        given = self.facts.get("tape")
        if self.sealed or not given:
            return ""
        tape = Traded.model_validate(given)
        moment = _EPOCH + dt.timedelta(microseconds=time)
        words = [*self.program, "replay", tape.symbol, "--market", tape.market]
        if tape.kind != "aggTrades":
            words += ["--kind", tape.kind]
        words += ["--date", f"{moment:%Y-%m-%d}", "--time", f"{moment:%H:%M:%S}"]
        for name in ("bars", "ticks_per_row"):
            if self.facts.get(name):
                words += [f"--{name.replace('_', '-')}", str(self.facts[name])]
        assumed = self.facts.get("config") or {}
        for name, before in Assumed().model_dump().items():
            value = assumed.get(name, before)
            if value != _USUAL.get(name, before):
                words += [f"--{name.replace('_', '-')}", f"{value}"]
        if self.facts.get("accept_gaps"):
            words.append("--accept-gaps")
        return shlex.join(words)

    @property
    def misread(self) -> list[Misread]:
        """Every wrong answer that is scored, in the order of asking."""
        return [
            Misread(
                answer.time, self.when(answer.time), CONCEPTS[answer.drill], answer,
                self.opens(answer.time),
            )
            for answer in self.answers
            if not answer.hit
        ]  # fmt: skip


def read_practice(folder: Path, program: Sequence[str] = ("orderflow-bt",)) -> Practice:
    """A practice folder.

    Args:
        folder: Where it lies.
        program: The words that call this program on its lake.

    Raises:
        UsageError: It is none.
        OrderflowError: Its journal cannot be read.
    """
    found = read_journal(folder)
    return Practice(
        folder, found.entries, len(found.torn), found.edited_at, found.cut, found.is_remade,
        found.has_head, program,
    )  # fmt: skip


def list_practices(root: Path) -> tuple[list[Practice], list[OrderflowError]]:
    """Every practice below a folder, the earliest first, and why others cannot be read."""
    found, refused = [], []
    for path in sorted(root.glob(f"*/{FILE}")):
        try:
            found.append(read_practice(path.parent))
        except OrderflowError as error:
            refused.append(error)
    return sorted(found, key=lambda practice: (practice.began, practice.name)), refused


def progress(practices: Sequence[Practice]) -> list[dict[str, Any]]:
    """What was scored on each day of the wall, the earliest first."""
    days: dict[str, list[Practice]] = {}
    for practice in practices:
        days.setdefault(practice.began[:10], []).append(practice)
    rows = []
    for day, own in sorted(days.items()):
        reads = read_scores([answer for practice in own for answer in practice.answers])
        trades = trade_scores([trip for practice in own for trip in practice.trips])
        rows.append({"date": day, "practices": len(own), "reads": reads, "trades": trades})
    return rows


def _is_are(number: int) -> str:
    return "is" if number == 1 else "are"


def stamp(time: int) -> str:
    """``2024-01-02 03:04:05``, UTC."""
    return f"{_EPOCH + dt.timedelta(microseconds=time):%Y-%m-%d %H:%M:%S}"
