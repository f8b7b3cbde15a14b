"""Delta divergence: a new swing extreme that cumulative delta does not confirm."""

from __future__ import annotations

from collections import deque
from fractions import Fraction
from typing import TYPE_CHECKING, ClassVar, NamedTuple

from orderflow_bt.detectors.base import Detector
from orderflow_bt.flow.events import Event
from orderflow_bt.parameters import param
from orderflow_bt.types import BarSpec, time_bars

if TYPE_CHECKING:
    from collections.abc import Iterator

    from orderflow_bt.types import Bar

MEAN_DELTA_BARS = 100


class _Pivot(NamedTuple):
    """A confirmed swing extreme. ``height`` grows outward: the high, or minus the low."""

    number: int
    time: int
    height: int
    price: int
    cvd: int


class DeltaDivergence(Detector):
    """Swing highs rise while cumulative delta falls (bearish), or the mirror (bullish).

    A pivot is a bar whose extreme exceeds those of ``left`` bars before it and is not exceeded by
    ``right`` bars after it; it is known when the last of these closes. Cumulative delta is never
    reset, and is read right after the first trade at the extreme. The earlier pivot is the latest
    one that no bar between has exceeded. See ``docs/readings/delta-divergence.md``.

    ``hidden``: the later high is lower while cumulative delta is higher (bearish), or the mirror.
    ``bar``: a bar that exceeds the ``high_bars`` bars before it with delta against it, known at its
    own close; its details are ``delta`` and ``volume``. ``cvd_at=close`` reads cumulative delta
    at the close of a pivot's bar, as charts do, which smears in the turn after the extreme.

    Event details: ``pivot1_time``, ``pivot2_time``, ``pivot1_price``, ``pivot2_price``, ``cvd1``,
    ``cvd2`` (lots), ``swing`` (the opposite extreme between the pivots), ``bars_apart``.
    """

    name: ClassVar[str] = "delta_divergence"
    reads_rows: ClassVar[bool] = False

    bars: BarSpec = param(time_bars("5m"), help="bars on which swings are read")
    left: int = param(2, ge=1, le=50, help="lower bars needed before a swing extreme")
    right: int = param(2, ge=1, le=50, help="bars after it that must not exceed it")
    min_ticks: int = param(2, ge=1, help="least price distance of the two extremes")
    margin: float = param(0.25, ge=0, help="least delta shortfall, in mean absolute bar deltas")
    min_bars: int = param(5, ge=1, help="least bars between the two extremes")
    max_bars: int = param(60, ge=1, le=1000, help="most bars between the two extremes")
    cvd_at: str = param("extreme", choices=("extreme", "close"), help="where CVD is read in a bar")
    variant: str = param(
        "regular", choices=("regular", "hidden", "both", "bar"), help="which divergences"
    )
    high_bars: int = param(20, ge=1, le=1000, help="bars before that a bar variant's extreme tops")

    def __init__(self, *args: object, **kwargs: object) -> None:
        super().__init__(*args, **kwargs)
        self._keep = max(self.max_bars + self.left + self.right, self.high_bars) + 2
        self._history: deque[Bar] = deque(maxlen=self._keep)
        self._cvd_before: deque[int] = deque(maxlen=self._keep)
        self._abs_delta: deque[int] = deque(maxlen=MEAN_DELTA_BARS)
        self._cvd = 0
        self._bars_read = 0
        self._pivots: dict[int, deque[_Pivot]] = {1: deque(), -1: deque()}
        self._margin = Fraction(str(self.margin))

    @property
    def lookback(self) -> int:
        """Bars of both windows."""
        return self.bars.lookback(max(MEAN_DELTA_BARS, self._keep))

    def on_bar(self, bar: Bar) -> Iterator[Event]:
        """Read a closed bar; a divergence is known at its close."""
        self._history.append(bar)
        self._cvd_before.append(self._cvd)
        self._cvd += bar.delta
        self._abs_delta.append(abs(bar.delta))
        self._bars_read += 1
        if self.variant == "bar":
            yield from self._of_bar(bar)
            return
        for outward in (1, -1):
            pivot = self._confirmed_pivot(outward)
            if pivot is None:
                continue
            earlier = self._earlier_pivot(pivot, outward)
            if earlier is not None:
                yield from self._compare(earlier, pivot, outward, bar)
            self._pivots[outward].append(pivot)

    def _of_bar(self, bar: Bar) -> Iterator[Event]:
        """The variant that a single bar decides."""
        if len(self._history) <= self.high_bars:
            return
        before = list(self._history)[-1 - self.high_bars : -1]
        for outward in (1, -1):
            price = _height(bar, outward) * outward
            top = max(_height(b, outward) for b in before)
            if _height(bar, outward) > top and outward * bar.delta < 0:
                yield Event(
                    known_at=bar.close_time,
                    detector=self.name,
                    kind="bar",
                    direction=-outward,
                    state="confirmed",
                    price=price,
                    price_low=bar.low,
                    price_high=bar.high,
                    # to the mean absolute delta, rounded once
                    strength=abs(bar.delta) * len(self._abs_delta) / sum(self._abs_delta),
                    spans_gap=any(b.is_gap for b in (*before, bar)),
                    details={"delta": bar.delta, "volume": bar.volume},
                )

    def _confirmed_pivot(self, outward: int) -> _Pivot | None:
        """The bar ``right`` bars ago, if this bar's close makes it a pivot."""
        if len(self._history) < self.left + self.right + 1:
            return None
        at = len(self._history) - 1 - self.right
        height = _height(self._history[at], outward)
        for k in range(at - self.left, at + self.right + 1):
            other = _height(self._history[k], outward)
            if (other >= height) if k < at else (other > height):
                return None
        bar = self._history[at]
        inside = bar.delta_at_high if outward > 0 else bar.delta_at_low
        if self.cvd_at == "close":
            inside = bar.delta
        return _Pivot(
            self._bars_read - 1 - self.right,
            bar.open_time,
            height,
            height * outward,
            self._cvd_before[at] + inside,
        )

    def _earlier_pivot(self, pivot: _Pivot, outward: int) -> _Pivot | None:
        """The latest earlier pivot that no bar strictly between exceeds; forgets older ones."""
        pivots = self._pivots[outward]
        while pivots and pivot.number - pivots[0].number > self.max_bars:
            pivots.popleft()
        for earlier in reversed(pivots):
            if self._highest_between(earlier, pivot, outward) <= earlier.height:
                return earlier
        return None

    def _between(self, earlier: _Pivot, later: _Pivot) -> list[Bar]:
        first = len(self._history) - self._bars_read
        return [self._history[first + n] for n in range(earlier.number + 1, later.number)]

    def _highest_between(self, earlier: _Pivot, later: _Pivot, outward: int) -> int:
        return max(
            (_height(bar, outward) for bar in self._between(earlier, later)),
            default=earlier.height,
        )

    def _compare(self, earlier: _Pivot, later: _Pivot, outward: int, bar: Bar) -> Iterator[Event]:
        apart = later.number - earlier.number
        gained = outward * (later.cvd - earlier.cvd)
        needed = self._margin * Fraction(sum(self._abs_delta), len(self._abs_delta))
        higher = later.height - earlier.height
        if higher >= self.min_ticks * self.tick and self.variant != "hidden":
            kind, shortfall = "regular", -gained
        elif -higher >= self.min_ticks * self.tick and self.variant != "regular":
            kind, shortfall = "hidden", gained
        else:
            return
        if not self.min_bars <= apart <= self.max_bars or shortfall <= needed:
            return
        between = self._between(earlier, later)
        first = len(self._history) - self._bars_read
        read = [self._history[first + n] for n in range(earlier.number, self._bars_read)]
        yield Event(
            known_at=bar.close_time,
            detector=self.name,
            kind=kind,
            direction=-outward,
            state="confirmed",
            price=later.price,
            price_low=min(earlier.price, later.price),
            price_high=max(earlier.price, later.price),
            strength=float(shortfall / needed) if needed else float(shortfall),
            spans_gap=any(b.is_gap for b in read),
            details={
                "pivot1_time": earlier.time,
                "pivot2_time": later.time,
                "pivot1_price": earlier.price,
                "pivot2_price": later.price,
                "cvd1": earlier.cvd,
                "cvd2": later.cvd,
                "swing": -outward * max(_height(b, -outward) for b in between),
                "bars_apart": apart,
            },
        )


def _height(bar: Bar, outward: int) -> int:
    """How far a bar reaches in a direction: its high, or minus its low."""
    return bar.high if outward > 0 else -bar.low
