"""What the report says about itself: what was simulated, what was not, and what data lacked."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, Any

from orderflow_bt.report import words
from orderflow_bt.stats import money
from orderflow_bt.types import HOUR_US

if TYPE_CHECKING:
    from collections.abc import Mapping

    from orderflow_bt.report.rows import Rows

_POLICIES = {
    "touch": "A resting limit order was filled as soon as its price traded: the optimistic bound.",
    "queue": "A resting limit order waited behind a volume ahead of it, which is inferred from "
    "past trades at that price: the exchange's queue is not in the data.",
    "through": "A resting limit order was filled only when the market traded through its price: "
    "the conservative bound.",
}
_NO_BOOK = (
    "Fills are inferred from trades alone. The tape holds no resting book: bid and ask are "
    "inferred from the last trades on each side."
)
_NO_IMPACT = (
    "No fill is larger than the trades that made it; the market is assumed not to have reacted "
    "to the orders."
)
UNREAL_STOPS = (
    "Stops were given their trigger price, as bar-based tools have it. Nobody gets such fills: "
    "this run is for comparing, not for believing."
)
_REFERENCES = {
    "cross": "the inferred quote",
    "next_print": "the next trade's price, whichever its side: optimistic",
    "next_same_side": "the next trade of the order's side",
}
_GAPS = {
    "keep": "Where trades are missing, orders and position were kept.",
    "cancel_orders": "Where trades are missing, every order was cancelled.",
    "flatten_after": "Where trades are missing, every order was cancelled and the position closed.",
}
_MERGED_MS = 100  # of trades that a futures aggregate may hold
_LISTED_DAYS = 20
_LISTED_HALTS = 5


def simulation_notes(manifest: Mapping[str, Any], metrics: Mapping[str, Any]) -> list[str]:
    """What was simulated and how, in plain sentences."""
    simulation = manifest["simulation"]
    fills = _POLICIES.get(simulation["fills"], f"Fill policy: {simulation['fills']}.")
    costs = (
        f"Fees: maker {simulation['maker_bps']} bp, taker {simulation['taker_bps']} bp of traded "
        f"value{_fee_changes(simulation)}. Slippage on market orders: "
        f"{slippage_words(simulation)} beyond {_REFERENCES[simulation.get('reference', 'cross')]}."
    )
    legs = _latency(manifest)
    notes = [_NO_BOOK, fills, _NO_IMPACT, *legs, costs]
    if simulation.get("trigger_on") == "mark":
        notes.append(_triggered(manifest["mark_prices"]))
    if simulation.get("stop_fill") == "trigger_price":
        notes.insert(0, UNREAL_STOPS)
    if Decimal(simulation.get("queue_decay", "0")):
        notes.append(
            "The volume ahead was also taken to shrink by cancellations, by exp(-"
            f"{simulation['queue_decay']} x seconds): an assumption that nothing in the data shows."
        )
    notes += [_GAPS[simulation.get("gap_policy", "keep")]]
    if manifest["tape"]["market"] != "spot" and manifest["tape"]["kind"] == "aggTrades":
        notes.append(
            "Futures aggregates join trades of up to 100 ms, so nothing faster than that is known."
        )
    if manifest.get("portfolio"):
        notes.append(
            f"One cash account was shared by {', '.join(manifest['portfolio'])}: what could be "
            "opened here depended on all of them. Equity on this page is what this symbol made of "
            "the whole starting cash; that of all is on the page all/report.html beside it."
        )
    notes += (
        _margin_notes(manifest) + _shipped_notes(simulation) + _funding_notes(manifest, metrics)
    )
    if rejected := metrics.get("rejected", {}):
        counts = ", ".join(f"{count:,} {why}" for why, count in rejected.items())
        notes.append(f"Orders that the exchange would have rejected: {counts}.")
    left_out = metrics.get("not_simulated", [])
    if left_out:
        notes.append("Not simulated: " + ", ".join(left_out) + ".")
    if manifest["instrument"]["source"] == "inferred":
        notes.append(
            "The tick and lot sizes were inferred from the trades, not taken from exchange rules."
        )
    return notes


def shared_notes(manifest: Mapping[str, Any], metrics: Mapping[str, Any]) -> list[str]:
    """What holds for a portfolio as a whole, by the manifest of its first symbol."""
    simulation = manifest["simulation"]
    notes = [
        (
            "Symbols share one cash account. All of it happened in one order: time, then the "
            f"symbols as they were named ({', '.join(manifest['portfolio'])}), then trade ids."
        ),
        (
            "Equity and its drawdown are marked at bar closes, at each symbol's last price. What "
            "was held is the sum of all symbols' values, long and short alike."
        ),
    ]
    if manifest["tape"]["market"] != "spot" and simulation.get("leverage") is not None:
        backed = (
            "Each position was backed by its own margin and liquidated alone."
            if simulation["margin"] == "isolated"
            else "All positions were backed by the whole account, and would have ended together at "
            "the first trade that left no more than the maintenance margin of all of them."
        )
        notes.append(f"{_reach(simulation)} {backed}")
    notes += _shipped_notes(simulation)
    if left_out := metrics.get("not_simulated", []):
        notes.append(f"Not simulated: {'; '.join(left_out)}.")
    return [*notes, "How fills, latency and costs were simulated stands on each symbol's own page."]


def _fee_changes(simulation: Mapping[str, Any]) -> str:
    changes = simulation.get("fee_changes", [])
    return "".join(f", from {time[:10]} {maker} and {taker} bp" for time, maker, taker in changes)


def _margin_notes(manifest: Mapping[str, Any]) -> list[str]:
    """What could be held, and what happened where it could not be carried."""
    simulation = manifest["simulation"]
    if simulation.get("leverage") is None:
        return []
    if manifest["tape"]["market"] == "spot":
        shorts = "without a cost" if simulation["short"] == "allowed" else "not"
        return [f"Nothing was bought for more than the cash there was; selling short was {shorts}."]
    backed = "its own margin" if simulation["margin"] == "isolated" else "the whole account"
    text = (
        f"{_reach(simulation)} A position was backed by {backed} ({simulation['margin']} margin), "
        "and liquidated as soon as no more than the maintenance margin was left of that; all of it "
        "was lost then. "
    )
    return [text + _tested(manifest)]


def _reach(simulation: Mapping[str, Any]) -> str:
    """How much could be held."""
    if Decimal(simulation["leverage"]) == 1:
        return "What was held could not be worth more than the equity."
    return f"What was held could be worth {simulation['leverage']} times the equity."


def _tested(manifest: Mapping[str, Any]) -> str:
    """Which price was tested for liquidation."""
    marks = manifest.get("mark_prices", {})
    if manifest["simulation"].get("liquidate_on") == "last":
        return "Each trade's price was tested, as was asked for; an exchange tests its mark price."
    if not marks.get("used"):
        get = f"; the mark price can be got with: {marks['get']}" if marks.get("get") else ""
        return f"Each trade's price was tested, where an exchange tests its mark price{get}."
    return (
        f"The exchange's mark price was tested, by its candles of a minute{_unmarked(marks)}: a "
        "candle's extremes count when it ends, for what was held all through it."
    )


def _unmarked(marks: Mapping[str, Any]) -> str:
    missing = len(marks["missing"])
    days = "1 day" if missing == 1 else f"{missing} days"
    return f", and each trade's price on {days} without them" if missing else ""


def _triggered(marks: Mapping[str, Any]) -> str:
    """What the mark price does to stops."""
    return (
        "Stops, trailing stops and if-touched orders waited for the exchange's mark price, by its "
        f"candles of a minute{_unmarked(marks)}. A candle's close and extremes are known when it "
        "ends, so such an order left up to a minute later than the exchange would have sent it; "
        "what came first within a minute is not known."
    )


def _funding_notes(manifest: Mapping[str, Any], metrics: Mapping[str, Any]) -> list[str]:
    """Where the fundings came from, and which price valued them."""
    funding = manifest.get("funding", {})
    if not funding.get("rows"):
        return []
    number, unmarked = funding["rows"], funding["without_mark"]
    text = (
        f"Funding was charged at the times and rates of the exchange's archive: {number:,} in the "
        f"window, {metrics['funding_payments']:,} while a position was held."
    )
    if unmarked:
        text += (
            f" {unmarked:,} of {number:,} fundings had no stored mark price and were valued at the "
            "last trade before them."
        )
    shift = manifest["simulation"]["funding_shift_s"]
    if shift:
        text += f" Positions were looked at {abs(shift):g} s {'late' if shift > 0 else 'early'}."
    return [text]


def _latency(manifest: Mapping[str, Any]) -> list[str]:
    simulation = manifest["simulation"]
    latency, sample = simulation["latency_ms"], simulation.get("latency_sample_ms")
    said = (
        f"An order reached the market {latency['entry']:g} ms after its decision, a cancel after "
        f"{latency['cancel']:g} ms, a triggered stop after {latency['trigger']:g} ms."
    )
    slowest = min(latency["entry"], latency["cancel"], latency["trigger"])
    if sample:
        slowest = sample["mean"]
        said = (
            f"Each message took its own time, drawn from a lognormal of mean {sample['mean']:g} ms "
            f"and deviation {sample['std']:g} ms."
        )
    elif simulation.get("latency_table_ms"):
        said += " Delays followed a table by time, which the manifest holds, where it names them."
    notes = [said]
    if manifest["tape"]["market"] != "spot" and slowest < _MERGED_MS:
        notes.append(
            f"That is faster than this data knows: with less than {_MERGED_MS} ms of latency on "
            "futures, fills may come from trades that were over."
        )
    return notes


def slippage_words(simulation: Mapping[str, Any]) -> str:
    """What takers pay beyond the reference price."""
    parts = [_ticks(simulation["slippage_ticks"])]
    if Decimal(simulation.get("slippage_bps", "0")):
        parts.append(f"{simulation['slippage_bps']} bp")
    if simulation.get("half_spread"):
        parts.append("half the inferred spread")
    if Decimal(simulation.get("impact", "0")):
        parts.append(f"{simulation['impact']} of the square-root law")
    return " + ".join(parts)


def _ticks(number: float) -> str:
    return f"{number:g} tick" + ("" if number == 1 else "s")


def _shipped_notes(simulation: Mapping[str, Any]) -> list[str]:
    """Which rates nobody looked up for this run."""
    shipped = simulation.get("shipped", [])
    if not shipped:
        return []
    words = {
        "fees": "Fees are a regular user's of today, at all dates",
        "tiers": "the tiers of maintenance margin are of one day and careful for most symbols",
    }
    said = "; ".join(words[name] for name in shipped)
    tables = " and ".join({"fees": "[[fees]]", "tiers": "[[margin]]"}[name] for name in shipped)
    text = (
        f"{said[0].upper()}{said[1:]}. They come with the program, from memory and without a dated "
        f"source: put those of your account into orderflow-bt.toml ({tables})."
    )
    return [text]


def ends_notes(first: int, last: int, window: tuple[int, int]) -> list[str]:
    """Where the first or the last traded bar lies far from the window's ends, that it does."""
    notes = []
    if first - window[0] >= HOUR_US:
        late = words.span(first - window[0])
        notes.append(f"The first trade came {late} into the window, after {words.stamp(first)}.")
    if window[1] - last >= HOUR_US:
        early = words.span(window[1] - last)
        notes.append(f"The last trade came {early} before its end, by {words.stamp(last)}.")
    return notes


def _halt_notes(halts: Mapping[str, Any], quote: str) -> list[str]:
    """Silences that no loss explains, and the round trips that lived through one."""
    number = halts.get("count", 0)
    if not number:
        return []
    listed = halts["longest"][:_LISTED_HALTS]
    times = "; ".join(f"{one['start'][:16]} to {one['end'][:16]}" for one in listed)
    more = f"; and {number - len(listed):,} more" if number > len(listed) else ""
    noun = "halt: a silence" if number == 1 else "halts: silences"
    text = (
        f"{number:,} {noun} of 5 minutes or more, and of ten times the tape's habit, with no trade "
        f"missing ({times}{more}, UTC). Nothing could fill in them."
    )
    through = halts["round_trips"]
    if through:
        text += (
            f" {through:,} round trip{'' if through == 1 else 's'} lived through one and made "
            f"{money(halts['net_pnl'], quote)}; the others made "
            f"{money(halts['net_pnl_without'], quote)}."
        )
    return [text]


def coverage_notes(metrics: Mapping[str, Any], trips: Rows, quote: str) -> list[str]:
    """What the data lacked, and what of the result touches a hole."""
    coverage = metrics.get("coverage", {})
    days, missing = coverage.get("days", 0), list(coverage.get("missing_days", []))
    notes = []
    if missing:
        shown = ", ".join(missing[:_LISTED_DAYS])
        more = len(missing) - _LISTED_DAYS
        shown += f" and {more} more" if more > 0 else ""
        notes.append(f"{len(missing)} of {days} days have no data: {shown}.")
    elif days:
        every = f"Every one of the {days} days" if days > 1 else "The one day"
        notes.append(f"{every} of the window has data.")
    gaps, lost = coverage.get("gaps", 0), coverage.get("missing_ids", 0)
    if gaps:
        notes.append(
            f"Inside the days {gaps:,} gap{'' if gaps == 1 else 's'} lost {lost:,} "
            f"trade{'' if lost == 1 else 's'}, counted by missing ids."
        )
    elif days > len(missing):
        notes.append("Inside the days no trade is missing: their ids have no holes.")
    notes += _halt_notes(metrics.get("halts", {}), quote)
    closed = trips.where("is_open", [False])
    spanning = closed.where("spans_gap", [True])
    if len(spanning):
        made, whole = (sum(some.values("net_pnl").to_pylist()) for some in (spanning, closed))
        others = whole - made
        ids = ", ".join(str(trip["id"]) for trip in spanning[:_LISTED_DAYS])
        ids += ", …" if len(spanning) > _LISTED_DAYS else ""
        notes.append(
            f"{len(spanning)} round trip{'' if len(spanning) == 1 else 's'} ({ids}) spanned a hole "
            f"and made {money(float(made), quote)}; the others made {money(float(others), quote)}."
        )
    return notes
