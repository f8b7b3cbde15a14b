"""The entries a run keeps footprints of: the bars of each picture, its marks, its caption."""

from __future__ import annotations

import contextlib
import shlex
from bisect import bisect_right
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from orderflow_bt.errors import OrderflowError
from orderflow_bt.flow.imbalance import DETECTION_RATIO
from orderflow_bt.report import words
from orderflow_bt.report.again import named
from orderflow_bt.report.grid import Scale
from orderflow_bt.report.marks import EventMark, Marks
from orderflow_bt.report.plan import Plan, plan_footprint
from orderflow_bt.stats import money_digits
from orderflow_bt.strategy.registry import installed, load_strategy

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from orderflow_bt.report.folder import Row, Rows, RunFolder
    from orderflow_bt.types import Bar

FEW = 3  # round trips of which none is worth calling the best
READABLE_BARS = 24  # more bars leave no room for numbers
_NONE = object()
BEFORE = 4  # bars before the event or entry that are always kept


@dataclass(frozen=True, slots=True)
class Entry:
    """One entry on its footprint.

    Attributes:
        trip: The round trip.
        plan: Its picture.
        heading: One line of words.
        caption: What was seen and what happened.
        replay: The command that opens a replay some bars before the entry.
    """

    trip: Row
    plan: Plan
    heading: str
    caption: str
    replay: str


def scale_of(run: RunFolder) -> Scale:
    """What the run's integers stand for."""
    unit, tape = run.manifest["instrument"], run.manifest["tape"]
    return Scale(
        price_decimals=unit["price_decimals"],
        qty_decimals=unit["qty_decimals"],
        row_size=run.manifest["row_size"],
        unit="contracts" if unit["contract_usd"] else unit["base"],
        title=f"{tape['symbol']} {run.manifest['bars'] or ''}".strip(),
        tick_size=unit["tick_size"],
        of_time=":" not in (run.manifest["bars"] or ""),
    )


def entries(run: RunFolder) -> list[Entry]:
    """The round trips that have footprint cells, in order of entry."""
    names = ("open_time", "price_low", "bid", "ask", "bid_count", "ask_count")
    cells = np.column_stack([run.ints("footprints", name) for name in names])
    trip_of = run.ints("footprints", "round_trip")
    scale = scale_of(run)
    trips = run.rows("round_trips")
    shown = trips.where("id", set(trip_of.tolist()))
    caused = [trip["event_id"] for trip in shown]
    events = {row["id"]: row for row in run.rows("events").where("id", caused)}
    ranks = _ranks(trips)
    return [
        _entry(
            run, trip, events.get(trip["event_id"]), cells[trip_of == trip["id"]], scale,
            ranks.get(trip["id"], ""),
        )
        for trip in shown
    ]  # fmt: skip


def _ranks(trips: Rows) -> dict[int, str]:
    """What is said of the best, the median and the worst of several round trips."""
    if len(trips) < FEW:
        return {}
    ids, in_r = trips.ints("id"), trips.floats("r_multiple")
    worth = np.where(np.isfinite(in_r), in_r, trips.floats("net_pnl"))
    ranked = ids[np.lexsort((ids, worth))].tolist()
    return {
        ranked[(len(ranked) - 1) // 2]: "the median",
        ranked[0]: f"the worst of {len(trips):,}",
        ranked[-1]: f"the best of {len(trips):,}",
    }


def _entry(  # noqa: PLR0917 - all of one entry
    run: RunFolder, trip: Row, event: Row | None, cells: Any, scale: Scale, rank: str
) -> Entry:
    bars = run.bars(int(cells[:, 0].min()), int(cells[:, 0].max()))
    seen_at = min(trip["entry_time"], event["known_at"] if event else trip["entry_time"])
    own = cells_of(bars, cells)
    while len(bars) > READABLE_BARS and bars[BEFORE + 1].open_time < seen_at:
        bars, own = bars[1:], own[1:]
    marks = _marks(run, trip, event, scale)
    if marks.event is not None and marks.event.known_at < bars[0].open_time:
        marks = _without_event(marks)
    plan = plan_footprint(bars, own, marks, scale)
    heading = _heading(run, trip) + (f": {rank}" if rank else "")
    replay = _replay(run, trip, [bar.open_time for bar in bars])
    return Entry(trip, plan, heading, _caption(run, trip, event, plan), replay)


def cells_of(bars: list[Bar], cells: NDArray[np.int64]) -> list[NDArray[np.int64]]:
    """The cells of each bar, without their open time.

    Bars of activity can open in one and the same moment: then each takes the cells that follow,
    until they hold its volume.

    Args:
        bars: In order of time.
        cells: int64 [n, 6], open time, low price, bid, ask and two counts, in the bars' order.
    """
    found, taken = [], Counter[int]()
    shared = Counter(bar.open_time for bar in bars)
    for bar in bars:
        rows = cells[cells[:, 0] == bar.open_time][taken[bar.open_time] :, 1:]
        if shared[bar.open_time] > 1:
            held = (rows[:, 1] + rows[:, 2]).cumsum()
            rows = rows[: int(np.searchsorted(held, bar.volume)) + 1]
            taken[bar.open_time] += len(rows)
        found.append(rows)
    return found


def _replay(run: RunFolder, trip: Row, opens: list[int]) -> str:
    """The command that opens the tape a few bars before an entry, with the strategy beside."""
    tape = run.manifest["tape"]
    at = bisect_right(opens, trip["entry_time"]) - 1
    moment = words.moment(opens[max(0, at - BEFORE)])
    bars = ["--bars", run.manifest["bars"]] if run.manifest["bars"] else []
    kind = [] if tape["kind"] == "aggTrades" else ["--kind", tape["kind"]]
    return shlex.join(
        [
            "orderflow-bt", "replay", tape["symbol"], "--market", tape["market"], *kind,
            "--date", f"{moment:%Y-%m-%d}", "--time", f"{moment:%H:%M:%S}", *bars,
            *_beside(run.manifest),
        ]
    )  # fmt: skip


def _beside(manifest: Row) -> list[str]:
    """The option that runs the strategy beside a replay, with what is not its default.

    Those of a strategy that is not installed are all named: its file may be gone or changed. None
    where a value has a comma, which the option cannot hold.
    """
    strategy = manifest["strategy"]
    name, usual = strategy["name"], {}
    if name in installed():
        with contextlib.suppress(OrderflowError):  # it fails now, and did not then: name them all
            usual = load_strategy(name)().parameters()
    told = [f"{k}={v}" for k, v in strategy["parameters"].items() if usual.get(k, _NONE) != v]
    words = [named(manifest), *told]
    return [] if any("," in word for word in words) else ["--strategy", ",".join(words)]


def _units(price: float | None, scale: Scale) -> float | None:
    return None if price is None else float(price) * 10.0**scale.price_decimals


def _marks(run: RunFolder, trip: Row, event: Row | None, scale: Scale) -> Marks:
    entry = _units(trip["entry_price"], scale)
    mark = None
    if event is not None:
        arrow = {1: " \u2191", -1: " \u2193"}.get(event["direction"], "")
        mark = EventMark(
            known_at=event["known_at"],
            low=event["price_low"],
            high=event["price_high"],
            direction=event["direction"],
            text=event["detector"].replace("_", " ") + arrow,
        )
    return Marks(
        side=trip["side"],
        entry_time=trip["entry_time"],
        entry=entry if entry is not None else 0.0,
        exit_time=None if trip["is_open"] else trip["exit_time"],
        exit=None if trip["is_open"] else _units(trip["exit_price"], scale),
        stop=trip["stop_price"],
        target=trip["target_price"],
        result=result_words(trip, run.manifest["instrument"]["currency"]),
        is_win=trip["net_pnl"] > 0,
        event=mark,
    )


def _without_event(marks: Marks) -> Marks:
    kept = {name: getattr(marks, name) for name in Marks.__dataclass_fields__ if name != "event"}
    return Marks(**kept)


def result_words(trip: Row, quote: str) -> str:
    """``+2.00 R``, or the net money where there was no stop."""
    if trip["r_multiple"] is not None and np.isfinite(trip["r_multiple"]):
        return f"{words.signed(trip['r_multiple'])} R"
    return f"{words.signed(float(trip['net_pnl']), money_digits(quote))} {quote}"


_EXITS = {
    "stop": "the stop closed it",
    "target": "the target closed it",
    "exit": "the strategy closed it",
    "liquidation": "the exchange liquidated it",
    "gap": "closed behind a hole in the data",
    "end": "the end of the data closed it",
}


def _heading(run: RunFolder, trip: Row) -> str:
    side = "Long" if trip["side"] > 0 else "Short"
    result = result_words(trip, run.manifest["instrument"]["currency"])
    return f"{side} at {words.stamp(trip['entry_time'])}, {result}"


def _price(run: RunFolder, price: float) -> str:
    return words.plain(price, run.manifest["instrument"]["price_decimals"])


def _seen(event: Row) -> str:
    """An event with its article: ``a delta divergence``, ``an absorption (confirmed level)``."""
    detector = event["detector"].replace("_", " ")
    kind = f"{event['state']} {event['kind']}".strip().replace("_", " ")
    article = "an" if detector[:1] in "aeio" else "a"
    article = "" if detector.endswith("s") else f"{article} "
    return f"{article}{detector} ({kind})"


def _caption(run: RunFolder, trip: Row, event: Row | None, plan: Plan) -> str:
    decimals = run.manifest["instrument"]["price_decimals"]
    quote = run.manifest["instrument"]["currency"]
    parts = []
    if event is not None:
        low, high = (words.exact(event[name], decimals) for name in ("price_low", "price_high"))
        at = low if low == high else f"{low} to {high}"
        leaning = {1: "up", -1: "down"}.get(event["direction"], "neither way")
        when = words.clock(event["known_at"])
        parts.append(f"At {when} {_seen(event)} was known at {at}, leaning {leaning}.")
    verb = "Bought" if trip["side"] > 0 else "Sold"
    did = f"{verb} at {_price(run, trip['entry_price'])} ({words.clock(trip['entry_time'])})"
    if trip["stop_price"] is not None:
        did += f", stop {words.exact(trip['stop_price'], decimals)}"
    if trip["target_price"] is not None:
        did += f", target {words.exact(trip['target_price'], decimals)}"
    if trip["is_open"]:
        did += "; still open at the end of the data"
    else:
        held = words.span(trip["exit_time"] - trip["entry_time"])
        how = _EXITS.get(trip["exit_role"], "it was closed")
        did += f"; {how} at {_price(run, trip['exit_price'])} after {held}"
    net = f"{words.signed(float(trip['net_pnl']), money_digits(quote))} {quote}"
    result = result_words(trip, quote)
    parts.append(f"{did}: {net if result == net else f'{result}, {net}'} after fees.")
    if trip["exit_role"] == "liquidation" and not trip["is_open"]:
        parts.append(
            "A liquidation is booked at the price where what backed the position is used up, or "
            "a worse one that traded: the tape need not have been there."
        )
    if trip["spans_gap"]:
        parts.append("Trades are missing while it was open.")
    rows = words.exact(plan.height, decimals)
    ticks = plan.height // plan.scale.tick_size
    parts.append(
        f"Rows of {rows}"
        + (f", {ticks:,} ticks each" if ticks > 1 else "")
        + f"; an imbalance is {DETECTION_RATIO[0]}:1 across the diagonal of these rows."
    )
    return " ".join(parts)
