"""POC retest: trade with the trend when price returns to a past day's point of control."""

from math import ceil

from orderflow_bt import Bar, BarSpec, Broker, Detector, Event, Market, Strategy, param, time_bars
from orderflow_bt.detectors import Absorption, PocRetest
from orderflow_bt.flow import SessionLevels

MINUTE = 60_000_000  # microseconds


class PocRetestTrend(Strategy):
    """Sell a return to a past point of control in a downtrend.

    The price at which a day did most of its business attracts price once more. Where the trend is
    down and price comes back up to it, sell as soon as a minute closes below again on negative
    delta, or absorption of the buying shows; the stop stands just beyond the point of control, the
    target is where the leg came from. The mirror is bought.
    """

    trend: BarSpec = param(time_bars("4h"), help="bars of the trend")
    bars: BarSpec = param(time_bars("5m"), help="bars of the ATR and the day's profile")
    trigger: BarSpec = param(time_bars("1m"), help="bars that confirm a touch")
    average: int = param(20, ge=2, le=200, help="bars of the trend's exponential average")
    wait: int = param(15, ge=1, le=240, help="minutes a touch may need for its confirmation")
    touch: int = param(2, ge=0, help="rows around the point of control that touch it")
    ticks_per_row: int = param(1, ge=1, help="height of a row, in ticks")
    target_r: float = param(2.0, ge=1.5, le=10.0, help="target where nothing offers one, in R")
    time_stop: int = param(240, ge=1, help="minutes after which a position is closed")
    risk: float = param(0.005, gt=0, le=0.05, help="share of equity lost at the stop")

    def __init__(self, **parameters: object) -> None:
        super().__init__(**parameters)
        self.levels = SessionLevels()
        self.averages: list[float] = []
        self.waiting: Event | None = None  # the touch that waits for its confirmation
        self.held: int | None = None  # day of the level that the last trade began at
        self.traded: set[tuple[int, int]] = set()  # (day traded, level's day)

    def detectors(self) -> list[Detector]:
        touches = PocRetest(self.trigger, touch=self.touch, ticks_per_row=self.ticks_per_row)
        return [touches, Absorption()]

    def lookback(self) -> int:
        return max(super().lookback(), self.trend.lookback(2 * self.average))

    def on_bar(self, spec: BarSpec, bar: Bar, market: Market, broker: Broker) -> None:
        if spec == self.trend:
            before = self.averages[-1] if self.averages else bar.close
            self.averages.append(before + 2 / (self.average + 1) * (bar.close - before))
        elif spec == self.bars:
            self.levels.push(market.footprint(self.bars)[-1])
        if spec != self.trigger:
            return
        position = market.position
        if not position.is_flat and market.now - position.opened_at >= self.time_stop * MINUTE:
            broker.cancel_all()
            broker.close()
        if self.waiting is None:
            return
        touch, side = self.waiting, self.waiting.direction
        row = self.ticks_per_row * market.instrument.tick_size
        edge = touch.details["poc"] + side * (self.touch + 1) * row
        if side * (bar.close - edge) >= 0 and side * bar.delta > 0:
            self.enter(bar.close, market, broker)
        elif market.now - touch.known_at >= self.wait * MINUTE:
            broker.skip(touch, "not confirmed in time")
            self.waiting = None

    def on_event(self, event: Event, market: Market, broker: Broker) -> None:
        if event.detector == "absorption":
            touch = self.waiting
            if touch and event.state == "confirmed" and event.direction == touch.direction:
                self.enter(market.last, market, broker)
        elif event.state == "accepted" and not market.position.is_flat:
            if event.details["day"] == self.held:
                broker.cancel_all()
                broker.close(reason=event)
        elif event.state == "touch":
            level = (market.now // (1440 * MINUTE), event.details["day"])
            if not market.position.is_flat or broker.working:
                broker.skip(event, "already in a trade")
            elif self.slope(market.last) != event.direction:
                broker.skip(event, "against the trend")
            elif level in self.traded:
                broker.skip(event, "traded this level today")
            else:
                self.waiting = event

    def slope(self, price: int) -> int:
        """+1 where the average rises and price is above it, -1 mirrored, else 0."""
        if len(self.averages) < self.average + 1:
            return 0
        now, before = self.averages[-1], self.averages[-2]
        rising, above = (now > before) - (now < before), (price > now) - (price < now)
        return rising if rising == above else 0

    def enter(self, entry: int, market: Market, broker: Broker) -> None:
        touch, self.waiting = self.waiting, None
        atr = market.bars(self.bars).atr(14)
        if touch is None or atr is None:
            return
        side, tick = touch.direction, market.instrument.tick_size
        stop = touch.details["poc"] - side * max(ceil(atr / 4), 4 * tick)
        target = self.target(touch, entry, stop)
        if why := broker.refusal(entry, stop, target, risk=self.risk):
            broker.skip(touch, why)
            return
        self.held = touch.details["day"]
        self.traded.add((market.now // (1440 * MINUTE), self.held))
        size = broker.size(self.risk, entry, stop)
        broker.bracket(side, size, stop=stop, target=target, reason=touch)

    def target(self, touch: Event, entry: int, stop: int) -> int:
        """Where the leg came from, else the far edge of the last value area, else some R."""
        side, past = touch.direction, self.levels.before
        for price in (touch.details["furthest"], past and (past.val if side < 0 else past.vah)):
            if price is not None and side * (price - entry) > 0:
                return price
        return entry + side * ceil(self.target_r * abs(entry - stop))
