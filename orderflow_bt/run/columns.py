"""What the numbers of a run are worked out from: columns, taken in while its tables are written."""

from __future__ import annotations

from array import array
from collections import Counter
from decimal import Decimal
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from orderflow_bt.sim.account import EXACT_FLOAT
from orderflow_bt.sim.logs import ABSENT
from orderflow_bt.sim.rounding import PER_UNIT
from orderflow_bt.types import Bar

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from numpy.typing import NDArray

    from orderflow_bt.sim.account import Account
    from orderflow_bt.sim.marks import EquityBlock
    from orderflow_bt.sim.trips import RoundTrip

_WHOLE = ("id", "side", "entry_time", "exit_time", "qty")
_REAL = ("net_pnl", "gross_pnl", "fees", "funding", "r_multiple")
_TIMES = [Bar._fields.index("open_time"), Bar._fields.index("close_time")]
_FLAGS = ("is_open", "spans_gap")


class Shown(NamedTuple):
    """A round trip whose footprints are kept."""

    id: int
    entry_time: int
    exit_time: int
    is_open: bool


class TripColumns:
    """Round trips by column, in the order they were taken in.

    Attributes:
        liquidated: How many closed ones ended in a liquidation.
        liquidated_net: Their net money, exactly.
        liquidated_at: When the first of them was, microseconds UTC; 0 where none was.
        closed_net: Net money of all closed ones, exactly.
        gap_net: Net money of those among them that lived through a hole in the tape.
    """

    def __init__(self, trips: Iterable[RoundTrip] = ()) -> None:
        self._whole = {name: array("q") for name in (*_WHOLE, *_FLAGS)}
        self._real = {name: array("d") for name in _REAL}
        self.liquidated = self.liquidated_at = 0
        self.liquidated_net = self.closed_net = self.gap_net = Decimal(0)
        for _ in self.take(trips, 1):
            pass

    def take(self, trips: Iterable[RoundTrip], at_once: int) -> Iterator[list[RoundTrip]]:
        """Take in round trips; gives them on in lists of so many."""
        block: list[RoundTrip] = []
        for trip in trips:
            block.append(trip)
            if len(block) == at_once:
                self._add(block)
                yield block
                block = []
        if block:
            self._add(block)
            yield block

    def _add(self, trips: Sequence[RoundTrip]) -> None:
        for name, whole in self._whole.items():
            whole.extend([int(getattr(trip, name)) for trip in trips])
        for name, real in self._real.items():
            real.extend([_real(getattr(trip, name)) for trip in trips])
        for trip in trips:
            if not trip.is_open:
                self.closed_net += trip.net_pnl
                if trip.spans_gap:
                    self.gap_net += trip.net_pnl
            if trip.exit_role == "liquidation":
                self.liquidated += 1
                self.liquidated_at = self.liquidated_at or trip.exit_time
                self.liquidated_net += trip.net_pnl

    def __len__(self) -> int:
        return len(self._whole["id"])

    def __getitem__(self, name: str) -> NDArray[Any]:
        """A column by the name of `RoundTrip`'s field; R is NaN where there is none."""
        if name in self._real:
            return np.array(self._real[name])
        return np.array(self._whole[name], np.bool_ if name in _FLAGS else np.int64)

    def shown(self, rows: Sequence[int]) -> list[Shown]:
        """Some of them."""
        number, entry, left, is_open = (self._whole[name] for name in Shown._fields)
        return [Shown(number[row], entry[row], left[row], bool(is_open[row])) for row in rows]


def as_stats(trips: Sequence[TripColumns]) -> dict[str, Any]:
    """Round trips of several symbols as `stats.summarise` takes them: by entry, open ones last."""
    names = {
        "trip_net": "net_pnl", "trip_gross": "gross_pnl", "trip_fees": "fees",
        "trip_funding": "funding", "trip_r": "r_multiple", "trip_entry": "entry_time",
        "trip_exit": "exit_time", "trip_side": "side", "trip_open": "is_open",
    }  # fmt: skip
    columns = {to: np.concatenate([some[name] for some in trips]) for to, name in names.items()}
    if len(trips) > 1:
        order = np.lexsort((columns["trip_entry"], columns["trip_open"]))
        columns = {name: column[order] for name, column in columns.items()}
    return columns


class OrderCounts:
    """What became of orders.

    Attributes:
        by_status: How many there are of each status.
        rejected: Of those rejected, how many for each reason.
        roots: How many were sent on their own, not by another.
    """

    def __init__(self) -> None:
        self.by_status: Counter[str] = Counter()
        self.rejected: Counter[str] = Counter()
        self.roots = 0
        self._events: list[NDArray[np.int64]] = [np.empty(0, np.int64)]

    def take(self, columns: Mapping[str, Any]) -> None:
        """Take in the next, by column."""
        self.by_status.update(columns["status"])
        self.roots += int(np.count_nonzero(np.asarray(columns["parent_id"]) == ABSENT))
        self._events.append(np.unique(columns["event_id"]))
        both = zip(columns["why"], columns["status"], strict=True)
        self.rejected.update(why for why, status in both if status == "rejected")

    @property
    def caused_by(self) -> NDArray[np.int64]:
        """Int64, ids of the events that they were sent for, ascending."""
        return np.unique(np.concatenate(self._events))


class FillColumns:
    """What fills were worth, and lost by slippage, as floats.

    Attributes:
        lost: float64 [round trips], money lost by slippage in each.
    """

    def __init__(self, account: Account, tick_size: int, trips: int) -> None:
        self._account, self._tick = account, tick_size
        self._notional, self._slipped, self._maker = array("d"), array("d"), array("b")
        self.lost = np.zeros(trips, np.float64)

    def take(self, columns: Mapping[str, NDArray[np.int64]]) -> None:
        """Take in the next, by the names of `FILL_COLUMNS`."""
        price, lots = columns["price"], columns["qty"]
        off = columns["side"] * columns["slippage_ticks"] * self._tick
        slipped = self._account.losses_between(price, price - off, lots)
        self._notional.extend(self._account.values(price, lots).tolist())
        self._slipped.extend(slipped.tolist())
        self._maker.extend(columns["maker"].tolist())
        np.add.at(self.lost, columns["round_trip"], slipped)

    def __len__(self) -> int:
        return len(self._notional)

    def forget(self) -> None:
        """Keep nothing but `lost`."""
        self._notional, self._slipped, self._maker = array("d"), array("d"), array("b")

    @property
    def total(self) -> float:
        """Sum of what they were worth."""
        return float(sum(self._notional))

    @property
    def notional(self) -> NDArray[np.float64]:
        """Float64 [n], what each was worth."""
        return np.array(self._notional, np.float64)

    @property
    def slipped(self) -> NDArray[np.float64]:
        """Float64 [n], what each lost by trading off the price that was asked or bid."""
        return np.array(self._slipped, np.float64)

    @property
    def is_maker(self) -> NDArray[np.bool_]:
        """Bool [n]."""
        return np.array(self._maker, np.bool_)


class EquityColumns:
    """The account at bar closes, by column."""

    def __init__(self) -> None:
        self._time, self._price = [np.empty(0, np.int64)], [np.empty(0, np.int64)]
        self._equity = [np.empty(0, np.float64)]

    def take(self, block: EquityBlock) -> None:
        """Take in the next."""
        self._time.append(block.time)
        self._price.append(block.price)
        self._equity.append(_amounts(block.cents))

    @property
    def time(self) -> NDArray[np.int64]:
        """Int64 [n], microseconds UTC."""
        return np.concatenate(self._time)

    @property
    def price(self) -> NDArray[np.int64]:
        """Int64 [n], price units of the last trade before each; 0 where there was none."""
        return np.concatenate(self._price)

    @property
    def equity(self) -> NDArray[np.float64]:
        """Float64 [n], money."""
        return np.concatenate(self._equity)


class BarTimes:
    """When the bars of a run opened and closed."""

    def __init__(self) -> None:
        self._parts = [np.empty((0, 2), np.int64)]

    def take(self, blocks: Iterable[NDArray[np.int64]]) -> Iterator[NDArray[np.int64]]:
        """Take in bars, int64 [some, fields of `Bar`]; gives them on."""
        for bars in blocks:
            self._parts.append(bars[:, _TIMES])
            yield bars

    @property
    def both(self) -> NDArray[np.int64]:
        """Int64 [n, 2], microseconds UTC."""
        return np.concatenate(self._parts)


class Taken(NamedTuple):
    """What was taken in while the tables of a run were written."""

    trips: TripColumns
    fills: FillColumns
    equity: EquityColumns
    orders: OrderCounts
    events: int


def _amounts(cents: NDArray[Any]) -> NDArray[np.float64]:
    """Hundred-millionths in units of currency, each the float nearest to it."""
    if cents.dtype != object and np.abs(cents).max(initial=0) < EXACT_FLOAT:
        return cents / float(PER_UNIT)
    return np.array([amount / PER_UNIT for amount in cents.tolist()])


def _real(value: Decimal | float | None) -> float:
    return np.nan if value is None else float(value)
