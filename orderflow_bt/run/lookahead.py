"""The look-ahead audit: does a strategy decide the same when the future is taken from it?

Every check runs the strategy again on a tape that agrees with the true one up to some trade and
differs behind it. What was decided up to there must be the same. ``docs/lookahead.md``.
"""

from __future__ import annotations

import random
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from orderflow_bt.run.decisions import Diary
from orderflow_bt.run.kept import Facts, suspicious
from orderflow_bt.run.outside import Outside
from orderflow_bt.run.variations import Material, Player, cut_at, time_of
from orderflow_bt.sim.rounding import money

if TYPE_CHECKING:
    from collections.abc import Callable

    from orderflow_bt.run.decisions import Decision, Look
    from orderflow_bt.run.variations import Played
    from orderflow_bt.sim import SimConfig
    from orderflow_bt.strategy import Strategy

__all__ = ["Audit", "Check", "Finding", "Material", "audit"]

REAL_EDGE = 2.0  # standard errors of the mean round trip from which an edge is taken for one


class Finding(NamedTuple):
    """One thing that is not as it must be.

    Attributes:
        check: Which check found it.
        time: Market time of the first decision that changed, 0 where there is none.
        row: Trades of the tape that were over then.
        hook: In which hook.
        expected: What the strategy decided with the whole tape before it.
        found: What it decided otherwise.
        looked_at: The first value that it read differently, or where else it can have it from.
    """

    check: str
    time: int
    row: int
    hook: str
    expected: str
    found: str
    looked_at: str

    def __str__(self) -> str:
        at = (
            f" at {np.datetime64(self.time, 'us')}Z, after {self.row:,} trades" if self.time else ""
        )
        if not self.expected and not self.found:
            return f"{self.check}: {self.hook}{at} used {self.looked_at}"
        return (
            f"{self.check}: {self.hook}{at} decided {self.found or 'nothing'} where it had decided"
            f" {self.expected or 'nothing'}; it looked at {self.looked_at}"
        )


class Check(NamedTuple):
    """A check that was made: its name, how many runs it took, and what came of it."""

    name: str
    runs: int
    said: str


@dataclass(slots=True)
class Audit:
    """What the audit found."""

    trades: int
    decisions: int
    seed: int
    checks: list[Check] = field(default_factory=list)
    findings: list[Finding] = field(default_factory=list)


def audit(
    make: Callable[[], Strategy],
    material: Material,
    config: SimConfig,
    *,
    seed: int = 1,
    cuts: int = 6,
    allow_outside: bool = False,
    outside: Outside | None = None,
    progress: Callable[[str], None] = lambda _: None,
) -> Audit:
    """Audit a strategy for look-ahead.

    Args:
        make: Makes the strategy, with its parameters, each time anew.
        material: The tape.
        config: Assumptions of the simulation.
        seed: Of the moments at which the tape is cut and of how it is shuffled.
        cuts: How many prefixes, and how many shuffled futures.
        allow_outside: Let the strategy use files and tables of its own: somebody vouches that
            they were made before the tape.
        outside: What was opened while the strategy was imported, if that was watched.
        progress: Told what is being done.

    Raises:
        PluginError: The strategy raises on the tape as it is.
    """
    seen = outside or Outside()
    player = Player(make, material, config, progress)
    player.tell("the tape as it is")
    facts = Facts(material.instrument.price_decimals)
    with seen.building("__init__"):
        first = make()
    reference, rows = player.reference(seen, facts)
    found = Audit(rows, len(reference.diary.decisions), seed)
    _check_same(player, reference, found, seen)
    _check_cut(player, reference, found)
    luck = random.Random(seed)  # noqa: S311 - it chooses moments, not secrets
    for check in ("prefix", "shuffle"):
        _check_moments(check, player, reference, found, luck=luck, count=cuts)
    _check_lag(player, found)
    _check_outside(first, facts, seen, found, allow_outside=allow_outside)
    return found


def _check_same(
    player: Player,
    reference: Played,
    found: Audit,
    seen: Outside,
) -> None:
    """The same again: nothing else makes sense for who does not decide the same twice."""
    player.tell("the same again")
    counting = Outside(count_bytes=True)
    try:
        again = player.play(player.material.pieces(), player.material.end, Diary(outside=counting))
    finally:
        counting.close()
    known = {source.what for source in seen.sources}
    seen.sources += [s for s in counting.sources if s.what not in known and not seen.sources]
    differs = _first_difference(reference.diary.decisions, again.diary.decisions)
    if differs is None and not again.raised:
        found.checks.append(Check("same again", 1, "equal"))
        return
    found.checks.append(Check("same again", 1, "different"))
    expected, other = differs or (None, None)
    moment = expected or other
    found.findings.append(
        Finding(
            "same again",
            moment.time if moment else 0,
            moment.row if moment else 0,
            moment.hook if moment else "",
            expected.deed if expected else "",
            again.raised or (other.deed if other else ""),
            "something that differs from run to run: chance without a seed, or what it keeps"
            " outside itself",
        )
    )


def _check_cut(player: Player, reference: Played, found: Audit) -> None:
    """The tape handed over in pieces that end at every decision: there is no future in memory."""
    player.tell("cut at every decision")
    edges = sorted({decision.row for decision in reference.diary.decisions})

    def play(detail: int | None) -> Played:
        pieces = cut_at(player.material.pieces(), edges)
        return player.play(pieces, player.material.end, Diary(detail_at=detail))

    other = play(None)
    differs = _first_difference(reference.diary.decisions, other.diary.decisions)
    if differs is None and other.raised:
        differs = (None, None)
    if differs is not None:
        found.findings.append(_explained("cut", player, other, differs, play))
    found.checks.append(Check("cut", 1, "different" if differs else f"equal at {len(edges):,}"))


def _check_moments(
    check: str,
    player: Player,
    reference: Played,
    found: Audit,
    *,
    luck: random.Random,
    count: int,
) -> None:
    """Prefixes or shuffled futures: half of them behind random trades, half behind decisions."""
    decisions = reference.diary.decisions
    chosen = {luck.randint(1, max(1, found.trades - 1)): 0 for _ in range((count + 1) // 2)}
    for decision in luck.sample(decisions, min(count // 2, len(decisions))):
        chosen[decision.row] = decision.time
    different = 0
    for row in sorted(chosen):
        player.tell(f"{check} of {row:,} trades")
        time = max(chosen[row], time_of(player.material.pieces(), row))
        again = _Again(player, check, row, time, luck.randrange(2**32))
        other = again(None)
        differs = _first_difference(
            _until(decisions, row, time), _until(other.diary.decisions, row, time)
        )
        if differs is None and other.raised and check == "prefix":
            differs = (None, None)
        if differs is not None:
            different += 1
            if different == 1:
                found.findings.append(_explained(check, player, other, differs, again))
    said = f"{different} of {len(chosen)} different" if different else f"{len(chosen)} equal"
    found.checks.append(Check(check, len(chosen), said))


@dataclass(frozen=True, slots=True)
class _Again:
    """A variation that can be run again, with what is looked at at one time written down."""

    player: Player
    check: str
    row: int
    time: int
    seed: int

    def __call__(self, detail: int | None) -> Played:
        return self.player.varied(self.check, self.row, self.time, self.seed, detail)


def _until(decisions: list[Decision], row: int, time: int) -> list[Decision]:
    """What was decided while the tapes were still equal."""
    return [d for d in decisions if d.row < row or (d.row == row and d.time <= time)]


def _check_lag(player: Player, found: Audit) -> None:
    """Without latency, and one trade later: an edge that a single trade takes away is none."""
    player.tell("one trade later")
    bare = replace(player.config.with_latency(0), slippage_ticks=0)
    results = []
    for lag in (0, 1):
        config = replace(bare, lag_trades=lag)
        played = player.play(player.material.pieces(), player.material.end, Diary(), config=config)
        results.append(played.session)
    soon, late = ([float(trip.net_pnl) for trip in session.trips.done] for session in results)
    nets = [float(money(s.account.equity(s.last_price)) - s.config.cash) for s in results]
    said = f"net {nets[0]:,.2f} without latency, {nets[1]:,.2f} one trade later"
    found.checks.append(Check("lag", 2, said))
    if _edge(soon) >= REAL_EDGE and nets[1] < nets[0] / 2:
        found.findings.append(
            Finding(
                "lag", 0, 0, "the whole run", f"a net of {nets[0]:,.2f} in {len(soon)} round trips",
                f"a net of {nets[1]:,.2f} in {len(late)}",
                "the very next trade: its edge does not outlive one",
            )
        )  # fmt: skip


def _edge(nets: list[float]) -> float:
    """By how many standard errors the mean round trip lies above nothing."""
    if len(nets) < 2:
        return 0.0
    spread = float(np.std(nets, ddof=1))
    return float(np.mean(nets)) / spread * len(nets) ** 0.5 if spread else 0.0


def _check_outside(
    strategy: Strategy, facts: Facts, seen: Outside, found: Audit, *, allow_outside: bool
) -> None:
    """Files, connections, and what the strategy keeps from before the first trade."""
    told = [
        Finding("outside", source.time, 0, source.hook, "", "", source.what)
        for source in seen.sources
    ]
    told += [
        Finding("outside", 0, 0, type(strategy).__name__, "", "", f"{name}: {what}")
        for name, what in suspicious(strategy, facts)
    ]
    word = f"{len(told)} found" if told else "nothing"
    found.checks.append(Check("outside", 0, word + (", allowed" if told and allow_outside else "")))
    if not allow_outside:
        found.findings += told


def _explained(
    check: str,
    player: Player,
    other: Played,
    differs: tuple[Decision | None, Decision | None],
    again: Callable[[int | None], Played],
) -> Finding:
    """The finding, with the first value that was read differently: two more runs tell it."""
    expected, decided = differs
    moment = min((d for d in differs if d), key=lambda d: (d.row, d.time), default=None)
    if moment is None:  # it raised where it had decided nothing
        session = other.session
        return Finding(
            check, session.now, session.next_index, other.diary.hook, "to go on",
            other.raised, _reached(other.diary),
        )  # fmt: skip
    here = player.play(player.material.pieces(), player.material.end, Diary(detail_at=moment.time))
    there = again(moment.time)
    return Finding(
        check,
        moment.time,
        moment.row,
        moment.hook,
        _deed_at(moment, expected),
        _deed_at(moment, decided) or other.raised,
        _different_look(here.diary, there.diary),
    )


def _deed_at(moment: Decision, decision: Decision | None) -> str:
    """What was decided at a moment; empty where the next decision came later."""
    same = decision is not None and (decision.row, decision.time) == (moment.row, moment.time)
    return decision.deed if decision is not None and same else ""


def _different_look(here: Diary, there: Diary) -> str:
    for mine, theirs in zip(here.looks, there.looks, strict=False):
        if mine != theirs:
            return _told(mine, theirs)
    return _reached(here)


def _told(mine: Look, theirs: Look) -> str:
    if mine.what != theirs.what:
        return f"{mine.what} = {mine.value}, where it then looked at {theirs.what}"
    return f"{mine.what} = {mine.value}, which is {theirs.value} without the future"


def _reached(diary: Diary) -> str:
    if diary.private:
        return f"{', '.join(sorted(diary.private))}, behind what a hook is given"
    return "nothing it was given that differs: it has the future from elsewhere"


def _first_difference(
    expected: list[Decision], found: list[Decision]
) -> tuple[Decision | None, Decision | None] | None:
    for mine, theirs in zip(expected, found, strict=False):
        if mine != theirs:
            return mine, theirs
    if len(expected) > len(found):
        return expected[len(found)], None
    if len(found) > len(expected):
        return None, found[len(expected)]
    return None
