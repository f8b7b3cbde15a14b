"""What a simulation assumes: fills, latency, fees, slippage, gaps, cash."""

from __future__ import annotations

from dataclasses import dataclass, replace
from decimal import Decimal
from typing import TYPE_CHECKING

import numpy as np

from orderflow_bt.errors import UsageError
from orderflow_bt.instruments import DEFAULT_FEES, Fees
from orderflow_bt.kernels import orders as k
from orderflow_bt.sim.assumptions import (
    MOST_BPS,
    End,
    FillPolicy,
    GapPolicy,
    LiquidateOn,
    OffTick,
    Reference,
    StopFill,
    TriggerOn,
    decay_table,
    queue_setting,
)
from orderflow_bt.sim.latency import LEGS, MILLISECOND_US, LatencySample, LatencyTable
from orderflow_bt.sim.tiers import MarginMode, TierTable
from orderflow_bt.types import MINUTE_US, SECOND_US, MarketType

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from orderflow_bt.instruments import Instrument
    from orderflow_bt.sim.fees import FeeChange

QUEUE_WINDOW = 20_000  # trades the queue estimate looks back over
MAX_LEVERAGE = 125
MERGED_US = 100 * MILLISECOND_US  # a futures aggregate may hold trades of so long a time
_CONSTANT = {leg: f"{leg}_latency" for leg in LEGS}
_POLICIES = {
    FillPolicy.TOUCH: k.TOUCH, FillPolicy.QUEUE: k.QUEUE, FillPolicy.THROUGH: k.THROUGH,
}  # fmt: skip
_REFERENCES = {
    Reference.CROSS: k.CROSS, Reference.NEXT_PRINT: k.NEXT_PRINT,
    Reference.NEXT_SAME_SIDE: k.NEXT_SAME_SIDE,
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class SimConfig:
    """One set of assumptions. Times in microseconds, prices in exchange ticks.

    Attributes:
        fills: When resting orders fill.
        through_ticks: For ``through``, how far beyond the limit price must trade.
        queue: Volume ahead at arrival: ``visits:N`` (upper median of the last N visits to the
            level), ``last_visit``, ``zero``, or ``const:LOTS``.
        queue_decay: Share of the volume ahead that is cancelled a second, as the exponent's rate.
        entry_latency: From a decision to the exchange; also of a change to an order.
        cancel_latency: From a cancel request to the exchange.
        trigger_latency: From a stop's trigger to its market or limit order.
        response_latency: From a fill or an order's change to the hook that hears of it.
        latency_sample: Draws each message's delay, in place of the constants.
        latency_table: Delays by time, in place of the constants it names.
        fees: Maker and taker commission at the start.
        fee_changes: Later rates, by time.
        slippage_ticks: Paid by takers beyond the reference price.
        slippage_bps: Paid by takers besides, in basis points of the reference price.
        half_spread: Whether takers pay half the inferred spread besides.
        impact: The square-root law's factor: takers pay ``impact * sigma * sqrt(qty / volume)``
            besides; 0 for none.
        reference: What a market order pays before slippage.
        same_side_wait: For ``next_same_side``: after this long a market order crosses.
        trigger_on: On futures, which price triggers orders that wait for one.
        stop_fill: At what price a triggered stop fills; ``trigger_price`` only for comparisons.
        participation: Share of a trade's volume that taking orders may use.
        max_wait: How long an entry that takes may need to fill; then the rest of it expires. What
            reduces a position never gives up. 0: entries neither.
        gap_policy: What happens to orders and position where trades are missing.
        end: What becomes of a position that is open at the end.
        off_tick: What becomes of an order whose price is off the exchange's tick.
        max_open_orders: More than these at the exchange at once are rejected.
        cash: Starting cash, in quote currency, or in the coin of a coin-margined contract.
        leverage: A position may be worth this many times the equity. None: no order is refused and
            no position liquidated for want of money.
        margin: On futures, what backs a position.
        tiers: On futures, the maintenance margin by size and date; empty: the shipped ones.
        liquidate_on: On futures, whose price is tested: the mark price's or the last trade's.
        allow_short: Whether more may be sold than is held: on spot, by borrowing.
        funding_shift: By how much the exchange looks at positions after (before, if negative) the
            published time of a funding; it says that it may be 15 seconds.
        seed: Of every random choice.
        lag_trades: Trades that a new order must let pass beyond the first it could meet; for the
            look-ahead audit.
    """

    fills: FillPolicy = FillPolicy.QUEUE
    through_ticks: int = 1
    queue: str = "visits:5"
    queue_decay: Decimal = Decimal(0)
    entry_latency: int = 100 * MILLISECOND_US
    cancel_latency: int = 100 * MILLISECOND_US
    trigger_latency: int = 100 * MILLISECOND_US
    response_latency: int = 100 * MILLISECOND_US
    latency_sample: LatencySample | None = None
    latency_table: LatencyTable | None = None
    fees: Fees = DEFAULT_FEES[MarketType.UM]
    fee_changes: tuple[FeeChange, ...] = ()
    slippage_ticks: int = 1
    slippage_bps: Decimal = Decimal(0)
    half_spread: bool = False
    impact: Decimal = Decimal(0)
    reference: Reference = Reference.CROSS
    same_side_wait: int = SECOND_US
    trigger_on: TriggerOn = TriggerOn.LAST
    stop_fill: StopFill = StopFill.MARKET
    participation: Decimal = Decimal(1)
    max_wait: int = MINUTE_US
    gap_policy: GapPolicy = GapPolicy.KEEP
    end: End = End.MARK
    off_tick: OffTick = OffTick.ROUND
    max_open_orders: int = 200
    cash: Decimal = Decimal(10_000)
    leverage: Decimal | None = Decimal(1)
    margin: MarginMode = MarginMode.CROSS
    tiers: tuple[TierTable, ...] = ()
    liquidate_on: LiquidateOn = LiquidateOn.AUTO
    allow_short: bool = True
    funding_shift: int = 0
    seed: int = 1
    lag_trades: int = 0

    def __post_init__(self) -> None:
        for leg in LEGS:
            if getattr(self, f"{leg}_latency") < 0:
                raise UsageError(f"{leg}_latency cannot be negative")
        if self.latency_sample and self.latency_table:
            raise UsageError("latency is sampled or read from a table, not both")
        if self.cash <= 0:
            raise UsageError("starting cash must be positive")
        if self.max_wait < 0 or self.same_side_wait < 0:
            raise UsageError("max_wait and same_side_wait cannot be negative")
        if self.leverage is not None and not 0 < self.leverage <= MAX_LEVERAGE:
            raise UsageError(f"leverage must be above 0 and at most {MAX_LEVERAGE}")
        if not 0 < self.participation <= 1:
            raise UsageError("participation must lie in (0, 1]")
        if self.slippage_ticks < 0 or self.through_ticks < 1:
            raise UsageError("slippage_ticks must be >= 0 and through_ticks >= 1")
        if not 0 <= self.slippage_bps <= MOST_BPS or not 0 <= self.impact <= MOST_BPS:
            raise UsageError(f"slippage in basis points and impact must lie in [0, {MOST_BPS}]")
        if not 0 <= self.queue_decay <= MOST_BPS:
            raise UsageError(f"queue_decay must lie in [0, {MOST_BPS}] per second")
        if self.max_open_orders < 1:
            raise UsageError("max_open_orders must be at least 1")
        queue_setting(self.queue, QUEUE_WINDOW)

    @classmethod
    def for_market(cls, market: MarketType) -> SimConfig:
        """Defaults of a market: 100 ms on futures, 50 ms on spot, regular users' fees.

        Starting cash is 10,000 of the quote currency, or one coin on a coin-margined market. On
        spot nothing is sold that is not held.
        """
        latency = (100 if market.is_futures else 50) * MILLISECOND_US
        cash = Decimal(1 if market is MarketType.CM else 10_000)
        config = cls(fees=DEFAULT_FEES[market], cash=cash, allow_short=market.is_futures)
        return config.with_latency(latency)

    def with_latency(self, latency: int) -> SimConfig:
        """The same with every leg of latency set to ``latency`` microseconds."""
        return replace(
            self,
            entry_latency=latency,
            cancel_latency=latency,
            trigger_latency=latency,
            response_latency=latency,
        )

    def delay(self, leg: str, time: int, order_id: int) -> int:
        """How long a message of an order takes that leaves at ``time``, in microseconds."""
        if self.latency_sample is not None:
            return self.latency_sample.draw(self.seed, leg, order_id, time)
        found = self.latency_table.at(leg, time) if self.latency_table is not None else None
        constant: int = getattr(self, _CONSTANT[leg])
        return constant if found is None else found

    def constant(self, leg: str) -> int | None:
        """How long every message takes, where all take as long."""
        if self.latency_sample is not None or self.latency_table is not None:
            return None
        delay: int = getattr(self, _CONSTANT[leg])
        return delay

    @property
    def least_latency(self) -> int:
        """The shortest a decision can be assumed to take, by its constants or a sample's mean."""
        if self.latency_sample is not None:
            return self.latency_sample.mean
        legs = {leg: getattr(self, f"{leg}_latency") for leg in LEGS[:3]}
        table = self.latency_table
        found = [] if table is None else [
            delay for row in table.rows for delay in row[:3] if delay is not None
        ]  # fmt: skip
        return int(min([*legs.values(), *found]))

    def kernel_settings(self, instrument: Instrument) -> NDArray[np.int64]:
        """The settings vector of the matching kernel."""
        settings = np.zeros(k.SETTINGS, np.int64)
        settings[k.S_POLICY] = _POLICIES[self.fills]
        settings[k.S_THROUGH_TICKS] = self.through_ticks
        settings[k.S_TICK] = instrument.tick_size
        settings[k.S_SLIPPAGE] = self.slippage_ticks * instrument.tick_size
        settings[k.S_HALF_SPREAD] = self.half_spread
        settings[k.S_BPS] = int(self.slippage_bps * 10_000)
        settings[k.S_IMPACT] = int(self.impact * k.MILLION)
        settings[k.S_REFERENCE] = _REFERENCES[self.reference]
        settings[k.S_SAME_SIDE_WAIT] = self.same_side_wait
        settings[k.S_STOP_AT_TRIGGER] = self.stop_fill is StopFill.TRIGGER_PRICE
        settings[k.S_PARTICIPATION] = int(self.participation * k.MILLION)
        visits, window = queue_setting(self.queue, QUEUE_WINDOW)
        settings[k.S_QUEUE_VISITS] = visits
        settings[k.S_QUEUE_WINDOW] = window
        settings[k.S_IMPACT_WINDOW] = QUEUE_WINDOW
        settings[k.S_MAX_WAIT] = self.max_wait
        if self.queue_decay:
            settings[k.S_DECAYS] = 1
            settings[k.S_DECAY :] = decay_table(self.queue_decay)
        return settings
