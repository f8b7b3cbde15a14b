"""Strategies on the simulated market, judged by what is known of that market alone.

Its days give the hidden mid, so that what price did is told apart from spread, queue and fees; and
what was planted, so that what a strategy trades can be told apart from what it was to find.

    market = SimulatedMarket(seed=1, days=8, trades_per_day=60_000)
    trial = try_out(market, {"mine": MyStrategy()})["mine"]
    print([trial.response(plant) for plant in market.situations if plant.kind == "absorption"])
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import TYPE_CHECKING

from orderflow_bt.errors import UsageError
from orderflow_bt.instruments import Fees, Instrument
from orderflow_bt.sim import End, Session, SimConfig
from orderflow_bt.sim.declared import readings_of
from orderflow_bt.types import DAY_US, MINUTE_US, MarketType

if TYPE_CHECKING:
    from collections.abc import Mapping

    from orderflow_bt.flow.events import Event
    from orderflow_bt.sim.trips import RoundTrip
    from orderflow_bt.strategy import Order, Strategy
    from orderflow_bt.synth import SimulatedDay, SimulatedMarket, Situation

#: No costs, and whatever is open at the end is closed: to leave it out would leave out the slow
#: ones, which are those that win.
FREE = replace(
    SimConfig.for_market(MarketType.UM), fees=Fees(Decimal(0), Decimal(0)), end=End.CLOSE
)


WITHIN = 10 * MINUTE_US  # after a situation could be known
NEAR = 2  # ticks around its prices


@dataclass(frozen=True, slots=True)
class Trade:
    """A round trip on the simulated market.

    Attributes:
        decided_at: When its entry was sent, microseconds UTC.
        trip: The round trip.
        cause: The event that its entry named, if any.
        mid_r: What the mid did between its fills, in R: positive where it went the trade's way;
            None where no stop was set. R is what was to be risked when the entry was sent, on all
            of its quantity: how much of it fills depends on where the price goes, and to divide by
            that would show a gain where there is none.
    """

    decided_at: int
    trip: RoundTrip
    cause: Event | None
    mid_r: float | None

    def answers(self, plant: Situation) -> bool:
        """Whether it was entered because of a planted situation.

        It is of its direction, and the event that it names lies at its prices, within the time from
        the situation's beginning to ten minutes after it could be known. What it waited for besides
        may come minutes later.
        """
        return (
            self.cause is not None
            and self.trip.side == plant.direction
            and plant.start_time <= self.decided_at <= plant.known_at + WITHIN
            and _touches(self.cause, plant)
        )


@dataclass(frozen=True, slots=True)
class Trial:
    """What a strategy did on the simulated market.

    Attributes:
        trades: Its round trips, in order.
        declined: The events it wrote down as passed over, each with its reason.
    """

    trades: list[Trade]
    declined: list[tuple[Event, str]]

    def response(self, plant: Situation) -> str:
        """``traded``; else why it passed over an event at that place; ``missed`` if it saw none."""
        if any(trade.answers(plant) for trade in self.trades):
            return "traded"
        seen = (
            why
            for event, why in self.declined
            if event.direction == plant.direction and _touches(event, plant)
        )
        return next(seen, "missed")


def _touches(event: Event, plant: Situation) -> bool:
    """Whether an event is of a situation's time and at its prices."""
    return (
        plant.start_time <= event.known_at <= plant.known_at + WITHIN
        and event.price_low <= plant.price_high + NEAR
        and event.price_high >= plant.price_low - NEAR
    )


def try_out(
    market: SimulatedMarket,
    strategies: Mapping[str, Strategy],
    *,
    warmup_days: int = 2,
    config: SimConfig = FREE,
) -> dict[str, Trial]:
    """Run fresh strategies over every day of a market, a day in memory at a time.

    Args:
        market: What they trade.
        strategies: By a name of your choice.
        warmup_days: Days at the beginning on which orders are disabled.
        config: Assumptions; by default no costs.

    Returns:
        What each did, by name.

    Raises:
        UsageError: No day is left to trade on.
    """
    if not 0 <= warmup_days < market.days:
        raise UsageError(f"{warmup_days} of {market.days} days to warm up leave none to trade on")
    first = (market.start - dt.date(1970, 1, 1)).days * DAY_US
    start, end = first + warmup_days * DAY_US, first + market.days * DAY_US
    entered = {name: _Entered(one, market, config, start) for name, one in strategies.items()}
    for day in market:
        for one in entered.values():
            one.live_through(day)
    return {name: one.finish(end) for name, one in entered.items()}


class _Entered:
    """One strategy on its way through the market."""

    def __init__(
        self, strategy: Strategy, market: SimulatedMarket, config: SimConfig, start: int
    ) -> None:
        self._unit = Instrument(
            "simulated", market.market, market.symbol, market.price_decimals, market.qty_decimals
        )
        self._readings = readings_of(
            strategy, self._unit, ids_are_continuous=True, number_from=start
        )
        self._session = Session(strategy, self._unit, config, self._readings.specs, start=start)
        self._mids: list[float] = []  # just before the trade of each fill, in price units
        self._last: SimulatedDay | None = None

    def live_through(self, day: SimulatedDay) -> None:
        self._session.feed(self._readings.feed(day.trades))
        self._look_up(day)
        self._last = day

    def _look_up(self, day: SimulatedDay) -> None:
        first = int(day.trades.id[0])
        for fill, _ in self._session.trips.fills[len(self._mids) :]:
            self._mids.append(int(day.bid[fill.trade_id - first]) + 0.5)

    def finish(self, end: int) -> Trial:
        assert self._last is not None
        session = self._session
        session.feed(self._readings.close_until(end, self._last.trades.slice(0, 0)))
        session.finish(end)
        self._look_up(self._last)
        moved: dict[int, float] = {}  # price units times lots, by round trip
        entries: dict[int, Order] = {}
        for (fill, trip), mid in zip(session.trips.fills, self._mids, strict=True):
            moved[trip] = moved.get(trip, 0.0) - fill.side * fill.qty * mid
            entries.setdefault(trip, session.broker.orders[fill.order_id])
        scale = 10.0 ** -(self._unit.price_decimals + self._unit.qty_decimals)
        events = {event.id: event for event in session.events}
        trades = [
            Trade(
                entries[trip.id].decision_time,
                trip,
                None if trip.event_id is None else events.get(trip.event_id),
                moved[trip.id] * scale / (float(trip.risk) * entries[trip.id].qty / trip.qty)
                if trip.risk
                else None,
            )
            for trip in session.trips.done
        ]
        return Trial(trades, [(events[i], why) for i, why in session.broker.skipped.items()])
