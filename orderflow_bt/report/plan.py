"""Sizes and places of a footprint picture: everything about it but its colours."""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from typing import TYPE_CHECKING

from orderflow_bt.report.grid import MAX_ROWS, Column, Scale, choose_height, columns, visible_range

if TYPE_CHECKING:
    from collections.abc import Sequence

    from orderflow_bt.report.grid import Cells
    from orderflow_bt.report.marks import Marks
    from orderflow_bt.types import Bar

# Layout pixels.
WIDTH = 1360.0
LEFT, TOP, AXIS, TIMES, DELTA, VOLUME, GAP = 14.0, 30.0, 84.0, 24.0, 52.0, 34.0, 12.0
_WIDEST, _NARROWEST = 104.0, 6.0
_TEXT_WIDTH, _TEXT_HEIGHT = 22.0, 9.0
_ROW_LEAST, _ROW_MOST, _PLOT_LEAST, _PLOT_MOST = 3.0, 17.0, 190.0, 585.0
_MAX_HEAT_ROWS = 110
_MARGIN_ROWS = 2  # above and below, for flags and results


def _spine(column_width: float) -> float:
    return min(7.0, 0.3 * column_width)


@dataclass(frozen=True, slots=True)
class Plan:
    """Everything of a footprint picture but its colours.

    Attributes:
        columns: The bars.
        slots: Position of each bar; a hole in time takes a slot of its own.
        scale: What the integers stand for.
        marks: An order's story, or None.
        height: Price units in a shown row.
        low_row: Lowest shown row.
        rows: Number of shown rows.
        column_width: Pixels a slot takes.
        row_height: Pixels a row takes.
        shrink: What a volume was divided by before shortening (1, or a power of ten below 1).
    """

    columns: list[Column]
    slots: list[int]
    scale: Scale
    marks: Marks | None
    height: int
    low_row: int
    rows: int
    column_width: float
    row_height: float
    shrink: float

    @property
    def has_numbers(self) -> bool:
        """Whether cells are large enough to hold readable numbers."""
        return self.half_width >= _TEXT_WIDTH and self.row_height >= _TEXT_HEIGHT

    @property
    def half_width(self) -> float:
        """Pixels of one side of a cell."""
        return (self.column_width - self.spine - max(1.0, 0.05 * self.column_width)) / 2

    @property
    def spine(self) -> float:
        """Pixels that the candle takes left of the cells."""
        return _spine(self.column_width)

    @property
    def width(self) -> float:
        """Pixels of the picture."""
        return max(LEFT + (self.slots[-1] + 1) * self.column_width + AXIS, 460.0)

    @property
    def bottom(self) -> float:
        """Lower edge of the price panel."""
        return TIMES + VOLUME + DELTA + 2 * GAP

    @property
    def tall(self) -> float:
        """Pixels of the price panel."""
        return max(self.rows * self.row_height, _PLOT_LEAST)

    @property
    def left(self) -> float:
        """Left edge of the first slot: a short picture stands beside its price axis."""
        return self.width - AXIS - (self.slots[-1] + 1) * self.column_width

    def x(self, column: int) -> float:
        """Left edge of a bar's slot."""
        return self.left + self.slots[column] * self.column_width

    def x_at(self, time_us: int) -> float:
        """Where a moment stands, inside the cells of its bar."""
        last = 0
        for k, column in enumerate(self.columns):
            if column.bar.open_time <= time_us:
                last = k
        bar = self.columns[last].bar
        share = (time_us - bar.open_time) / max(1, bar.close_time - bar.open_time)
        return (
            self.x(last) + self.spine + min(max(share, 0.0), 1.0) * (self.column_width - self.spine)
        )

    def y(self, price: float) -> float:
        """Where a price (in price units) stands, not clipped; a row's low edge is its price."""
        padding = (self.tall - self.rows * self.row_height) / 2
        return self.bottom + padding + (price / self.height - self.low_row) * self.row_height

    def y_middle(self, price: float) -> float:
        """Where a tick stands inside its row: a price is a tick tall, not a line."""
        return self.y(price + self.scale.tick_size / 2)


def plan_footprint(
    bars: Sequence[Bar],
    cells: Sequence[Cells],
    marks: Marks | None,
    scale: Scale,
    prices: Sequence[int] = (),
) -> Plan:
    """Decide rows, columns and sizes.

    Args:
        bars: At least one bar, in time order.
        cells: For each bar, int64 [rows, 5] of price_low, bid, ask, bid_count, ask_count,
            dense and ascending; no rows for an empty bar.
        marks: What was seen and done, or None.
        scale: What the integers stand for.
        prices: What else the picture should show if it can, of flags.
    """
    low, high = visible_range(bars, [*(marks.prices if marks else ()), *prices])
    if not scale.of_time:  # a renko brick's high and low are not those of its trades
        low = min([low, *(int(rows[0, 0]) for rows in cells if len(rows))])
        high = max([high, *(int(rows[-1, 0]) for rows in cells if len(rows))])
    slots = [0]
    for before, after in itertools.pairwise(bars):
        missing = scale.of_time and after.open_time > before.close_time
        slots.append(slots[-1] + 1 + missing)
    width = min(max((WIDTH - LEFT - AXIS) / (slots[-1] + 1), _NARROWEST), _WIDEST)
    has_room = width - _spine(width) - max(1.0, 0.05 * width) >= 2 * _TEXT_WIDTH
    height = choose_height(low, high, scale.row_size, MAX_ROWS if has_room else _MAX_HEAT_ROWS)
    shown = columns(bars, cells, height, ticks=scale.row_size == scale.tick_size)
    margin = _MARGIN_ROWS if marks or prices else 0
    rows = high // height - low // height + 1 + 2 * margin
    largest = max(column.depth for column in shown) * 10.0**-scale.qty_decimals
    shrink = 1.0
    while largest < 0.95 * shrink:
        shrink /= 1000
    return Plan(
        columns=shown,
        slots=slots,
        scale=scale,
        marks=marks,
        height=height,
        low_row=low // height - margin,
        rows=rows,
        column_width=width,
        row_height=min(max(_PLOT_MOST / rows, _ROW_LEAST), _ROW_MOST),
        shrink=shrink,
    )


def unit_of(plan: Plan) -> str:
    """Name of the unit in which the cells' numbers are printed: ``BTC``, or ``0.001 BTC``."""
    return plan.scale.unit if plan.shrink == 1 else f"{plan.shrink:g} {plan.scale.unit}"
