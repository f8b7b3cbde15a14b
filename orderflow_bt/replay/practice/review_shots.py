"""Footprints of misread moments, the truth marked, and of round trips: for a practice's page."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, Any, NamedTuple

from orderflow_bt.flow.window import BarWindow
from orderflow_bt.report import EventMark, Marks, Scale
from orderflow_bt.report.footprint import draw_plan
from orderflow_bt.report.plan import plan_footprint
from orderflow_bt.report.shots import Shot, shoot
from orderflow_bt.types import HOUR_US, BarSpec, time_bars

if TYPE_CHECKING:
    from collections.abc import Sequence

    from orderflow_bt.replay.practice.chain import Entry
    from orderflow_bt.replay.practice.review import Misread, Practice
    from orderflow_bt.report.theme import Theme
    from orderflow_bt.store import Lake
    from orderflow_bt.types import Bar

BEFORE, AFTER = 12, 2  # bars
MOST_BARS = 30


class _Drawn(NamedTuple):
    """Bars with their cells, and what the integers stand for."""

    bars: list[Bar]
    cells: list[Any]
    scale: Scale


class Photographer:
    """Draws moments of one practice.

    Args:
        practice: Revealed, or never blind.
        lake: Where its days are stored.
        themes: Dark and light.

    Raises:
        UsageError: Its journal does not say what was practised on.
    """

    def __init__(self, practice: Practice, lake: Lake, themes: tuple[Theme, Theme]) -> None:
        self._tape = practice.tape
        self._lake, self._themes = lake, themes
        spec = BarSpec.parse(str(practice.facts.get("bars") or "1m"))
        is_short = spec.is_time and spec.size <= HOUR_US
        self._spec = spec if is_short else time_bars("1m")

    def of_misread(self, moment: Misread) -> Shot:
        """The bars of a wrong answer, what it was about in a box, and what was right.

        Raises:
            CoverageError: Its days are not stored.
        """
        answer, area = moment.answer, moment.answer.area
        drawn = self._bars(area["since"], area["until"])
        words = f"{answer.truth}, not {answer.choice}"
        flag = EventMark(area["since"], area["low"], area["high"], 0, words)
        prices = [area["low"], area["high"]]
        return self._shot(
            drawn,
            None,
            [(flag, area["until"])],
            prices,
            alt=f"Footprint at {moment.when}: {moment.concept}, {words}",
        )

    def of_trip(self, trip: Entry, heading: str) -> Shot:
        """The bars of a round trip with entry, stop, target and exit.

        Raises:
            CoverageError: Its days are not stored.
        """
        drawn = self._bars(trip["entry_time"], trip["exit_time"])
        unit = Decimal(10) ** drawn.scale.price_decimals
        r = trip["r"]
        marks = Marks(
            side=trip["side"],
            entry_time=trip["entry_time"],
            entry=float(Decimal(trip["entry"]) * unit),
            exit_time=trip["exit_time"],
            exit=float(Decimal(trip["exit"]) * unit),
            stop=trip["stop"],
            target=trip["target"],
            result="" if r is None else f"{r:+.2f} R".replace("-", "\u2212"),
            is_win=r is not None and r > 0,
        )
        return self._shot(drawn, marks, [], [], alt=f"Footprint of {heading}")

    def _bars(self, since: int, until: int) -> _Drawn:
        size = self._spec.size
        first = since // size * size - BEFORE * size
        last = -(-until // size) * size + AFTER * size
        last = min(last, first + MOST_BARS * size)
        window = BarWindow(self._lake, self._tape, self._spec, first, last, keep_cells=True)
        bars: list[Bar] = []
        cells: list[Any] = []
        for batch, inside in window:
            bars += [batch.bar(row) for row in inside]
            cells += [batch.bar_cells(row).copy() for row in inside]
        unit = window.instrument
        name = "contracts" if unit.is_inverse else unit.assets[0]
        scale = Scale(
            unit.price_decimals, unit.qty_decimals, window.row_size, name,
            f"{self._tape.symbol} {self._spec}", unit.tick_size,
        )  # fmt: skip
        return _Drawn(bars, cells, scale)

    def _shot(
        self,
        drawn: _Drawn,
        marks: Marks | None,
        flags: Sequence[tuple[EventMark, int]],
        prices: Sequence[int],
        *,
        alt: str,
    ) -> Shot:
        plan = plan_footprint(drawn.bars, drawn.cells, marks, drawn.scale, prices)
        return shoot(lambda theme: draw_plan(plan, theme, flags), self._themes, alt)
