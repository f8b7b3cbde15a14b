"""What a picture of an order shows: stretches of its life, and the tape in them, binned."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from orderflow_bt import hints
from orderflow_bt.errors import CoverageError
from orderflow_bt.kernels.quotes import NO_PRICE, quotes_before
from orderflow_bt.report.order_words import LIQUIDATION
from orderflow_bt.report.tape_of_order import tape_of
from orderflow_bt.types import DAY_US, SECOND_US

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from orderflow_bt.report.explain import Explanation
    from orderflow_bt.report.folder import Row, RunFolder
    from orderflow_bt.store import Lake
    from orderflow_bt.types import Trades

BINS = 480  # of time, in one stretch: no picture shows more
ZOOM = 20  # what takes less than this part of a life gets a stretch of its own
LEAST = SECOND_US // 5  # the shortest stretch of time that is drawn
BEFORE, BEHIND = 150 * SECOND_US, 45 * SECOND_US  # drawn around a liquidation, which takes no time
_EPOCH = dt.date(1970, 1, 1)


class Span(NamedTuple):
    """A stretch of time, microseconds UTC, and what it is drawn for."""

    start: int
    end: int
    name: str


class Seen(NamedTuple):
    """The tape of a stretch: trades of one side and price that share a bin of time are one mark.

    Attributes:
        time: int64 [marks], of the first trade of each.
        price: int64 [marks], price units.
        side: int64 [marks], of the aggressor.
        qty: int64 [marks], lots.
        quote_time: int64 [steps], from when the quotes beside it hold.
        bid: int64 [steps], inferred; `NO_PRICE` where unknown.
        ask: int64 [steps].
        trades: How many trades there were.
    """

    time: NDArray[np.int64]
    price: NDArray[np.int64]
    side: NDArray[np.int64]
    qty: NDArray[np.int64]
    quote_time: NDArray[np.int64]
    bid: NDArray[np.int64]
    ask: NDArray[np.int64]
    trades: int


class Ahead(NamedTuple):
    """The queue before an order and what it got, by time: steps that hold until the next one."""

    time: list[int]
    ahead: list[Decimal]
    filled: list[Decimal]


class OrderView(NamedTuple):
    """An order's picture, without its colours.

    Attributes:
        order: Its row.
        fills: Rows of its fills.
        told: Its life in words.
        spans: What is drawn, from left to right; one of them is the whole life.
        seen: The tape of each.
        queue: What stood before it; None where nothing did, or nothing is assumed to.
        moments: Names and times of what happened to it.
    """

    order: Row
    fills: list[Row]
    told: Explanation
    spans: list[Span]
    seen: list[Seen]
    queue: Ahead | None
    moments: list[tuple[str, int]]


def view_order(run: RunFolder, lake: Lake, told: Explanation) -> OrderView:
    """Read what a picture of an explained order needs.

    Raises:
        CoverageError: Its trades are not in the lake.
    """
    number = told.order["id"]
    order = next(iter(run.rows("orders").where("id", [number])))
    fills = list(run.rows("fills").where("order_id", [number]))
    moments = _moments(order, fills)
    end = order["done_time"]
    if end is None:
        window = run.manifest["window"]["to"].removesuffix("Z")
        end = int(np.datetime64(window, "us").astype(np.int64)) - 1
    spans = spans_of(moments, max(end, moments[-1][1]))
    if order["role"] == LIQUIDATION:
        spans = [Span(moments[0][1] - BEFORE, end + BEHIND, "its life")]
    seen = [_read(run, lake, span) for span in spans]
    return OrderView(order, fills, told, spans, seen, _queue(told), moments)


def _moments(order: Row, fills: list[Row]) -> list[tuple[str, int]]:
    """What happened to an order, in order of time."""
    if order["role"] == LIQUIDATION:
        return [("liquidated", order["decision_time"]), *(("fill", row["time"]) for row in fills)]
    found = [("decided", order["decision_time"])]
    done = order["done_time"]
    if order["arrival_time"] is not None and (done is None or order["arrival_time"] <= done):
        found.append(("arrived", order["arrival_time"]))
    if order["trigger_time"] is not None:
        found.append(("triggered", order["trigger_time"]))
    found += [("fill", row["time"]) for row in fills]
    if done is not None and order["status"] != "filled":
        found.append((order["status"], done))
    return sorted(found, key=lambda pair: pair[1])


def spans_of(moments: list[tuple[str, int]], end: int) -> list[Span]:
    """The stretches to draw: a whole life, before it how the order was sent, behind it its fills.

    Args:
        moments: Names and times, in order of time; the first is the decision.
        end: Where the life ends.
    """
    start = moments[0][1]
    life = max(end - start, LEAST)
    whole = _padded(start, end, "its life")
    sent = [time for name, time in moments if name in ("decided", "arrived")]
    met = [time for name, time in moments if name in ("triggered", "fill")]
    spans = [whole]
    if life < LEAST * ZOOM:
        return spans
    if len(sent) > 1 and 0 < (sent[-1] - start) * ZOOM < life:
        spans.insert(0, _padded(start, sent[-1], "sent", life // 40))
    if met and (met[-1] - met[0]) * ZOOM < life:
        spans.append(_padded(met[0], met[-1], "met", life // 40))
    return spans


def _padded(start: int, end: int, name: str, around: int = 0) -> Span:
    room = max((end - start) // 12, LEAST // 2, min(around, 2 * SECOND_US))
    return Span(start - room, end + room, name)


def _queue(told: Explanation) -> Ahead | None:
    """The volume ahead and the filled quantity after each step, as they are told."""
    found = Ahead([], [], [])
    ahead, filled = None, Decimal(0)
    for step in told.steps:
        facts = step.facts
        if step.what == "arrived" and "ahead" in facts:
            ahead = _number(facts["ahead"])
        elif step.what == "queue":
            ahead = _number(facts["ahead_after"])
        elif step.what == "fill":
            filled += _number(facts["qty"])
            ahead = None if ahead is None else Decimal(0)
        else:
            continue
        found.time.append(step.time)
        found.ahead.append(ahead or Decimal(0))
        found.filled.append(filled)
    return found if ahead is not None or filled else None


def _number(text: str) -> Decimal:
    return Decimal(text.replace(",", ""))


def _read(run: RunFolder, lake: Lake, span: Span) -> Seen:
    """The tape of a stretch, a piece at a time."""
    tape, units = tape_of(run.manifest), run.manifest["instrument"]
    decimals = (units["price_decimals"], units["qty_decimals"])
    binned = _Bins(span, int(units["tick_size"]))
    dates = {entry["date"] for entry in run.manifest["data"]}
    for number in range(span.start // DAY_US, span.end // DAY_US + 1):
        date = _EPOCH + dt.timedelta(days=number)
        if date.isoformat() not in dates:
            continue
        if lake.day(tape, date) is None:
            raise CoverageError(
                f"{date} of {tape} is not in the lake, and a picture of the order needs its trades",
                fix=hints.download(tape, date, date),
            )
        for trades in lake.read(tape, date, *decimals):
            binned.take(trades)
    return binned.seen()


class _Bins:
    """Adds trades up by bin of time, price and side; keeps the quotes at the bins' edges."""

    def __init__(self, span: Span, tick: int) -> None:
        self.span, self.tick = span, tick
        self.edges = np.linspace(span.start, span.end + 1, BINS + 1).astype(np.int64)
        self.clock, self.rows = 0, 0
        self.quotes = (NO_PRICE, NO_PRICE)
        self.parts: list[NDArray[np.int64]] = []
        self.steps: list[tuple[int, int, int]] = []

    def take(self, trades: Trades) -> None:
        """The next piece of tape."""
        time = np.maximum(trades.time, self.clock)
        first = int(np.searchsorted(time, self.span.start, side="left"))
        stop = int(np.searchsorted(time, self.span.end, side="right"))
        cuts = np.unique(np.searchsorted(time, self.edges, side="left"))
        at = 0
        for cut in (*(int(cut) for cut in cuts if first <= cut <= stop), stop, trades.rows):
            if cut <= at:
                continue
            bid, ask = quotes_before(
                trades.price[at:cut], trades.side[at:cut], cut - at, self.tick, *self.quotes
            )
            at, self.quotes = cut, (int(bid), int(ask))
            if first <= cut <= stop:
                self.steps.append((max(int(time[cut - 1]), self.span.start), *self.quotes))
        if trades.rows:
            self.clock = int(time[-1])
        self._add(trades, time, slice(first, stop))

    def _add(self, trades: Trades, time: NDArray[np.int64], rows: slice) -> None:
        if rows.start == rows.stop:
            return
        self.rows += rows.stop - rows.start
        bins = np.searchsorted(self.edges, time[rows], side="right") - 1
        keys = np.stack([bins, trades.price[rows], trades.side[rows].astype(np.int64)], axis=1)
        marks, where, back = np.unique(keys, axis=0, return_index=True, return_inverse=True)
        qty = np.zeros(len(marks), np.int64)
        np.add.at(qty, back.reshape(-1), trades.qty[rows])
        self.parts.append(np.column_stack([time[rows][where], marks[:, 1], marks[:, 2], qty]))

    def seen(self) -> Seen:
        """All of it."""
        marks = np.concatenate(self.parts) if self.parts else np.zeros((0, 4), np.int64)
        held = self.steps[-1][1:] if self.steps else self.quotes
        steps = np.array([*self.steps, (self.span.end, *held)], np.int64)
        return Seen(
            marks[:, 0], marks[:, 1], marks[:, 2], marks[:, 3], steps[:, 0], steps[:, 1],
            steps[:, 2], self.rows,
        )  # fmt: skip
