"""Levels a session leaves and makes: extremes, value area, point of control, VWAP and its bands."""

from __future__ import annotations

from math import isqrt
from typing import TYPE_CHECKING, NamedTuple

from orderflow_bt.errors import UsageError
from orderflow_bt.flow.profile import ProfileBuilder
from orderflow_bt.flow.sessions import UTC_DAY

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from orderflow_bt.flow.profile import Profile
    from orderflow_bt.flow.sessions import TradingSession
    from orderflow_bt.flow.views import Footprint


_MOST_PENDING = 64  # bars; their cells hold on to more memory than their own
_LARGEST = 1 << 62


class Levels(NamedTuple):
    """Prices of one session, in price units: rows by their low edge."""

    high: int
    low: int
    poc: int
    vah: int
    val: int


class SessionLevels:
    """What closed bars tell of the open session and of the one before it.

    A plugin's own state: push each bar's footprint in ``on_bar``, read in any hook. A bar belongs
    to the session it opens in; bars outside every session are passed over.

    Args:
        session: Whose levels; the UTC day by default.

    Attributes:
        before: The session before, once a bar of a later one has closed; None until then.
    """

    def __init__(self, session: TradingSession = UTC_DAY) -> None:
        self._session = session
        self._bounds = (0, 0)
        self.before: Levels | None = None
        self._clear()

    def _clear(self) -> None:
        self._builder: ProfileBuilder | None = None
        self._profile: Profile | None = None  # of all bars, since somebody looked
        self._pending: list[Footprint] = []  # bars that nobody has asked about yet
        self._high = self._low = 0
        self._known: Levels | None = None
        self._sums: tuple[int, int, int] | None = None

    def push(self, footprint: Footprint) -> None:
        """Add a closed bar, with rows one tick high."""
        start, end = self._bounds
        opened = footprint.bar.open_time
        if not start <= opened < end:
            bounds = self._session.at(opened)
            if bounds is None:
                return
            self.before = self.developing or self.before
            self._bounds = bounds
            self._clear()
        if not len(footprint.cells):
            return
        if self._builder is None:
            self._builder = ProfileBuilder(footprint.row_size)
            self._high, self._low = footprint.bar.high, footprint.bar.low
        elif self._builder.row_size != footprint.row_size:
            raise UsageError("footprints of different row sizes", fix="Push one kind of bars only")
        self._pending.append(footprint)
        if len(self._pending) >= _MOST_PENDING:
            self._take_in(self._builder)
        self._profile = self._known = self._sums = None

    def _take_in(self, builder: ProfileBuilder) -> None:
        """Have every bar in the session's profile."""
        pending = self._pending
        if pending:
            self._high = max(self._high, *[footprint.bar.high for footprint in pending])
            self._low = min(self._low, *[footprint.bar.low for footprint in pending])
            cells = [footprint.cells for footprint in pending]
            builder.add_rows(cells, self._low, self._high)
            pending.clear()

    def _look(self) -> Profile | None:
        """The session's profile; None before its first bar."""
        if self._profile is None and self._builder is not None:
            self._take_in(self._builder)
            self._profile = self._builder.profile()
        return self._profile

    @property
    def developing(self) -> Levels | None:
        """The open session so far; None before its first trade."""
        if self._known is None and (profile := self._look()):
            area = profile.value_area()
            self._known = Levels(self._high, self._low, area.poc, area.vah, area.val)
        return self._known

    @property
    def vwap(self) -> int | None:
        """The open session's volume-weighted price, rounded; None before its first trade."""
        return self.band(0)

    def band(self, deviations: int) -> int | None:
        """That many standard deviations of the volume above (or below) the VWAP, rounded."""
        if self._sums is None and (profile := self._look()):
            self._sums = _sums_of(profile.cells)
        if self._sums is None:
            return None
        volume, moment, square = self._sums
        # n sigma = sqrt(n^2 (V Q - M^2)) / V, in whole numbers
        spread = isqrt(deviations**2 * (volume * square - moment**2))
        total = moment + (spread if deviations > 0 else -spread)
        return (2 * total + volume) // (2 * volume)


def _sums_of(cells: NDArray[np.int64]) -> tuple[int, int, int]:
    """Sums of q, p q and p p q over a profile's rows, exact."""
    base = int(cells[0, 0])
    steps, lots = cells[:, 0] - base, cells[:, 1] + cells[:, 2]
    volume = int(lots.sum())
    if int(steps[-1]) ** 2 * volume >= _LARGEST:
        steps, lots = steps.astype(object), lots.astype(object)
    first, second = int((steps * lots).sum()), int((steps * steps * lots).sum())
    return volume, base * volume + first, base**2 * volume + 2 * base * first + second
