"""From numbers to an honest headline and a few plain sentences.

The words follow fixed rules: fewer than 30 round trips are too few to judge; an interval that
includes zero is said first; a sign that depends on how fills are assumed stands in the headline.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

MIN_TRIPS = 30
RUIN = 0.05  # of the starting cash: with no more than that left, the account is lost
_MINUS = "\u2212"
_MONEY_LIKE = ("USD", "EUR", "GBP", "TRY")


@dataclass(frozen=True, slots=True)
class Verdict:
    """What the run shows, in words.

    Attributes:
        tone: ``no_trades``, ``ruin``, ``too_few``, ``fragile``, ``luck``, ``loss`` or ``edge``.
        headline: One sentence.
        sentences: Two or more sentences, the most important first.
    """

    tone: str
    headline: str
    sentences: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Evidence:
    """The numbers a verdict is made of.

    Attributes:
        round_trips: Closed round trips.
        net_pnl: Net money of the closed round trips.
        gross_pnl: The same before fees.
        fees: Fees of the closed round trips.
        liquidations: How many of them ended in a liquidation.
        liquidation_loss: Net money that these lost.
        liquidated_at: When the first was, in words; empty where there was none.
        start_cash: What the account began with; 0 where that is not known.
        final_equity: What it ended with.
        slippage: Money that fills lost beyond the inferred quote, already inside the gross result.
        expectancy_r: Mean R of the round trips with a stop, or None.
        r_interval: 95 % interval of that mean under resampling, where there is one.
        skipped: How often each reason kept an event from becoming an order.
        adds: What a round trip of the run makes beyond one of each variant, as `parts.beyond` says.
        funding: Funding that they received, negative where they paid.
        sum_interval: 95 % interval of their net sum under resampling, where there is one.
        band: Net money of the run by fill policy (``touch``, ``queue``, ``through``).
        quote: Currency of the money.
        open_pnl: Unrealised net money of a position still open at the end, or None.
        open_trips: How many positions that are.
        orders: Orders sent.
        events: Events that the strategy's detectors reported.
        days: Days of the window.
        missing_days: Days without data.
        missing_ids: Trades known to be missing inside days with data.
        simulated_market: What was simulated, where the tape itself was; else empty.
    """

    round_trips: int
    net_pnl: float
    gross_pnl: float
    fees: float
    sum_interval: tuple[float, float] | None = None
    band: Mapping[str, float] = field(default_factory=dict)
    quote: str = "USDT"
    open_pnl: float | None = None
    open_trips: int = 1
    orders: int = 0
    events: int = 0
    days: int = 0
    missing_days: int = 0
    missing_ids: int = 0
    simulated_market: str = ""
    funding: float = 0.0
    liquidations: int = 0
    liquidation_loss: float = 0.0
    liquidated_at: str = ""
    start_cash: float = 0.0
    final_equity: float = 0.0
    slippage: float = 0.0
    expectancy_r: float | None = None
    r_interval: tuple[float, float] | None = None
    skipped: Mapping[str, int] = field(default_factory=dict)
    adds: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)


def money_digits(quote: str) -> int:
    """Digits after the point that a currency's amounts are printed with: 2, or a coin's 8."""
    return 2 if not quote or any(unit in quote for unit in _MONEY_LIKE) else 8


def money(value: float, quote: str = "") -> str:
    """A signed amount: ``+312.40 USDT``; coins get eight digits after the point."""
    digits = money_digits(quote)
    rounded = round(value, digits)
    sign = "+" if rounded > 0 else _MINUS if rounded < 0 else ""
    return f"{sign}{abs(rounded):,.{digits}f}" + (f" {quote}" if quote else "")


def amount(value: float, quote: str) -> str:
    """The size of an amount, unsigned: ``54.10 USDT``."""
    return money(abs(value), quote).lstrip("+")


def count(number: int, noun: str) -> str:
    """``1 round trip``, ``1,204 round trips``."""
    return f"{number:,} {noun}" + ("" if number == 1 else "s")


def times(number: int) -> str:
    """``once``, ``twice``, ``1,204 times``."""
    return {1: "once", 2: "twice"}.get(number) or count(number, "time")


def judge(evidence: Evidence) -> Verdict:
    """The verdict on one run."""
    tone = _tone(evidence)
    costs = (_liquidated(evidence), _costs(evidence), _funding(evidence))
    sentences = (
        _result(evidence, tone),
        _in_r(evidence),
        _added(evidence),
        *costs,
        _band(evidence),
        *_context(evidence),
    )
    return Verdict(tone, _headline(evidence, tone), tuple(s for s in sentences if s))


def band_changes_sign(band: Mapping[str, float]) -> bool:
    """Whether some fill policy wins money and another does not."""
    return bool(band) and max(band.values()) > 0 >= min(band.values())


def _tone(e: Evidence) -> str:
    if e.start_cash > 0 and e.final_equity <= RUIN * e.start_cash:
        return "ruin"
    if e.round_trips == 0:
        return "no_trades"
    if e.round_trips < MIN_TRIPS or e.sum_interval is None:
        return "too_few"
    if band_changes_sign(e.band):
        return "fragile"
    low, high = e.sum_interval
    if low <= 0 <= high:
        return "luck"
    return "loss" if high < 0 else "edge"


def _headline(e: Evidence, tone: str) -> str:
    trips = count(e.round_trips, "round trip")
    text = {
        "fragile": "",
        "ruin": f"The account was lost: {amount(e.final_equity, e.quote)} of "
        f"{amount(e.start_cash, e.quote)} are left after {trips}.",
        "no_trades": "No round trip was closed: there is nothing to judge.",
        "too_few": f"Too few to judge: {trips}, {MIN_TRIPS} are the least.",
        "luck": f"Not told apart from luck: {money(e.net_pnl, e.quote)} over {trips}.",
        "loss": f"It lost money, by more than luck explains: {money(e.net_pnl, e.quote)} "
        f"over {trips}.",
        "edge": f"It made money on this tape, by more than luck of the draw: "
        f"{money(e.net_pnl, e.quote)} over {trips}.",
    }[tone]
    if band_changes_sign(e.band):
        low, high = min(e.band.values()), max(e.band.values())
        reach = f"from {money(low, e.quote)} to {money(high, e.quote)}"
        text = f"{text} The sign of the result depends on how fills are assumed: {reach}.".strip()
    if e.liquidations:
        text = f"LIQUIDATED {times(e.liquidations)}. {text}"
    return f"Simulated market. {text}" if e.simulated_market else text


def _result(e: Evidence, tone: str) -> str:
    if tone == "no_trades":
        if e.open_pnl is not None:
            opened = "One position was" if e.open_trips == 1 else f"{e.open_trips} positions were"
            return (
                f"{opened} opened and never closed, so there is no round trip: run a longer "
                "window, or close what is left with --end close."
            )
        if e.orders:
            return (
                f"{count(e.orders, 'order')} went out and no position was opened and closed: see "
                "orders.parquet for what became of them, then try a longer window."
            )
        if e.events:
            return f"The detectors reported {count(e.events, 'event')} and none became an order" + (
                f": {_most_skipped(e)}. The report lists why, reason by reason."
                if e.skipped
                else "; none of them was what the strategy waits for."
            )
        return (
            "Nothing happened: no event was reported and no order was sent. Try a longer window or "
            "looser parameters, and check that the strategy's hooks are spelt as in the docs."
        )
    trips = count(e.round_trips, "round trip")
    if e.net_pnl < 0:
        made = f"{trips} lost {amount(e.net_pnl, e.quote)} after fees"
    else:
        made = f"{trips} made {money(e.net_pnl, e.quote)} after fees"
    made += " and funding" if e.funding else ""
    if e.sum_interval is None or e.round_trips < MIN_TRIPS:
        if tone == "ruin":
            return f"{made}. What follows describes how an account ends, not how a strategy trades."
        return (
            f"{made}. With fewer than {MIN_TRIPS} results one or two decide the sum, whichever "
            "sign it has: run a longer window before you read anything into it."
        )
    low, high = (money(end, e.quote) for end in e.sum_interval)
    drawn = (
        f"{made}; drawing {e.round_trips:,} at random from the same results gives between "
        f"{low} and {high} in 95 of 100 tries"
    )
    if e.sum_interval[0] <= 0 <= e.sum_interval[1]:
        return f"{drawn}: luck alone is not ruled out."
    side = "below" if e.sum_interval[1] < 0 else "above"
    return f"{drawn}: all {side} zero, so the luck of the draw alone does not explain the sum."


def _most_skipped(e: Evidence) -> str:
    why, number = max(e.skipped.items(), key=lambda item: item[1])
    return f"most often ({number:,} times) {why}" if number > 1 else f"once {why}"


def _in_r(e: Evidence) -> str:
    if e.expectancy_r is None:
        return ""
    said = (
        f"In multiples of what its stop put at risk, {'the' if e.round_trips == 1 else 'a'} round "
        f"trip made {multiple(e.expectancy_r)}"
    )
    said += " on average" if e.round_trips > 1 else ""
    if e.r_interval is not None and e.round_trips >= MIN_TRIPS:
        low, high = (multiple(end) for end in e.r_interval)
        said += f", between {low} and {high} in 95 of 100 tries"
        if e.r_interval[0] <= 0 <= e.r_interval[1] and _tone(e) in {"loss", "edge"}:
            said += ": so measured, luck is not ruled out"
    if e.expectancy_r * e.net_pnl < 0:
        better = "more" if e.net_pnl > 0 else "less"
        said += (
            "; that its sign is not that of the money is because not every round trip risked the "
            f"same: those that risked {better} did better"
        )
    return f"{said}."


def _added(e: Evidence) -> str:
    """How the run compares with its variants, where there is an interval for that."""
    told = []
    for name, adds in e.adds.items():
        if adds["low"] is None:
            continue
        verb = "more" if adds["mean"] >= 0 else "less"
        low, high = (money(adds[end], e.quote) for end in ("low", "high"))
        luck = ", which could be luck" if adds["low"] <= 0 <= adds["high"] else ""
        told.append(
            f"{amount(adds['mean'], e.quote)} {verb} than {name} "
            f"(in 95 of 100 draws of days from {low} to {high}{luck})"
        )
    return f"Held against its variants, a round trip made {'; '.join(told)}." if told else ""


def multiple(value: float) -> str:
    """A signed multiple of the risk: ``+0.54 R``."""
    return f"{money(value)} R"


def _costs(e: Evidence) -> str:
    if e.round_trips == 0:
        return ""
    gross, fees = money(e.gross_pnl, e.quote), amount(e.fees, e.quote)
    slipped = ""
    if e.slippage > 0:
        slipped = f" That is after slippage of {amount(e.slippage, e.quote)}."
    if e.fees < 0:
        all_of_it = ", so they made all of it" if e.gross_pnl <= 0 < e.gross_pnl - e.fees else ""
        return (
            f"Fees were negative: rebates of {fees}. Without them the result was {gross}"
            f"{all_of_it}.{slipped}"
        )
    if not e.fees:
        return f"No fees were charged.{slipped}"
    if e.gross_pnl > 0 >= e.gross_pnl - e.fees:
        said = f"Before fees it made {gross}; fees of {fees} took all of that and more."
        return said + slipped
    if e.gross_pnl > 0:
        share = f"{100 * e.fees / e.gross_pnl:.0f} %"
        return f"Before fees it made {gross}; fees took {fees}, {share} of it.{slipped}"
    return (
        f"It lost {amount(e.gross_pnl, e.quote)} before fees already; fees added {fees}.{slipped}"
    )


def _liquidated(e: Evidence) -> str:
    if not e.liquidations:
        return ""
    were, them = ("was", "it") if e.liquidations == 1 else ("were", "them")
    first = "" if not e.liquidated_at else f", at {e.liquidated_at}"
    if e.liquidations > 1 and first:
        first = f", the first {first[2:]}"
    cost = f": {amount(e.liquidation_loss, e.quote)}" if e.liquidation_loss else ""
    return (
        f"{count(e.liquidations, 'position')} could not be carried any more and {were} closed by "
        f"the exchange{first}; all that backed {them} was lost{cost}. Lower the leverage before "
        "you read the rest."
    )


def _funding(e: Evidence) -> str:
    if not e.funding:
        return ""
    verb = "brought" if e.funding > 0 else "took"
    return f"Funding {verb} {amount(e.funding, e.quote)}."


def _band(e: Evidence) -> str:
    named = [name for name in ("touch", "queue", "through") if name in e.band]
    if not named or (e.round_trips == 0 and not any(e.band.values())):
        return ""
    printed = {money(e.band[name], e.quote) for name in named}
    if len(named) > 1 and len(printed) == 1:
        return "How resting limit orders are assumed to fill makes no difference to it."
    values = ", ".join(f"{name} {money(e.band[name], e.quote)}" for name in named)
    if band_changes_sign(e.band):
        end = "the sign changes inside the band, and trades alone cannot say which is right."
    else:
        end = "the sign is the same under each."
    low, high = (money(pick(e.band.values()), e.quote) for pick in (min, max))
    return (
        f"Limit orders were run under three fill policies, {values}, so from {low} to {high}: {end}"
    )


def _context(e: Evidence) -> list[str]:
    sentences = []
    if e.simulated_market:
        sentences.append(
            f"The market itself is simulated ({e.simulated_market}): this shows how the tool works "
            "and nothing about a real market."
        )
    missing = []
    if e.missing_days:
        verb = "has" if e.missing_days == 1 else "have"
        missing.append(f"{e.missing_days:,} of {count(e.days, 'day')} {verb} no data")
    if e.missing_ids:
        verb = "is" if e.missing_ids == 1 else "are"
        missing.append(f"{count(e.missing_ids, 'trade')} {verb} missing inside days with data")
    if missing:
        sentences.append(f"The tape has holes: {' and '.join(missing)}; nothing was filled in.")
    if e.open_pnl is not None:
        worth = money(e.open_pnl, e.quote)
        sentences.append(
            f"A position was still open at the end, at {worth}; it is valued at the last price and "
            "is not one of the round trips."
            if e.open_trips == 1
            else f"{e.open_trips} positions were still open at the end, at {worth} together; they "
            "are valued at the last prices and are not among the round trips."
        )
    if e.round_trips >= MIN_TRIPS and e.net_pnl > 0:
        sentences.append(
            "If this is the best of several variants, expect less: the best of many useless ones "
            "looks good by chance, and tries are not counted here."
        )
    return sentences
