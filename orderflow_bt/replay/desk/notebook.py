"""Keeps the journal of a practice at the desk, asks questions, remembers where one stood."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from orderflow_bt.errors import OrderflowError, UsageError
from orderflow_bt.replay.practice.journal import is_sealed, public
from orderflow_bt.replay.practice.scores import scores
from orderflow_bt.replay.practice.trips import follow, write_trips

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from orderflow_bt.replay.engine.hand import Heard
    from orderflow_bt.replay.engine.player import Player
    from orderflow_bt.replay.practice.drills import Drills
    from orderflow_bt.replay.practice.journal import Journal
    from orderflow_bt.replay.screen.lens import Lens
    from orderflow_bt.strategy import Order

Facts = dict[str, Any]

MEMORY = "desk.json"
_SCORED = frozenset({"answer", "truth", "trip"})
_OF_QUESTION = ("id", "kind", "concept", "question", "choices", "hides")


class Notebook:
    """Writes down what the person does and what comes of it, and never twice.

    Args:
        journal: Where it is written; what it holds already is done again.
        player: New, at its first row.
        drills: The questions along its window.
        seen: Tells what is on screen: the forming bar's number and the ids of marks.

    Attributes:
        drill: The latest question as the page shows it, with its answer and truth once given.

    Raises:
        OrderflowError: The journal belongs to another window or other assumptions.
    """

    def __init__(
        self,
        journal: Journal,
        player: Player,
        drills: Drills,
        seen: Callable[[], Mapping[str, Any]],
    ) -> None:
        self.journal, self.drills = journal, drills
        self.drill: Facts | None = None
        self._player, self._seen = player, seen
        self._scores: Facts = {}
        self._counted = -1  # entries that stand in the scores
        self._public: list[Facts] = []
        self._worded_sealed = False
        self._memory = ""
        self._owed: list[tuple[str, Facts]] = []  # lines of what was done, still to be written
        follow(journal.entries, player)
        self._stand_again()
        self._attempt = player.attempt
        self._noted = len(player.heard)  # of what was heard in this attempt

    # -- writing -------------------------------------------------------------------------------

    def write(self, kind: str, **facts: Any) -> Facts:
        """A line, with where the person stands and what they see, of what is not done yet.

        Raises:
            UsageError: The practice ended with the reveal.
        """
        self.settle()
        return self.journal.write(kind, **self._here(), **facts)

    def keep(self, kind: str, **facts: Any) -> None:
        """A line of what is done already: where it cannot be written, it comes before the next.

        Raises:
            UsageError: The practice ended with the reveal.
        """
        self._owed.append((kind, self._here() | facts))
        self.settle()

    def settle(self) -> None:
        """Write what could not be written when it was done.

        Raises:
            OrderflowError: It still cannot.
        """
        while self._owed:
            kind, facts = self._owed[0]
            try:
                self.journal.write(kind, **facts)
            except UsageError:
                del self._owed[0]
                raise
            del self._owed[0]

    def _here(self) -> Facts:
        player = self._player
        return {
            "row": player.row,
            "time": player.now,
            "attempt": player.attempt,
            "seen": self._seen(),
        }

    def catch_up(self) -> list[Order]:
        """Write down what was heard and told since it was last asked: after each move.

        Returns:
            Orders that ended meanwhile unfilled, without the person or a bracket having ended them.
        """
        self.settle()
        player, heard = self._player, self._player.heard
        if player.attempt != self._attempt:  # what lies before its beginning was written then
            self._attempt, self._noted = player.attempt, len(heard)
        fresh = heard[self._noted :]
        if self.journal.is_revealed:
            self._noted = len(heard)
            return []
        for found in fresh:
            if found.fill is not None:
                self.write("fill", **_fill_facts(found))
            self._noted += 1  # one by one: where the disk is full, the rest is still to come
        if any(found.fill for found in fresh):
            write_trips(self.journal, player)
        for told in self.drills.told():
            self.keep("truth", **self.drills.record(told["id"]))
            if self.drill is not None and self.drill["id"] == told["id"]:
                self.drill = self.drill | told
        return [found.order for found in fresh if found.fill is None and _is_news(found.order)]

    # -- questions -----------------------------------------------------------------------------

    def ask(self, lens: Lens) -> None:
        """Ask the question that is planned where the cursor stands."""
        question = self.drills.ask()
        facts = {name: value for name, value in question.items() if name not in ("kind", "row")}
        self.keep("ask", drill=question["kind"], **facts)
        self.drill = {name: question[name] for name in _OF_QUESTION}
        self.drill["asked_at"] = lens.time(question["asked_at"])

    def answer(self, choice: str, confidence: int, seconds: float) -> Facts:
        """Take the answer to it; what may be said of it now."""
        shown = self.drills.answer(choice, confidence, seconds)
        self.keep("answer", **self.drills.record(shown["id"]))
        self.drill = (self.drill or {}) | {k: v for k, v in shown.items() if v is not None}
        return shown

    def leave(self) -> None:
        """Leave the question unanswered."""
        self.drills.leave()
        self.drill = None

    # -- what pages are given ------------------------------------------------------------------

    @property
    def is_sealed(self) -> bool:
        """Whether symbol, date and price are hidden."""
        return is_sealed(self.journal.entries)

    def score(self) -> Facts:
        """Scores so far."""
        count = sum(entry["kind"] in _SCORED for entry in self.journal.entries)
        if count != self._counted:
            self._scores, self._counted = scores(self.journal.entries), count
        return self._scores

    def entries(self) -> Sequence[Facts]:
        """The journal as any page may show it, oldest first; it only grows, but at the reveal."""
        start, sealed = self._player.window.start, self.is_sealed
        if sealed != self._worded_sealed:
            self._public, self._worded_sealed = [], sealed
        for entry in self.journal.entries[len(self._public) :]:
            self._public.append(public(entry, start, sealed=sealed))
        return self._public

    # -- where one stood -----------------------------------------------------------------------

    def remember(self, memory: Facts) -> None:
        """Keep where the cursor stands and what is on screen, for a server that is started again.

        Args:
            memory: ``row``, ``furthest``, and what the desk wants back.

        Raises:
            OrderflowError: It cannot be written.
        """
        text = json.dumps(memory)
        if text != self._memory:
            path = self.journal.folder / MEMORY
            fresh = path.with_suffix(".new")
            try:
                fresh.write_text(text, encoding="utf-8")
                fresh.replace(path)
            except OSError as error:
                raise OrderflowError(
                    f"where you stand cannot be noted: {error.strerror or error}",
                    where=str(path),
                    fix="Free some space",
                ) from error
            self._memory = text

    def memory(self) -> Facts:
        """What was kept last; empty where nothing was.

        Raises:
            UsageError: It cannot be read.
        """
        path = self.journal.folder / MEMORY
        try:
            found = json.loads(path.read_text(encoding="utf-8"))
            return {**found, "row": int(found["row"]), "furthest": int(found["furthest"])}
        except FileNotFoundError:
            return {}
        except (ValueError, TypeError, KeyError, OverflowError, RecursionError):
            raise UsageError(
                "it does not say where one stood",
                where=str(path),
                fix="Delete it: the practice then goes on where its journal ends",
            ) from None

    def _stand_again(self) -> None:
        """Go on to where an earlier server was: what was seen stays seen."""
        player, memory = self._player, self.memory()
        if memory.get("row", 0) > player.row:
            player.seek(memory["row"])
        if player.at_end:
            player.finish()
        furthest = min(memory.get("furthest", 0), player.window.rows)
        player.furthest = max(player.furthest, furthest)


def _is_news(order: Order) -> bool:
    if order.status == "cancelled":
        return bool(order.why) and order.parent_id is None
    return order.status in ("rejected", "expired")


def _fill_facts(heard: Heard) -> Facts:
    fill = heard.fill
    assert fill is not None
    return {
        "fill": fill.id,
        "order": fill.order_id,
        "side": fill.side,
        "qty": fill.qty,
        "price": fill.price,
        "at": fill.time,
        "trade_id": fill.trade_id,
        "role": fill.role,
        "rule": fill.rule,
        "slippage_ticks": fill.slippage_ticks,
        "fee": str(fill.fee),
    }
