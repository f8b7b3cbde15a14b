"""The shipped strategies on tapes written by hand: the worked example of each first."""

from __future__ import annotations

from decimal import Decimal
from types import SimpleNamespace
from typing import ClassVar

import pytest

from orderflow_bt import BarSpec, Detector, Event, param, time_bars
from orderflow_bt.detectors import (
    Absorption,
    DeltaDivergence,
    ImbalanceZones,
    PocRetest,
    VolumeSpike,
)
from orderflow_bt.testing import Tape
from orderflow_bt.testing.tape import MIDNIGHT_2024
from strategies.absorption import AbsorptionReversal
from strategies.confluence import Confluence
from strategies.delta_divergence import DeltaDivergenceFade
from strategies.imbalance_retest import ImbalanceRetest
from strategies.poc_retest import PocRetestTrend

SECOND = 1_000_000
LEVEL = {"rows": 1, "beyond": 1, "back": 3, "back_atr": 0, "min_volume": 100}


def bars(*each, seconds=60, pauses=None):
    """Bars of equal length, each a text of trades a millisecond apart.

    ``pauses`` puts some microseconds before a bar in place of the rest of the bar before.
    """
    words = []
    for number, text in enumerate(each):
        trades = [part.strip() for part in text.split("|")]
        if number:
            before = each[number - 1].count("|")
            step = (pauses or {}).get(number, (seconds * 1000 - before) * 1000)
            trades[0] = f"+{step}us {trades[0]}"
        words += [trades[0], *(f"+1ms {trade}" for trade in trades[1:])]
    return Tape(" | ".join(words))


def plan(run):
    """Side, kind of entry, its price, stop and target of the first bracket, as typed."""
    unit = run.session.instrument
    entry, stop, target = run.orders[:3]
    assert (entry.role, stop.role, target.role) == ("entry", "stop", "target")
    prices = [None if o.price is None else unit.price(o.price) for o in (entry, stop, target)]
    return entry.side, entry.kind, *prices


def D(*texts):  # noqa: N802 - decimals in a row
    return tuple(Decimal(text) for text in texts)


# -- delta divergence -----------------------------------------------------------------------------


class Swings(DeltaDivergenceFade):
    def detectors(self):
        return [DeltaDivergence(self.bars, margin=0.0)]


def divergence_tape():
    """Bars of range 1 whose second high of 102.0 comes on less delta; the swing low is 98.0."""
    quiet = ["B 99.0 1 | S 98.5 1 | B 99.5 1"] * 15
    first = ["B 99.0 9 | B 100.0 9", "B 100.0 9 | B 101.0 30", "S 100.5 9 | S 99.5 9"]
    swing = ["S 99.5 9 | S 98.5 9", "S 98.5 9 | S 98.0 9", "S 99.0 9 | B 100.0 1"]
    second = ["B 100.2 1 | B 101.0 1", "B 101.2 1 | B 102.0 1", "S 101.8 9 | S 101.0 9"]
    return bars(*quiet, *first, *swing, *second, "S 101.0 9 | S 100.8 9", "S 100.8 1 | S 100.6 1")


def test_delta_divergence_sells_under_the_bars_since_the_high():
    run = divergence_tape().run(Swings(bars="1m", location="any"))
    side, kind, entry, stop, target = plan(run)
    assert (side, kind, entry) == (-1, "stop", Decimal("100.7"))
    assert stop == Decimal("102.2")  # ATR 1: a tenth of it is less than two ticks
    assert target == Decimal("98.0")
    assert [fill.role for fill in run.fills] == []  # the trade that triggers it is the last


def test_delta_divergence_wants_a_level_near_the_extreme():
    run = divergence_tape().run(Swings(bars="1m"))
    assert run.orders  # 102.0 is the high of the day so far

    class Nowhere(Swings):
        def is_watched(self, event, atr):
            return False

    run = divergence_tape().run(Nowhere(bars="1m"))
    assert not run.orders
    assert list(run.skipped.values()) == ["no level near"]


def test_delta_divergence_acts_on_the_new_high_itself_if_asked():
    class NewHighs(DeltaDivergenceFade):
        def detectors(self):
            return [DeltaDivergence(self.bars, variant="bar", high_bars=15)]

    high = "B 99.5 1 | B 101.0 1 | S 100.9 9"
    tape = bars(*["B 99.0 1 | S 98.5 1 | B 99.5 1"] * 16, high, "S 100.9 1")
    run = tape.run(NewHighs(bars="1m", confirm="bar_close", location="any", aim="r"))
    side, kind, entry, stop, _ = plan(run)
    assert (side, kind, entry, stop) == (-1, "stop", *D("99.4", "101.2"))


def rising_again(later):
    """A long from a bullish divergence (the mirror of the other tape), then ``later`` minutes."""
    quiet = ["S 101.0 1 | B 101.5 1 | S 100.5 1"] * 15
    first = ["S 101.0 9 | S 100.0 9", "S 100.0 9 | S 99.0 30", "B 99.5 9 | B 100.5 9"]
    swing = ["B 100.5 9 | B 101.5 9", "B 101.5 9 | B 102.0 9", "B 101.0 9 | S 100.0 1"]
    second = ["S 99.8 1 | S 99.0 1", "S 98.8 1 | S 98.0 1", "B 98.2 9 | B 99.0 9"]
    return bars(*quiet, *first, *swing, *second, "B 99.0 9 | B 99.2 9", "B 99.3 900", *later)


@pytest.mark.parametrize("tighten", [False, True])
def test_a_divergence_against_the_position_moves_its_stop_if_asked(tighten):
    class Bearish(Swings):
        """Sees a bearish divergence at the close of minute 29, two bars after its extreme."""

        def detectors(self):
            return [*super().detectors(), Told(number=29, direction=-1)]

    later = [
        "B 99.5 1 | B 99.9 1",
        "S 99.4 1 | B 100.0 1",  # minutes 26 and 27
        "B 99.8 1",
        "B 99.8 1",
        "B 99.8 1",
    ]
    run = rising_again(later).run(Bearish(bars="1m", location="any", tighten=tighten))
    stop = run.orders[1]
    assert (run.fills[0].side, stop.role) == (+1, "stop")
    assert run.session.instrument.price(stop.price) == Decimal("99.3" if tighten else "97.8")


# -- absorption -----------------------------------------------------------------------------------


class Level(AbsorptionReversal):
    def detectors(self):
        return [Absorption(**LEVEL)]


BUYING = "B 101 1 | +10s B 100 40 | +10s B 100 35 | +10s B 100 50"
TURNED = f"{BUYING} | +1s S 99 1 | +1s S 98 1 | +1s S 97 100"


def test_absorption_sells_the_turn_with_its_stop_above_the_attempt():
    run = Tape(f"{TURNED} | +1s S 97 100").run(Level())
    assert plan(run) == (-1, "market", None, *D("103", "85"))
    assert [(f.side, f.price) for f in run.fills] == [(-1, 97)]


def test_absorption_by_a_limit_waits_at_the_level():
    class Fine(AbsorptionReversal):
        def detectors(self):
            return [Absorption(**LEVEL, ticks_per_row=10)]

    tape = Tape(f"{TURNED} | +1s S 97 5 | +61s S 97 5", tick="0.1")
    run = tape.run(Fine(entry="limit"))
    assert plan(run) == (-1, "limit", *D("100.0", "102.1", "95.8"))  # a row is ten ticks high
    assert run.orders[0].status == "expired"


def test_a_level_signals_once_in_a_quarter_of_an_hour():
    once = BUYING.replace("B 101 1 | +10s ", "")
    turn = "+1s S 99 1 | +1s S 98 1 | +1s S 97 1"
    closed = "+31m S 97 9 | +1m S 97 9"
    for pause, signals in (("+1m", 1), ("+16m", 2)):
        words = [f"B 101 1 | +10s {once} | {turn} | S 97 9", f"{pause} B 103 9 | +70s {once}", turn]
        run = Tape(" | ".join([*words, closed])).run(Level())
        assert sum(order.role == "entry" for order in run.orders) == signals
        assert ("the level signalled before" in run.skipped.values()) == (signals == 1)


def test_absorption_is_closed_after_half_an_hour():
    run = Tape(f"{TURNED} | +1s S 97 100 | +31m S 96 100 | +1m S 96 100 | +1m S 96 100").run(
        Level()
    )
    assert run.orders[-1].role == "exit"
    assert not run.still_open


def test_absorption_takes_a_nearer_point_of_control_if_it_pays():
    early = "B 88 90 | +2m S 88 90 | +2m B 88 90 | +2m S 88 90"
    run = Tape(f"{early} | +1m {TURNED} | +1s S 97 100").run(Level())
    assert plan(run)[4] == Decimal(88)  # 9 away: 1.5 R, nearer than 12


def test_a_signal_that_was_passed_over_does_not_silence_the_level_for_longer():
    once = BUYING.replace("B 101 1 | +10s ", "")
    turn = "+1s S 99 1 | +1s S 98 1 | +1s S 97 1"
    closed = "+8m S 97 9 | +1m S 97 9"
    words = [f"B 101 1 | +10s {once} | {turn} | S 97 9"]
    for _ in range(2):  # ten minutes after the first, and twenty
        words += [closed, "+30s B 103 9", f"+70s {once}", f"{turn} | S 97 9"]
    run = Tape(" | ".join(words)).run(Level(time_stop=5))
    assert sum(order.role == "entry" for order in run.orders) == 2
    assert list(run.skipped.values()).count("the level signalled before") == 1


# -- imbalance retest -----------------------------------------------------------------------------


class Zones(ImbalanceRetest):
    def detectors(self):
        return [ImbalanceZones(self.bars, source="cells", ratio=10.0, ticks_per_row=10)]


ZONE = "B 105.0 1 | S 104.5 60 | S 103.5 60 | B 102.5 1"  # sells at 103 and 104, nothing against
FALL = ["S 101 1 | S 99 1", "S 96.0 1", "B 100 1", "B 102 1"]


def retest_tape(minute, *later):
    return bars(ZONE, *FALL, "B 102.0 1", minute, *later)


def test_imbalance_retest_sells_the_minute_that_leaves_the_zone_again():
    tape = retest_tape("B 103.2 13 | S 103.1 27 | S 102.6 1", "S 102.6 300")
    run = tape.run(Zones(bars="1m"))
    assert plan(run) == (-1, "market", None, *D("105.5", "96.0"))
    assert run.fills[0].price == tape.price("102.6")


def test_imbalance_retest_waits_for_our_side_to_lead():
    weak = "B 103.2 20 | S 103.1 20 | S 102.6 1"
    run = retest_tape(weak, "S 102.6 1", "S 102.6 1", "S 102.6 1").run(Zones(bars="1m"))
    assert not run.orders
    assert list(run.skipped.values()) == ["not confirmed in time"]


def test_the_retest_of_another_zone_does_not_take_the_place_of_the_first():
    class Rows(ImbalanceRetest):
        def detectors(self):
            return [ImbalanceZones(self.bars, source="cells", ratio=10.0)]

    sells, buys = "B 103.0 1 | S 101.0 60 | S 100.9 1", "S 90.0 1 | B 100.0 60 | B 100.4 1"
    into_both = "B 101.0 1 | S 101.0 90 | S 100.0 1"
    run = bars(sells, buys, into_both, "S 100.0 9").run(Rows(bars="1m"))
    assert plan(run) == (-1, "market", None, *D("101.3", "90.0"))


def test_imbalance_retest_without_confirmation_waits_at_the_edge():
    run = retest_tape("B 103.2 13 | B 103.2 999", "S 102.6 1").run(Zones(bars="1m", confirm="none"))
    side, kind, entry, stop, _ = plan(run)
    assert (side, kind, entry, stop) == (-1, "limit", *D("103.0", "105.5"))
    assert run.fills[0].liquidity == "maker"


def test_a_zone_that_gives_way_takes_its_order_along():
    tape = bars(ZONE, *FALL[:2], "S 96 1", "B 110 1", "B 110 1")  # straight through it
    run = tape.run(Zones(bars="1m", confirm="none"), fills="queue")
    assert (run.orders[0].filled_qty, run.orders[0].status) == (1, "cancelled")


# -- retest of a point of control -----------------------------------------------------------------


class Retests(PocRetestTrend):
    def detectors(self):
        return [PocRetest(self.trigger, touch=self.touch, away=30)]


FALLING = [f"S {130 - k}.0 1 | S {128 - k}.0 1" for k in range(28)]
AROUND_100 = ["B 98.0 5 | S 99.0 9 | B 100.0 90 | S 101.0 9 | S 102.0 5"] * 14
LEG = ["S 98.0 1 | S 96.0 1", "S 97.0 1 | S 95.0 1", "B 96.0 1 | B 97.0 1", "B 98.0 1"]


def poc_tape(*minutes, leg=LEG):
    """A day that falls to a profile around 100; on the next, a leg to 95 and ``minutes``."""
    day = bars(*FALLING, *AROUND_100)
    silence = 24 * 3600 * SECOND - int(day.trades.time[-1] - day.trades.time[0])
    return bars(
        *FALLING, *AROUND_100, *leg, *minutes, pauses={len(FALLING) + len(AROUND_100): silence}
    )


TREND = {"trend": "1m", "bars": "1m", "trigger": "1m", "average": 20}


def test_poc_retest_sells_the_minute_that_falls_back_under_the_level():
    tape = poc_tape("B 99.8 2 | S 99.6 120", "S 99.6 900")
    run = tape.run(Retests(**TREND))
    side, kind, _, stop, target = plan(run)
    assert (side, kind, target) == (-1, "market", Decimal("95.0"))
    assert stop > Decimal("100.0")


class Falling(Retests):
    def slope(self, price):
        return -1


# Minutes down to 95 and up again, each of a true range of 2, as the one that turns.
EVEN_LEG = ["S 98.0 1 | S 96.0 1", "B 97.0 1 | S 95.0 1"]
EVEN_LEG += ["B 95.0 1 | B 97.0 1", "S 97.0 1 | S 95.0 1"] * 6 + ["B 95.8 1 | B 97.8 1"]


def test_poc_retest_of_the_worked_example():
    tape = poc_tape("S 97.8 1 | B 99.8 2 | S 99.6 120", "S 99.6 900", leg=EVEN_LEG)
    run = tape.run(Falling(**TREND))
    assert plan(run) == (-1, "market", None, *D("100.5", "95.0"))
    assert run.fills[0].price == tape.price("99.6")


@pytest.mark.parametrize(("day", "closes"), [(1, True), (2, False)])
def test_poc_retest_leaves_when_its_own_level_is_accepted(day, closes):
    strategy, did = PocRetestTrend(), []
    strategy.held = 1
    event = SimpleNamespace(detector="poc_retest", state="accepted", details={"day": day})
    market = SimpleNamespace(position=SimpleNamespace(is_flat=False))
    broker = SimpleNamespace(
        cancel_all=lambda: did.append("cancel"), close=lambda reason: did.append("close")
    )
    strategy.on_event(event, market, broker)
    assert did == (["cancel", "close"] if closes else [])


def test_poc_retest_keeps_to_the_trend():
    class Rising(Retests):
        def slope(self, price):
            return +1

    run = poc_tape("B 99.8 2 | S 99.6 120", "S 99.6 900").run(Rising(**TREND))
    assert not run.orders
    assert "against the trend" in run.skipped.values()


def test_poc_retest_gives_up_without_a_turn():
    late = ["B 99.9 2"] * 17
    run = poc_tape("B 99.8 2", *late).run(Retests(**TREND))
    assert not run.orders
    assert "not confirmed in time" in run.skipped.values()


# -- confluence -----------------------------------------------------------------------------------


class Told(Detector):
    """Says bearish or bullish at the close of one bar, as it is told."""

    name: ClassVar[str] = "told"
    lookback: ClassVar[int] = 0
    bars: BarSpec = param(time_bars("1m"), help="bars to count")
    number: int = param(0, help="the bar at whose close it speaks")
    direction: int = param(0, help="what it says, 0 to keep silent")

    def on_bar(self, bar):
        if self.direction and bar.open_time - MIDNIGHT_2024 == self.number * 60 * SECOND:
            yield Event(bar.close_time, "told", "plain", self.direction, "confirmed", 0, 0, 0, 1.0)


def confluence(said, layers="both"):
    """The strategy with volume spikes, and one word of flow at the close of minute 17."""

    class Small(Confluence):
        def detectors(self):
            return [VolumeSpike(self.bars, window=10), Told(number=17, direction=said)]

    return Small(layers=layers)


QUIET = [f"B 99.5 {5 + n % 2} | S 100.5 5 | B 100.0 1" for n in range(20)]  # ranges of 1
SPIKE = "B 100.0 100 | B 101.0 45 | S 99.9 55 | B 100.1 1"  # much buying, little progress


@pytest.mark.parametrize(
    ("said", "layers", "trades"),
    [(-1, "both", True), (+1, "both", False), (0, "both", False), (0, "first", True)],
)
def test_confluence_sells_an_absorbed_minute_that_flow_confirms(said, layers, trades):
    run = bars(*QUIET, SPIKE, "S 100.0 1").run(confluence(said, layers))
    if not trades:
        assert not run.orders
        return
    assert plan(run) == (-1, "stop", *D("99.8", "101.2", "97.0"))


def test_flow_may_come_after_the_minute_but_not_too_late():
    for calm, trades in ((4, True), (9, False)):
        tape = bars(*QUIET[:16], SPIKE, *QUIET[:calm], *QUIET[:4])
        strategy = confluence(-1)
        strategy.detectors = lambda calm=calm: [
            VolumeSpike(time_bars("1m"), window=10), Told(number=16 + calm, direction=-1)
        ]  # fmt: skip
        run = tape.run(strategy)
        assert bool(run.orders) is trades


def test_flow_alone_trades_the_minute_it_came_in():
    run = bars(*QUIET, "S 100.0 1").run(confluence(-1, "second"))
    assert plan(run)[:4] == (-1, "stop", *D("99.4", "100.7"))


def test_confluence_buys_half_way_back_into_an_aggressing_minute():
    push = "B 100.0 100 | B 101.0 100 | B 102.0 100"
    run = bars(*QUIET, push, "S 102.0 1").run(confluence(0, "first"))
    assert plan(run) == (+1, "limit", *D("101.0", "99.8", "103.4"))


@pytest.mark.parametrize(("side", "trades"), [("sell", True), ("", True), ("buy", False)])
def test_confluence_reads_the_minute_of_somebody_elses_alert(side, trades, tmp_path):
    file = tmp_path / "alerts.csv"
    second = MIDNIGHT_2024 // SECOND + 20 * 60  # of the minute that SPIKE fills
    file.write_text(f"ts,symbol,kind,side\n{second},tape,whale,{side}\n{second},other,whale,\n")

    class Small(Confluence):
        def detectors(self):
            alerts, *_ = super().detectors()
            return [alerts, Told(number=17, direction=-1)]

    strategy = Small(alerts=str(file), alert_delay=0.0, alert_symbol="TAPE")
    run = bars(*QUIET, SPIKE, "S 100.0 1").run(strategy)
    assert bool(run.orders) is trades
    if trades:
        assert plan(run) == (-1, "stop", *D("99.8", "101.2", "97.0"))
        assert run.events[run.orders[0].event_id].detector == "alerts"
    else:
        assert list(run.skipped.values()) == ["the alert says the other side"]


def test_a_minute_of_both_sides_or_of_some_progress_is_no_alert():
    both = "B 100.0 100 | S 101.0 100 | B 102.0 1"
    some = "B 100.0 100 | B 100.3 100 | B 100.3 1"
    for minute, why in ((both, "delta of both sides"), (some, "fading")):
        run = bars(*QUIET, minute, "S 100.0 1").run(confluence(0, "first"))
        assert list(run.skipped.values()) == [why]
