"""The market as a hook sees it: only what is known now."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from itertools import repeat
from typing import TYPE_CHECKING, overload

from orderflow_bt.errors import PluginError
from orderflow_bt.kernels.quotes import NO_PRICE
from orderflow_bt.sim.moments import NO_FOOTPRINTS, LoneFootprints
from orderflow_bt.strategy.api import Position

if TYPE_CHECKING:
    from collections.abc import Iterator
    from decimal import Decimal

    from orderflow_bt.flow import Footprint
    from orderflow_bt.instruments import Instrument
    from orderflow_bt.sim.context import Rows
    from orderflow_bt.sim.moments import Moments
    from orderflow_bt.sim.stepper import Stepper
    from orderflow_bt.strategy.series import Series
    from orderflow_bt.types import Bar, BarSpec

BARS_KEPT = 1_000
FOOTPRINTS_KEPT = 64
FLAT = Position(0, None, 0)


class Bars:
    """Closed bars, oldest first."""

    def __init__(self, bars: Sequence[Bar]) -> None:
        self._bars = bars

    def __len__(self) -> int:
        return len(self._bars)

    @overload
    def __getitem__(self, index: int) -> Bar: ...
    @overload
    def __getitem__(self, index: slice) -> Bars: ...
    def __getitem__(self, index: int | slice) -> Bar | Bars:
        if isinstance(index, slice):
            return Bars([self._bars[k] for k in range(*index.indices(len(self._bars)))])
        try:
            return self._bars[index]
        except IndexError:
            raise IndexError(_too_few("bar", index, len(self._bars))) from None

    def __iter__(self) -> Iterator[Bar]:
        return iter(self._bars)

    def last(self, count: int) -> Bars:
        """The last ``count`` closed bars (fewer at the start of the tape)."""
        _check_count(count, 0)
        first = max(0, len(self._bars) - count)
        return Bars([self._bars[k] for k in range(first, len(self._bars))])

    def extreme(self, side: int) -> int:
        """Highest high (``side`` +1) or lowest low (-1)."""
        if not self._bars:
            raise PluginError(
                "no bar is there to have an extreme", fix="Ask len(bars) first, as at the start"
            )
        if side > 0:
            return max(bar.high for bar in self._bars)
        return min(bar.low for bar in self._bars)

    def atr(self, count: int) -> int | None:
        """Average true range of the last ``count`` bars, rounded down; None before there are."""
        _check_count(count, 1)
        if len(self._bars) <= count:
            return None
        bars, total = self._bars, 0
        before = bars[-count - 1].close
        for k in range(-count, 0):
            bar = bars[k]
            total += max(bar.high, before) - min(bar.low, before)
            before = bar.close
        return total // count

    def count_since(self, time: int) -> int:
        """How many bars have closed after ``time``."""
        count = 0
        for bar in reversed(self._bars):
            if bar.close_time <= time:
                break
            count += 1
        return count

    def vwap_since(self, time: int) -> int | None:
        """Volume-weighted price of bars opened since ``time``, rounded; None without volume."""
        quote = volume = 0
        for bar in reversed(self._bars):
            if bar.open_time < time:
                break
            quote += bar.quote_volume
            volume += bar.volume
        return (2 * quote + volume) // (2 * volume) if volume else None


class Footprints(Sequence["Footprint"]):
    """Footprints of the latest closed bars, made when looked at. Nobody can write to them."""

    __slots__ = ("_history",)

    def __init__(self, history: _History) -> None:
        self._history = history

    def __len__(self) -> int:
        return self._history.footprints

    @overload
    def __getitem__(self, index: int) -> Footprint: ...
    @overload
    def __getitem__(self, index: slice) -> list[Footprint]: ...
    def __getitem__(self, index: int | slice) -> Footprint | list[Footprint]:
        if isinstance(index, slice):
            return [self[k] for k in range(*index.indices(len(self)))]
        return self._history.footprint(index)


class _KnownBars(Bars):
    """The closed bars of a history, which knows more of them."""

    def __init__(self, history: _History, bars: Sequence[Bar]) -> None:
        super().__init__(bars)
        self._history = history

    def atr(self, count: int) -> int | None:
        """As of any bars."""
        total = self._history.ranges(count) if count > 0 else None
        return super().atr(count) if total is None else total // count


class _History:
    """The latest closed bars of one specification: taken in when somebody looks.

    Attributes:
        known: All those that were known when somebody looked last, as a hook sees them.
        closed: Footprints of those.
    """

    def __init__(self, spec: BarSpec) -> None:
        self.spec = spec
        self._bars: deque[Bar] = deque(maxlen=BARS_KEPT)
        # Of pieces that are over: where each lies.
        self._past: deque[tuple[LoneFootprints, int]] = deque(maxlen=FOOTPRINTS_KEPT)
        self._moments: Moments | None = None  # of the piece in hand
        self._fresh = NO_FOOTPRINTS
        self._counts: Sequence[int] = (0,)  # bars of the piece that are known, by moment
        self._taken = 0  # of them
        self._shown = 0  # of them, by their footprints
        self.known = _KnownBars(self, self._bars)
        self.closed = Footprints(self)

    def begin(self, moments: Moments) -> None:
        """A piece is in hand; none of its moments is known yet."""
        self._moments = moments
        self._counts = moments.known_of(self.spec)
        self._fresh = moments.footprints_of(self.spec)

    def end(self, reached: int) -> None:
        """The piece is over after that many moments."""
        self.bars(reached)
        stop = self._counts[reached]
        self._past.extend(zip(repeat(self._fresh), range(max(0, stop - FOOTPRINTS_KEPT), stop)))
        self._moments, self._fresh, self._counts = None, NO_FOOTPRINTS, (0,)
        self._taken = self._shown = 0

    def bars(self, reached: int) -> Bars:
        """Bars known after that many moments of the piece."""
        stop = self._counts[reached]
        if stop > self._taken:
            assert self._moments is not None
            self._bars.extend(self._moments.bars_of(self.spec)[self._taken : stop])
            self._taken = stop
        return self.known

    def ranges(self, count: int) -> int | None:
        """Sum of the last true ranges, where the piece in hand has them all."""
        last = self._taken - 1
        if last < count or count >= len(self._bars) or self._moments is None:
            return None
        sums = self._moments.ranges_of(self.spec)
        return sums[last] - sums[last - count]

    def show(self, reached: int) -> Footprints:
        """Footprints known after that many moments of the piece."""
        self._shown = self._counts[reached]
        return self.closed

    @property
    def footprints(self) -> int:
        """How many of them are kept."""
        return min(FOOTPRINTS_KEPT, len(self._past) + self._shown)

    def footprint(self, index: int) -> Footprint:
        """One of those that are kept, oldest first."""
        row = index + self._shown
        if -FOOTPRINTS_KEPT <= index < 0 <= row:  # mostly: the latest one
            return self._fresh[row]
        kept = self.footprints
        place = index + kept if index < 0 else index
        if not 0 <= place < kept:
            raise IndexError(_too_few("footprint", index, kept))
        row = place + self._shown - kept
        if row >= 0:
            return self._fresh[row]
        of_a_piece, row = self._past[row]
        return of_a_piece[row]


def _too_few(what: str, index: int, have: int) -> str:
    kept = f"; the latest {FOOTPRINTS_KEPT} are kept" if what == "footprint" else ""
    return f"there is no {what} [{index}] yet: {have} closed so far{kept}; ask len() first"


def _check_count(count: int, least: int) -> None:
    if count < least:
        raise PluginError(f"a number of bars is at least {least}, not {count!r}")


class MarketView:
    """What `orderflow_bt.Market` promises, on top of a session.

    Attributes:
        reached: Moments of the piece in hand that are known.
    """

    def __init__(self, session: Stepper, instrument: Instrument, specs: list[BarSpec]) -> None:
        self._session = session
        self.instrument = instrument
        self.reached = 0
        self._held, self._held_at = FLAT, -1  # the position as of a revision of the account
        self._histories = {spec: _History(spec) for spec in specs}

    def begin(self, moments: Moments) -> None:
        """A piece is in hand; none of its moments is known yet."""
        self.reached = 0
        for history in self._histories.values():
            history.begin(moments)

    def end(self) -> None:
        """The piece is over."""
        for history in self._histories.values():
            history.end(self.reached)
        self.reached = 0

    @property
    def now(self) -> int:
        """Time of the decision, microseconds UTC."""
        return self._session.now

    @property
    def last(self) -> int:
        """Price of the last trade."""
        return self._session.last_price

    @property
    def inferred_bid(self) -> int | None:
        """Best bid inferred from trades, None until a trade told."""
        bid, _ = self._session.quotes()
        return None if bid == NO_PRICE else bid

    @property
    def inferred_ask(self) -> int | None:
        """Best ask inferred from trades, None until a trade told."""
        _, ask = self._session.quotes()
        return None if ask == NO_PRICE else ask

    @property
    def position(self) -> Position:
        """What is held."""
        account = self._session.account
        if not account.position:
            return FLAT
        if self._held_at != account.revision:
            self._held_at = account.revision
            opened = self._session.books.opened_at
            self._held = Position(account.position, account.average_price(), opened)
        return self._held

    @property
    def equity(self) -> Decimal:
        """Cash and position at the last price."""
        account = self._session.account
        return account.printed(account.purse_units(self._session.last_price))

    def bars(self, spec: BarSpec) -> Bars:
        """Closed bars of a specification the strategy declared."""
        return self._history(spec).bars(self.reached)

    def footprint(self, spec: BarSpec) -> Footprints:
        """Footprints of the latest closed bars, oldest first."""
        return self._history(spec).show(self.reached)

    def _history(self, spec: BarSpec | str) -> _History:
        found = self._histories.get(spec)  # type: ignore[arg-type] # none by a text
        if found is not None:
            return found
        if isinstance(spec, str):
            raise PluginError(
                f"bars are asked for by their specification, not by the text {spec!r}",
                fix="Such as market.bars(self.bars), or market.bars(time_bars('5m'))",
            )
        raise PluginError(
            f"bars of {spec} were not declared",
            fix=f"Declared: {', '.join(map(str, self._histories)) or 'none'};"
            " add a BarSpec parameter, or return it from bar_specs()",
        )

    def series(self, name: str | Series) -> Rows:
        """What is known now of a series the strategy declared: by its name, or itself."""
        text = name if isinstance(name, str) else name.name
        return self._session.context.known(text, self.now)

    def price(self, units: int) -> Decimal:
        """Price units as an exact decimal."""
        return self.instrument.price(units)
