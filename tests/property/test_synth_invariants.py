"""What holds for any simulated market."""

import datetime as dt
from decimal import Decimal

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from orderflow_bt.kernels import synth as kernels
from orderflow_bt.synth import SimulatedMarket
from orderflow_bt.types import DAY_US, MarketType

markets = st.builds(
    SimulatedMarket,
    seed=st.integers(0, 2**32),
    market=st.sampled_from(list(MarketType)),
    start=st.dates(dt.date(2019, 1, 1), dt.date(2030, 1, 1)),
    days=st.just(2),
    trades_per_day=st.integers(1_000, 8_000),
    price=st.sampled_from([Decimal(100), Decimal(600), Decimal(60_000)]),
    daily_volatility=st.floats(0.001, 0.2),
    placebo=st.booleans(),
    hit_rate=st.floats(0, 1),
)


@given(market=markets)
@settings(max_examples=25, deadline=None)
def test_days_join_and_rows_are_sound(market):
    next_id = next_fill = None
    epoch = dt.date(1970, 1, 1)
    for day in market:
        trades = day.trades
        midnight = (day.date - epoch).days * DAY_US
        assert trades.rows > 0
        assert midnight <= trades.time[0]
        assert trades.time[-1] < midnight + DAY_US
        assert (np.diff(trades.time) >= 0).all()
        assert (trades.time % market.time_unit_us(day.date) == 0).all()
        assert (np.diff(trades.id) == 1).all()
        assert next_id in {None, trades.id[0]}
        assert next_fill in {None, day.first_id[0]}
        assert np.array_equal(day.first_id[1:], day.last_id[:-1] + 1)
        assert np.array_equal(day.last_id - day.first_id + 1, trades.fills)
        assert trades.price.min() > 0
        assert (trades.qty >= trades.fills).all()
        beyond = np.where(trades.side > 0, trades.price - day.bid - 1, day.bid - trades.price)
        assert beyond.min() >= 0
        next_id, next_fill = trades.id[-1] + 1, day.last_id[-1] + 1

        raw = day.raw_trades()
        owner = np.repeat(np.arange(trades.rows), trades.fills)
        assert (raw.qty > 0).all()
        assert np.array_equal(np.bincount(owner, weights=raw.qty).astype(np.int64), trades.qty)
        assert np.array_equal(raw.price, trades.price[owner])
        assert np.array_equal(raw.id, np.arange(day.first_id[0], day.last_id[-1] + 1))


def naive_text(value, form, decimals):
    if form == kernels.TITLE_BOOL:
        return str(bool(value))
    if form == kernels.LOWER_BOOL:
        return str(bool(value)).lower()
    number = Decimal(value).scaleb(-decimals)
    text = f"{number:.{decimals}f}"
    if form == kernels.SHORTEST and "." in text:
        text = text.rstrip("0").rstrip(".")
    return text


@given(
    rows=st.lists(
        st.tuples(
            st.integers(0, 2**62), st.integers(0, 10**9), st.integers(0, 1), st.integers(0, 1)
        ),
        max_size=20,
    ),
    decimals=st.integers(0, 8),
    form=st.sampled_from([kernels.PADDED, kernels.SHORTEST]),
)
def test_text_is_that_of_exact_decimals(rows, decimals, form):
    forms = [kernels.WHOLE, form, kernels.TITLE_BOOL, kernels.LOWER_BOOL]
    places = [0, decimals, 0, 0]
    values = np.array(rows, dtype=np.int64).reshape(-1, 4).T.copy()
    out = np.empty(32 * max(1, values.size), dtype=np.uint8)
    words = np.frombuffer(b"TrueFalsetruefalse", dtype=np.uint8)
    length = kernels.write_rows(values, np.array(forms), np.array(places), words, out)
    expected = "".join(
        ",".join(naive_text(*cell) for cell in zip(row, forms, places, strict=True)) + "\n"
        for row in rows
    )
    assert out[:length].tobytes().decode() == expected
