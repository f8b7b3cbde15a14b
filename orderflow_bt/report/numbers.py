"""The report's number tables: which metrics stand in them, how they are printed, what they mean."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from orderflow_bt.report import words
from orderflow_bt.stats import money_digits
from orderflow_bt.stats.verdict import MIN_TRIPS, count
from orderflow_bt.types import SECOND_US

if TYPE_CHECKING:
    from collections.abc import Mapping

LEAST_DAYS = 10  # under these, ratios of days are not printed
SMALL = 0.0005  # a share under which two digits of percent say too little
FEW_HELD = 10  # round trips under which no tenth of them is told
FEW_DAYS = 30  # under these, they are printed with a warning
_OF_TRIPS = ("expectancy", "expectancy_r")
_OF_DAYS = ("sharpe", "sortino", "psr", "min_track_record_days", "volatility", "skew", "kurtosis")


@dataclass(frozen=True, slots=True)
class NumberRow:
    """One metric as printed: split at the decimal point, so that columns align.

    Attributes:
        name: What a trader calls it.
        whole: Part before the point; ``n/a`` where the metric is not defined.
        rest: Point, fraction and unit.
        note: Interval, meaning, or the reason why there is none.
    """

    name: str
    whole: str
    rest: str
    note: str


@dataclass(frozen=True, slots=True)
class _Spec:
    name: str
    key: str
    form: str
    note: str = ""
    interval: str = ""


_GROUPS: tuple[tuple[str, tuple[_Spec, ...]], ...] = (
    (
        "Result",
        (
            _Spec("Net result", "net_pnl", "money", "all fills, fees and funding in it"),
            _Spec("Return", "total_return", "percent", "on starting cash"),
            _Spec("Return per year", "cagr", "percent"),
            _Spec("Result still open", "open_pnl", "money", "marked at the last price"),
            _Spec("Fees", "fees", "cost"),
            _Spec("Funding", "funding", "money", "received; a minus: paid"),
            _Spec("Liquidations", "liquidations", "liquidations"),
            _Spec("Slippage", "slippage", "cost", "inside the prices of the fills"),
            _Spec("Cost it could bear", "break_even_bps", "bps", "per side, until gross is gone"),
        ),
    ),
    (
        "Risk",
        (
            _Spec("Deepest drawdown", "max_drawdown_per_trade", "percent", "marked at every trade"),
            _Spec("The same of days", "max_drawdown_daily", "percent", "", "max_drawdown_interval"),
            _Spec("Longest under water", "under_water_days", "days"),
            _Spec("Volatility", "volatility", "percent", "of days, per year"),
            _Spec("Ulcer index", "ulcer_index", "percent", "depth and length of drawdowns"),
            _Spec("Worst 5 % of days", "cvar95", "percent", "their mean"),
            _Spec("Time in the market", "exposure", "percent"),
            _Spec("Turnover", "turnover_per_year", "times", "of mean equity, per year"),
        ),
    ),
    (
        "Ratios of days",
        (
            _Spec("Sharpe", "sharpe", "ratio", "365 days", "sharpe_interval"),
            _Spec("Sortino", "sortino", "ratio", "365 days"),
            _Spec("Calmar", "calmar", "ratio"),
            _Spec("Tail ratio", "tail_ratio", "ratio", "good tail over bad tail"),
            _Spec("Skew", "skew", "ratio", "0 where good and bad days are alike"),
            _Spec("Kurtosis", "kurtosis", "ratio", "3 for a normal curve, more for fat tails"),
            _Spec("True Sharpe above 0", "psr", "percent", "probability, if tried only once"),
            _Spec("Days needed to tell", "min_track_record_days", "count", "at 95 % confidence"),
        ),
    ),
    (
        "Round trips",
        (
            _Spec("Closed", "round_trips", "count"),
            _Spec("Mean net result", "expectancy", "each", "", "trip_mean_interval"),
            _Spec("Mean R", "expectancy_r", "r", "round trips with a stop", "trip_r_interval"),
            _Spec("Winners", "win_rate", "percent"),
            _Spec("Profit factor", "profit_factor", "ratio", "won over lost"),
            _Spec("Payoff", "payoff", "ratio", "mean win over mean loss"),
            _Spec("System quality", "sqn", "ratio", "SQN"),
            _Spec("Longest losing streak", "longest_loss_streak", "count"),
            _Spec("Longest winning streak", "longest_win_streak", "count"),
            _Spec("Held, median", "holding_seconds", "held"),
            _Spec("Long", "long", "side"),
            _Spec("Short", "short", "side"),
        ),
    ),
    (
        "Orders",
        (
            _Spec("Filled whole", "fill_ratio", "percent", "of orders sent"),
            _Spec("Cancelled", "cancel_ratio", "percent", "of orders sent"),
            _Spec("Maker share", "maker_share", "percent", "of traded value"),
            _Spec("Entries beyond plan", "entry_shortfall", "lost"),
        ),
    ),
)


def number_groups(metrics: Mapping[str, Any], quote: str) -> list[tuple[str, list[NumberRow]]]:
    """Every metric that the run has a value or a reason for, in groups."""
    reasons = metrics.get("reasons", {})
    groups = []
    for title, specs in _GROUPS:
        rows = []
        for spec in specs:
            value, told = _one(metrics, spec, quote)
            days = metrics.get("days", 0)
            if spec.key in _OF_DAYS and value is not None and days < LEAST_DAYS:
                why = f"needs at least {LEAST_DAYS} days to be worth printing, has {days:g}"
                rows.append(NumberRow(spec.name, "n/a", "", why))
            elif value is not None:
                whole, rest = words.split_point(_print(value, spec.form, quote))
                rows.append(NumberRow(spec.name, whole, rest, told or _note(metrics, spec, quote)))
            elif spec.key in reasons:
                rows.append(NumberRow(spec.name, "n/a", "", reasons[spec.key]))
        if rows:
            groups.append((title, rows))
    return groups


def shortened(groups: list[tuple[str, list[NumberRow]]]) -> list[tuple[str, list[NumberRow]]]:
    """The same; of a group without any number one row with the reasons, each once."""
    return [(title, _without_numbers(rows) or rows) for title, rows in groups]


def _without_numbers(rows: list[NumberRow]) -> list[NumberRow]:
    """One row in place of several that have no number; none where there is a number."""
    if len(rows) < 2 or any(row.whole != "n/a" for row in rows):
        return []
    why = "; ".join(dict.fromkeys(row.note for row in rows))
    return [NumberRow("All of them", "n/a", "", why)]


def _one(metrics: Mapping[str, Any], spec: _Spec, quote: str) -> tuple[float | None, str]:
    """A metric's value, and what is told of it where the metric has several."""
    value = metrics.get(spec.key)
    if spec.key == "funding" and not metrics.get("funding_payments"):
        return None, ""
    if spec.form == "held" and value is not None:
        if value["p50"] is None:
            return None, ""
        if (metrics.get("round_trips") or 0) < FEW_HELD:
            return value["p50"], ""
        return value["p50"], _tenths(value["p10"], value["p90"])
    if spec.form == "liquidations":
        if not value:
            return None, ""
        lost = f"{words.plain(metrics['liquidation_loss'], money_digits(quote))} {quote}"
        return value, f"they lost {lost}, inside the net result"
    if spec.form == "bps" and value is not None and value <= 0:
        before = "lost" if value < 0 else "made nothing"
        return value, f"it {before} before any cost: there is nothing to bear them with"
    if spec.form == "cost" and value is not None and value < 0:
        return value, "a minus: rebates" if spec.key == "fees" else "a minus: better than quoted"
    if spec.form == "side" and value is not None:
        made = f"{words.signed(value['net_pnl'], money_digits(quote))} {quote}"
        won = "" if value["win_rate"] is None else f", {words.percent(value['win_rate'])} won"
        return value["round_trips"], made + won
    if spec.form == "lost" and value is not None:
        lost, multiple = value
        return lost, f"cost against the planned prices; {words.signed(multiple)} R each"
    return value, ""


def _tenths(short: float, long: float) -> str:
    """The shortest and the longest tenth of holding times, in seconds."""
    if long < 1:
        return "nine in ten under 1 s"
    longest = f"one in ten over {words.span(long * SECOND_US)}"
    return longest if short < 1 else f"one in ten under {words.span(short * SECOND_US)}, {longest}"


def _print(value: float, form: str, quote: str) -> str:
    digits = money_digits(quote)
    texts = {
        "money": lambda: f"{words.signed(value, digits)} {quote}",
        "each": lambda: f"{words.signed(value, words.digits_of_one(value, digits))} {quote}",
        "cost": lambda: f"{words.plain(value, digits)} {quote}",
        "percent": lambda: words.percent(value, 2 if abs(value) >= SMALL or not value else 4),
        "ratio": lambda: words.plain(value, 2),
        "r": lambda: f"{words.signed(value, 2)} R",
        "bps": lambda: f"{words.plain(value, 2)} bp",
        "days": lambda: f"{words.plain(value, 1)} days",
        "times": lambda: f"{words.plain(value, 1)} times",
        "count": lambda: f"{value:,.0f}",
        "liquidations": lambda: f"{value:,.0f}",
        "side": lambda: f"{value:,.0f}",
        "held": lambda: words.span(value * SECOND_US),
        "lost": lambda: f"{words.signed(value, digits)} {quote}",
    }
    return texts[form]()


def _note(metrics: Mapping[str, Any], spec: _Spec, quote: str) -> str:
    if spec.key in _OF_DAYS and metrics.get("days", 0) < FEW_DAYS:
        return f"from {metrics['days']:g} days: too few to mean much"
    interval = metrics.get(spec.interval) if spec.interval else None
    if interval is None:
        return spec.note
    results = metrics.get("round_trips", 0) if spec.key in _OF_TRIPS else MIN_TRIPS
    if results < MIN_TRIPS:  # as the verdict says it
        few = f"from {count(results, 'round trip')}: too few to mean much"
        return f"{spec.note}; {few}" if spec.note else few
    low, high = (_print(end, spec.form, quote) for end in interval)
    between = f"95 of 100 resamples: {low} to {high}"
    return f"{spec.note}; {between}" if spec.note else between


@dataclass(frozen=True, slots=True)
class BarRow:
    """A number with a bar from a common zero, in percent of the track's width."""

    name: str
    whole: str
    rest: str
    left: float
    width: float
    sign: int
    note: str = ""

    @property
    def zero(self) -> bool:
        """Whether the bar has no length."""
        return self.width == 0


def bar_rows(values: list[tuple[str, float, str]], quote: str) -> tuple[list[BarRow], float]:
    """Rows with bars on one scale.

    Args:
        values: Name, money and note of each row.
        quote: Currency of the money.

    Returns:
        The rows, and where zero stands in percent.
    """
    low = min(0.0, *(value for _, value, _ in values))
    high = max(0.0, *(value for _, value, _ in values))
    reach = (high - low) or 1.0
    zero = -low / reach * 100
    rows = []
    for name, value, note in values:
        whole, rest = words.split_point(words.signed(value, money_digits(quote)))
        start = (min(value, 0.0) - low) / reach * 100
        sign = (value > 0) - (value < 0)
        width = round(abs(value) / reach * 100, 2)
        rows.append(BarRow(name, whole, rest, round(start, 2), width, sign, note))
    return rows, round(zero, 2)
