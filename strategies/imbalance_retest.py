"""Imbalance retest: trade with the side that overwhelmed a price zone when price returns to it."""

from math import ceil

from orderflow_bt import Bar, BarSpec, Broker, Detector, Event, Market, Strategy, param, time_bars
from orderflow_bt.detectors import Absorption, ImbalanceZones

CONFIRM_BARS = 3


class ImbalanceRetest(Strategy):
    """Sell the first return to a zone in which sellers overwhelmed buyers.

    A bar leaves price rows in which selling outweighed buying tenfold. When price has left that
    zone and comes back, and sellers show again inside it, sell at the close of the minute that
    leaves it; the stop stands beyond the zone, the target is the extreme made in between. The
    mirror is bought.
    """

    bars: BarSpec = param(time_bars("5m"), help="bars whose footprints make zones")
    trigger: BarSpec = param(time_bars("1m"), help="bars that confirm a retest")
    source: str = param("cells", choices=("cells", "stack"), help="10:1 cells, or stacks of 3:1")
    ticks_per_row: int = param(1, ge=1, help="height of a zone's rows, in ticks")
    confirm: str = param("delta", choices=("delta", "none"), help="wait for flow, or limit order")
    least_delta: float = param(20.0, ge=0, le=100, help="delta of the zone's rows, in percent")
    target_r: float = param(2.0, ge=1.5, le=10.0, help="target where no extreme offers one, in R")
    time_stop: int = param(24, ge=1, help="bars after which a position is closed")
    risk: float = param(0.005, gt=0, le=0.05, help="share of equity lost at the stop")

    def __init__(self, **parameters: object) -> None:
        super().__init__(**parameters)
        self.waiting: dict[tuple[int, int], Event] = {}  # retests to be confirmed, by zone
        self.resting: tuple[int, int] | None = None  # the zone of the limit order that works

    def detectors(self) -> list[Detector]:
        zones = ImbalanceZones(
            self.bars, source=self.source, ratio=10.0 if self.source == "cells" else 3.0,
            ticks_per_row=self.ticks_per_row,
        )  # fmt: skip
        return [zones, Absorption()] if self.confirm == "delta" else [zones]

    def on_event(self, event: Event, market: Market, broker: Broker) -> None:
        if event.detector == "absorption":
            ours = [z for z in self.waiting.values() if z.direction == event.direction]
            if event.state == "confirmed" and ours:
                self.enter(ours[-1], market.last, market, broker)
            return
        zone = (event.details["made_at"], event.price_low)
        if event.state in ("invalidated", "expired"):
            if self.resting == zone:
                broker.cancel_all()
            if waited := self.waiting.pop(zone, None):
                broker.skip(waited, "the zone gave way")
        elif event.details["bar_delta"] * event.direction <= 0:
            return  # the zone's bar went the other way
        elif self.confirm == "none" and event.state == "armed":
            self.enter(event, None, market, broker)
        elif self.confirm == "delta" and event.state == "retested":
            if market.position.is_flat and not broker.working:
                self.waiting[zone] = event
            else:
                broker.skip(event, "already in a trade")

    def on_bar(self, spec: BarSpec, bar: Bar, market: Market, broker: Broker) -> None:
        if not market.position.is_flat and self.is_over(market):
            broker.cancel_all()
            broker.close()
        if not self.waiting or spec != self.trigger:
            return
        for zone in list(self.waiting.values()):
            near_edge = zone.price_low if zone.direction < 0 else zone.price_high
            outside = zone.direction * (bar.close - near_edge) >= 0
            waited = market.bars(self.trigger).count_since(zone.known_at)
            if outside and self.has_flow(zone, waited, market):
                self.enter(zone, bar.close, market, broker)
            elif waited >= CONFIRM_BARS:
                del self.waiting[zone.details["made_at"], zone.price_low]
                broker.skip(zone, "not confirmed in time")

    def is_over(self, market: Market) -> bool:
        """Whether the position has been held as long as it may."""
        held = market.bars(self.bars).count_since(market.position.opened_at)
        return held >= self.time_stop

    def has_flow(self, zone: Event, waited: int, market: Market) -> bool:
        """Whether our side leads in the zone's rows since the retest, by the delta asked for."""
        bid = ask = 0
        for k in range(1, waited + 1):
            for price, sold, bought, _, _ in market.footprint(self.trigger)[-k].cells.tolist():
                if zone.price_low <= price < zone.price_high:
                    bid, ask = bid + sold, ask + bought
        wanted = self.least_delta * (bid + ask)
        return bid + ask > 0 and 100 * zone.direction * (ask - bid) >= wanted

    def enter(self, zone: Event, price: int | None, market: Market, broker: Broker) -> None:
        """At the market from ``price``, or by a limit order at the zone's near edge."""
        name = (zone.details["made_at"], zone.price_low)
        self.waiting.pop(name, None)
        side, tick = zone.direction, market.instrument.tick_size
        near, far = (zone.price_low, zone.price_high)[::-side]
        entry = near if price is None else price
        stop = far - side * max(2 * tick, ceil((zone.price_high - zone.price_low) / 4))
        target = zone.details.get("furthest", entry)
        if side * (target - entry) <= 0:
            target = entry + side * ceil(self.target_r * abs(entry - stop))
        why = broker.refusal(entry, stop, target, risk=self.risk)
        if not market.position.is_flat or broker.working:
            why = "already in a trade"
        if why:
            broker.skip(zone, why)
            return
        if price is None:
            self.resting = name
        broker.bracket(
            side, broker.size(self.risk, entry, stop), limit_entry=near if price is None else None,
            stop=stop, target=target, cancel_at=stop if price is None else None, reason=zone,
        )  # fmt: skip
