"""The byte parser against its twin, on good text, damaged text, and text cut anywhere."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from naive_csv import UnreadableError, decimals_of, naive_csv

from orderflow_bt.archive.binance import field_roles
from orderflow_bt.archive.rows import parse_csv
from orderflow_bt.errors import MalformedError
from orderflow_bt.kernels.parse import FIRST_ID, ID, LAST_ID, PRICE, QTY, SIDE, TIME
from orderflow_bt.types import Kind


def layout(header, fields):
    return field_roles(Kind.AGG_TRADES, header, fields)


def parse(text, block=None):
    raw = text.encode()
    size = block or max(1, len(raw))
    blocks = [raw[start : start + size] for start in range(0, len(raw), size)]
    return parse_csv(blocks, layout, "test.zip", len(raw))


numbers = st.one_of(
    st.integers(0, 10**12).map(str),
    st.builds("{}.{}".format, st.integers(0, 10**6), st.from_regex(r"[0-9]{1,8}", fullmatch=True)),
    st.builds("{}.{}".format, st.integers(0, 99), st.from_regex(r"[0-9]{1,20}", fullmatch=True)),
    st.integers(0, 10**20).map(str),
)
rows = st.builds(
    "{},{},{},{},{},{},{}".format,
    st.integers(0, 10**18),
    numbers,
    numbers,
    st.integers(-1, 10**18),
    st.integers(-1, 10**18),
    st.integers(10**11, 10**14 - 1),
    st.sampled_from(["true", "false", "True", "False", "TRUE", "fALSE"]),
)
texts = st.builds(
    lambda lines, best, ending, last: (
        ending.join(line + (",True" if best else "") for line in lines) + (ending if last else "")
    ),
    st.lists(rows, min_size=1, max_size=12),
    st.booleans(),
    st.sampled_from(["\n", "\r\n", "\n\n"]),
    st.booleans(),
)


def check(text, block):
    try:
        columns, price_decimals, qty_decimals, unit = naive_csv(text)
    except UnreadableError:
        with pytest.raises(MalformedError):
            parse(text, block)
        return
    parsed = parse(text, block)
    assert (parsed.price_decimals, parsed.qty_decimals, parsed.time_unit) == (
        price_decimals,
        qty_decimals,
        unit,
    )
    for role, name, scale in (
        (ID, "id", 0),
        (PRICE, "price", price_decimals),
        (QTY, "qty", qty_decimals),
        (FIRST_ID, "first", 0),
        (LAST_ID, "last", 0),
        (TIME, "time", 0),
    ):
        want = [int(value * 10**scale) for value in columns[name]]
        assert parsed.columns[role].tolist() == want, name
    assert parsed.columns[SIDE].tolist() == [-1 if maker else 1 for maker in columns["maker"]]
    within = sorted(map(decimals_of, columns["price"]))
    assert parsed.tick_decimals == within[-(-len(within) * 999 // 1000) - 1]


@settings(max_examples=300, deadline=None)
@given(texts, st.integers(1, 200) | st.just(10_000))
def test_any_text_cut_anywhere(text, block):
    check(text, block)


@settings(max_examples=300, deadline=None)
@given(texts, st.data())
def test_damaged_text(text, data):
    at = data.draw(st.integers(0, len(text) - 1))
    damage = data.draw(st.text('0123456789.,-+eE Ttrue\n"x', max_size=3))
    width = data.draw(st.integers(0, 3))
    text = text[:at] + damage + text[at + width :]
    if text.lstrip("\n")[:1].isdigit():  # otherwise it would be read as a header
        check(text, data.draw(st.integers(1, 100) | st.just(10_000)))


TEXT = "1,100.10,0.5,1,2,1704067200000,true\r\n2,100.125,3,3,3,1704067200001,False\n3,99,1e,4"
WHOLE = TEXT[: TEXT.rindex("\n")]


@pytest.mark.parametrize("block", range(1, len(WHOLE) + 1))
def test_every_block_length(block):
    parsed = parse(WHOLE, block)
    assert parsed.columns.tolist() == [
        [1, 2],
        [100100, 100125],
        [5, 30],
        [1, 3],
        [2, 3],
        [1704067200000, 1704067200001],
        [-1, 1],
    ]


@pytest.mark.parametrize("block", [1, 7, 1000])
def test_an_error_names_the_row_wherever_the_text_is_cut(block):
    with pytest.raises(MalformedError, match=r"'1e'.*row 3"):
        parse(TEXT + ",4,1704067200002,true\n", block)
