"""An account marked to the market: equity at bar closes, its worst fall, a trade's extremes.

No hook can see any of it, so changes of the account are only noted as they come, most of them by a
kernel, and what happened between them is looked up on the tape once for many of them.
"""

from __future__ import annotations

from array import array
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from orderflow_bt.kernels import orders as k
from orderflow_bt.kernels import records as r
from orderflow_bt.kernels.marking import live_through
from orderflow_bt.kernels.memory import address_of
from orderflow_bt.sim.excursions import NOTHING, Excursions
from orderflow_bt.sim.rounding import cents
from orderflow_bt.sim.shelf import MANY

if TYPE_CHECKING:
    from collections.abc import Iterator
    from decimal import Decimal
    from fractions import Fraction

    from numpy.typing import NDArray

    from orderflow_bt.sim.account import Account
    from orderflow_bt.sim.buffer import Stretch
    from orderflow_bt.sim.state import KernelState

_NONE = np.zeros((0, 4), np.int64)


class EquityRow(NamedTuple):
    """The account at a bar's close."""

    time: int
    equity: Decimal
    position: int
    price: int


class EquityBlock(NamedTuple):
    """The account at some bar closes, by column.

    Attributes:
        time: int64 [n], microseconds UTC.
        cents: [n], equity in hundred-millionths: int64, or objects where one needs more bits.
        position: int64 [n], signed lots.
        price: int64 [n], price units of the last trade before each; 0 where there was none.
    """

    time: NDArray[np.int64]
    cents: NDArray[Any]
    position: NDArray[np.int64]
    price: NDArray[np.int64]


class _Held:
    """Cash and position by the bar close from which on they stood, packed."""

    def __init__(self, ledger: int | Fraction) -> None:
        self._from, self._ledger, self._position = array("q"), array("q"), array("q")
        self._large: dict[int, int | Fraction] = {}  # cash that no int64 can hold, by its place
        self.note(0, ledger, 0)

    def note(self, close: int, ledger: int | Fraction, position: int) -> None:
        """From a bar close on, not before the latest: in its place if it is the same."""
        place = len(self._from)
        if place and self._from[-1] == close:
            place -= 1
            for column in (self._from, self._ledger, self._position):
                column.pop()
            self._large.pop(place, None)
        if not isinstance(ledger, int) or abs(ledger) >= k.NEVER:
            self._large[place], ledger = ledger, 0
        self._from.append(close)
        self._ledger.append(ledger)
        self._position.append(position)

    def between(self, first: int, stop: int) -> tuple[NDArray[Any], NDArray[np.int64]]:
        """Cash and position at bar closes; cash as objects where some is in no int64."""
        since = np.frombuffer(self._from, np.int64)
        places = np.searchsorted(since, np.arange(first, stop), side="right") - 1
        ledgers: NDArray[Any] = np.frombuffer(self._ledger, np.int64)[places]
        low, high = (int(places[0]), int(places[-1])) if stop > first else (0, -1)
        if large := [place for place in range(low, high + 1) if place in self._large]:
            ledgers = ledgers.astype(object)
            for place in large:
                begin, end = np.searchsorted(places, (place, place + 1))
                ledgers[begin:end] = self._large[place]
        return ledgers, np.frombuffer(self._position, np.int64)[places]


class Marks:
    """Follows one account through the tape.

    Args:
        account: Whose.
        cash: At the start.
        state: Of the kernel that writes down changes.
    """

    def __init__(self, account: Account, cash: Decimal, state: KernelState) -> None:
        self._account = account
        self._state = state
        self._inverse = account.instrument.is_inverse
        self._peak = float(cash)
        self._worst = 0.0
        self._row = 0  # the first that is not marked yet
        self._line = account.equity_line()  # as of the last change
        self._excursions = Excursions(account)
        self._extremes = (int(NOTHING[0]), int(NOTHING[1]))  # since the last change
        self._changes = np.zeros((0, r.CHANGE_FIELDS), np.int64)  # since
        self._ledgers: dict[int, int | Fraction] = {}  # behind those of them no int64 can hold
        self._closing = np.zeros(0, np.int64)  # moments of the piece at which bars close
        self._before = 0  # bars that had closed before the piece
        self._closes: list[NDArray[np.int64]] = []  # [n, 2]: time and price of bar closes
        self._count = 0  # of those
        self._held = _Held(account.ledger)
        self._rows: list[EquityRow] = []  # of as many closes as were looked at
        self._look()

    def _look(self) -> None:
        slots = self._state.slots
        slots[k.AT_CHANGES], slots[k.CHANGE_ROOM] = address_of(self._changes), len(self._changes)

    def __getstate__(self) -> dict[str, Any]:
        return self.__dict__

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state)
        self._look()

    @property
    def max_drawdown(self) -> float:
        """Worst equity / peak - 1, at every trade that is marked."""
        return self._worst

    @property
    def excursion(self) -> list[int]:
        """How far the round trip under way went: as `Excursions.follow` tells of ended ones."""
        return self._excursions.under_way(*self._extremes)

    # -- changes ----------------------------------------------------------------------------------

    def make_room(self, rows: int) -> None:
        """Let there be room for so many changes; those that there were are marked."""
        if len(self._changes) < rows:
            self._changes = np.zeros((rows, r.CHANGE_FIELDS), np.int64)
            self._look()

    def begin_piece(self, closing: NDArray[np.int64]) -> None:
        """Another piece is in hand; ``closing`` are the moments of it at which bars close."""
        self._closing, self._before = closing, self._count

    def begin(self, tape: Stretch) -> None:
        """Another stretch is in hand; what there was is marked."""
        self._row = tape.first

    def changed(self, row: int, last: int) -> None:
        """Note that the account has changed, but by no fill, behind the trades before ``row``.

        Args:
            row: Of the stretch in hand.
            last: Price of the last trade.
        """
        slots = self._state.slots
        number = slots[k.N_CHANGES]
        slots[k.N_CHANGES] = number + 1
        self._changes[number] = (row, 0, 0, last, slots[k.REACHED], 0, self._account.position)
        self.settle()

    def settle(self) -> None:
        """Have the account's cash stand behind the latest change."""
        number, ledger = self._state.slots[k.N_CHANGES] - 1, self._account.ledger
        if isinstance(ledger, int) and abs(ledger) < k.NEVER:
            self._changes[number, r.C_LEDGER] = ledger
        else:
            self._ledgers[number] = ledger

    def catch_up(self, tape: Stretch, row: int) -> NDArray[np.int64]:
        """Mark the account at every trade before ``row`` of the stretch in hand.

        Returns:
            Int64 [n, 4]: how far the round trips went that ended since (`Excursions.follow`).
        """
        count = self._state.slots[k.N_CHANGES]
        if not count and (row <= self._row or self._line[1] == 0.0):
            self._row = max(self._row, row)
            return _NONE
        changes = self._changes[:count]
        lines = np.empty((count + 1, 2))
        lines[0] = self._line
        if count:
            lines[1:] = self._lines(changes)
        lived = np.empty((count, 2), np.int64)
        self._peak, self._worst, *extremes = live_through(
            tape.price, *tape.blocks, self._row, row, changes, lines, self._inverse, self._peak,
            self._worst, *self._extremes, lived,
        )  # fmt: skip
        self._extremes = int(extremes[0]), int(extremes[1])
        self._row, self._line = row, (float(lines[-1, 0]), float(lines[-1, 1]))
        ended = self._excursions.follow(changes, lived) if count else _NONE
        self._ledgers.clear()
        self._state.slots[k.N_CHANGES] = 0
        return ended

    def _lines(self, changes: NDArray[np.int64]) -> NDArray[np.float64]:
        """The account's line behind each change; which bars closed with what is noted too."""
        ledgers: list[int | Fraction] = changes[:, r.C_LEDGER].tolist()
        for number, ledger in self._ledgers.items():
            ledgers[number] = ledger
        closes = self._before + np.searchsorted(self._closing, changes[:, r.C_REACHED])
        last = np.flatnonzero(np.append(closes[1:] != closes[:-1], True))
        for number in last.tolist():
            position = int(changes[number, r.C_POSITION])
            self._held.note(int(closes[number]), ledgers[number], position)
        return self._account.equity_lines(ledgers, changes[:, r.C_POSITION])

    # -- equity at bar closes ---------------------------------------------------------------------

    def close_bars(self, time: NDArray[np.int64], price: NDArray[np.int64]) -> None:
        """Add bar closes: their times and the price of the last trade before each."""
        if len(time):
            self._closes.append(np.column_stack([time, price]))
            self._count += len(time)

    @property
    def rows(self) -> list[EquityRow]:
        """The account at every bar close, in order."""
        self._rows += self.since(len(self._rows))
        return self._rows

    def since(self, first: int) -> Iterator[EquityRow]:
        """The account at bar closes, but for the ``first`` ones, made one by one and not kept."""
        amount, equity = 0, cents(0)  # of the row before: while nothing is held they stay
        for block in self.blocks(first):
            for time, now, held, price in zip(*(col.tolist() for col in block), strict=True):
                if now != amount:
                    amount, equity = now, cents(now)
                yield EquityRow(time, equity, held, price)

    def blocks(self, first: int = 0) -> Iterator[EquityBlock]:
        """As `since`, some at a time and by column."""
        if first == self._count:
            return
        self._closes = [np.concatenate(self._closes)]
        closes = self._closes[0]
        for begin in range(first, len(closes), MANY):
            time, price = np.ascontiguousarray(closes[begin : begin + MANY].T)
            ledgers, held = self._held.between(begin, begin + len(time))
            yield EquityBlock(time, self._account.equity_cents(ledgers, held, price), held, price)
