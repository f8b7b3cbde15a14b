"""The simulated market as its users see it: a value that says which market, and its days."""

from __future__ import annotations

import datetime as dt
import re
from dataclasses import dataclass, field
from decimal import Decimal
from typing import TYPE_CHECKING

import numpy as np

from orderflow_bt.errors import UsageError
from orderflow_bt.kernels import synth as kernels
from orderflow_bt.synth.engine import USUAL_SECONDS, Carry, PlayedDay, Setting, play_day
from orderflow_bt.types import Kind, MarketType, TapeId, Trades

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from orderflow_bt.synth.situations import Situation

MICROSECONDS_SINCE = dt.date(2025, 1, 1)  # from then on spot archives count microseconds
QTY_DECIMALS = {MarketType.SPOT: 5, MarketType.UM: 3, MarketType.CM: 0}
# USD of a contract that the exchange gives a symbol it has no other rule for.
CONTRACT_USD = 10

_MEDIAN_NOTIONAL = 180.0  # of an order, in quote currency
_REPEAT = 0.5  # chance-beyond-even that an order takes the side of the one before
_IMPACT_SHARE = 0.8
_FULLEST_DAY = 80_000  # seconds of scripts


@dataclass(frozen=True, slots=True)
class SimulatedDay:
    """One day of the simulated market.

    Attributes:
        date: The UTC day.
        number: Its number, from 0.
        trades: Its rows, as an aggTrades archive gives them.
        first_id: int64 ``[n]``, id of each row's first raw fill.
        last_id: int64 ``[n]``, id of its last.
        bid: int64 ``[n]``, best bid just before each row, in price units: the hidden truth that
            no archive holds. The best ask is one unit above it, the mid half a unit.
        situations: What was planted in it.
        seed: Of the market.
    """

    date: dt.date
    number: int
    trades: Trades
    first_id: NDArray[np.int64]
    last_id: NDArray[np.int64]
    bid: NDArray[np.int64]
    situations: tuple[Situation, ...]
    seed: int

    def raw_trades(self) -> Trades:
        """The same day fill by fill, as a trades archive gives it; quantities sum exactly."""
        fills = self.trades.fills.astype(np.int64)
        total = int(fills.sum())
        chance = np.random.Generator(
            np.random.PCG64(np.random.SeedSequence([self.seed, self.number, 1]))
        )
        qty = np.empty(total, dtype=np.int64)
        kernels.split_fills(self.trades.qty, fills, chance.random(total), qty)
        start = int(self.first_id[0]) if fills.size else 0
        return Trades(
            id=np.arange(start, start + total, dtype=np.int64),
            time=np.repeat(self.trades.time, fills),
            price=np.repeat(self.trades.price, fills),
            qty=qty,
            side=np.repeat(self.trades.side, fills),
            fills=np.ones(total, dtype=np.int32),
        )


@dataclass(frozen=True, slots=True)
class SimulatedMarket:
    """A seeded market, generated a day at a time: the same value gives the same bits.

    Attributes:
        seed: Of all chance in it.
        symbol: Its invented name.
        market: Which archive format and units it has.
        start: Its first UTC day.
        days: How many there are.
        trades_per_day: Expected orders of a working day. A sweep prints a row a price, which adds a
            tenth to the rows at 50,000 and more than half at 5,000 and below.
        price: First price, in quote currency.
        tick: Price step, a power of ten. The spread is always one tick.
        daily_volatility: Standard deviation of a day's move, as a share of the price.
        placebo: Nothing planted, and no edge: the mid moves without regard to anything on the tape.
        hit_rate: Chance that a planted situation's implied move follows.
        divergences_per_day: Expected planted delta divergences; likewise the next four.

    Raises:
        UsageError: A value is out of its range.
    """

    seed: int = 1
    symbol: str = "SIMUSDT"
    market: MarketType = MarketType.UM
    start: dt.date = dt.date(2024, 1, 1)
    days: int = 10
    trades_per_day: int = 200_000
    price: Decimal = Decimal(600)
    tick: Decimal = Decimal("0.1")
    daily_volatility: float = 0.05
    placebo: bool = False
    hit_rate: float = 0.65
    divergences_per_day: float = 5.0
    absorptions_per_day: float = 4.0
    imbalance_retests_per_day: float = 2.0
    poc_retests_per_day: float = 1.0
    confluences_per_day: float = 0.0
    _setting: Setting = field(init=False, repr=False, compare=False)
    _carries: dict[int, Carry] = field(init=False, repr=False, compare=False)
    _planted: dict[int, tuple[Situation, ...]] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        self._validate()
        setting = self._derive_setting()
        object.__setattr__(self, "_setting", setting)
        object.__setattr__(self, "_carries", {0: Carry.first(setting)})
        object.__setattr__(self, "_planted", {})

    @property
    def tape(self) -> TapeId:
        """What its aggregated trades are called in an archive and in a lake."""
        return TapeId("binance", self.market, Kind.AGG_TRADES, self.symbol)

    @property
    def price_decimals(self) -> int:
        """A price unit is ``10**-price_decimals``, which is one tick."""
        return max(0, -int(self.tick.normalize().as_tuple().exponent))

    @property
    def qty_decimals(self) -> int:
        """A lot is ``10**-qty_decimals`` of the base currency, or one contract."""
        return QTY_DECIMALS[self.market]

    @property
    def dates(self) -> list[dt.date]:
        """Its days, in order."""
        return [self.start + dt.timedelta(days=number) for number in range(self.days)]

    @property
    def situations(self) -> tuple[Situation, ...]:
        """Everything planted, in time order. Plays the days that have not been played yet."""
        for number in range(self.days):
            if number not in self._planted:
                self._play(number)
        return tuple(item for number in range(self.days) for item in self._planted[number])

    def time_unit_us(self, date: dt.date) -> int:
        """What the archive of that day counts time in: 1000 for milliseconds, 1."""
        return 1 if self.market is MarketType.SPOT and date >= MICROSECONDS_SINCE else 1000

    def day(self, number: int) -> SimulatedDay:
        """Day ``number``, from 0. Days before it are played first where they have not been.

        Raises:
            UsageError: There is no such day.
        """
        if not 0 <= number < self.days:
            raise UsageError(
                f"the simulated market has no day {number}",
                fix=f"Its days are 0 to {self.days - 1}",
            )
        for earlier in range(max(k for k in self._carries if k <= number), number):
            self._play(earlier)
        return self._play(number)

    def __iter__(self) -> Iterator[SimulatedDay]:
        """Its days in order, each made when asked for."""
        return (self.day(number) for number in range(self.days))

    def _play(self, number: int) -> SimulatedDay:
        date = self.start + dt.timedelta(days=number)
        unit = self.time_unit_us(date)
        played, after = play_day(
            self._setting, self._carries[number], number, date, time_unit_us=unit
        )
        self._carries[number + 1] = after
        self._planted[number] = played.situations
        return self._present(played, number, date)

    def _present(self, played: PlayedDay, number: int, date: dt.date) -> SimulatedDay:
        last_id = played.first_fill - 1 + np.cumsum(played.fills)
        trades = Trades(
            id=np.arange(played.first_id, played.first_id + played.time.size, dtype=np.int64),
            time=played.time,
            price=played.price,
            qty=played.lots,
            side=played.side,
            fills=played.fills.astype(np.int32),
        )
        return SimulatedDay(
            date=date,
            number=number,
            trades=trades,
            first_id=last_id - played.fills + 1,
            last_id=last_id,
            bid=played.bid,
            situations=played.situations,
            seed=self.seed,
        )

    def _validate(self) -> None:
        def need(fine: bool, what: str, fix: str) -> None:  # noqa: FBT001 - an assertion's shape
            if not fine:
                raise UsageError(what, where="simulated market", fix=fix)

        need(isinstance(self.seed, int) and self.seed >= 0, "seed must be a whole number >= 0", "")
        need(
            re.fullmatch(r"[A-Z0-9_]{2,32}", self.symbol) is not None,
            f"{self.symbol!r} is not a symbol",
            "Use capital letters, digits and underscores, such as SIMUSDT",
        )
        need(
            isinstance(self.market, MarketType),
            f"{self.market!r} is not a market",
            "Take MarketType.SPOT, MarketType.UM or MarketType.CM",
        )
        need(
            isinstance(self.start, dt.date) and not isinstance(self.start, dt.datetime),
            "start must be a date",
            "Pass datetime.date(2024, 1, 1)",
        )
        need(1 <= self.days <= 10_000, f"days={self.days} is out of range", "Take 1 to 10000")
        need(
            1_000 <= self.trades_per_day <= 20_000_000,
            f"trades_per_day={self.trades_per_day} is out of range",
            "Take 1000 to 20000000",
        )
        sign, digits, exponent = self.tick.normalize().as_tuple()
        need(
            sign == 0 and digits == (1,) and isinstance(exponent, int) and -8 <= exponent <= 0,
            f"tick={self.tick} is not a power of ten",
            "Take 1, 0.1, 0.01 and so on, down to 1e-8",
        )
        ticks = self.price / self.tick
        need(
            ticks == int(ticks) and 1_000 <= ticks <= 10**9,
            f"price={self.price} is not 1000 to 1000000000 whole ticks of {self.tick}",
            "Take another price or tick",
        )
        need(
            0.0 < self.daily_volatility <= 0.2,
            f"daily_volatility={self.daily_volatility} is out of range",
            "Take a share such as 0.05, at most 0.2",
        )
        need(0.0 <= self.hit_rate <= 1.0, f"hit_rate={self.hit_rate} is no chance", "Take 0 to 1")
        per_day = self._per_day()
        need(min(per_day.values()) >= 0.0, "a number of situations a day is negative", "")
        busy = sum(mean * USUAL_SECONDS[kind] for kind, mean in per_day.items())
        need(
            busy <= _FULLEST_DAY,
            f"the situations would fill {busy / 3600:.1f} hours of a day",
            f"Ask for fewer, at most {_FULLEST_DAY / 3600:.0f} hours",
        )

    def _per_day(self) -> dict[str, float]:
        return {
            "poc_retest": self.poc_retests_per_day,
            "delta_divergence": self.divergences_per_day,
            "absorption": self.absorptions_per_day,
            "imbalance_retest": self.imbalance_retests_per_day,
            "confluence": self.confluences_per_day,
        }

    def _derive_setting(self) -> Setting:
        first_bid = int(self.price / self.tick)
        if self.market is MarketType.CM:
            median = _MEDIAN_NOTIONAL / CONTRACT_USD
        else:
            median = _MEDIAN_NOTIONAL / float(self.price) * 10**self.qty_decimals
        constants = np.empty(kernels.CONSTANTS)
        constants[kernels.REPEAT] = _REPEAT
        constants[kernels.IMPACT_SHARE] = 0.0 if self.placebo else _IMPACT_SHARE
        constants[kernels.MEDIAN_LOTS] = median
        constants[kernels.SIZE_SIGMA] = 1.2
        constants[kernels.TAIL_CHANCE] = 0.006
        constants[kernels.TAIL_ALPHA] = 1.5
        constants[kernels.LARGEST_LOTS] = max(100.0, 1_000.0 * median)
        return Setting(
            seed=self.seed,
            first_bid=first_bid,
            orders_per_day=float(self.trades_per_day),
            daily_variance=(self.daily_volatility * first_bid) ** 2,
            constants=constants,
            per_day={} if self.placebo else self._per_day(),
            hit_rate=self.hit_rate,
            lots_per_fill=max(1.0, 4.0 * median),
        )
