"""Cross margin over the symbols of a portfolio: where the account cannot carry all it holds.

All positions are backed by one account. They end together at the first trade, of a symbol that
holds one, in the one order of all trades (time, then order of symbols, then id), at which equity
is no more than the sum of what all positions need. Sessions run ahead of each other, so nobody
looks trade by trade: once the others have lived through a stretch of time its trades are looked at
as columns, in pieces between two changes of any position. A pass in which the account ends is
played again by somebody who knows where.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from fractions import Fraction
from math import ceil, floor
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from orderflow_bt.sim.rounding import PER_UNIT
from orderflow_bt.sim.tiers import brackets_of, shipped_tiers

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from orderflow_bt.sim.session import Session

_SLACK = 1e-6  # of the amounts in hand: floats decide nothing that is closer


class Doom(NamedTuple):
    """Where an account ends.

    Attributes:
        time: Of the trade that ends it, microseconds UTC.
        number: Its symbol's place in the order of symbols.
        at: Its index on that symbol's tape.
        ends: For each symbol the price at which its position ends, and the fee in
            hundred-millionths; (0, 0) where it has none.
    """

    time: int
    number: int
    at: int
    ends: tuple[tuple[int, int], ...]


class _Change(NamedTuple):
    """Key in the order of all trades, and what becomes of one symbol there."""

    time: int
    number: int  # the symbol in whose trades ``row`` counts
    row: int  # the change comes before this row
    leg: int
    position: int
    ledger: int | Fraction


class _Leg:
    """One symbol's part of the account, as of what was looked at."""

    def __init__(self, session: Session) -> None:
        account = session.account
        self.session, self.account = session, account
        self.ledger: int | Fraction = 0  # units gained since the start
        self.position = 0
        self.price = 0
        self.next = 0  # tape index of the first trade not looked at
        self.fills = self.payments = 0  # of those that were looked at
        tables = list(session.config.tiers) or [shipped_tiers(account.instrument.symbol)]
        self.tables = [(table.time, brackets_of(table)) for table in tables]
        self._inverse = account.instrument.is_inverse
        self._unit = Fraction(account.worth(1, 1)) / account.scale
        self._per_price = Fraction(1, 10**account.instrument.price_decimals)

    def value(self, price: int) -> Fraction:
        """What the position is to equity at a price, in currency, signed."""
        if self._inverse:
            return -self.position * self._unit / price
        return self.position * self._unit * price

    def maintenance(self, price: int) -> Fraction:
        """What it needs at a price."""
        worth = abs(self.value(price))
        real = price * self._per_price
        face = worth * real if self._inverse else worth
        for bracket in self.tables[0][1]:
            if bracket.holds(face):
                break
        due = bracket.rate * face - bracket.cum
        return due / real if self._inverse else due

    def estimates(self, price: NDArray[np.int64]) -> tuple[Any, Any]:
        """`value` and `maintenance` at many prices, nearly."""
        unit, real = float(self._unit), price * float(self._per_price)
        value = -self.position * unit / price if self._inverse else self.position * unit * price
        face = np.abs(value) * real if self._inverse else np.abs(value)
        brackets = self.tables[0][1]
        tier = np.searchsorted([float(b.up_to) for b in brackets if b.up_to is not None], face)
        rate, cum = (np.array([float(x) for x in xs]) for xs in zip(
            *((b.rate, b.cum) for b in brackets), strict=True))  # fmt: skip
        due = rate[tier] * face - cum[tier]
        return value, due / real if self._inverse else due

    def rows_before(self, number: int, mine: int, time: int, row: int) -> int:
        """The first row of the stretch in hand that does not come before a key of the order."""
        tape = self.session.tape
        if mine == number:
            return row
        find = bisect_right if mine < number else bisect_left
        return find(tape.time, time, hi=tape.end)


class JointMargin:
    """Looks for the trade that ends an account.

    Args:
        sessions: Of the portfolio, in the order of symbols.
        doom: Where it ends, if that is known from an earlier pass.
    """

    def __init__(self, sessions: Sequence[Session], doom: Doom | None) -> None:
        self._cash = Fraction(sessions[0].config.cash)
        self._legs = [_Leg(session) for session in sessions]
        self._doom = doom

    def scan(self, number: int, time: int) -> Doom | None:
        """Look at every trade before a hook of session ``number`` at ``time``; where all ends."""
        legs = self._legs
        own = legs[number].session.cursor
        stops = [leg.rows_before(number, m, time, own) for m, leg in enumerate(legs)]
        changes = sorted(self._changes(number, time, stops), key=lambda change: change[:3])
        for change in changes:
            rows = [
                min(leg.rows_before(change.number, m, change.time, change.row), stops[m])
                for m, leg in enumerate(legs)
            ]
            if found := self._pass(rows):
                return found
            leg = legs[change.leg]
            leg.position += change.position
            leg.ledger += change.ledger
            while len(leg.tables) > 1 and leg.tables[1][0] <= change.time:
                leg.tables.pop(0)
        return self._pass(stops)

    def _changes(self, number: int, time: int, stops: Sequence[int]) -> list[_Change]:
        """What happened to positions and cash since the last look, as far as it goes now."""
        found = []
        for m, leg in enumerate(self._legs):
            session, account, tape = leg.session, leg.account, leg.session.tape
            for fill in session.broker.fills[leg.fills :]:
                row = int(np.searchsorted(tape.id[: tape.end], fill.trade_id)) + 1
                key = (fill.time, m, row)
                if self._doom and fill.role == "liquidation":
                    behind = self._legs[self._doom.number].session.tape.base
                    key = (self._doom.time, self._doom.number, self._doom.at - behind)
                if row > stops[m] or (fill.time, m) > (time, number):
                    break
                worth = account.worth(fill.price, fill.qty)
                sign = fill.side if account.instrument.is_inverse else -fill.side
                gained = sign * worth - account.units(fill.fee)
                found.append(_Change(*key, m, fill.side * fill.qty, gained))
                leg.fills += 1
            for payment in session.funding.payments[leg.payments :]:
                if (payment.time, m) > (time, number):
                    break
                row = bisect_left(tape.time, payment.time, hi=tape.end)
                gained = account.units(payment.amount)
                found.append(_Change(payment.time, m, row, m, 0, gained))
                leg.payments += 1
            if len(leg.tables) > 1 and leg.tables[1][0] <= time:
                row = bisect_left(tape.time, leg.tables[1][0], hi=tape.end)
                found.append(_Change(leg.tables[1][0], m, row, m, 0, 0))
        return found

    # -- a piece in which nothing changes but prices ----------------------------------------------

    def _pass(self, stops: Sequence[int]) -> Doom | None:
        """Look at the rows before ``stops`` of each stretch in hand, and leave them behind."""
        legs = self._legs
        starts = [max(0, leg.next - leg.session.tape.base) for leg in legs]
        holders = [m for m, leg in enumerate(legs) if leg.position and stops[m] > starts[m]]
        found = (
            self._search(holders, starts, stops) if self._is_near(holders, starts, stops) else None
        )
        for leg, start, stop in zip(legs, starts, stops, strict=True):
            if stop > start:
                leg.price = leg.session.tape.price.item(stop - 1)
                leg.next = leg.session.tape.base + stop
        return found

    @property
    def _settled(self) -> Fraction:
        """Cash of all, positions being worth nothing."""
        gained = (Fraction(leg.ledger) / leg.account.scale for leg in self._legs)
        return self._cash + sum(gained, Fraction(0))

    def _is_near(self, holders: Sequence[int], starts: Sequence[int], stops: Sequence[int]) -> bool:
        """Whether equity could fall to what positions need, were all prices at their worst."""
        if not holders:
            return False
        worst = amounts = abs(float(self._settled))
        worst = float(self._settled)
        for m, leg in enumerate(self._legs):
            if not leg.position:
                continue
            seen = leg.session.tape.price[starts[m] : stops[m]]
            prices = [leg.price or int(seen[0])] + (
                [int(seen.min()), int(seen.max())] if len(seen) else []
            )
            value, due = leg.estimates(np.array(prices, np.int64))
            worst += float(value.min() - due.max())
            amounts += float(np.abs(value).max())
        return worst <= _SLACK * amounts

    def _search(
        self, holders: Sequence[int], starts: Sequence[int], stops: Sequence[int]
    ) -> Doom | None:
        """The first trade of a holder at which equity is no more than positions need."""
        legs = self._legs
        rows = np.concatenate([np.arange(starts[m], stops[m]) for m in holders])
        whose = np.concatenate([np.full(stops[m] - starts[m], m) for m in holders])
        times = np.concatenate([legs[m].session.tape.time[starts[m] : stops[m]] for m in holders])
        order = np.lexsort((rows, whose, times))
        rows, whose = rows[order], whose[order]
        left = np.full(len(rows), float(self._settled))
        amounts = np.abs(left)
        prices = {}
        for m, leg in enumerate(legs):
            if not leg.position:
                continue
            known = np.maximum.accumulate(np.where(whose == m, np.arange(len(rows)), -1))
            price = np.where(known < 0, leg.price, leg.session.tape.price[rows[known]])
            prices[m] = price
            value, due = leg.estimates(price)
            left += value - due
            amounts += np.abs(value)
        for at in np.flatnonzero(left <= _SLACK * amounts).tolist():
            now = {m: int(price[at]) for m, price in prices.items()}
            equity = self._settled + sum(legs[m].value(price) for m, price in now.items())
            needs = {m: legs[m].maintenance(price) for m, price in now.items()}
            if equity <= sum(needs.values()):
                m = int(whose[at])
                tape, row = legs[m].session.tape, int(rows[at])
                ends = self._ends(equity, needs, now)
                return Doom(tape.time.item(row), m, tape.base + row, ends)
        return None

    def _ends(
        self, equity: Fraction, needs: dict[int, Fraction], prices: dict[int, int]
    ) -> tuple[tuple[int, int], ...]:
        """Where each position ends, so that with all of them the whole equity is lost.

        Each loses a part of it by its share of the maintenance margin, as beyond the last price;
        what rounding the price to its entry's side leaves goes to the fee.
        """
        ends = [(0, 0)] * len(self._legs)
        whole = sum(needs.values())
        for m, need in needs.items():
            leg = self._legs[m]
            up = leg.position > 0
            value, lost = leg.value(prices[m]), equity * need / whole
            exact = leg.value(1) / (value - lost) if leg.account.instrument.is_inverse else (
                (value - lost) / leg.value(1)
            )  # fmt: skip
            price = max(1, ceil(exact) if up else floor(exact))
            fee = leg.value(price) - (value - lost)
            ends[m] = price, floor(fee * PER_UNIT)
        return tuple(ends)
