"""Every number of a run from plain arrays, ready for a JSON file."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING, Any

import numpy as np

from orderflow_bt.stats import luck
from orderflow_bt.stats import metrics as m
from orderflow_bt.stats.metrics import Stat
from orderflow_bt.types import DAY_US, HOUR_US, SECOND_US

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    Floats = NDArray[np.float64]
    Times = NDArray[np.int64]

_EPOCH = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)
_QUANTILES = (10, 50, 90)
MIN_DAYS_RESAMPLED = 10


def summarise(
    *,
    equity_time: Times,
    equity: Floats,
    trip_net: Floats,
    trip_gross: Floats,
    trip_fees: Floats,
    trip_funding: Floats,
    trip_r: Floats,
    trip_entry: Times,
    trip_exit: Times,
    trip_side: NDArray[np.int8],
    trip_open: NDArray[np.bool_],
    notional: float,
    start_cash: float,
    start_us: int,
    end_us: int,
    seed: int,
    reps: int = 10_000,
) -> dict[str, Any]:
    """All metrics of ``docs/metrics.md``; what is not defined is None and has a reason.

    Args:
        equity_time: int64 [n], when each mark was known, never decreasing.
        equity: float64 [n], money at every bar.
        trip_net: float64 [k], net money of each round trip, in order of entry.
        trip_gross: float64 [k], before fees.
        trip_fees: float64 [k].
        trip_funding: float64 [k], received; negative where it was paid.
        trip_r: float64 [k], R multiples; NaN where there was no stop.
        trip_entry: int64 [k], first entry fill.
        trip_exit: int64 [k], last exit fill; ignored for an open round trip.
        trip_side: [k], +1 long, -1 short.
        trip_open: bool [k]; open ones count for exposure only.
        notional: Sum of the absolute traded value, both sides.
        start_cash: Money at the start.
        start_us: First moment of the window.
        end_us: End of the window, exclusive.
        seed: Of the resampling.
        reps: Number of resamples.

    Returns:
        JSON-ready values; key ``reasons`` says why a value is None.
    """
    days = (end_us - start_us) / DAY_US
    closed = ~trip_open
    daily = m.daily_equity(
        equity_time, equity, start_cash=start_cash, start_us=start_us, end_us=end_us
    )
    curve = np.concatenate(([start_cash], equity))
    curve_time = np.concatenate(([start_us], equity_time))
    exits = np.where(trip_open, end_us, trip_exit)
    found: dict[str, Stat] = {
        **_equity_stats(curve, daily, days),
        **_trip_stats(trip_net[closed], trip_r[closed]),
        "exposure": m.exposure(trip_entry, exits, start_us=start_us, end_us=end_us),
        "turnover_per_year": m.turnover(notional, float(curve.mean()), days),
        "break_even_bps": m.break_even_bps(
            float(trip_gross[closed].sum()), notional if closed.any() else 0.0
        ),
    }
    net = trip_net[closed]
    held = trip_exit[closed] - trip_entry[closed]
    result: dict[str, Any] = {name: stat.value for name, stat in found.items()}
    result |= {
        "round_trips": int(closed.sum()),
        "open_round_trips": int(trip_open.sum()),
        "days": days,
        "start_cash": start_cash,
        "final_equity": float(curve[-1]),
        "trips_net_pnl": float(net.sum()),
        "trips_gross_pnl": float(trip_gross[closed].sum()),
        "trips_fees": float(trip_fees[closed].sum()),
        "trips_funding": float(trip_funding[closed].sum()),
        "open_pnl": float(trip_net[trip_open].sum()) if trip_open.any() else None,
        "traded_notional": notional,
        "under_water_days": m.under_water_us(curve_time, curve) / DAY_US,
        "longest_win_streak": m.longest_streak(net > 0),
        "longest_loss_streak": m.longest_streak(net < 0),
        "holding_seconds": {f"p{q}": _quantile(held / SECOND_US, q) for q in _QUANTILES},
        "long": _side(net[trip_side[closed] > 0]),
        "short": _side(net[trip_side[closed] < 0]),
        **_calendar(net, trip_entry[closed]),
        "monthly": _monthly(daily, start_us, end_us),
    }
    uncertain, reasons = _uncertainty(m.daily_returns(daily), net, seed, reps)
    uncertain["trip_r_interval"] = _mean_interval(trip_r[closed], seed, reps)
    if uncertain["trip_r_interval"] is None:
        reasons["trip_r_interval"] = "needs at least two round trips with a stop"
    reasons |= {name: stat.reason for name, stat in found.items() if stat.value is None}
    return result | uncertain | {"reasons": dict(sorted(reasons.items()))}


def _equity_stats(curve: Floats, daily: Floats, days: float) -> dict[str, Stat]:
    returns = m.daily_returns(daily)
    return {
        "total_return": m.total_return(curve),
        "sharpe": m.sharpe(returns),
        "sortino": m.sortino(returns),
        "volatility": m.volatility(returns),
        "skew": m.skew(returns),
        "kurtosis": m.kurtosis(returns),
        "cvar95": m.cvar95(returns),
        "tail_ratio": m.tail_ratio(returns),
        "max_drawdown": m.max_drawdown(curve),
        "max_drawdown_daily": m.max_drawdown(daily),
        "ulcer_index": m.ulcer_index(daily),
        "cagr": m.cagr(daily, days),
        "calmar": m.calmar(daily, days),
    }


def _trip_stats(net: Floats, r_multiples: Floats) -> dict[str, Stat]:
    with_stop = r_multiples[np.isfinite(r_multiples)]
    no_stop = Stat(None, "no closed round trip had a stop")
    return {
        "expectancy": m.expectancy(net),
        "expectancy_r": m.expectancy(with_stop) if with_stop.size else no_stop,
        "profit_factor": m.profit_factor(net),
        "win_rate": m.win_rate(net),
        "payoff": m.payoff(net),
        "sqn": m.sqn(with_stop),
    }


def _quantile(values: Floats, percent: int) -> float | None:
    return float(np.quantile(values, percent / 100)) if values.size else None


def _side(net: Floats) -> dict[str, Any]:
    return {"round_trips": net.size, "net_pnl": float(net.sum()), "win_rate": m.win_rate(net).value}


def _calendar(net: Floats, entry_us: Times) -> dict[str, list[float]]:
    """Net money by the UTC hour and weekday (Monday first) of the entry."""
    hour = (entry_us // HOUR_US) % 24
    weekday = (entry_us // DAY_US + 3) % 7
    return {
        "net_by_hour": np.bincount(hour, weights=net, minlength=24).tolist(),
        "net_by_weekday": np.bincount(weekday, weights=net, minlength=7).tolist(),
    }


def _monthly(daily: Floats, start_us: int, end_us: int) -> list[dict[str, Any]]:
    """Change of equity by UTC month, from the daily marks."""
    months: dict[str, list[float]] = {}
    first = start_us // DAY_US
    for day in range(daily.size - 1):
        moment = _EPOCH + dt.timedelta(days=min(first + day, (end_us - 1) // DAY_US))
        months.setdefault(moment.strftime("%Y-%m"), [float(daily[day])])[1:] = [
            float(daily[day + 1])
        ]
    return [
        {"month": month, "net": last - begin, "return": last / begin - 1 if begin > 0 else None}
        for month, (begin, last) in months.items()
    ]


def _uncertainty(
    returns: Floats, net: Floats, seed: int, reps: int
) -> tuple[dict[str, Any], dict[str, str]]:
    """Resampling intervals, and how sure the Sharpe ratio itself is."""
    result: dict[str, Any] = dict.fromkeys(
        ("sharpe_interval", "max_drawdown_interval", "trip_mean_interval", "trip_sum_interval")
    )
    result |= {"psr": None, "min_track_record_days": None, "bootstrap": {"seed": seed}}
    reasons: dict[str, str] = {}
    varies = returns.size >= MIN_DAYS_RESAMPLED and m.sharpe(returns).value is not None
    if varies:
        both = (luck.row_sharpe, luck.row_max_drawdown)
        ratio, fall = luck.bootstraps(returns, both, seed=seed, reps=reps)
        result["sharpe_interval"] = luck.interval_json(ratio)
        result["max_drawdown_interval"] = luck.interval_json(fall)
        result["bootstrap"]["days"] = luck.interval_setup(ratio)
    else:
        why = f"needs at least {MIN_DAYS_RESAMPLED} days that vary, has {returns.size}"
        reasons |= {"sharpe_interval": why, "max_drawdown_interval": why}
    if net.size >= 2:
        total = luck.bootstrap(net, luck.row_sum, seed=seed, reps=reps)
        result["trip_sum_interval"] = [total.low, total.high]
        result["trip_mean_interval"] = [total.low / net.size, total.high / net.size]
        result["bootstrap"]["trips"] = luck.interval_setup(total)
    else:
        why = f"needs at least two round trips, has {net.size}"
        reasons |= {"trip_sum_interval": why, "trip_mean_interval": why}
    for name, stat in _sharpe_certainty(returns).items():
        result[name] = stat.value
        if stat.value is None:
            reasons[name] = stat.reason
    return result, reasons


def _mean_interval(values: Floats, seed: int, reps: int) -> list[float] | None:
    """95 % interval of the mean of what is a number."""
    known = values[np.isfinite(values)]
    if known.size < 2:
        return None
    found = luck.bootstrap(known, luck.row_mean, seed=seed, reps=reps)
    return [found.low, found.high]


def _sharpe_certainty(returns: Floats) -> dict[str, Stat]:
    ratio, skew, kurtosis = m.sharpe(returns), m.skew(returns), m.kurtosis(returns)
    if ratio.value is None or skew.value is None or kurtosis.value is None:
        why = Stat(None, ratio.reason or skew.reason)
        return {"psr": why, "min_track_record_days": why}
    daily = ratio.value / float(np.sqrt(m.DAYS_PER_YEAR))
    shape = {"skew": skew.value, "kurtosis": kurtosis.value}
    return {
        "psr": luck.probabilistic_sharpe(daily, benchmark=0.0, periods=returns.size, **shape),
        "min_track_record_days": luck.min_track_record(daily, benchmark=0.0, **shape),
    }


def execution(
    *,
    notional: Floats,
    is_maker: NDArray[np.bool_],
    slippage: Floats,
    orders: Mapping[str, int],
) -> dict[str, float | None]:
    """How orders were served.

    Args:
        notional: float64 [fills], absolute value of each fill.
        is_maker: bool [fills].
        slippage: float64 [fills], money each fill cost beyond its reference price.
        orders: How many ended in each status of the orders table.

    Returns:
        ``maker_share`` of value, ``slippage`` money, ``fill_ratio`` and ``cancel_ratio`` of orders.
    """
    total, sent = float(notional.sum()), sum(orders.values())
    return {
        "maker_share": float(notional[is_maker].sum()) / total if total else None,
        "slippage": float(slippage.sum()),
        "fill_ratio": orders.get("filled", 0) / sent if sent else None,
        "cancel_ratio": orders.get("cancelled", 0) / sent if sent else None,
    }
