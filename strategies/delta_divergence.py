"""Delta divergence: fade a swing extreme that cumulative delta does not confirm."""

from math import ceil

from orderflow_bt import Bar, BarSpec, Broker, Detector, Event, Market, Strategy, param, time_bars
from orderflow_bt.detectors import DeltaDivergence


class DeltaDivergenceFade(Strategy):
    """Fade a swing extreme that cumulative delta does not confirm.

    A higher swing high on lower cumulative delta is sold, by a stop order under the bars since
    that high; the mirror is bought. The stop stands beyond the extreme, the target is the swing
    between the two extremes, else the day's VWAP, else a multiple of the risk.
    """

    bars: BarSpec = param(time_bars("5m"), help="bars on which swings are read")
    pivot: int = param(2, ge=1, le=20, help="bars on each side of a swing extreme")
    working_bars: int = param(5, ge=1, help="bars the entry order works")
    time_stop: int = param(24, ge=1, help="bars after which a position is closed")
    aim: str = param("swing", choices=("swing", "r"), help="target: swing, else VWAP, else R; or R")
    target_r: float = param(2.0, ge=1.5, le=10.0, help="target where no swing offers one, in R")
    risk: float = param(0.005, gt=0, le=0.05, help="share of equity lost at the stop")

    def detectors(self) -> list[Detector]:
        return [DeltaDivergence(self.bars, left=self.pivot, right=self.pivot)]

    def on_event(self, event: Event, market: Market, broker: Broker) -> None:
        bars = market.bars(self.bars)
        atr = bars.atr(14)
        if atr is None or not market.position.is_flat or broker.working:
            broker.skip(event, "no ATR yet" if atr is None else "already in a trade")
            return
        side = event.direction  # -1: the divergence is bearish
        tick = market.instrument.tick_size
        entry = bars.last(self.pivot + 1).extreme(side) + side * tick
        stop = event.price - side * max(2 * tick, atr // 10)
        target = self.target(event, market, entry, stop)
        if why := broker.refusal(entry, stop, target):
            broker.skip(event, why)
            return
        size = broker.size(self.risk, entry, stop)
        broker.bracket(
            side, size, stop_entry=entry, stop=stop, target=target,
            cancel_at=event.price, reason=event,
        )  # fmt: skip

    def target(self, event: Event, market: Market, entry: int, stop: int) -> int:
        side = event.direction
        if self.aim == "swing":
            midnight = market.now - market.now % 86_400_000_000
            for price in (event.details["swing"], market.bars(self.bars).vwap_since(midnight)):
                if price is not None and side * (price - entry) > 0:
                    return price
        return entry + side * ceil(self.target_r * abs(entry - stop))

    def on_bar(self, spec: BarSpec, bar: Bar, market: Market, broker: Broker) -> None:
        bars, position = market.bars(self.bars), market.position
        if not position.is_flat and bars.count_since(position.opened_at) >= self.time_stop:
            broker.cancel_all()
            broker.close()
        for order in broker.working:
            late = bars.count_since(order.decision_time) >= self.working_bars
            if order.role == "entry" and late and position.is_flat:
                broker.cancel(order.id)
