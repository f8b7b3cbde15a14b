"""The divergence detector against its twin, on bars of every shape."""

from __future__ import annotations

import random

import naive_divergence as naive
from hypothesis import given, settings
from hypothesis import strategies as st

from orderflow_bt.detectors import DeltaDivergence
from orderflow_bt.types import Bar, BarStatus

FIVE = 300_000_000
NO_BAR = Bar(*[0] * len(Bar._fields))


@st.composite
def bars(draw, most=70):
    """Closed bars: small ranges, so that extremes are equal, exceeded and confirmed often."""
    made, low = [], 100
    for n in range(draw(st.integers(0, most))):
        low += draw(st.integers(-4, 4))
        buys, sells = draw(st.integers(0, 9)), draw(st.integers(0, 9))
        made.append(
            NO_BAR._replace(
                open_time=n * FIVE, close_time=(n + 1) * FIVE, open=low, close=low, low=low,
                high=low + draw(st.integers(0, 4)), volume=buys + sells, buy_volume=buys,
                delta_at_high=draw(st.integers(-9, 9)), delta_at_low=draw(st.integers(-9, 9)),
                status=draw(st.sampled_from([BarStatus.OK] * 9 + [BarStatus.GAP])),
            )
        )  # fmt: skip
    return made


asked = st.fixed_dictionaries(
    {
        "left": st.integers(1, 3),
        "right": st.integers(1, 3),
        "min_ticks": st.integers(1, 3),
        "margin": st.sampled_from([0.0, 0.25, 0.1, 1.0]),
        "min_bars": st.integers(1, 5),
        "max_bars": st.sampled_from([1, 4, 12, 60]),
        "cvd_at": st.sampled_from(["extreme", "close"]),
        "variant": st.sampled_from(["regular", "hidden", "both"]),
    }
)


def wandering(luck, count):
    """Bars of a random walk, whose flow sometimes goes with it and sometimes not."""
    made, close = [], 1000
    for n in range(count):
        step = luck.choice([-3, -1, -1, 0, 1, 1, 3])
        low, high = min(close, close + step), max(close, close + step)
        low, high = low - luck.randint(0, 2), high + luck.randint(0, 2)
        close += step
        buys, sells = luck.randint(0, 9), luck.randint(0, 9)
        made.append(
            NO_BAR._replace(
                open_time=n * FIVE, close_time=(n + 1) * FIVE, open=low, close=close, low=low,
                high=high, volume=buys + sells, buy_volume=buys,
                delta_at_high=luck.randint(-9, 9), delta_at_low=luck.randint(-9, 9),
            )
        )  # fmt: skip
    return made


@settings(max_examples=200)
@given(bars(), asked, st.sampled_from([1, 2]))
def test_equals_the_twin(tape, parameters, tick):
    compare(tape, parameters, tick)


def test_equals_the_twin_on_long_walks_with_many_of_either_kind():
    kinds = {"regular": 0, "hidden": 0}
    for seed in range(40):
        luck = random.Random(seed)
        parameters = {
            "left": luck.randint(1, 3), "right": luck.randint(1, 3), "min_ticks": 1,
            "margin": luck.choice([0.0, 0.25, 1.0]), "min_bars": luck.randint(1, 5),
            "max_bars": luck.choice([10, 60]), "cvd_at": luck.choice(["extreme", "close"]),
            "variant": "both",
        }  # fmt: skip
        for event in compare(wandering(luck, 160), parameters, 1):
            kinds[event.kind] += 1
    assert min(kinds.values()) > 50


def compare(tape, parameters, tick):
    """The detector's events, which are checked to be the twin's."""
    detector = DeltaDivergence(**parameters)
    detector.begin(tick)
    found = [(n, event) for n, bar in enumerate(tape) for event in detector.on_bar(bar)]
    wanted = naive.divergences(tape, parameters, tick)
    assert len(found) == len(wanted)
    for (n, event), twin in zip(found, wanted, strict=True):
        known, outward, kind, first, second, cvd1, cvd2, shortfall, needed = twin
        one, two = tape[first], tape[second]
        prices = [bar.high if outward > 0 else bar.low for bar in (one, two)]
        between = tape[first + 1 : second]
        swing = min if outward > 0 else max
        assert (n, event.known_at) == (known, tape[known].close_time)
        assert (event.kind, event.direction, event.price) == (kind, -outward, prices[1])
        assert (event.price_low, event.price_high) == (min(prices), max(prices))
        assert event.strength == float(shortfall / needed if needed else shortfall)
        assert event.spans_gap == any(bar.is_gap for bar in tape[first : known + 1])
        assert dict(event.details) == {
            "pivot1_time": one.open_time,
            "pivot2_time": two.open_time,
            "pivot1_price": prices[0],
            "pivot2_price": prices[1],
            "cvd1": cvd1,
            "cvd2": cvd2,
            "swing": swing(bar.low if outward > 0 else bar.high for bar in between),
            "bars_apart": second - first,
        }
    return [event for _, event in found]


@settings(max_examples=150)
@given(bars(), st.integers(1, 12))
def test_the_bar_variant_equals_the_twin(tape, count):
    detector = DeltaDivergence(variant="bar", high_bars=count)
    found = [(n, event) for n, bar in enumerate(tape) for event in detector.on_bar(bar)]
    wanted = naive.bar_divergences(tape, count)
    assert [(n, -event.direction) for n, event in found] == wanted
    for n, event in found:
        mean = naive.mean_delta(tape, n)
        assert event.strength == float(abs(tape[n].delta) / mean)
        assert dict(event.details) == {"delta": tape[n].delta, "volume": tape[n].volume}
        assert event.spans_gap == any(bar.is_gap for bar in tape[n - count : n + 1])
