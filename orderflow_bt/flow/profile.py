"""Volume profiles: point of control, value area, sessions, levels that price has not revisited."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from orderflow_bt.errors import OrderflowError, UsageError
from orderflow_bt.flow.sessions import UTC_DAY
from orderflow_bt.kernels import profile as kernels
from orderflow_bt.kernels.cells import point_of_control

if TYPE_CHECKING:
    from collections.abc import Iterable

    from numpy.typing import NDArray

    from orderflow_bt.flow.sessions import TradingSession
    from orderflow_bt.types import Trades

MAX_ROWS = 1 << 22
_FIRST_ROWS = 1 << 10


@dataclass(frozen=True, slots=True)
class AreaRule:
    """How a value area grows from the point of control.

    Attributes:
        share: Part of the volume it holds at least, as (numerator, denominator).
        step: Rows compared and added together: 2 as market profile has it, 1 row by row.
        tie_up: Whether the rows above are taken where both sides weigh the same.
        whole_steps: Whether a step is always taken whole, or ends at the row that is enough.
    """

    share: tuple[int, int] = (70, 100)
    step: int = 2
    tie_up: bool = True
    whole_steps: bool = True

    def __post_init__(self) -> None:
        numerator, denominator = self.share
        if not (0 < numerator <= denominator <= 10_000 and 1 <= self.step <= 1_000):
            raise UsageError(
                f"a value area of {numerator}/{denominator} by {self.step} rows",
                fix="Take a share up to 1, such as (70, 100), and a step of 1 or 2 rows",
            )


SEVENTY = AreaRule()


class ValueArea(NamedTuple):
    """Low edges of a profile's key rows, in price units, and the volume between them in lots."""

    val: int
    poc: int
    vah: int
    volume: int


@dataclass(frozen=True, slots=True, eq=False)
class Profile:
    """Volume by price row, from the lowest traded row to the highest.

    Attributes:
        row_size: Height of a row, in price units.
        cells: Int64 [rows, 5], read-only: low price, bid volume, ask volume, bid count, ask count.
        known_at: Microseconds UTC: of the last trade, or the end of a session that is final.
    """

    row_size: int
    cells: NDArray[np.int64]
    known_at: int

    @property
    def volume(self) -> int:
        """All of it, in lots."""
        return int(self.cells[:, 1:3].sum())

    @property
    def delta(self) -> int:
        """Aggressive buys minus aggressive sells, in lots."""
        return int(self.cells[:, 2].sum() - self.cells[:, 1].sum())

    @property
    def poc(self) -> int:
        """Low edge of the row with the most volume; ties as in a bar."""
        flat = np.ascontiguousarray(self.cells[:, 1:]).reshape(-1)
        return int(self.cells[point_of_control(flat, 0, len(self.cells)), 0])

    def value_area(self, rule: AreaRule = SEVENTY) -> ValueArea:
        """The rows around the point of control that hold the rule's share of the volume."""
        poc = self.poc
        volumes = self.cells[:, 1] + self.cells[:, 2]
        if int(volumes.sum()) > 2**62 // rule.share[1]:
            raise OrderflowError("a profile's volume is too large to take shares of")
        low, high = kernels.value_area(
            volumes,
            (poc - int(self.cells[0, 0])) // self.row_size,
            *rule.share,
            rule.step,
            int(rule.tie_up),
            int(rule.whole_steps),
        )
        inside = int(volumes[low : high + 1].sum())
        return ValueArea(int(self.cells[low, 0]), poc, int(self.cells[high, 0]), inside)

    @classmethod
    def composite(cls, profiles: Iterable[Profile]) -> Profile:
        """Several profiles of one row size as one; known when the last of them is.

        Raises:
            UsageError: There are none, or their rows differ in size.
        """
        parts = list(profiles)
        if len({part.row_size for part in parts}) != 1:
            raise UsageError(
                "profiles of no or of different row sizes cannot be added",
                fix="Build them with the same ticks per row",
            )
        builder = ProfileBuilder(parts[0].row_size)
        for part in parts:
            builder.add_cells(part.cells)
        return builder.profile(max(part.known_at for part in parts))


class ProfileBuilder:
    """Adds trades, or bars' cells, to one profile.

    Args:
        row_size: Height of a row, in price units; row edges are multiples of it.

    Raises:
        UsageError: The row size is not positive.
    """

    def __init__(self, row_size: int) -> None:
        if row_size < 1:
            raise UsageError(f"a profile row of {row_size} price units", fix="Take 1 or more")
        self.row_size = row_size
        self._origin = 0
        self._rows = np.zeros(0, dtype=np.int64)
        self._low: int | None = None
        self._high = 0
        self._last_time = 0

    def __bool__(self) -> bool:
        return self._low is not None

    def add(self, trades: Trades) -> None:
        """Add a piece of tape."""
        if trades.rows == 0:
            return
        self._reach(int(trades.price.min()), int(trades.price.max()))
        kernels.add_to_rows(
            self.row_size, self._origin, trades.price, trades.qty, trades.side, trades.fills,
            self._rows,
        )  # fmt: skip
        self._last_time = int(trades.time[-1])

    def add_cells(self, *cells: NDArray[np.int64]) -> None:
        """Add dense cells, as footprints and profiles have them; their rows must nest in ours."""
        some = [one for one in cells if len(one)]
        for one in some:
            height = int(one[1, 0] - one[0, 0]) if len(one) > 1 else self.row_size
            if self.row_size % height:
                raise UsageError(
                    f"rows of {height} do not nest in rows of {self.row_size}",
                    fix="Take a multiple of their size",
                )
        if some:
            low = min(int(one[0, 0]) for one in some)
            self.add_rows(some, low, max(int(one[-1, 0]) for one in some))

    def add_rows(self, cells: list[NDArray[np.int64]], low: int, high: int) -> None:
        """As `add_cells`, of some at least that lie between two prices, with rows like ours."""
        self._reach(low, high)
        together = np.concatenate(cells)
        kernels.add_cells_to_rows(self.row_size, self._origin, together, self._rows)

    def profile(self, known_at: int | None = None) -> Profile:
        """What has been added, known at the last trade or at the moment given.

        Raises:
            OrderflowError: Nothing has been added.
        """
        if self._low is None:
            raise OrderflowError("a profile of no trades", fix="Add trades first")
        first, last = self._low // self.row_size, self._high // self.row_size
        inside = self._rows[4 * (first - self._origin) : 4 * (last + 1 - self._origin)]
        cells = np.empty((last - first + 1, 5), dtype=np.int64)
        cells[:, 0] = np.arange(first, last + 1) * self.row_size
        cells[:, 1:] = inside.reshape(-1, 4)
        cells.flags.writeable = False
        return Profile(self.row_size, cells, self._last_time if known_at is None else known_at)

    def _reach(self, low: int, high: int) -> None:
        """Make room for prices from ``low`` to ``high``."""
        if self._low is not None:
            low, high = min(low, self._low), max(high, self._high)
        first, last = low // self.row_size, high // self.row_size
        capacity = len(self._rows) // 4
        if first < self._origin or last >= self._origin + capacity:
            rows = last - first + 1
            if rows > MAX_ROWS:
                raise OrderflowError(
                    f"a profile spans {rows:,} rows; the limit is {MAX_ROWS:,}",
                    where=f"row size {self.row_size}",
                    fix="Take higher rows",
                )
            room = max(_FIRST_ROWS, 2 * rows)
            origin = first - (room - rows) // 2
            grown = np.zeros(4 * room, dtype=np.int64)
            if self._low is not None:
                old_first = self._low // self.row_size
                old = self._rows[
                    4 * (old_first - self._origin) :
                    4 * (self._high // self.row_size + 1 - self._origin)
                ]  # fmt: skip
                begin = 4 * (old_first - origin)
                grown[begin : begin + len(old)] = old
            self._rows, self._origin = grown, origin
        self._low, self._high = low, high


class SessionProfiles:
    """The developing profile of a trading session, and the final ones of sessions past.

    Args:
        row_size: Height of a row, in price units.
        session: Whose; the UTC day by default. Trades outside it belong to no profile.
        keep: How many final profiles to keep.
    """

    def __init__(
        self, row_size: int, session: TradingSession = UTC_DAY, *, keep: int = 100
    ) -> None:
        self.session = session
        self.final: deque[Profile] = deque(maxlen=keep)
        self._builder = ProfileBuilder(row_size)
        self._bounds = (0, 0)

    @property
    def developing(self) -> Profile | None:
        """The open session's profile, of its trades so far; None before its first trade."""
        return self._builder.profile() if self._builder else None

    def feed(self, trades: Trades) -> list[Profile]:
        """Take the next trades; give the profiles that became final, known at their sessions' end.

        A session is closed by the first trade at or after its end (or by `close_until`); what is
        known at the end is known before that trade.
        """
        closed: list[Profile] = []
        while trades.rows:
            now = int(trades.time[0])
            closed += self.close_until(now)
            if now >= self._bounds[1]:
                self._bounds = self.session.at(now) or self._before_the_next(now)
            stop = int(np.searchsorted(trades.time, self._bounds[1]))
            if self.session.at(now) is not None:
                self._builder.add(trades.slice(0, stop))
            trades = trades.slice(stop, trades.rows)
        return closed

    def close_until(self, time_us: int) -> list[Profile]:
        """The profile of a session that ends at or before ``time_us``, when the clock passes."""
        if not self._builder or time_us < self._bounds[1]:
            return []
        profile = self._builder.profile(self._bounds[1])
        self._builder = ProfileBuilder(self._builder.row_size)
        self.final.append(profile)
        return [profile]

    def _before_the_next(self, now: int) -> tuple[int, int]:
        return now, min(start for start, _ in self.session.between(now, now) if start > now)


class NakedLevel(NamedTuple):
    """A row of a final profile: point of control, VAH or VAL, and since when it is known."""

    kind: str
    low: int
    high: int  # the first price above it
    known_at: int


class Visit(NamedTuple):
    """A level that price came back to."""

    level: NakedLevel
    time: int
    row: int  # of the trade in the fed piece


@dataclass(slots=True)
class NakedLevels:
    """Levels untouched since they became final.

    Attributes:
        cross_counts: Whether two consecutive trades on either side of a level, none in it, end it.
        live: The levels that are naked now, oldest first.
    """

    cross_counts: bool = True
    live: list[NakedLevel] = field(default_factory=list)
    _before: int | None = None

    def add(self, profile: Profile, *, rule: AreaRule = SEVENTY, edges: bool = False) -> None:
        """Add a final profile's point of control, and its value area's edges where asked."""
        area = profile.value_area(rule)
        prices = {"poc": area.poc} | ({"vah": area.vah, "val": area.val} if edges else {})
        for kind, low in prices.items():
            self.live.append(NakedLevel(kind, low, low + profile.row_size, profile.known_at))

    def feed(self, trades: Trades) -> list[Visit]:
        """Take the next trades; the levels they end. A level's life begins when it is known.

        Add a final profile's levels before the trades after its session are fed: feed a piece of
        tape to `SessionProfiles` first, add what became final, then feed the piece here.
        """
        if trades.rows == 0:
            return []
        first = int(trades.price[0])
        before = first if self._before is None else self._before
        low = min(before, int(trades.price.min()))
        high = max(before, int(trades.price.max()))
        visits: list[Visit] = []
        for level in self.live:
            if level.low > high or level.high <= low:
                continue
            start = int(np.searchsorted(trades.time, level.known_at))
            after = kernels.first_return(
                trades.price[start:],
                int(trades.price[start - 1]) if start else before,
                level.low,
                level.high,
                int(self.cross_counts),
            )
            if after >= 0:
                visits.append(Visit(level, int(trades.time[start + after]), start + after))
        ended = {visit.level for visit in visits}
        self.live = [level for level in self.live if level not in ended]
        self._before = int(trades.price[-1])
        return sorted(visits, key=lambda visit: visit.row)
