"""Performance numbers: each a pure function of an equity curve or of round trips.

The formulas, and what each number means to a trader, are in ``docs/metrics.md``. A number that
is not defined for its input is ``Stat(None, reason)``: never infinite, never a made-up zero.
Ratios are of daily returns at 00:00 UTC, 365 days a year; days without trades count.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from orderflow_bt.types import DAY_US

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]
    Times = NDArray[np.int64]

DAYS_PER_YEAR = 365
MIN_DAYS_ANNUAL = 90
MIN_DAYS_TAIL = 20
_FLAT = 1e-14  # a relative spread below this is rounding of equal values


@dataclass(frozen=True, slots=True)
class Stat:
    """A number, or the reason why there is none.

    Attributes:
        value: The number; None where it is not defined.
        reason: Why there is no number; empty where there is one.
    """

    value: float | None
    reason: str = ""


def _stat(value: float) -> Stat:
    return Stat(float(value)) if math.isfinite(value) else Stat(None, "the result is not finite")


def _spread(values: Floats, *, ddof: int) -> float:
    """Standard deviation, exactly zero where all values are equal up to rounding."""
    spread = float(values.std(ddof=ddof))
    scale = float(np.abs(values).max()) if values.size else 0.0
    return 0.0 if spread <= _FLAT * scale else spread


# Days ------------------------------------------------------------------------------------------


def daily_equity(
    time_us: Times, equity: Floats, *, start_cash: float, start_us: int, end_us: int
) -> Floats:
    """Equity at the window's start and at each following 00:00 UTC, and at the window's end.

    Args:
        time_us: int64 [n], never decreasing: when each mark was known.
        equity: float64 [n], money at that moment.
        start_cash: Equity at ``start_us``, and until the first mark.
        start_us: First moment of the window.
        end_us: End of the window, exclusive. A part of a day at either end counts as a day.

    Returns:
        float64 [days + 1]; one value alone where the window is empty.
    """
    first = (start_us // DAY_US + 1) * DAY_US
    marks = np.arange(first, end_us, DAY_US, dtype=np.int64)
    marks = np.append(marks, end_us) if end_us > start_us else marks[:0]
    at = np.searchsorted(time_us, marks, side="right")
    known = np.concatenate(([start_cash], equity))
    return np.concatenate(([start_cash], known[at])).astype(np.float64)


def daily_returns(daily: Floats) -> Floats:
    """``E_d / E_{d-1} - 1``; empty where equity touched zero, because no ratio is left then."""
    if daily.size < 2 or bool((daily[:-1] <= 0).any()):
        return np.empty(0, dtype=np.float64)
    return daily[1:] / daily[:-1] - 1.0


def _no_returns(returns: Floats, least: int = 2) -> Stat | None:
    if returns.size < least:
        return Stat(None, f"needs at least {least} days, has {returns.size}")
    return None


def sharpe(returns: Floats, risk_free: float = 0.0) -> Stat:
    """Mean over standard deviation (n - 1) of daily returns, times the root of 365."""
    if missing := _no_returns(returns):
        return missing
    excess = returns - risk_free
    spread = _spread(excess, ddof=1)
    if spread == 0:
        return Stat(None, "daily returns do not vary")
    return _stat(float(excess.mean()) / spread * math.sqrt(DAYS_PER_YEAR))


def sortino(returns: Floats, acceptable: float = 0.0) -> Stat:
    """Like Sharpe, with only returns below the acceptable one as risk, over all days."""
    if missing := _no_returns(returns):
        return missing
    excess = returns - acceptable
    downside = math.sqrt(float((np.minimum(excess, 0.0) ** 2).mean()))
    if downside == 0:
        return Stat(None, "no day lost money")
    return _stat(float(excess.mean()) / downside * math.sqrt(DAYS_PER_YEAR))


def volatility(returns: Floats) -> Stat:
    """Standard deviation (n - 1) of daily returns, annual."""
    if missing := _no_returns(returns):
        return missing
    return _stat(_spread(returns, ddof=1) * math.sqrt(DAYS_PER_YEAR))


def _moment(returns: Floats, power: int) -> Stat:
    if missing := _no_returns(returns, 3):
        return missing
    spread = _spread(returns, ddof=0)
    if spread == 0:
        return Stat(None, "daily returns do not vary")
    return _stat(float((((returns - returns.mean()) / spread) ** power).mean()))


def skew(returns: Floats) -> Stat:
    """Third standardised population moment of daily returns."""
    return _moment(returns, 3)


def kurtosis(returns: Floats) -> Stat:
    """Fourth standardised population moment of daily returns, raw: 3 for a normal curve."""
    return _moment(returns, 4)


def cvar95(returns: Floats) -> Stat:
    """Mean of the worst 5 % of days (rounded up to a whole day)."""
    if missing := _no_returns(returns, MIN_DAYS_TAIL):
        return missing
    worst = -(-returns.size // 20)
    return _stat(float(np.sort(returns)[:worst].mean()))


def tail_ratio(returns: Floats) -> Stat:
    """Size of the 95th percentile of days over the size of the 5th."""
    if missing := _no_returns(returns, MIN_DAYS_TAIL):
        return missing
    high, low = np.quantile(returns, [0.95, 0.05])
    return _stat(abs(high) / abs(low)) if low else Stat(None, "the 5th percentile day is flat")


# Equity ----------------------------------------------------------------------------------------


def drawdown(equity: Floats) -> Floats:
    """``E / highest E so far - 1`` at every mark: 0 at a new high, negative below it."""
    return equity / np.maximum.accumulate(equity) - 1.0


def _no_equity(equity: Floats) -> Stat | None:
    if equity.size < 2:
        return Stat(None, "the window holds no mark")
    return Stat(None, "starting equity is not above zero") if equity[0] <= 0 else None


def max_drawdown(equity: Floats) -> Stat:
    """Deepest fall from a high, as a negative share of that high."""
    return _no_equity(equity) or _stat(float(drawdown(equity).min()))


def ulcer_index(equity: Floats) -> Stat:
    """Root of the mean squared drawdown: how deep and how long, in one number."""
    return _no_equity(equity) or _stat(math.sqrt(float((drawdown(equity) ** 2).mean())))


def under_water_us(time_us: Times, equity: Floats) -> int:
    """Longest time from a high to the mark that reached it again, or to the last mark."""
    if equity.size < 2:
        return 0
    at_high = equity >= np.maximum.accumulate(equity)
    high_time = np.maximum.accumulate(np.where(at_high, time_us, time_us[0]))
    before = np.concatenate((high_time[:1], high_time[:-1]))
    was_below = np.concatenate(([False], ~at_high[:-1]))
    spans = np.where(~at_high | was_below, time_us - before, 0)
    return int(spans.max())


def total_return(equity: Floats) -> Stat:
    """Last equity over the first, minus 1."""
    return _no_equity(equity) or _stat(float(equity[-1] / equity[0]) - 1.0)


def cagr(equity: Floats, days: float) -> Stat:
    """Yearly growth. Not given under 90 days, where annualising says more than is known."""
    if missing := _no_equity(equity):
        return missing
    if days < MIN_DAYS_ANNUAL:
        return Stat(None, f"needs at least {MIN_DAYS_ANNUAL} days, has {days:g}")
    if equity[-1] <= 0:
        return Stat(None, "equity fell to zero or below")
    return _stat(float(equity[-1] / equity[0]) ** (DAYS_PER_YEAR / days) - 1.0)


def calmar(equity: Floats, days: float) -> Stat:
    """Yearly growth over the size of the maximum drawdown."""
    growth, depth = cagr(equity, days), max_drawdown(equity)
    if growth.value is None or depth.value is None:
        return Stat(None, growth.reason or depth.reason)
    return _stat(growth.value / -depth.value) if depth.value else Stat(None, "no drawdown")


# Round trips -----------------------------------------------------------------------------------


def _no_trips(net: Floats) -> Stat | None:
    return Stat(None, "no closed round trip") if net.size == 0 else None


def expectancy(net: Floats) -> Stat:
    """Mean net profit of a round trip (or mean R, given R multiples)."""
    return _no_trips(net) or _stat(float(net.mean()))


def win_rate(net: Floats) -> Stat:
    """Share of round trips with a net profit above zero."""
    return _no_trips(net) or _stat(float((net > 0).mean()))


def profit_factor(net: Floats) -> Stat:
    """Sum of net profits over the size of the sum of net losses."""
    if missing := _no_trips(net):
        return missing
    losses = float(net[net < 0].sum())
    return _stat(float(net[net > 0].sum()) / -losses) if losses else Stat(None, "no losing trip")


def payoff(net: Floats) -> Stat:
    """Mean net profit of winners over the size of the mean net loss of losers."""
    if missing := _no_trips(net):
        return missing
    winners, losers = net[net > 0], net[net < 0]
    if winners.size == 0 or losers.size == 0:
        return Stat(None, "needs a winning and a losing round trip")
    return _stat(float(winners.mean()) / -float(losers.mean()))


def sqn(r_multiples: Floats) -> Stat:
    """System quality number: root of min(n, 100) times mean R over its standard deviation."""
    if r_multiples.size < 2:
        return Stat(None, "needs at least two round trips with a stop")
    spread = _spread(r_multiples, ddof=1)
    if spread == 0:
        return Stat(None, "R multiples do not vary")
    return _stat(math.sqrt(min(r_multiples.size, 100)) * float(r_multiples.mean()) / spread)


def longest_streak(flags: NDArray[np.bool_]) -> int:
    """Length of the longest run of True."""
    edges = np.flatnonzero(np.diff(np.concatenate(([0], flags.astype(np.int8), [0]))))
    return int((edges[1::2] - edges[::2]).max()) if edges.size else 0


def excursions(entry: float, prices: Floats, side: int) -> tuple[float, float]:
    """Worst and best unrealised profit per unit over the prices seen, entry included."""
    profit = np.concatenate(([0.0], side * (prices - entry)))
    return float(profit.min()), float(profit.max())


def exposure(entry_us: Times, exit_us: Times, *, start_us: int, end_us: int) -> Stat:
    """Share of the window during which a position was held (round trips do not overlap)."""
    if end_us <= start_us:
        return Stat(None, "the window is empty")
    held = np.clip(exit_us, start_us, end_us) - np.clip(entry_us, start_us, end_us)
    return _stat(int(held.sum()) / (end_us - start_us))


def turnover(notional: float, mean_equity: float, days: float) -> Stat:
    """Traded value over mean equity, per year."""
    if days <= 0 or mean_equity <= 0:
        return Stat(None, "needs a window and a mean equity above zero")
    return _stat(notional / mean_equity * DAYS_PER_YEAR / days)


def break_even_bps(gross_pnl: float, notional: float) -> Stat:
    """Cost per side, in basis points of traded value, at which the gross result is used up."""
    if notional <= 0:
        return Stat(None, "nothing was traded")
    return _stat(gross_pnl / notional * 1e4)
