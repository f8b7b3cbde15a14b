"""What a simulation assumes: fills, latency, fees, slippage, cash."""

from __future__ import annotations

from dataclasses import dataclass, replace
from decimal import Decimal
from enum import StrEnum
from typing import TYPE_CHECKING

import numpy as np

from orderflow_bt.errors import UnsupportedError, UsageError
from orderflow_bt.instruments import DEFAULT_FEES, Fees
from orderflow_bt.kernels import orders as k
from orderflow_bt.types import MINUTE_US, MarketType

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from orderflow_bt.instruments import Instrument
    from orderflow_bt.sim.fees import FeeChange

MILLISECOND_US = 1_000
QUEUE_WINDOW = 20_000  # trades the queue estimate looks back over
MAX_VISITS = 64


class FillPolicy(StrEnum):
    """When a resting order at the traded price fills."""

    TOUCH = "touch"  # at once: soonest
    QUEUE = "queue"  # after the volume inferred ahead of it
    THROUGH = "through"  # only when price trades beyond it: last


@dataclass(frozen=True, slots=True)
class SimConfig:
    """One set of assumptions. Times in microseconds, prices in exchange ticks.

    Attributes:
        fills: When resting orders fill.
        through_ticks: For ``through``, how far beyond the limit price must trade.
        queue: Volume ahead at arrival: ``visits:N`` (upper median of the last N visits to the
            level), ``last_visit``, ``zero``, or ``const:LOTS``.
        entry_latency: From a decision to the exchange.
        cancel_latency: From a cancel request to the exchange.
        trigger_latency: From a stop's trigger to its market order.
        response_latency: From a fill or an order's change to the hook that hears of it.
        fees: Maker and taker commission at the start.
        fee_changes: Later rates, by time.
        slippage_ticks: Paid by takers beyond the reference price.
        participation: Share of a trade's volume that taking orders may use.
        max_wait: How long an entry that takes may need to fill; then the rest of it expires. What
            reduces a position never gives up. 0: entries neither.
        cash: Starting cash, in quote currency, or in the coin of a coin-margined contract.
        funding_shift: By how much the exchange looks at positions after (before, if negative) the
            published time of a funding; it says that it may be 15 seconds.
        seed: Of every random choice.
        lag_trades: Trades that a new order must let pass beyond the first it could meet; for the
            look-ahead audit.
    """

    fills: FillPolicy = FillPolicy.QUEUE
    through_ticks: int = 1
    queue: str = "visits:5"
    entry_latency: int = 100 * MILLISECOND_US
    cancel_latency: int = 100 * MILLISECOND_US
    trigger_latency: int = 100 * MILLISECOND_US
    response_latency: int = 100 * MILLISECOND_US
    fees: Fees = DEFAULT_FEES[MarketType.UM]
    fee_changes: tuple[FeeChange, ...] = ()
    slippage_ticks: int = 1
    participation: Decimal = Decimal(1)
    max_wait: int = MINUTE_US
    cash: Decimal = Decimal(10_000)
    funding_shift: int = 0
    seed: int = 1
    lag_trades: int = 0

    def __post_init__(self) -> None:
        for name in ("entry_latency", "cancel_latency", "trigger_latency", "response_latency"):
            if getattr(self, name) < 0:
                raise UsageError(f"{name} cannot be negative")
        if self.cash <= 0:
            raise UsageError("starting cash must be positive")
        if self.max_wait < 0:
            raise UsageError("max_wait cannot be negative")
        if not 0 < self.participation <= 1:
            raise UsageError("participation must lie in (0, 1]")
        if self.slippage_ticks < 0 or self.through_ticks < 1:
            raise UsageError("slippage_ticks must be >= 0 and through_ticks >= 1")
        _queue_setting(self.queue)

    @classmethod
    def for_market(cls, market: MarketType) -> SimConfig:
        """Defaults of a market: 100 ms on futures, 50 ms on spot, regular users' fees.

        Starting cash is 10,000 of the quote currency, or one coin on a coin-margined market.
        """
        latency = (100 if market.is_futures else 50) * MILLISECOND_US
        cash = Decimal(1 if market is MarketType.CM else 10_000)
        return cls(fees=DEFAULT_FEES[market], cash=cash).with_latency(latency)

    def with_latency(self, latency: int) -> SimConfig:
        """The same with every leg of latency set to ``latency`` microseconds."""
        return replace(
            self,
            entry_latency=latency,
            cancel_latency=latency,
            trigger_latency=latency,
            response_latency=latency,
        )

    def kernel_settings(self, instrument: Instrument) -> NDArray[np.int64]:
        """The settings vector of the matching kernel."""
        settings = np.zeros(k.SETTINGS, np.int64)
        settings[k.S_POLICY] = {
            FillPolicy.TOUCH: k.TOUCH,
            FillPolicy.QUEUE: k.QUEUE,
            FillPolicy.THROUGH: k.THROUGH,
        }[self.fills]
        settings[k.S_THROUGH_TICKS] = self.through_ticks
        settings[k.S_TICK] = instrument.tick_size
        settings[k.S_SLIPPAGE] = self.slippage_ticks * instrument.tick_size
        settings[k.S_CANCEL_LATENCY] = self.cancel_latency
        settings[k.S_TRIGGER_LATENCY] = self.trigger_latency
        settings[k.S_PARTICIPATION] = int(self.participation * k.MILLION)
        settings[k.S_QUEUE_VISITS] = _queue_setting(self.queue)
        settings[k.S_QUEUE_WINDOW] = QUEUE_WINDOW
        settings[k.S_MAX_WAIT] = self.max_wait
        return settings


def _queue_setting(text: str) -> int:
    """A queue estimator as the kernel's number: visits, 0 for none, minus a constant."""
    name, _, number = text.partition(":")
    if text == "zero":
        return 0
    if text == "last_visit":
        return 1
    if name == "snapshot":
        raise UnsupportedError(
            "the queue estimate 'snapshot' needs order-book snapshots, which trades do not carry",
            fix="Use visits:5, last_visit, zero or const:LOTS",
        )
    if name in ("visits", "const") and number.isdecimal():
        value = int(number)
        if name == "visits" and 1 <= value <= MAX_VISITS:
            return value
        if name == "const":
            return -value
    raise UsageError(
        f"{text!r} is not a queue estimate",
        fix=f"Use visits:N (1 to {MAX_VISITS}), last_visit, zero or const:LOTS",
    )
