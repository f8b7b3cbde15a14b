"""Delta divergence: fade a swing extreme that cumulative delta does not confirm."""

from math import ceil

from orderflow_bt import Bar, BarSpec, Broker, Detector, Event, Market, Strategy, param, time_bars
from orderflow_bt.detectors import DeltaDivergence
from orderflow_bt.flow import SessionLevels

TWO_DAYS = 172_800_000_000  # microseconds: the day before is whole when orders are enabled


class DeltaDivergenceFade(Strategy):
    """Fade a swing extreme that cumulative delta does not confirm.

    A higher swing high on lower cumulative delta, near a level that others watch, is sold by a
    stop order under the bars since that high; the mirror is bought. The stop stands beyond the
    extreme, the target is the swing between the two extremes, else the day's VWAP, else a multiple
    of the risk.
    """

    bars: BarSpec = param(time_bars("5m"), help="bars on which swings are read")
    confirm: str = param("pivot", choices=("pivot", "bar_close"), help="or act on the new high")
    pivot: int = param(2, ge=1, le=20, help="bars on each side of a swing extreme")
    location: str = param("levels", choices=("levels", "any"), help="where an extreme counts")
    working_bars: int = param(5, ge=1, help="bars the entry order works")
    time_stop: int = param(24, ge=1, help="bars after which a position is closed")
    aim: str = param("swing", choices=("swing", "r"), help="target: swing, else VWAP, else R; or R")
    target_r: float = param(2.0, ge=1.5, le=10.0, help="target where no swing offers one, in R")
    tighten: bool = param(False, help="move an open stop up to a divergence against the position")
    risk: float = param(0.005, gt=0, le=0.05, help="share of equity lost at the stop")

    def __init__(self, **parameters: object) -> None:
        super().__init__(**parameters)
        self.levels = SessionLevels()

    def detectors(self) -> list[Detector]:
        variant = "regular" if self.confirm == "pivot" else "bar"
        return [DeltaDivergence(self.bars, left=self.pivot, right=self.pivot, variant=variant)]

    def lookback(self) -> int:
        return max(super().lookback(), TWO_DAYS)

    def on_event(self, event: Event, market: Market, broker: Broker) -> None:
        bars = market.bars(self.bars)
        if self.tighten and market.position.side == -event.direction:
            self.move_stop(bars[-self.pivot - 1 if self.confirm == "pivot" else -1], market, broker)
        atr = bars.atr(14)
        if atr is None or not market.position.is_flat or broker.working:
            broker.skip(event, "no ATR yet" if atr is None else "already in a trade")
            return
        if self.location == "levels" and not self.is_watched(event, atr):
            broker.skip(event, "no level near")
            return
        side = event.direction  # -1: the divergence is bearish
        tick = market.instrument.tick_size
        since = self.pivot + 1 if self.confirm == "pivot" else 1
        entry = bars.last(since).extreme(side) + side * tick
        stop = event.price - side * max(2 * tick, atr // 10)
        target = self.target(event, entry, stop)
        if why := broker.refusal(entry, stop, target, risk=self.risk):
            broker.skip(event, why)
            return
        size = broker.size(self.risk, entry, stop)
        broker.bracket(
            side, size, stop_entry=entry, stop=stop, target=target,
            cancel_at=event.price, reason=event,
        )  # fmt: skip

    def is_watched(self, event: Event, atr: int) -> bool:
        """Whether the extreme lies within half an ATR of a level of this day or the one before."""
        high = event.direction < 0
        near = [self.levels.band(2 if high else -2)]
        if (now := self.levels.developing) is not None:
            near.append(now.high if high else now.low)
        if (past := self.levels.before) is not None:
            near += [past.poc, past.high, past.vah] if high else [past.poc, past.low, past.val]
        return any(p is not None and 2 * abs(event.price - p) <= atr for p in near)

    def move_stop(self, bar: Bar, market: Market, broker: Broker) -> None:
        """Put the open position's stop behind the bar of a divergence, if that is closer."""
        side = market.position.side
        behind = (bar.low if side > 0 else bar.high) - side * market.instrument.tick_size
        for order in broker.working:
            if order.role == "stop" and side * (behind - (order.price or behind)) > 0:
                broker.replace(order.id, price=behind)

    def target(self, event: Event, entry: int, stop: int) -> int:
        side = event.direction
        if self.aim == "swing":
            for price in (event.details.get("swing"), self.levels.vwap):
                if price is not None and side * (price - entry) > 0:
                    return price
        return entry + side * ceil(self.target_r * abs(entry - stop))

    def on_bar(self, spec: BarSpec, bar: Bar, market: Market, broker: Broker) -> None:
        self.levels.push(market.footprint(self.bars)[-1])
        bars, position = market.bars(self.bars), market.position
        if not position.is_flat and bars.count_since(position.opened_at) >= self.time_stop:
            broker.cancel_all()
            broker.close()
        for order in broker.working if position.is_flat else ():
            late = bars.count_since(order.decision_time) >= self.working_bars
            if order.role == "entry" and late:
                broker.cancel(order.id)
