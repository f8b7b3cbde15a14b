"""What ``orderflow-bt new`` writes: small plugins that work, and tests that pass."""

STRATEGY = '''"""What this strategy claims about order flow, in one sentence."""

from orderflow_bt import Bar, BarSpec, Broker, Market, Strategy, param, time_bars


class {cls}(Strategy):
    """Buy a close at a bar's high that aggressive buyers made; sell the mirror."""

    bars: BarSpec = param(time_bars("5m"), help="bars to read")
    least: float = param(0.5, gt=0, le=1, help="least delta, as a share of the bar's volume")
    risk: float = param(0.005, gt=0, le=0.05, help="share of equity lost at the stop")

    def on_bar(self, spec: BarSpec, bar: Bar, market: Market, broker: Broker) -> None:
        if not market.position.is_flat or broker.working or bar.high == bar.low:
            return
        for side, extreme, stop in ((+1, bar.high, bar.low), (-1, bar.low, bar.high)):
            if bar.close == extreme and side * bar.delta >= self.least * bar.volume:
                target = bar.close + 2 * (bar.close - stop)
                size = broker.size(self.risk, bar.close, stop)
                broker.bracket(side, size, stop=stop, target=target)
'''

STRATEGY_TEST = '''"""{cls} on tapes typed as text: [+STEP] SIDE PRICE QUANTITY, separated by |."""

from orderflow_bt.testing import Tape, assert_no_lookahead
from {name} import {cls}


def test_buys_a_close_at_the_high_on_buying() -> None:
    tape = Tape("S 100.0 1 | B 100.9 9 | +5m B 101.0 50")
    run = tape.run({cls})
    assert [order.role for order in run.orders] == ["entry", "stop", "target"]
    assert (run.fills[0].side, run.fills[0].price) == (+1, tape.price("101.0"))


def test_leaves_a_close_at_the_high_on_selling_alone() -> None:
    assert not Tape("S 100.0 9 | B 100.9 1 | +5m B 101.0 50").run({cls}).orders


def test_knows_no_future() -> None:
    tape = Tape("S 100.0 1 | B 100.9 9 | +5m B 101.0 50 | +5m S 100.2 50 | +5m B 103.0 50")
    assert assert_no_lookahead({cls}, tape).decisions > 0
'''

DETECTOR = '''"""What this detector looks for, in one sentence."""

from collections.abc import Iterator
from typing import ClassVar

from orderflow_bt import Bar, BarSpec, Detector, Event, param, time_bars


class {cls}(Detector):
    """A bar that closes at its extreme against its delta: the aggressors were turned back."""

    name: ClassVar[str] = "{name}"

    bars: BarSpec = param(time_bars("5m"), help="bars to read")
    least: float = param(0.5, gt=0, le=1, help="least delta, as a share of the bar's volume")

    @property
    def lookback(self) -> int:
        return self.bars.lookback(1)

    def on_bar(self, bar: Bar) -> Iterator[Event]:
        for direction, extreme in ((+1, bar.high), (-1, bar.low)):
            against = -direction * bar.delta
            if bar.close == extreme and bar.volume and against >= self.least * bar.volume:
                yield Event(
                    known_at=bar.close_time,
                    detector=self.name,
                    kind="turned",
                    direction=direction,
                    state="confirmed",
                    price=bar.close,
                    price_low=bar.low,
                    price_high=bar.high,
                    strength=against / (self.least * bar.volume),
                    spans_gap=bar.is_gap,
                )
'''

DETECTOR_TEST = '''"""{cls} on tapes typed as text: [+STEP] SIDE PRICE QUANTITY, separated by |."""

from orderflow_bt.testing import Tape
from {name} import {cls}


def test_sees_sellers_turned_back() -> None:
    tape = Tape("S 100.0 9 | B 100.9 1 | +5m B 101.0 50")
    (event,) = tape.events({cls}())
    assert (event.direction, event.price) == (+1, tape.price("100.9"))


def test_knows_no_sooner_than_the_close() -> None:
    assert not Tape("S 100.0 9 | B 100.9 1 | +4m B 100.9 1").events({cls}())
'''
