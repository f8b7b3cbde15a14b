"""Absorption: trade against aggression that a price level swallowed."""

from math import ceil

from orderflow_bt import Bar, BarSpec, Broker, Detector, Event, Market, Strategy, param, time_bars
from orderflow_bt.detectors import Absorption
from orderflow_bt.flow import SessionLevels

MINUTE = 60_000_000  # microseconds


class AbsorptionReversal(Strategy):
    """Sell when heavy buying into a level got nowhere and price has turned away from it.

    Much aggressive buying trades at a price, nothing trades beyond it, and then price backs away:
    somebody there sold all that was wanted. Sell at the market, or by a limit back at the level;
    the stop stands beyond the highest trade of the attempt. The mirror is bought.
    """

    bars: BarSpec = param(time_bars("1m"), help="bars of the day's profile and VWAP")
    entry: str = param("market", choices=("market", "limit"), help="take, or wait at the level")
    limit_wait: int = param(60, ge=1, le=3600, help="seconds a limit entry works")
    again: int = param(15, ge=0, le=1440, help="minutes before one level may signal again")
    target_r: float = param(2.0, ge=1.5, le=10.0, help="target in R, or a nearer POC or VWAP")
    time_stop: int = param(30, ge=1, le=1440, help="minutes after which a position is closed")
    risk: float = param(0.005, gt=0, le=0.05, help="share of equity lost at the stop")

    def __init__(self, **parameters: object) -> None:
        super().__init__(**parameters)
        self.levels = SessionLevels()
        self.signalled: dict[tuple[int, int], int] = {}  # when, by (direction, row)

    def detectors(self) -> list[Detector]:
        return [Absorption()]

    def on_event(self, event: Event, market: Market, broker: Broker) -> None:
        if event.state == "broken" and event.direction == market.position.side:
            broker.cancel_all()
            broker.close(reason=event)
        if event.state != "confirmed":
            return
        if not market.position.is_flat or broker.working:
            broker.skip(event, "already in a trade")
            return
        side = event.direction
        level = (side, event.details["row"])
        if market.now - self.signalled.get(level, -self.again * MINUTE) < self.again * MINUTE:
            broker.skip(event, "the level signalled before")
            return
        self.signalled[level] = market.now
        limit = None if self.entry == "market" else event.details["row"]
        entry = event.price if limit is None else limit
        stop = event.details["furthest"] - side * 2 * market.instrument.tick_size
        target = self.target(side, entry, stop)
        if why := broker.refusal(entry, stop, target, risk=self.risk):
            broker.skip(event, why)
            return
        size = broker.size(self.risk, entry, stop)
        broker.bracket(
            side, size, limit_entry=limit, stop=stop, target=target, reason=event,
            expires=None if limit is None else self.limit_wait * 1_000_000,
            cancel_at=None if limit is None else stop,
        )  # fmt: skip

    def target(self, side: int, entry: int, stop: int) -> int:
        """Some R away, or at the day's POC or VWAP where that is nearer and still worth it."""
        worth = ceil(1.5 * abs(entry - stop))
        aims = [entry + side * ceil(self.target_r * abs(entry - stop))]
        if (day := self.levels.developing) is not None and self.levels.vwap is not None:
            aims += [p for p in (day.poc, self.levels.vwap) if side * (p - entry) >= worth]
        return min(aims, key=lambda price: abs(price - entry))

    def on_bar(self, spec: BarSpec, bar: Bar, market: Market, broker: Broker) -> None:
        self.levels.push(market.footprint(self.bars)[-1])
        position = market.position
        if not position.is_flat and market.now - position.opened_at >= self.time_stop * MINUTE:
            broker.cancel_all()
            broker.close()
