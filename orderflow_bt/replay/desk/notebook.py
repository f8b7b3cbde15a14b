"""Keeps the journal of a practice at the desk, asks questions, remembers where one stood."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from orderflow_bt.errors import UsageError
from orderflow_bt.replay.desk.memory import Shelter
from orderflow_bt.replay.practice.journal_file import is_sealed
from orderflow_bt.replay.practice.journal_words import public
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
        memory: Where the desk notes how it stands.

    Raises:
        OrderflowError: The journal belongs to another window or other assumptions.
        UsageError: What the desk noted cannot be read.
    """

    def __init__(
        self,
        journal: Journal,
        player: Player,
        drills: Drills,
        seen: Callable[[], Mapping[str, Any]],
    ) -> None:
        self.journal, self.drills = journal, drills
        self.memory = Shelter(journal.folder)
        self.drill: Facts | None = None
        self._player, self._seen = player, seen
        self._scores: Facts = {}
        self._counted = -1  # entries that stand in the scores
        self._public: list[Facts] = []
        self._worded_sealed = False
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
        self.keep("ask", **self.drills.asking())
        self._show(question, lens)

    def ask_again(self, lens: Lens) -> bool:
        """Ask what waited for its answer when an earlier server ended; whether something did."""
        question = None if self.journal.is_revealed else self.drills.ask_again()
        if question is not None:
            self._show(question, lens)
        return question is not None

    def _show(self, question: Facts, lens: Lens) -> None:
        self.drill = {name: question[name] for name in _OF_QUESTION}
        self.drill["asked_at"] = lens.time(question["asked_at"])

    def answer(self, choice: str, confidence: int, seconds: float) -> Facts:
        """Take the answer to it; what may be said of it now."""
        shown = self.drills.answer(choice, confidence, seconds)
        self.keep("answer", **self.drills.record(shown["id"]))
        self.drill = (self.drill or {}) | {k: v for k, v in shown.items() if v is not None}
        return shown

    def leave(self) -> None:
        """Leave the question unanswered, if one is open."""
        question = self.drills.open
        if question is not None:
            self.drills.leave()
            if not self.journal.is_revealed:
                self.keep("leave", id=question["id"])
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

    def _stand_again(self) -> None:
        """Go on to where an earlier server was: what was seen stays seen."""
        player, memory = self._player, self.memory.recall()
        if memory is not None and memory.row > player.row:
            player.seek(memory.row)
        if player.at_end:
            player.finish()
        if memory is not None:
            player.furthest = max(player.furthest, min(memory.furthest, player.window.rows))


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
