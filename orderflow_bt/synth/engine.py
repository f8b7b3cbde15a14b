"""Plays one day of the simulated market: free stretches of tape with scripts between them."""

from __future__ import annotations

import copy
import datetime as dt
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from orderflow_bt.kernels import synth as kernels
from orderflow_bt.synth.profile import DayProfile, day_profile
from orderflow_bt.synth.scripts import (
    BAR_SECONDS,
    Script,
    absorption,
    confluence,
    divergence,
    imbalance,
    lead_path,
    poc_retest,
)
from orderflow_bt.synth.situations import Situation, read_situation
from orderflow_bt.synth.texture import SlowState, Texture, draw_texture
from orderflow_bt.types import DAY_US, SECOND_US

if TYPE_CHECKING:
    from numpy.typing import NDArray

EPOCH = dt.date(1970, 1, 1)
DAY_SECONDS = 86_400
STRETCH_SECONDS = 3_600  # longest piece drawn at once: bounds memory
USUAL_SECONDS = {  # of a script, to spread the day's scripts over it
    "delta_divergence": 7_400,
    "absorption": 750,
    "imbalance_retest": 4_500,
    "poc_retest": 9_000,
    "confluence": 1_000,
}

_BURST_CHANCE = 0.45  # that an order follows the one before within milliseconds
_BURST_LAG_US = 1_500.0
_GUST = 0.7  # shape of the gamma noise on each second's activity: smaller is gustier
_LEAST_UNIT = 12.0  # ticks; scripts keep their shape on a calm or cheap market
_FARTHEST_POC = 2.0  # of the distance that arms a retest


@dataclass(frozen=True, slots=True)
class Setting:
    """What does not change from day to day.

    Attributes:
        seed: Of the whole market.
        first_bid: Ticks.
        orders_per_day: Expected.
        daily_variance: Of the mid, ticks squared, at ``first_bid``.
        constants: For the kernels.
        per_day: Scripts of each kind a day, expected; empty for a placebo.
        hit_rate: Chance that a script's implied move follows.
        lots_per_fill: Mean lots of a raw fill.
    """

    seed: int
    first_bid: int
    orders_per_day: float
    daily_variance: float
    constants: NDArray[np.float64]
    per_day: dict[str, float]
    hit_rate: float
    lots_per_fill: float


@dataclass(slots=True)
class Carry:
    """What one day hands to the next."""

    carried: NDArray[np.float64]
    next_id: int = 1_000_001
    next_fill: int = 3_000_001
    slow: SlowState = field(default_factory=SlowState)
    profile: DayProfile | None = None

    @classmethod
    def first(cls, setting: Setting) -> Carry:
        """The state before the first day."""
        return cls(np.array([setting.first_bid, 1.0, 0.0]))


class Piece(NamedTuple):
    """Columns of one stretch of tape."""

    time: NDArray[np.int64]
    price: NDArray[np.int64]
    lots: NDArray[np.int64]
    side: NDArray[np.int8]
    bid: NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class PlayedDay:
    """One day's rows and what was planted in them. Prices in ticks, times in microseconds."""

    time: NDArray[np.int64]
    price: NDArray[np.int64]
    lots: NDArray[np.int64]
    side: NDArray[np.int8]
    bid: NDArray[np.int64]
    fills: NDArray[np.int64]
    first_id: int
    first_fill: int
    situations: tuple[Situation, ...]


def play_day(
    setting: Setting, before: Carry, number: int, date: dt.date, *, time_unit_us: int
) -> tuple[PlayedDay, Carry]:
    """Play day ``number``; the same arguments give the same bits.

    Args:
        setting: The market.
        before: State at midnight; not changed.
        number: Day number from 0: with the seed it selects the day's stream of chance.
        date: The UTC day.
        time_unit_us: Published times are multiples of this.

    Returns:
        The day, and the state at its end.
    """
    chance = np.random.PCG64(np.random.SeedSequence([setting.seed, number]))
    stage = _Stage(setting, copy.deepcopy(before), np.random.Generator(chance), date)
    stage.time_unit_us = time_unit_us
    stage.play()
    return stage.finish()


class _Stage:
    """A day being played: the second it has reached and the rows so far."""

    def __init__(
        self, setting: Setting, carry: Carry, rng: np.random.Generator, date: dt.date
    ) -> None:
        self.setting = setting
        self.carry = carry
        self.rng = rng
        self.start_us = (date - EPOCH).days * DAY_US
        self.time_unit_us = 1
        self.texture: Texture = draw_texture(
            self.rng,
            carry.slow,
            date,
            orders_per_day=setting.orders_per_day,
            daily_variance=setting.daily_variance,
        )
        self.second = 0
        self.pieces: list[Piece] = []
        self.situations: list[Situation] = []

    @property
    def bid(self) -> int:
        return int(self.carry.carried[kernels.BID])

    @property
    def ratio(self) -> float:
        """Of the price to the market's first: volatility is a share of the price."""
        return self.bid / self.setting.first_bid

    def play(self) -> None:
        """Play the whole day."""
        queue = self._queue()
        free = DAY_SECONDS - sum(USUAL_SECONDS[kind] for kind in queue)
        # Half of them up and half down, so that what is planted does not carry the price away.
        directions = (
            self.rng.permutation(np.arange(len(queue)) + self.rng.integers(0, 2)) % 2 * 2 - 1
        )
        for kind, direction in zip(queue, directions.tolist(), strict=True):
            mean_gap = max(0.0, free) / (len(queue) + 1)
            wait = round(mean_gap * self.rng.uniform(0.2, 1.6))
            if kind == "poc_retest":
                wait = min(wait, 2_400)  # before the price finds the level by itself
            self._free_until(min(DAY_SECONDS, self.second + wait))
            self._plant(kind, direction)
        self._free_until(DAY_SECONDS)

    def finish(self) -> tuple[PlayedDay, Carry]:
        """The day's columns, and the state for the next."""
        time, price, lots, bid = (
            np.concatenate([getattr(piece, name) for piece in self.pieces])
            for name in ("time", "price", "lots", "bid")
        )
        side = np.concatenate([piece.side for piece in self.pieces])
        drawn = -np.log1p(-self.rng.random(lots.size)) * lots / self.setting.lots_per_fill
        fills = 1 + np.minimum(np.minimum(drawn, 60.0).astype(np.int64), lots - 1)
        carry = self.carry
        day = PlayedDay(
            time, price, lots, side, bid, fills,
            first_id=carry.next_id,
            first_fill=carry.next_fill,
            situations=tuple(self.situations),
        )  # fmt: skip
        carry.next_id += lots.size
        carry.next_fill += int(fills.sum())
        carry.profile = day_profile(price, lots)
        return day, carry

    def _queue(self) -> list[str]:
        """Kinds to plant, in order: the retest of yesterday's control price comes first."""
        kinds: list[str] = []
        for kind, mean in self.setting.per_day.items():
            count = int(mean + self.rng.random())
            kinds += [kind] * count
        order = self.rng.permutation(len(kinds)).tolist()
        shuffled = [kinds[k] for k in order]
        return sorted(shuffled, key=lambda kind: kind != "poc_retest")

    def _plant(self, kind: str, direction: int) -> None:
        """Play one script, if it can be had here and ends before midnight."""
        script = self._write_script(kind, direction)
        if script is None:
            return
        if script.is_aligned:
            start = -(-self.second // BAR_SECONDS) * BAR_SECONDS
            if start + script.seconds > DAY_SECONDS:
                return
            self._free_until(start)
        elif self.second + script.seconds > DAY_SECONDS:
            return
        bid, start_us, first = self.bid, self.start_us + self.second * SECOND_US, len(self.pieces)
        noise = float(np.sqrt(self.setting.daily_variance / DAY_SECONDS)) * self.ratio
        path, pressure, activity, size = lead_path(self.rng, script, bid, noise)
        usual = self.setting.orders_per_day / DAY_SECONDS
        rate = self._rate(script.seconds)
        # A rush is measured by the usual pace, lest it drown a busy hour or fail in a calm one.
        rate = np.where(
            activity > 1.0, np.maximum(rate, activity * rate.clip(0.8 * usual, 1.5 * usual)), rate
        )
        for at in range(0, script.seconds, STRETCH_SECONDS):
            part = slice(at, min(script.seconds, at + STRETCH_SECONDS))
            self._stretch(rate[part], pressure[part], size[part], path[part])
        played = self.pieces[first:]
        time = np.concatenate([piece.time for piece in played])
        if time.size:
            price = np.concatenate([piece.price for piece in played])
            self.situations.append(read_situation(script, start_us, bid, time, price))

    def _write_script(self, kind: str, direction: int) -> Script | None:
        rng = self.rng
        works = bool(rng.random() < self.setting.hit_rate)
        span = 1.6 * float(np.sqrt(self.setting.daily_variance / 288.0)) * self.ratio
        unit = max(_LEAST_UNIT, span)
        if kind == "delta_divergence":
            return divergence(rng, direction, unit, works=works)
        if kind == "absorption":
            return absorption(rng, direction, unit, works=works)
        if kind == "confluence":
            return confluence(rng, direction, unit, works=works)
        if kind == "imbalance_retest":
            return imbalance(rng, direction, unit, works=works)
        profile = self.carry.profile
        if profile is None:
            return None
        away = max((profile.value_high - profile.value_low + 1) // 2, 8)
        if abs(self.bid - profile.poc) > _FARTHEST_POC * away:
            return None
        return poc_retest(rng, unit, works=works, poc=profile.poc, away=away, bid=self.bid)

    def _rate(self, seconds: int) -> NDArray[np.float64]:
        """Expected orders in each of the next seconds."""
        return self.texture.rate[self._minutes(seconds)]

    def _minutes(self, seconds: int) -> NDArray[np.int64]:
        return np.arange(self.second, self.second + seconds, dtype=np.int64) // 60

    def _free_until(self, second: int) -> None:
        while self.second < second:
            seconds = min(second - self.second, STRETCH_SECONDS)
            pressure = self.texture.pressure[self._minutes(seconds)]
            self._stretch(self._rate(seconds), pressure, np.ones(seconds), np.full(seconds, np.nan))

    def _stretch(
        self,
        rate: NDArray[np.float64],
        pressure: NDArray[np.float64],
        size: NDArray[np.float64],
        target: NDArray[np.float64],
    ) -> None:
        """Draw and print the orders of the next ``len(rate)`` seconds."""
        rng = self.rng
        seconds = rate.size
        gusts = rng.standard_gamma(_GUST, seconds) / _GUST
        counts = rng.poisson(rate * gusts)
        number = int(counts.sum())
        times = np.repeat(np.arange(seconds, dtype=np.int64), counts) * SECOND_US
        times += rng.integers(0, SECOND_US, number)
        times.sort()
        copies = rng.random(number) < _BURST_CHANCE
        kernels.cluster_times(times, copies, rng.exponential(_BURST_LAG_US, number))
        conditions = np.empty((kernels.CONDITIONS, seconds))
        conditions[kernels.VARIANCE] = self.texture.variance[self._minutes(seconds)] * self.ratio**2
        conditions[kernels.PRESSURE] = pressure
        conditions[kernels.SIZE] = size
        conditions[kernels.TARGET] = target
        orders = np.empty((kernels.ORDER_FIELDS, number), dtype=np.int64)
        prints = kernels.draw_orders(
            times // SECOND_US,
            conditions,
            rng.random((5, number)),
            rng.standard_normal(number),
            self.setting.constants,
            self.carry.carried,
            orders,
        )
        time, price, lots, bid = np.empty((4, prints), dtype=np.int64)
        side = np.empty(prints, dtype=np.int8)
        kernels.print_orders(orders, times, rng.random(number), time, price, lots, side, bid)
        time += self.start_us + self.second * SECOND_US
        if self.time_unit_us > 1:
            time -= time % self.time_unit_us
        self.pieces.append(Piece(time, price, lots, side, bid))
        self.second += seconds
