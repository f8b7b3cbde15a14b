"""Futures aggregates that hold fills of two minutes: which rows, and how much of each.

An aggregate gathers the fills of up to 100 ms, but has one time. Where that stretch lies over a
minute's border, the row's whole quantity stands in one minute and the exchange's kline has a part
of it in the other. That is no loss: cutting the row makes both minutes equal.
"""

from __future__ import annotations

from itertools import combinations
from typing import TYPE_CHECKING, NamedTuple

from orderflow_bt.types import MINUTE_US

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

_MOST_ROWS = 12  # at one border; more are not tried in pairs


class Minute(NamedTuple):
    """A kline's numbers as integers: prices, lots, price units x lots.

    ``quote`` is None where the exchange does not give it.
    """

    open: int = 0
    high: int = 0
    low: int = 0
    close: int = 0
    volume: int = 0
    quote_volume: int | None = 0
    count: int = 0  # type: ignore[assignment] # raw trades; hides tuple.count
    taker_buy_volume: int = 0

    def differs(self, kline: Minute, grain: int) -> bool:
        """Whether a field differs; ``grain`` is what the kline's quote volume may lack a trade."""
        if (self.volume, self.count) == (kline.volume, kline.count) == (0, 0):
            return False
        return (
            self[:5] != kline[:5]
            or self[6:] != kline[6:]
            or not _same_quote(self.quote_volume, kline.quote_volume, self.count, grain)
        )


class Row(NamedTuple):
    """An aggregate near a minute's border."""

    id: int
    time: int
    price: int
    qty: int
    side: int
    fills: int

    @property
    def border(self) -> int:
        """The nearest start of a minute."""
        return (self.time + MINUTE_US // 2) // MINUTE_US * MINUTE_US


class Moved(NamedTuple):
    """A row that explains why two minutes differ from the klines.

    Attributes:
        row_id: The aggregate.
        border: The minute's start that it lies across, microseconds UTC.
        qty: How much of it belongs to the other minute, in lots.
    """

    row_id: int
    border: int
    qty: int

    @property
    def minutes(self) -> tuple[int, int]:
        """The starts of the two minutes."""
        return self.border - MINUTE_US, self.border


class _Residual(NamedTuple):
    """What the kline has more than the trades."""

    volume: int
    quote: int | None
    count: int  # type: ignore[assignment] # raw trades; hides tuple.count
    buy: int


def explain(
    ours: dict[int, Minute], theirs: dict[int, Minute], rows: Sequence[Row], grain: int
) -> list[Moved]:
    """The rows that, cut at a minute's border, make unequal minutes equal.

    Borders are gone through in order. One or two rows at a border are tried; a part of a row is
    more than nothing and less than the row, with at least one fill on each side.

    Args:
        ours: Minutes of the tape, by their start.
        theirs: The exchange's klines, by their start.
        rows: Aggregates of several fills within 100 ms of a border.
        grain: What a kline's quote volume may lack a trade, in price units x lots.
    """
    by_border: dict[int, list[Row]] = {}
    for row in rows:
        by_border.setdefault(row.border, []).append(row)
    moved: list[Moved] = []
    chain: list[Moved] = []  # rows whose later minute is not yet accounted for
    carried: tuple[int, int, int, int] = (0, 0, 0, 0)
    for border in sorted(by_border):
        before, after = border - MINUTE_US, border
        if before not in theirs or after not in theirs:
            continue
        if not chain or chain[-1].border != before:
            chain, carried = [], (0, 0, 0, 0)
        left = _residual(ours.get(before, Minute()), theirs[before], carried)
        right = _residual(ours.get(after, Minute()), theirs[after], (0, 0, 0, 0))
        if not _is_zero(left, theirs[before].count, grain):
            found = next(_cuts(left, by_border[border], grain * theirs[before].count), None)
            if found is None:
                chain = []
                continue
            chain += [Moved(row.id, border, abs(part)) for row, part in found]
            carried = _taken(found, left.count)
            right = _residual(ours.get(after, Minute()), theirs[after], carried)
        if chain and _is_zero(right, theirs[after].count, grain):
            prices = {row.id: row.price for near in by_border.values() for row in near}
            if _prices_agree(ours, theirs, chain, prices):
                moved += chain
            chain = []
    return moved


def _residual(mine: Minute, kline: Minute, carried: tuple[int, int, int, int]) -> _Residual:
    quote = None
    if kline.quote_volume is not None and mine.quote_volume is not None:
        quote = kline.quote_volume - mine.quote_volume + carried[1]
    return _Residual(
        kline.volume - mine.volume + carried[0],
        quote,
        kline.count - mine.count + carried[2],
        kline.taker_buy_volume - mine.taker_buy_volume + carried[3],
    )


def _is_zero(residual: _Residual, count: int, grain: int) -> bool:
    return (residual.volume, residual.count, residual.buy) == (0, 0, 0) and _same_quote(
        residual.quote, 0 if residual.quote is not None else None, count, grain
    )


def _same_quote(ours: int | None, theirs: int | None, count: int, grain: int) -> bool:
    if ours is None or theirs is None:
        return True
    return abs(ours - theirs) <= (grain * count if grain > 1 else 0)


def _taken(found: list[tuple[Row, int]], count: int) -> tuple[int, int, int, int]:
    """What the later minute must have less."""
    return (
        sum(part for _, part in found),
        sum(part * row.price for row, part in found),
        count,
        sum(part for row, part in found if row.side > 0),
    )


def _cuts(wanted: _Residual, rows: Sequence[Row], slack: int) -> Iterator[list[tuple[Row, int]]]:
    """Parts of one row or two that add up to what the earlier minute lacks.

    A part is positive for a row that stands in the later minute, negative for one in the earlier.
    """
    for row in rows:
        parts = [(row, wanted.volume)]
        if _fits(parts, wanted, slack):
            yield parts
    if wanted.quote is None or len(rows) > _MOST_ROWS:
        return
    for one, two in combinations(rows, 2):
        if one.price != two.price:
            part, rest = divmod(wanted.quote - wanted.volume * two.price, one.price - two.price)
        else:
            part, rest = (wanted.buy if one.side > 0 else wanted.volume - wanted.buy), 0
        parts = [(one, part), (two, wanted.volume - part)]
        if rest == 0 and _fits(parts, wanted, slack):
            yield parts


def _fits(parts: list[tuple[Row, int]], wanted: _Residual, slack: int) -> bool:
    least = most = 0
    for row, part in parts:
        is_late = row.time >= row.border
        if not (0 < part < row.qty if is_late else -row.qty < part < 0):
            return False
        low, high = (1, row.fills - 1) if is_late else (1 - row.fills, -1)
        least, most = least + low, most + high
    volume, quote, _, buy = _taken(parts, 0)
    return (
        volume == wanted.volume
        and buy == wanted.buy
        and least <= wanted.count <= most
        and (wanted.quote is None or abs(quote - wanted.quote) <= (slack if slack > 1 else 0))
    )


def _prices_agree(
    ours: dict[int, Minute],
    theirs: dict[int, Minute],
    chain: list[Moved],
    prices: dict[int, int],
) -> bool:
    """Whether open, high, low and close are those of the tape once the rows are cut."""
    for time in {minute for row in chain for minute in row.minutes}:
        mine, kline = ours.get(time), theirs[time]
        near = [(prices[row.row_id], row.border == time) for row in chain if time in row.minutes]
        seen = [price for price, _ in near] + ([mine.high, mine.low] if mine else [])
        opens = [price for price, is_first in near if is_first] + ([mine.open] if mine else [])
        closes = [price for price, is_first in near if not is_first]
        closes += [mine.close] if mine else []
        if not (
            (kline.high, kline.low) == (max(seen), min(seen))
            and kline.open in (opens or seen)
            and kline.close in (closes or seen)
        ):
            return False
    return True
