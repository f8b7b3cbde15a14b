"""Rows read by words against rows read by bytes: the same numbers, errors and places of errors."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from orderflow_bt.kernels.parse import (
    COLUMNS,
    DONE,
    FIRST_ID,
    FULL,
    ID,
    LAST_ID,
    MAX_DECIMALS,
    PRICE,
    QTY,
    SIDE,
    SKIP,
    TIME,
    parse_rows,
)
from orderflow_bt.kernels.plain_rows import plain_rows, read_rows

AGGREGATES = (ID, PRICE, QTY, FIRST_ID, LAST_ID, TIME, SIDE)
LAYOUTS = {
    "aggregates": AGGREGATES,
    "aggregates, best match": (*AGGREGATES, SKIP),
    "trades": (ID, PRICE, QTY, SKIP, TIME, SIDE),
    "trades, best match": (ID, PRICE, QTY, SKIP, TIME, SIDE, SKIP),
    "time first": (TIME, ID, PRICE, QTY, SIDE),
    "two more": (*AGGREGATES, SKIP, SKIP),
}


def digits(least, most):
    return st.integers(least, most).flatmap(
        lambda width: st.text("0123456789", min_size=width, max_size=width)
    )


whole = st.one_of(digits(1, 16), digits(8, 10), digits(13, 20))
number = st.one_of(
    digits(1, 10),
    st.builds("{}.{}".format, digits(1, 9), digits(1, 9)),
    st.builds("{}.{}".format, digits(3, 5), st.sampled_from(["0", "5", "10", "00", "125"])),
)
FIELDS = {
    ID: whole,
    PRICE: number,
    QTY: number,
    FIRST_ID: st.one_of(whole, st.just("-1")),
    LAST_ID: st.one_of(whole, st.just("-1")),
    TIME: st.one_of(digits(13, 13), whole),
    SIDE: st.sampled_from(["true", "false", "True", "FALSE", "fALSE"]),
    SKIP: st.one_of(number, st.sampled_from(["True", "", "x" * 300])),
}


@st.composite
def tapes(draw):
    """A layout and text in it, most rows like the row before."""
    roles = LAYOUTS[draw(st.sampled_from(list(LAYOUTS)))]
    row = [draw(FIELDS[role]) for role in roles]
    lines = []
    for _ in range(draw(st.integers(1, 12))):
        for field in draw(st.lists(st.integers(0, len(roles) - 1), max_size=2)):
            row[field] = draw(FIELDS[roles[field]])
        lines.append(",".join(row))
    ending = draw(st.sampled_from(["\n", "\n", "\r\n", "\n\n", "\r\n\n"]))
    return roles, "".join(line + ending for line in lines)


def outcome(kernel, text, roles, decimals, capacity):
    """Everything that a kernel gives for some text and 300 bytes behind it."""
    raw = np.frombuffer(text.encode("latin-1") + b"1" * 300, np.uint8)
    out = np.zeros((COLUMNS, capacity), np.int64)
    scales = np.zeros(COLUMNS, np.int64)
    scales[[PRICE, QTY]] = decimals
    counts = np.zeros(MAX_DECIMALS + 1, np.int64)
    limit = (capacity,) if kernel is parse_rows else ()
    end = kernel(raw, 0, len(text), np.array(roles), out, 0, *limit, scales, counts)
    return end, out[:, : end[2]].tolist(), counts.tolist()


room = st.tuples(st.integers(0, 9), st.integers(0, 9))


@settings(max_examples=400, deadline=None)
@given(tapes(), room, st.integers(1, 15))
def test_words_read_as_bytes_do(tape, decimals, capacity):
    roles, text = tape
    arguments = text, roles, decimals, capacity
    assert outcome(read_rows, *arguments) == outcome(parse_rows, *arguments)


@settings(max_examples=400, deadline=None)
@given(tapes(), room, st.data())
def test_damage_is_found_at_the_same_place(tape, decimals, data):
    roles, text = tape
    for _ in range(data.draw(st.integers(1, 3))):
        at = data.draw(st.integers(0, len(text) - 1))
        damage = data.draw(st.sampled_from("0/:9.,- \n\r+eT\x00\x7f\xff;"))
        text = text[:at] + damage + text[at + data.draw(st.integers(0, 1)) :]
    arguments = text + "\n", roles, decimals, 40
    assert outcome(read_rows, *arguments) == outcome(parse_rows, *arguments)


@settings(max_examples=100, deadline=None)
@given(st.lists(st.integers(0, 10**16 - 1), min_size=2, max_size=8), st.data())
def test_every_byte_that_is_no_digit_stops_a_number(numbers, data):
    text = "".join(f"{n},1.5,2,{n},{n},1704067200000,true\n" for n in numbers)
    at = data.draw(st.integers(0, len(text) - 1))
    text = text[:at] + chr(data.draw(st.integers(1, 255))) + text[at + 1 :]
    arguments = text + "\n", AGGREGATES, (1, 0), 20
    assert outcome(read_rows, *arguments) == outcome(parse_rows, *arguments)


@pytest.mark.parametrize("name", ["aggregates", "trades, best match"])
def test_usual_rows_are_read_by_words(name):
    example = {ID: "123456789012", PRICE: "42283.58000000", QTY: "0.12500000", SKIP: "True"}
    example |= {FIRST_ID: "7", LAST_ID: "12345678", TIME: "1704067200000000", SIDE: "False"}
    text = "".join(",".join(example[role] for role in LAYOUTS[name]) + "\n" for _ in range(9))
    raw = np.frombuffer(text.encode("latin-1") + b"1" * 300, np.uint8)
    roles, out = np.array(LAYOUTS[name]), np.zeros((COLUMNS, 9), np.int64)
    decimals, counts = np.array([0, 2, 3, 0, 0, 0, 0]), np.zeros(MAX_DECIMALS + 1, np.int64)
    first = text.index("\n") + 1
    at, row = plain_rows(raw, first, len(text), roles, out, 0, decimals, counts)
    assert (at, row) == (len(text), 8)
    assert out[[ID, PRICE, QTY, TIME, SIDE], 7].tolist() == [
        123456789012, 4228358, 125, 1704067200000000, 1
    ]  # fmt: skip
    assert counts[2] == 8


def test_codes_are_those_of_the_bytes():
    text = "1,1.5,2,3,3,1704067200000,true\n" * 20
    assert outcome(read_rows, text, AGGREGATES, (1, 0), 20)[0][0] == DONE
    assert outcome(read_rows, text, AGGREGATES, (1, 0), 19)[0] == (FULL, 19 * 31, 19, 0)
