"""Looks ahead, for the server's side only: which row to stop at, and nothing of what comes there.

A scout has a copy of the person's readings and session, feeds it beyond the cursor and notes when
something becomes known. The player never sees that copy: what it shows, it reads itself.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from orderflow_bt.replay.engine.hand import Hand
from orderflow_bt.replay.engine.player import stop_of
from orderflow_bt.replay.engine.window import CHUNK

if TYPE_CHECKING:
    from collections.abc import Iterator

    from orderflow_bt.flow.events import Event
    from orderflow_bt.replay.engine.hand import Heard
    from orderflow_bt.replay.engine.lane import Lane
    from orderflow_bt.replay.engine.player import Player
    from orderflow_bt.replay.engine.window import Cut, ReplayWindow

_LEAST = 1 << 12  # trades that a scout reads at once


@dataclass(frozen=True, slots=True)
class Wanted:
    """What to stop at: the first of these.

    Attributes:
        bars: A bar on screen closes.
        events: An event of a detector on screen: of its name, ``detector:kind``,
            ``detector:state``, or any (``*``).
        orders: The person hears of an order of theirs.
        parts: Also where all they hear are fills that are neither an order's first nor its last.
        prices: Ranges (low, high) in price units, ends included, that price comes into or jumps
            over.
        lots: A trade of at least so many; 0 for none.
        row: A row.
    """

    bars: bool = False
    events: frozenset[str] = frozenset()
    orders: bool = False
    parts: bool = True
    prices: tuple[tuple[int, int], ...] = ()
    lots: int = 0
    row: int | None = None


class Found(NamedTuple):
    """Where to stop, and for which of what was wanted.

    Attributes:
        row: Right behind the trade that made it known.
        reasons: bars, events, orders, prices, lots, row.
        events: The events, where they are the reason.
    """

    row: int
    reasons: tuple[str, ...]
    events: tuple[Event, ...] = ()


class _Known(NamedTuple):
    row: int
    reason: str
    event: Event | None = None
    is_part: bool = False


class Scout:
    """Looks ahead of a player.

    Attributes:
        stop: Set it from another thread to end a search, which then finds nothing.
    """

    def __init__(self, player: Player) -> None:
        self._player = player
        self._lane: Lane | None = None
        self._made_of: tuple[object, ...] = ()
        self._acted: tuple[int, int] | None = None  # the attempt and its actions, where it matters
        self._base = 0  # what is known from here to the lane's row stands in _ahead
        self._ahead: deque[_Known] = deque()
        self.stop = False

    def next(self, wanted: Wanted, stop: int | None = None) -> int | None:
        """The row at which the first wanted thing is known; None if not up to row ``stop``."""
        found = self.find(wanted, stop)
        return found.row if found else None

    def find(self, wanted: Wanted, stop: int | None = None) -> Found | None:
        """As `next`, with the reason."""
        self.stop = False
        player, window = self._player, self._player.window
        row = player.row
        stop = window.rows if stop is None else min(stop, window.rows)
        if wanted.row is not None and wanted.row > row:
            stop = min(stop, wanted.row)
        orders = wanted.orders and self.may_hear()
        ahead = wanted.bars or wanted.events or orders
        if ahead:
            self._follow(orders=orders)
        elif not wanted.prices and not wanted.lots:
            return _at_row(wanted, stop) if stop > row else None
        size = _LEAST
        while row < stop and not self.stop:
            until = min(stop, row + size)
            found = list(self._known(wanted, row, until)) if ahead else []
            found += _on_tape(window, wanted, row, until)
            if found:
                first = min(known.row for known in found)
                return _together([known for known in found if known.row == first], wanted)
            row, size = until, min(2 * size, CHUNK)
        return None if self.stop else _at_row(wanted, stop)

    def stops(self, wanted: Wanted, count: int) -> int | None:
        """The row of the ``count``-th bar or event that is wanted; None if there are fewer."""
        self.stop = False
        self._follow(orders=wanted.orders)
        window, row = self._player.window, self._player.row
        while row < window.rows and not self.stop:
            until = min(window.rows, row + _LEAST)
            rows = sorted({known.row for known in self._known(wanted, row, until)})
            if len(rows) >= count:
                return rows[count - 1]
            count, row = count - len(rows), until
        return None

    def may_hear(self) -> bool:
        """Whether anything may still happen to an order, or to a position for want of margin."""
        session = self._player.session
        return bool(
            session.broker.rows or session.next_notice is not None or session.account.position
        )

    def _follow(self, *, orders: bool) -> None:
        """Have a copy at or ahead of the cursor, that reads what the player reads."""
        player = self._player
        made_of = (player.bars, player.detectors)
        acted = (player.attempt, len(player.actions))
        lane = self._lane
        if (
            lane is None
            or any(a is not b for a, b in zip(made_of, self._made_of, strict=True))
            or not self._base <= player.row <= lane.row
            or (orders and acted != self._acted)
        ):
            self._lane, self._made_of = player.lane_ahead(), made_of
            self._acted = acted if orders else None
            self._ahead.clear()
        self._base = player.row
        while self._ahead and self._ahead[0].row <= player.row:
            self._ahead.popleft()

    def _known(self, wanted: Wanted, row: int, until: int) -> Iterator[_Known]:
        """What is wanted of what becomes known in ``(row, until]``."""
        window = self._player.window
        assert self._lane is not None
        if self._lane.row < until:
            goal = min(window.rows, max(until, self._lane.row + _LEAST))
            while self._lane.row < goal:
                self._ahead += self._read_on(goal)
        for known in self._ahead:
            if known.row > until:
                return
            if known.row > row and _is_wanted(known, wanted):
                yield known

    def _read_on(self, goal: int) -> list[_Known]:
        """Read the next trades up to a row; only to where an order is heard of, if one is."""
        window, lane = self._player.window, self._lane
        assert lane is not None
        cut = next(window.pieces(lane.row, goal))
        before = lane.ahead() if self._acted else None
        known, heard = self._read(lane, cut)
        if not heard or before is None:
            return known
        # When exactly it is heard is found as a player would find it: a trade at a time.
        self._lane = lane = before
        known = []
        near = max(lane.row, heard[0].row - 1)
        for cut in window.pieces(lane.row, near):
            known += self._read(lane, cut)[0]
        while lane.row < goal:
            more, heard = self._read(lane, next(window.pieces(lane.row, lane.row + 1)))
            known += more
            if heard:
                is_part = all(one.part for one in heard)
                return [*known, _Known(lane.row, "orders", is_part=is_part)]
        return known

    def _read(self, lane: Lane, cut: Cut) -> tuple[list[_Known], list[Heard]]:
        """What a cut makes known, and what the person heard of their orders."""
        piece, known = lane.feed(cut), []
        for moment in piece.moments:
            row = cut.row + stop_of(moment.at, moment.time, piece.trades.time)
            if any(closed.spec == self._player.bars for closed in moment.bars):
                known.append(_Known(row, "bars"))
            known += [_Known(row, "events", event) for event in moment.events]
        hand = lane.session.strategy
        assert isinstance(hand, Hand)
        heard, hand.heard = hand.heard, []
        return sorted(known, key=lambda found: found.row), heard


def _is_wanted(known: _Known, wanted: Wanted) -> bool:
    if known.event is None:
        if known.reason == "bars":
            return wanted.bars
        return wanted.orders and (wanted.parts or not known.is_part)
    name = known.event.detector
    words = (name, f"{name}:{known.event.kind}", f"{name}:{known.event.state}", "*")
    return not wanted.events.isdisjoint(words)


def _on_tape(window: ReplayWindow, wanted: Wanted, row: int, until: int) -> Iterator[_Known]:
    """The first touch of each price, and the first large trade, in rows ``[row, until)``."""
    if not wanted.prices and not wanted.lots:
        return
    before = max(0, row - 1)
    trades = window.trades(before, until)
    skip = row - before
    if wanted.lots:
        large = np.flatnonzero(trades.qty[skip:] >= wanted.lots)
        if large.size:
            yield _Known(row + int(large[0]) + 1, "lots")
    for low, high in wanted.prices:
        place = (trades.price > high).astype(np.int8) - (trades.price < low)
        was, now = place[:-1], place[1:]
        touched = (was != now) & ((now == 0) | (was * now < 0))
        if not skip and place[0] == 0:
            yield _Known(row + 1, "prices")
        hits = np.flatnonzero(touched)
        if hits.size:
            yield _Known(before + 2 + int(hits[0]), "prices")


def _at_row(wanted: Wanted, stop: int) -> Found | None:
    return Found(stop, ("row",)) if wanted.row == stop else None


def _together(found: list[_Known], wanted: Wanted) -> Found:
    """Everything that becomes known at one row."""
    reasons = {known.reason: None for known in found}
    if wanted.row == found[0].row:
        reasons["row"] = None
    events = tuple(known.event for known in found if known.event is not None)
    return Found(found[0].row, tuple(reasons), events)
