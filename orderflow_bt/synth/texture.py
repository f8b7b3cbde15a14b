"""How busy, how jumpy and how one-sided a simulated day is, minute by minute.

Three slow processes run on from day to day: the logarithm of activity, the logarithm of the mid's
variance, and large orders that lean on one side for minutes to hours. None of them knows which
way the mid goes.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import datetime as dt

    from numpy.typing import NDArray

MINUTES = 1440

_ACTIVITY_MEMORY = 0.97  # per minute
_ACTIVITY_SHOCK = 0.10
_VARIANCE_MEMORY = 0.997
_VARIANCE_SHOCK = 0.045
_WEEKEND = 0.7
_LEAN_MINUTES = 6.0  # shortest life of a large order; lives are Pareto
_LEAN_ALPHA = 1.4


@dataclass(slots=True)
class SlowState:
    """Where the three slow processes stand."""

    activity: float = 0.0
    variance: float = 0.0
    lean: float = 0.0
    lean_left: int = 0


@dataclass(frozen=True, slots=True)
class Texture:
    """One day by the minute: ``[1440]`` each.

    Attributes:
        rate: Expected orders a second.
        variance: Of the mid per order, ticks squared, at the market's first price.
        pressure: Mean of a side drawn afresh.
    """

    rate: NDArray[np.float64]
    variance: NDArray[np.float64]
    pressure: NDArray[np.float64]


def draw_texture(
    rng: np.random.Generator,
    slow: SlowState,
    date: dt.date,
    *,
    orders_per_day: float,
    daily_variance: float,
) -> Texture:
    """Draw one day and move the slow state past it."""
    slow.activity, activity = _autoregress(rng, slow.activity, _ACTIVITY_MEMORY, _ACTIVITY_SHOCK)
    slow.variance, variance = _autoregress(rng, slow.variance, _VARIANCE_MEMORY, _VARIANCE_SHOCK)
    level = np.exp(activity + _daily_wave())
    level *= (
        np.exp(-0.5 * _spread(_ACTIVITY_MEMORY, _ACTIVITY_SHOCK)) / np.exp(_daily_wave()).mean()
    )
    if date.weekday() >= 5:
        level *= _WEEKEND
    jumpiness = np.exp(variance - 0.5 * _spread(_VARIANCE_MEMORY, _VARIANCE_SHOCK))
    return Texture(
        rate=level * orders_per_day / 86_400.0,
        variance=jumpiness * daily_variance / orders_per_day,
        pressure=_lean(rng, slow),
    )


def _daily_wave() -> NDArray[np.float64]:
    """Logarithm of the usual activity by minute: slow at 04:00, busy from 13:30 to 16:00 UTC."""
    hour = np.arange(MINUTES) / 60.0
    wave = 0.30 * np.cos(2.0 * np.pi * (hour - 15.5) / 24.0)
    wave += 0.35 * np.exp(-0.5 * ((hour - 14.6) / 1.1) ** 2)
    return wave + 0.15 * np.exp(-0.5 * ((hour - 8.2) / 0.8) ** 2)


def _spread(memory: float, shock: float) -> float:
    """Stationary variance of an autoregression."""
    return shock * shock / (1.0 - memory * memory)


def _autoregress(
    rng: np.random.Generator, start: float, memory: float, shock: float
) -> tuple[float, NDArray[np.float64]]:
    """A day of an autoregression of order one, and where it ends."""
    path = np.empty(MINUTES)
    value = start
    for minute, kick in enumerate(rng.normal(0.0, shock, MINUTES).tolist()):
        value = memory * value + kick
        path[minute] = value
    return value, path


def _lean(rng: np.random.Generator, slow: SlowState) -> NDArray[np.float64]:
    """Pressure of one large order after another: lives are Pareto, so sides remember long."""
    path = np.empty(MINUTES)
    minute = 0
    while minute < MINUTES:
        if slow.lean_left <= 0:
            life, strength, way = rng.random(3)
            slow.lean_left = int(min(_LEAN_MINUTES * (1.0 - life) ** (-1.0 / _LEAN_ALPHA), 600.0))
            slow.lean = (0.03 + 0.22 * strength) * (1.0 if way < 0.5 else -1.0)
        stop = min(MINUTES, minute + slow.lean_left)
        path[minute:stop] = slow.lean
        slow.lean_left -= stop - minute
        minute = stop
    return path
