"""The planted situations as scripts: where the bid is led, with what flow, for how long.

Every script is written for a fall (direction -1) and mirrored for a rise. Levels are ticks from
the bid at the script's first second; ``unit`` is the usual high-to-low span of a five-minute bar.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

BAR_SECONDS = 300
KINDS = ("delta_divergence", "absorption", "imbalance_retest", "poc_retest", "confluence")


@dataclass(frozen=True, slots=True)
class Phase:
    """One stretch of a script.

    Attributes:
        seconds: How long it lasts.
        to: Level at its end.
        pressure: Mean of a side drawn afresh.
        wobble: Noise around the straight line, as a share of the free walk's.
        ceiling: Level the bid stays at or under.
        floor: Level the bid stays at or over.
        activity: Factor on the number of orders.
        size: Factor on their sizes.
    """

    seconds: int
    to: float
    pressure: float = 0.0
    wobble: float = 0.8
    ceiling: float = math.inf
    floor: float = -math.inf
    activity: float = 1.0
    size: float = 1.0


@dataclass(frozen=True, slots=True)
class Script:
    """A situation to be played.

    Attributes:
        kind: One of `KINDS`.
        direction: What it implies for the price: -1 down, +1 up.
        works: Whether the implied move follows.
        phases: Its stretches, written for direction -1.
        known_after: Seconds after which the setup can be known.
        trigger: Level of the trade that makes it known from then on; None if time alone does.
        trigger_way: Which way that level is crossed, for direction -1.
        low: Lowest price of the zone it is about, level (for direction -1).
        high: Highest price of the zone.
    """

    kind: str
    direction: int
    works: bool
    phases: tuple[Phase, ...]
    known_after: int
    trigger: int | None
    trigger_way: int
    low: int
    high: int

    @property
    def is_aligned(self) -> bool:
        """Whether it begins with a five-minute bar."""
        return self.kind in {"delta_divergence", "imbalance_retest", "confluence"}

    @property
    def seconds(self) -> int:
        """Length of the script."""
        return sum(phase.seconds for phase in self.phases)


def divergence(rng: np.random.Generator, direction: int, unit: float, *, works: bool) -> Script:
    """A second higher high that buyers did not pay for, then a fall.

    The swing between the highs is deep against the turn at the second one, so that a stop beyond
    that high and a target at the swing make a trade worth taking.
    """
    first = round(rng.uniform(1.6, 2.4) * unit)
    second = first + int(rng.integers(4, 10))
    trough = first - rng.uniform(3.6, 4.4) * unit
    reaction = second - 0.9 * unit
    bars_down, bars_up = int(rng.integers(4, 7)), int(rng.integers(4, 7))
    turn = int(rng.integers(90, 170))  # second of the bar in which an extreme is made
    rest = BAR_SECONDS - turn - 40
    phases = [
        Phase(3 * BAR_SECONDS, first - 0.4 * unit, 0.35, ceiling=first - 3),
        Phase(turn, first - 3, 0.4, 0.4, ceiling=first - 2),
        *_extreme(first, 0.3),
        Phase(rest, first - 0.5 * unit, -0.25, 0.4, ceiling=first - 2),
        Phase(bars_down * BAR_SECONDS, trough, -0.4, ceiling=first - 0.4 * unit),
        Phase(bars_up * BAR_SECONDS, first - 0.2 * unit, -0.1, ceiling=first - 3),
        Phase(turn, second - 3, -0.1, 0.4, ceiling=second - 2),
        *_extreme(second, -0.05),
        Phase(rest, second - 0.5 * unit, -0.4, 0.4, ceiling=second - 2),
        Phase(2 * BAR_SECONDS, reaction, -0.3, 0.5, ceiling=second - 0.3 * unit),
    ]
    known = sum(phase.seconds for phase in phases)
    phases += _outcome(
        rng,
        works=works,
        end=reaction - rng.uniform(4.0, 5.0) * unit,
        dip=reaction - 0.5 * unit,
        stop=second + unit,
        ceiling=second - 0.4 * unit,
        bars=12,
    )
    return Script(
        "delta_divergence", direction, works, tuple(phases), known, None, 0, second, second + 1
    )


def absorption(rng: np.random.Generator, direction: int, unit: float, *, works: bool) -> Script:
    """Buying of many minutes' size within one, into a price that does not give way."""
    level = round(rng.uniform(0.8, 1.3) * unit)
    phases = [
        Phase(int(rng.integers(120, 200)), level - 2, 0.3, 0.5, ceiling=level - 2),
        Phase(5, level, 0.6, 0.0),
        Phase(48, level, 0.93, 0.0, ceiling=level, activity=7.0, size=1.25),
    ]
    known = sum(phase.seconds for phase in phases)
    phases += [Phase(25, level - 6, -0.4, 0.0, ceiling=level)]
    if works:
        end = level - rng.uniform(2.0, 2.6) * unit
        phases += [Phase(int(rng.integers(480, 720)), end, -0.2, 0.6, ceiling=level - 3)]
    else:
        end = level + rng.uniform(1.2, 1.6) * unit
        phases += [Phase(int(rng.integers(240, 420)), end, 0.25, 0.6)]
    return Script(
        "absorption", direction, works, tuple(phases), known, level - 3, -1, level, level + 1
    )


def confluence(rng: np.random.Generator, direction: int, unit: float, *, works: bool) -> Script:
    """A minute of many minutes' buying that closes where it opened, then the turn that says so.

    Two readings of one thing: the minute's volume and delta without progress, and the absorption at
    its high, known when the price has backed away from it.
    """
    level = round(rng.uniform(0.4, 0.8) * unit)
    dip = max(6, round(0.3 * unit))
    phases = [
        Phase(236, level + 2, 0.2, 0.5, ceiling=level + 2),
        Phase(5, level + 2, 0.2, 0.0),  # the minute opens here, and will close a little lower
        Phase(6, level - dip, -0.2, 0.0),
        Phase(7, level, 0.5, 0.0),
        Phase(46, level, 0.93, 0.0, ceiling=level, activity=7.0, size=1.25),
    ]
    known = sum(phase.seconds for phase in phases)
    phases += [Phase(25, level - 6, -0.4, 0.0, ceiling=level)]
    if works:
        end = level - dip - rng.uniform(2.4, 3.0) * unit
        phases += [Phase(int(rng.integers(480, 720)), end, -0.2, 0.6, ceiling=level - 3)]
    else:
        end = level + rng.uniform(1.2, 1.6) * unit
        phases += [
            Phase(40, level - dip - 4, -0.2, 0.2, ceiling=level - 3),
            Phase(int(rng.integers(240, 420)), end, 0.25, 0.6),
        ]
    return Script(
        "confluence", direction, works, tuple(phases), known, level - 3, -1, level, level + 1
    )


def imbalance(rng: np.random.Generator, direction: int, unit: float, *, works: bool) -> Script:
    """A fall without buyers leaves a ladder of sell imbalances; the price returns and is turned."""
    height = max(6, round(0.5 * unit))
    top, bottom = -5, -5 - height
    leave = bottom - height - 1.3 * unit
    phases = [
        Phase(110, 0, -0.1, 0.4, ceiling=6, floor=top + 2),
        Phase(8, top + 1, -0.6, 0.0),
        Phase(52, bottom, -0.995, 0.0, activity=5.0, size=1.25),
        Phase(130, bottom - 0.8 * unit, -0.3, 0.4, ceiling=bottom - 3),
        Phase(int(rng.integers(3, 6)) * BAR_SECONDS, leave, -0.15, ceiling=bottom - 3),
        Phase(int(rng.integers(2, 4)) * BAR_SECONDS, bottom - 3, 0.1, ceiling=bottom - 3),
    ]
    known = sum(phase.seconds for phase in phases)
    phases += [
        Phase(20, bottom + 0.6 * height, -0.3, 0.0, activity=2.0),
        Phase(50, bottom + 0.6 * height, -0.7, 0.0, activity=3.0),
        Phase(60, bottom - 0.4 * unit, -0.6, 0.2, ceiling=bottom + 0.6 * height),
    ]
    phases += _outcome(
        rng,
        works=works,
        end=leave - rng.uniform(0.8, 1.4) * unit,
        dip=bottom - 0.5 * unit,
        stop=top + unit,
        ceiling=bottom + 0.6 * height,
        bars=6,
    )
    return Script(
        "imbalance_retest", direction, works, tuple(phases), known, bottom, 1, bottom, top
    )


def poc_retest(
    rng: np.random.Generator, unit: float, *, works: bool, poc: int, away: int, bid: int
) -> Script:
    """From one side of yesterday's point of control, back to touch it, and turned away.

    Args:
        rng: Source of chance.
        unit: Usual span of a bar.
        works: Whether it is turned away.
        poc: Yesterday's point of control, ticks.
        away: How far the price must leave before a return counts.
        bid: Best bid now, ticks.
    """
    direction = -1 if bid <= poc else 1
    touch = poc - bid if direction < 0 else bid + 1 - poc  # the control price, as a level
    armed = touch - 1.15 * away - 0.3 * unit
    phases = []
    if armed < 0:
        phases.append(Phase(_bars(-armed, unit), armed, -0.15, ceiling=max(0, touch - 6)))
    else:
        armed = 0.0
    phases.append(Phase(_bars(touch - armed, unit), touch - 5, 0.15, ceiling=touch - 5))
    known = sum(phase.seconds for phase in phases)
    phases += [
        Phase(15, touch - 1, 0.2, 0.0),
        Phase(45, touch - 1, -0.2, 0.0, activity=2.0),
        Phase(120, touch - 0.5 * unit, -0.5, 0.2, ceiling=touch - 1),
    ]
    phases += _outcome(
        rng,
        works=works,
        end=touch - rng.uniform(3.0, 4.5) * unit,
        dip=touch - 0.8 * unit,
        stop=touch + 2.0 * unit,
        ceiling=touch - 2,
        bars=8,
    )
    return Script(
        "poc_retest", direction, works, tuple(phases), known, touch - 2, 1, touch - 2, touch + 2
    )


def _extreme(level: int, pressure: float) -> tuple[Phase, Phase, Phase]:
    """Reach a level, stay for trades to print there, and step off it."""
    return (
        Phase(10, level, pressure, 0.0),
        Phase(22, level, pressure, 0.0, activity=2.0),
        Phase(8, level - 2, pressure, 0.0),
    )


def _outcome(
    rng: np.random.Generator,
    *,
    works: bool,
    end: float,
    dip: float,
    stop: float,
    ceiling: float,
    bars: int,
) -> tuple[Phase, ...]:
    """The implied move, or a short dip and the opposite."""
    if works:
        length = int(rng.integers(bars - 2, bars + 3))
        return (Phase(length * BAR_SECONDS, end, -0.15, ceiling=ceiling),)
    length = int(rng.integers(bars // 2, bars))
    return (
        Phase(BAR_SECONDS, dip, -0.15, 0.5, ceiling=ceiling),
        Phase(length * BAR_SECONDS, stop, 0.2),
    )


def _bars(distance: float, unit: float) -> int:
    """Seconds for a walk of that many ticks, whole bars."""
    return max(3, math.ceil(distance / (0.5 * unit))) * BAR_SECONDS


def lead_path(
    rng: np.random.Generator, script: Script, bid: float, noise: float
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
    """Second by second: bid to lead to, pressure, factor on activity, factor on size.

    Args:
        rng: Source of chance.
        script: What to play.
        bid: Best bid at its start, ticks.
        noise: Standard deviation of the free walk over one second, ticks.
    """
    level = 0.0
    parts = []
    for phase in script.phases:
        steps = np.arange(1, phase.seconds + 1) / phase.seconds
        walk = np.cumsum(rng.normal(0.0, noise * phase.wobble, phase.seconds))
        path = level + (phase.to - level) * steps + walk - steps * walk[-1]
        # Folding back from a border, instead of cutting, leaves no flat tops.
        path = np.where(path > phase.ceiling, 2 * phase.ceiling - path, path)
        path = np.where(path < phase.floor, 2 * phase.floor - path, path)
        parts.append(np.clip(path, phase.floor, phase.ceiling))
        level = phase.to
    way = -script.direction
    repeat = [phase.seconds for phase in script.phases]
    pressure = way * np.repeat([phase.pressure for phase in script.phases], repeat)
    activity = np.repeat([phase.activity for phase in script.phases], repeat)
    size = np.repeat([phase.size for phase in script.phases], repeat)
    return bid + way * np.rint(np.concatenate(parts)), pressure, activity, size
