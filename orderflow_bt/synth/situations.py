"""What was planted where: the answer key of a simulated market."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

import numpy as np

from orderflow_bt.types import SECOND_US

if TYPE_CHECKING:
    from collections.abc import Iterable

    from numpy.typing import NDArray

    from orderflow_bt.synth.scripts import Script

SCHEMA = 1


@dataclass(frozen=True, slots=True)
class Situation:
    """One planted situation. Times in microseconds UTC, prices in price units (ticks).

    Attributes:
        kind: ``delta_divergence``, ``absorption``, ``imbalance_retest``, ``poc_retest`` or
            ``confluence``.
        direction: What it implies for the price: +1 up, -1 down.
        start_time: When its script began.
        end_time: When its script ended.
        known_at: Earliest moment a reader of the tape could know it.
        price_low: Lowest price of the zone it is about.
        price_high: Highest price of the zone.
        worked: Whether the implied move followed.
        follow_through: Ticks the price moved in ``direction`` from ``known_at`` to ``end_time``;
            negative where it did not work.
    """

    kind: str
    direction: int
    start_time: int
    end_time: int
    known_at: int
    price_low: int
    price_high: int
    worked: bool
    follow_through: int


def read_situation(
    script: Script, start_us: int, bid: int, time: NDArray[np.int64], price: NDArray[np.int64]
) -> Situation:
    """Find on the played tape when a script's setup could first be known, and what followed.

    Args:
        script: What was played.
        start_us: Its first moment, microseconds UTC.
        bid: Best bid at that moment, ticks.
        time: Times of the trades that played it.
        price: Their prices, ticks.
    """
    way = -script.direction

    def price_of(level: int) -> int:
        return bid + level if way > 0 else bid + 1 - level

    known_at = start_us + script.known_after * SECOND_US
    if script.trigger is not None:
        beyond = (price - price_of(script.trigger)) * way * script.trigger_way >= 0
        hits = np.flatnonzero(beyond & (time >= known_at))
        if hits.size:
            known_at = int(time[hits[0]])
    at = min(int(np.searchsorted(time, known_at)), price.size - 1)
    edges = sorted((price_of(script.low), price_of(script.high)))
    return Situation(
        kind=script.kind,
        direction=script.direction,
        start_time=start_us,
        end_time=start_us + script.seconds * SECOND_US,
        known_at=known_at,
        price_low=edges[0],
        price_high=edges[1],
        worked=script.works,
        follow_through=int(price[-1] - price[at]) * script.direction,
    )


def situations_text(situations: Iterable[Situation], **about: object) -> str:
    """The list as JSON, one situation a line."""
    head = json.dumps({"schema": SCHEMA, **about}, sort_keys=True)[:-1]
    lines = ",\n  ".join(json.dumps(asdict(situation)) for situation in situations)
    return f'{head}, "situations": [\n  {lines}\n]}}\n'
