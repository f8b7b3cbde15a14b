"""Several symbols with one cash account: their sessions take turns in one order of time.

Between two hooks a session needs nothing from the others, so each runs ahead, in a thread of its
own, to where its next hook would be, and waits there. The earliest (time, then order of symbols)
goes on once all wait: what happens is the same however threads are scheduled. What a hook sees of
the others is what they were at its time: the trades, fills and fundings before it, and those of
the very time for symbols that stand earlier in order.
"""

from __future__ import annotations

import threading
from bisect import bisect_left, bisect_right
from fractions import Fraction
from typing import TYPE_CHECKING

from orderflow_bt.kernels.orders import NEVER
from orderflow_bt.sim.joint import JointMargin
from orderflow_bt.sim.liquidation import openers
from orderflow_bt.sim.rounding import money

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence
    from decimal import Decimal

    from orderflow_bt.sim.account import Account
    from orderflow_bt.sim.joint import Doom
    from orderflow_bt.sim.moments import Moments
    from orderflow_bt.sim.readings import Slice
    from orderflow_bt.sim.session import Session

_RUNNING = -NEVER


class _Stopped(BaseException):
    """Another symbol's session failed: this one need not go on. No error of a plugin's."""


class AccountEnds(BaseException):
    """The account could not carry what it held: this pass is to be played again, knowing it.

    Attributes:
        doom: Where.
    """

    def __init__(self, doom: Doom) -> None:
        super().__init__(doom)
        self.doom = doom


class Seat:
    """One session's place in a portfolio.

    Attributes:
        number: Its place in the order of symbols.
        log: (time, cash in units, position) after each change of the account, in order.
        reserved: What its last hook left the account open to, in currency: held and working.
    """

    def __init__(self, portfolio: Portfolio, number: int, session: Session) -> None:
        self._portfolio = portfolio
        self.number = number
        self.session = session
        self.log: list[tuple[int, int | Fraction, int]] = [(-NEVER, session.account.ledger, 0)]
        self.reserved = Fraction(0)
        self._price_before = 0  # of the stretch in hand
        session.account.log = self.log

    def take(self, time: int) -> None:
        """Wait for the turn at ``time``; then the account knows what the others hold."""
        self._portfolio.turn(self.number, time)

    def give(self) -> None:
        """A hook is over: note what it left the account open to."""
        self.reserved = self._exposure()

    def mark(self, time: int) -> None:
        """Note the equity of all at a bar's close, during the turn."""
        account = self.session.account
        units = account.equity_units(self.session.last_price) + account.elsewhere
        self._portfolio.equity.append((time, money(Fraction(units) / account.scale)))

    def mark_bars(self, moments: Moments, m: int) -> None:
        """Note the equity of all at the closes of a moment that are marked at."""
        first, stop = moments.bars_from[m], moments.bars_from[m + 1]
        for spec in moments.specs[first:stop]:
            if spec == self.session.specs[0]:
                self.mark(moments.time[m])

    def begin(self, piece: Slice) -> None:
        """Before another piece of tape: nobody looks back behind it afterwards."""
        times = [int(piece.trades.time[0])] if piece.trades.rows else []
        times += piece.moments.time[:1]
        if next_notice := self.session.next_notice:
            times.append(next_notice)
        if times:
            # what befalls the account before the piece's first trade, others are to see in time
            times.append(self.session.next_due)
            if self.session.doom is not None:
                times.append(self.session.doom.time)
            self.take(max(self.session.now, min(times)))
        self._price_before = self.session.last_price

    # -- as of a time ------------------------------------------------------------------------------

    def profit(self, time: int, *, inclusive: bool) -> Fraction:
        """What it made or lost until ``time``, in currency, at the price it had then."""
        account = self.session.account
        cash, position = self._state(time, inclusive=inclusive)
        worth: int | Fraction = 0
        if position:
            price = self._price(time, inclusive=inclusive)
            worth = account.worth(price, abs(position))
            worth = worth if (position > 0) != account.instrument.is_inverse else -worth
        return Fraction(cash + worth - self.log_start) / account.scale

    def committed(self, time: int, *, inclusive: bool) -> Fraction:
        """Value held at ``time``, or what its last hook left open if that is more."""
        account = self.session.account
        _, position = self._state(time, inclusive=inclusive)
        if not position:
            return self.reserved
        price = self._price(time, inclusive=inclusive)
        return max(account.value(price, abs(position)), self.reserved)

    @property
    def log_start(self) -> int | Fraction:
        """Units of cash at the start."""
        return self.session.account.units(self.session.config.cash)

    def forget(self, time: int) -> None:
        """Drop changes that nobody asks about after ``time``, all but the last of them."""
        keep = bisect_left(self.log, (time,)) - 1
        if keep > 64:
            del self.log[:keep]

    def _state(self, time: int, *, inclusive: bool) -> tuple[int | Fraction, int]:
        edge = (time + 1,) if inclusive else (time,)
        _, cash, position = self.log[bisect_left(self.log, edge) - 1]
        return cash, position

    def _price(self, time: int, *, inclusive: bool) -> int:
        tape = self.session.tape
        find: Callable[..., int] = bisect_right if inclusive else bisect_left
        row = find(tape.time, time, hi=tape.end)
        return tape.price.item(row - 1) if row else self._price_before

    def _exposure(self) -> Fraction:
        account, last = self.session.account, self.session.last_price
        held = account.position
        sides = {1: account.worth(last, held) if held > 0 else 0,
                 -1: account.worth(last, -held) if held < 0 else 0}  # fmt: skip
        arrival = self.session.now + self.session.config.entry_latency
        for side, lots, price in openers(self.session, arrival):
            sides[side] += account.worth(price, lots)
        return Fraction(max(sides.values())) / account.scale


class Portfolio:
    """Sessions that share one account of cash.

    Args:
        sessions: In the order of symbols; each configured with the whole account's cash.
        doom: Where the account ends, if an earlier pass (`AccountEnds`) found that.

    Attributes:
        equity: (time, equity of all) at bar closes of any of them, in order of time.
    """

    def __init__(self, sessions: Sequence[Session], doom: Doom | None = None) -> None:
        self.equity: list[tuple[int, Decimal]] = []
        self._turns = threading.Condition()
        self._waits = [_RUNNING] * len(sessions)
        self._failures: dict[int, BaseException] = {}
        self.seats = [Seat(self, number, session) for number, session in enumerate(sessions)]
        for seat in self.seats:
            seat.session.seat = seat
        self._joint: JointMargin | None = None
        if any(
            session.margin.liquidates and not session.margin.is_isolated for session in sessions
        ):
            self._joint = JointMargin(sessions, doom)
            for number, session in enumerate(sessions):
                session.margin.is_joint = True
                session.doom = doom
                if doom is not None and number != doom.number:
                    session.doom_time = doom.time + (number < doom.number)

    def run(self, tapes: Sequence[Iterable[Slice]], end: int) -> None:
        """Live through every symbol's pieces of tape, then to ``end``.

        Raises:
            PluginError: A strategy raised, or broke a rule.
            AccountEnds: The account backs all positions, and is used up: play it again.
        """
        threads = [
            threading.Thread(target=self._live, args=(number, tape, end), daemon=True)
            for number, tape in enumerate(tapes)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        if self._failures:
            failures = [self._failures[number] for number in sorted(self._failures)]
            raise next((one for one in failures if isinstance(one, AccountEnds)), failures[0])

    def _live(self, number: int, tape: Iterable[Slice], end: int) -> None:
        seat = self.seats[number]
        try:
            for piece in tape:
                seat.begin(piece)
                seat.session.feed(piece)
            seat.session.finish(end)
        except _Stopped:
            pass
        except BaseException as error:  # noqa: BLE001 - raised again where the threads are joined
            with self._turns:
                self._failures[number] = error
        finally:
            with self._turns:
                self._waits[number] = NEVER
                self._turns.notify_all()

    def turn(self, number: int, time: int) -> None:
        """Wait until session ``number`` is the earliest of all; then tell it of the others."""
        with self._turns:
            self._waits[number] = time
            self._turns.notify_all()
            while not self._failures and not self._is_next(number):
                self._turns.wait()
            if self._failures:
                raise _Stopped
            if self._joint and (doom := self._joint.scan(number, time)):
                raise AccountEnds(doom)
            self._tell(number, time)
            self._waits[number] = _RUNNING

    def _is_next(self, number: int) -> bool:
        earliest = min(self._waits)
        return earliest != _RUNNING and self._waits.index(earliest) == number

    def _tell(self, number: int, time: int) -> None:
        account: Account = self.seats[number].session.account
        profit = committed = Fraction(0)
        for other, seat in enumerate(self.seats):
            if other != number:
                profit += seat.profit(time, inclusive=other < number)
                committed += seat.committed(time, inclusive=other < number)
                seat.forget(time)
        account.elsewhere = _whole(profit * account.scale)
        account.committed = _whole(committed * account.scale)


def _whole(units: Fraction) -> int | Fraction:
    return units.numerator if units.denominator == 1 else units
