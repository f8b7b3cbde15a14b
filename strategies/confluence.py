"""Confluence: an alert minute, traded only where order flow says the same within five minutes."""

from math import ceil
from typing import ClassVar, NamedTuple

from orderflow_bt import Bar, BarSpec, Broker, Detector, Event, Market, Strategy, param, time_bars
from orderflow_bt.detectors import (
    Absorption,
    Alerts,
    BigTrades,
    DeltaDivergence,
    ImbalanceZones,
    VolumeSpike,
)

MINUTE = 60_000_000  # microseconds
ALERTS = ("volume_spike", "big_trades", "alerts")


class Alert(NamedTuple):
    """A minute that stood out, read at its close."""

    bar: Bar
    side: int  # of the trade it asks for
    absorbed: bool  # else aggressing
    cause: Event


class Confluence(Strategy):
    """Trade a minute of unusual volume or size, where order flow confirms its direction.

    Layer one: a volume spike, a big trade, or an alert of a file in their place marks a minute. If
    its delta moved price, trade with it by a limit half-way back; if its delta was absorbed, trade
    against it by a stop order beyond the minute. Layer two: a delta divergence, a confirmed
    absorption or a stack of imbalances in the same direction, at most five minutes apart. Both must
    agree.
    """

    comparisons: ClassVar = {  # the report shows what each layer makes without the other
        "alerts alone": {"layers": "first"},
        "order flow alone": {"layers": "second"},
        "both must agree": {"layers": "both"},
    }

    bars: BarSpec = param(time_bars("1m"), help="bars that are read as alert minutes")
    swings: BarSpec = param(time_bars("5m"), help="bars of divergences and imbalance zones")
    alerts: str = param("", help="CSV file of alerts, in place of spikes and big trades")
    alert_delay: float = param(1.0, ge=0, help="seconds from an alert's time until it can be used")
    alert_symbol: str = param("", help="the file's alerts of this symbol; all where empty")
    layers: str = param("both", choices=("both", "first", "second"), help="which must agree")
    apart: int = param(5, ge=0, le=60, help="minutes the two layers may lie apart")
    least_delta: float = param(30.0, ge=0, le=100, help="delta of an alert minute, in percent")
    aggressing: float = param(0.5, ge=0, help="progress with delta from which it moved, in ATR")
    absorbed: float = param(0.1, help="progress with delta up to which it was absorbed, in ATR")
    target_r: float = param(2.0, ge=1.5, le=10.0, help="target in R")
    working: int = param(5, ge=1, le=240, help="minutes the entry order works")
    time_stop: int = param(30, ge=1, le=1440, help="minutes after which a position is closed")
    risk: float = param(0.005, gt=0, le=0.05, help="share of equity lost at the stop")

    def __init__(self, **parameters: object) -> None:
        super().__init__(**parameters)
        self.marked: Event | None = None  # what makes the open or just closed minute an alert
        self.alert: Alert | None = None  # waits for layer two
        self.flow: dict[int, Event] = {}  # the latest of layer two, by direction

    def detectors(self) -> list[Detector]:
        flow = [Absorption(), DeltaDivergence(self.swings), ImbalanceZones(self.swings)]
        if self.alerts:
            return [Alerts(self.alerts, self.alert_delay, self.alert_symbol), *flow]
        return [VolumeSpike(self.bars), BigTrades(), *flow]

    def on_bar(self, spec: BarSpec, bar: Bar, market: Market, broker: Broker) -> None:
        position = market.position
        if not position.is_flat and market.now - position.opened_at >= self.time_stop * MINUTE:
            broker.cancel_all()
            broker.close()
        if self.marked is not None and spec == self.bars:
            self.read_minute(self.marked, bar, market, broker)
            self.marked = None

    def on_event(self, event: Event, market: Market, broker: Broker) -> None:
        if event.detector in ALERTS and self.layers == "second":
            return
        if event.detector == "volume_spike":
            self.read_minute(event, market.bars(self.bars)[-1], market, broker)
            self.marked = None
        elif event.detector in ALERTS:
            self.marked = event
        elif event.state in ("confirmed", "created") and self.layers != "first":
            self.flow[event.direction] = event
            if self.layers == "second":
                self.enter(
                    Alert(market.bars(self.bars)[-1], event.direction, True, event), market, broker
                )
            elif self.alert is not None and self.alert.side == event.direction:
                self.confirm(self.alert, market, broker)

    def read_minute(self, cause: Event, bar: Bar, market: Market, broker: Broker) -> None:
        """Classify an alert minute at its close: aggressing, absorbed, or neither."""
        if abs(bar.delta_percent) < self.least_delta:
            broker.skip(cause, "delta of both sides")
            return
        atr = market.bars(self.bars).atr(14)
        if atr is None:
            broker.skip(cause, "no ATR yet")
            return
        side = 1 if bar.delta > 0 else -1
        progress = side * (bar.close - bar.open)
        if progress >= self.aggressing * atr:
            alert = Alert(bar, side, False, cause)
        elif progress <= self.absorbed * atr:
            alert = Alert(bar, -side, True, cause)
        else:
            broker.skip(cause, "fading")
            return
        if cause.detector == "alerts" and cause.direction == -alert.side:
            broker.skip(cause, "the alert says the other side")
            return
        if self.layers == "first":
            self.enter(alert, market, broker)
        else:
            self.confirm(alert, market, broker)

    def confirm(self, alert: Alert, market: Market, broker: Broker) -> None:
        """Enter if the layers lie close enough together; else wait for the other."""
        flow = self.flow.get(alert.side)
        reach = self.apart * MINUTE
        if flow is not None and abs(flow.known_at - alert.bar.close_time) <= reach:
            self.alert = None
            self.enter(alert, market, broker)
        else:
            self.alert = alert

    def enter(self, alert: Alert, market: Market, broker: Broker) -> None:
        bar, side, tick = alert.bar, alert.side, market.instrument.tick_size
        stop = bar.low - 2 * tick if side > 0 else bar.high + 2 * tick
        if alert.absorbed:
            entry = bar.high + tick if side > 0 else bar.low - tick
        else:
            entry = (bar.high + bar.low) // 2
        target = entry + side * ceil(self.target_r * abs(entry - stop))
        why = broker.refusal(entry, stop, target, risk=self.risk)
        if not market.position.is_flat or broker.working:
            why = "already in a trade"
        if why:
            broker.skip(alert.cause, why)
            return
        broker.bracket(
            side, broker.size(self.risk, entry, stop),
            stop_entry=entry if alert.absorbed else None,
            limit_entry=None if alert.absorbed else entry,
            stop=stop, target=target, expires=self.working * MINUTE,
            cancel_at=None if alert.absorbed else stop, reason=alert.cause,
        )  # fmt: skip
