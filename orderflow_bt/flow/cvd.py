"""Cumulative volume delta as candles, with the resets that charts offer."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING, NamedTuple

from orderflow_bt.errors import UsageError

if TYPE_CHECKING:
    from orderflow_bt.flow.sessions import TradingSession
    from orderflow_bt.types import Bar


class CvdBar(NamedTuple):
    """Cumulative delta over one bar, in lots."""

    known_at: int
    open: int  # before the bar's first trade
    high: int
    low: int
    close: int
    at_high: int  # right after the first trade at the bar's highest price
    at_low: int


class Cvd:
    """Sums delta from bar to bar.

    Without a reset (the default) differences never depend on where reading began; compare two
    moments only like that. A reset is for the eye.

    Args:
        session: Begin at 0 with each session: with the first bar that opens in another one.
        rolling: Sum the last so many bars only, the open one included.

    Raises:
        UsageError: Both are given, or ``rolling`` is not positive.
    """

    def __init__(
        self, session: TradingSession | None = None, *, rolling: int | None = None
    ) -> None:
        if (session and rolling is not None) or (rolling is not None and rolling < 1):
            raise UsageError(
                "cumulative delta resets with a session or rolls over 1 or more bars",
                fix="Give one of them",
            )
        self._session = session
        self._window: deque[int] | None = deque(maxlen=rolling) if rolling else None
        self._sum = 0
        self._until: int | None = None

    def reset(self) -> None:
        """Begin again at 0 with the next bar: an anchor of your own."""
        self._sum = 0
        if self._window is not None:
            self._window.clear()

    def push(self, bar: Bar) -> CvdBar:
        """The next closed bar."""
        if self._session is not None and (self._until is None or bar.open_time >= self._until):
            self._sum = 0
            edges = self._session.edges(bar.open_time, bar.open_time)
            self._until = min(edge for edge in edges if edge > bar.open_time)
        if self._window is not None:
            if len(self._window) == self._window.maxlen:
                self._sum -= self._window[0]
            self._window.append(bar.delta)
        opened = self._sum
        self._sum += bar.delta
        return CvdBar(
            bar.close_time,
            opened,
            opened + bar.max_delta,
            opened + bar.min_delta,
            self._sum,
            opened + bar.delta_at_high,
            opened + bar.delta_at_low,
        )
